package ledgertest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/wire"
)

// model gives the events of one board, in an order and in batches drawn at
// random and with repetitions, and compares every answer with a plain one: all
// events at hand, sorted, corrected, grouped.
func model(t *testing.T, open Open) {
	rapid.Check(t, func(rt *rapid.T) {
		dir := t.TempDir()
		l, close := open(t, dir)
		defer close()
		entries := history(t, rt)
		order := rapid.Permutation(slices.Concat(entries, entries[:len(entries)/3])).Draw(rt, "order")
		var given []backoffice.Entry // in the order of their positions
		states := map[uint64][]string{}
		for len(order) > 0 {
			n := rapid.IntRange(1, min(7, len(order))).Draw(rt, "batch")
			out, err := l.Commit(context.Background(), backoffice.Batch{At: office, Entries: order[:n]})
			if err != nil {
				rt.Fatal(err)
			}
			for _, e := range order[:n] {
				if !slices.ContainsFunc(given, func(g backoffice.Entry) bool { return g.Event.Seq == e.Event.Seq }) {
					given = append(given, e)
				}
			}
			order = order[n:]
			if out.Position != uint64(len(given)) {
				rt.Fatalf("position is %d after %d events", out.Position, len(given))
			}
			states[out.Position] = plain(given)
			checkThrough(rt, l, given)
		}
		check(rt, l, states)
	})
}

// check compares the head and every earlier state.
func check(rt *rapid.T, l backoffice.Ledger, states map[uint64][]string) {
	var head []string
	at, err := l.Changed(context.Background(), store, 0, func(v string, es []kiosk.Event) { head = append(head, describe(v, es)) })
	slices.Sort(head)
	if err != nil || !slices.Equal(head, states[at]) {
		rt.Errorf("at the head %d: %v\n%q\nwant\n%q", at, err, head, states[at])
	}
	for n, want := range states {
		var got []string
		err := l.Until(context.Background(), store, n, func(v string, es []kiosk.Event) { got = append(got, describe(v, es)) })
		slices.Sort(got)
		if err != nil || !slices.Equal(got, want) {
			rt.Errorf("as of %d: %v\n%q\nwant\n%q", n, err, got, want)
		}
	}
	checkVisitsAt(rt, l, at)
	checkMany(rt, l)
	checkSound(rt, l)
}

// history draws a board's events: boots, clocks that jump, are set and lose trust.
func history(t testing.TB, rt *rapid.T) (out []backoffice.Entry) {
	b := NewBoard(t, store, "k1", "e1")
	jump := func() {
		b.Now.Wall = b.Now.Wall.Add(time.Duration(rapid.SampledFrom([]int{-8760 * 3600, -3600, -5, 5, 3600, 8760 * 3600}).Draw(rt, "jump")) * time.Second)
	}
	for i := range rapid.IntRange(1, 25).Draw(rt, "events") {
		switch rapid.IntRange(0, 11).Draw(rt, "kind") {
		case 0:
			b.Now.Boot, b.Now.Up = fmt.Sprintf("boot-%d", i), 0
			b.Now.Clock = rapid.SampledFrom([]kiosk.Quality{kiosk.Unset, kiosk.Holdover, kiosk.Synced}).Draw(rt, "quality")
			jump()
		case 1:
			b.Now.Clock = rapid.SampledFrom([]kiosk.Quality{kiosk.Holdover, kiosk.Synced}).Draw(rt, "quality")
			out = append(out, b.Event(&kiosk.ClockSet{OffsetMS: rapid.Int64Range(-10_000, 10_000).Draw(rt, "offset"),
				Source: rapid.SampledFrom([]kiosk.ClockSource{"", kiosk.ClockOffice, kiosk.ClockJump}).Draw(rt, "source")}))
			continue
		case 2:
			jump()
		case 3:
			b.Now.Clock = kiosk.Holdover
		}
		out = append(out, b.CheckIn(fmt.Sprintf("V%d", rapid.IntRange(1, 3).Draw(rt, "visit"))))
	}
	return out
}

func plain(given []backoffice.Entry) (out []string) {
	var events []kiosk.Event
	for _, e := range given {
		events = append(events, e.Event)
	}
	slices.SortFunc(events, func(a, b kiosk.Event) int { return int(a.Seq) - int(b.Seq) })
	kiosk.Correct(events)
	visits := map[string][]kiosk.Event{}
	for _, e := range events {
		if v := kiosk.FoldOf(e.Data); v != "" {
			visits[v] = append(visits[v], e)
		}
	}
	for v, es := range visits {
		out = append(out, describe(v, es))
	}
	slices.Sort(out)
	return out
}

func checkThrough(rt *rapid.T, l backoffice.Ledger, given []backoffice.Entry) {
	have := map[uint64]kiosk.Hash{}
	highest := uint64(0)
	for _, e := range given {
		have[e.Event.Seq] = kiosk.HashOf(e.Bytes)
		highest = max(highest, e.Event.Seq)
	}
	through := uint64(0)
	for _, ok := have[through+1]; ok; _, ok = have[through+1] {
		through++
	}
	epochs, err := l.Epochs(context.Background(), kiosk.KioskSource(store, "k1"))
	if err != nil || len(epochs) != 1 || epochs[0].Through != through || epochs[0].Hash != have[through] {
		rt.Fatalf("the receipt says %+v (%v), want through %d", epochs, err, through)
	}
	var above []wire.Taken // of one history everything up to through is proven
	for seq := through + 1; seq <= highest && above == nil; seq++ {
		if h, here := have[seq]; here {
			above = []wire.Taken{{Seq: seq, Hash: h}}
		}
	}
	if !slices.Equal(epochs[0].Taken, above) || epochs[0].TakenAfter != 0 {
		rt.Fatalf("the receipt says %+v, want taken %v", epochs, above)
	}
	missing := uint64(0)
	for _, g := range epochs[0].Gaps {
		missing += g.Last - g.First + 1
	}
	if through+missing+uint64(len(have))-through != highest {
		rt.Fatalf("gaps %v above %d; %d events up to %d", epochs[0].Gaps, through, len(have), highest)
	}
}
