package uplink

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"baylight/kiosk"
	"baylight/sync/broker"
	"baylight/sync/link"
	"baylight/sync/wire"
)

// historian hears the events of any epoch and says what it is told to.
type historian struct {
	link *link.Link
	got  chan string // ids
}

func startHistorian(t *testing.T, url string) *historian {
	t.Helper()
	h := &historian{link: linkTo(t, url, "historian"), got: make(chan string, 1<<12)}
	h.link.Handle(testKiosk().Store().AllEvents(), 1, func(_ context.Context, m link.Message) {
		id, _, _ := strings.Cut(strings.TrimPrefix(string(m.Payload), `{"id":"`), `"`)
		h.got <- id
	})
	h.link.Handle(testKiosk().Conn(), 1, func(context.Context, link.Message) { h.got <- "conn" })
	task(t, h.link.Run)
	if _, err := h.link.Next(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *historian) say(t *testing.T, r wire.Receipt) {
	t.Helper()
	b, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if err := h.link.Publish(testKiosk().Receipt(), 1, true, b).Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// until takes ids until one comes.
func (h *historian) until(t *testing.T, id string) {
	t.Helper()
	for {
		select {
		case got := <-h.got:
			if got == id {
				return
			}
		case <-time.After(30 * time.Second):
			t.Fatalf("%s did not come within 30 s", id)
		}
	}
}

func (j *journal) rift(t *testing.T, n int) Rift {
	t.Helper()
	until(t, fmt.Sprintf("rift %d", n), tick(t), func() bool { defer j.lock()(); return len(j.rifts) >= n })
	defer j.lock()()
	return j.rifts[n-1]
}

func TestRolledBackBoardBeginsAnotherEpoch(t *testing.T) {
	for _, c := range []struct {
		name    string
		receipt func(j *journal) wire.Receipt
		kind    Kind
		after   uint64
	}{
		{"through above the head", func(j *journal) wire.Receipt {
			return wire.Receipt{Ledger: ledgerA, Term: 1, Epochs: []wire.Epoch{{Epoch: epoch, Through: 99, Hash: kiosk.HashOf([]byte("x"))}}}
		}, Ahead, 4},
		{"another event under the number", func(j *journal) wire.Receipt {
			return wire.Receipt{Ledger: ledgerA, Term: 1, Epochs: []wire.Epoch{{Epoch: epoch, Through: 9, Hash: kiosk.HashOf([]byte("x"))}}}
		}, Foreign, 4},
		{"by a ledger not yet heard of: nothing is certain", func(j *journal) wire.Receipt {
			return wire.Receipt{Ledger: "ledger-b", Term: 1, Epochs: []wire.Epoch{{Epoch: epoch, Through: 99, Hash: kiosk.HashOf([]byte("x"))}}}
		}, Ahead, 0},
		{"an epoch that was never here", func(j *journal) wire.Receipt {
			r := j.receipt(ledgerA, 1, 6)
			r.Epochs = append(r.Epochs, wire.Epoch{Epoch: "another-card", Through: 3, Hash: kiosk.HashOf([]byte("x"))})
			return r
		}, Unknown, 6},
	} {
		t.Run(c.name, func(t *testing.T) {
			br := startBroker(t, "")
			j := newJournal()
			j.add(10)
			h := startHistorian(t, br.URL())
			b := startBoard(t, br.URL(), j, nil)
			h.until(t, kiosk.EventID(epoch, 10))
			h.say(t, j.receipt(ledgerA, 1, 4))
			until(t, "receipt", tick(t), func() bool { return j.marked().Through == 4 })
			h.say(t, c.receipt(j))
			if a := <-b.alarms; a.Kind != c.kind {
				t.Errorf("alarm %+v, want %s", a, c.kind)
			}
			r := j.rift(t, 1)
			if r.Kind != c.kind || r.After != c.after || r.Text == "" {
				t.Errorf("rift %+v, want %s after %d", r, c.kind, c.after)
			}
			// What follows the certain part comes again, in the new epoch, and what is appended afterwards too.
			j.add(1)
			h.until(t, kiosk.EventID(j.Epoch(), 1))
			h.until(t, kiosk.EventID(j.Epoch(), 11-c.after))
			// The old epoch is not tested again, and the new one is receipted as any other.
			was := c.receipt(j)
			fresh := wire.Epoch{Epoch: j.Epoch(), Through: 11 - c.after}
			fresh.Hash, _, _ = j.Hash(fresh.Through)
			was.Epochs = append(was.Epochs[:min(len(was.Epochs), 1)], fresh)
			h.say(t, was)
			until(t, "receipt of the new epoch", tick(t), func() bool { m := j.marked(); return m.Epoch == j.Epoch() && m.Through == fresh.Through })
			if s := b.Status(); s.Stopped || s.Depth != 0 {
				t.Errorf("status %+v", s)
			}
			if n := func() int { defer j.lock()(); return len(j.rifts) }(); n != 1 {
				t.Errorf("%d rifts were dealt with", n)
			}
		})
	}
}

func TestSupersedeIsTriedUntilItSucceeds(t *testing.T) {
	br := startBroker(t, "")
	j := newJournal()
	j.add(3)
	h := startHistorian(t, br.URL())
	b := startBoard(t, br.URL(), j, func(c *Config) { c.Progress = 300 * time.Millisecond })
	h.until(t, kiosk.EventID(epoch, 3))
	j.breaks(errors.New("disk is gone"))
	h.say(t, wire.Receipt{Ledger: ledgerA, Term: 1, Epochs: []wire.Epoch{{Epoch: epoch, Through: 7, Hash: kiosk.HashOf([]byte("x"))}}})
	for _, want := range []Kind{Ahead, Journal} {
		if a := <-b.alarms; a.Kind != want {
			t.Errorf("alarm %+v, want %s", a, want)
		}
	}
	j.breaks(nil)
	if r := j.rift(t, 1); r.Kind != Ahead {
		t.Errorf("rift %+v", r)
	}
	h.until(t, kiosk.EventID(j.Epoch(), 3))
}

// TestTwoLiveBoardsSettle holds that two boards with one name, each of which
// sees the epochs of the other, do not begin one epoch after another for ever.
func TestTwoLiveBoardsSettle(t *testing.T) {
	a, b := newJournal(), newJournal()
	a.add(3)
	b.add(3)
	b.add(2) // went on after the copy
	ca, cb := newCore(testLimits, a.Epoch(), a.Head(), Mark{}), newCore(testLimits, b.Epoch(), b.Head(), Mark{})
	office := map[string]wire.Epoch{}
	order := []string{}
	deliver := func(j *journal) {
		e := wire.Epoch{Epoch: j.Epoch(), Through: j.Head()}
		e.Hash, _, _ = j.Hash(e.Through)
		if had, ok := office[e.Epoch]; !ok {
			order = append(order, e.Epoch)
		} else if had.Through >= e.Through {
			return // the numbers are taken
		}
		office[e.Epoch] = e
	}
	step := func(c *core, j *journal) {
		r := wire.Receipt{Ledger: ledgerA, Term: 1}
		for _, e := range order {
			r.Epochs = append(r.Epochs, office[e])
		}
		c.receipt(r, j, start)
		if c.rift != nil {
			if err := j.Supersede(t.Context(), *c.rift); err != nil {
				t.Fatal(err)
			}
			c.rift = nil
		}
		if e := j.Epoch(); e != c.epoch {
			c.begin(e, j.Head(), c.mark)
		}
		deliver(j)
	}
	deliver(a)
	deliver(b)
	for range 20 {
		step(ca, a)
		step(cb, b)
	}
	if len(a.old) > 1 || len(b.old) > 1 {
		t.Errorf("board a had %d epochs, board b %d", len(a.old)+1, len(b.old)+1)
	}
	if a.Epoch() == b.Epoch() {
		t.Error("both append to one epoch")
	}
	for name, c := range map[string]*core{"a": ca, "b": cb} {
		if c.stopped || c.mark.Through != c.head {
			t.Errorf("board %s stands at %+v of %d", name, c.mark, c.head)
		}
	}
}

func TestTwoBoardsWithOneName(t *testing.T) {
	br := startBroker(t, "")
	conn := func(state wire.State, session uint64, epoch string) []byte {
		b, err := wire.Conn{State: state, Session: session, Epoch: epoch, Version: "test"}.Encode()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	h := startHistorian(t, br.URL())
	topic := testKiosk().Conn()
	say := func(retain bool, payload []byte) {
		t.Helper()
		if err := h.link.Publish(topic, 1, retain, payload).Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	// What stands there from an earlier run is no other board.
	say(true, conn(wire.Ready, 900, epoch))
	h.until(t, "conn") // a broker may acknowledge before it hands over
	j := newJournal()
	b := startBoard(t, br.URL(), j, nil)
	until(t, "connected", tick(t), func() bool { return b.Status().Connected })
	// Nor is this board itself, nor the will of its earlier run.
	say(false, conn(wire.Ready, 1, epoch))
	say(false, conn(wire.Lost, 0, epoch))
	say(false, conn(wire.Ready, 77, "other-epoch"))
	if a := <-b.alarms; a.Kind != Twin || !strings.Contains(a.Text, "other-epoch") {
		t.Errorf("alarm %+v", a)
	}
	// On a later connection a will of an epoch that was never here tells as much.
	say(true, conn(wire.Lost, 0, "third-epoch"))
	if a := <-b.alarms; a.Kind != Twin || !strings.Contains(a.Text, "third-epoch") {
		t.Errorf("alarm %+v", a)
	}
	say(false, []byte("{"))
	if a := <-b.alarms; a.Kind != Malformed {
		t.Errorf("alarm %+v", a)
	}
}

func TestLateWillIsContradicted(t *testing.T) {
	conn := func(state wire.State) func(uint64) []byte {
		return func(session uint64) []byte {
			b, err := wire.Conn{State: state, Session: session, Epoch: epoch, Version: "test"}.Encode()
			if err != nil {
				t.Error(err)
			}
			return b
		}
	}
	topic, said := testKiosk().Conn(), make(chan string, 16)
	br, err := broker.Start(broker.Config{Observe: func(_, to string, payload []byte) {
		if to == topic {
			said <- string(payload)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = br.Close() })
	l, err := link.New(link.Config{Broker: br.URL(), ClientID: "board", FirstSession: 40,
		Presence: &link.Presence{Topic: topic, Birth: conn(wire.Ready), Lost: conn(wire.Lost), Bye: conn(wire.Disconnected)}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	u, err := New(Config{Kiosk: testKiosk()}, newJournal(), l, nil)
	if err != nil {
		t.Fatal(err)
	}
	task(t, l.Run)
	task(t, u.Run)
	s, err := l.Next(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, late := range [][]byte{conn(wire.Lost)(41), conn(wire.Lost)(39)} { // only the second is of an earlier connection
		s.Publish(topic, 1, true, late)
	}
	for _, want := range [][]byte{conn(wire.Ready)(40), conn(wire.Lost)(41), conn(wire.Lost)(39), conn(wire.Ready)(40)} {
		if got := <-said; got != string(want) {
			t.Errorf("said %s, want %s", got, want)
		}
	}
}

func TestTheBrokersWordIsEnoughWhereTheStoreSaysSo(t *testing.T) {
	br, seen := observed(t, "")
	j := newJournal()
	j.add(2500)
	settle := func(c *Config) { c.Broker, c.Progress = true, 3*time.Second }
	b := startBoard(t, br.URL(), j, settle)
	until(t, "mark", tick(t), func() bool { m := j.marked(); return m.Through == 2500 && m.Ledger == "broker" })
	// No receipt moves it, and none is asked for.
	h := startHistorian(t, br.URL())
	h.say(t, wire.Receipt{Ledger: ledgerA, Term: 1, Epochs: []wire.Epoch{{Epoch: epoch, Through: 9000, Hash: kiosk.HashOf([]byte("x"))}}})
	if err := h.link.Publish(testKiosk().Receipt(), 1, true, nil).Wait(t.Context()); err != nil { // off the broker again
		t.Fatal(err)
	}
	j.add(1)
	until(t, "mark", tick(t), func() bool { return j.marked().Through == 2501 })
	b.stop()
	if m := j.marked(); m.Through != 2501 || m.Ledger != "broker" {
		t.Errorf("mark %+v", m)
	}
	// The next run begins behind it.
	for len(seen) > 0 {
		<-seen
	}
	j.add(1)
	b = startBoard(t, br.URL(), j, settle)
	expect(t, seen, 2502, 2502)
	nothing(t, seen)
	b.stop()
	// A store that turns to receipts sends what the office has not, as soon as
	// the office says that it has nothing.
	startOffice(t, br.URL(), readyOffice(), nil)
	h.say(t, wire.Receipt{Ledger: ledgerA, Term: 1})
	startBoard(t, br.URL(), j, nil)
	until(t, "office's mark", tick(t), func() bool { m := j.marked(); return m.Through == 2502 && m.Ledger == ledgerA })
}
