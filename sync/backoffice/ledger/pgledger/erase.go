package pgledger

import (
	"context"
	"fmt"
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
