package pgledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/ledger/rule"
	"baylight/sync/wire"
)

// maxAbove bounds how far above the contiguous prefix a receipt looks for gaps;
// a board has no more than this on its way.
const maxAbove = 8192

// querier is the pool or one snapshot.
type querier interface {
	Query(ctx context.Context, query string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, query string, args ...any) pgx.Row
}

// snapshot runs f on one unchanging state of the ledger.
func (l *Ledger) snapshot(ctx context.Context, f func(querier) error) error {
	return pgx.BeginTxFunc(ctx, l.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error { return f(tx) })
}

// each calls f for every row that dest was read from.
func each(ctx context.Context, q querier, dest []any, f func() error, query string, args ...any) error {
	rows, err := q.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	_, err = pgx.ForEachRow(rows, dest, f)
	return err
}

// Position is the highest position.
func (l *Ledger) Position(ctx context.Context) (uint64, error) {
	n, err := position(ctx, l.pool)
	if err != nil {
		return 0, fmt.Errorf("read position: %w", err)
	}
	return n, nil
}

func position(ctx context.Context, q querier) (uint64, error) {
	var n int64
	err := q.QueryRow(ctx, `SELECT n FROM head`).Scan(&n)
	return uint64(n), err
}

// newest are the newest epochs of a source, so many. Found by the source first:
// by their order alone, all those of other sources are in the way.
func newest(source, limit string) string {
	return `(SELECT * FROM (SELECT * FROM epochs WHERE source = ` + source + ` OFFSET 0) a ORDER BY ep DESC LIMIT ` + limit + `)`
}

// Epochs are what a receipt says about a source. Nearly always that takes one
// statement: nothing lies above the prefixes, and each is one chain.
func (l *Ledger) Epochs(ctx context.Context, source string) (out []wire.Epoch, err error) {
	var e wire.Epoch
	var through int64
	var hash []byte
	var odd, more bool
	if err := each(ctx, l.pool, []any{&e.Epoch, &through, &hash, &odd}, func() error {
		more = more || odd
		out = append(out, wire.Epoch{Epoch: unplain(e.Epoch), Through: uint64(through), Hash: kiosk.Hash(hash)})
		return nil
	}, `SELECT epoch, through, hash, max > through OR EXISTS(SELECT 1 FROM seams s WHERE s.ep = x.ep)
		FROM `+newest("$1", "$2")+` x ORDER BY ep`, plain(source), wire.MaxEpochs); err != nil {
		return nil, fmt.Errorf("read epochs of %s: %w", source, err)
	}
	if !more {
		return out, nil
	}
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
	var all []heard
	var h heard
	var through, top int64
	var hash []byte
	if err := each(ctx, q, []any{&h.st, &h.ep, &h.Epoch.Epoch, &through, &hash, &top}, func() error {
		h.Epoch.Epoch, h.Through, h.top, h.Hash = unplain(h.Epoch.Epoch), uint64(through), uint64(top), kiosk.Hash(hash)
		all = append(all, h)
		return nil
	}, `SELECT st, ep, epoch, through, hash, max FROM `+newest("$1", "$2")+` x ORDER BY ep`, plain(source), wire.MaxEpochs); err != nil {
		return nil, err
	}
	if err := taken(ctx, q, all); err != nil {
		return nil, err
	}
	for _, h := range all {
		if h.top > h.Through {
			if h.Gaps, err = gaps(ctx, q, source, h); err != nil {
				return nil, err
			}
		}
		out = append(out, h.Epoch)
	}
	return out, nil
}

