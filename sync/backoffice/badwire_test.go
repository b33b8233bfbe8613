package backoffice_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/ledger/ledgertest"
	"baylight/sync/backoffice/ledger/pgledger/pgtest"
	"baylight/sync/link"
	"baylight/sync/wire"
)

// through is how far each store's board k1 is receipted.
type through struct {
	mu   sync.Mutex
	is   map[string]uint64
	news chan struct{} // capacity 1
}

func (h *through) heard(_ context.Context, m link.Message) {
	topic, err := wire.ParseTopic(m.Topic)
	r, bad := wire.DecodeReceipt(m.Payload)
	if e, ok := r.Find("e1"); err == nil && bad == nil && ok && len(e.Gaps) == 0 {
		h.mu.Lock()
		h.is[topic.Store] = e.Through
		h.mu.Unlock()
		select {
		case h.news <- struct{}{}:
		default:
		}
	}
}

func (h *through) await(t *testing.T, store string, want uint64) {
	t.Helper()
	late := time.After(time.Minute)
	for {
		h.mu.Lock()
		is := h.is[store]
		h.mu.Unlock()
		if is == want {
			return
		}
		select {
		case <-h.news:
		case <-late:
			t.Fatalf("%s is receipted through %d, want %d", store, is, want)
		}
	}
}

// TestBadInputThroughABroker sends what reality sends over MQTT to a real office, a
// store for each case: corrections before what they correct, everything twice, and
// among it what is of stores that nobody knows. Both ledgers make of it what the
// table says.
func TestBadInputThroughABroker(t *testing.T) {
	server := pgtest.Start(t)
	for name, wrap := range map[string]func(backoffice.Ledger) backoffice.Ledger{
		"SQLite": func(l backoffice.Ledger) backoffice.Ledger { return l }, "PostgreSQL": inPostgres(t, server, 0),
	} {
		t.Run(name, func(t *testing.T) {
			hub := startBroker(t)
			var stores []backoffice.Store
			for i := range badInput {
				stores = append(stores, backoffice.Store{Name: fmt.Sprintf("sh-%02d", i), Calendar: kiosk.ShanghaiWeek(zone)})
			}
			o, err := backoffice.New(backoffice.Config{Ledger: wrap(openLedger(t)), Stores: stores, ReceiptEvery: time.Millisecond,
				Now: func() time.Time { return time.Date(2026, 11, 3, 12, 0, 0, 0, zone) }})
			if err != nil {
				t.Fatal(err)
			}
			heard := &through{is: map[string]uint64{}, news: make(chan struct{}, 1)}
			boards, err := link.New(link.Config{Broker: hub.URL(), ClientID: "boards", Min: time.Millisecond}, nil)
			if err != nil {
				t.Fatal(err)
			}
			boards.Handle(wire.Prefix+"+/k1/receipt", wire.QoS, heard.heard)
			var desks []*link.Link
			for _, s := range stores {
				desk, err := o.Connect(s.Name, link.Config{Broker: hub.URL(), ClientID: "office-" + s.Name, Min: time.Millisecond}, nil)
				if err != nil {
					t.Fatal(err)
				}
				desks = append(desks, desk)
			}
			run(t, boards, o)
			for _, desk := range desks {
				run(t, desk)
				if _, err := desk.Next(t.Context(), 0); err != nil {
					t.Fatal(err)
				}
			}
			session, err := boards.Next(t.Context(), 0)
			if err != nil {
				t.Fatal(err)
			}
			var sent []*link.Token
			say := func(store string, e backoffice.Entry) {
				sent = append(sent, session.Publish(wire.Prefix+store+"/k1/event/"+string(e.Event.Type()), wire.QoS, false, e.Bytes))
			}
			counts := make([]int, len(stores))
			total := 0
			for i, c := range badInput {
				name := stores[i].Name
				b := &tape{Board: ledgertest.NewBoard(t, name, "k1", "e1"), day: time.Date(2026, 11, 3, 0, 0, 0, 0, zone)}
				c.record(b)
				counts[i], total = len(b.entries), total+len(b.entries)
				es := slices.Clone(b.entries)
				slices.SortStableFunc(es, func(a, b backoffice.Entry) int { return cmp.Compare(rank(a), rank(b)) })
				for range 2 {
					for _, e := range es {
						say(name, e)
						say("elsewhere", e) // on the topic of a store that is nobody's
					}
				}
				say(stores[(i+1)%len(stores)].Name, es[0]) // and of another one than its own
			}
			for _, token := range sent {
				if err := token.Wait(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			for i, s := range stores {
				heard.await(t, s.Name, uint64(counts[i]))
				makes(t, o, s.Name, badInput[i].want)
			}
			if n := o.Counts(); n.Events != uint64(total) || n.Rejected != uint64(len(stores)) || n.Conflicts != 0 {
				t.Errorf("of %d events counted %+v", total, n)
			}
		})
	}
}
