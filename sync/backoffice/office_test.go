package backoffice_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/ledger/ledgertest"
	"baylight/sync/wire"
)

func TestReceiptAfterCommit(t *testing.T) {
	s := newShop(t, nil)
	b := ledgertest.NewBoard(t, store, "k1", "e1")
	e1, p1 := b.WithPerson("V1")
	e2 := b.CheckIn("V2")
	s.person(e1.Event.ID(), p1.Bytes) // before its event
	s.event(e2)
	s.event(e1)
	r := s.receipt("e1", "2 []")
	e, _ := r.Find("e1")
	if r.Ledger != s.ledger.ID() || r.Term != 1 || e.Hash != kiosk.HashOf(e2.Bytes) {
		t.Errorf("the receipt is %+v", r)
	}
	if got := s.visits(); !slices.Equal(got, []string{"V1", "V2"}) {
		t.Errorf("visits %q", got)
	}
	s.event(e1)
	s.person(e1.Event.ID(), p1.Bytes)
	if c := s.Counts(); c.Events != 2 || c.Duplicates != 1 || c.Rejected != 0 {
		t.Errorf("counts after a repetition: %+v", c)
	}
}

func TestAGapIsAskedFor(t *testing.T) {
	s := newShop(t, nil)
	b := ledgertest.NewBoard(t, store, "k1", "e1")
	es := []backoffice.Entry{b.CheckIn("V1"), b.CheckIn("V2"), b.CheckIn("V3")}
	s.event(es[0])
	s.event(es[2])
	s.receipt("e1", "1 [{2 2}]")
	s.event(es[1])
	s.receipt("e1", "3 []")
}

func TestStrangeMessages(t *testing.T) {
	s := newShop(t, nil)
	b := ledgertest.NewBoard(t, store, "k1", "e1")
	good := b.CheckIn("V1")
	broken := b.CheckIn("V2")
	broken.Bytes = bytes.Replace(broken.Bytes, []byte(`"clock":"synced"`), []byte(`"clock":"right!"`), 1)
	b.Skip(1)
	unknown := backoffice.Entry{Event: good.Event}
	unknown.Bytes = bytes.Replace(b.CheckIn("V4").Bytes, []byte("baylight.visit.checked_in.v1"), []byte("baylight.visit.checked_in.v2"), 1)
	other := ledgertest.NewBoard(t, store, "k2", "e2").CheckIn("V9")
	s.event(good)
	s.event(broken)
	s.event(other) // k1's topic, k2's source
	s.send(wire.Prefix+store+"/k1/event/job.started", []byte("{not json"))
	s.send(wire.Prefix+store+"/k1/event/job.started", nil)
	s.send(wire.Prefix+store+"/k1/person", []byte(`{"id":"x","person":{}}`))
	s.send(wire.Prefix+store+"/k1/conn", []byte(`{"state":"dancing"}`))
	s.send(wire.Prefix+"elsewhere/k1/conn", []byte(`{}`))
	s.send("#/nonsense", []byte(`{}`))
	s.send(wire.Prefix+store+"/backoffice/event/visit.checked_in", good.Bytes)
	s.event(unknown) // sequence 4: 3 was never sent
	s.receipt("e1", "2 [{3 3}]")
	if got := s.visits(); !slices.Equal(got, []string{"V1"}) {
		t.Errorf("visits %q, want V1 alone", got)
	}
	reasons := strings.Join(s.rejected(), "\n")
	for _, want := range []string{`clock "right!"`, `source "/stores/sh-pudong/kiosks/k2" is not "/stores/sh-pudong/kiosks/k1"`, "invalid character", "unexpected end", `read event id: "x"`, `"dancing"`} {
		if !strings.Contains(reasons, want) {
			t.Errorf("no rejected message says %q:\n%s", want, reasons)
		}
	}
	if n := len(s.rejected()); n != 6 {
		t.Errorf("%d messages are kept aside, want 6:\n%s", n, reasons)
	}
	rows, err := s.ledger.Events(t.Context(), store, 0, 10)
	if err != nil || len(rows) != 2 || !bytes.Equal(rows[1].Bytes, unknown.Bytes) {
		t.Errorf("the event of an unknown type is not stored as it came: %d rows (%v)", len(rows), err)
	}
	if len(s.Alarms()) < 8 {
		t.Errorf("%d alarms", len(s.Alarms()))
	}
}

