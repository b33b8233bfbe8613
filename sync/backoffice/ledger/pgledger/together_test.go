package pgledger_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"baylight/sync/backoffice"
	"baylight/sync/backoffice/ledger/ledgertest"
	"baylight/sync/backoffice/ledger/pgledger"
	"baylight/sync/backoffice/ledger/pgledger/pgtest"
)

// TestBeginTogether: offices that take in the first events of the same boards at
// the same time begin each epoch once, and each event counts once.
func TestBeginTogether(t *testing.T) {
	s := pgtest.Start(t)
	const offices, boards = 4, 25
	var batches []backoffice.Batch
	var sources []string
	for i := range boards {
		b := ledgertest.NewBoard(t, store, fmt.Sprint("k", i), fmt.Sprint("e", i))
		batches = append(batches, backoffice.Batch{At: time.Now(), Entries: []backoffice.Entry{b.CheckIn("V1"), b.CheckIn("V2")}})
		sources = append(sources, b.Source)
	}
	var work sync.WaitGroup
	begin := make(chan struct{})
	outs := make([][]backoffice.Outcome, offices)
	for n := range offices {
		l := open(t, pgledger.Config{URL: s.URL()})
		work.Go(func() {
			<-begin
			for i, b := range batches {
				out, err := l.Commit(t.Context(), b)
				if err != nil {
					t.Errorf("office %d, board %d: %v", n, i, err)
				}
				outs[n] = append(outs[n], out)
			}
		})
	}
	close(begin)
	work.Wait()
	for i := range boards {
		added, again := 0, 0
		for n := range offices {
			added, again = added+outs[n][i].Added, again+outs[n][i].Duplicates
		}
		if added != 2 || again != 2*(offices-1) {
			t.Errorf("board %d: %d added and %d duplicates, want 2 and %d", i, added, again, 2*(offices-1))
		}
	}
	all, err := open(t, pgledger.Config{URL: s.URL()}).EpochsOf(t.Context(), sources)
	must(t, err)
	for _, source := range sources {
		if e := all[source]; len(e) != 1 || e[0].Through != 2 {
			t.Errorf("%s has %+v, want one epoch through 2", source, e)
		}
	}
}

// TestFactLists: days and keys of a fact are kept as they are, whatever is in them.
func TestFactLists(t *testing.T) {
	l := open(t, pgledger.Config{URL: pgtest.Start(t).URL()})
	odd := []string{"", `"`, `\`, `a"b\\c`, "{x,y}", "NULL", " ", "世界", "a,b", "z\x00\xff"}
	facts := []backoffice.Fact{{Visit: "V1", At: 1, Bytes: []byte("x"), Days: odd, Keys: odd}, {Visit: "V2", At: 1, Bytes: []byte("y")}, {Visit: "V3", At: 1, Bytes: []byte("z"), Keys: odd[:1]}}
	must(t, l.Keep(t.Context(), store, backoffice.Kept{Is: backoffice.Progress{Round: 1}, Facts: facts}))
	got, err := l.Facts(t.Context(), store, []string{"V1", "V2", "V3"})
	must(t, err)
	if len(got) != 3 {
		t.Fatalf("%d facts, want 3", len(got))
	}
	for i, f := range got {
		if !slices.Equal(f.Days, facts[i].Days) || !slices.Equal(f.Keys, facts[i].Keys) {
			t.Errorf("%s: %q under %q, want %q under %q", f.Visit, f.Days, f.Keys, facts[i].Days, facts[i].Keys)
		}
	}
	for _, key := range odd {
		if under, err := l.FactsOf(t.Context(), store, key); err != nil || len(under) == 0 || under[0].Visit != "V1" {
			t.Errorf("under %q: %d facts (%v)", key, len(under), err)
		}
	}
}
