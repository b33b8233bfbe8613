package backoffice

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"baylight/kiosk"
)

// Recompute folds all visits of a store as they stood at a position, straight
// from the events: what everything kept is measured by. It reads the whole store.
func Recompute(ctx context.Context, l Ledger, store string, at uint64, cal kiosk.Calendar) ([]*kiosk.Visit, error) {
	all := map[string][]kiosk.Event{}
	if err := l.Until(ctx, store, at, func(visit string, events []kiosk.Event) { all[visit] = events }); err != nil {
		return nil, fmt.Errorf("fold visits of %s: %w", store, err)
	}
	return FoldStore(all, cal), nil
}

// Fold is kiosk.Apply on the events of one visit as the ledger has them. Events
// that were recorded again after a rollback have a new id; corrections made
// before it name the old one. One that carries the hash of what it means goes to
// that one, under whichever id that counts.
func Fold(events []kiosk.Event, cal kiosk.Calendar) *kiosk.Visit {
	var now map[string]string
	for i := range events {
		if e := &events[i]; e.Was != "" {
			if now == nil {
				now = map[string]string{}
			}
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
