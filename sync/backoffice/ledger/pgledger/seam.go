package pgledger

import (
	"context"

	"github.com/jackc/pgx/v5"

	"baylight/kiosk"
	"baylight/sync/backoffice/ledger/rule"
	"baylight/sync/wire"
)

// heard is an epoch as a receipt speaks of it.
type heard struct {
	wire.Epoch
	st  int32
	ep  int64
	top uint64 // its highest event
}

// taken adds to epochs the places that their chains do not prove.
func taken(ctx context.Context, q querier, all []heard) error {
	byNumber := map[int64]*heard{}
	var eps []int64
	for i := range all {
		byNumber[all[i].ep] = &all[i]
		eps = append(eps, all[i].ep)
	}
	rows, err := q.Query(ctx, `SELECT s.ep, s.seq, e.hash FROM seams s JOIN epochs p ON p.ep = s.ep LEFT JOIN events e ON e.st = p.st AND e.ep = s.ep AND e.seq = s.seq
		WHERE s.ep = ANY($1) ORDER BY s.ep, s.seq`, eps)
	if err != nil {
		return err
	}
	var ep, seq int64
	var hash []byte
	if _, err := pgx.ForEachRow(rows, []any{&ep, &seq, &hash}, func() error {
		h := byNumber[ep]
		if uint64(seq) >= h.Through {
			return nil
		}
		t := wire.Taken{Seq: uint64(seq)}
		if seq > 0 {
			t.Hash = kiosk.Hash(hash)
		}
		rule.Take(&h.Epoch, t)
		return nil
	}); err != nil {
		return err
	}
	for i := range all {
		h := &all[i]
		if h.top <= h.Through {
			continue
		}
		if err := q.QueryRow(ctx, `SELECT seq, hash FROM events WHERE st = $1 AND ep = $2 AND seq > $3 ORDER BY seq LIMIT 1`,
			h.st, h.ep, int64(h.Through)).Scan(&seq, &hash); err != nil {
			return err
		}
		rule.Take(&h.Epoch, wire.Taken{Seq: uint64(seq), Hash: kiosk.Hash(hash)})
	}
	return nil
}
