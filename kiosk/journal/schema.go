package journal

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
)

const (
	applicationID = 0x4261794a // "BayJ", in bytes 68–71 of the file
	version       = 2          // user_version of the files this program writes
	minReader     = 1          // oldest version of a program that can read a file without holes; with them it is 2
	minSQLite     = 3_051_003  // as sqlite3_libversion_number: major, minor, patch
)

// An event's pos counts through the whole file, its sequence within its epoch:
// pos = epochs.base + sequence. The epoch with the highest base is appended to;
// a negative base is that of an epoch that ended without an event.
const schema = `
CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE epochs (
	epoch TEXT PRIMARY KEY,
	base INTEGER NOT NULL,
	superseded TEXT
) STRICT, WITHOUT ROWID;
CREATE TABLE events (
	pos INTEGER PRIMARY KEY,
	type TEXT NOT NULL,
	visit TEXT NOT NULL,
	bytes BLOB NOT NULL,
	person BLOB,
	hash BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;
CREATE TABLE cursors (
	epoch TEXT NOT NULL,
	name TEXT NOT NULL,
	value INTEGER NOT NULL,
	PRIMARY KEY (epoch, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE receipts (
	n INTEGER PRIMARY KEY,
	ledger TEXT NOT NULL UNIQUE,
	term INTEGER NOT NULL,
	epoch TEXT NOT NULL,
	through INTEGER NOT NULL
) STRICT;
` + schema2

// schema2 is what version 2 adds. Positions first to last of a hole were pruned
// or destroyed; hash is that of the event at last. A lost range was destroyed and
// is told once an event says so.
const schema2 = `
CREATE TABLE holes (
	first INTEGER PRIMARY KEY,
	last INTEGER NOT NULL,
	hash BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;
CREATE TABLE lost (
	epoch TEXT NOT NULL,
	"from" INTEGER NOT NULL,
	"to" INTEGER NOT NULL,
	told INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY (epoch, "from")
) STRICT, WITHOUT ROWID;
`

// querier is what *sql.DB and *sql.Conn have in common.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// wanted are the settings without which a commit is not what this package
// promises. They are read back from every connection that writes.
func wanted() [][2]string {
	return [][2]string{
		{"application_id", strconv.Itoa(applicationID)},
		{"journal_mode", "wal"},
		{"synchronous", synchronousLevel},
		{"locking_mode", "normal"},
		{"mmap_size", "0"},
	}
}

// checkSettings reports the first setting that the database does not give.
func checkSettings(ctx context.Context, q querier) error {
	for _, w := range wanted() {
		var got string
		if err := q.QueryRowContext(ctx, "PRAGMA "+w[0]).Scan(&got); err != nil {
			return fmt.Errorf("read pragma %s: %w", w[0], classify(err))
		}
		if !strings.EqualFold(got, w[1]) {
			return fmt.Errorf("pragma %s is %q and must be %q", w[0], got, w[1])
		}
	}
	return nil
}

// checkSQLite refuses versions of SQLite with a known defect in WAL mode
// (the reset race mended in 3.51.3).
func checkSQLite(text string, number int) error {
	if number < minSQLite {
		return fmt.Errorf("sqlite is %s, at least 3.51.3 is needed", text)
	}
	return nil
}

// checkVersion says whether this program can read and write the file.
func checkVersion(ctx context.Context, q querier) error {
	var v, reader int64
	if err := q.QueryRowContext(ctx, "PRAGMA user_version").Scan(&v); err != nil {
		return fmt.Errorf("read version: %w", classify(err))
	}
	if err := q.QueryRowContext(ctx, "SELECT value FROM meta WHERE key = 'min_reader'").Scan(&reader); err != nil {
		return fmt.Errorf("read min_reader: %w", damaged(err))
	}
	if v < 1 || reader < 1 {
		return fmt.Errorf("%w: version %d, min_reader %d", ErrDamaged, v, reader)
	}
	if reader > version {
		return fmt.Errorf("%w: it has version %d and needs a program of at least %d, this one is %d", ErrTooNew, v, reader, version)
	}
	return checkTables(ctx, q, v)
}

// checkTables holds that every column this program uses is there.
func checkTables(ctx context.Context, q querier, v int64) error {
	var n int
	if v >= 2 {
		err := q.QueryRowContext(ctx, `SELECT count(*) FROM (SELECT 1
			FROM (SELECT first, last, hash FROM holes LIMIT 0), (SELECT epoch, "from", "to", told FROM lost LIMIT 0))`).Scan(&n)
		if err != nil {
			return fmt.Errorf("read tables: %w", damaged(err))
		}
	}
	err := q.QueryRowContext(ctx, `SELECT count(*) FROM (SELECT 1
		FROM (SELECT epoch, base, superseded FROM epochs LIMIT 0),
			(SELECT pos, type, visit, bytes, person, hash FROM events LIMIT 0),
			(SELECT epoch, name, value FROM cursors LIMIT 0),
			(SELECT n, ledger, term, epoch, through FROM receipts LIMIT 0))`).Scan(&n)
	if err != nil {
		return fmt.Errorf("read tables: %w", damaged(err))
	}
	return nil
}

// migrate adds what a file of an earlier version lacks.
func migrate(ctx context.Context, conn *sql.Conn) error {
	var v int
	if err := conn.QueryRowContext(ctx, "PRAGMA user_version").Scan(&v); err != nil || v >= version {
		return err
	}
	_, err := conn.ExecContext(ctx, fmt.Sprintf("BEGIN IMMEDIATE; %s PRAGMA user_version = %d; COMMIT", schema2, version))
	return err
}
