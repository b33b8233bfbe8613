package pgledger_test

import (
	"fmt"
	"testing"

	"baylight/sync/backoffice"
	"baylight/sync/backoffice/ledger/ledgertest"
	"baylight/sync/backoffice/ledger/pgledger"
	"baylight/sync/backoffice/ledger/pgledger/pgtest"
)

var _ backoffice.Checker = (*pgledger.Ledger)(nil)

// TestDamaged: events that changed behind the ledger's back are told by their place.
func TestDamaged(t *testing.T) {
	s := pgtest.Start(t)
	place := func(e backoffice.Entry) string {
		return fmt.Sprintf(` WHERE ep = (SELECT ep FROM baylight.epochs WHERE epoch = '%s' AND source = '%s') AND seq = %d`, e.Event.Epoch, e.Event.Source, e.Event.Seq)
	}
	ledgertest.Damaged(t, opener(s, 0), ledgertest.Harm{
		Bytes: func(_ testing.TB, _ string, e backoffice.Entry, bytes, hash []byte) {
			s.Exec(fmt.Sprintf(`UPDATE baylight.events SET bytes = '\x%x', hash = CASE WHEN '%x' = '' THEN hash ELSE '\x%[2]x' END`, bytes, hash) + place(e))
		},
		Delete: func(_ testing.TB, _ string, e backoffice.Entry) { s.Exec(`DELETE FROM baylight.events` + place(e)) },
	})
}
