package memledger

import "context"

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
