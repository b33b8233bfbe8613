package station_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/floor"
	"baylight/kiosk/station"
	"baylight/kiosk/ticket"
)

// TestRenew: another epoch begins under the running station. What was decided
// stays, paper that was printed is not printed again, and what waited for the
// printer is printed once.
func TestRenew(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r, away := newRig(t, file(t)), new(atomic.Bool)
		p := &press{print: func(context.Context, ticket.Document, int) (floor.PrintOutcome, error) {
			if away.Load() {
				return "", errAway
			}
			return floor.PrintConfirmed, nil
		}}
		r.cfg.Printer = p
		r.start()
		defer r.stop()
		first := r.checkIn("沪A12345")
		synctest.Wait()
		away.Store(true)
		second := r.checkIn("沪A22345")
		synctest.Wait()
		equal(t, "paper", p.prints(), []string{"ticket"})

		if err := r.Renew(t.Context(), func() error { return errBoom }); !errors.Is(err, errBoom) {
			t.Errorf("Renew = %v", err)
		}
		epoch := r.disk.Epoch()
		if err := r.Renew(t.Context(), func() error { _, err := r.disk.BeginEpoch("rolled back", 0); return err }); err != nil {
			t.Fatal(err)
		}
		if r.disk.Epoch() == epoch {
			t.Fatal("no other epoch began")
		}
		for _, v := range []string{first, second} {
			if err := r.View(t.Context(), func(st *floor.State, _ kiosk.Moment) {
				if _, ok := st.Visit(v); !ok {
					t.Errorf("visit %s is gone", v)
				}
			}); err != nil {
				t.Error(err)
			}
		}
		away.Store(false)
		third := r.checkIn("沪A32345")
		<-time.After(time.Minute) // the paper tries again
		synctest.Wait()
		equal(t, "paper", p.prints(), []string{"ticket", "ticket", "ticket"})
		if p.ids[1] != ticket.TicketID(second) || p.ids[2] != ticket.TicketID(third) {
			t.Errorf("printed %v", p.ids)
		}
		equal(t, "paper behind", r.PaperBehind(), 0)
		if e := r.events(); e[len(e)-1].Epoch != r.disk.Epoch() {
			t.Errorf("the last event is %s", e[len(e)-1].ID())
		}
	})
}

func TestRenewAtTheEnd(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, file(t)).start()
		r.stop()
		if err := r.Renew(t.Context(), func() error { t.Error("called"); return nil }); !errors.Is(err, station.ErrStopped) {
			t.Errorf("Renew = %v", err)
		}
		r = newRig(t, r.path).start()
		defer r.stop()
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errBoom)
		if err := r.Renew(ctx, func() error { return nil }); err != nil && !errors.Is(err, errBoom) {
			t.Errorf("Renew = %v", err)
		}
	})
}
