package ledger

import (
	"context"
	"database/sql/driver"
	"fmt"
)

// Keys of facts are in no order that facts come in: written with each step of a
// rebuild they would write most pages of fact_keys each time. So the keys of new
// facts wait, in the facts, until the store is whole or there are many. The mark
// says from which fact on; without it none wait.

// waitingKeys and the store's name are the name of the mark.
const waitingKeys = "waiting keys of "

// waitingMost is how many facts wait.
const waitingMost = 100_000

// waitFrom is the first fact whose keys wait, next if none do so far.
func (k *keeping) waitFrom(next int64) (from int64, err error) {
	err = k.tx.QueryRow(`SELECT coalesce((SELECT n FROM marks WHERE name = ?), ?)`, waitingKeys+k.store, next).Scan(&from)
	return from, err
}

// waited appends the keys that wait, from a fact up to the next new one, if they
// are to be written now.
func (k *keeping) waited(keys []entry, from, next int64) ([]entry, error) {
	if !k.whole && next-from < k.waits {
		_, err := k.tx.Exec(`INSERT INTO marks VALUES (?, ?) ON CONFLICT(name) DO NOTHING`, waitingKeys+k.store, from)
		return keys, err
	}
	args := []driver.NamedValue{{Ordinal: 1, Value: from}, {Ordinal: 2, Value: k.store}}
	var row [2]driver.Value
	if err := k.conn.Raw(func(dc any) error {
		return eachRow(context.Background(), dc, `SELECT n, keys FROM facts WHERE n >= ? AND store = ?`, args, row[:], func() error {
			n, is := row[0].(int64)
			of, also := row[1].(string)
			if !is || !also {
				return fmt.Errorf("a fact's keys are %T %T", row[0], row[1])
			}
			for _, key := range lines(of) {
				keys = append(keys, entry{key, n})
			}
			return nil
		})
	}); err != nil {
		return nil, err
	}
	_, err := k.tx.Exec(`DELETE FROM marks WHERE name = ?`, waitingKeys+k.store)
	return keys, err
}

// KeysWaiting is how many facts have keys that wait. In the end of folding none
// do, unless a program that knows nothing of the mark went on from the middle: it
// finds nothing under them. The next step that makes the store whole writes them.
func (l *Ledger) KeysWaiting(ctx context.Context, store string) (n int, err error) {
	if err := l.r.QueryRowContext(ctx, `SELECT count(*) FROM facts WHERE store = ?1 AND n >= (SELECT n FROM marks WHERE name = ?2)`, store, waitingKeys+store).Scan(&n); err != nil {
		return 0, fmt.Errorf("count facts of %s whose keys wait: %w", store, err)
	}
	return n, nil
}
