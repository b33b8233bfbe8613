package backoffice

import (
	"context"
	"encoding/json"
	"fmt"

	"baylight/kiosk"
	"baylight/sync/wire"
)

// ReadEvent reads the bytes of an event of a store, of one of its boards or of
// an office, as they come from a file: what the broker's topics say otherwise,
// the event's source says here.
func ReadEvent(store string, b []byte) (Entry, error) {
	e, err := kiosk.Decode(b)
	if err != nil {
		return Entry{}, err
	}
	name, ok := board(store, e.Source)
	if ok {
		if _, err := wire.NewKiosk(store, name); err != nil {
			return Entry{}, fmt.Errorf("read event: source %.80q: %w", e.Source, err)
		}
	} else if e.Source != kiosk.OfficeSource(store) {
		return Entry{}, fmt.Errorf("read event: source %.80q is of no board and no office of store %s", e.Source, store)
	}
	if u, ok := e.Data.(*kiosk.Unknown); ok {
		_ = json.Unmarshal(u.Raw, &u.Meta) // as of an event that comes from a board
	}
	if err := check(e, e.Source); err != nil {
		return Entry{}, err
	}
	return Entry{Store: store, Event: e, Bytes: b}, nil
}

// TakeIn commits a batch that came another way than by the broker, as one
// transaction. Boards are told of it as of everything else. It is one commit:
// an error leaves open whether the batch is there, and doing it again does no harm.
func (o *Office) TakeIn(ctx context.Context, store string, b Batch) (Outcome, error) {
	r, err := o.room(store)
	if err != nil {
		return Outcome{}, fmt.Errorf("take events in: %w", err)
	}
	b.At = o.cfg.Now()
	o.record.Lock() // the office's own chain does not grow meanwhile
	defer o.record.Unlock()
	out, err := o.cfg.Ledger.Commit(ctx, b)
	if err != nil {
		return Outcome{}, fmt.Errorf("take events in: %w", err)
	}
	o.committed(0, out)
	o.eraseLate(ctx, b)
	r.own.Store(true)
	for _, e := range b.Entries {
		r.owe(e.Event.Source)
	}
	for _, p := range b.Persons {
		r.owe(p.Source)
	}
	poke(r.moved)
	o.changed()
	return out, nil
}
