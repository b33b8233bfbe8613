package journal

import (
	"context"
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
		again, err := j.repeats(l, l.epochs[i+1], out[i+1])
		if err != nil {
			return nil, fmt.Errorf("read epochs: %w", j.noting(err))
		}
		out[i].Last -= min(again, out[i].Last)
	}
	return out, nil
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
