package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"baylight/sync/backoffice"
	"baylight/sync/backoffice/ledger/rule"
)

// Lost says what was destroyed before it came.
func (l *Ledger) Lost(ctx context.Context, source string) (out backoffice.Lost, err error) {
	err = l.snapshot(ctx, func(q querier) error {
		var ranges []backoffice.Run
		err := each(ctx, q, func(r *sql.Rows) error {
			var n backoffice.Run
			err := r.Scan(&n.Epoch, &n.First, &n.Last)
			ranges = append(ranges, n)
			return err
		}, `SELECT epoch, first, last FROM (SELECT l.*, coalesce(e.ord, 0) o FROM lost l LEFT JOIN epochs e ON e.source = l.source AND e.epoch = l.epoch
			WHERE l.source = ? ORDER BY o DESC, l.epoch DESC, l.first DESC LIMIT ?) ORDER BY o, epoch, first`, source, backoffice.MaxRanges)
		if err != nil {
			return err
		}
		if out, err = rule.Lost(ranges, func(n backoffice.Run, seen func(uint64)) error {
			return each(ctx, q, func(r *sql.Rows) error {
				var seq uint64
				err := r.Scan(&seq)
				seen(seq)
				return err
			}, `SELECT seq FROM events WHERE epoch = ? AND source = ? AND seq BETWEEN ? AND ? ORDER BY seq`, n.Epoch, source, int64(n.First), int64(n.Last))
		}); err != nil {
			return err
		}
		for i := range out.Runs {
			n := &out.Runs[i]
			if n.Before, err = beside(ctx, q, `seq < ? ORDER BY seq DESC`, n.Epoch, source, n.First); err != nil {
				return err
			}
			if n.After, err = beside(ctx, q, `seq > ? ORDER BY seq`, n.Epoch, source, n.Last); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return backoffice.Lost{}, fmt.Errorf("read what %s lost: %w", source, err)
	}
	return out, nil
}

// beside is when the first event that a condition on its sequence has was recorded.
func beside(ctx context.Context, q querier, where, epoch, source string, seq uint64) (b backoffice.Beside, err error) {
	var when int64
	err = q.QueryRowContext(ctx, `SELECT when_ms, uncertain FROM events WHERE epoch = ? AND source = ? AND state <> 2 AND `+where+` LIMIT 1`,
		epoch, source, int64(seq)).Scan(&when, &b.Uncertain)
	if errors.Is(err, sql.ErrNoRows) {
		return backoffice.Beside{}, nil
	}
	b.When = ms(when)
	return b, err
}
