package journal

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strings"
)

// writer is the one connection that writes, and the statements that a scan needs.
type writer struct {
	db            *sql.DB
	conn          *sql.Conn
	begin, commit *sql.Stmt
	insert        [len(insertRows)]driver.Stmt // of so many rows
	args          []driver.NamedValue          // of the largest of them
}

const (
	insertInto = "INSERT INTO events (pos, type, visit, bytes, person, hash) VALUES "
	insertRow  = "(?, ?, ?, ?, ?, ?)"
	columns    = 6
)

// insertRows are how many rows one statement stores, the largest first.
var insertRows = [...]int{partRows, firstRows, 1}

// openWriter opens the one connection that writes.
func (j *Journal) openWriter(ctx context.Context) error {
	w, err := newWriter(ctx, j.path)
	if err != nil {
		return err
	}
	j.writer = w
	return nil
}

func newWriter(ctx context.Context, path string) (w writer, err error) {
	if w.db, err = sql.Open("sqlite3", dsn(path, "rw")); err != nil {
		return writer{}, err
	}
	w.db.SetMaxOpenConns(1)
	defer func() {
		if err != nil {
			w.close()
			w = writer{}
		}
	}()
	if w.conn, err = w.db.Conn(ctx); err != nil {
		return w, classify(err)
	}
	// The write-ahead log is cut back to this size after a burst. What is dropped
	// is overwritten: it holds what people have said.
	settings := fmt.Sprintf("PRAGMA wal_autocheckpoint = %d; PRAGMA journal_size_limit = %d; PRAGMA cell_size_check = ON; PRAGMA secure_delete = ON; PRAGMA trusted_schema = OFF", limitLog/pageBytes, limitLog)
	if _, err = w.conn.ExecContext(ctx, settings); err != nil {
		return w, classify(err)
	}
	if err = checkSettings(ctx, w.conn); err != nil {
		return w, err
	}
	if err = migrate(ctx, w.conn); err != nil {
		return w, fmt.Errorf("migrate: %w", classify(err))
	}
	if err = w.prepare(ctx); err != nil {
		return w, classify(err)
	}
	if err = w.probe(ctx); err != nil {
		return w, fmt.Errorf("see whether it can be written to: %w", classify(err))
	}
	return w, nil
}

// probe takes the lock of who writes, and gives it back. Where a file cannot be
// opened for writing SQLite opens it for reading, tells nobody, and stays with that
// once the disk can be written to again.
func (w *writer) probe(ctx context.Context) error {
	if _, err := w.begin.ExecContext(ctx); err != nil {
		return err
	}
	_, err := w.conn.ExecContext(ctx, "ROLLBACK")
	return err
}

func (w *writer) prepare(ctx context.Context) (err error) {
	if w.begin, err = w.conn.PrepareContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	if w.commit, err = w.conn.PrepareContext(ctx, "COMMIT"); err != nil {
		return err
	}
	w.args = make([]driver.NamedValue, columns*insertRows[0])
	for i := range w.args {
		w.args[i].Ordinal = i + 1
	}
	return w.conn.Raw(func(c any) (err error) {
		for i, n := range insertRows {
			query := insertInto + insertRow + strings.Repeat(", "+insertRow, n-1)
			if w.insert[i], err = c.(driver.ConnPrepareContext).PrepareContext(ctx, query); err != nil {
				return err
			}
		}
		return nil
	})
}

// store stores insertRows[size] rows with one statement and one call into C: as a
// query without rows, since the driver's Exec makes a call for each argument, and
// below database/sql, which would look at every argument once more.
func (w *writer) store(ctx context.Context, size int, base uint64, rows []encoded) error {
	args := w.args[:columns*len(rows)]
	for i := range rows {
		r, a := &rows[i], args[columns*i:][:columns]
		a[0].Value = int64(base + r.seq)
		a[1].Value = r.typ
		a[2].Value = r.visit
		a[3].Value = r.bytes
		a[4].Value = r.person
		a[5].Value = r.hash[:]
	}
	return w.conn.Raw(func(any) error {
		none, err := w.insert[size].(driver.StmtQueryContext).QueryContext(ctx, args)
		if err != nil {
			return err
		}
		if err = none.Next(nil); errors.Is(err, io.EOF) {
			err = nil
		}
		return errors.Join(err, none.Close())
	})
}

// close closes what there is of it, the statements first.
func (w *writer) close() error {
	var errs []error
	for _, s := range w.insert {
		if s != nil {
			errs = append(errs, s.Close())
		}
	}
	for _, s := range []*sql.Stmt{w.begin, w.commit} {
		if s != nil {
			errs = append(errs, s.Close())
		}
	}
	if w.conn != nil {
		errs = append(errs, w.conn.Close())
	}
	if w.db != nil {
		errs = append(errs, w.db.Close())
	}
	return errors.Join(errs...)
}