// faulty is a ledger whose commits fail, some before and some after they happened.
type faulty struct {
	backoffice.Ledger
	mu    sync.Mutex
	plan  []bool // true: it happens all the same
	tries int
}

func (f *faulty) Commit(ctx context.Context, b backoffice.Batch) (backoffice.Outcome, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tries++
	if len(f.plan) == 0 {
		return f.Ledger.Commit(ctx, b)
	}
	happens := f.plan[0]
	f.plan = f.plan[1:]
	if happens {
		if _, err := f.Ledger.Commit(ctx, b); err != nil {
			return backoffice.Outcome{}, err
		}
	}
	return backoffice.Outcome{}, errors.New("disk I/O error")
}

func TestCommitFaults(t *testing.T) {
	for name, happens := range map[string]bool{"and did not happen": false, "but did happen": true} {
		t.Run(name, func(t *testing.T) {
			f := &faulty{plan: []bool{happens, happens}}
			s := newShop(t, func(l backoffice.Ledger) backoffice.Ledger { f.Ledger = l; return f })
			b := ledgertest.NewBoard(t, store, "k1", "e1")
			s.event(b.CheckIn("V1"))
			s.receipt("e1", "1 []")
			if n, err := s.ledger.Position(t.Context()); n != 1 || err != nil {
				t.Errorf("%d events are there (%v), want 1", n, err)
			}
			if c := s.Counts(); c.Retries != 2 || f.tries != 3 {
				t.Errorf("%d retries, %d commits, want 2 and 3", c.Retries, f.tries)
			}
		})
	}
}

func TestRecordFaults(t *testing.T) {
	for name, happens := range map[string]bool{"and did not happen": false, "but did happen": true} {
		t.Run(name, func(t *testing.T) {
			f := &faulty{plan: []bool{happens}}
			s := newShop(t, func(l backoffice.Ledger) backoffice.Ledger { f.Ledger = l; return f })
			confirm := &kiosk.ReworkConfirmed{Visit: "V1", Earlier: "V0", Meta: kiosk.Meta{By: "m1"}}
			first, err := s.Record(t.Context(), store, confirm)
			if (err == nil) != happens {
				t.Fatalf("Record says %v although it happened: %v", err, happens)
			}
			second, err := s.Record(t.Context(), store, confirm)
			if err != nil {
				t.Fatal(err)
			}
			want := uint64(1)
			if happens {
				want = 2
				b, _ := kiosk.Encode(first)
				if second.Prev != kiosk.HashOf(b) {
					t.Error("the chain is broken")
				}
			}
			if second.Seq != want {
				t.Errorf("the next event has sequence %d, want %d", second.Seq, want)
			}
		})
	}
}

func TestReceiptFaults(t *testing.T) {
	for name, arrives := range map[string]bool{"and did not arrive": false, "but did arrive": true} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t, nil)
			s.line.mu.Lock()
			s.line.failWith = func(n int, _ string) (error, bool) {
				if n <= 3 {
					return errors.New("connection ended"), arrives
				}
				return nil, false
			}
			s.line.mu.Unlock()
			b := ledgertest.NewBoard(t, store, "k1", "e1")
			s.event(b.CheckIn("V1"))
			s.receipt("e1", "1 []")
			s.event(b.CheckIn("V2"))
			s.receipt("e1", "2 []")
		})
	}
}

func TestReceiptsAreSaidAgainOnReconnect(t *testing.T) {
	s := newShop(t, nil)
	b := ledgertest.NewBoard(t, store, "k1", "e1")
	s.event(b.CheckIn("V1"))
	s.receipt("e1", "1 []")
	s.line.mu.Lock()
	s.line.sent = nil // the broker forgets
	s.line.renew()
	s.line.mu.Unlock()
	s.receipt("e1", "1 []")
}

