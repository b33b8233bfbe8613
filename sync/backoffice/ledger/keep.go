package ledger

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
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
	if err := l.keep(store, step); err != nil {
		return fmt.Errorf("keep what was folded of %s: %w", store, err)
	}
	return nil
}

func (l *Ledger) keep(store string, step backoffice.Kept) (err error) {
	conn, err := l.w.Conn(context.Background())
	if err != nil {
		return err
	}
	defer conn.Close()
	k := keeping{conn: conn, store: store, whole: step.Is.Through > 0, waits: l.waits}
	if !k.whole {
		defer func() { err = errors.Join(err, durable(conn)) }()
		if _, err := conn.ExecContext(context.Background(), inPassing+strconv.Itoa(l.log)); err != nil {
			return err
		}
	}
	if k.tx, err = conn.BeginTx(context.Background(), nil); err != nil {
		return err
	}
	defer func() { _ = k.tx.Rollback() }() // after Commit it does nothing
	if err := k.all(step); err != nil {
		return err
	}
	return k.tx.Commit()
}

// A step in the middle of folding is not asked for by anyone yet: it does not wait
// for the disk, and is written into the file with those that follow it. A power
// cut may take the last such steps back, each as a whole. What makes the store
// whole is durable, and so is all that it stands on: it is behind it in one log.
const (
	inPassing   = `PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = ` // pages follow
	withoutLoss = `PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 1000`

	foldingLog = 16_000 // pages, 64 MB
)

// durable lets a connection wait for the disk again, or closes it.
func durable(conn *sql.Conn) error {
	_, err := conn.ExecContext(context.Background(), withoutLoss)
	if err != nil {
		err = errors.Join(err, conn.Raw(func(any) error { return driver.ErrBadConn }))
	}
	return err
}

// DropRollups forgets what is kept. Tables for it that somebody deleted are made again.
func (l *Ledger) DropRollups(ctx context.Context, store string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.write(func(tx *sql.Tx) error {
		if _, err := tx.Exec(kept); err != nil {
			return err
		}
		for _, table := range []string{"folds", "facts", "fact_days", "fact_keys", "day_rows"} {
			if err := empty(tx, table, store); err != nil {
				return err
			}
		}
		_, err := tx.Exec(`DELETE FROM marks WHERE name = ?`, waitingKeys+store)
		return err
	})
	if err != nil {
		return fmt.Errorf("drop what was folded of %s: %w", store, err)
	}
	return nil
}

