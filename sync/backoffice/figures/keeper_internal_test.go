package figures

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"baylight/sync/backoffice"
	"baylight/sync/backoffice/ledger/memledger"
)

// gated keeps when it is let.
type gated struct {
	*memledger.Ledger
	let chan bool // false: what comes is refused
}

func (g *gated) Keep(ctx context.Context, store string, step backoffice.Kept) error {
	if !<-g.let {
		return backoffice.ErrFolded
	}
	return g.Ledger.Keep(ctx, store, step)
}

func (g *gated) DropRollups(ctx context.Context, store string) error {
	if !<-g.let {
		return context.DeadlineExceeded
	}
	return g.Ledger.DropRollups(ctx, store)
}

var keeperDays = []string{"2026-11-01", "2026-11-02", "2026-11-03", "2026-11-04"}

// drawStep draws a step behind where a store is.
func drawStep(rt *rapid.T, n int, was backoffice.Progress) backoffice.Kept {
	k := backoffice.Kept{Was: was, Is: backoffice.Progress{Round: was.Round + 1, Next: backoffice.Cursor{Changed: uint64(n)}}}
	for _, v := range rapid.SliceOfNDistinct(rapid.StringMatching(`V[0-5]`), 0, 4, rapid.ID).Draw(rt, "visits") {
		f := backoffice.Fact{Visit: v, At: uint64(n)}
		if rapid.IntRange(0, 3).Draw(rt, "stays") > 0 {
			f.Bytes = []byte(fmt.Sprint(n, v))
			f.Days = slices.Sorted(slices.Values(rapid.SliceOfNDistinct(rapid.SampledFrom(keeperDays), 0, 3, rapid.ID).Draw(rt, "days")))
		}
		k.Facts = append(k.Facts, f)
	}
	return k
}

// factsTold are the facts of a reader, by visit, and those of some days.
func factsTold(rt *rapid.T, r factReader, first, last string) string {
	visits := []string{"V0", "V1", "V2", "V3", "V4", "V5", "V6"}
	named, err := r.Facts(context.Background(), "s", visits)
	if err != nil {
		rt.Fatal(err)
	}
	out := map[string]string{}
	for _, f := range named {
		out[f.Visit] += fmt.Sprintf("%d %q %v", f.At, f.Bytes, f.Days)
	}
	if err := r.FactsOfDays(context.Background(), "s", first, last, func(f backoffice.Fact) error {
		out[f.Visit] += fmt.Sprintf(" of days %d %q", f.At, f.Bytes)
		return nil
	}); err != nil {
		rt.Fatal(err)
	}
	told := ""
	for _, v := range slices.Sorted(maps.Keys(out)) {
		told += v + ": " + out[v] + "\n"
	}
	return told
}

// TestKeeperReads: what a keeper reads is what the ledger holds in the end,
// however much of it is durable already; and in the end the ledger holds it.
func TestKeeperReads(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l, then := &gated{memledger.New("l"), make(chan bool, 2*farBehind)}, memledger.New("then")
		k := &keeper{ledger: l, store: "s"}
		is, under := backoffice.Progress{}, 0
		for n := range rapid.IntRange(1, 8).Draw(rt, "steps") {
			if n == 2 && rapid.Bool().Draw(rt, "anew") {
				for ; under > 0; under-- {
					l.let <- true
				}
				if err := k.end(); err != nil {
					rt.Fatal(err)
				}
				if err := k.drop(t.Context()); err != nil {
					rt.Fatal(err)
				}
				is, under = backoffice.Progress{}, 1
				_ = then.DropRollups(t.Context(), "s")
			}
			step := drawStep(rt, n, is)
			if err := k.keep(t.Context(), step); err != nil {
				rt.Fatal(err)
			}
			if err := then.Keep(t.Context(), "s", step); err != nil {
				rt.Fatal(err)
			}
			is, under = step.Is, under+1
			for range rapid.IntRange(0, under).Draw(rt, "let") {
				l.let <- true
				under--
			}
			first := rapid.SampledFrom(keeperDays).Draw(rt, "first")
			last := rapid.SampledFrom(keeperDays).Draw(rt, "last")
			if got, want := factsTold(rt, k, first, last), factsTold(rt, then, first, last); got != want {
				rt.Fatalf("from %s to %s\n%s\nwant\n%s", first, last, got, want)
			}
		}
		for ; under > 0; under-- {
			l.let <- true
		}
		if err := k.end(); err != nil {
			rt.Fatal(err)
		}
		if at, err := l.Folded(t.Context(), "s"); err != nil || at != is {
			rt.Fatalf("it is kept up to %+v (%v), want %+v", at, err, is)
		}
		if got, want := factsTold(rt, l, keeperDays[0], keeperDays[3]), factsTold(rt, then, keeperDays[0], keeperDays[3]); got != want {
			rt.Fatalf("in the end the ledger holds\n%s\nwant\n%s", got, want)
		}
	})
}

// TestKeeperFails: behind a step that is refused nothing is kept, and the keeper
// says so once; then it may be used again.
func TestKeeperFails(t *testing.T) {
	l := &gated{memledger.New("l"), make(chan bool, 10)}
	k := &keeper{ledger: l, store: "s"}
	step := func(round uint64) backoffice.Kept {
		return backoffice.Kept{Was: backoffice.Progress{Round: round - 1}, Is: backoffice.Progress{Round: round},
			Facts: []backoffice.Fact{{Visit: fmt.Sprint("V", round), Bytes: []byte{1}}}}
	}
	for round := range uint64(3) {
		if err := k.keep(t.Context(), step(round+1)); err != nil {
			t.Fatal(err)
		}
	}
	l.let <- true
	l.let <- false
	l.let <- true // nobody takes it: the third is not tried
	if err := k.end(); err != backoffice.ErrFolded || len(l.let) != 1 {
		t.Errorf("the second step was refused, and the keeper says %v; %d were not tried", err, len(l.let))
	}
	if is, err := l.Folded(t.Context(), "s"); err != nil || is.Round != 1 {
		t.Errorf("%d steps are kept (%v), want 1", is.Round, err)
	}
	if facts, err := k.Facts(t.Context(), "s", []string{"V1", "V2", "V3"}); err != nil || len(facts) != 1 {
		t.Errorf("%d facts are there (%v), want that of the first step", len(facts), err)
	}
	if err := k.keep(t.Context(), step(2)); err != nil {
		t.Error(err)
	}
	if err := k.end(); err != nil {
		t.Errorf("tried again the second step is not kept: %v", err)
	}
	if is, err := l.Folded(t.Context(), "s"); err != nil || is.Round != 2 {
		t.Errorf("%d steps are kept (%v), want 2", is.Round, err)
	}
}
