package pgledger_test

import (
	"fmt"
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
