package pgledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"baylight/sync/backoffice"
)

var _ backoffice.Ledger = (*Ledger)(nil)

// Config says where the ledger is.
type Config struct {
	// URL is postgres://user@host:5432/database?sslmode=verify-full, or the same
	// as "host=… user=… dbname=…".
	URL string
	// Password is asked for every connection, so that it may change; nil: none.
	Password func() (string, error)
	// Schema holds the tables; "baylight" if empty. It is created if need be.
	Schema string
	// Partitions divides the table of events by store when it is created; 0: it
	// stays one table. It cannot be changed afterwards.
	Partitions int
}

// Ledger is a ledger in one schema of a PostgreSQL database.
type Ledger struct {
	pool *pgxpool.Pool
	// now is for what boards wait for, commits and receipts: a connection each, so that
	// neither stands behind what many stores ask at once when they are taken over.
	now  *pgxpool.Pool
	id   string
	run  uint64
	app  string     // what its connections are called
	mu   sync.Mutex // one commit at a time
	kept sync.Mutex // one change of papers at a time: commits wait for one at most

	names  sync.Mutex
	stores map[string]int32 // numbers of stores, which never change

	fence  sync.Mutex
	office string // the Office that commits, "" if leases do not matter
}

// Bounds on waiting for the server.
const (
	connectWithin = 10 * time.Second
	commitWithin  = 60 * time.Second
	readers       = 6 // connections at most
	urgent        = 2 // of a commit, and of receipts
)

var schemaName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,40}$`)

// Open opens the ledger, or creates it with a new id. Close it.
func Open(ctx context.Context, c Config) (*Ledger, error) {
	l, err := open(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("open ledger in PostgreSQL: %w", advised(err))
	}
	return l, nil
}

func open(ctx context.Context, c Config) (*Ledger, error) {
	app := "baylight " + uuid.NewString()
	pool, err := connect(ctx, c, app)
	if err != nil {
		return nil, err
	}
	l := &Ledger{pool: pool, app: app, stores: map[string]int32{}}
	err = l.prepare(ctx, c)
	if err == nil {
		pc := pool.Config()
		pc.MaxConns = urgent
		l.now, err = pgxpool.NewWithConfig(ctx, pc)
	}
	if err != nil {
		pool.Close()
		return nil, err
	}
	return l, nil
}

// connect makes the pool and one connection, so that what is wrong is said now.
func connect(ctx context.Context, c Config, app string) (*pgxpool.Pool, error) {
	c.Schema = cmp.Or(c.Schema, "baylight")
	if !schemaName.MatchString(c.Schema) {
		return nil, fmt.Errorf("read schema: %q is not a to z, 0 to 9 and _, beginning with a letter, at most 41", c.Schema)
	}
	if c.Partitions < 0 || c.Partitions > 1024 {
		return nil, fmt.Errorf("read partitions: %d is not 0 to 1024", c.Partitions)
	}
	pc, err := pgxpool.ParseConfig(c.URL)
	if err != nil {
		return nil, err // it names no password
	}
	pc.MaxConns = readers
	pc.ConnConfig.ConnectTimeout = connectWithin
	for name, value := range map[string]string{
		"search_path":                         c.Schema,
		"application_name":                    app,
		"synchronous_commit":                  "on",
		"idle_in_transaction_session_timeout": "10s", // a stopped process must not hold the lock on head
		"tcp_user_timeout":                    "10s",
		"enable_seqscan":                      "off", // plans are made while tables are small and kept when they are not
		"jit":                                 "off",
		"timezone":                            "UTC",
	} {
		if _, given := pc.ConnConfig.RuntimeParams[name]; !given || name == "search_path" || name == "application_name" {
			pc.ConnConfig.RuntimeParams[name] = value
		}
	}
	if c.Password != nil {
		pc.BeforeConnect = func(_ context.Context, cc *pgx.ConnConfig) (err error) {
			cc.Password, err = c.Password()
			return err
		}
	}
	pc.AfterConnect = assertDurable
	pool, err := pgxpool.NewWithConfig(ctx, pc)
	if err != nil {
		return nil, err
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, err
	}
	return pool, nil
}

// assertDurable refuses a connection whose commits a power cut could take back.
func assertDurable(ctx context.Context, conn *pgx.Conn) error {
	var commit, sync, pages string
	if err := conn.QueryRow(ctx, `SELECT current_setting('synchronous_commit'), current_setting('fsync'), current_setting('full_page_writes')`).
		Scan(&commit, &sync, &pages); err != nil {
		return fmt.Errorf("ask for durability: %w", err)
	}
	if commit == "off" || sync != "on" || pages != "on" {
		return fmt.Errorf("assert durability: synchronous_commit is %s, fsync is %s and full_page_writes is %s; all must be on", commit, sync, pages)
	}
	return nil
}

// prepare creates or migrates the schema and counts the run. One process does
// so at a time.
func (l *Ledger) prepare(ctx context.Context, c Config) error {
	return pgx.BeginFunc(ctx, l.pool, func(tx pgx.Tx) error {
		schema := cmp.Or(c.Schema, "baylight")
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtext('baylight ledger ' || $1))`, schema); err != nil {
			return fmt.Errorf("wait for other offices that start: %w", err)
		}
		version, err := versionOf(ctx, tx, schema)
		if err != nil {
			return err
		}
		if err := migrate(ctx, tx, schema, version, c.Partitions); err != nil {
			return err
		}
		if err := l.understand(ctx, tx); err != nil {
			return fmt.Errorf("understand events of types that were unknown: %w", err)
		}
		var run int64
		if err := tx.QueryRow(ctx, `UPDATE head SET run = run + 1 RETURNING ledger, run`).Scan(&l.id, &run); err != nil {
			return fmt.Errorf("count run: %w", err)
		}
		l.run = uint64(run)
		return nil
	})
}

