package figures_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/figures"
	"baylight/sync/backoffice/kpi"
	"baylight/sync/backoffice/ledger"
	"baylight/sync/backoffice/ledger/ledgertest"
)

// TestManyReworks: a day may have more reworks than stand in the head of its row;
// each is charged all the same.
func TestManyReworks(t *testing.T) {
	for _, reworks := range []int{0, 1, 100} {
		l, err := ledger.Open(filepath.Join(t.TempDir(), "l.db"))
		if err != nil {
			t.Fatal(err)
		}
		s := open(t, l)
		board := ledgertest.NewBoard(t, store, "k1", "e1")
		var all []backoffice.Entry
		for i := range max(1, reworks) {
			board.Now.Wall = from.Add(9*time.Hour + time.Duration(i)*time.Minute)
			was := kiosk.Job{Visit: fmt.Sprint("earlier-", i), Bay: "b1", Technician: "t1", Item: 1}
			all = append(all, board.Event(&kiosk.CheckedIn{Visit: was.Visit, Ticket: "A001", Vehicle: fmt.Sprint("X", i)}),
				board.Event(&kiosk.Signed{Visit: was.Visit, Order: was.Visit, Adviser: "a1", Items: []kiosk.Item{{No: 1, Code: "M1", Category: "repair", StandardMinutes: 30}}}),
				board.Event(&kiosk.Started{Job: was}), board.Event(&kiosk.Finished{Job: was}))
			if i < reworks {
				later := fmt.Sprint("later-", i)
				all = append(all, board.Event(&kiosk.CheckedIn{Visit: later, Ticket: "A002", Vehicle: fmt.Sprint("X", i)}),
					board.Event(&kiosk.Signed{Visit: later, Order: later, Adviser: "a1", Items: []kiosk.Item{{No: 1, Code: "M1", Category: "repair", StandardMinutes: 30}}}),
					board.Event(&kiosk.ReworkConfirmed{Visit: later, Earlier: was.Visit, Items: []string{"M1"}}))
			}
		}
		s.commit(t, all...)
		got, a := s.ask(t, figures.Query{By: kpi.ByTechnician})
		if want, _ := s.ask(t, figures.Query{By: kpi.ByTechnician, AsOf: &a.AsOf, Now: a.Now}); got != want {
			t.Errorf("%d reworks: from what is kept\n%s\nfrom facts\n%s", reworks, got, want)
		}
		charged := 0
		for _, row := range a.Rows {
			charged += row.Charged.Numerator
		}
		if charged != reworks {
			t.Errorf("%d reworks, and %d are charged: %s", reworks, charged, got)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