// gaps lists what is missing above the prefix and below the highest event. An
// event that lacks its person part is missing too, unless it is the highest:
// its part may still be on its way.
func gaps(ctx context.Context, q querier, source string, h heard) (out []wire.Gap, err error) {
	next := h.Through + 1
	missing := func(end uint64) { // next..end-1 is
		if next < end {
			out = append(out, wire.Gap{First: next, Last: end - 1})
		}
		next = end + 1
	}
	rows := 0
	var seq, last int64
	if err := each(ctx, q, []any{&seq}, func() error {
		rows++
		missing(uint64(seq))
		return nil
	}, `SELECT e.seq FROM events e WHERE e.st = $1 AND e.ep = $2 AND e.seq > $3 AND (e.digest = '' OR EXISTS(
		SELECT 1 FROM persons p WHERE p.ep = e.ep AND p.seq = e.seq)) ORDER BY e.seq LIMIT $4`, h.st, h.ep, int64(h.Through), maxAbove); err != nil {
		return nil, err
	}
	if rows < maxAbove {
		missing(h.top)
	}
	err = each(ctx, q, []any{&seq, &last}, func() error {
		out = subtract(out, wire.Gap{First: uint64(seq), Last: uint64(last)})
		return nil
	}, `SELECT first, last FROM lost WHERE source = $1 AND epoch = $2 AND last > $3`, plain(source), plain(h.Epoch.Epoch), int64(h.Through))
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
	st, err := l.lookup(ctx, store)
	if err != nil {
		return nil, err
	}
	err = l.snapshot(ctx, func(q querier) error {
		out = nil
		var s backoffice.Source
		var destroyed int64
		if err := each(ctx, q, []any{&s.Source, &s.Conflicts, &s.Rejected, &destroyed}, func() error {
			s.Source, s.Destroyed = unplain(s.Source), uint64(destroyed)
			out = append(out, s)
			return nil
		}, `SELECT s.source, (SELECT count(*) FROM conflicts c WHERE c.source = s.source), (SELECT count(*) FROM rejected r WHERE r.source = s.source),
			(SELECT coalesce(sum(least(last - first, 1000000000000) + 1), 0)::bigint FROM lost l WHERE l.source = s.source)
			FROM (SELECT source FROM epochs WHERE st = $1 UNION SELECT source FROM rejected WHERE st = $1 AND source <> '') s ORDER BY s.source`, st); err != nil {
			return err
		}
		for i := range out {
			var err error
			if out[i].Epochs, err = epochs(ctx, q, out[i].Source); err != nil {
				return err
			}
			if out[i].Last, err = lastSeen(ctx, q, out[i].Source); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read sources of %s: %w", store, err)
	}
	return out, nil
}

// lastSeen is when the latest event of a source's newest epochs came.
func lastSeen(ctx context.Context, q querier, source string) (t time.Time, err error) {
	var at *int64
	err = q.QueryRow(ctx, `SELECT max((SELECT e.at_ms FROM events e WHERE e.st = p.st AND e.ep = p.ep ORDER BY e.seq DESC LIMIT 1))
		FROM `+newest("$1", "$2")+` p`, plain(source), wire.MaxEpochs).Scan(&at)
	if at != nil {
		t = ms(*at)
	}
	return t, err
}

// columns of a row at rest, and the reading of them.
const columns = `SELECT e.n, e.hash, e.bytes, e.when_ms, e.uncertain, e.state, CASE WHEN e.digest = '' THEN 'none' WHEN p.seq IS NULL THEN 'missing'
	WHEN p.bytes IS NULL THEN 'erased' ELSE 'present' END
	FROM events e LEFT JOIN persons p ON p.ep = e.ep AND p.seq = e.seq`

func (l *Ledger) rows(ctx context.Context, what, where string, args ...any) (out []backoffice.Row, err error) {
	var r backoffice.Row
	var n, when int64
	var state int16
	var kept []byte
	err = each(ctx, l.pool, []any{&n, &kept, &r.Bytes, &when, &r.Uncertain, &state, &r.Person}, func() error {
		row, hash := r, kiosk.HashOf(r.Bytes)
		row.Position, row.When, row.Counted, row.Damaged = uint64(n), ms(when), state == rule.Counted, !bytes.Equal(kept, hash[:])
		out = append(out, row)
		r.Bytes = nil
		return nil
	}, columns+` WHERE `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", what, err)
	}
	return out, nil
}

// Visit lists the events of a visit.
func (l *Ledger) Visit(ctx context.Context, store, visit string) ([]backoffice.Row, error) {
	st, err := l.lookup(ctx, store)
	if err != nil {
		return nil, err
	}
	return l.rows(ctx, "visit "+visit, `e.st = $1 AND e.visit = $2 AND e.visit <> '' ORDER BY e.n`, st, plain(visit))
}

// Event finds an event of a store by its id.
func (l *Ledger) Event(ctx context.Context, store, id string) (backoffice.Row, bool, error) {
	epoch, seq, err := kiosk.ParseEventID(id)
	if err != nil || seq > 1<<63-1 {
		return backoffice.Row{}, false, nil
	}
	st, err := l.lookup(ctx, store)
	if err != nil {
		return backoffice.Row{}, false, err
	}
	out, err := l.rows(ctx, "event "+id, `e.st = $1 AND e.ep IN (SELECT ep FROM epochs WHERE epoch = $2 AND st = $1) AND e.seq = $3 AND e.state <> 2 ORDER BY e.n LIMIT 1`,
		st, plain(epoch), int64(seq))
	if err != nil || len(out) == 0 {
		return backoffice.Row{}, false, err
	}
	return out[0], true, nil
}

// Events lists at most limit events of a store after a position.
func (l *Ledger) Events(ctx context.Context, store string, after uint64, limit int) ([]backoffice.Row, error) {
	st, err := l.lookup(ctx, store)
	if err != nil {
		return nil, err
	}
	return l.rows(ctx, "events of "+store, `e.st = $1 AND e.n > $2 AND e.state <> 2 ORDER BY e.n LIMIT $3`, st, int64(min(after, 1<<63-1)), limit)
}

// Rejected lists the latest of what could not be taken.
func (l *Ledger) Rejected(ctx context.Context, store string, limit int) (out []backoffice.Reject, err error) {
	st, err := l.lookup(ctx, store)
	if err != nil {
		return nil, err
	}
	j := backoffice.Reject{Store: store}
	var seq, at int64
	err = each(ctx, l.pool, []any{&j.Topic, &j.Source, &j.Epoch, &seq, &j.Payload, &j.Reason, &at}, func() error {
		r := j
		r.Topic, r.Source, r.Epoch, r.Reason = unplain(j.Topic), unplain(j.Source), unplain(j.Epoch), unplain(j.Reason)
		r.Seq, r.At = uint64(seq), ms(at)
		out = append(out, r)
		j.Payload = nil
		return nil
	}, `SELECT topic, source, epoch, seq, payload, reason, at_ms FROM rejected WHERE st = $1 ORDER BY n DESC LIMIT $2`, st, limit)
	if err != nil {
		return nil, fmt.Errorf("read rejected messages of %s: %w", store, err)
	}
	return out, nil
}

// Person is the person part of the event at a position, nil if it has none, or
// it is missing or erased.
func (l *Ledger) Person(ctx context.Context, store string, at uint64) (part []byte, err error) {
	st, err := l.lookup(ctx, store)
	if err != nil {
		return nil, err
	}
	err = l.pool.QueryRow(ctx, `SELECT p.bytes FROM events e JOIN persons p ON p.ep = e.ep AND p.seq = e.seq WHERE e.st = $1 AND e.n = $2`, st, int64(min(at, 1<<63-1))).Scan(&part)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return nil, fmt.Errorf("read person part at position %d: %w", at, err)
	}
	return part, nil
}
