package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"baylight/sync/backoffice"
)

// Person is the person part of the event at a position, nil if it has none, or
// it is missing or erased.
func (l *Ledger) Person(ctx context.Context, store string, position uint64) (part []byte, err error) {
	err = l.r.QueryRowContext(ctx, `SELECT p.bytes FROM events e JOIN persons p ON p.epoch = e.epoch AND p.source = e.source AND p.seq = e.seq
		WHERE e.n = ? AND e.store = ?`, int64(min(position, 1<<63-1)), store).Scan(&part)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("read person part at position %d: %w", position, err)
	}
	return part, nil
}

// PartsBefore lists the person parts of a store that are there and grew old
// (backoffice.Ledger). It goes by the parts, which are far fewer than the events.
func (l *Ledger) PartsBefore(ctx context.Context, store string, before time.Time, after uint64, limit int) (out []backoffice.PartAt, err error) {
	err = each(ctx, l.r, func(r *sql.Rows) error {
		var p backoffice.PartAt
		err := r.Scan(&p.Position, &p.Visit)
		out = append(out, p)
		return err
	}, `SELECT e.n, e.visit FROM epochs x CROSS JOIN persons p ON p.epoch = x.epoch AND p.source = x.source
		CROSS JOIN events e ON e.epoch = p.epoch AND e.source = p.source AND e.seq = p.seq
		WHERE x.store = ?1 AND e.store = ?1 AND p.bytes IS NOT NULL AND e.state <> 2 AND e.n > ?2
		AND CASE WHEN e.uncertain THEN max(e.when_ms, e.at_ms) ELSE e.when_ms END < ?3 ORDER BY e.n LIMIT ?4`,
		store, int64(min(after, 1<<63-1)), before.UnixMilli(), limit)
	if err != nil {
		return nil, fmt.Errorf("read old person parts of %s: %w", store, err)
	}
	return out, nil
}
