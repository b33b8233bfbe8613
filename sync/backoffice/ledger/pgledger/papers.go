package pgledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"baylight/sync/backoffice"
)

// papers is what version 2 adds: what is no event. The triggers keep the trail as
// it was written, also from whoever connects by hand: 60480000000 ms are
// backoffice.TrailKept.
const papers = `
CREATE TABLE papers(
	st integer NOT NULL, kind text COLLATE "C" NOT NULL, name text COLLATE "C" NOT NULL, at_ms bigint NOT NULL, bytes bytea NOT NULL,
	PRIMARY KEY(st, kind, name));
CREATE TABLE revisions(                    -- of the papers of a kind and store
	revision bigint NOT NULL UNIQUE, st integer NOT NULL, kind text COLLATE "C" NOT NULL, PRIMARY KEY(st, kind));
CREATE TABLE trail(
	n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	key text COLLATE "C" NOT NULL UNIQUE, at_ms bigint NOT NULL, bytes bytea NOT NULL);
CREATE INDEX trail_at ON trail(at_ms);
CREATE FUNCTION trail_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP = 'DELETE' AND old.at_ms <= (SELECT max(at_ms) FROM trail) - 60480000000 THEN
		RETURN old;
	END IF;
	RAISE EXCEPTION 'lines of the trail are never changed, and kept for 700 days';
END $$;
CREATE TRIGGER trail_kept BEFORE UPDATE OR DELETE ON trail FOR EACH ROW EXECUTE FUNCTION trail_kept();
CREATE TRIGGER trail_whole BEFORE TRUNCATE ON trail EXECUTE FUNCTION trail_kept();
`

// Papers lists those of a kind that a store has (backoffice.Papers).
func (l *Ledger) Papers(ctx context.Context, store, kind string) (out []backoffice.Paper, revision uint64, err error) {
	st, err := l.lookup(ctx, store)
	if err == nil {
		err = l.snapshot(ctx, func(q querier) error {
			if revision, err = revisionOf(ctx, q, st, kind); err != nil {
				return err
			}
			var p backoffice.Paper
			var at int64
			return each(ctx, q, []any{&p.Name, &at, &p.Bytes}, func() error {
				out = append(out, backoffice.Paper{Name: unplain(p.Name), At: ms(at), Bytes: p.Bytes})
				p.Bytes = nil
				return nil
			}, `SELECT name, at_ms, bytes FROM papers WHERE st = $1 AND kind = $2 ORDER BY name`, st, plain(kind))
		})
	}
	if err != nil {
		return nil, 0, fmt.Errorf("read %s of %s: %w", kind, store, err)
	}
	return out, revision, nil
}

func revisionOf(ctx context.Context, q querier, st int32, kind string) (uint64, error) {
	var revision int64
	err := q.QueryRow(ctx, `SELECT revision FROM revisions WHERE st = $1 AND kind = $2`, st, plain(kind)).Scan(&revision)
	if errors.Is(err, pgx.ErrNoRows) {
		err = nil
	}
	return uint64(revision), err
}

// KeepPapers makes papers durable. It holds the lock on head, as a commit does: so
// the lease it asks for is that of the moment it commits, and revisions come in
// the order in which they can be read.
func (l *Ledger) KeepPapers(ctx context.Context, store, kind string, was uint64, papers []backoffice.Paper) (revision uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, commitWithin)
	defer cancel()
	if err = backoffice.CheckPapers(papers); err == nil {
		revision, err = l.keepPapers(ctx, store, kind, was, papers)
	}
	if err != nil {
		return 0, fmt.Errorf("keep %s of %s: %w", kind, store, told(err))
	}
	return revision, nil
}

