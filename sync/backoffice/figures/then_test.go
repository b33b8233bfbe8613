package figures_test

import (
	"context"
	"testing"
	"time"

	"pgregory.net/rapid"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/figures"
	"baylight/sync/backoffice/kpi"
	"baylight/sync/backoffice/ledger/memledger"
)

// TestCalendarOfThen: opening hours change between two positions. Asked as of the
// first, figures are those that the hours of then give, to the letter, though
// everything kept is made by the new ones.
func TestCalendarOfThen(t *testing.T) {
	old := kiosk.ShanghaiWeek(zone)
	for i := range old.Week {
		old.Week[i] = kiosk.Hours{Open: 6 * time.Hour, Close: 13 * time.Hour}
	}
	rapid.Check(t, func(rt *rapid.T) {
		all := life(t, rt)
		cut := rapid.IntRange(0, len(all)).Draw(rt, "cut")
		l := memledger.New("L")
		s := &shop{ledger: l, now: to}
		var changed uint64 // the position from which on the new hours hold
		f, err := figures.New(figures.Config{Ledger: l, Now: func() time.Time { return s.now },
			Stores: []backoffice.Store{{Name: store, Calendar: cal, Bays: []string{"b1", "b2"}}},
			CalendarAt: func(_ context.Context, _ string, at uint64) (kiosk.Calendar, error) {
				if at <= changed {
					return old, nil
				}
				return cal, nil
			}})
		if err != nil {
			t.Fatal(err)
		}
		s.Folder = f
		s.commit(t, all[:cut]...)
		if changed, err = l.Position(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.commit(t, all[cut:]...)
		for _, by := range everyBy {
			got, a := s.ask(t, figures.Query{By: by, AsOf: &changed, Now: s.now})
			visits := map[string][]kiosk.Event{}
			if err := l.Until(t.Context(), store, changed, func(v string, events []kiosk.Event) { visits[v] = events }); err != nil {
				t.Fatal(err)
			}
			want := told(t, kpi.Compute(kpi.Input{Visits: backoffice.FoldStore(visits, old), Calendar: old, From: from, To: to, Now: s.now, Bays: []string{"b1", "b2"}}, by))
			if got != want || a.AsOf != changed {
				rt.Fatalf("by %s as of %d of %d:\n%s\nwant\n%s", by, changed, len(all), got, want)
			}
		}
	})
}
