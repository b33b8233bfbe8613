package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
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
