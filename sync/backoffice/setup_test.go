package backoffice_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/wire"
)

// TestCalendarAt: what was in force at a position is found again, also by an
// office that was started later; what did not change is not recorded.
func TestCalendarAt(t *testing.T) {
	s := newShop(t, nil)
	ctx := context.Background()
	setup := func(closing time.Duration) wire.Setup {
		c := kiosk.ShanghaiWeek(zone)
		c.Week[time.Tuesday].Close = closing
		return wire.Setup{Calendar: wire.CalendarOf(c), Targets: map[string]int64{"on_time_percent": int64(closing / time.Hour)}}
	}
	if _, ok, err := s.SetupAt(ctx, store, 0); err != nil || ok {
		t.Errorf("nothing is recorded, and a setup is found: %v, %v", ok, err)
	}
	if c, err := s.CalendarAt(ctx, store, 0); err != nil || c.Week != kiosk.ShanghaiWeek(zone).Week {
		t.Errorf("nothing is recorded: %+v, %v", c, err)
	}
	var at []uint64 // positions after each
	keep := func(closing time.Duration, why string) {
		t.Helper()
		if err := s.KeepSetup(ctx, store, setup(closing), "", why); err != nil {
			t.Fatal(err)
		}
		n, err := s.ledger.Position(ctx)
		if err != nil {
			t.Fatal(err)
		}
		at = append(at, n)
	}
	keep(17*time.Hour, "")
	keep(17*time.Hour, "") // the same: not recorded
	keep(18*time.Hour, "")
	keep(18*time.Hour, "staff t1: name") // somebody changed what figures do not see
	keep(20*time.Hour, "")
	later, err := backoffice.New(backoffice.Config{Ledger: s.ledger, Stores: []backoffice.Store{{Name: store, Calendar: kiosk.ShanghaiWeek(zone)}}})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []time.Duration{17 * time.Hour, 17 * time.Hour, 18 * time.Hour, 18 * time.Hour, 20 * time.Hour} {
		for name, o := range map[string]interface {
			CalendarAt(context.Context, string, uint64) (kiosk.Calendar, error)
		}{"the office": s.Office, "a later one": later} {
			if c, err := o.CalendarAt(ctx, store, at[i]); err != nil || c.Week[time.Tuesday].Close != want || c.Zone != zone {
				t.Errorf("%s, after step %d: closing at %v in %v, %v; want %v", name, i+1, c.Week[time.Tuesday].Close, c.Zone, err, want)
			}
		}
	}
	if was, ok, err := later.SetupAt(ctx, store, at[2]-1); err != nil || !ok || was.Targets["on_time_percent"] != 17 {
		t.Errorf("the targets before the third step are %v, %v, %v", was.Targets, ok, err)
	}
	if at[1] != at[0] || at[3] != at[2]+1 {
		t.Errorf("positions after each step are %v", at)
	}
	if c, err := s.CalendarAt(ctx, store, 0); err != nil || c.Week[time.Tuesday].Close != 17*time.Hour {
		t.Errorf("before the first: %v, %v", c.Week[time.Tuesday], err)
	}
	if _, ok, err := later.Setup(ctx, store); !ok || err != nil {
		t.Errorf("no setup: %v", err)
	}
	if _, err := s.CalendarAt(ctx, "nowhere", 1); err == nil {
		t.Error("a store that is not there has a calendar")
	}
	if err := s.KeepSetup(ctx, store, wire.Setup{}, "", ""); err == nil {
		t.Error("a setup without a calendar was recorded")
	}
}

// forgetful is a ledger that fails to mark, as if the office had been ended.
type forgetful struct {
	backoffice.Ledger
	fails bool
}

func (f *forgetful) Mark(ctx context.Context, name string, n uint64) error {
	if f.fails {
		return errors.New("ended")
	}
	return f.Ledger.Mark(ctx, name, n)
}

// TestSetupMoves: two offices record setups of one store in turns, as it moves
// between them. Each follows the one before, also one that was recorded by an
// office that was ended right after; what is the same is not recorded again.
func TestSetupMoves(t *testing.T) {
	s := newShop(t, nil)
	ledger := &forgetful{Ledger: s.ledger}
	ctx := context.Background()
	office := func() *backoffice.Office {
		o, err := backoffice.New(backoffice.Config{Ledger: ledger, Stores: []backoffice.Store{{Name: store, Calendar: kiosk.ShanghaiWeek(zone)}}})
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	a, b := office(), office()
	keep := func(o *backoffice.Office, closing time.Duration, head uint64) {
		t.Helper()
		c := kiosk.ShanghaiWeek(zone)
		c.Week[time.Tuesday].Close = closing
		if err := o.KeepSetup(ctx, store, wire.Setup{Calendar: wire.CalendarOf(c)}, "", ""); (err == nil) == ledger.fails {
			t.Fatal(err)
		}
		for name, o := range map[string]*backoffice.Office{"a": a, "b": b} {
			if now, ok, err := o.Setup(ctx, store); !ledger.fails && (err != nil || !ok || now.Calendar.Week[time.Tuesday].Close != int(closing/time.Minute)) {
				t.Errorf("at %s the store closes at %v (%v, %v), want %v", name, now.Calendar.Week[time.Tuesday].Close, ok, err, closing)
			}
		}
		if n, err := ledger.Position(ctx); err != nil || n != head {
			t.Errorf("position %d (%v), want %d", n, err, head)
		}
	}
	keep(a, 17*time.Hour, 1)
	keep(b, 17*time.Hour, 1)
	keep(b, 18*time.Hour, 2)
	keep(a, 18*time.Hour, 2) // it moved back, and a had known of an older one
	ledger.fails = true
	keep(a, 19*time.Hour, 3)
	ledger.fails = false
	keep(b, 19*time.Hour, 3)
	keep(a, 20*time.Hour, 4)
	for i, want := range []time.Duration{17, 18, 19, 20} {
		if c, err := b.CalendarAt(ctx, store, uint64(i+1)); err != nil || c.Week[time.Tuesday].Close != want*time.Hour {
			t.Errorf("at position %d it closes at %v (%v), want %v h", i+1, c.Week[time.Tuesday].Close, err, want)
		}
	}
}

// asking is a ledger of which somebody asks what is set up just before the mark
// of a new setup is set.
type asking struct {
	backoffice.Ledger
	ask func()
}

func (a *asking) Mark(ctx context.Context, key string, n uint64) error {
	a.ask()
	return a.Ledger.Mark(ctx, key, n)
}

func TestSetupAskedWhileKept(t *testing.T) {
	s := newShop(t, nil)
	l := &asking{Ledger: s.ledger, ask: func() {}}
	o, err := backoffice.New(backoffice.Config{Ledger: l, Now: s.Now, Stores: []backoffice.Store{{Name: store, Calendar: kiosk.ShanghaiWeek(zone)}}})
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	l.ask = func() {
		asked++
		if _, _, err := o.Setup(t.Context(), store); err != nil {
			t.Error(err)
		}
	}
	for target := range int64(3) {
		if err := o.KeepSetup(t.Context(), store, wire.Setup{Calendar: wire.CalendarOf(kiosk.ShanghaiWeek(zone)), Targets: map[string]int64{"on_time_percent": target}}, "", ""); err != nil {
			t.Fatal(err)
		}
		if now, ok, err := o.Setup(t.Context(), store); err != nil || !ok || now.Targets["on_time_percent"] != target || asked <= int(target) {
			t.Errorf("kept %d, found %v (%v, %v), asked %d times meanwhile", target, now.Targets, ok, err, asked)
		}
	}
}