func (l *Ledger) keepPapers(ctx context.Context, store, kind string, was uint64, papers []backoffice.Paper) (revision uint64, err error) {
	st, err := l.store(ctx, store)
	if err != nil {
		return 0, err
	}
	l.fence.Lock()
	office := l.office
	l.fence.Unlock()
	var gone, names []string
	var ats []int64
	var bytes [][]byte
	for _, p := range papers {
		if p.Bytes == nil {
			gone = append(gone, plain(p.Name))
			continue
		}
		names, ats, bytes = append(names, plain(p.Name)), append(ats, p.At.UnixMilli()), append(bytes, p.Bytes)
	}
	l.kept.Lock()
	defer l.kept.Unlock()
	conn, err := l.pool.Acquire(ctx)
	if err != nil {
		return 0, err
	}
	defer conn.Release() // it closes a connection that is still in a transaction
	var is int64
	q := &pgx.Batch{}
	q.Queue(`BEGIN`)
	q.Queue(`SELECT step($1, $2, $3, 0)`, l.id, office, []int32{st})
	q.Queue(`SELECT coalesce(max(revision), 0) FROM revisions WHERE st = $1 AND kind = $2`, st, plain(kind)).QueryRow(func(r pgx.Row) error { return r.Scan(&is) })
	if err := conn.SendBatch(ctx, q).Close(); err != nil {
		return 0, err
	}
	if uint64(is) != was {
		_, _ = conn.Exec(ctx, `ROLLBACK`)
		return 0, fmt.Errorf("%w: revision %d is %d by now", backoffice.ErrPapers, was, is)
	}
	q = &pgx.Batch{}
	q.Queue(`DELETE FROM papers WHERE st = $1 AND kind = $2 AND name = ANY($3)`, st, plain(kind), gone)
	q.Queue(`INSERT INTO papers SELECT $1, $2, x.* FROM unnest($3::text[], $4::bigint[], $5::bytea[]) AS x
		ON CONFLICT (st, kind, name) DO UPDATE SET at_ms = excluded.at_ms, bytes = excluded.bytes`, st, plain(kind), names, ats, bytes)
	q.Queue(`INSERT INTO revisions SELECT coalesce(max(revision), 0) + 1, $1, $2 FROM revisions
		ON CONFLICT (st, kind) DO UPDATE SET revision = excluded.revision RETURNING revision`, st, plain(kind)).QueryRow(func(r pgx.Row) error {
		var n int64
		err := r.Scan(&n)
		revision = uint64(n)
		return err
	})
	q.Queue(`COMMIT`)
	return revision, conn.SendBatch(ctx, q).Close()
}

// PapersSince lists which papers were kept after a revision.
func (l *Ledger) PapersSince(ctx context.Context, revision uint64) (out []backoffice.PapersOf, err error) {
	var p backoffice.PapersOf
	var n int64
	err = each(ctx, l.pool, []any{&p.Store, &p.Kind, &n}, func() error {
		out = append(out, backoffice.PapersOf{Store: unplain(p.Store), Kind: unplain(p.Kind), Revision: uint64(n)})
		return nil
	}, `SELECT s.store, r.kind, r.revision FROM revisions r JOIN stores s ON s.st = r.st WHERE r.revision > $1 ORDER BY r.revision`, int64(min(revision, 1<<63-1)))
	if err != nil {
		return nil, fmt.Errorf("read which papers changed: %w", err)
	}
	return out, nil
}

// Append adds lines to the trail (backoffice.Trail).
func (l *Ledger) Append(ctx context.Context, lines []backoffice.TrailLine) error {
	ctx, cancel := context.WithTimeout(ctx, commitWithin)
	defer cancel()
	var keys []string
	var ats []int64
	var bytes [][]byte
	for _, line := range lines {
		keys, ats, bytes = append(keys, plain(line.Key)), append(ats, line.At.UnixMilli()), append(bytes, filled(line.Bytes))
	}
	if _, err := l.pool.Exec(ctx, `INSERT INTO trail(key, at_ms, bytes) SELECT key, at, bytes FROM unnest($1::text[], $2::bigint[], $3::bytea[])
		WITH ORDINALITY AS x(key, at, bytes, i) ORDER BY i ON CONFLICT (key) DO NOTHING`, keys, ats, bytes); err != nil {
		return fmt.Errorf("append to the trail: %w", err)
	}
	return nil
}

// Lines are the newest of the trail below a number.
func (l *Ledger) Lines(ctx context.Context, below uint64, limit int) (out []backoffice.TrailLine, err error) {
	if below == 0 {
		below = 1<<63 - 1
	}
	var n, at int64
	var line backoffice.TrailLine
	err = each(ctx, l.pool, []any{&n, &line.Key, &at, &line.Bytes}, func() error {
		out = append(out, backoffice.TrailLine{N: uint64(n), Key: unplain(line.Key), At: ms(at), Bytes: line.Bytes})
		line.Bytes = nil
		return nil
	}, `SELECT n, key, at_ms, bytes FROM trail WHERE n < $1 ORDER BY n DESC LIMIT $2`, int64(min(below, 1<<63-1)), limit)
	if err != nil {
		return nil, fmt.Errorf("read the trail: %w", err)
	}
	return out, nil
}

// Forget drops old lines of the trail.
func (l *Ledger) Forget(ctx context.Context, before time.Time) error {
	if _, err := l.pool.Exec(ctx, `DELETE FROM trail WHERE at_ms < least($1, (SELECT max(at_ms) FROM trail) - $2)`,
		before.UnixMilli(), backoffice.TrailKept.Milliseconds()); err != nil {
		return fmt.Errorf("drop old lines of the trail: %w", err)
	}
	return nil
}
