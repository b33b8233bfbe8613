package backoffice

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"baylight/kiosk"
	"baylight/sync/wire"
)

// Record appends an event of the office to a store's ledger: what people state,
// confirm and correct there. It returns once the event is durable; boards and
// third parties hear of it afterwards. A correction is given the hash of the event
// that it means.
func (o *Office) Record(ctx context.Context, store string, p kiosk.Payload) (kiosk.Event, error) {
	r, err := o.room(store)
	if err != nil {
		return kiosk.Event{}, fmt.Errorf("record %s: %w", p.Type(), err)
	}
	if o.cfg.Leased && r.term.Load() == 0 { // the ledger would say so
		return kiosk.Event{}, fmt.Errorf("record %s: %w", p.Type(), ErrNotHeld)
	}
	o.record.Lock()
	defer o.record.Unlock()
	seq, prev, err := o.head(ctx, store)
	if err == nil {
		err = o.pin(ctx, store, p)
	}
	if err != nil {
		return kiosk.Event{}, fmt.Errorf("record %s: %w", p.Type(), err)
	}
	now := o.cfg.Now()
	e := kiosk.Event{
		Source: kiosk.OfficeSource(store), Epoch: o.cfg.Ledger.ID(), Seq: seq + 1, Data: p, Prev: prev,
		Moment: kiosk.Moment{Wall: now.In(r.Calendar.Zone).Truncate(time.Millisecond), Boot: o.boot, Up: max(0, now.Sub(o.begun)), Clock: kiosk.Synced},
	}
	b, err := kiosk.Encode(e)
	if err != nil {
		return kiosk.Event{}, fmt.Errorf("record %s: %w", p.Type(), err)
	}
	if _, err := kiosk.Decode(b); err != nil {
		return kiosk.Event{}, fmt.Errorf("record %s: %w", p.Type(), err)
	}
	out, err := o.cfg.Ledger.Commit(ctx, Batch{At: now, Entries: []Entry{{Store: store, Event: e, Bytes: b}}})
	if err != nil {
		// The commit may have happened all the same: what is there decides.
		row, found, ask := o.cfg.Ledger.Event(context.WithoutCancel(ctx), store, e.ID())
		if ask != nil || !found || !bytes.Equal(row.Bytes, b) {
			return kiosk.Event{}, fmt.Errorf("record %s: %w", p.Type(), err)
		}
		out = Outcome{Position: row.Position, Added: 1}
	}
	if out.Conflicts > 0 { // another office had the store meanwhile
		return kiosk.Event{}, fmt.Errorf("record %s: another event stands in the place of %s", p.Type(), e.ID())
	}
	o.committed(0, out)
	r.own.Store(true)
	poke(r.wake)
	poke(r.moved)
	o.changed()
	return e, nil
}

// pin writes the hash of the event that p corrects into p.
func (o *Office) pin(ctx context.Context, store string, p kiosk.Payload) error {
	id := kiosk.Corrects(p)
	if id == "" || kiosk.Pinned(p) != "" {
		return nil
	}
	row, found, err := o.cfg.Ledger.Event(ctx, store, id)
	if err == nil && found && row.Damaged {
		return fmt.Errorf("event %s is damaged on the disk: baylight verify says what to do", id)
	}
	if err == nil && found {
		kiosk.Pin(p, kiosk.HashOf(row.Bytes))
	}
	return err
}

// head is the last event of the office's own chain in a store.
func (o *Office) head(ctx context.Context, store string) (seq uint64, hash kiosk.Hash, err error) {
	epochs, err := o.cfg.Ledger.Epochs(ctx, kiosk.OfficeSource(store))
	if err != nil {
		return 0, hash, err
	}
	if i := slices.IndexFunc(epochs, func(e wire.Epoch) bool { return e.Epoch == o.cfg.Ledger.ID() }); i >= 0 {
		return epochs[i].Through, epochs[i].Hash, nil
	}
	return 0, hash, nil
}
