package journal

import (
	"context"
	"fmt"

	"baylight/kiosk"
)

// Beside are the events next to a lost range: the last before it and the first
// after it that are there under its epoch. One that is not there has no Data.
// They tell people when the range was recorded, which nothing in it can.
func (j *Journal) Beside(l Lost) (before, after kiosk.Event, err error) {
	if j.isClosed() {
		return before, after, fmt.Errorf("read what is beside %v: %w", l, ErrClosed)
	}
	s := j.shape()
	ep, ok := s.find(l.Epoch)
	if !ok || l.From == 0 || l.To < l.From || l.To > maxPos-ep.base {
		return before, after, nil // of an epoch without events
	}
	if before, err = j.first("pos > ? AND pos < ? ORDER BY pos DESC", ep.base, ep.base+l.From); err == nil {
		after, err = j.first("pos <= ? AND pos > ? ORDER BY pos", s.last(ep), ep.base+l.To)
	}
	if err != nil {
		err = fmt.Errorf("read what is beside %v: %w", l, j.noting(err))
	}
	return before, after, err
}

// first is the first event that a condition on two positions has, without Data if none has.
func (j *Journal) first(where string, a, b uint64) (e kiosk.Event, err error) {
	var raw []byte
	err = j.readers.QueryRowContext(context.Background(), "SELECT bytes FROM events WHERE "+where+" LIMIT 1", int64(a), int64(b)).Scan(&raw)
	switch {
	case noRows(err):
		return e, nil
	case err != nil:
		return e, classify(err)
	}
	if e, err = kiosk.Decode(raw); err != nil {
		return kiosk.Event{}, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return e, nil
}
