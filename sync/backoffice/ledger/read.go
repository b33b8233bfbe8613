package ledger

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/ledger/rule"
	"baylight/sync/wire"
)

// maxAbove bounds how far above the contiguous prefix a receipt looks for gaps;
// a board has no more than this on its way.
const maxAbove = 8192

// querier is a database or one snapshot of it.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// each calls f for every row.
func each(ctx context.Context, q querier, f func(*sql.Rows) error, query string, args ...any) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// snapshot runs f on one unchanging state of the ledger.
func (l *Ledger) snapshot(ctx context.Context, f func(querier) error) error {
	tx, err := l.r.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // it only read
	return f(tx)
}

// Position is the highest position.
func (l *Ledger) Position(ctx context.Context) (n uint64, err error) {
	if n, err = position(ctx, l.r); err != nil {
		return 0, fmt.Errorf("read position: %w", err)
	}
	return n, nil
}

func position(ctx context.Context, q querier) (n uint64, err error) {
	err = q.QueryRowContext(ctx, `SELECT coalesce(max(n), 0) FROM events`).Scan(&n)
	return n, err
}

// Epochs are what a receipt says about a source.
func (l *Ledger) Epochs(ctx context.Context, source string) (out []wire.Epoch, err error) {
	err = l.snapshot(ctx, func(q querier) error {
		out, err = epochs(ctx, q, source)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read epochs of %s: %w", source, err)
	}
	return out, nil
}

func epochs(ctx context.Context, q querier, source string) (out []wire.Epoch, err error) {
	var top []uint64
	err = each(ctx, q, func(r *sql.Rows) error {
		var e wire.Epoch
		var hash []byte
		var highest uint64
		if err := r.Scan(&e.Epoch, &e.Through, &hash, &highest); err != nil {
			return err
		}
		e.Hash = kiosk.Hash(hash)
		out, top = append(out, e), append(top, highest)
		return nil
	}, `SELECT epoch, through, hash, max FROM (SELECT * FROM epochs WHERE source = ? ORDER BY ord DESC LIMIT ?) ORDER BY ord`, source, wire.MaxEpochs)
	if err != nil {
		return nil, err
	}
	if err := taken(ctx, q, source, out, top); err != nil {
		return nil, err
	}
	for i := range out {
		if top[i] > out[i].Through {
			if out[i].Gaps, err = gaps(ctx, q, source, out[i], top[i]); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// gaps lists what is missing above the prefix and below the highest event. An
// event that lacks its person part is missing too, unless it is the highest:
// its part may still be on its way.
func gaps(ctx context.Context, q querier, source string, e wire.Epoch, highest uint64) (out []wire.Gap, err error) {
	next := e.Through + 1
	missing := func(end uint64) { // next..end-1 is
		if next < end {
			out = append(out, wire.Gap{First: next, Last: end - 1})
		}
		next = end + 1
	}
	rows := 0
	err = each(ctx, q, func(r *sql.Rows) error {
		var seq uint64
		if err := r.Scan(&seq); err != nil {
			return err
		}
		rows++
		missing(seq)
		return nil
	}, `SELECT e.seq FROM events e WHERE e.epoch = ? AND e.source = ? AND e.seq > ? AND (e.digest = '' OR EXISTS(
		SELECT 1 FROM persons p WHERE p.epoch = e.epoch AND p.source = e.source AND p.seq = e.seq)) ORDER BY e.seq LIMIT ?`,
		e.Epoch, source, int64(e.Through), maxAbove)
	if err != nil {
		return nil, err
	}
	if rows < maxAbove {
		missing(highest)
	}
	err = each(ctx, q, func(r *sql.Rows) error {
		var lost wire.Gap
		if err := r.Scan(&lost.First, &lost.Last); err != nil {
			return err
		}
		out = subtract(out, lost)
		return nil
	}, `SELECT first, last FROM lost WHERE epoch = ? AND source = ? AND last > ?`, e.Epoch, source, int64(e.Through))
	return out[:min(len(out), wire.MaxGaps)], err
}

// subtract takes a destroyed range out of gaps: it will never arrive.
func subtract(gaps []wire.Gap, lost wire.Gap) (out []wire.Gap) {
	for _, g := range gaps {
		if g.First < lost.First && lost.First <= g.Last {
			out = append(out, wire.Gap{First: g.First, Last: lost.First - 1})
		}
		if g.First <= lost.Last && lost.Last < g.Last {
			out = append(out, wire.Gap{First: lost.Last + 1, Last: g.Last})
		}
		if g.Last < lost.First || lost.Last < g.First {
			out = append(out, g)
		}
	}
	return out
}

// Sources are those heard of in a store, by name.
func (l *Ledger) Sources(ctx context.Context, store string) (out []backoffice.Source, err error) {
	err = l.snapshot(ctx, func(q querier) error {
		out = nil
		err := each(ctx, q, func(r *sql.Rows) error {
			var s backoffice.Source
			if err := r.Scan(&s.Source, &s.Conflicts, &s.Rejected, &s.Destroyed); err != nil {
				return err
			}
			out = append(out, s)
			return nil
		}, `SELECT s.source, (SELECT count(*) FROM conflicts c WHERE c.source = s.source), (SELECT count(*) FROM rejected r WHERE r.source = s.source),
			(SELECT coalesce(sum(min(last - first, 1000000000000) + 1), 0) FROM lost l WHERE l.source = s.source)
			FROM (SELECT source FROM epochs WHERE store = ?1 UNION SELECT source FROM rejected WHERE store = ?1 AND source <> '') s ORDER BY s.source`, store)
		for i := 0; err == nil && i < len(out); i++ {
			if out[i].Epochs, err = epochs(ctx, q, out[i].Source); err == nil {
				out[i].Last, err = lastSeen(ctx, q, out[i])
			}
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read sources of %s: %w", store, err)
	}
	return out, nil
}

// lastSeen is when the latest event of a source's newest epochs came.
func lastSeen(ctx context.Context, q querier, s backoffice.Source) (t time.Time, err error) {
	for _, e := range s.Epochs {
		var at sql.NullInt64
		err := q.QueryRowContext(ctx, `SELECT at_ms FROM events WHERE epoch = ? AND source = ? ORDER BY seq DESC LIMIT 1`, e.Epoch, s.Source).Scan(&at)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return t, err
		}
		if at.Valid && ms(at.Int64).After(t) {
			t = ms(at.Int64)
		}
	}
	return t, nil
}

// columns of a row at rest, and the reading of them.
const columns = `e.n, e.hash, e.bytes, e.when_ms, e.uncertain, e.state, CASE WHEN e.digest = '' THEN 'none' WHEN p.seq IS NULL THEN 'missing'
	WHEN p.bytes IS NULL THEN 'erased' ELSE 'present' END
	FROM events e LEFT JOIN persons p ON p.epoch = e.epoch AND p.source = e.source AND p.seq = e.seq`

func scan(r *sql.Rows) (row backoffice.Row, err error) {
	var when int64
	var state rule.State
	var kept sql.RawBytes
	err = r.Scan(&row.Position, &kept, &row.Bytes, &when, &row.Uncertain, &state, &row.Person)
	hash := kiosk.HashOf(row.Bytes)
	row.When, row.Counted, row.Damaged = ms(when), state == rule.Counted, !bytes.Equal(kept, hash[:])
	return row, err
}

func (l *Ledger) rows(ctx context.Context, what, where string, args ...any) (out []backoffice.Row, err error) {
	err = each(ctx, l.r, func(r *sql.Rows) error {
		row, err := scan(r)
		out = append(out, row)
		return err
	}, `SELECT `+columns+` WHERE `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", what, err)
	}
	return out, nil
}

// Visit lists the events of a visit.
func (l *Ledger) Visit(ctx context.Context, store, visit string) ([]backoffice.Row, error) {
	return l.rows(ctx, "visit "+visit, `e.store = ? AND e.visit = ? AND e.visit <> '' ORDER BY e.n`, store, visit)
}

// Event finds an event of a store by its id.
func (l *Ledger) Event(ctx context.Context, store, id string) (backoffice.Row, bool, error) {
	epoch, seq, err := kiosk.ParseEventID(id)
	if err != nil || seq > 1<<63-1 {
		return backoffice.Row{}, false, nil
	}
	out, err := l.rows(ctx, "event "+id, `e.epoch = ? AND e.seq = ? AND e.store = ? AND e.state <> 2
		AND e.source IN (SELECT source FROM epochs WHERE epoch = ? AND store = ?) ORDER BY e.n LIMIT 1`, epoch, int64(seq), store, epoch, store)
	if err != nil || len(out) == 0 {
		return backoffice.Row{}, false, err
	}
	return out[0], true, nil
}

// Events lists at most limit events of a store after a position.
func (l *Ledger) Events(ctx context.Context, store string, after uint64, limit int) ([]backoffice.Row, error) {
	return l.rows(ctx, "events of "+store, `e.n > ? AND e.store = ? AND e.state <> 2 ORDER BY e.n LIMIT ?`, int64(min(after, 1<<63-1)), store, limit)
}

// Rejected lists the latest of what could not be taken.
func (l *Ledger) Rejected(ctx context.Context, store string, limit int) (out []backoffice.Reject, err error) {
	err = each(ctx, l.r, func(r *sql.Rows) error {
		var j backoffice.Reject
		var at int64
		if err := r.Scan(&j.Store, &j.Topic, &j.Source, &j.Epoch, &j.Seq, &j.Payload, &j.Reason, &at); err != nil {
			return err
		}
		j.At = ms(at)
		out = append(out, j)
		return nil
	}, `SELECT store, topic, source, epoch, seq, payload, reason, at_ms FROM rejected WHERE store = ? ORDER BY n DESC LIMIT ?`, store, limit)
	if err != nil {
		return nil, fmt.Errorf("read rejected messages of %s: %w", store, err)
	}
	return out, nil
}
