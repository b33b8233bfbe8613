package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Cursor is the durable position of a named reader in the current epoch: the
// sequence of the last event it is done with, 0 if it has not begun.
func (j *Journal) Cursor(name string) (uint64, error) {
	if j.isClosed() {
		return 0, fmt.Errorf("read cursor %s: %w", name, ErrClosed)
	}
	var v int64
	err := j.readers.QueryRowContext(context.Background(), "SELECT value FROM cursors WHERE epoch = ? AND name = ?", j.Epoch(), name).Scan(&v)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("read cursor %s: %w", name, classify(err))
	}
	return uint64(v), nil
}

// SetCursor makes a reader's position durable. It may go back, and not beyond
// the head.
func (j *Journal) SetCursor(name string, v uint64) error {
	err := j.set(v, func(ctx context.Context) error {
		return j.putCursor(ctx, j.Epoch(), name, v)
	})
	if err != nil {
		return fmt.Errorf("set cursor %s to %d: %w", name, v, err)
	}
	return nil
}

func (j *Journal) putCursor(ctx context.Context, epoch, name string, v uint64) error {
	_, err := j.writer.conn.ExecContext(ctx, `INSERT INTO cursors (epoch, name, value) VALUES (?, ?, ?)
		ON CONFLICT (epoch, name) DO UPDATE SET value = excluded.value`, epoch, name, int64(v))
	return err
}

// Receipt is how far a ledger of the back office has the current epoch.
type Receipt struct {
	Ledger  string
	Term    uint64
	Through uint64 // a sequence of the current epoch
}

// Receipt is the last one set, of the ledger that was last turned to; false if
// there is none. Of an earlier epoch it tells ledger and term, and Through is 0.
func (j *Journal) Receipt() (Receipt, bool, error) {
	all, err := j.receipts()
	if err != nil || len(all) == 0 {
		return Receipt{}, false, err
	}
	return all[len(all)-1], true, nil
}

// LeftLedgers are the ledgers that were turned to before the present one, oldest
// first; only the latest few are remembered.
func (j *Journal) LeftLedgers() ([]string, error) {
	all, err := j.receipts()
	var out []string
	for i := 0; i+1 < len(all); i++ {
		out = append(out, all[i].Ledger)
	}
	return out, err
}

func (j *Journal) receipts() ([]Receipt, error) {
	if j.isClosed() {
		return nil, fmt.Errorf("read receipts: %w", ErrClosed)
	}
	rows, err := j.readers.QueryContext(context.Background(),
		"SELECT ledger, term, iif(epoch = ?, through, 0) FROM receipts ORDER BY n", j.Epoch())
	if err != nil {
		return nil, fmt.Errorf("read receipts: %w", classify(err))
	}
	defer rows.Close()
	var out []Receipt
	for rows.Next() {
		var r Receipt
		var term, through int64
		if err := rows.Scan(&r.Ledger, &term, &through); err != nil {
			return nil, fmt.Errorf("read receipts: %w", err)
		}
		r.Term, r.Through = uint64(term), uint64(through)
		out = append(out, r)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read receipts: %w", classify(err))
	}
	return out, nil
}

// SetReceipt makes a receipt durable, all of it at once. A ledger that is new
// here is turned to and the one before it is left for good (see LeftLedgers).
// Which receipts to accept is the reader's to decide; one beyond the head is
// refused.
func (j *Journal) SetReceipt(r Receipt) error {
	if r.Ledger == "" {
		return errors.New("set receipt: ledger is empty")
	}
	err := j.set(r.Through, func(ctx context.Context) error {
		if _, err := j.writer.conn.ExecContext(ctx, `INSERT INTO receipts (ledger, term, epoch, through) VALUES (?, ?, ?, ?)
			ON CONFLICT (ledger) DO UPDATE SET term = excluded.term, epoch = excluded.epoch, through = excluded.through`,
			r.Ledger, int64(r.Term), j.Epoch(), int64(r.Through)); err != nil {
			return err
		}
		_, err := j.writer.conn.ExecContext(ctx, "DELETE FROM receipts WHERE n < (SELECT max(n) FROM receipts) - ?", maxLeft)
		return err
	})
	if err != nil {
		return fmt.Errorf("set receipt of ledger %s through %d: %w", r.Ledger, r.Through, err)
	}
	return nil
}

// maxLeft is how many ledgers are remembered after they were left.
const maxLeft = 64

// set makes a change durable that states the position v.
func (j *Journal) set(v uint64, do func(context.Context) error) error {
	j.write.Lock()
	defer j.write.Unlock()
	if err := j.ready(); err != nil {
		return err
	}
	if head := j.Head(); v > head {
		return fmt.Errorf("%d is beyond the head, %d", v, head)
	}
	return j.commit(do)
}
