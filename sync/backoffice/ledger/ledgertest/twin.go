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
)

// Twins gives two implementations the same batches of two cards that go on from
// one state, with gaps, boots and clocks drawn at random, and of the epochs that
// each begins in the end, and compares all that they answer: what is counted, the
// times, at the head and at each position, and the receipts.
func Twins(t *testing.T, one, other Open) {
	rapid.Check(t, func(rt *rapid.T) {
		a, closeA := one(t, t.TempDir())
		defer closeA()
		b, closeB := other(t, t.TempDir())
		defer closeB()
		var positions []uint64
		sent := cards(t, rt)
		for len(sent) > 0 {
			n := rapid.IntRange(1, min(5, len(sent))).Draw(rt, "batch")
			batch := backoffice.Batch{At: office, Entries: sent[:n]}
			sent = sent[n:]
			x, errA := a.Commit(context.Background(), batch)
			y, errB := b.Commit(context.Background(), batch)
			slices.Sort(x.Problems)
			slices.Sort(y.Problems)
			if errA != nil || errB != nil || fmt.Sprint(x) != fmt.Sprint(y) {
				rt.Fatalf("one says %+v (%v), the other %+v (%v)", x, errA, y, errB)
			}
			positions = append(positions, x.Position)
			if x, y := answers(rt, a, 0), answers(rt, b, 0); !slices.Equal(x, y) {
				rt.Fatalf("at the head one says\n%q\nthe other\n%q", x, y)
			}
		}
		for _, at := range positions {
			if x, y := answers(rt, a, at), answers(rt, b, at); !slices.Equal(x, y) {
				rt.Fatalf("at %d one says\n%q\nthe other\n%q", at, x, y)
			}
		}
		if x, y := answers(rt, a, 0), answers(rt, a, positions[len(positions)-1]); !slices.Equal(x[:len(y)], y) {
			rt.Fatalf("at the head\n%q\nas of the last position\n%q", x, y)
		}
	})
}

// answers are the visits as of a position; at 0 those of the head, and the receipt.
func answers(rt *rapid.T, l backoffice.Ledger, at uint64) (out []string) {
	f := func(v string, es []kiosk.Event) {
		slices.SortFunc(es, func(a, b kiosk.Event) int { return a.Time().Compare(b.Time())*4 + int(a.Seq) - int(b.Seq) })
		out = append(out, describe(v, es))
	}
	var err error
	if at > 0 {
		err = l.Until(context.Background(), store, at, f)
	} else {
		_, err = l.Changed(context.Background(), store, 0, f)
	}
	slices.Sort(out)
	if err == nil && at == 0 {
		epochs, failed := l.Epochs(context.Background(), kiosk.KioskSource(store, "k1"))
		out, err = append(out, fmt.Sprint(epochs)), failed
	}
	if err != nil {
		rt.Fatal(err)
	}
	return out
}

// cards draws what two cards send, in the order in which it comes.
func cards(t testing.TB, rt *rapid.T) (out []backoffice.Entry) {
	first := NewBoard(t, store, "k1", "e1")
	live := func(b *Board, n int, name string) (es []backoffice.Entry) {
		for i := range n {
			switch rapid.IntRange(0, 6).Draw(rt, "kind") {
			case 0:
				b.Now.Boot, b.Now.Up = fmt.Sprintf("%s-%d", name, i), 0
				b.Now.Clock = rapid.SampledFrom([]kiosk.Quality{kiosk.Unset, kiosk.Holdover, kiosk.Synced}).Draw(rt, "quality")
				b.Now.Wall = b.Now.Wall.Add(time.Duration(rapid.SampledFrom([]int{-7200, -30, 0, 30, 7200}).Draw(rt, "jump")) * time.Second)
			case 1:
				b.Now.Clock = kiosk.Synced
				es = append(es, b.Event(&kiosk.ClockSet{OffsetMS: 1}))
				continue
			}
			es = append(es, b.CheckIn(fmt.Sprintf("V%d", rapid.IntRange(1, 3).Draw(rt, "visit"))))
		}
		return es
	}
	common := live(first, rapid.IntRange(0, 4).Draw(rt, "common"), "c")
	second := *first
	one, two := live(first, rapid.IntRange(0, 6).Draw(rt, "first"), "a"), live(&second, rapid.IntRange(0, 6).Draw(rt, "second"), "b")
	out = append(slices.Concat(common, one, two), one...)
	if rapid.Bool().Draw(rt, "in any order") {
		out = rapid.Permutation(out).Draw(rt, "order")
	}
	out = slices.DeleteFunc(out, func(backoffice.Entry) bool { return rapid.IntRange(0, 4).Draw(rt, "lost") == 0 })
	for i, es := range [][]backoffice.Entry{one, two} {
		next := NewBoard(t, store, "k1", fmt.Sprintf("n%d", i))
		for _, e := range es {
			next.Now = e.Event.Moment.Add(-time.Second)
			out = append(out, next.Envelope(kiosk.Event{Data: e.Event.Data, Was: e.Event.ID(), WasHash: kiosk.HashOf(e.Bytes).String()}))
		}
	}
	return append(out, live(first, 2, "d")...)
}
