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
	mu     sync.Mutex
	at     uint64
	visits map[string]*kiosk.Visit
	sorted []*kiosk.Visit
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
	fresh := map[string]*kiosk.Visit{}
	at, err := o.cfg.Ledger.Changed(ctx, store, f.at, func(visit string, events []kiosk.Event) {
		fresh[visit] = Fold(events, r.Calendar)
	})
	if err != nil {
		return nil, 0, fmt.Errorf("fold visits of %s: %w", store, err)
	}
	f.at = at
	if len(fresh) > 0 || f.visits == nil {
		f.take(fresh)
	}
	return f.sorted, f.at, nil
}

func (f *folded) take(fresh map[string]*kiosk.Visit) {
	if f.visits == nil {
		f.visits = map[string]*kiosk.Visit{}
	}
	for id, v := range fresh {
		if v.ID == "" { // nothing of it is left
			delete(f.visits, id)
		} else {
			f.visits[id] = v
		}
	}
	f.sorted = sorted(f.visits)
}

// VisitsAt folds all visits of a store as they stood at a position. It reads
// the whole store.
func (o *Office) VisitsAt(ctx context.Context, store string, at uint64) ([]*kiosk.Visit, error) {
	r, err := o.room(store)
	if err != nil {
		return nil, err
	}
	all := map[string]*kiosk.Visit{}
	err = o.cfg.Ledger.Until(ctx, store, at, func(visit string, events []kiosk.Event) {
		if v := Fold(events, r.Calendar); v.ID != "" {
			all[visit] = v
		}
	})
	if err != nil {
		return nil, fmt.Errorf("fold visits of %s: %w", store, err)
	}
	return sorted(all), nil
}

func sorted(visits map[string]*kiosk.Visit) []*kiosk.Visit {
	return slices.SortedFunc(maps.Values(visits), func(a, b *kiosk.Visit) int {
		return cmp.Or(a.Arrived.Compare(b.Arrived), cmp.Compare(a.ID, b.ID))
	})
}

// Fold is kiosk.Apply on the events of one visit as the ledger has them. Events
// that were recorded again after a rollback have a new id; corrections made
// before it name the old one.
func Fold(events []kiosk.Event, cal kiosk.Calendar) *kiosk.Visit {
	now := map[string]string{}
	for _, e := range events {
		if e.Was != "" {
			now[e.Was] = e.ID()
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
			epoch, _, err := kiosk.ParseEventID(id)
			if err == nil && (e.Was != "" || e.Epoch != epoch || !here[id]) {
				events[i].Data = renamed(e.Data, now)
			}
		}
	}
	return kiosk.Apply(events, cal)
}

// renamed lets a correction name its event by the id it has now.
func renamed(p kiosk.Payload, now map[string]string) kiosk.Payload {
	id, ok := now[kiosk.Corrects(p)]
	if !ok {
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
