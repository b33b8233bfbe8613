package ledger

import (
	"math/rand/v2"
	"path/filepath"
	"testing"

	"baylight/sync/backoffice"
	"baylight/sync/backoffice/ledger/ledgertest"
)

// TestWaitingKeys: facts are found under their keys, also where their keys are
// written in the middle of folding; in the end none waits, and what is committed
// next waits for the disk.
func TestWaitingKeys(t *testing.T) {
	for most := range int64(6) {
		l, err := Open(filepath.Join(t.TempDir(), "ledger.db"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		l.waits = most
		ledgertest.Steps(t, l, rand.New(rand.NewPCG(uint64(most), 1)))
		var sync, pages int
		if err := l.w.QueryRow(`PRAGMA synchronous`).Scan(&sync); err != nil || sync != 2 {
			t.Errorf("after a step synchronous is %d (%v)", sync, err)
		}
		if err := l.w.QueryRow(`PRAGMA wal_autocheckpoint`).Scan(&pages); err != nil || pages != 1000 {
			t.Errorf("after a step the log is written into the file at %d pages (%v)", pages, err)
		}
		is, err := l.Folded(t.Context(), "sh-pudong")
		if err != nil {
			t.Fatal(err)
		}
		next := backoffice.Progress{Round: is.Round + 1, Through: 99, Mark: is.Mark}
		if err := l.keep("sh-pudong", backoffice.Kept{Was: is, Is: next}); err != nil {
			t.Fatal(err)
		}
		var wrong int
		if err := l.r.QueryRow(`SELECT (SELECT count(*) FROM marks) + abs((SELECT count(*) FROM fact_keys) -
			(SELECT sum(length(keys) - length(replace(keys, char(10), '')) + 1) FROM facts WHERE keys <> ''))`).Scan(&wrong); err != nil || wrong != 0 {
			t.Errorf("at most %d wait: keys of a whole store are wrong by %d (%v)", most, wrong, err)
		}
	}
}
