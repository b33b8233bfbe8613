package journal

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"baylight/kiosk"
)

// layout says which positions of the file belong to which epoch and which are
// not there any more. It is replaced as a whole and never changed.
type layout struct {
	epochs []epoch // oldest first, at least one; the last is appended to
	empty  []string
	others []string // those of empty that were never of this journal
	holes  []hole   // by position, apart from each other
}

// epoch is a run of positions base+1, base+2 … with sequences 1, 2 …
type epoch struct {
	name string
	base uint64
}

// hole is a run of positions whose events are not here: pruned or destroyed.
type hole struct {
	first, last uint64
	hash        kiosk.Hash // of the event at last, which the next one names; zero if no next one does
}

func (l *layout) current() epoch { return l.epochs[len(l.epochs)-1] }

// last is the highest position that may belong to an epoch.
func (l *layout) last(ep epoch) uint64 {
	for i, e := range l.epochs[:len(l.epochs)-1] {
		if e == ep {
			return l.epochs[i+1].base
		}
	}
	return maxPos
}

// hole is the one that pos lies in.
func (l *layout) hole(pos uint64) (hole, bool) {
	i, _ := slices.BinarySearchFunc(l.holes, pos, func(h hole, p uint64) int {
		if h.last < p {
			return -1
		}
		return 1
	})
	if i < len(l.holes) && l.holes[i].first <= pos {
		return l.holes[i], true
	}
	return hole{}, false
}

// find is the epoch of a name.
func (l *layout) find(name string) (epoch, bool) {
	for _, e := range l.epochs {
		if e.name == name {
			return e, true
		}
	}
	return epoch{}, false
}

// shape is the present layout.
func (j *Journal) shape() *layout {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.layout
}

func readLayout(ctx context.Context, q querier) (*layout, error) {
	l := &layout{}
	if err := l.readEpochs(ctx, q); err != nil {
		return nil, err
	}
	var v int
	if err := q.QueryRowContext(ctx, "PRAGMA user_version").Scan(&v); err != nil {
		return nil, fmt.Errorf("read version: %w", classify(err))
	}
	if v < 2 { // a file of the first version has no holes
		return l, nil
	}
	return l, l.readHoles(ctx, q)
}

// readEpochs reads the epochs. One that ended without an event has no base but a
// negative number: only its name is known.
func (l *layout) readEpochs(ctx context.Context, q querier) error {
	rows, err := q.QueryContext(ctx, "SELECT epoch, base, ifnull(superseded, '') FROM epochs ORDER BY base")
	if err != nil {
		return fmt.Errorf("read epochs: %w", classify(err))
	}
	defer rows.Close()
	for rows.Next() {
		var name, why string
		var base int64
		if err := rows.Scan(&name, &base, &why); err != nil {
			return fmt.Errorf("%w: read epochs: %w", ErrDamaged, err)
		}
		if base < 0 {
			l.empty = append(l.empty, name)
			if strings.HasPrefix(why, disowned) {
				l.others = append(l.others, name)
			}
			continue
		}
		e, n := epoch{name, uint64(base)}, len(l.epochs)
		if e.name == "" || n == 0 && e.base != 0 || n > 0 && e.base <= l.epochs[n-1].base {
			return fmt.Errorf("%w: epoch %q begins at %d", ErrDamaged, e.name, e.base)
		}
		l.epochs = append(l.epochs, e)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read epochs: %w", classify(err))
	}
	if len(l.epochs) == 0 {
		return fmt.Errorf("%w: it has no epoch", ErrDamaged)
	}
	return nil
}

func (l *layout) readHoles(ctx context.Context, q querier) error {
	rows, err := q.QueryContext(ctx, "SELECT first, last, hash FROM holes ORDER BY first")
	if err != nil {
		return fmt.Errorf("read holes: %w", classify(err))
	}
	defer rows.Close()
	for rows.Next() {
		var first, last int64
		var hash []byte
		if err := rows.Scan(&first, &last, &hash); err != nil {
			return fmt.Errorf("%w: read holes: %w", ErrDamaged, err)
		}
		n := len(l.holes)
		if first < 1 || last < first || n > 0 && l.holes[n-1].last >= uint64(first) || len(hash) != len(kiosk.Hash{}) {
			return fmt.Errorf("%w: a hole from %d to %d", ErrDamaged, first, last)
		}
		l.holes = append(l.holes, hole{uint64(first), uint64(last), kiosk.Hash(hash)})
	}
	return classify(rows.Err())
}

// readHead reads the last event's sequence and hash.
func (l *layout) readHead(ctx context.Context, q querier) (head, error) {
	base := l.current().base
	var pos int64
	var hash []byte
	err := q.QueryRowContext(ctx, "SELECT pos, hash FROM events ORDER BY pos DESC LIMIT 1").Scan(&pos, &hash)
	if noRows(err) {
		pos, err = 0, nil
	} else if err == nil && len(hash) != len(kiosk.Hash{}) {
		err = fmt.Errorf("%w: the hash of the last event has %d bytes", ErrDamaged, len(hash))
	}
	if err != nil {
		return head{}, fmt.Errorf("read head: %w", classify(err))
	}
	if uint64(pos) > base {
		return head{uint64(pos) - base, kiosk.Hash(hash)}, nil
	}
	if h, ok := l.hole(base); uint64(pos) != base && (!ok || h.first > uint64(pos)+1) {
		return head{}, fmt.Errorf("%w: the last event is at %d, the current epoch begins after %d", ErrDamaged, pos, base)
	}
	return head{}, nil
}