func (l *line) failOnce() {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := l.n + 1
	l.failWith = func(n int, _ string) (error, bool) {
		if n == at {
			return errors.New("connection ended"), false
		}
		return nil, false
	}
}

func TestRecordIsPublishedAndFolded(t *testing.T) {
	s := newShop(t, nil)
	b := ledgertest.NewBoard(t, store, "k1", "e1")
	s.event(b.CheckIn("V1"))
	s.event(b.Event(&kiosk.Signed{Visit: "V1", Order: "o1", Adviser: "a1"}))
	at, err := s.ledger.Position(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	before := recompute(t, s.ledger)
	s.line.failOnce()
	e, err := s.Record(t.Context(), store, &kiosk.OrderCancelled{Visit: "V1", Meta: kiosk.Meta{By: "m1", Reason: "customer changed mind"}})
	if err != nil {
		t.Fatal(err)
	}
	after := recompute(t, s.ledger)
	if !before[0].Order.InForce() || after[0].Order.InForce() {
		t.Error("the cancellation does not show, or shows in what was read before it")
	}
	old, err := backoffice.Recompute(t.Context(), s.ledger, store, at, kiosk.ShanghaiWeek(zone))
	if err != nil || !old[0].Order.InForce() {
		t.Errorf("as it stood at %d the order is not in force (%v)", at, err)
	}
	topic := wire.Prefix + store + "/backoffice/event/order.cancelled"
	for s.line.last(topic) == nil {
		<-s.line.news
	}
	got, err := kiosk.Decode(s.line.last(topic))
	if err != nil || got.ID() != e.ID() || got.Source != kiosk.OfficeSource(store) || got.Epoch != s.ledger.ID() {
		t.Errorf("published %+v (%v)", got, err)
	}
	if _, err := s.Record(t.Context(), "nowhere", &kiosk.OrderCancelled{}); !errors.Is(err, backoffice.ErrNoStore) {
		t.Errorf("recording for another store: %v", err)
	}
}

func TestCorrectionsFollowARecording(t *testing.T) {
	old, fresh := ledgertest.NewBoard(t, store, "k1", "e1"), ledgertest.NewBoard(t, store, "k1", "e2")
	in := old.CheckIn("V1")
	void := old.Event(&kiosk.Voided{Event: in.Event.ID()})
	again := fresh.Envelope(kiosk.Event{Data: in.Event.Data, Was: in.Event.ID(), WasHash: kiosk.HashOf(in.Bytes).String()})
	for name, events := range map[string][]kiosk.Event{
		"the copy alone":      {again.Event},
		"the copy and a void": {again.Event, void.Event},
	} {
		v := backoffice.Fold(slices.Clone(events), kiosk.ShanghaiWeek(zone))
		if v.Known() != (len(events) == 1) {
			t.Errorf("%s: known %v", name, v.Known())
		}
	}
}

// TestCorrectionsAreOfOneEvent: where two events of a visit had one id, the hash in
// a correction says which is meant; what the office records carries it.
func TestCorrectionsAreOfOneEvent(t *testing.T) {
	old, rolled, fresh := ledgertest.NewBoard(t, store, "k1", "e1"), ledgertest.NewBoard(t, store, "k1", "e1"), ledgertest.NewBoard(t, store, "k1", "e2")
	in, other := old.CheckIn("V1"), rolled.Event(&kiosk.Accepted{Visit: "V1", Adviser: "a1"})
	copied := fresh.Envelope(kiosk.Event{Data: other.Event.Data, Was: other.Event.ID(), WasHash: kiosk.HashOf(other.Bytes).String()})
	for _, c := range []struct {
		means           backoffice.Entry
		known, accepted bool
	}{{in, false, true}, {other, true, false}, {copied, true, false}} {
		v := &kiosk.Voided{Event: c.means.Event.ID()}
		kiosk.Pin(v, kiosk.HashOf(c.means.Bytes))
		got := backoffice.Fold([]kiosk.Event{in.Event, copied.Event, fresh.Event(v).Event}, kiosk.ShanghaiWeek(zone))
		if got.Known() != c.known || (got.Adviser != "") != c.accepted {
			t.Errorf("void of %s %s: known %v, adviser %q", c.means.Event.ID(), c.means.Event.Type(), got.Known(), got.Adviser)
		}
	}
	s := newShop(t, nil)
	s.event(in)
	e, err := s.Record(t.Context(), store, &kiosk.Voided{Event: in.Event.ID(), Meta: kiosk.Meta{By: "m1", Reason: "duplicate"}})
	if err != nil || kiosk.Pinned(e.Data) != kiosk.HashOf(in.Bytes).String() {
		t.Errorf("recorded %+v (%v), want the hash of what it voids", e.Data, err)
	}
	if e, err := s.Record(t.Context(), store, &kiosk.Voided{Event: "e1-99"}); err != nil || kiosk.Pinned(e.Data) != "" {
		t.Errorf("a void of nothing: %+v (%v)", e.Data, err)
	}
}

func TestKiosksAreHeard(t *testing.T) {
	s := newShop(t, nil)
	conn := func(state wire.State, session uint64) []byte {
		b, err := wire.Conn{State: state, Session: session, Epoch: "e1", Version: "1"}.Encode()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	s.send(wire.Prefix+store+"/k1/conn", conn(wire.Ready, 5))
	s.receipt("e1", "0 []")                                  // a board is told that nothing of it is here
	s.send(wire.Prefix+store+"/k1/conn", conn(wire.Lost, 4)) // a will that comes late
	health, err := wire.Health{At: "2026-11-03T12:00:00Z", Clock: kiosk.Synced, Outbox: wire.Outbox{Depth: 3}}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	s.send(wire.Prefix+store+"/k1/health", health)
	ks, err := s.Kiosks(store)
	if err != nil || len(ks) != 1 || ks[0].Conn.State != wire.Ready || ks[0].Health.Outbox.Depth != 3 || ks[0].Heard.IsZero() {
		t.Errorf("kiosks %+v (%v)", ks, err)
	}
}

func TestConfig(t *testing.T) {
	l := openLedger(t)
	good := backoffice.Store{Name: store, Calendar: kiosk.ShanghaiWeek(zone)}
	for name, c := range map[string]backoffice.Config{
		"at least one store": {Ledger: l},
		"a ledger":           {Stores: []backoffice.Store{good}},
		`"Bad Name"`:         {Ledger: l, Stores: []backoffice.Store{{Name: "Bad Name", Calendar: good.Calendar}}},
		"no time zone":       {Ledger: l, Stores: []backoffice.Store{{Name: store}}},
		"stands twice":       {Ledger: l, Stores: []backoffice.Store{good, good}},
		"at most 200ms":      {Ledger: l, Stores: []backoffice.Store{good}, ReceiptEvery: time.Second},
	} {
		if _, err := backoffice.New(c); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("New says %v, want %q", err, name)
		}
	}
}

// TestQueueIsBounded fills the queue of an office that does not run.
func TestQueueIsBounded(t *testing.T) {
	o, err := backoffice.New(backoffice.Config{Ledger: openLedger(t), Stores: []backoffice.Store{{Name: store, Calendar: kiosk.ShanghaiWeek(zone)}}})
	if err != nil {
		t.Fatal(err)
	}
	big := backoffice.Message{Topic: "x", Payload: make([]byte, 1<<20)}
	for range 7 {
		if err := o.Take(t.Context(), big); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := o.Take(ctx, big); !errors.Is(err, context.Canceled) {
		t.Errorf("the eighth mebibyte is taken: %v", err)
	}
	if o.Queued() != 7 {
		t.Errorf("%d queued", o.Queued())
	}
}
