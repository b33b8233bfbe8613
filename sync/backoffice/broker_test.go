package backoffice_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/ledger/ledgertest"
	"baylight/sync/broker"
	"baylight/sync/link"
	"baylight/sync/wire"
)

// wired is an office and a board's link on a real broker.
type wired struct {
	*backoffice.Office
	board    *link.Session
	receipts chan wire.Receipt
	offices  chan wire.Office
}

func startBroker(t *testing.T) *broker.Broker {
	t.Helper()
	b, err := broker.Start(broker.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// run runs tasks until stop is called, or the test ends.
func run(t *testing.T, tasks ...interface{ Run(context.Context) error }) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	for _, task := range tasks {
		work.Go(func() {
			if err := task.Run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	stop = sync.OnceFunc(func() { cancel(); work.Wait() })
	t.Cleanup(stop)
	return stop
}

// give hands v over unless the link ends first: a test reads what it asks about.
func give[T any](ctx context.Context, c chan<- T, v T) {
	select {
	case c <- v:
	case <-ctx.Done():
	}
}

func wireUp(t *testing.T, b *broker.Broker, l backoffice.Ledger, change ...func(*backoffice.Config)) (*wired, func()) {
	t.Helper()
	cfg := backoffice.Config{Ledger: l, Stores: []backoffice.Store{{Name: store, Calendar: kiosk.ShanghaiWeek(zone)}}}
	for _, f := range change {
		f(&cfg)
	}
	o, err := backoffice.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	up, err := o.Connect(store, link.Config{Broker: b.URL(), ClientID: "office", Min: time.Millisecond}, nil)
	if err != nil {
		t.Fatal(err)
	}
	w := &wired{Office: o, receipts: make(chan wire.Receipt, 1000), offices: make(chan wire.Office, 10)}
	board, err := link.New(link.Config{Broker: b.URL(), ClientID: "k1", Min: time.Millisecond}, nil)
	if err != nil {
		t.Fatal(err)
	}
	board.Handle(wire.Prefix+store+"/k1/receipt", wire.QoS, func(ctx context.Context, m link.Message) {
		r, err := wire.DecodeReceipt(m.Payload)
		if err != nil {
			t.Error(err)
			return
		}
		give(ctx, w.receipts, r)
	})
	board.Handle(wire.Prefix+store+"/office", wire.QoS, func(ctx context.Context, m link.Message) {
		s, err := wire.DecodeOffice(m.Payload)
		if err != nil {
			t.Error(err)
			return
		}
		give(ctx, w.offices, s)
	})
	run(t, board)
	stop := run(t, up, o)
	if w.board, err = board.Next(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	return w, stop
}

func (w *wired) wait(t *testing.T, epoch string, through uint64) {
	t.Helper()
	for r := range w.receipts {
		if e, ok := r.Find(epoch); ok && e.Through == through {
			return
		}
	}
}

func TestThroughARealBroker(t *testing.T) {
	b, l := startBroker(t), openLedger(t)
	w, stop := wireUp(t, b, l)
	said := <-w.offices
	if said.State != wire.Ready || said.Ledger != l.ID() || said.Session < 1<<20 {
		t.Errorf("the office's birth says %+v", said)
	}
	board := ledgertest.NewBoard(t, store, "k1", "e1")
	const n = 500
	var tokens []*link.Token
	for i := range n {
		e, p := board.WithPerson(fmt.Sprintf("V%d", i))
		part, err := wire.PersonPart{ID: e.Event.ID(), Person: p.Bytes}.Encode()
		if err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, w.board.Publish(wire.Prefix+store+"/k1/event/visit.checked_in", wire.QoS, false, e.Bytes),
			w.board.Publish(wire.Prefix+store+"/k1/person", wire.QoS, false, part))
	}
	for _, token := range tokens {
		if err := token.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	w.wait(t, "e1", n)
	late := said
	late.State, late.Session = wire.Lost, said.Session-1
	will, err := late.Encode()
	if err != nil {
		t.Fatal(err)
	}
	// The broker comes with the will of an earlier connection: who looks later must
	// find that the office is there.
	w.board.Publish(wire.Prefix+store+"/office", wire.QoS, true, will)
	if first, then := <-w.offices, <-w.offices; first != late || then != said {
		t.Errorf("after a late will the office's topic says %+v, then %+v", first, then)
	}
	vs := recompute(t, w.Ledger())
	at, err := w.Ledger().Position(t.Context())
	if err != nil || len(vs) != n || at != n {
		t.Errorf("%d visits at %d (%v), want %d", len(vs), at, err, n)
	}
	stop()
	if s := <-w.offices; s.State != wire.Lost {
		t.Errorf("leaving, the office says %+v", s)
	}
}
