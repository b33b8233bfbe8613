package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
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
const factColumns = `f.visit, f.at, f.bytes, f.days, f.keys, f.due_ms FROM `

// facts calls f for each fact of a query.
func facts(ctx context.Context, q querier, f func(backoffice.Fact) error, query string, args ...any) error {
	return each(ctx, q, func(r *sql.Rows) error {
		var fact backoffice.Fact
		var days, keys string
		var due sql.NullInt64
		if err := r.Scan(&fact.Visit, &fact.At, &fact.Bytes, &days, &keys, &due); err != nil {
			return err
		}
		fact.Days, fact.Keys = lines(days), lines(keys)
		if due.Valid {
			fact.Due = ms(due.Int64)
		}
		return f(fact)
	}, `SELECT `+factColumns+query, args...)
}

func lines(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, "\n")
}

func (l *Ledger) factList(ctx context.Context, what, query string, args ...any) (out []backoffice.Fact, err error) {
	err = facts(ctx, l.r, func(f backoffice.Fact) error {
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

// FactsOfDays calls f with the facts that have a part in some days.
func (l *Ledger) FactsOfDays(ctx context.Context, store, first, last string, f func(backoffice.Fact) error) error {
	query := `(SELECT DISTINCT fact FROM fact_days WHERE store = ? AND day BETWEEN ? AND ?) d CROSS JOIN facts f ON f.n = d.fact`
	if first == last {
		query = `fact_days d CROSS JOIN facts f ON f.n = d.fact WHERE d.store = ? AND d.day BETWEEN ? AND ?`
	}
	if err := facts(ctx, l.r, f, query, store, first, last); err != nil {
		return fmt.Errorf("read facts of %s from %s to %s: %w", store, first, last, err)
	}
	return nil
}

// FactsOf are those kept under a key.
func (l *Ledger) FactsOf(ctx context.Context, store, key string) ([]backoffice.Fact, error) {
	return l.factList(ctx, "under "+key, `fact_keys k CROSS JOIN facts f ON f.n = k.fact WHERE k.store = ? AND k.key = ? ORDER BY f.visit`, store, key)
}

// FactsDue are those whose time has come.
func (l *Ledger) FactsDue(ctx context.Context, store string, now time.Time, limit int) ([]backoffice.Fact, error) {
	return l.factList(ctx, "that are due", `facts f WHERE f.store = ? AND f.due_ms <= ? ORDER BY f.due_ms, f.visit LIMIT ?`, store, now.UnixMilli(), limit)
}

// DayRows are those of a kind.
func (l *Ledger) DayRows(ctx context.Context, store, kind, first, last string) (out []backoffice.DayRow, err error) {
	err = each(ctx, l.r, func(r *sql.Rows) error {
		row := backoffice.DayRow{Kind: kind}
		err := r.Scan(&row.Day, &row.Key, &row.Bytes)
		out = append(out, row)
		return err
	}, `SELECT day, key, bytes FROM day_rows WHERE store = ? AND kind = ? AND day BETWEEN ? AND ? ORDER BY day, key`, store, kind, first, last)
	if err != nil {
		return nil, fmt.Errorf("read rows of %s from %s to %s: %w", store, first, last, err)
	}
	return out, nil
}
