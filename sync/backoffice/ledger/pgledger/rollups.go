package pgledger

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"baylight/kiosk"
	"baylight/sync/backoffice"
)

// Folded is how far a store is folded (backoffice.Rollups).
func (l *Ledger) Folded(ctx context.Context, store string) (p backoffice.Progress, err error) {
	st, err := l.lookup(ctx, store)
	if err == nil {
		p, err = folded(ctx, l.pool, st, "")
	}
	if err != nil {
		return p, fmt.Errorf("read how far %s is folded: %w", store, err)
	}
	return p, nil
}

func folded(ctx context.Context, q querier, st int32, lock string) (p backoffice.Progress, err error) {
	var round, changed, through int64
	err = q.QueryRow(ctx, `SELECT round, changed, visit, through, mark FROM folds WHERE st = $1`+lock, st).Scan(&round, &changed, &p.Next.Visit, &through, &p.Mark)
	if errors.Is(err, pgx.ErrNoRows) {
		return backoffice.Progress{}, nil
	}
	p.Round, p.Next.Changed, p.Through = uint64(round), uint64(changed), uint64(through)
	p.Next.Visit, p.Mark = unplain(p.Next.Visit), unplain(p.Mark)
	return p, err
}

// Stale lists visits that changed after a cursor. Among those of one position
// the order is that of their names as bytes.
func (l *Ledger) Stale(ctx context.Context, store string, after backoffice.Cursor, limit int) (out []backoffice.Cursor, err error) {
	st, err := l.lookup(ctx, store)
	if err != nil {
		return nil, err
	}
	var c backoffice.Cursor
	var changed int64
	err = each(ctx, l.pool, []any{&changed, &c.Visit}, func() error {
		out = append(out, backoffice.Cursor{Changed: uint64(changed), Visit: unplain(c.Visit)})
		return nil
	}, `SELECT changed, visit FROM visits WHERE st = $1 AND changed >= $2 AND (changed > $2 OR visit > $3) ORDER BY changed, visit LIMIT $4`,
		st, int64(after.Changed), plain(after.Visit), limit)
	if err != nil {
		return nil, fmt.Errorf("read stale visits of %s: %w", store, err)
	}
	return out, nil
}

// Touched names the visits that stood at a position and changed after it.
func (l *Ledger) Touched(ctx context.Context, store string, at uint64) (out []string, err error) {
	st, err := l.lookup(ctx, store)
	if err != nil {
		return nil, err
	}
	var v string
	err = each(ctx, l.pool, []any{&v}, func() error {
		out = append(out, unplain(v))
		return nil
	}, `SELECT visit FROM visits v WHERE st = $1 AND changed > $2 AND EXISTS(
		SELECT 1 FROM events e WHERE e.st = $1 AND e.visit = v.visit AND e.visit <> '' AND e.n <= $2) ORDER BY visit`, st, int64(min(at, 1<<63-1)))
	if err != nil {
		return nil, fmt.Errorf("read visits of %s touched after position %d: %w", store, at, err)
	}
	return out, nil
}

// VisitsAt calls f with some visits as they stood at a position. Within a
// transaction that moved times, it reads the whole store.
func (l *Ledger) VisitsAt(ctx context.Context, store string, visits []string, at uint64, f func(string, []kiosk.Event) error) error {
	if len(visits) == 0 {
		return nil
	}
	at = min(at, 1<<63-1)
	st, err := l.lookup(ctx, store)
	if err != nil {
		return err
	}
	// Visit by visit, whatever the server believes of its tables: read at once, a
	// store's events of ten years are in its way.
	const asNow = `SELECT x.visit, e.bytes, e.when_ms, e.uncertain FROM unnest($1::text[]) WITH ORDINALITY AS x(visit, i)
		CROSS JOIN LATERAL (SELECT * FROM events e WHERE e.st = $2 AND e.visit = x.visit COLLATE "C" AND e.visit <> '' AND e.state = 0 ORDER BY e.n OFFSET 0) e ORDER BY x.i, e.n`
	if at == 1<<63-1 {
		if err := visitEvents(ctx, l.pool, f, asNow, texts(visits), st); err != nil {
			return fmt.Errorf("read visits of %s: %w", store, err)
		}
		return nil
	}
	err = l.snapshot(ctx, func(q querier) error {
		var within bool
		if err := q.QueryRow(ctx, `SELECT coalesce((SELECT first <= $1 FROM mixed WHERE last > $1 ORDER BY last LIMIT 1), false)`, int64(at)).Scan(&within); err != nil {
			return err
		}
		if within {
			return l.amongAll(ctx, store, visits, at, f)
		}
		return visitEvents(ctx, q, f, `SELECT e.visit, e.bytes, coalesce(m.when_ms, e.when_ms), coalesce(m.uncertain, e.uncertain)
			FROM unnest($1::text[]) WITH ORDINALITY AS x(visit, i)
			CROSS JOIN LATERAL (SELECT * FROM events e WHERE e.st = $2 AND e.visit = x.visit COLLATE "C" AND e.visit <> '' AND e.state = 0 AND e.n <= $3 ORDER BY e.n OFFSET 0) e
			LEFT JOIN LATERAL (SELECT when_ms, uncertain FROM moved WHERE n = e.n AND until > $3 ORDER BY until LIMIT 1) m ON true ORDER BY x.i, e.n`,
			texts(visits), st, int64(at))
	})
	if err != nil {
		return fmt.Errorf("read visits of %s at position %d: %w", store, at, err)
	}
	return nil
}

