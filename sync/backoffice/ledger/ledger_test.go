package ledger_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"baylight/sync/backoffice"
	"baylight/sync/backoffice/ledger"
	"baylight/sync/backoffice/ledger/ledgertest"
	"baylight/sync/backoffice/ledger/memledger"
)

var _ backoffice.Ledger = (*ledger.Ledger)(nil)

func open(t testing.TB, dir string) (backoffice.Ledger, func()) {
	l, err := ledger.Open(ledgerIn(dir))
	if err != nil {
		t.Fatal(err)
	}
	return l, func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
}

func ledgerIn(dir string) string { return filepath.Join(dir, "ledger ?#%.db") } // the path is escaped

func TestContract(t *testing.T) { ledgertest.Run(t, open) }

// TestTwins: what two cards leave in a ledger is the same in the ledger in memory,
// which the simulation plays with.
func TestTwins(t *testing.T) {
	ledgertest.Twins(t, open, func(testing.TB, string) (backoffice.Ledger, func()) { return memledger.New("twin"), func() {} })
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	write := func(name, script string) string {
		path := filepath.Join(dir, name)
		db, err := sql.Open("sqlite3", path)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.Exec(script); err != nil {
			t.Fatal(err)
		}
		return path
	}
	text := filepath.Join(dir, "text.db")
	if err := os.WriteFile(text, []byte(strings.Repeat("this is no database at all\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		write("foreign.db", `CREATE TABLE other(x)`): "no ledger",
		write("newer.db", `CREATE TABLE meta(name, value); INSERT INTO meta VALUES('min_reader', '9'); PRAGMA user_version = 9`): "wants a program that reads version 9",
		text:                               "not a database",
		filepath.Join(dir, "none", "x.db"): "unable to open",
	} {
		l, err := ledger.Open(path)
		if err == nil {
			l.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("open %s: %v, want %q and the path", filepath.Base(path), err, want)
		}
	}
}

func TestOpenNewerThatAllowsIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l.db")
	l, err := ledger.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	id := l.ID()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`PRAGMA user_version = 9`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	l, err = ledger.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if l.ID() != id || l.Opened() != 2 {
		t.Errorf("a newer file opens as %s run %d", l.ID(), l.Opened())
	}
}
