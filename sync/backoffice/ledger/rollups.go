package ledger

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"baylight/sync/backoffice"
)

// Folded is how far a store is folded (backoffice.Rollups).
func (l *Ledger) Folded(ctx context.Context, store string) (backoffice.Progress, error) {
	p, err := folded(ctx, l.r, store)
	if err != nil {
		return p, fmt.Errorf("read how far %s is folded: %w", store, err)
	}
	return p, nil
}

func folded(ctx context.Context, q querier, store string) (p backoffice.Progress, err error) {
	err = q.QueryRowContext(ctx, `SELECT round, changed, visit, through, mark FROM folds WHERE store = ?`, store).
		Scan(&p.Round, &p.Next.Changed, &p.Next.Visit, &p.Through, &p.Mark)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return p, err
}

// Stale lists visits that changed after a cursor.
func (l *Ledger) Stale(ctx context.Context, store string, after backoffice.Cursor, limit int) (out []backoffice.Cursor, err error) {
	err = each(ctx, l.r, func(r *sql.Rows) error {
		var c backoffice.Cursor
		err := r.Scan(&c.Changed, &c.Visit)
		out = append(out, c)
		return err
	}, `SELECT changed, visit FROM visits WHERE store = ?1 AND changed >= ?2 AND (changed > ?2 OR visit > ?3) ORDER BY changed, visit LIMIT ?4`,
		store, int64(after.Changed), after.Visit, limit)
	if err != nil {
		return nil, fmt.Errorf("read stale visits of %s: %w", store, err)
	}
	return out, nil
}

// Touched names the visits that stood at a position and changed after it.
func (l *Ledger) Touched(ctx context.Context, store string, position uint64) (out []string, err error) {
	err = each(ctx, l.r, func(r *sql.Rows) error {
		var v string
		err := r.Scan(&v)
		out = append(out, v)
		return err
	}, `SELECT visit FROM visits v WHERE store = ?1 AND changed > ?2 AND EXISTS(
		SELECT 1 FROM events e WHERE e.store = ?1 AND e.visit = v.visit AND e.visit <> '' AND e.n <= ?2) ORDER BY visit`, store, int64(position))
	if err != nil {
		return nil, fmt.Errorf("read visits of %s touched after position %d: %w", store, position, err)
	}
	return out, nil
}

// factColumns of a row of facts.
const factColumns = `f.visit, f.at, f.bytes, f.days, f.keys, f.due_ms`

// facts calls f for each fact of a query.
func (l *Ledger) facts(ctx context.Context, f func(backoffice.Fact) error, query string, args ...any) error {
	return l.factRows(ctx, func(fact backoffice.Fact, _ driver.Value) error { return f(fact) }, `SELECT `+factColumns+`, NULL FROM `+query, args...)
}

// factRows calls f for each row of a query of factColumns, and what comes behind them.
func (l *Ledger) factRows(ctx context.Context, f func(backoffice.Fact, driver.Value) error, query string, args ...any) error {
	conn, err := l.r.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	named := make([]driver.NamedValue, len(args))
	for i, v := range args {
		named[i] = driver.NamedValue{Ordinal: i + 1, Value: v}
	}
	var row [7]driver.Value
	return conn.Raw(func(dc any) error {
		return eachRow(ctx, dc, query, named, row[:], func() error {
			fact, ok := factIn(row[:6])
			if !ok {
				return fmt.Errorf("a row of facts holds %T %T %T %T %T %T", row[0], row[1], row[2], row[3], row[4], row[5])
			}
			return f(fact, row[6])
		})
	})
}

// factIn is the fact of a row of factColumns.
func factIn(row []driver.Value) (fact backoffice.Fact, ok bool) {
	visit, is := row[0].(string)
	at, num := row[1].(int64)
	bytes, blob := row[2].([]byte)
	days, text := row[3].(string)
	keys, also := row[4].(string)
	fact = backoffice.Fact{Visit: visit, At: uint64(at), Bytes: bytes, Days: lines(days), Keys: lines(keys)}
	due, some := row[5].(int64)
	if some {
		fact.Due = ms(due)
	}
	return fact, is && num && blob && text && also && (some || row[5] == nil)
}

func lines(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, "\n")
}

func (l *Ledger) factList(ctx context.Context, what, query string, args ...any) (out []backoffice.Fact, err error) {
	err = l.facts(ctx, func(f backoffice.Fact) error {
		out = append(out, f)
		return nil
	}, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read facts %s: %w", what, err)
	}
	return out, nil
}

// Facts are those kept of the visits named.
func (l *Ledger) Facts(ctx context.Context, store string, visits []string) ([]backoffice.Fact, error) {
	names, err := json.Marshal(visits)
	if err != nil {
		return nil, fmt.Errorf("name visits: %w", err)
	}
	return l.factList(ctx, "of visits", `facts f WHERE f.store = ? AND f.visit IN (SELECT value FROM json_each(?)) ORDER BY f.visit`, store, string(names))
}

