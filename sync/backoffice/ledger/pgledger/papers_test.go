package pgledger_test

import (
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"baylight/sync/backoffice"
	"baylight/sync/backoffice/ledger/pgledger"
	"baylight/sync/backoffice/ledger/pgledger/pgtest"
)

// TestPapersMove: only the office that has a store keeps papers of it; whoever
// has it next finds them, and what the former one still had in mind is refused.
func TestPapersMove(t *testing.T) {
	s := pgtest.Start(t)
	c := pgledger.Config{URL: s.URL()}
	early := open(t, c) // has not joined: it takes over what lay in files
	n, err := early.KeepPapers(t.Context(), "s1", "days", 0, []backoffice.Paper{{Name: "old", Bytes: []byte("0")}})
	must(t, err)
	a := work(t, c, "a", []string{"s1"})
	a.settled(t, 1)
	b := work(t, c, "b", []string{"s1"})
	one := []backoffice.Paper{{Name: "new", Bytes: []byte("1")}}
	if _, err := b.ledger.KeepPapers(t.Context(), "s1", "days", n, one); !errors.Is(err, backoffice.ErrNotHeld) {
		t.Errorf("an office that has not got the store: %v, want ErrNotHeld", err)
	}
	n, err = a.ledger.KeepPapers(t.Context(), "s1", "days", n, one)
	must(t, err)
	a.stop()
	b.settled(t, 1)
	if _, err := a.ledger.KeepPapers(t.Context(), "s1", "days", n, nil); !errors.Is(err, backoffice.ErrNotHeld) {
		t.Errorf("the office that had the store: %v, want ErrNotHeld", err)
	}
	papers, is, err := b.ledger.Papers(t.Context(), "s1", "days")
	if err != nil || is != n || len(papers) != 2 || string(papers[0].Bytes) != "1" {
		t.Errorf("the next one finds %+v of revision %d (%v), want two of %d", papers, is, err, n)
	}
	if _, err := b.ledger.KeepPapers(t.Context(), "s1", "days", n-1, nil); !errors.Is(err, backoffice.ErrPapers) {
		t.Errorf("by an older revision: %v, want ErrPapers", err)
	}
	_, err = b.ledger.KeepPapers(t.Context(), "s1", "days", n, nil)
	must(t, err)
}

// TestTrailStands: also who connects by hand cannot change the trail, nor drop
// what is not old.
func TestTrailStands(t *testing.T) {
	s := pgtest.Start(t)
	l := open(t, pgledger.Config{URL: s.URL()})
	conn, err := pgx.Connect(t.Context(), s.URL()+" search_path=baylight")
	must(t, err)
	defer conn.Close(t.Context())
	now := time.Now()
	must(t, l.Append(t.Context(), []backoffice.TrailLine{{Key: "old", At: now.AddDate(-3, 0, 0)}, {Key: "new", At: now}}))
	for _, statement := range []string{`UPDATE trail SET at_ms = 0`, `DELETE FROM trail WHERE key = 'new'`, `DELETE FROM trail`, `TRUNCATE trail`} {
		if _, err := conn.Exec(t.Context(), statement); err == nil {
			t.Errorf("%s: no error", statement)
		}
		if lines, err := l.Lines(t.Context(), 0, 9); err != nil || len(lines) != 2 {
			t.Errorf("%s leaves %v (%v)", statement, lines, err)
		}
	}
	if _, err := conn.Exec(t.Context(), `DELETE FROM trail WHERE key = 'old'`); err != nil {
		t.Error(err)
	}
}

// TestMigrated: a ledger of version 1 gets what later versions add, and keeps what it has.
func TestMigrated(t *testing.T) {
	s := pgtest.Start(t)
	c := pgledger.Config{URL: s.URL()}
	id := open(t, c).ID()
	s.Exec(`ALTER TABLE baylight.day_rows RESET (toast_tuple_target)`, `DROP INDEX baylight.facts_first`, `DROP TABLE baylight.papers, baylight.revisions, baylight.trail`, `DROP FUNCTION baylight.trail_kept`, `UPDATE baylight.meta SET value = '1' WHERE name = 'version'`)
	for range 2 {
		l := open(t, c)
		if l.ID() != id {
			t.Errorf("migrated it is %s, before %s", l.ID(), id)
		}
		_, n, err := l.Papers(t.Context(), "s1", "days")
		must(t, err)
		_, err = l.KeepPapers(t.Context(), "s1", "days", n, []backoffice.Paper{{Name: "a", Bytes: []byte("1")}})
		must(t, err)
		s.Exec(`DO $$ BEGIN ASSERT (SELECT reloptions FROM pg_class WHERE oid = 'baylight.day_rows'::regclass) = '{toast_tuple_target=8160}' AND to_regclass('baylight.facts_first') IS NOT NULL; END $$`)
	}
}
