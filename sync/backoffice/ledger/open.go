package ledger

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"sync"

	"github.com/google/uuid"
	"github.com/mattn/go-sqlite3"
)

// Version is the schema this program writes, kept in user_version. A program
// may use a newer file if the file's min_reader allows it.
const Version = 3

const schema = `
CREATE TABLE meta(name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE events(
	n INTEGER PRIMARY KEY AUTOINCREMENT,
	store TEXT NOT NULL, source TEXT NOT NULL, epoch TEXT NOT NULL, seq INTEGER NOT NULL,
	hash BLOB NOT NULL,
	state INTEGER NOT NULL,     -- 0 counted, 1 recorded twice, 2 malformed
	type TEXT NOT NULL,
	visit TEXT NOT NULL,        -- '' if none, or not yet known
	target TEXT NOT NULL,       -- id of the event it corrects, '' if none
	was TEXT NOT NULL,          -- id#hash of the event it records again, '' if none
	digest TEXT NOT NULL,       -- of its person part, '' if none
	boot TEXT NOT NULL, clock TEXT NOT NULL, wall_ms INTEGER NOT NULL,
	when_ms INTEGER NOT NULL, uncertain INTEGER NOT NULL,
	at_ms INTEGER NOT NULL,     -- when it was committed, by the office's clock
	bytes BLOB NOT NULL) STRICT;
CREATE UNIQUE INDEX events_place ON events(epoch, source, seq);
CREATE INDEX events_visit ON events(store, visit, n) WHERE visit <> '';
CREATE INDEX events_target ON events(target) WHERE target <> '' AND visit = '';
CREATE INDEX events_was ON events(was) WHERE was <> '';
CREATE TABLE persons(
	epoch TEXT NOT NULL, source TEXT NOT NULL, seq INTEGER NOT NULL,
	bytes BLOB,                 -- NULL once erased
	PRIMARY KEY(epoch, source, seq)) STRICT, WITHOUT ROWID;
CREATE TABLE epochs(
	ord INTEGER PRIMARY KEY AUTOINCREMENT,
	store TEXT NOT NULL, source TEXT NOT NULL, epoch TEXT NOT NULL,
	through INTEGER NOT NULL, hash BLOB NOT NULL, -- of the event at through
	max INTEGER NOT NULL, last_ms INTEGER NOT NULL, -- corrected time of the event at max
	UNIQUE(source, epoch)) STRICT;
CREATE TABLE boots(
	source TEXT NOT NULL, epoch TEXT NOT NULL, boot TEXT NOT NULL, first INTEGER NOT NULL,
	PRIMARY KEY(source, epoch, boot)) STRICT, WITHOUT ROWID;
CREATE TABLE lost(
	source TEXT NOT NULL, epoch TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
	PRIMARY KEY(source, epoch, first, last)) STRICT, WITHOUT ROWID;
CREATE TABLE visits(
	store TEXT NOT NULL, visit TEXT NOT NULL, changed INTEGER NOT NULL,
	PRIMARY KEY(store, visit)) STRICT, WITHOUT ROWID;
CREATE INDEX visits_changed ON visits(store, changed);
CREATE TABLE conflicts(
	store TEXT NOT NULL, source TEXT NOT NULL, epoch TEXT NOT NULL, seq INTEGER NOT NULL,
	hash BLOB NOT NULL, bytes BLOB NOT NULL, at_ms INTEGER NOT NULL,
	PRIMARY KEY(source, epoch, seq, hash)) STRICT;
CREATE TABLE rejected(
	n INTEGER PRIMARY KEY AUTOINCREMENT,
	key BLOB NOT NULL UNIQUE,   -- hash of topic, payload and reason
	store TEXT NOT NULL, topic TEXT NOT NULL,
	source TEXT NOT NULL, epoch TEXT NOT NULL, seq INTEGER NOT NULL, -- '' and 0 if it could not be told
	payload BLOB NOT NULL, reason TEXT NOT NULL, times INTEGER NOT NULL, at_ms INTEGER NOT NULL) STRICT;
CREATE TABLE marks(name TEXT PRIMARY KEY, n INTEGER NOT NULL) STRICT, WITHOUT ROWID;
`

// Ledger is a ledger in one SQLite file.
type Ledger struct {
	path  string
	w, r  *sql.DB
	id    string
	run   uint64
	mu    sync.Mutex // one commit at a time
	crowd rows       // of the commit at work
	waits int64      // how many facts wait for their keys to be written
	log   int        // pages of the log in the middle of folding
}

// Options say how much a rebuild leaves undone in its middle. Zeros are what a
// back office has; less makes a small ledger do what a large one does.
type Options struct {
	Waiting int64 // facts that wait for their keys to be written; 100,000 if 0
	Log     int   // pages that stand in the log before they are written into the file; 16,000 (64 MB) if 0
}

