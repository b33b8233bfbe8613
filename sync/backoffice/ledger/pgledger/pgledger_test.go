package pgledger_test

import (
	"context"
	"testing"

	"baylight/sync/backoffice"
	"baylight/sync/backoffice/ledger/ledgertest"
	"baylight/sync/backoffice/ledger/memledger"
	"baylight/sync/backoffice/ledger/pgledger"
	"baylight/sync/backoffice/ledger/pgledger/pgtest"
)

// opener opens the ledger of a folder. There is one schema, emptied when another
// folder comes: making one takes longer than most tests.
func opener(s *pgtest.Server, partitions int) ledgertest.Open {
	c := pgledger.Config{URL: s.URL(), Partitions: partitions}
	last := ""
	return func(t testing.TB, dir string) (backoffice.Ledger, func()) {
		if last != "" && last != dir {
			s.Empty()
		}
		last = dir
		l, err := pgledger.Open(context.Background(), c)
		if err != nil {
			t.Fatal(err)
		}
		return l, l.Close
	}
}

// TestContract: what the ledger in SQLite must do, this one does.
func TestContract(t *testing.T) { ledgertest.Run(t, opener(pgtest.Start(t), 0)) }

// TestTwins: what two cards leave is the same as in the ledger in memory, also
// where events are divided.
func TestTwins(t *testing.T) {
	ledgertest.Twins(t, opener(pgtest.Start(t), 3), func(testing.TB, string) (backoffice.Ledger, func()) { return memledger.New("twin"), func() {} })
}