// empty deletes what a table has of a store. That of the only store is emptied as
// a whole, which costs next to nothing.
func empty(tx *sql.Tx, table, store string) error {
	var others bool
	if err := tx.QueryRow(`SELECT EXISTS(SELECT 1 FROM `+table+` WHERE store < ?1) OR EXISTS(SELECT 1 FROM `+table+` WHERE store > ?1)`, store).Scan(&others); err != nil {
		return err
	}
	if !others {
		_, err := tx.Exec(`DELETE FROM ` + table)
		return err
	}
	_, err := tx.Exec(`DELETE FROM `+table+` WHERE store = ?`, store)
	return err
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

// keeping is a step of folding that is made durable.
type keeping struct {
	tx    *sql.Tx
	conn  *sql.Conn
	store string
	whole bool  // in the end all that is kept is true for one position
	waits int64 // how many facts wait for their keys to be written
}

func (k *keeping) all(step backoffice.Kept) error {
	was, err := folded(context.Background(), k.tx, k.store)
	if err != nil {
		return err
	}
	if was != step.Was {
		return backoffice.ErrFolded
	}
	if _, err := k.tx.Exec(`INSERT INTO folds VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT(store)
		DO UPDATE SET round = ?2, changed = ?3, visit = ?4, through = ?5, mark = ?6`,
		k.store, int64(step.Is.Round), int64(step.Is.Next.Changed), step.Is.Next.Visit, int64(step.Is.Through), step.Is.Mark); err != nil {
		return err
	}
	if err := k.facts(step.Facts); err != nil {
		return fmt.Errorf("facts: %w", err)
	}
	if err := k.days(step.Days); err != nil {
		return fmt.Errorf("days: %w", err)
	}
	return nil
}

// Rows go in many a statement, in the order of their keys: what is beside each
// other in an index is written at once.
var (
	insertFacts = manyRows(`INSERT INTO facts(n, store, visit, at, bytes, days, keys, due_ms) VALUES`, 8,
		` ON CONFLICT(n) DO UPDATE SET at = excluded.at, bytes = excluded.bytes, days = excluded.days, keys = excluded.keys, due_ms = excluded.due_ms`)
	insertFactDays = manyRows(`INSERT INTO fact_days VALUES`, 3, ` ON CONFLICT DO NOTHING`)
	insertFactKeys = manyRows(`INSERT INTO fact_keys VALUES`, 3, ` ON CONFLICT DO NOTHING`)
	insertDayRows  = manyRows(`INSERT INTO day_rows(store, kind, day, key, bytes) VALUES`, 5, ``)
)

// entry is a row of fact_days or fact_keys.
type entry struct {
	of   string // the day or the key
	fact int64
}

// stood is what a fact was kept under.
type stood struct {
	n          int64
	days, keys string
}

// facts replaces facts, and their days and keys where they are others.
func (k *keeping) facts(all []backoffice.Fact) error {
	if len(all) == 0 && !k.whole {
		return nil
	}
	old, next, err := k.stood(all)
	if err != nil {
		return err
	}
	from, err := k.waitFrom(next)
	if err != nil {
		return err
	}
	args, store := make([]driver.Value, 0, 8*len(all)), driver.Value(k.store)
	var days, keys []entry
	for i := range all {
		f := &all[i]
		was, there := old[f.Visit]
		if f.Bytes == nil {
			if there {
				if err := k.forget(was); err != nil {
					return err
				}
			}
			continue
		}
		nowDays, nowKeys := strings.Join(f.Days, "\n"), strings.Join(f.Keys, "\n")
		if !there {
			was.n = next
			next++
		}
		if days, err = k.swap(days, "fact_days", "day", was.n, was.days, nowDays, f.Days); err != nil {
			return err
		}
		if was.n < from {
			if keys, err = k.swap(keys, "fact_keys", "key", was.n, was.keys, nowKeys, f.Keys); err != nil {
				return err
			}
		}
		var due driver.Value
		if !f.Due.IsZero() {
			due = f.Due.UnixMilli()
		}
		args = append(args, was.n, store, f.Visit, int64(f.At), f.Bytes, nowDays, nowKeys, due)
	}
	if err := errors.Join(k.insert(insertFacts, args), k.entries(insertFactDays, days)); err != nil {
		return err
	}
	if keys, err = k.waited(keys, from, next); err != nil {
		return err
	}
	return k.entries(insertFactKeys, keys)
}

// stood is what is kept of the visits of facts, and the number of the next new one.
func (k *keeping) stood(all []backoffice.Fact) (old map[string]stood, next int64, err error) {
	visits := make([]string, len(all))
	for i := range all {
		visits[i] = all[i].Visit
	}
	names, err := json.Marshal(visits)
	if err != nil {
		return nil, 0, err
	}
	if err := k.tx.QueryRow(`SELECT coalesce(max(n), 0) + 1 FROM facts`).Scan(&next); err != nil {
		return nil, 0, err
	}
	old = map[string]stood{}
	err = each(context.Background(), k.tx, func(r *sql.Rows) error {
		var visit string
		var was stood
		err := r.Scan(&visit, &was.n, &was.days, &was.keys)
		old[visit] = was
		return err
	}, `SELECT f.visit, f.n, f.days, f.keys FROM json_each(?2) j CROSS JOIN facts f WHERE f.store = ?1 AND f.visit = j.value`, k.store, string(names))
	return old, next, err
}

// forget drops a fact.
func (k *keeping) forget(was stood) error {
	_, err := k.tx.Exec(`DELETE FROM facts WHERE n = ?`, was.n)
	_, days := k.swap(nil, "fact_days", "day", was.n, was.days, "", nil)
	_, keys := k.swap(nil, "fact_keys", "key", was.n, was.keys, "", nil)
	return errors.Join(err, days, keys)
}

// swap takes away the entries that a fact had, if it has others now, and appends those.
func (k *keeping) swap(out []entry, table, column string, n int64, was, is string, now []string) ([]entry, error) {
	if was == is {
		return out, nil
	}
	for _, s := range lines(was) {
		if _, err := k.tx.Exec(`DELETE FROM `+table+` WHERE store = ? AND `+column+` = ? AND fact = ?`, k.store, s, n); err != nil {
			return out, err
		}
	}
	for _, s := range now {
		out = append(out, entry{s, n})
	}
	return out, nil
}

func (k *keeping) entries(into statements, all []entry) error {
	slices.SortFunc(all, func(a, b entry) int {
		if c := cmp.Compare(a.of, b.of); c != 0 {
			return c
		}
		return cmp.Compare(a.fact, b.fact)
	})
	args, store := make([]driver.Value, 0, 3*len(all)), driver.Value(k.store)
	for _, e := range all {
		args = append(args, store, e.of, e.fact)
	}
	return k.insert(into, args)
}

// days replaces the rows of days.
func (k *keeping) days(all []backoffice.DayRows) error {
	var rows []backoffice.DayRow
	for _, d := range all {
		if _, err := k.tx.Exec(`DELETE FROM day_rows WHERE store = ? AND day = ?`, k.store, d.Day); err != nil {
			return err
		}
		for _, r := range d.Rows {
			r.Day = d.Day
			rows = append(rows, r)
		}
	}
	slices.SortFunc(rows, func(a, b backoffice.DayRow) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Day, b.Day), cmp.Compare(a.Key, b.Key))
	})
	args := make([]driver.Value, 0, 5*len(rows))
	for _, r := range rows {
		args = append(args, k.store, r.Kind, r.Day, r.Key, r.Bytes)
	}
	return k.insert(insertDayRows, args)
}

func (k *keeping) insert(into statements, args []driver.Value) error {
	n := many * into.width // of one statement
	named := make([]driver.NamedValue, min(n, len(args)))
	return k.conn.Raw(func(dc any) error {
		for part := range slices.Chunk(args, n) {
			for i, v := range part {
				named[i].Value = v
			}
			if err := into.insert(dc, named[:len(part)]); err != nil {
				return err
			}
		}
		return nil
	})
}