// FactsOfDays calls f with the facts that have a part in some days. One that has
// its part in several is found several times, and told at the first.
func (l *Ledger) FactsOfDays(ctx context.Context, store, first, last string, f func(backoffice.Fact) error) error {
	if err := l.factRows(ctx, func(fact backoffice.Fact, found driver.Value) error {
		day, _ := found.(string)
		for _, d := range fact.Days {
			if first <= d && d < day {
				return nil
			}
		}
		return f(fact)
	}, `SELECT `+factColumns+`, d.day FROM fact_days d CROSS JOIN facts f ON f.n = d.fact WHERE d.store = ? AND d.day BETWEEN ? AND ?`, store, first, last); err != nil {
		return fmt.Errorf("read facts of %s from %s to %s: %w", store, first, last, err)
	}
	return nil
}

// FactsOf are those kept under a key. In the middle of a rebuild those whose keys
// wait are looked through.
func (l *Ledger) FactsOf(ctx context.Context, store, key string) ([]backoffice.Fact, error) {
	return l.factList(ctx, "under "+key, `facts f WHERE f.n IN (
		SELECT fact FROM fact_keys WHERE store = ?1 AND key = ?2 UNION ALL
		SELECT n FROM facts WHERE n >= (SELECT n FROM marks WHERE name = ?3) AND store = ?1 AND instr(char(10) || keys || char(10), char(10) || ?2 || char(10))
		) ORDER BY f.visit`, store, key, waitingKeys+store)
}

// FactsDue are those whose time has come.
func (l *Ledger) FactsDue(ctx context.Context, store string, now time.Time, limit int) ([]backoffice.Fact, error) {
	return l.factList(ctx, "that are due", `facts f WHERE f.store = ? AND f.due_ms <= ? ORDER BY f.due_ms, f.visit LIMIT ?`, store, now.UnixMilli(), int64(limit))
}

// DayRows are those of a kind. Those of a long period are read on two connections,
// on each half of the days; if somebody folded between them, anew on one.
func (l *Ledger) DayRows(ctx context.Context, store, kind, first, last string) ([]backoffice.DayRow, error) {
	var halves [2]dayPart
	if middle, next, long := middleOf(first, last); long {
		var work sync.WaitGroup
		work.Go(func() { halves[1] = l.dayPart(ctx, store, kind, next, last, `bytes`) })
		halves[0] = l.dayPart(ctx, store, kind, first, middle, `bytes`)
		work.Wait()
	}
	whole := halves[0]
	if one, two := halves[0], halves[1]; one.err == nil && two.err == nil && one.round == two.round && one.round > 0 {
		whole.rows = append(one.rows, two.rows...)
	} else {
		whole = l.dayPart(ctx, store, kind, first, last, `bytes`)
	}
	if whole.err != nil {
		return nil, fmt.Errorf("read rows of %s from %s to %s: %w", store, first, last, whole.err)
	}
	return whole.rows, nil
}

// DayHeads are those of a kind, each up to a length.
func (l *Ledger) DayHeads(ctx context.Context, store, kind, first, last string, most int) ([]backoffice.DayRow, error) {
	p := l.dayPart(ctx, store, kind, first, last, fmt.Sprintf(`substr(bytes, 1, %d)`, most))
	if p.err != nil {
		return nil, fmt.Errorf("read heads of rows of %s from %s to %s: %w", store, first, last, p.err)
	}
	return p.rows, nil
}

// longDays is from how many days on a period is read on two connections.
const longDays = 14

// middleOf is the last day of the first half of a long period and the one after it.
func middleOf(first, last string) (middle, next string, long bool) {
	from, err := time.Parse(time.DateOnly, first)
	to, also := time.Parse(time.DateOnly, last)
	if err != nil || also != nil {
		return "", "", false
	}
	days := int(to.Sub(from)/(24*time.Hour)) + 1
	at := from.AddDate(0, 0, days/2)
	return at.AddDate(0, 0, -1).Format(time.DateOnly), at.Format(time.DateOnly), days >= longDays
}

// dayPart is what was read of some days, in one snapshot, and how often the store
// was folded by then.
type dayPart struct {
	rows  []backoffice.DayRow
	round uint64
	err   error
}

func (l *Ledger) dayPart(ctx context.Context, store, kind, first, last, what string) (p dayPart) {
	args := []driver.NamedValue{{Ordinal: 1, Value: store}, {Ordinal: 2, Value: kind}, {Ordinal: 3, Value: first}, {Ordinal: 4, Value: last}}
	p.rows = make([]backoffice.DayRow, 0, 64)
	p.err = l.snapshotConn(ctx, func(tx *sql.Tx, raw func(func(any) error) error) error {
		is, err := folded(ctx, tx, store)
		if err != nil {
			return err
		}
		p.round = is.Round
		var row [3]driver.Value
		return raw(func(dc any) error {
			return eachRow(ctx, dc, `SELECT day, key, `+what+` FROM day_rows WHERE store = ? AND kind = ? AND day BETWEEN ? AND ? ORDER BY day, key`, args, row[:], func() error {
				day, is := row[0].(string)
				key, also := row[1].(string)
				bytes, blob := row[2].([]byte)
				if !is || !also || !blob {
					return fmt.Errorf("a row holds %T %T %T", row[0], row[1], row[2])
				}
				p.rows = append(p.rows, backoffice.DayRow{Kind: kind, Day: day, Key: key, Bytes: bytes})
				return nil
			})
		})
	})
	return p
}
