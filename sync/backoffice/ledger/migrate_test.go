package ledger_test

import (
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/ledger"
	"baylight/sync/backoffice/ledger/ledgertest"
)

// toVersion1 makes a file what a program of version 1 leaves.
const toVersion1 = `DROP TABLE moved; DROP TABLE mixed; DROP TABLE folds; DROP TABLE facts; DROP TABLE fact_days; DROP TABLE fact_keys; DROP TABLE day_rows; DROP TABLE seams;
	DROP TABLE papers; DROP TABLE revisions; DROP TABLE trail;
	DELETE FROM meta WHERE name LIKE 'times%'; PRAGMA user_version = 1`

// TestMigrate: a ledger whose times moved before they were kept, or while a
// program of version 1 was at work on it, answers as it stood at any position.
func TestMigrate(t *testing.T) {
	for name, between := range map[string]string{
		"migrated":           toVersion1,
		"left by version 1":  `UPDATE meta SET value = value + 1 WHERE name = 'run'; DELETE FROM moved; DELETE FROM mixed`,
		"kept all the while": `SELECT 1`,
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "l.db")
			board := ledgertest.NewBoard(t, "s", "k1", "e1")
			board.Now.Clock = kiosk.Unset
			set := func() backoffice.Entry {
				board.Now.Wall, board.Now.Clock = board.Now.Wall.Add(time.Hour), kiosk.Synced
				return board.Event(&kiosk.ClockSet{OffsetMS: 3600_000})
			}
			commit(t, path, board.CheckIn("V1"), board.CheckIn("V2"), set(), board.CheckIn("V3"))
			db, err := sql.Open("sqlite3", path)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := db.Exec(between); err != nil {
				t.Fatal(err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			board.Now.Boot, board.Now.Clock = "boot-2", kiosk.Unset
			commit(t, path, board.CheckIn("V4"), set(), board.CheckIn("V1"))
			compare(t, path, 7)
		})
	}
}

// commit commits events one by one.
func commit(t *testing.T, path string, events ...backoffice.Entry) {
	t.Helper()
	l, err := ledger.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, e := range events {
		if _, err := l.Commit(t.Context(), backoffice.Batch{At: office, Entries: []backoffice.Entry{e}}); err != nil {
			t.Fatal(err)
		}
	}
}

// compare holds VisitsAt to Until at every position, and asks for more at once
// than there are connections.
func compare(t *testing.T, path string, head uint64) {
	t.Helper()
	l, err := ledger.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for n := range head + 1 {
		var want, got []string
		show := func(v string, es []kiosk.Event) string {
			line := v
			for _, e := range es {
				line += fmt.Sprint(" ", e.ID(), e.When.UnixMilli(), e.Uncertain)
			}
			return line
		}
		if err := l.Until(t.Context(), "s", n, func(v string, es []kiosk.Event) { want = append(want, show(v, es)) }); err != nil {
			t.Fatal(err)
		}
		if err := l.VisitsAt(t.Context(), "s", []string{"V4", "V3", "V2", "V1"}, n, func(v string, es []kiosk.Event) error {
			got = append(got, show(v, es))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("at %d: %q, want %q", n, got, want)
		}
	}
	var many sync.WaitGroup
	for range 16 {
		many.Go(func() {
			found := 0
			if err := l.VisitsAt(t.Context(), "s", []string{"V1"}, 1, func(string, []kiosk.Event) error {
				found++
				return nil
			}); err != nil || found != 1 {
				t.Errorf("%d visits of V1 (%v)", found, err)
			}
		})
	}
	many.Wait()
}

// TestTrailStands: also who opens the file by hand cannot change the trail, nor
// drop what is not old.
func TestTrailStands(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l.db")
	l, err := ledger.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	err = l.Append(t.Context(), []backoffice.TrailLine{{Key: "old", At: office.AddDate(-3, 0, 0)}, {Key: "new", At: office}})
	if err := errors.Join(err, l.Close()); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range []string{`UPDATE trail SET at_ms = 0`, `DELETE FROM trail WHERE key = 'new'`, `DELETE FROM trail`,
		`INSERT OR REPLACE INTO trail VALUES (2, 'new', 0, x'00')`, `INSERT OR REPLACE INTO trail VALUES (2, 'other', 0, x'00')`} {
		_, err := db.Exec(statement)
		var lines int
		if err := db.QueryRow(`SELECT count(*) FROM trail WHERE bytes = x'' AND at_ms > 0`).Scan(&lines); err != nil || lines != 2 {
			t.Errorf("%s leaves %d lines (%v)", statement, lines, err)
		}
		if err == nil && !strings.HasPrefix(statement, "INSERT") {
			t.Errorf("%s: no error", statement)
		}
	}
	if _, err := db.Exec(`DELETE FROM trail WHERE key = 'old'`); err != nil {
		t.Error(err)
	}
}
