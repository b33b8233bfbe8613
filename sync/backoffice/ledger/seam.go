package ledger

import (
	"context"
	"database/sql"

	"baylight/kiosk"
	"baylight/sync/backoffice/ledger/rule"
	"baylight/sync/wire"
)

// seamTable holds the events that the next one of their epoch does not follow:
// something is missing between, or the next is of another history. The hash of a
// later event proves nothing across them. What a program of version 1 took in is
// not noted: of that receipts tell as little as they did then.
const seamTable = `
CREATE TABLE seams(
	source TEXT NOT NULL, epoch TEXT NOT NULL, seq INTEGER NOT NULL,
	PRIMARY KEY(source, epoch, seq)) STRICT, WITHOUT ROWID;
`

// taken adds to the epochs of a source the places that their chains do not
// prove; top are their highest events.
func taken(ctx context.Context, q querier, source string, epochs []wire.Epoch, top []uint64) error {
	byName := map[string]int{}
	for i := range epochs {
		byName[epochs[i].Epoch] = i
	}
	err := each(ctx, q, func(r *sql.Rows) error {
		var epoch string
		var t wire.Taken
		var hash []byte
		if err := r.Scan(&epoch, &t.Seq, &hash); err != nil {
			return err
		}
		i, ok := byName[epoch]
		if !ok || t.Seq >= epochs[i].Through {
			return nil
		}
		if t.Seq > 0 {
			t.Hash = kiosk.Hash(hash)
		}
		rule.Take(&epochs[i], t)
		return nil
	}, `SELECT s.epoch, s.seq, e.hash FROM seams s LEFT JOIN events e ON e.epoch = s.epoch AND e.source = s.source AND e.seq = s.seq
		WHERE s.source = ? ORDER BY s.epoch, s.seq`, source)
	if err != nil {
		return err
	}
	for i := range epochs {
		e := &epochs[i]
		if top[i] <= e.Through {
			continue
		}
		var t wire.Taken
		var hash []byte
		if err := q.QueryRowContext(ctx, `SELECT seq, hash FROM events WHERE epoch = ? AND source = ? AND seq > ? ORDER BY seq LIMIT 1`,
			e.Epoch, source, int64(e.Through)).Scan(&t.Seq, &hash); err != nil {
			return err
		}
		t.Hash = kiosk.Hash(hash)
		rule.Take(e, t)
	}
	return nil
}
