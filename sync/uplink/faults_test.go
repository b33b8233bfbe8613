package uplink

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"baylight/sync/broker/brokertest"
	"baylight/sync/link/linktest"
)

// whole holds what the office has against the journal.
func whole(t *testing.T, o *office, j *journal) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	defer j.lock()()
	for _, r := range j.rows {
		if !bytes.Equal(o.has[r.Seq], r.Bytes) || r.Person != nil && !bytes.Equal(o.person[r.Seq], r.Person) {
			t.Fatalf("event %d arrived as %s, %s", r.Seq, o.has[r.Seq], o.person[r.Seq])
		}
	}
}

func TestEverythingArrivesThoughTheBrokerMisbehaves(t *testing.T) {
	for name, f := range map[string]brokertest.Faults{
		"accepts and drops":        {LoseEach: 7},
		"delivers twice":           {Twice: true},
		"reorders":                 {Reorder: true},
		"reorders, twice":          {Reorder: true, Twice: true},
		"disconnects every second": {CutsEvery: time.Second},
		"disconnects often":        {DropAfter: 150},
		"drops and disconnects":    {LoseEach: 11, DropAfter: 150},
		"acknowledges twice":       {AckTwice: true},
		"acknowledges backwards":   {AckBackwards: 5, DropAfter: 150},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f.Deliver = true
			br, err := brokertest.Start(f)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(br.Close)
			j := newJournal()
			o := startOffice(t, br.URL(), readyOffice(), nil)
			b := startBoard(t, br.URL(), j, func(c *Config) { c.Progress = 3 * time.Second })
			j.add(200)
			arrived(t, o, j, 200)
			if f.CutsEvery > 0 {
				until(t, "three cuts", tick(t), func() bool { return br.Connections() >= 8 })
			}
			j.add(301)
			arrived(t, o, j, 501)
			whole(t, o, j)
			if s := b.Status(); s.Depth != 0 || s.Stopped {
				t.Errorf("status %+v", s)
			}
			for len(b.alarms) > 0 {
				t.Errorf("alarm %+v", <-b.alarms)
			}
		})
	}
}

// TestBrokerElsewhere: the configuration names another broker and the daemon is
// started again. What went to the first broker alone goes to the second too.
func TestBrokerElsewhere(t *testing.T) {
	first, second := startBroker(t, ""), startBroker(t, "")
	j := newJournal()
	j.add(300)
	o := startOffice(t, first.URL(), readyOffice(), nil)
	b := startBoard(t, first.URL(), j, nil)
	arrived(t, o, j, 300)
	o.stop()
	j.add(100)
	until(t, "the first broker has all", tick(t), func() bool { s := b.Status(); return s.Sent >= 400 && s.Unacked == 0 })
	b.stop()
	o = startOffice(t, second.URL(), readyOffice(), func(n *office) {
		n.has, n.person, n.hash, n.through, n.high = o.has, o.person, o.hash, o.through, o.high
		n.state.Session = 200
	})
	startBoard(t, second.URL(), j, nil)
	j.add(1)
	arrived(t, o, j, 401)
	whole(t, o, j)
}

// TestMosquittoIsKilled: a real broker without persistence ends by kill -9 in
// the middle of a backlog, more than once.
func TestMosquittoIsKilled(t *testing.T) {
	m := linktest.StartMosquitto(t, "")
	j := newJournal()
	o := startOffice(t, "mqtt://"+m.Addr, readyOffice(), nil)
	startBoard(t, "mqtt://"+m.Addr, j, nil)
	const each = 1500
	for round := 1; round <= 3; round++ {
		j.add(each)
		until(t, fmt.Sprintf("part of backlog %d", round), o.changed, func() bool { n, _ := o.got(); return n > uint64(round-1)*each+each/5 })
		m.Kill()
		m.Start()
	}
	arrived(t, o, j, 3*each)
	whole(t, o, j)
}