func (l *Ledger) amongAll(ctx context.Context, store string, visits []string, at uint64, f func(string, []kiosk.Event) error) (err error) {
	named := map[string]bool{}
	for _, v := range visits {
		named[v] = true
	}
	until := l.Until(ctx, store, at, func(v string, events []kiosk.Event) {
		if err == nil && named[v] {
			err = f(v, events)
		}
	})
	return errors.Join(err, until)
}

// factColumns of a row of facts.
const factColumns = `SELECT f.visit, f.at, f.bytes, f.days, f.keys, f.due_ms FROM `

func (l *Ledger) facts(ctx context.Context, f func(backoffice.Fact) error, query string, args ...any) error {
	rows, err := l.pool.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	raw, binary := rawFacts{days: words{}}, inBinary(rows)
	for rows.Next() {
		var fact backoffice.Fact
		if binary {
			fact, err = raw.read(rows.RawValues())
		} else {
			fact, err = scanFact(rows)
		}
		if err == nil {
			err = f(fact)
		}
		if err != nil {
			return err
		}
	}
	return rows.Err()
}

func untexts(in []string) (out []string) {
	for _, s := range in {
		out = append(out, unplain(s))
	}
	return out
}

func (l *Ledger) factList(ctx context.Context, what, store, query string, args ...any) (out []backoffice.Fact, err error) {
	st, err := l.lookup(ctx, store)
	if err == nil {
		err = l.facts(ctx, func(f backoffice.Fact) error { out = append(out, f); return nil }, factColumns+query, append([]any{st}, args...)...)
	}
	if err != nil {
		return nil, fmt.Errorf("read facts %s: %w", what, err)
	}
	return out, nil
}

// Facts are those kept of the visits named.
func (l *Ledger) Facts(ctx context.Context, store string, visits []string) ([]backoffice.Fact, error) {
	return l.factList(ctx, "of visits", store, `facts f WHERE f.st = $1 AND f.visit = ANY($2) ORDER BY f.visit`, texts(visits))
}

// ofDays are facts with a part in days $2 to $3, without their keys, of which a month
// has as many bytes as of anything else. Those that begin there lie side by side; each of
// the few that began before is looked for.
const ofDays = `SELECT f.visit, f.at, f.bytes, f.days, '{}'::text[], f.due_ms FROM facts f WHERE f.st = $1 AND (f.days[1]) COLLATE "C" BETWEEN $2 AND $3
	UNION ALL SELECT f.visit, f.at, f.bytes, f.days, '{}'::text[], f.due_ms FROM facts f WHERE f.st = $1 AND f.visit = ANY(ARRAY(
		SELECT visit FROM fact_days WHERE st = $1 AND day BETWEEN $2 AND $3
		EXCEPT SELECT f.visit FROM facts f WHERE f.st = $1 AND (f.days[1]) COLLATE "C" BETWEEN $2 AND $3))`

// FactsOfDays calls f with the facts that have a part in some days.
func (l *Ledger) FactsOfDays(ctx context.Context, store, first, last string, f func(backoffice.Fact) error) error {
	st, err := l.lookup(ctx, store)
	if err == nil {
		err = l.facts(ctx, f, ofDays, st, plain(first), plain(last))
	}
	if err != nil {
		return fmt.Errorf("read facts of %s from %s to %s: %w", store, first, last, err)
	}
	return nil
}

