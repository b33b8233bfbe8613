package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"baylight/sync/backoffice"
)

// papers is what version 3 adds: what is no event. The triggers keep the trail as
// it was written, also from whoever opens the file by hand: 60480000000 ms are
// backoffice.TrailKept.
const papers = `
CREATE TABLE papers(
	n INTEGER PRIMARY KEY,
	store TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, at_ms INTEGER NOT NULL, bytes BLOB NOT NULL,
	UNIQUE(store, kind, name)) STRICT;
CREATE TABLE revisions(       -- of the papers of a kind and store
	revision INTEGER PRIMARY KEY,
	store TEXT NOT NULL, kind TEXT NOT NULL,
	UNIQUE(store, kind)) STRICT;
CREATE TABLE trail(
	n INTEGER PRIMARY KEY AUTOINCREMENT,
	key TEXT NOT NULL UNIQUE, at_ms INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT;
CREATE INDEX trail_at ON trail(at_ms);
CREATE TRIGGER trail_once BEFORE INSERT ON trail WHEN EXISTS(SELECT 1 FROM trail WHERE key = new.key OR n = new.n) BEGIN SELECT RAISE(IGNORE); END;
CREATE TRIGGER trail_stands BEFORE UPDATE ON trail BEGIN SELECT RAISE(ABORT, 'lines of the trail are never changed'); END;
CREATE TRIGGER trail_stays BEFORE DELETE ON trail WHEN old.at_ms > (SELECT max(at_ms) FROM trail) - 60480000000
	BEGIN SELECT RAISE(ABORT, 'lines of the trail are kept for 700 days'); END;
`

// Papers lists those of a kind that a store has (backoffice.Papers).
func (l *Ledger) Papers(ctx context.Context, store, kind string) (out []backoffice.Paper, revision uint64, err error) {
	err = l.snapshot(ctx, func(q querier) error {
		if revision, err = revisionOf(ctx, q, store, kind); err != nil {
			return err
		}
		return each(ctx, q, func(r *sql.Rows) error {
			var p backoffice.Paper
			var at int64
			err := r.Scan(&p.Name, &at, &p.Bytes)
			p.At = ms(at)
			out = append(out, p)
			return err
		}, `SELECT name, at_ms, bytes FROM papers WHERE store = ? AND kind = ? ORDER BY name`, store, kind)
	})
	if err != nil {
		return nil, 0, fmt.Errorf("read %s of %s: %w", kind, store, err)
	}
	return out, revision, nil
}

func revisionOf(ctx context.Context, q querier, store, kind string) (revision uint64, err error) {
	err = q.QueryRowContext(ctx, `SELECT revision FROM revisions WHERE store = ? AND kind = ?`, store, kind).Scan(&revision)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return revision, err
}

// KeepPapers makes papers durable.
func (l *Ledger) KeepPapers(ctx context.Context, store, kind string, was uint64, papers []backoffice.Paper) (revision uint64, err error) {
	if err = errors.Join(ctx.Err(), backoffice.CheckPapers(papers)); err == nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		err = l.write(func(tx *sql.Tx) error {
			revision, err = keepPapers(tx, store, kind, was, papers)
			return err
		})
	}
	if err != nil {
		return 0, fmt.Errorf("keep %s of %s: %w", kind, store, err)
	}
	return revision, nil
}

func keepPapers(tx *sql.Tx, store, kind string, was uint64, papers []backoffice.Paper) (revision uint64, err error) {
	is, err := revisionOf(context.Background(), tx, store, kind)
	if err != nil {
		return 0, err
	}
	if is != was {
		return 0, fmt.Errorf("%w: revision %d is %d by now", backoffice.ErrPapers, was, is)
	}
	for _, p := range papers {
		if p.Bytes == nil {
			_, err = tx.Exec(`DELETE FROM papers WHERE store = ? AND kind = ? AND name = ?`, store, kind, p.Name)
		} else {
			_, err = tx.Exec(`INSERT INTO papers(store, kind, name, at_ms, bytes) VALUES (?, ?, ?, ?, ?)
				ON CONFLICT(store, kind, name) DO UPDATE SET at_ms = excluded.at_ms, bytes = excluded.bytes`, store, kind, p.Name, p.At.UnixMilli(), p.Bytes)
		}
		if err != nil {
			return 0, fmt.Errorf("paper %s: %w", p.Name, err)
		}
	}
	err = tx.QueryRow(`INSERT INTO revisions SELECT coalesce(max(revision), 0) + 1, ?, ? FROM revisions WHERE true
		ON CONFLICT(store, kind) DO UPDATE SET revision = excluded.revision RETURNING revision`, store, kind).Scan(&revision)
	return revision, err
}

// PapersSince lists which papers were kept after a revision.
func (l *Ledger) PapersSince(ctx context.Context, revision uint64) (out []backoffice.PapersOf, err error) {
	err = each(ctx, l.r, func(r *sql.Rows) error {
		var p backoffice.PapersOf
		err := r.Scan(&p.Store, &p.Kind, &p.Revision)
		out = append(out, p)
		return err
	}, `SELECT store, kind, revision FROM revisions WHERE revision > ? ORDER BY revision`, int64(min(revision, 1<<63-1)))
	if err != nil {
		return nil, fmt.Errorf("read which papers changed: %w", err)
	}
	return out, nil
}

// Append adds lines to the trail (backoffice.Trail).
func (l *Ledger) Append(ctx context.Context, lines []backoffice.TrailLine) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.write(func(tx *sql.Tx) error {
		for _, line := range lines {
			if _, err := tx.Exec(`INSERT INTO trail(key, at_ms, bytes) VALUES (?, ?, ?) ON CONFLICT(key) DO NOTHING`, line.Key, line.At.UnixMilli(), append([]byte{}, line.Bytes...)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("append to the trail: %w", err)
	}
	return nil
}

// Lines are the newest of the trail below a number.
func (l *Ledger) Lines(ctx context.Context, below uint64, limit int) (out []backoffice.TrailLine, err error) {
	if below == 0 {
		below = 1<<63 - 1
	}
	err = each(ctx, l.r, func(r *sql.Rows) error {
		var line backoffice.TrailLine
		var at int64
		err := r.Scan(&line.N, &line.Key, &at, &line.Bytes)
		line.At = ms(at)
		out = append(out, line)
		return err
	}, `SELECT n, key, at_ms, bytes FROM trail WHERE n < ? ORDER BY n DESC LIMIT ?`, int64(min(below, 1<<63-1)), limit)
	if err != nil {
		return nil, fmt.Errorf("read the trail: %w", err)
	}
	return out, nil
}

// Forget drops old lines of the trail.
func (l *Ledger) Forget(ctx context.Context, before time.Time) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.write(func(tx *sql.Tx) error {
		_, err := tx.Exec(`DELETE FROM trail WHERE at_ms < min(?, (SELECT max(at_ms) FROM trail) - ?)`, before.UnixMilli(), backoffice.TrailKept.Milliseconds())
		return err
	}); err != nil {
		return fmt.Errorf("drop old lines of the trail: %w", err)
	}
	return nil
}
