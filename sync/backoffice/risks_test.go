package backoffice_test

import (
	"sync/atomic"
	"testing"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/ledger/ledgertest"
	"baylight/sync/wire"
)

// TestRisksAreTold: a visit is shown with its risk; a new one is told without an
// event, a slightly different one is not, and it goes when nobody estimates it.
func TestRisksAreTold(t *testing.T) {
	b, l := startBroker(t), openLedger(t)
	var p atomic.Int64 // per cent; negative: no estimate
	p.Store(30)
	asked := make(chan int64)
	began := time.Now()
	risks := func(name string, open []*kiosk.Visit, _ time.Time) map[string]wire.Risk {
		now := p.Load()
		select {
		case asked <- now:
		default:
		}
		out := map[string]wire.Risk{}
		for _, v := range open {
			if name == store && v.ID == one && now >= 0 {
				out[v.ID] = wire.Risk{P: wire.Probability(float64(now) / 100), Reason: "parts", At: began}
			}
		}
		return out
	}
	w, _ := wireUp(t, b, l, func(c *backoffice.Config) { c.Risks, c.RisksEvery = risks, time.Millisecond })
	w.listens()
	s := watchVisits(t, b, "screen")
	k1 := ledgertest.NewBoard(t, store, "k1", "e1")
	w.publish(t, "k1", k1.CheckIn(one))
	w.publish(t, "k1", k1.CheckIn(two))
	s.until(func() bool { return s.visits[one].Risk != nil && s.visits[two].Ticket != "" })
	if r := s.visits[one].Risk; r.P != 0.3 || r.Reason != "parts" || !r.At.Equal(began) || s.visits[two].Risk != nil {
		t.Errorf("the risk is %+v, of the other visit %+v", r, s.visits[two].Risk)
	}
	p.Store(32)
	for range 3 { // asked twice at least since, and told nothing
		for <-asked != 32 {
		}
	}
	p.Store(70)
	s.until(func() bool {
		if r := s.visits[one].Risk; r.P == 0.32 {
			t.Error("a risk that hardly moved was told")
		}
		return s.visits[one].Risk.P == 0.7
	})
	p.Store(-1)
	s.until(func() bool { return s.visits[one].Risk == nil })
}
