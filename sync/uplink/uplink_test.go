package uplink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"baylight/sync/broker"
	"baylight/sync/broker/brokertest"
	"baylight/sync/link"
	"baylight/sync/wire"
)

const ledgerA = "aaaaaaaa-0000-4000-8000-000000000001"

func readyOffice() wire.Office { return wire.Office{State: wire.Ready, Session: 100, Ledger: ledgerA} }

// arrived waits until the office has all events and the board knows it.
func arrived(t *testing.T, o *office, j *journal, n uint64) {
	t.Helper()
	until(t, fmt.Sprintf("office has %d", n), o.changed, func() bool { through, _ := o.got(); return through == n })
	until(t, fmt.Sprintf("cursor at %d", n), tick(t), func() bool { return j.marked().Through == n })
}

func TestEverythingArrivesThoughTheBrokerForgets(t *testing.T) {
	br, seen := observed(t, "")
	j := newJournal()
	o := startOffice(t, br.URL(), readyOffice(), nil)
	startBoard(t, br.URL(), j, nil)
	const each = 700
	published := uint64(0)
	ordered := func() {
		for len(seen) > 0 {
			if seq := <-seen; seq > published+1 {
				t.Errorf("%d was published after %d", seq, published)
			} else {
				published = max(published, seq)
			}
		}
	}
	for round := uint64(1); round <= 3; round++ {
		j.add(each)
		until(t, "some arrive", o.changed, func() bool { _, n := o.got(); return n > int(round-1)*each+50 })
		_ = br.Close()
		ordered()
		br, seen = observed(t, br.Addr())
	}
	j.add(1)
	arrived(t, o, j, 3*each+1)
	ordered()
	o.mu.Lock()
	defer o.mu.Unlock()
	for seq := uint64(1); seq <= 3*each+1; seq++ {
		want := j.rows[seq-1]
		if !bytes.Equal(o.has[seq], want.Bytes) || want.Person != nil && !bytes.Equal(o.person[seq], want.Person) {
			t.Fatalf("event %d arrived as %s, %s", seq, o.has[seq], o.person[seq])
		}
	}
	if got := j.marked(); got.Ledger != ledgerA || got.Term != 1 || got.Epoch != epoch {
		t.Errorf("mark %+v", got)
	}
}