// versionOf is the version of the schema, 0 if there is none yet.
func versionOf(ctx context.Context, tx pgx.Tx, schema string) (version int, err error) {
	var tables int
	var meta bool
	if err := tx.QueryRow(ctx, `SELECT count(*), coalesce(bool_or(table_name = 'meta'), false) FROM information_schema.tables WHERE table_schema = $1`,
		schema).Scan(&tables, &meta); err != nil {
		return 0, fmt.Errorf("look for tables: %w", err)
	}
	if tables == 0 {
		return 0, nil
	}
	if !meta {
		return 0, fmt.Errorf("schema %s holds other tables and is no ledger", schema)
	}
	var text, least string
	if err := tx.QueryRow(ctx, `SELECT (SELECT value FROM meta WHERE name = 'version'), (SELECT value FROM meta WHERE name = 'min_reader')`).
		Scan(&text, &least); err != nil {
		return 0, fmt.Errorf("read version of schema %s: %w", schema, err)
	}
	version, err = strconv.Atoi(text)
	reader, err2 := strconv.Atoi(least)
	if err := errors.Join(err, err2); err != nil {
		return 0, fmt.Errorf("read version of schema %s: %w", schema, err)
	}
	if version > Version && reader > Version {
		return 0, fmt.Errorf("schema %s is of version %d and wants a program that reads version %d; this one reads %d", schema, version, reader, Version)
	}
	return version, nil
}

// ID is the uuid of the ledger.
func (l *Ledger) ID() string { return l.id }

// Opened counts how often the ledger was opened, by whichever process, from 1.
func (l *Ledger) Opened() uint64 { return l.run }

// Close ends every connection.
func (l *Ledger) Close() {
	l.now.Close()
	l.pool.Close()
}

// Renew gives the ledger a new id, so that boards send again what it lacks: for
// a database that was restored from a backup. Offices at work on it stop being
// able to commit and have to be started again.
func Renew(ctx context.Context, c Config) (id string, err error) {
	pool, err := connect(ctx, c, "baylight")
	if err != nil {
		return "", fmt.Errorf("renew ledger: %w", err)
	}
	defer pool.Close()
	id = uuid.NewString()
	done, err := pool.Exec(ctx, `UPDATE head SET ledger = $1`, id)
	if err == nil && done.RowsAffected() != 1 {
		err = errors.New("there is no ledger")
	}
	if err != nil {
		return "", fmt.Errorf("renew ledger: %w", err)
	}
	return id, nil
}

// Mark keeps a small number under a name.
func (l *Ledger) Mark(ctx context.Context, name string, n uint64) error {
	if _, err := l.pool.Exec(ctx, `INSERT INTO marks VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET n = excluded.n`, plain(name), int64(n)); err != nil {
		return fmt.Errorf("keep mark %s: %w", name, err)
	}
	return nil
}

// Marked is the number kept under a name, 0 if there is none.
func (l *Ledger) Marked(ctx context.Context, name string) (uint64, error) {
	var n int64
	err := l.pool.QueryRow(ctx, `SELECT n FROM marks WHERE name = $1`, plain(name)).Scan(&n)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return 0, fmt.Errorf("read mark %s: %w", name, err)
	}
	return uint64(n), nil
}
