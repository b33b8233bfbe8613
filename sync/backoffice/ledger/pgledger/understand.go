package pgledger

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"baylight/kiosk"
	"baylight/sync/backoffice/ledger/rule"
)

// understand gives events of once unknown types that this program knows their
// columns, as if they had come today, and marks their visits. The type of what
// was unknown is kept as it stood on the wire, "baylight.….vN".
func (l *Ledger) understand(ctx context.Context, tx pgx.Tx) error {
	known, err := nowKnown(ctx, tx)
	if err != nil || len(known) == 0 {
		return err
	}
	c := l.begin(ctx)
	c.tx, c.begun = tx, true
	if err := tx.QueryRow(ctx, `SELECT ledger FROM head`).Scan(&c.ledger); err != nil {
		return err
	}
	if err := c.tx.QueryRow(ctx, `SELECT n FROM head FOR UPDATE`).Scan(&c.before); err != nil {
		return err
	}
	c.out.Position = uint64(c.before)
	for _, k := range known {
		c.sts[k.store] = k.st
		visit, target := kiosk.FoldOf(k.event.Data), kiosk.Corrects(k.event.Data)
		if target != "" {
			if visit, err = rule.VisitOf(&visits{c: c, store: k.store, st: k.st}, &k.event, target); err != nil {
				return err
			}
		}
		if _, err := c.exec(`UPDATE events SET type = $1, visit = $2, target = $3 WHERE st = $4 AND n = $5`, plain(string(k.event.Type())), plain(visit), plain(target), k.st, k.n); err != nil {
			return err
		}
		at := place{Source: k.event.Source, Epoch: k.event.Epoch}
		ep, err := c.epoch(k.store, at)
		if err != nil {
			return err
		}
		for _, id := range []string{k.event.ID(), k.event.Was} { // ask in any case
			c.waits[refKey{k.store, id}] = true
		}
		if err := c.follow(k.store, at, ep, &k.event, visit); err != nil {
			return fmt.Errorf("event %s: %w", k.event.ID(), err)
		}
	}
	return c.settle()
}

// once is an event whose type was unknown.
type once struct {
	n     int64
	st    int32
	store string
	event kiosk.Event
}

func nowKnown(ctx context.Context, tx pgx.Tx) (out []once, err error) {
	var k once
	var b []byte
	err = each(ctx, tx, []any{&k.n, &k.st, &k.store, &b}, func() error {
		e, err := kiosk.Decode(b)
		if err != nil {
			return nil // understood less than before: it stays as it is
		}
		if _, unknown := e.Data.(*kiosk.Unknown); !unknown {
			out = append(out, once{k.n, k.st, unplain(k.store), e})
		}
		return nil
	}, `SELECT e.n, e.st, s.store, e.bytes FROM events e JOIN stores s ON s.st = e.st WHERE e.type >= 'baylight.' AND e.type < 'baylight/' ORDER BY e.n`)
	return out, err
}
