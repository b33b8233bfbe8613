package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"math"

	"baylight/sync/backoffice"
	"baylight/sync/backoffice/ledger/rule"
)

// Check: see backoffice.Checker. SQLite's own checks look at its pages; a byte
// that changed inside an event is nothing to them.
func (l *Ledger) Check(ctx context.Context, store string, found func(backoffice.Damaged) error) error {
	if err := check(ctx, l.r, &store, found); err != nil {
		return fmt.Errorf("check events of %s: %w", store, err)
	}
	return nil
}

// check reads the events of a store through, nil: of all.
func check(ctx context.Context, q querier, store *string, found func(backoffice.Damaged) error) error {
	var all []*rule.Proof
	if err := each(ctx, q, func(r *sql.Rows) error {
		p := &rule.Proof{Found: found}
		err := r.Scan(&p.Store, &p.At.Source, &p.At.Epoch, &p.Through, &p.Hash)
		p.Excuses = excuses{ctx, q, p.At}
		all = append(all, p)
		return err
	}, `SELECT store, source, epoch, through, hash FROM epochs WHERE ?1 IS NULL OR store = ?1 ORDER BY ord`, store); err != nil {
		return err
	}
	for _, p := range all {
		if err := prove(ctx, q, p); err != nil {
			return err
		}
	}
	return nil
}

// checkPage events are read at once. A snapshot held longer would keep the log from
// being emptied.
const checkPage = 1000

func prove(ctx context.Context, q querier, p *rule.Proof) error {
	page := make([]rule.AtRest, 0, checkPage)
	return p.All(func(after int64) ([]rule.AtRest, error) {
		page = page[:0]
		err := each(ctx, q, func(r *sql.Rows) error {
			var row rule.AtRest
			err := r.Scan(&row.Position, &row.Seq, &row.State, &row.Hash, &row.Bytes)
			page = append(page, row)
			return err
		}, `SELECT n, seq, state, hash, bytes FROM events WHERE epoch = ? AND source = ? AND seq > ? ORDER BY seq LIMIT ?`,
			p.At.Epoch, p.At.Source, after, checkPage)
		return page, err
	})
}

// excuses is what was noted of an epoch.
type excuses struct {
	ctx context.Context
	q   querier
	at  place
}

// Noted: see rule.Excuses. A program of version 1 noted nothing; up to where the
// last one was at work (see times) it cannot be told.
func (x excuses) Noted(seq uint64, position int64) (noted bool, err error) {
	var since int64
	if err := x.q.QueryRowContext(x.ctx, `SELECT coalesce((SELECT value + 0 FROM meta WHERE name = 'times_since'), ?)`, int64(math.MaxInt64)).Scan(&since); err != nil || position <= since {
		return true, err
	}
	err = x.q.QueryRowContext(x.ctx, `SELECT EXISTS(SELECT 1 FROM seams WHERE source = ? AND epoch = ? AND seq = ?)`, x.at.Source, x.at.Epoch, int64(seq)).Scan(&noted)
	return noted, err
}

// Destroyed: see rule.Excuses.
func (x excuses) Destroyed(seq uint64) (end uint64, err error) {
	if seq > math.MaxInt64 {
		return 0, nil
	}
	err = x.q.QueryRowContext(x.ctx, `SELECT coalesce(max(last), 0) FROM lost WHERE source = ? AND epoch = ? AND first <= ? AND last >= ?`,
		x.at.Source, x.at.Epoch, int64(seq), int64(seq)).Scan(&end)
	return end, err
}
