package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"baylight/sync/backoffice"
)

// Keep makes a step of folding durable (backoffice.Rollups).
func (l *Ledger) Keep(ctx context.Context, store string, step backoffice.Kept) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.write(func(tx *sql.Tx) error { return keep(tx, store, step) }); err != nil {
		return fmt.Errorf("keep what was folded of %s: %w", store, err)
	}
	return nil
}

// DropRollups forgets what is kept.
func (l *Ledger) DropRollups(ctx context.Context, store string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.write(func(tx *sql.Tx) error {
		for _, table := range []string{"folds", "facts", "fact_days", "fact_keys", "day_rows"} {
			if _, err := tx.Exec(`DELETE FROM `+table+` WHERE store = ?`, store); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("drop what was folded of %s: %w", store, err)
	}
	return nil
}

// write runs f in a transaction of the one connection that writes.
func (l *Ledger) write(f func(*sql.Tx) error) error {
	tx, err := l.w.Begin()
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit()
}

func keep(tx *sql.Tx, store string, step backoffice.Kept) error {
	was, err := folded(context.Background(), tx, store)
	if err != nil {
		return err
	}
	if was != step.Was {
		return backoffice.ErrFolded
	}
	if _, err := tx.Exec(`INSERT INTO folds VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT(store)
		DO UPDATE SET round = ?2, changed = ?3, visit = ?4, through = ?5, mark = ?6`,
		store, int64(step.Is.Round), int64(step.Is.Next.Changed), step.Is.Next.Visit, int64(step.Is.Through), step.Is.Mark); err != nil {
		return err
	}
	for i := range step.Facts {
		if err := keepFact(tx, store, &step.Facts[i]); err != nil {
			return fmt.Errorf("fact of %s: %w", step.Facts[i].Visit, err)
		}
	}
	for _, d := range step.Days {
		if _, err := tx.Exec(`DELETE FROM day_rows WHERE store = ? AND day = ?`, store, d.Day); err != nil {
			return err
		}
		for _, r := range d.Rows {
			if _, err := tx.Exec(`INSERT INTO day_rows(store, kind, day, key, bytes) VALUES (?, ?, ?, ?, ?)`, store, r.Kind, d.Day, r.Key, r.Bytes); err != nil {
				return err
			}
		}
	}
	return nil
}

// keepFact replaces a fact, and its days and keys where they are others.
func keepFact(tx *sql.Tx, store string, f *backoffice.Fact) error {
	var n int64
	var days, keys string
	err := tx.QueryRow(`SELECT n, days, keys FROM facts WHERE store = ? AND visit = ?`, store, f.Visit).Scan(&n, &days, &keys)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if f.Bytes == nil {
		if err != nil {
			return nil // there was none
		}
		if _, err := tx.Exec(`DELETE FROM facts WHERE n = ?`, n); err != nil {
			return err
		}
		return errors.Join(swap(tx, "fact_days", "day", store, n, lines(days), nil), swap(tx, "fact_keys", "key", store, n, lines(keys), nil))
	}
	due := sql.NullInt64{Int64: f.Due.UnixMilli(), Valid: !f.Due.IsZero()}
	nowDays, nowKeys := strings.Join(f.Days, "\n"), strings.Join(f.Keys, "\n")
	if err := tx.QueryRow(`INSERT INTO facts(store, visit, at, bytes, days, keys, due_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT(store, visit)
		DO UPDATE SET at = ?3, bytes = ?4, days = ?5, keys = ?6, due_ms = ?7 RETURNING n`,
		store, f.Visit, int64(f.At), f.Bytes, nowDays, nowKeys, due).Scan(&n); err != nil {
		return err
	}
	if days != nowDays {
		if err := swap(tx, "fact_days", "day", store, n, lines(days), f.Days); err != nil {
			return err
		}
	}
	if keys != nowKeys {
		return swap(tx, "fact_keys", "key", store, n, lines(keys), f.Keys)
	}
	return nil
}

// swap replaces the entries of a fact in fact_days or fact_keys.
func swap(tx *sql.Tx, table, column, store string, n int64, old, fresh []string) error {
	for _, s := range old {
		if _, err := tx.Exec(`DELETE FROM `+table+` WHERE store = ? AND `+column+` = ? AND fact = ?`, store, s, n); err != nil {
			return err
		}
	}
	for _, s := range fresh {
		if _, err := tx.Exec(`INSERT INTO `+table+` VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, store, s, n); err != nil {
			return err
		}
	}
	return nil
}
