package pgledger

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/wire"
)

var _ backoffice.Many = (*Ledger)(nil)

// EpochsOf is Epochs of each source, in one statement: nearly always nothing lies
// above the prefixes, and each is one chain. The others are asked one by one.
func (l *Ledger) EpochsOf(ctx context.Context, sources []string) (map[string][]wire.Epoch, error) {
	out, odd := make(map[string][]wire.Epoch, len(sources)), map[string]bool{}
	var i, through int64
	var e wire.Epoch
	var hash []byte
	var more bool
	err := each(ctx, l.now, []any{&i, &e.Epoch, &through, &hash, &more}, func() error {
		source := sources[i-1]
		odd[source] = odd[source] || more
		out[source] = append(out[source], wire.Epoch{Epoch: unplain(e.Epoch), Through: uint64(through), Hash: kiosk.Hash(hash)})
		return nil
	}, `SELECT q.i, x.epoch, x.through, x.hash, x.max > x.through OR EXISTS(SELECT 1 FROM seams s WHERE s.ep = x.ep)
		FROM unnest($1::text[]) WITH ORDINALITY AS q(source, i)
		CROSS JOIN LATERAL `+newest("q.source COLLATE \"C\"", "$2")+` x ORDER BY q.i, x.ep`, texts(sources), wire.MaxEpochs)
	for source, is := range odd {
		if is && err == nil {
			err = l.snapshot(ctx, func(q querier) (err error) {
				out[source], err = epochs(ctx, q, source)
				return err
			})
		}
	}
	if err != nil {
		return nil, fmt.Errorf("read epochs of %d sources: %w", len(sources), err)
	}
	return out, nil
}

// MovedOf is what moved in each store since a cursor, in two round trips.
func (l *Ledger) MovedOf(ctx context.Context, since []backoffice.Since, limit int) (map[backoffice.Since]backoffice.Moved, error) {
	m := moving{of: make([]backoffice.Moved, len(since))}
	err := m.ask(ctx, l, since, limit)
	if err == nil && len(m.visits) > 0 {
		err = m.events(ctx, l)
	}
	if err != nil {
		return nil, fmt.Errorf("read what moved in %d stores: %w", len(since), err)
	}
	out := make(map[backoffice.Since]backoffice.Moved, len(since))
	for i, s := range since {
		out[s] = m.of[i]
	}
	return out, nil
}

// moving is MovedOf at work.
type moving struct {
	of     []backoffice.Moved
	sts    []int32 // of each visit that moved,
	visits []string
	at     [][2]int // and where it stands in of
}

// ask reads how far the sources are, and after that what changed.
func (m *moving) ask(ctx context.Context, l *Ledger, since []backoffice.Since, limit int) error {
	var sts []int32
	var changed []int64
	var visits []string
	for _, s := range since {
		st, err := l.lookup(ctx, s.Store)
		if err != nil {
			return err
		}
		sts, changed, visits = append(sts, st), append(changed, int64(min(s.After.Changed, 1<<63-1))), append(visits, plain(s.After.Visit))
	}
	q := &pgx.Batch{}
	q.Queue(`SELECT q.i, e.source, e.epoch, e.through FROM unnest($1::integer[]) WITH ORDINALITY AS q(st, i) JOIN epochs e ON e.st = q.st ORDER BY q.i, e.source, e.ep`, sts).
		Query(m.sources)
	q.Queue(`SELECT q.i, v.changed, v.visit FROM unnest($1::integer[], $2::bigint[], $3::text[]) WITH ORDINALITY AS q(st, changed, visit, i)
		CROSS JOIN LATERAL (SELECT v.changed, v.visit FROM visits v WHERE v.st = q.st AND v.changed >= q.changed AND (v.changed > q.changed OR v.visit > q.visit COLLATE "C")
			ORDER BY v.changed, v.visit LIMIT $4) v ORDER BY q.i, v.changed, v.visit`, sts, changed, visits, limit).
		Query(func(rows pgx.Rows) error {
			var i, changed int64
			var visit string
			_, err := pgx.ForEachRow(rows, []any{&i, &changed, &visit}, func() error {
				of := &m.of[i-1]
				m.sts, m.visits, m.at = append(m.sts, sts[i-1]), append(m.visits, visit), append(m.at, [2]int{int(i - 1), len(of.Visits)})
				of.Visits = append(of.Visits, backoffice.MovedVisit{Cursor: backoffice.Cursor{Changed: uint64(changed), Visit: unplain(visit)}})
				return nil
			})
			return err
		})
	return l.pool.SendBatch(ctx, q).Close()
}

func (m *moving) sources(rows pgx.Rows) error {
	var i, through, last int64
	var source, epoch, name string
	var epochs []wire.Epoch
	done := func() {
		if len(epochs) > 0 {
			m.of[last-1].Seen = backoffice.AppendSeen(m.of[last-1].Seen, unplain(name), epochs)
		}
		epochs = nil
	}
	_, err := pgx.ForEachRow(rows, []any{&i, &source, &epoch, &through}, func() error {
		if i != last || source != name {
			done()
			last, name = i, source
		}
		epochs = append(epochs, wire.Epoch{Epoch: unplain(epoch), Through: uint64(through)})
		return nil
	})
	done()
	return err
}

// events reads the counted events of what changed.
func (m *moving) events(ctx context.Context, l *Ledger) error {
	var i, when int64
	var b []byte
	var uncertain bool
	return each(ctx, l.pool, []any{&i, &b, &when, &uncertain}, func() error {
		e, err := kiosk.Decode(b)
		if err != nil {
			return fmt.Errorf("visit %s: %w", unplain(m.visits[i-1]), err)
		}
		e.When, e.Uncertain = ms(when).In(e.Moment.Wall.Location()), uncertain
		at := m.at[i-1]
		v := &m.of[at[0]].Visits[at[1]]
		v.Events = append(v.Events, e)
		b = nil
		return nil
	}, `SELECT q.i, e.bytes, e.when_ms, e.uncertain FROM unnest($1::integer[], $2::text[]) WITH ORDINALITY AS q(st, visit, i)
		CROSS JOIN LATERAL (SELECT * FROM events e WHERE e.st = q.st AND e.visit = q.visit COLLATE "C" AND e.visit <> '' AND e.state = 0 ORDER BY e.n OFFSET 0) e
		ORDER BY q.i, e.n`, m.sts, m.visits)
}