// FactsOf are those kept under a key.
func (l *Ledger) FactsOf(ctx context.Context, store, key string) ([]backoffice.Fact, error) {
	return l.factList(ctx, "under "+key, store, `fact_keys k JOIN facts f ON f.st = k.st AND f.visit = k.visit WHERE k.st = $1 AND k.key = $2 ORDER BY f.visit`, plain(key))
}

// FactsDue are those whose time has come.
func (l *Ledger) FactsDue(ctx context.Context, store string, now time.Time, limit int) ([]backoffice.Fact, error) {
	return l.factList(ctx, "that are due", store, `facts f WHERE f.st = $1 AND f.due_ms <= $2 ORDER BY f.due_ms, f.visit LIMIT $3`, now.UnixMilli(), limit)
}

// DayRows are those of a kind.
func (l *Ledger) DayRows(ctx context.Context, store, kind, first, last string) ([]backoffice.DayRow, error) {
	return l.dayRows(ctx, store, kind, first, last, `bytes`)
}

// DayHeads are those of a kind, each up to a length.
func (l *Ledger) DayHeads(ctx context.Context, store, kind, first, last string, most int) ([]backoffice.DayRow, error) {
	return l.dayRows(ctx, store, kind, first, last, `substring(bytes FOR $5)`, most)
}

func (l *Ledger) dayRows(ctx context.Context, store, kind, first, last, what string, args ...any) (out []backoffice.DayRow, err error) {
	st, err := l.lookup(ctx, store)
	if err != nil {
		return nil, err
	}
	rows, err := l.pool.Query(ctx, `SELECT day, key, `+what+` FROM day_rows WHERE st = $1 AND kind = $2 AND day BETWEEN $3 AND $4 ORDER BY day, key`,
		append([]any{st, plain(kind), plain(first), plain(last)}, args...)...)
	if err == nil {
		out, err = rawDays(rows, kind)
	}
	if err != nil {
		return nil, fmt.Errorf("read rows of %s from %s to %s: %w", store, first, last, err)
	}
	return out, nil
}

// Keep makes a step of folding durable. Two offices may fold one store: the row
// of folds decides between them.
func (l *Ledger) Keep(ctx context.Context, store string, step backoffice.Kept) error {
	st, err := l.store(ctx, store)
	if err == nil {
		err = pgx.BeginFunc(ctx, l.pool, func(tx pgx.Tx) error { return keep(ctx, tx, st, step) })
	}
	if err != nil {
		return fmt.Errorf("keep what was folded of %s: %w", store, err)
	}
	return nil
}

func keep(ctx context.Context, tx pgx.Tx, st int32, step backoffice.Kept) error {
	if _, err := tx.Exec(ctx, `INSERT INTO folds VALUES ($1, 0, 0, '', 0, '') ON CONFLICT DO NOTHING`, st); err != nil {
		return err
	}
	was, err := folded(ctx, tx, st, ` FOR UPDATE`)
	if err != nil {
		return err
	}
	if was != step.Was {
		return backoffice.ErrFolded
	}
	q := &pgx.Batch{}
	q.Queue(`UPDATE folds SET round = $2, changed = $3, visit = $4, through = $5, mark = $6 WHERE st = $1`,
		st, int64(step.Is.Round), int64(step.Is.Next.Changed), plain(step.Is.Next.Visit), int64(step.Is.Through), plain(step.Is.Mark))
	queueFacts(q, st, step.Facts)
	var days, of, kinds, keys []string
	var bytes [][]byte
	for _, d := range step.Days {
		days = append(days, plain(d.Day))
		for _, r := range d.Rows {
			of, kinds, keys, bytes = append(of, plain(d.Day)), append(kinds, plain(r.Kind)), append(keys, plain(r.Key)), append(bytes, filled(r.Bytes))
		}
	}
	if len(days) > 0 {
		q.Queue(`DELETE FROM day_rows WHERE st = $1 AND day = ANY($2)`, st, days)
		q.Queue(`INSERT INTO day_rows SELECT $1, x.* FROM unnest($2::text[], $3::text[], $4::text[], $5::bytea[]) AS x`, st, kinds, of, keys, bytes)
	}
	return tx.SendBatch(ctx, q).Close()
}

