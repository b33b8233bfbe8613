package ledger_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"baylight/sync/backoffice"
	"baylight/sync/backoffice/ledger"
)

// TestDayRowsOfOneRound: rows of a long period, which are read on two connections,
// come by day and key, and are those of one step of folding whoever folds meanwhile.
func TestDayRowsOfOneRound(t *testing.T) {
	l, err := ledger.Open(filepath.Join(t.TempDir(), "l.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var days []string
	for day := time.Date(2026, 1, 20, 0, 0, 0, 0, time.UTC); len(days) < 31; day = day.AddDate(0, 0, 1) {
		days = append(days, day.Format(time.DateOnly))
	}
	keep := func(round uint64) {
		k := backoffice.Kept{Was: backoffice.Progress{Round: round - 1, Through: round - 1}, Is: backoffice.Progress{Round: round, Through: round}}
		for _, day := range days {
			rows := backoffice.DayRows{Day: day}
			for _, key := range []string{"t1", "t2"} {
				rows.Rows = append(rows.Rows, backoffice.DayRow{Day: day, Kind: "technician", Key: key, Bytes: []byte(fmt.Sprint(round))})
			}
			k.Days = append(k.Days, rows)
		}
		if err := l.Keep(context.Background(), "s", k); err != nil {
			t.Error(err)
		}
	}
	keep(1)
	var work sync.WaitGroup
	defer work.Wait()
	work.Go(func() {
		for round := range uint64(50) {
			keep(round + 2)
		}
	})
	for range 100 {
		rows, err := l.DayRows(t.Context(), "s", "technician", days[0], days[30])
		if err != nil || len(rows) != 62 {
			t.Fatalf("%d rows (%v), want 62", len(rows), err)
		}
		for i, r := range rows {
			if r.Day != days[i/2] || r.Key != []string{"t1", "t2"}[i%2] || !slices.Equal(r.Bytes, rows[0].Bytes) {
				t.Fatalf("row %d of round %s is that of %s for %s in round %s", i, rows[0].Bytes, r.Day, r.Key, r.Bytes)
			}
		}
	}
}
