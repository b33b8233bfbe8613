package backoffice

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"

	"baylight/kiosk"
)

// folded keeps the folded visits of a store, true for one position.
type folded struct {
	mu       sync.Mutex
	at       uint64
	visits   map[string]*kiosk.Visit
	sorted   []*kiosk.Visit
	overlaps overlaps
}

// Visits folds the visits of a store that changed since it was last asked and
// returns all of them, by arrival, with the position they are true for. They
// are shared: read only.
func (o *Office) Visits(ctx context.Context, store string) ([]*kiosk.Visit, uint64, error) {
	r, err := o.room(store)
	if err != nil {
		return nil, 0, err
	}
	f := &r.folded
	f.mu.Lock()
	defer f.mu.Unlock()
	fresh := map[string]Recorded{}
	at, err := o.cfg.Ledger.Changed(ctx, store, f.at, func(visit string, events []kiosk.Event) {
		fresh[visit] = Record(events, r.Calendar)
	})
	if err == nil && (len(fresh) > 0 || f.visits == nil) {
		err = f.take(fresh, r.Calendar, func(visit string) ([]kiosk.Event, error) { return o.countedEvents(ctx, store, visit, at) })
	}
	if err != nil {
		f.at, f.visits, f.sorted, f.overlaps = 0, nil, nil, overlaps{} // half of it may be there: begin again
		return nil, 0, fmt.Errorf("fold visits of %s: %w", store, err)
	}
	f.at = at
	return f.sorted, f.at, nil
}

// countedEvents are those of a visit up to a position.
func (o *Office) countedEvents(ctx context.Context, store, visit string, at uint64) (events []kiosk.Event, err error) {
	rows, err := o.cfg.Ledger.Visit(ctx, store, visit)
	for _, row := range rows {
		if !row.Counted || row.Position > at {
			continue
		}
		e, err := kiosk.Decode(row.Bytes)
		if err != nil {
			return nil, fmt.Errorf("read event at position %d: %w", row.Position, err)
		}
		e.When, e.Uncertain = row.When.In(e.Moment.Wall.Location()), row.Uncertain
		events = append(events, e)
	}
	return events, err
}

// take puts visits that changed in their places, and folds those again whose
// jobs overlap with others; read gives the events of a visit.
func (f *folded) take(fresh map[string]Recorded, cal kiosk.Calendar, read func(visit string) ([]kiosk.Event, error)) error {
	if f.visits == nil {
		f.visits = map[string]*kiosk.Visit{}
	}
	for id, r := range fresh {
		if r.Visit.ID == "" { // nothing of it is left
			delete(f.visits, id)
		} else {
			f.visits[id] = r.Visit
		}
	}
	for id := range f.overlaps.take(fresh) {
		cuts := f.overlaps.of(id)
		if _, changed := fresh[id]; changed && len(cuts) == 0 {
			continue
		}
		events, err := read(id)
		if err != nil {
			return err
		}
		if len(cuts) > 0 {
			f.visits[id] = FoldCut(events, cuts, cal)
		} else {
			f.visits[id] = Fold(events, cal)
		}
	}
	f.sorted = sorted(f.visits)
	return nil
}

// VisitsAt folds all visits of a store as they stood at a position, with the
// calendar of then. It reads the whole store.
func (o *Office) VisitsAt(ctx context.Context, store string, at uint64) ([]*kiosk.Visit, error) {
	cal, err := o.CalendarAt(ctx, store, at)
	if err != nil {
		return nil, err
	}
	all := map[string][]kiosk.Event{}
	if err := o.cfg.Ledger.Until(ctx, store, at, func(visit string, events []kiosk.Event) { all[visit] = events }); err != nil {
		return nil, fmt.Errorf("fold visits of %s: %w", store, err)
	}
	return FoldStore(all, cal), nil
}

func sorted(visits map[string]*kiosk.Visit) []*kiosk.Visit {
	return slices.SortedFunc(maps.Values(visits), func(a, b *kiosk.Visit) int {
		return cmp.Or(a.Arrived.Compare(b.Arrived), cmp.Compare(a.ID, b.ID))
	})
}

// Fold is kiosk.Apply on the events of one visit as the ledger has them. Events
// that were recorded again after a rollback have a new id; corrections made
// before it name the old one. One that carries the hash of what it means goes to
// that one, under whichever id that counts.
func Fold(events []kiosk.Event, cal kiosk.Calendar) *kiosk.Visit {
	now := map[string]string{}
	for _, e := range events {
		if e.Was != "" {
			now[e.Was] = e.ID()
			now[e.Was+"#"+e.WasHash] = e.ID()
		}
	}
	if len(now) > 0 {
		here := map[string]bool{}
		for _, e := range events {
			here[e.ID()] = true
		}
		for i, e := range events {
			// What stands in its own epoch as it was first recorded means its
			// neighbour there, if that came; what came later means the history
			// that went on.
			id := kiosk.Corrects(e.Data)
			if hash := kiosk.Pinned(e.Data); id != "" && hash != "" {
				events[i].Data = renamed(e.Data, now[id+"#"+hash])
				continue
			}
			epoch, _, err := kiosk.ParseEventID(id)
			if err == nil && (e.Was != "" || e.Epoch != epoch || !here[id]) {
				events[i].Data = renamed(e.Data, now[id])
			}
		}
	}
	return kiosk.Apply(events, cal)
}

// renamed lets a correction name its event by the id it has now, "" if that is
// the one it has anyway.
func renamed(p kiosk.Payload, id string) kiosk.Payload {
	if id == "" {
		return p
	}
	switch d := p.(type) {
	case *kiosk.Voided:
		c := *d
		c.Event = id
		return &c
	case *kiosk.Amended:
		c := *d
		c.Event, c.Fields = id, json.RawMessage(slices.Clone(d.Fields))
		return &c
	}
	return p
}
