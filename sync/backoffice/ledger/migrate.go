package ledger

import (
	"database/sql"
	"fmt"
)

// migrations lead from one version of the schema to the next, each by adding;
// the first is schema. A program of an earlier version may still use the file:
// what it does not write is found out by times.
var migrations = []string{schema, rollups + seamTable, papers}

// rollups is what version 2 adds beside the seams: times as they were known before,
// and what a folder keeps.
const rollups = `
CREATE TABLE moved(           -- an event's corrected time as it was known before position until
	n INTEGER NOT NULL, until INTEGER NOT NULL,
	when_ms INTEGER NOT NULL, uncertain INTEGER NOT NULL,
	PRIMARY KEY(n, until)) STRICT, WITHOUT ROWID;
CREATE TABLE mixed(           -- positions, first to last, within a transaction that moved times
	first INTEGER NOT NULL, last INTEGER PRIMARY KEY) STRICT;
` + kept

// kept is what a folder keeps. DropRollups makes again what somebody deleted of it.
const kept = `
CREATE TABLE IF NOT EXISTS folds(
	store TEXT PRIMARY KEY, round INTEGER NOT NULL, changed INTEGER NOT NULL, visit TEXT NOT NULL,
	through INTEGER NOT NULL, mark TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS facts(
	n INTEGER PRIMARY KEY,
	store TEXT NOT NULL, visit TEXT NOT NULL, at INTEGER NOT NULL, bytes BLOB NOT NULL,
	days TEXT NOT NULL, keys TEXT NOT NULL, -- one a line
	due_ms INTEGER,           -- NULL: never
	UNIQUE(store, visit)) STRICT;
CREATE INDEX IF NOT EXISTS facts_due ON facts(store, due_ms) WHERE due_ms IS NOT NULL;
CREATE TABLE IF NOT EXISTS fact_days(
	store TEXT NOT NULL, day TEXT NOT NULL, fact INTEGER NOT NULL,
	PRIMARY KEY(store, day, fact)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS fact_keys(
	store TEXT NOT NULL, key TEXT NOT NULL, fact INTEGER NOT NULL,
	PRIMARY KEY(store, key, fact)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS day_rows(
	n INTEGER PRIMARY KEY,
	store TEXT NOT NULL, kind TEXT NOT NULL, day TEXT NOT NULL, key TEXT NOT NULL, bytes BLOB NOT NULL,
	UNIQUE(store, kind, day, key)) STRICT;
CREATE INDEX IF NOT EXISTS day_rows_day ON day_rows(store, day);
`

// migrate brings a file up to this program's version.
func migrate(tx *sql.Tx, version int) error {
	if version >= Version {
		return nil
	}
	for ; version < Version; version++ {
		if _, err := tx.Exec(migrations[version]); err != nil {
			return fmt.Errorf("migrate from version %d to %d: %w", version, version+1, err)
		}
	}
	_, err := tx.Exec(fmt.Sprintf("PRAGMA user_version = %d", Version))
	return err
}

// times notes from which position on the moved times are whole: from where the
// file was migrated, and again from where a program left it that did not know
// of them. It runs before the run is counted.
func times(tx *sql.Tx) error {
	var run, known int64
	if err := tx.QueryRow(`SELECT value + 0, coalesce((SELECT value + 0 FROM meta WHERE name = 'times_run'), -1) FROM meta WHERE name = 'run'`).Scan(&run, &known); err != nil {
		return fmt.Errorf("read run: %w", err)
	}
	if known != run {
		if _, err := tx.Exec(`INSERT INTO meta SELECT 'times_since', coalesce(max(n), 0) FROM events WHERE true ON CONFLICT(name) DO UPDATE SET value = excluded.value`); err != nil {
			return fmt.Errorf("note since when times are kept: %w", err)
		}
	}
	if _, err := tx.Exec(`INSERT INTO meta VALUES('times_run', ?) ON CONFLICT(name) DO UPDATE SET value = excluded.value`, run+1); err != nil {
		return fmt.Errorf("note that times are kept: %w", err)
	}
	return nil
}
