package pgledger

import (
	"context"
	"fmt"
	"math"

	"baylight/sync/backoffice"
	"baylight/sync/backoffice/ledger/rule"
)

// Check: see backoffice.Checker. The server's own checksums, where they are switched
// on, tell of its pages; this tells of events, whoever changed them.
func (l *Ledger) Check(ctx context.Context, store string, found func(backoffice.Damaged) error) error {
	st, err := l.lookup(ctx, store)
	if err == nil {
		err = l.check(ctx, st, store, found)
	}
	if err != nil {
		return fmt.Errorf("check events of %s: %w", store, err)
	}
	return nil
}

func (l *Ledger) check(ctx context.Context, st int32, store string, found func(backoffice.Damaged) error) error {
	var all []*rule.Proof
	var ep, through int64
	var at place
	var hash []byte
	if err := each(ctx, l.pool, []any{&ep, &at.Source, &at.Epoch, &through, &hash}, func() error {
		all = append(all, &rule.Proof{Store: store, At: place{Source: unplain(at.Source), Epoch: unplain(at.Epoch)}, Through: uint64(through), Hash: hash,
			Excuses: excuses{ctx, l, at, ep}, Found: found})
		hash = nil
		return nil
	}, `SELECT ep, source, epoch, through, hash FROM epochs WHERE st = $1 ORDER BY ep`, st); err != nil {
		return err
	}
	for _, p := range all {
		if err := l.prove(ctx, st, p); err != nil {
			return err
		}
	}
	return nil
}

// checkPage events are read at once.
const checkPage = 1000

func (l *Ledger) prove(ctx context.Context, st int32, p *rule.Proof) error {
	ep := p.Excuses.(excuses).ep
	page := make([]rule.AtRest, 0, checkPage)
	return p.All(func(after int64) ([]rule.AtRest, error) {
		page = page[:0]
		var row rule.AtRest
		var seq int64
		err := each(ctx, l.pool, []any{&row.Position, &seq, &row.State, &row.Hash, &row.Bytes}, func() error {
			row.Seq = uint64(seq)
			page = append(page, row)
			row.Hash, row.Bytes = nil, nil
			return nil
		}, `SELECT n, seq, state, hash, bytes FROM events WHERE st = $1 AND ep = $2 AND seq > $3 ORDER BY seq LIMIT $4`, st, ep, after, checkPage)
		return page, err
	})
}

// excuses is what was noted of an epoch.
type excuses struct {
	ctx context.Context
	l   *Ledger
	at  place // as the columns have it
	ep  int64
}

// Noted: see rule.Excuses.
func (x excuses) Noted(seq uint64, _ int64) (noted bool, err error) {
	err = x.l.pool.QueryRow(x.ctx, `SELECT EXISTS(SELECT 1 FROM seams WHERE ep = $1 AND seq = $2)`, x.ep, int64(seq)).Scan(&noted)
	return noted, err
}

// Destroyed: see rule.Excuses.
func (x excuses) Destroyed(seq uint64) (uint64, error) {
	if seq > math.MaxInt64 {
		return 0, nil
	}
	var end int64
	err := x.l.pool.QueryRow(x.ctx, `SELECT coalesce(max(last), 0) FROM lost WHERE source = $1 AND epoch = $2 AND first <= $3 AND last >= $3`,
		x.at.Source, x.at.Epoch, int64(seq)).Scan(&end)
	return uint64(end), err
}
