package ledgertest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
)

// A full day of a large store, for measurements: FillVisits visits of FillEvents
// events each, so that ten years are ten million events.
const (
	FillVisits = 228
	FillEvents = 12
)

// FillFrom is the midnight of the first day that Fill makes.
var FillFrom = time.Date(2016, 1, 1, 0, 0, 0, 0, time.FixedZone("CST", 8*3600))

// planned is an event of a day before it is recorded.
type planned struct {
	at    time.Time
	board int
	data  kiosk.Payload
}

// Fill commits full days to a ledger until it holds a number of events, and
// returns the midnight after the last one. The same seed makes the same days.
func Fill(t testing.TB, l backoffice.Ledger, store string, events int) time.Time {
	t.Helper()
	boards := []*Board{NewBoard(t, store, "k1", "e1"), NewBoard(t, store, "k2", "e2")}
	batches := make(chan []backoffice.Entry, 4)
	day := FillFrom
	go func() {
		defer close(batches)
		rng := rand.New(rand.NewPCG(1, 2))
		for n, made := 0, 0; made < events; n++ {
			var batch []backoffice.Entry
			for _, p := range fullDay(rng, FillFrom.AddDate(0, 0, n), n) {
				b := boards[p.board]
				b.Now.Wall, b.Now.Up = p.at.Add(-time.Second), p.at.Sub(FillFrom)
				batch = append(batch, b.Event(p.data))
			}
			made += len(batch)
			batches <- batch
		}
	}()
	for batch := range batches {
		day = day.AddDate(0, 0, 1)
		if _, err := l.Commit(t.Context(), backoffice.Batch{At: day, Entries: batch}); err != nil {
			t.Fatal(err)
		}
	}
	return day
}

// fullDay plans a day: cars come from eight on, four technicians to a board.
func fullDay(rng *rand.Rand, midnight time.Time, n int) (all []planned) {
	busy := [8]time.Time{}
	for i := range FillVisits {
		id := fmt.Sprintf("%08d%04d", n, i)
		tech := rng.IntN(8)
		board := tech / 4
		job := kiosk.Job{Visit: id, Bay: fmt.Sprintf("b%d", tech+1), Technician: fmt.Sprintf("t%d", tech+1), Item: 1}
		at := midnight.Add(8*time.Hour + time.Duration(rng.IntN(7*3600))*time.Second)
		due := at.Add(time.Duration(90+rng.IntN(150)) * time.Minute).Truncate(5 * time.Minute)
		put := func(p kiosk.Payload) { all = append(all, planned{at, board, p}) }
		pass := func(least, most int) { at = at.Add(time.Duration(least*60+rng.IntN((most-least)*60)) * time.Second) }
		put(&kiosk.CheckedIn{Visit: id, Ticket: fmt.Sprintf("A%03d", i), Vehicle: fmt.Sprintf("LSVAA%012d", rng.IntN(60_000)), Purpose: "maintenance", Language: "zh-CN", Means: "keyed"})
		pass(2, 15)
		put(&kiosk.Accepted{Visit: id, Adviser: fmt.Sprintf("a%d", i%6+1)})
		pass(3, 20)
		put(&kiosk.Signed{Visit: id, Order: "R" + id, Adviser: fmt.Sprintf("a%d", i%6+1), Promise: &due, Items: []kiosk.Item{
			{No: 1, Code: fmt.Sprintf("M%02d", rng.IntN(40)), Category: "maintenance", Payer: "customer", StandardMinutes: 12},
			{No: 2, Code: fmt.Sprintf("R%02d", rng.IntN(40)), Category: kiosk.Categories()[rng.IntN(len(kiosk.Categories()))], Payer: "warranty", StandardMinutes: 6}}})
		pass(2, 20)
		if at.Before(busy[tech]) {
			at = busy[tech].Add(time.Second)
		}
		put(&kiosk.Started{Job: job})
		pass(3, 9)
		put(&kiosk.Paused{Job: job, Meta: kiosk.Meta{Reason: kiosk.Parts}})
		pass(1, 5)
		put(&kiosk.Resumed{Job: job})
		pass(3, 9)
		put(&kiosk.Finished{Job: job})
		job.Item = 2
		at = at.Add(time.Second)
		put(&kiosk.Started{Job: job})
		pass(2, 6)
		put(&kiosk.Finished{Job: job})
		busy[tech] = at
		pass(2, 20)
		put(&kiosk.Passed{Visit: id, Inspector: "q1", Bay: job.Bay})
		pass(5, 20)
		put(&kiosk.Called{Visit: id, Place: "lounge"})
		pass(2, 30)
		put(&kiosk.Delivered{Visit: id, Adviser: fmt.Sprintf("a%d", i%6+1)})
	}
	slices.SortFunc(all, func(a, b planned) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.board, b.board)) })
	return all
}