// observed starts a broker that hands over the events published to it.
func observed(t *testing.T, addr string) (*broker.Broker, <-chan uint64) {
	t.Helper()
	seen := make(chan uint64, 1<<16)
	b, err := broker.Start(broker.Config{Addr: addr, Observe: func(_, topic string, payload []byte) {
		var seq uint64
		if _, err := fmt.Sscanf(string(payload), `{"id":"`+epoch+`-%d"`, &seq); err == nil && strings.Contains(topic, "/event/") {
			seen <- seq
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b, seen
}

func expect(t *testing.T, seen <-chan uint64, from, to uint64) {
	t.Helper()
	for want := from; want <= to; want++ {
		select {
		case got := <-seen:
			if got != want {
				t.Fatalf("event %d was published, expected %d", got, want)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("event %d was not published", want)
		}
	}
}

func nothing(t *testing.T, seen <-chan uint64) {
	t.Helper()
	select {
	case got := <-seen:
		t.Errorf("event %d was published", got)
	default:
	}
}

func TestReceiptsAloneMoveTheCursor(t *testing.T) {
	br, seen := observed(t, "")
	j := newJournal()
	j.add(300)
	b := startBoard(t, br.URL(), j, func(c *Config) { c.Unreceipted = 100 })
	// The office is away: the broker takes and acknowledges everything, unlimited by receipts.
	expect(t, seen, 1, 300)
	if m := j.marked(); m.Through != 0 {
		t.Errorf("the broker's acknowledgements moved the cursor: %+v", m)
	}
	o := startOffice(t, br.URL(), readyOffice(), nil)
	arrived(t, o, j, 300)
	expect(t, seen, 1, 300)
	b.stop()
	// Another run begins behind the receipt.
	j.add(2)
	startBoard(t, br.URL(), j, nil)
	arrived(t, o, j, 302)
	expect(t, seen, 301, 302)
	nothing(t, seen)
}

func TestNotMoreThanTheOfficeReceipts(t *testing.T) {
	br, seen := observed(t, "")
	j := newJournal()
	deaf := make(chan struct{})
	o := startOffice(t, br.URL(), readyOffice(), func(o *office) {
		o.refuse = func(uint64) bool {
			select {
			case <-deaf:
				return false
			default:
				return true
			}
		}
	})
	b := startBoard(t, br.URL(), j, func(c *Config) { c.Unreceipted, c.Progress = 20, 2*time.Second })
	until(t, "office is known", tick(t), func() bool { return b.Status().Office })
	j.add(1000)
	expect(t, seen, 1, 20)
	// Without progress the same 20 come again, and no others.
	expect(t, seen, 1, 20)
	if s := b.Status(); s.Depth != 1000 || s.Through != 0 || s.Oldest <= 0 {
		t.Errorf("status %+v", s)
	}
	close(deaf)
	arrived(t, o, j, 1000)
}

// tick signals often, for states that announce no change.
func tick(t *testing.T) <-chan struct{} {
	changed := make(chan struct{})
	go func() {
		poll := time.NewTicker(time.Millisecond)
		defer poll.Stop()
		for {
			select {
			case <-poll.C:
				select {
				case changed <- struct{}{}:
				case <-t.Context().Done():
					return
				}
			case <-t.Context().Done():
				return
			}
		}
	}()
	return changed
}

func TestBrokerThatNeverAcknowledges(t *testing.T) {
	br, err := brokertest.Start(brokertest.Faults{NeverAck: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(br.Close)
	j := newJournal()
	j.add(500)
	b := startBoard(t, br.URL(), j, func(c *Config) { c.Window, c.Progress = 40, time.Second })
	per := make(map[int]int)
	first := make(map[int]string)
	for p := range br.Seen() {
		if per[p.Conn]++; per[p.Conn] == 1 {
			first[p.Conn] = string(p.Payload)
		}
		if p.Conn == 3 && per[3] > 30 {
			break
		}
	}
	for c := 1; c <= 2; c++ {
		if per[c] < 39 || per[c] > 40 {
			t.Errorf("connection %d saw %d messages without acknowledgement, the window is 40", c, per[c])
		}
		if want := `{"id":"` + epoch + `-1"`; !strings.HasPrefix(first[c], want) {
			t.Errorf("connection %d began with %s", c, first[c])
		}
	}
	if s := b.Status(); s.Through != 0 || s.Depth != 500 {
		t.Errorf("status %+v", s)
	}
}

func TestBrokerThatDropsConnections(t *testing.T) {
	br, err := brokertest.Start(brokertest.Faults{DropAfter: 7})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(br.Close)
	j := newJournal()
	j.add(60)
	startBoard(t, br.URL(), j, nil)
	last := uint64(0)
	for p := range br.Seen() {
		var seq uint64
		if _, err := fmt.Sscanf(string(p.Payload), `{"id":"`+epoch+`-%d"`, &seq); err != nil {
			t.Fatalf("%s: %v", p.Payload, err)
		}
		if seq > last+1 {
			t.Fatalf("%d came after %d: what the broker did not acknowledge was left out", seq, last)
		}
		if last = max(last, seq); last == 60 {
			return
		}
	}
}

func TestGapsAreSentAgain(t *testing.T) {
	br := startBroker(t, "")
	j := newJournal()
	refused := map[uint64]bool{50: true, 51: true, 200: true}
	o := startOffice(t, br.URL(), readyOffice(), func(o *office) {
		o.refuse = func(seq uint64) bool {
			defer delete(refused, seq)
			return refused[seq]
		}
	})
	// Without the gaps in the receipts this would take a minute.
	b := startBoard(t, br.URL(), j, func(c *Config) { c.Progress = time.Minute / 8 })
	until(t, "office is known", tick(t), func() bool { return b.Status().Office })
	j.add(400)
	arrived(t, o, j, 400)
	if _, n := o.got(); n > 500 {
		t.Errorf("%d events were sent to fill three gaps in 400", n)
	}
}

func TestHostileReceipts(t *testing.T) {
	br := startBroker(t, "")
	j := newJournal()
	o := startOffice(t, br.URL(), readyOffice(), nil)
	b := startBoard(t, br.URL(), j, nil)
	j.add(10)
	arrived(t, o, j, 10)
	s, err := b.link.Next(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	say := func(topic string, payload []byte) {
		if err := s.Publish(topic, 1, false, payload).Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	k := testKiosk()
	for _, payload := range []string{"{", "null", "[[[[", strings.Repeat("[", 100_000), `{"ledger":"x","term":1,"epochs":[{"epoch":"` + epoch + `","through":-1}]}`} {
		say(k.Receipt(), []byte(payload))
		if a := <-b.alarms; a.Kind != Malformed {
			t.Errorf("%.40s: alarm %+v", payload, a)
		}
	}
	say(k.Receipt(), nil)
	say(k.Store().Office(), nil)
	say(k.Store().Office(), []byte(`{"state":"gone"}`))
	if a := <-b.alarms; a.Kind != Malformed || !strings.Contains(a.Text, "gone") {
		t.Errorf("alarm %+v", a)
	}
	j.add(10)
	arrived(t, o, j, 20)
}

func TestJournalThatFailsForAWhile(t *testing.T) {
	br := startBroker(t, "")
	j := newJournal()
	o := startOffice(t, br.URL(), readyOffice(), nil)
	b := startBoard(t, br.URL(), j, func(c *Config) { c.Progress = 300 * time.Millisecond })
	j.breaks(errors.New("disk is gone"))
	j.add(5)
	if a := <-b.alarms; a.Kind != Journal || !strings.Contains(a.Text, "disk is gone") {
		t.Errorf("alarm %+v", a)
	}
	j.breaks(nil)
	arrived(t, o, j, 5)
}

func TestOddRowsDoNotHoldUpTheRest(t *testing.T) {
	br := startBroker(t, "")
	j := newJournal()
	j.add(9)
	j.rows[1].Type = "Odd/#"
	j.rows[2].Person = []byte("no JSON")
	j.rows[5].Person = []byte{} // erased
	o := startOffice(t, br.URL(), readyOffice(), func(o *office) {
		o.person[3], o.person[6] = []byte("-"), []byte("-") // nothing more is needed of them
	})
	b := startBoard(t, br.URL(), j, nil)
	if a := <-b.alarms; a.Kind != BadRow || !strings.Contains(a.Text, "event 2") {
		t.Errorf("alarm %+v", a)
	}
	if a := <-b.alarms; a.Kind != BadRow || !strings.Contains(a.Text, "event 3") {
		t.Errorf("alarm %+v", a)
	}
	until(t, "all events, and null for two person parts", o.changed, func() bool {
		o.mu.Lock()
		defer o.mu.Unlock()
		return o.high == 9 && o.person[9] != nil && o.person[3] == nil && o.person[6] == nil
	})
}

func TestNewEpochStartsAtOne(t *testing.T) {
	br := startBroker(t, "")
	got := make(chan string, 64)
	w := linkTo(t, br.URL(), "watcher")
	w.Handle(testKiosk().Store().AllEvents(), 1, func(_ context.Context, m link.Message) {
		id, _, _ := strings.Cut(strings.TrimPrefix(string(m.Payload), `{"id":"`), `"`)
		got <- id
	})
	task(t, w.Run)
	if _, err := w.Next(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	j := newJournal()
	j.add(2)
	b := startBoard(t, br.URL(), j, nil)
	if a, b := <-got, <-got; a != epoch+"-1" || b != epoch+"-2" {
		t.Errorf("got %s, %s", a, b)
	}
	until(t, "acknowledged", tick(t), func() bool { return b.Status().Unacked == 0 })
	j.mu.Lock()
	j.old, j.epoch, j.rows = append(j.old, j.epoch), "new-epoch", nil
	j.mu.Unlock()
	j.add(1)
	if id := <-got; id != "new-epoch-1" {
		t.Errorf("got %s", id)
	}
}

func TestHealthAndResendByHand(t *testing.T) {
	br, seen := observed(t, "")
	j := newJournal()
	o := startOffice(t, br.URL(), readyOffice(), nil)
	health := make(chan string, 64)
	w := linkTo(t, br.URL(), "watcher")
	w.Handle(testKiosk().Health(), 1, func(_ context.Context, m link.Message) { health <- string(m.Payload) })
	task(t, w.Run)
	beat := 0
	b := startBoard(t, br.URL(), j, func(c *Config) {
		c.HealthEvery = 10 * time.Millisecond
		c.Health = func() []byte { beat++; return fmt.Appendf(nil, "%d", beat) }
	})
	until(t, "office is known", tick(t), func() bool { return b.Status().Office })
	for first := <-health; <-health == first; { // a broker may send it live and as retained
	}
	j.add(20)
	arrived(t, o, j, 20)
	expect(t, seen, 1, 20)
	if err := b.Resend(t.Context(), 5, 7); err != nil {
		t.Error(err)
	}
	expect(t, seen, 5, 7)
	if err := b.Resend(t.Context(), 18, 1000); err != nil {
		t.Error(err)
	}
	expect(t, seen, 18, 20)
	if err := b.Resend(t.Context(), 7, 5); err == nil {
		t.Error("a range that ends before it begins is accepted")
	}
	nothing(t, seen)
}

func TestConfigRefused(t *testing.T) {
	l := linkTo(t, "mqtt://localhost", "x")
	for _, cfg := range []Config{{}, {Kiosk: testKiosk(), Window: 1}, {Kiosk: testKiosk(), Unreceipted: -1}, {Kiosk: testKiosk(), Progress: -1}} {
		if _, err := New(cfg, newJournal(), l, nil); err == nil {
			t.Errorf("%+v is accepted", cfg)
		}
	}
}
