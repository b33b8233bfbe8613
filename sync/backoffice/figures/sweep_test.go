package figures_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/ledger"
	"baylight/sync/backoffice/ledger/ledgertest"
)

// busy is a ledger that is committed to before its store is swept another time.
type busy struct {
	*ledger.Ledger
	swept  []uint64 // what each sweep told
	before func(times int)
}

func (b *busy) Sweep(ctx context.Context, store string, after, through uint64, f func(string, backoffice.Swept)) (uint64, error) {
	if b.before != nil {
		b.before(len(b.swept))
	}
	at, err := b.Ledger.Sweep(ctx, store, after, through, f)
	b.swept = append(b.swept, at)
	return at, err
}

func busyShop(t *testing.T) (*busy, *shop) {
	t.Helper()
	l, err := ledger.Open(filepath.Join(t.TempDir(), "l.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	b := &busy{Ledger: l}
	s := open(t, b)
	s.now = ledgertest.Fill(t, l, store, 2*ledgertest.FillVisits*ledgertest.FillEvents).Add(time.Hour)
	s.SetChunk(100)
	return b, s
}

func (s *shop) rebuild(t *testing.T) {
	t.Helper()
	if err := s.Rebuild(t.Context(), store); err != nil {
		t.Fatal(err)
	}
	s.whole(t)
}

// TestSweep: a rebuild sweeps a store that is alone in its ledger to the end.
func TestSweep(t *testing.T) {
	b, s := busyShop(t)
	s.rebuild(t)
	if n, at := len(b.swept), b.swept[0]; n != 5 || at != s.position(t) {
		t.Errorf("%d visits in steps of 100 were swept %d times, first at %d", 2*ledgertest.FillVisits, n, at)
	}
}

// TestSweepEnds: what is committed while a store is swept ends the sweep, and is
// in what was rebuilt. So does a second store.
func TestSweepEnds(t *testing.T) {
	for name, where := range map[string]string{"the same store": store, "another store": "sh-hongqiao"} {
		t.Run(name, func(t *testing.T) {
			b, s := busyShop(t)
			board := ledgertest.NewBoard(t, where, "k9", "e9")
			b.before = func(times int) {
				if times == 2 {
					s.commit(t, board.Event(&kiosk.Finished{Job: kiosk.Job{Visit: "000000000001", Bay: "b1", Technician: "t1", Item: 1}}))
				}
			}
			s.rebuild(t)
			if n := len(b.swept); n != 3 {
				t.Errorf("the store was swept %d times: %v", n, b.swept)
			}
		})
	}
}
