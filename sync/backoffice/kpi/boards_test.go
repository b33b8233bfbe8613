package kpi_test

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/kpi"
	"baylight/sync/backoffice/ledger/ledgertest"
	"baylight/sync/backoffice/ledger/memledger"
)

// TestTwoBoardsInAnyOrder: two boards work on the same visits; one is cut off and
// its events come late, in pieces, twice, before or after those of the other,
// with corrections that come before what they correct and clocks that are set
// afterwards. The figures are those of one orderly arrival.
func TestTwoBoardsInAnyOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		all := twoBoards(t, rt)
		want := figuresOf(rt, all)
		order := rapid.Permutation(slices.Concat(all, all[:len(all)/4])).Draw(rt, "arrival")
		if got := figuresOf(rt, order); !reflect.DeepEqual(got, want) {
			rt.Errorf("in another order of arrival the figures are\n%+v\nwant\n%+v", got, want)
		}
		interleaved := slices.Clone(all) // each board in its own order, the second all at once, at the end
		slices.SortStableFunc(interleaved, func(a, b backoffice.Entry) int {
			if a.Event.Source == b.Event.Source {
				return 0
			}
			return map[bool]int{true: -1, false: 1}[a.Event.Source < b.Event.Source]
		})
		if got := figuresOf(rt, interleaved); !reflect.DeepEqual(got, want) {
			rt.Errorf("with one board cut off till the end the figures are\n%+v\nwant\n%+v", got, want)
		}
	})
}

// twoBoards draws what two boards record about three visits, by their clocks.
func twoBoards(t *testing.T, rt *rapid.T) (all []backoffice.Entry) {
	boards := []*ledgertest.Board{ledgertest.NewBoard(t, "sh", "k1", "e1"), ledgertest.NewBoard(t, "sh", "k2", "e2")}
	boards[1].Now = boards[1].Now.Add(time.Duration(rapid.IntRange(-90, 90).Draw(rt, "skew")) * time.Second)
	if rapid.Bool().Draw(rt, "unset") {
		boards[1].Now.Clock = kiosk.Unset
	}
	var ids []string
	for range rapid.IntRange(2, 30).Draw(rt, "events") {
		b := boards[rapid.IntRange(0, 1).Draw(rt, "board")]
		b.Now = b.Now.Add(time.Duration(rapid.IntRange(0, 40).Draw(rt, "minutes")) * time.Minute)
		visit := rapid.SampledFrom([]string{"V1", "V2", "V3"}).Draw(rt, "visit")
		job := kiosk.Job{Visit: visit, Bay: rapid.SampledFrom([]string{"b1", "b2"}).Draw(rt, "bay"), Technician: rapid.SampledFrom([]string{"t1", "t2"}).Draw(rt, "technician")}
		due := b.Now.Wall.Add(time.Hour)
		payloads := []kiosk.Payload{
			&kiosk.CheckedIn{Visit: visit, Ticket: visit, Vehicle: visit, Purpose: "fault"}, &kiosk.Accepted{Visit: visit, Adviser: "a1"},
			&kiosk.Signed{Visit: visit, Order: visit, Adviser: "a1", Promise: &due, Items: []kiosk.Item{{No: 1, Code: "M", Category: kiosk.Maintenance}}},
			&kiosk.Started{Job: job}, &kiosk.Resumed{Job: job}, &kiosk.Finished{Job: job}, &kiosk.Paused{Job: job, Meta: kiosk.Meta{Reason: kiosk.Parts}},
			&kiosk.Passed{Visit: visit, Inspector: "q"}, &kiosk.Failed{Visit: visit, Inspector: "q"}, &kiosk.Delivered{Visit: visit, Adviser: "a1"},
			&kiosk.ItemsAdded{Visit: visit, Items: []kiosk.Item{{No: 2, Code: "W", Category: kiosk.Warranty}}}, &kiosk.ClockSet{OffsetMS: 90_000},
		}
		if len(ids) > 0 {
			id := rapid.SampledFrom(ids).Draw(rt, "corrected")
			payloads = append(payloads, &kiosk.Voided{Event: id}, &kiosk.Amended{Event: id, Fields: []byte(`{"by":"s1"}`)})
		}
		p := rapid.SampledFrom(payloads).Draw(rt, "event")
		if _, set := p.(*kiosk.ClockSet); set {
			b.Now.Clock = kiosk.Synced
		}
		e := b.Event(p)
		ids, all = append(ids, e.Event.ID()), append(all, e)
	}
	return all
}

// figuresOf takes events in in batches and computes every figure.
func figuresOf(rt *rapid.T, entries []backoffice.Entry) [][]kpi.Row {
	l := memledger.New("l")
	for rest := entries; len(rest) > 0; {
		n := rapid.IntRange(1, len(rest)).Draw(rt, "batch")
		if _, err := l.Commit(rt.Context(), backoffice.Batch{Entries: rest[:n]}); err != nil {
			rt.Fatal(err)
		}
		rest = rest[n:]
	}
	var visits []*kiosk.Visit
	if _, err := l.Changed(rt.Context(), "sh", 0, func(_ string, events []kiosk.Event) {
		if v := backoffice.Fold(events, cal); v.ID != "" {
			visits = append(visits, v)
		}
	}); err != nil {
		rt.Fatal(err)
	}
	slices.SortFunc(visits, func(a, b *kiosk.Visit) int { return map[bool]int{true: -1, false: 1}[a.ID < b.ID] })
	in := kpi.Input{Visits: visits, Calendar: cal, From: time.Date(2026, 11, 1, 0, 0, 0, 0, zone), To: time.Date(2026, 12, 1, 0, 0, 0, 0, zone), Now: time.Date(2026, 12, 5, 0, 0, 0, 0, zone)}
	return [][]kpi.Row{kpi.Compute(in, kpi.ByNone), kpi.Compute(in, kpi.ByAdviser), kpi.Compute(in, kpi.ByTechnician), kpi.Compute(in, kpi.ByBay)}
}
