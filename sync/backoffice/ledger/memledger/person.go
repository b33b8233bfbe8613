package memledger

import (
	"context"
	"time"

	"baylight/sync/backoffice"
)

// Person is the person part of the event at a position, nil if there is none.
func (l *Ledger) Person(_ context.Context, store string, position uint64) ([]byte, error) {
	if position == 0 || position > uint64(len(l.rows)) {
		return nil, nil
	}
	r := l.rows[position-1]
	if r.store != store || r.malformed {
		return nil, nil
	}
	return l.epochs[place{r.event.Source, r.event.Epoch}].persons[r.event.Seq], nil
}

// Erase removes the person parts of the events at positions.
func (l *Ledger) Erase(_ context.Context, store string, positions []uint64) (erased int, err error) {
	for _, n := range positions {
		part, err := l.Person(context.Background(), store, n)
		if err != nil {
			return erased, err
		}
		if part == nil {
			continue
		}
		r := l.rows[n-1]
		l.epochs[place{r.event.Source, r.event.Epoch}].persons[r.event.Seq] = nil
		erased++
	}
	return erased, nil
}

// PartsBefore lists the person parts of a store that are there and grew old.
func (l *Ledger) PartsBefore(ctx context.Context, store string, before time.Time, after uint64, limit int) (out []backoffice.PartAt, err error) {
	for i, r := range l.rows {
		n := uint64(i) + 1
		when := r.when
		if r.uncertain && when.Before(r.at) {
			when = r.at
		}
		if len(out) == limit || n <= after || !when.Before(before) {
			continue
		}
		part, err := l.Person(ctx, store, n)
		if err != nil {
			return nil, err
		}
		if part != nil {
			out = append(out, backoffice.PartAt{Position: n, Visit: r.visit})
		}
	}
	return out, nil
}