// filled is b, or no bytes at all for nil, which would be NULL.
func filled(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// queueFacts replaces facts with their days and keys; of two of one visit the
// later counts.
func queueFacts(q *pgx.Batch, st int32, facts []backoffice.Fact) {
	last := map[string]int{}
	var all []string
	for i, f := range facts {
		last[f.Visit] = i
		all = append(all, plain(f.Visit))
	}
	if len(all) == 0 {
		return
	}
	var visits, days, dayOf, keys, keyOf, daysOf, keysOf []string
	var ats []int64
	var dues []*int64
	var bytes [][]byte
	for i, f := range facts {
		if f.Bytes == nil || last[f.Visit] != i {
			continue
		}
		visit := plain(f.Visit)
		var due *int64
		if !f.Due.IsZero() {
			due = new(f.Due.UnixMilli())
		}
		visits, ats, bytes, dues = append(visits, visit), append(ats, int64(f.At)), append(bytes, f.Bytes), append(dues, due)
		daysOf, keysOf = append(daysOf, array(f.Days)), append(keysOf, array(f.Keys))
		for _, d := range f.Days {
			days, dayOf = append(days, plain(d)), append(dayOf, visit)
		}
		for _, k := range f.Keys {
			keys, keyOf = append(keys, plain(k)), append(keyOf, visit)
		}
	}
	// The old fact says where its days and keys are: they go first.
	q.Queue(`DELETE FROM fact_days d USING facts f, unnest(f.days) AS x(day) WHERE f.st = $1 AND f.visit = ANY($2) AND d.st = $1 AND d.day = x.day AND d.visit = f.visit`, st, all)
	q.Queue(`DELETE FROM fact_keys k USING facts f, unnest(f.keys) AS x(key) WHERE f.st = $1 AND f.visit = ANY($2) AND k.st = $1 AND k.key = x.key AND k.visit = f.visit`, st, all)
	q.Queue(`DELETE FROM facts WHERE st = $1 AND visit = ANY($2) AND NOT visit = ANY($3)`, st, all, visits)
	q.Queue(`INSERT INTO fact_days SELECT $1, x.* FROM unnest($2::text[], $3::text[]) AS x ON CONFLICT DO NOTHING`, st, days, dayOf)
	q.Queue(`INSERT INTO fact_keys SELECT $1, x.* FROM unnest($2::text[], $3::text[]) AS x ON CONFLICT DO NOTHING`, st, keys, keyOf)
	q.Queue(`INSERT INTO facts(st, visit, at, bytes, due_ms, days, keys) SELECT $1, x.visit, x.at, x.bytes, x.due, x.days::text[], x.keys::text[]
		FROM unnest($2::text[], $3::bigint[], $4::bytea[], $5::bigint[], $6::text[], $7::text[]) AS x(visit, at, bytes, due, days, keys)
		ON CONFLICT (st, visit) DO UPDATE SET at = excluded.at, bytes = excluded.bytes, days = excluded.days, keys = excluded.keys, due_ms = excluded.due_ms`,
		st, visits, ats, bytes, dues, daysOf, keysOf)
}

// array writes a list as the server reads one: arrays of lists have to be of one
// length each, so lists of several facts come as text.
func array(list []string) string {
	var b strings.Builder
	b.WriteByte('{')
	for i, s := range list {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('"')
		_, _ = quoteArray.WriteString(&b, plain(s)) // into memory
		b.WriteByte('"')
	}
	b.WriteByte('}')
	return b.String()
}

// quoteArray escapes an element of a list.
var quoteArray = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// DropRollups forgets what is kept. Tables for it that somebody deleted are made again.
func (l *Ledger) DropRollups(ctx context.Context, store string) error {
	st, err := l.lookup(ctx, store)
	if err == nil {
		err = pgx.BeginFunc(ctx, l.pool, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, kept, pgx.QueryExecModeSimpleProtocol); err != nil {
				return err
			}
			for _, table := range []string{"folds", "facts", "fact_days", "fact_keys", "day_rows"} {
				if _, err := tx.Exec(ctx, `DELETE FROM `+table+` WHERE st = $1`, st); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err != nil {
		return fmt.Errorf("drop what was folded of %s: %w", store, err)
	}
	return nil
}
