package pgledger

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"baylight/sync/backoffice"
	"baylight/sync/backoffice/ledger/rule"
)

// Lost says what was destroyed before it came.
func (l *Ledger) Lost(ctx context.Context, source string) (out backoffice.Lost, err error) {
	err = l.snapshot(ctx, func(q querier) error {
		var ranges []backoffice.Run
		places := map[string]placed{}
		var epoch string
		var first, last int64
		var at placed
		err := each(ctx, q, []any{&epoch, &first, &last, &at.st, &at.ep}, func() error {
			r := backoffice.Run{Epoch: unplain(epoch), First: uint64(first), Last: uint64(last)}
			ranges, places[r.Epoch] = append(ranges, r), at
			return nil
		}, `SELECT epoch, first, last, st, ep FROM (SELECT l.*, coalesce(e.st, 0) st, coalesce(e.ep, 0) ep FROM lost l
			LEFT JOIN epochs e ON e.source = l.source AND e.epoch = l.epoch WHERE l.source = $1 ORDER BY ep DESC, epoch DESC, first DESC LIMIT $2) x
			ORDER BY ep, epoch, first`, plain(source), backoffice.MaxRanges)
		if err != nil {
			return err
		}
		var seq int64
		if out, err = rule.Lost(ranges, func(n backoffice.Run, seen func(uint64)) error {
			p := places[n.Epoch]
			return each(ctx, q, []any{&seq}, func() error { seen(uint64(seq)); return nil },
				`SELECT seq FROM events WHERE st = $1 AND ep = $2 AND seq BETWEEN $3 AND $4 ORDER BY seq`, p.st, p.ep, int64(n.First), int64(n.Last))
		}); err != nil {
			return err
		}
		for i := range out.Runs {
			n := &out.Runs[i]
			p := places[n.Epoch]
			if n.Before, err = p.beside(ctx, q, `seq < $3 ORDER BY seq DESC`, n.First); err != nil {
				return err
			}
			if n.After, err = p.beside(ctx, q, `seq > $3 ORDER BY seq`, n.Last); err != nil {
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

// placed is where the events of an epoch are; zero: none came.
type placed struct {
	st int32
	ep int64
}

// beside is when the first event that a condition on its sequence has was recorded.
func (p placed) beside(ctx context.Context, q querier, where string, seq uint64) (b backoffice.Beside, err error) {
	var when int64
	err = q.QueryRow(ctx, `SELECT when_ms, uncertain FROM events WHERE st = $1 AND ep = $2 AND state <> 2 AND `+where+` LIMIT 1`, p.st, p.ep, int64(seq)).Scan(&when, &b.Uncertain)
	if errors.Is(err, pgx.ErrNoRows) {
		return backoffice.Beside{}, nil
	}
	b.When = ms(when)
	return b, err
}
