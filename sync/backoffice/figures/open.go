package figures

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"baylight/kiosk"
	"baylight/sync/backoffice"
)

// openCache keeps the open visits of a store as last folded.
type openCache struct {
	mu     sync.Mutex
	visits map[string]openVisit
}

type openVisit struct {
	at    uint64 // and the cuts it was made with: the same mean the same visit
	cuts  string
	visit *kiosk.Visit
}

// Open are the visits that have not ended, by arrival, with the position they
// are true for. They are shared: read only.
func (f *Folder) Open(ctx context.Context, store string) (visits []*kiosk.Visit, at uint64, err error) {
	err = f.folded(ctx, store, func(r *room, now uint64) error {
		at = now
		rows, err := f.cfg.Ledger.FactsOf(ctx, r.Name, keyOpen)
		if err != nil {
			return err
		}
		visits, err = f.openOf(ctx, r, rows, at)
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	return visits, at, nil
}

// openOf folds those of some visits that are not in the cache, which then holds
// these alone.
func (f *Folder) openOf(ctx context.Context, r *room, rows []backoffice.Fact, at uint64) ([]*kiosk.Visit, error) {
	r.open.mu.Lock()
	defer r.open.mu.Unlock()
	next := make(map[string]openVisit, len(rows))
	var stale []backoffice.Fact
	for _, row := range rows {
		n, err := readNote(row.Visit, row.Bytes)
		if err != nil {
			return nil, err
		}
		if was, ok := r.open.visits[row.Visit]; ok && was.at == row.At && was.cuts == string(n.cuts) {
			next[row.Visit] = was
		} else {
			stale = append(stale, row)
			next[row.Visit] = openVisit{at: row.At, cuts: string(n.cuts)}
		}
	}
	folded, err := f.visits(ctx, r, stale, at)
	if err != nil {
		return nil, err
	}
	for _, v := range folded {
		o := next[v.ID]
		o.visit = v
		next[v.ID] = o
	}
	r.open.visits = next
	out := make([]*kiosk.Visit, 0, len(next))
	for id, o := range next {
		if o.visit == nil {
			delete(next, id)
			continue
		}
		out = append(out, o.visit)
	}
	byArrival(out)
	return out, nil
}

func byArrival(visits []*kiosk.Visit) {
	slices.SortFunc(visits, func(a, b *kiosk.Visit) int {
		return cmp.Or(a.Arrived.Compare(b.Arrived), cmp.Compare(a.ID, b.ID))
	})
}

// visits folds visits at a position, with what is kept of their overlaps.
func (f *Folder) visits(ctx context.Context, r *room, rows []backoffice.Fact, at uint64) ([]*kiosk.Visit, error) {
	ids := make([]string, len(rows))
	cuts := map[string][]backoffice.Cut{}
	for i, row := range rows {
		n, err := readNote(row.Visit, row.Bytes)
		if err != nil {
			return nil, err
		}
		if ids[i] = row.Visit; len(n.cuts) > 0 {
			if cuts[row.Visit], err = readCuts(row.Visit, n.cuts); err != nil {
				return nil, err
			}
		}
	}
	events, err := f.record(ctx, r, ids, at)
	if err != nil {
		return nil, err
	}
	var out []*kiosk.Visit
	for id, rec := range events {
		v := rec.Visit
		if len(cuts[id]) > 0 {
			v = backoffice.FoldCut(rec.events, cuts[id], r.Calendar)
		}
		if v.ID != "" {
			out = append(out, v)
		}
	}
	byArrival(out)
	return out, nil
}

// Visits are those named, as they stand, by arrival, with the position they are
// true for. Names that are none of the store's visits are left out.
func (f *Folder) Visits(ctx context.Context, store string, names []string) ([]*kiosk.Visit, uint64, error) {
	return f.found(ctx, store, func(r *room) ([]backoffice.Fact, error) { return f.cfg.Ledger.Facts(ctx, r.Name, names) })
}

// VisitsOfVehicle are those of a keyed VIN, by arrival.
func (f *Folder) VisitsOfVehicle(ctx context.Context, store, vehicle string) ([]*kiosk.Visit, uint64, error) {
	return f.found(ctx, store, func(r *room) ([]backoffice.Fact, error) {
		return f.cfg.Ledger.FactsOf(ctx, r.Name, keyVehicle+vehicle)
	})
}

// Visit is a visit by its id or by its order's; nil if there is none.
func (f *Folder) Visit(ctx context.Context, store, id string) (*kiosk.Visit, uint64, error) {
	visits, at, err := f.found(ctx, store, func(r *room) ([]backoffice.Fact, error) {
		rows, err := f.cfg.Ledger.Facts(ctx, r.Name, []string{id})
		if err != nil || len(rows) > 0 {
			return rows, err
		}
		return f.cfg.Ledger.FactsOf(ctx, r.Name, keyOrder+id)
	})
	if err != nil || len(visits) == 0 {
		return nil, at, err
	}
	return visits[0], at, nil
}

// found folds the visits that a question finds.
func (f *Folder) found(ctx context.Context, store string, find func(*room) ([]backoffice.Fact, error)) (visits []*kiosk.Visit, at uint64, err error) {
	err = f.folded(ctx, store, func(r *room, now uint64) error {
		at = now
		rows, err := find(r)
		if err != nil {
			return err
		}
		visits, err = f.visits(ctx, r, rows, at)
		return err
	})
	if err != nil {
		return nil, 0, fmt.Errorf("find visits: %w", err)
	}
	return visits, at, nil
}
