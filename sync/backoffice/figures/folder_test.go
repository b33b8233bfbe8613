package figures_test

import (
	"context"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/figures"
	"baylight/sync/backoffice/kpi"
	"baylight/sync/backoffice/ledger"
	"baylight/sync/backoffice/ledger/ledgertest"
	"baylight/sync/backoffice/ledger/memledger"
)

// TestOnlyWhatChangedIsFolded: an open visit stays as it was folded until
// something of it comes; one that ends, or whose check-in is voided, goes.
func TestOnlyWhatChangedIsFolded(t *testing.T) {
	s := open(t, memledger.New("l"))
	b := ledgertest.NewBoard(t, store, "k1", "e1")
	one, two, third := b.CheckIn("V1"), b.CheckIn("V2"), b.CheckIn("V3")
	s.commit(t, one, two, third)
	first, _, err := s.Open(t.Context(), store)
	if err != nil || len(first) != 3 {
		t.Fatalf("%d visits are open (%v), want 3", len(first), err)
	}
	s.commit(t, b.Event(&kiosk.Accepted{Visit: "V2", Adviser: "a1"}), b.Event(&kiosk.Voided{Event: third.Event.ID()}))
	second, at, err := s.Open(t.Context(), store)
	if err != nil || len(second) != 2 || at != 5 || first[0] != second[0] || first[1] == second[1] || second[1].Adviser != "a1" {
		t.Errorf("V1 was folded again, or V2 was not, or V3 stays: %d visits at %d (%v)", len(second), at, err)
	}
	s.commit(t, b.Event(&kiosk.Closed{Visit: "V1", Outcome: "left"}))
	if third, _, err := s.Open(t.Context(), store); err != nil || len(third) != 1 || third[0] != second[1] {
		t.Errorf("%d visits are open (%v), want V2 as it was", len(third), err)
	}
}

// TestUnclosedWithoutAnEvent: a job nobody finishes becomes unclosed as time
// passes, and the rows kept of its day with it; another calendar makes other rows.
func TestUnclosedWithoutAnEvent(t *testing.T) {
	l := memledger.New("l")
	s := open(t, l)
	s.commit(t, day(t)...)
	unclosed := func(s *shop) int {
		t.Helper()
		_, a := s.ask(t, figures.Query{By: kpi.ByNone})
		if want := computed(t, l, kpi.ByNone, a.AsOf, a.Now); told(t, a.Rows) != want {
			t.Errorf("at %s the answer is not what is computed", a.Now)
		}
		return a.Rows[0].UnclosedJobs
	}
	s.now = from.Add(19*time.Hour + 59*time.Minute)
	if n := unclosed(s); n != 0 {
		t.Errorf("a minute before closing time and two hours, %d jobs are unclosed", n)
	}
	s.now = from.Add(20 * time.Hour)
	if n := unclosed(s); n != 1 {
		t.Errorf("then %d jobs are unclosed, want 1", n)
	}
	s.whole(t)
	later := kiosk.ShanghaiWeek(zone)
	for i := range later.Week {
		later.Week[i].Close = 20 * time.Hour
	}
	f, err := figures.New(figures.Config{Ledger: l, Now: func() time.Time { return s.now }, Stores: []backoffice.Store{{Name: store, Calendar: later}}})
	if err != nil {
		t.Fatal(err)
	}
	a, err := f.Figures(t.Context(), store, figures.Query{From: from, To: to})
	if err != nil || a.Rows[0].UnclosedJobs != 0 {
		t.Errorf("by a calendar that closes later, %d jobs are unclosed (%v)", a.Rows[0].UnclosedJobs, err)
	}
}

// TestRunFolds: a Folder that runs folds what comes without being asked.
func TestRunFolds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l.db")
	synctest.Test(t, func(t *testing.T) {
		l, err := ledger.Open(path) // it is used by two goroutines
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		f, err := figures.New(figures.Config{Ledger: l, Stores: []backoffice.Store{{Name: store, Calendar: cal}}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- f.Run(ctx) }()
		<-f.Ready()
		if _, err := l.Commit(ctx, backoffice.Batch{At: from, Entries: day(t)}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(1500 * time.Millisecond) // of the bubble, between two looks
		synctest.Wait()
		is, err := l.Folded(ctx, store)
		at, _ := l.Position(ctx)
		if err != nil || is.Through != at || at == 0 {
			t.Errorf("it is folded through %d (%v), want %d", is.Through, err, at)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// TestRefuses: what cannot be asked.
func TestRefuses(t *testing.T) {
	if _, err := figures.New(figures.Config{}); err == nil {
		t.Error("figures without a ledger")
	}
	s := open(t, memledger.New("l"))
	if _, err := s.Figures(t.Context(), "nowhere", figures.Query{From: from, To: to}); err == nil {
		t.Error("figures of a store that is none")
	}
	if _, _, err := s.Folder.Behind(t.Context(), store, figures.Query{From: from, To: to, By: kpi.ByDay}, "yesterday", "orders", "", kpi.Headline()); err == nil {
		t.Error("a day that is none")
	}
}
