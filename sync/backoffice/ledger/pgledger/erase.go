package pgledger

import (
	"context"
	"fmt"
	"time"

	"baylight/sync/backoffice"
)

// Erase removes the person parts of the events at positions
// (backoffice.Ledger). PostgreSQL keeps the old row until it is vacuumed, so the
// table is vacuumed before this returns; what the free space of its pages, the
// write-ahead log, its archive and base backups still hold is the server's
// keeping: CLUSTER.md says what to do about it.
func (l *Ledger) Erase(ctx context.Context, store string, positions []uint64) (erased int, err error) {
	st, err := l.lookup(ctx, store)
	if err != nil {
		return 0, err
	}
	at := make([]int64, 0, len(positions))
	for _, n := range positions {
		at = append(at, int64(min(n, 1<<63-1)))
	}
	tag, err := l.pool.Exec(ctx, `UPDATE persons p SET bytes = NULL FROM events e
		WHERE e.st = $1 AND e.n = ANY($2) AND p.ep = e.ep AND p.seq = e.seq AND p.bytes IS NOT NULL`, st, at)
	if err != nil {
		return 0, fmt.Errorf("erase person parts of %s: %w", store, err)
	}
	if tag.RowsAffected() > 0 {
		if _, err := l.pool.Exec(ctx, `VACUUM persons`); err != nil {
			return int(tag.RowsAffected()), fmt.Errorf("erase person parts of %s: vacuum: %w", store, err)
		}
	}
	return int(tag.RowsAffected()), nil
}

// PartsBefore lists the person parts of a store that are there and grew old
// (backoffice.Ledger). It goes by the parts, which are far fewer than the events.
func (l *Ledger) PartsBefore(ctx context.Context, store string, before time.Time, after uint64, limit int) (out []backoffice.PartAt, err error) {
	st, err := l.lookup(ctx, store)
	if err != nil {
		return nil, err
	}
	var n int64
	var visit string
	err = each(ctx, l.pool, []any{&n, &visit}, func() error {
		out = append(out, backoffice.PartAt{Position: uint64(n), Visit: unplain(visit)})
		return nil
	}, `SELECT e.n, e.visit FROM epochs x JOIN persons p ON p.ep = x.ep JOIN events e ON e.st = x.st AND e.ep = p.ep AND e.seq = p.seq
		WHERE x.st = $1 AND p.bytes IS NOT NULL AND e.state <> 2 AND e.n > $2
		AND CASE WHEN e.uncertain THEN greatest(e.when_ms, e.at_ms) ELSE e.when_ms END < $3 ORDER BY e.n + 0 LIMIT $4`, // not along all events
		st, int64(min(after, 1<<63-1)), before.UnixMilli(), limit)
	if err != nil {
		return nil, fmt.Errorf("read old person parts of %s: %w", store, err)
	}
	return out, nil
}
