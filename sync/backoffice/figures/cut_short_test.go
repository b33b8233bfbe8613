package figures_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"baylight/sync/backoffice"
	"baylight/sync/backoffice/ledger"
	"baylight/sync/backoffice/ledger/ledgertest"
)

// hindered is a ledger in which something happens before a step is kept.
type hindered struct {
	backoffice.Ledger
	tried  int
	before func(step int) error // counts from 1
}

func (h *hindered) Keep(ctx context.Context, store string, k backoffice.Kept) error {
	if h.tried++; h.before != nil {
		if err := h.before(h.tried); err != nil {
			return err
		}
	}
	return h.Ledger.Keep(ctx, store, k)
}

func hinderedShop(t *testing.T) (*hindered, *shop) {
	t.Helper()
	l, err := ledger.Open(filepath.Join(t.TempDir(), "l.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	h := &hindered{Ledger: l}
	s := open(t, h)
	s.now = ledgertest.Fill(t, l, store, ledgertest.FillVisits*ledgertest.FillEvents).Add(time.Hour)
	s.SetChunk(20) // 12 steps
	return h, s
}

var errNoSpace = errors.New("no space left on device")

// TestCutShort: a rebuild that cannot keep a step, or is called off, ends with its
// reason and has kept the steps before that one; the next fold goes on from there.
func TestCutShort(t *testing.T) {
	for _, at := range []int{1, 7, 12} {
		for name, called := range map[string]bool{"called off": true, "fails": false} {
			h, s := hinderedShop(t)
			ctx, cancel := context.WithCancel(t.Context())
			want := errNoSpace
			if called {
				want = context.Canceled
			}
			h.before = func(step int) error {
				switch {
				case step == at && called:
					cancel()
				case step == at:
					return errNoSpace
				}
				return nil
			}
			if err := s.Rebuild(ctx, store); !errors.Is(err, want) {
				t.Errorf("%s at step %d: %v, want %v", name, at, err, want)
			}
			if is, err := h.Folded(t.Context(), store); err != nil || is.Round != uint64(at-1) || is.Through != 0 {
				t.Errorf("%s at step %d: %d steps are kept (%v), through %d", name, at, is.Round, err, is.Through)
			}
			if h.tried != at {
				t.Errorf("%s at step %d: it tried to keep %d", name, at, h.tried)
			}
			if err := s.Fold(t.Context(), store); err != nil || h.tried != 12+1 {
				t.Errorf("%s at step %d: going on it kept %d more (%v), want %d", name, at, h.tried-at, err, 12-at+1)
			}
			s.whole(t)
			cancel()
		}
	}
}

// TestOvertaken: a rebuild that another process overtakes goes on from where that
// one is, and what it had made itself meanwhile is lost.
func TestOvertaken(t *testing.T) {
	for _, at := range []int{1, 7, 12} {
		h, s := hinderedShop(t)
		other := open(t, h.Ledger)
		other.now = s.now
		other.SetChunk(50)
		h.before = func(step int) error {
			if step == at {
				return other.Fold(t.Context(), store)
			}
			return nil
		}
		s.rebuild(t)
		if h.tried != at {
			t.Errorf("overtaken at step %d it tried to keep %d", at, h.tried)
		}
	}
}

// TestDropFails: a rebuild that cannot drop what is kept leaves it, and says why.
func TestDropFails(t *testing.T) {
	h, s := hinderedShop(t)
	if err := s.Fold(t.Context(), store); err != nil {
		t.Fatal(err)
	}
	was, err := h.Folded(t.Context(), store)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	h.tried = 0
	if err := s.Rebuild(ctx, store); !errors.Is(err, context.Canceled) {
		t.Errorf("called off before it dropped: %v", err)
	}
	if is, err := h.Folded(t.Context(), store); err != nil || is != was || h.tried != 0 {
		t.Errorf("it is folded as %+v (%v), want %+v as before; %d steps were tried", is, err, was, h.tried)
	}
	s.whole(t)
}
