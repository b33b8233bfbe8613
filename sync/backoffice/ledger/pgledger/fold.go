package pgledger

import (
	"context"
	"fmt"

	"baylight/kiosk"
	"baylight/sync/backoffice/ledger/rule"
)

// Changed calls f with each visit that changed after a position (backoffice.Ledger).
func (l *Ledger) Changed(ctx context.Context, store string, after uint64, f func(string, []kiosk.Event)) (at uint64, err error) {
	st, err := l.lookup(ctx, store)
	if err != nil {
		return 0, err
	}
	err = l.snapshot(ctx, func(q querier) error {
		if at, err = position(ctx, q); err != nil {
			return err
		}
		return visitEvents(ctx, q, func(v string, events []kiosk.Event) error { f(v, events); return nil },
			`SELECT v.visit, e.bytes, e.when_ms, e.uncertain FROM visits v LEFT JOIN events e ON e.st = v.st AND e.visit = v.visit AND e.visit <> '' AND e.state = 0
			WHERE v.st = $1 AND v.changed > $2 ORDER BY v.changed, v.visit, e.n`, st, int64(min(after, 1<<63-1)))
	})
	if err != nil {
		return 0, fmt.Errorf("read changed visits of %s: %w", store, err)
	}
	return at, nil
}

// visitEvents calls f for each visit of a query whose rows are visit, bytes,
// when_ms, uncertain, together by visit; no bytes: the visit has none that counts.
func visitEvents(ctx context.Context, q querier, f func(string, []kiosk.Event) error, query string, args ...any) error {
	rows, err := q.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	var events []kiosk.Event
	now, some := "", false
	done := func() error {
		full := events
		events = nil
		if !some {
			return nil
		}
		return f(unplain(now), full)
	}
	for rows.Next() {
		var visit string
		var b []byte
		var when *int64
		var uncertain *bool
		if err := rows.Scan(&visit, &b, &when, &uncertain); err != nil {
			return err
		}
		if !some || now != visit {
			if err := done(); err != nil {
				return err
			}
			now, some = visit, true
		}
		if b == nil {
			continue
		}
		e, err := kiosk.Decode(b)
		if err != nil {
			return fmt.Errorf("visit %s: %w", visit, err)
		}
		e.When, e.Uncertain = ms(*when).In(e.Moment.Wall.Location()), *uncertain
		events = append(events, e)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return done()
}

// Until calls f with every visit as it stood at a position (backoffice.Ledger).
// It reads the whole store: what it costs grows with history.
func (l *Ledger) Until(ctx context.Context, store string, at uint64, f func(string, []kiosk.Event)) error {
	if at > 1<<63-1 {
		return fmt.Errorf("read %s at position %d: no ledger is that long", store, at)
	}
	st, err := l.lookup(ctx, store)
	if err != nil {
		return err
	}
	var u rule.Until
	var w rule.Row
	var hash []byte
	var seq int64
	var source, epoch string
	err = each(ctx, l.pool, []any{&w.Position, &source, &epoch, &seq, &w.Visit, &w.State, &hash, &w.Bytes}, func() error {
		x := w
		x.Seq, x.Visit, x.Hash = uint64(seq), unplain(w.Visit), kiosk.Hash(hash)
		return u.Take(place{Source: unplain(source), Epoch: unplain(epoch)}, x)
	}, `SELECT e.n, p.source, p.epoch, e.seq, e.visit, e.state, e.hash, e.bytes FROM events e JOIN epochs p ON p.ep = e.ep
		WHERE e.st = $1 AND e.n <= $2 ORDER BY p.epoch, p.source, e.seq`, st, int64(at))
	if err != nil {
		return fmt.Errorf("read %s at position %d: %w", store, at, err)
	}
	for v, events := range u.End() {
		f(v, events)
	}
	return nil
}
