package ledger

import (
	"context"
	"database/sql"
	"fmt"

	"baylight/kiosk"
	"baylight/sync/backoffice/ledger/rule"
)

// Changed calls f with each visit that changed after a position (backoffice.Ledger).
func (l *Ledger) Changed(ctx context.Context, store string, after uint64, f func(string, []kiosk.Event)) (at uint64, err error) {
	err = l.snapshot(ctx, func(q querier) error {
		if at, err = position(ctx, q); err != nil {
			return err
		}
		var visits []string
		if err := each(ctx, q, func(r *sql.Rows) error {
			var v string
			err := r.Scan(&v)
			visits = append(visits, v)
			return err
		}, `SELECT visit FROM visits WHERE store = ? AND changed > ? ORDER BY changed`, store, int64(after)); err != nil {
			return err
		}
		for _, v := range visits {
			events, err := visitEvents(ctx, q, store, v)
			if err != nil {
				return fmt.Errorf("visit %s: %w", v, err)
			}
			f(v, events)
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("read changed visits of %s: %w", store, err)
	}
	return at, nil
}

func visitEvents(ctx context.Context, q querier, store, visit string) (events []kiosk.Event, err error) {
	err = each(ctx, q, func(r *sql.Rows) error {
		var b []byte
		var when int64
		var uncertain bool
		if err := r.Scan(&b, &when, &uncertain); err != nil {
			return err
		}
		e, err := kiosk.Decode(b)
		if err != nil {
			return err
		}
		e.When, e.Uncertain = ms(when).In(e.Moment.Wall.Location()), uncertain
		events = append(events, e)
		return nil
	}, `SELECT bytes, when_ms, uncertain FROM events WHERE store = ? AND visit = ? AND visit <> '' AND state = 0 ORDER BY n`, store, visit)
	return events, err
}

// Until calls f with every visit as it stood at a position (backoffice.Ledger).
// It reads the whole store: what it costs grows with history.
func (l *Ledger) Until(ctx context.Context, store string, at uint64, f func(string, []kiosk.Event)) error {
	if at > 1<<63-1 {
		return fmt.Errorf("read %s at position %d: no ledger is that long", store, at)
	}
	var u rule.Until
	err := each(ctx, l.r, func(r *sql.Rows) error {
		var at place
		var w rule.Row
		var hash []byte
		if err := r.Scan(&w.Position, &at.Source, &at.Epoch, &w.Seq, &w.Visit, &w.State, &hash, &w.Bytes); err != nil {
			return err
		}
		w.Hash = kiosk.Hash(hash)
		return u.Take(at, w)
	}, `SELECT n, source, epoch, seq, visit, state, hash, bytes FROM events WHERE store = ? AND n <= ? ORDER BY epoch, source, seq`, store, int64(at))
	if err != nil {
		return fmt.Errorf("read %s at position %d: %w", store, at, err)
	}
	for v, events := range u.End() {
		f(v, events)
	}
	return nil
}