// Open opens the ledger at path, or creates it with a new id. Close it.
func Open(path string) (*Ledger, error) { return OpenWith(path, Options{}) }

// OpenWith is Open with options.
func OpenWith(path string, o Options) (*Ledger, error) {
	l, err := open(path, o)
	if err != nil {
		return nil, fmt.Errorf("open ledger %s: %w", path, err)
	}
	return l, nil
}

func open(path string, o Options) (*Ledger, error) {
	text, number, _ := sqlite3.Version()
	if err := recent(text, number); err != nil {
		return nil, err
	}
	w, err := sql.Open("sqlite3", dsn(path, "_journal_mode=WAL&_synchronous=FULL&_secure_delete=on&_busy_timeout=10000&_txlock=immediate&_stmt_cache_size=64"))
	if err != nil {
		return nil, err
	}
	w.SetMaxOpenConns(1)
	l := &Ledger{path: path, w: w, waits: cmp.Or(o.Waiting, waitingMost), log: cmp.Or(o.Log, foldingLog)}
	if err := l.prepare(); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	if l.r, err = sql.Open("sqlite3", dsn(path, "mode=ro&_query_only=1&_busy_timeout=10000&_stmt_cache_size=32")); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	l.r.SetMaxOpenConns(4)
	return l, nil
}

func dsn(path, options string) string {
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + options
}

// prepare asserts durability, creates what is missing and counts the run.
func (l *Ledger) prepare() error {
	if err := settled(l.w); err != nil {
		return err
	}
	var version int
	if err := l.w.QueryRow("PRAGMA user_version").Scan(&version); err != nil {
		return fmt.Errorf("ask user_version: %w", err)
	}
	tx, err := l.w.Begin()
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	if version == 0 {
		if err := create(tx); err != nil {
			return fmt.Errorf("create: %w", err)
		}
		version = 1
	} else if err := readable(tx, version); err != nil {
		return err
	}
	if err := migrate(tx, version); err != nil {
		return err
	}
	if err := times(tx); err != nil {
		return err
	}
	if err := understand(tx); err != nil {
		return fmt.Errorf("understand events of types that were unknown: %w", err)
	}
	if _, err := tx.Exec(`UPDATE meta SET value = value + 1 WHERE name = 'run'`); err != nil {
		return fmt.Errorf("count run: %w", err)
	}
	if err := tx.QueryRow(`SELECT (SELECT value FROM meta WHERE name = 'ledger'), (SELECT value FROM meta WHERE name = 'run')`).Scan(&l.id, &l.run); err != nil {
		return fmt.Errorf("read ledger id: %w", err)
	}
	return tx.Commit()
}

func create(tx *sql.Tx) error {
	var tables int
	if err := tx.QueryRow(`SELECT count(*) FROM sqlite_master`).Scan(&tables); err != nil {
		return err
	}
	if tables > 0 {
		return errors.New("the file holds other tables and is no ledger")
	}
	if _, err := tx.Exec(schema); err != nil {
		return err
	}
	_, err := tx.Exec(`INSERT INTO meta VALUES ('ledger', ?), ('min_reader', '1'), ('run', '0')`, uuid.NewString())
	return err
}

func readable(tx *sql.Tx, version int) error {
	if version <= Version {
		return nil
	}
	var least int
	if err := tx.QueryRow(`SELECT value FROM meta WHERE name = 'min_reader'`).Scan(&least); err != nil {
		return fmt.Errorf("read min_reader: %w", err)
	}
	if least > Version {
		return fmt.Errorf("the file is of version %d and wants a program that reads version %d; this one reads %d", version, least, Version)
	}
	return nil
}

// ID is the uuid of the ledger.
func (l *Ledger) ID() string { return l.id }

// Opened counts how often the ledger was opened, from 1.
func (l *Ledger) Opened() uint64 { return l.run }

// Close ends every connection.
func (l *Ledger) Close() error {
	if err := errors.Join(l.r.Close(), l.w.Close()); err != nil {
		return fmt.Errorf("close ledger: %w", err)
	}
	return nil
}

// Mark keeps a small number under a name.
func (l *Ledger) Mark(_ context.Context, name string, n uint64) error {
	if _, err := l.w.Exec(`INSERT INTO marks VALUES (?, ?) ON CONFLICT(name) DO UPDATE SET n = excluded.n`, name, int64(n)); err != nil {
		return fmt.Errorf("keep mark %s: %w", name, err)
	}
	return nil
}

// Marked is the number kept under a name, 0 if there is none.
func (l *Ledger) Marked(ctx context.Context, name string) (n uint64, err error) {
	err = l.r.QueryRowContext(ctx, `SELECT n FROM marks WHERE name = ?`, name).Scan(&n)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("read mark %s: %w", name, err)
	}
	return n, nil
}
