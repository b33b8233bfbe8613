package memledger_test

import (
	"testing"

	"github.com/google/uuid"

	"baylight/sync/backoffice"
	"baylight/sync/backoffice/ledger/ledgertest"
	"baylight/sync/backoffice/ledger/memledger"
)

// TestContract: what the ledger at rest must do, this one does.
func TestContract(t *testing.T) {
	kept := map[string]*memledger.Ledger{}
	ledgertest.Run(t, func(_ testing.TB, dir string) (backoffice.Ledger, func()) {
		l := kept[dir]
		if l == nil {
			l = memledger.New(uuid.NewString())
			kept[dir] = l
		} else {
			l.Reopen()
		}
		return l, func() {}
	})
}
