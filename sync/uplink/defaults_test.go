package uplink

import (
	"testing"
	"time"

	"baylight/sync/broker/brokertest"
)

// rests waits until the uplink, which knows of head events, may send nothing more
// for the reason given, and gives how many it has sent. It asks on Run's own
// goroutine: what is seen there is not changing.
func (b *board) rests(t *testing.T, head uint64, reason func() bool) (sent uint64) {
	t.Helper()
	until(t, "the uplink rests", tick(t), func() (rests bool) {
		asked := make(chan struct{})
		b.post(t.Context(), func(time.Time) {
			defer close(asked)
			rests = b.core.head == head && b.flight != nil && reason()
			sent = b.sent
		})
		<-asked
		return rests
	})
	return sent
}

// What a store gets that configures nothing: no more than 1,000 messages wait for a
// broker's acknowledgement, be it that none ever comes.
func TestWindowByDefault(t *testing.T) {
	br, err := brokertest.Start(brokertest.Faults{NeverAck: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(br.Close)
	j := newJournal()
	j.add(3000) // of three events one has a person part: 4,000 messages
	b := startBoard(t, br.URL(), j, func(c *Config) { c.Progress = time.Hour })
	full := func() bool { return b.flight.free() < 2 } // an event and its person part
	sent := b.rests(t, 3000, full)
	unacked := b.Status().Unacked
	if unacked != 1000 || sent != 750 {
		t.Errorf("%d messages of %d events wait for the broker, want 1000 of 750", unacked, sent)
	}
	for n := range unacked {
		if p := <-br.Seen(); p.Conn != 1 {
			t.Fatalf("message %d came on connection %d", n+1, p.Conn)
		}
	}
	b.rests(t, 3000, full)
	select {
	case p := <-br.Seen():
		t.Errorf("one more message than were on their way came: %s", p.Payload)
	default:
	}
}

// While the office is ready and gives no receipt, 8,192 events go to it and no
// more, in the uplink and in the machine that the simulation drives.
func TestUnreceiptedByDefault(t *testing.T) {
	const most, all = 8192, 9000
	br := startBroker(t, "")
	j := newJournal()
	got := make(map[uint64]int)
	o := startOffice(t, br.URL(), readyOffice(), func(o *office) {
		o.refuse = func(seq uint64) bool { got[seq]++; return true } // under its lock
	})
	b := startBoard(t, br.URL(), j, func(c *Config) { c.Progress = time.Hour })
	until(t, "office is known", tick(t), func() bool { return b.Status().Office })
	j.add(all)
	done := func() bool { return b.core.next > 1 && b.core.ask().N == 0 }
	if sent := b.rests(t, all, done); sent != most {
		t.Errorf("%d events were sent without a receipt, want %d", sent, most)
	}
	came := func() int {
		o.mu.Lock()
		defer o.mu.Unlock()
		return len(got)
	}
	until(t, "the office got them", tick(t), func() bool { return came() >= most })
	b.rests(t, all, done)
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(got) != most || got[1] != 1 || got[most] != 1 {
		t.Errorf("the office got %d events, the first %d times and number %d %d times", len(got), got[1], most, got[most])
	}

	m, err := NewMachine(Config{Progress: time.Hour}, j)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1, 0)
	m.Connected(1, now)
	m.Office(readyOffice(), 1, true, now)
	sent := uint64(0)
	for a := m.Ask(); a.N > 0 && sent < all; a = m.Ask() {
		sent = a.After + 1
		m.Sent(a, sent)
	}
	if sent != most {
		t.Errorf("the machine sent %d events without a receipt, want %d", sent, most)
	}
}
