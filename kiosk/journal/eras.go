package journal

import (
	"context"
	"database/sql"
	"fmt"
	"sort"

	"baylight/kiosk"
)

// Era is an epoch as those see it who read it again long after.
type Era struct {
	Epoch  string
	Pruned uint64 // 1..Pruned are no longer here
	// Last is the last event that counts under this epoch; those after it were
	// recorded again in the next. Of the current epoch it is the head.
	Last uint64
	// Had is how far each ledger had this epoch when it ended, as far as it had been
	// heard: nothing of that has to be proven to it again.
	Had map[string]uint64
}

// Eras are the epochs that have events, oldest first, the current one last.
func (j *Journal) Eras() ([]Era, error) {
	if j.isClosed() {
		return nil, fmt.Errorf("read epochs: %w", ErrClosed)
	}
	j.mu.Lock()
	l, head := j.layout, j.head.seq
	j.mu.Unlock()
	out := make([]Era, len(l.epochs))
	for i, ep := range l.epochs {
		e := Era{Epoch: ep.name, Last: head}
		if ep != l.current() {
			e.Last = l.last(ep) - ep.base
		}
		if h, ok := l.hole(1); ok && h.last > ep.base {
			e.Pruned = min(h.last-ep.base, e.Last)
		}
		out[i] = e
	}
	for i := range out[:len(out)-1] {
		last, err := j.counts(l, i, out[i], out[i+1])
		if err != nil {
			return nil, fmt.Errorf("read epochs: %w", j.noting(err))
		}
		out[i].Last = last
		if out[i].Had, err = j.had(out[i].Epoch); err != nil {
			return nil, fmt.Errorf("read epochs: %w", j.noting(err))
		}
	}
	return out, nil
}

func (j *Journal) had(epoch string) (map[string]uint64, error) {
	rows, err := j.readers.QueryContext(context.Background(), "SELECT substr(name, ?), value FROM cursors WHERE epoch = ? AND name > ? AND name < ?",
		len(hadBy)+1, epoch, hadBy, hadBy+"\x7f")
	if err != nil {
		return nil, classify(err)
	}
	defer rows.Close()
	out := map[string]uint64{}
	for rows.Next() {
		var ledger string
		var through int64
		if err := rows.Scan(&ledger, &through); err != nil {
			return nil, classify(err)
		}
		out[ledger] = uint64(through)
	}
	return out, classify(rows.Err())
}

// counts is the last event of an ended epoch that was not recorded again in a
// later one. Where some of a later one is destroyed, all count here: what is sent
// twice is counted once.
func (j *Journal) counts(l *layout, i int, e, next Era) (uint64, error) {
	ctx := context.Background()
	last := e.Last
	var kept int64
	err := j.readers.QueryRowContext(ctx, "SELECT value FROM cursors WHERE epoch = ? AND name = ?", e.Epoch, counts).Scan(&kept)
	switch {
	case err == nil:
		last = min(last, uint64(kept))
	case !noRows(err):
		return 0, classify(err)
	default: // an older program ended it
		again, err := j.repeats(l, l.epochs[i+1], next)
		if err != nil {
			return 0, err
		}
		last -= min(again, last)
	}
	var destroyed bool
	if err := j.readers.QueryRowContext(ctx, `SELECT EXISTS(SELECT 1 FROM lost WHERE epoch = ?)`, next.Epoch).Scan(&destroyed); err != nil {
		return 0, classify(err)
	}
	if destroyed {
		last = e.Last
	}
	var again sql.NullInt64
	if err := j.readers.QueryRowContext(ctx, `SELECT min(value) FROM cursors WHERE name = ? AND epoch NOT IN (SELECT epoch FROM lost)`, overtaken+e.Epoch).Scan(&again); err != nil {
		return 0, classify(err)
	}
	if again.Valid {
		last = min(last, uint64(again.Int64))
	}
	return last, nil
}

// repeats is how many events an epoch begins with that were recorded again. What
// was pruned of it counts as such no more: nothing before it is here either.
func (j *Journal) repeats(l *layout, ep epoch, e Era) (uint64, error) {
	var failed error
	n := sort.Search(int(e.Last-e.Pruned), func(i int) bool {
		rows, err := j.page(context.Background(), l, ep, e.Pruned+uint64(i), 1)
		if err != nil || len(rows) == 0 {
			failed = err
			return true
		}
		ev, err := kiosk.Decode(rows[0].Bytes)
		if err != nil {
			failed = err
		}
		return ev.Was == ""
	})
	return uint64(n), failed
}

// ReadOf is Read for any epoch of the journal; there is nothing of one that is
// not known.
func (j *Journal) ReadOf(name string, after uint64, limit int) ([]Row, error) {
	if j.isClosed() {
		return nil, fmt.Errorf("read epoch %s after %d: %w", name, after, ErrClosed)
	}
	l := j.shape()
	ep, ok := l.find(name)
	if !ok {
		return nil, nil
	}
	rows, err := j.page(context.Background(), l, ep, after, limit)
	if err != nil {
		return nil, fmt.Errorf("read epoch %s after %d: %w", name, after, j.noting(err))
	}
	return rows, nil
}
