package figures

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/kpi"
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
		rows, err := f.cfg.Ledger.FactsOf(ctx, r.Name, backoffice.KeyOpen)
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
	var names []string
	stale := map[string]held{}
	for _, row := range rows {
		h, err := hold(row)
		if err != nil {
			return nil, err
		}
		if was, ok := r.open.visits[row.Visit]; ok && was.at == row.At && was.cuts == string(h.note.cuts) {
			next[row.Visit] = was
			continue
		}
		stale[row.Visit], names = h, append(names, row.Visit)
	}
	folded, err := (&standing{folder: f, room: r, asOf: at, kept: stale}).visits(ctx, names)
	if err != nil {
		return nil, err
	}
	for _, v := range folded {
		next[v.ID] = openVisit{stale[v.ID].At, string(stale[v.ID].note.cuts), v}
	}
	r.open.visits = next
	out := make([]*kiosk.Visit, 0, len(next))
	for _, o := range next {
		out = append(out, o.visit)
	}
	slices.SortFunc(out, func(a, b *kiosk.Visit) int {
		return cmp.Or(a.Arrived.Compare(b.Arrived), cmp.Compare(a.ID, b.ID))
	})
	return out, nil
}

// Visits are those named as they stand, or as they stood at a position, by
// arrival, with the position they are true for. Names that are none of the
// store's visits are left out.
func (f *Folder) Visits(ctx context.Context, store string, names []string, asOf *uint64) (visits []*kiosk.Visit, at uint64, err error) {
	err = f.folded(ctx, store, func(r *room, head uint64) error {
		at = f.answer(Query{AsOf: asOf}, head).AsOf
		st, err := f.standing(ctx, r, at, head, f.named(ctx, r, names))
		if err == nil {
			visits, err = st.visits(ctx, names)
		}
		return err
	})
	return visits, at, err
}

// FactsOf are the facts of the visits named, as they stand, by visit.
func (f *Folder) FactsOf(ctx context.Context, store string, names []string) (facts []kpi.Fact, err error) {
	err = f.folded(ctx, store, func(r *room, at uint64) error {
		st, err := f.standing(ctx, r, at, at, f.named(ctx, r, names))
		if err == nil {
			facts, err = st.facts("", endOfDays)
		}
		return err
	})
	return facts, err
}

// VisitsOfVehicle are those of a keyed VIN as they stand, by arrival, with the
// position they are true for.
func (f *Folder) VisitsOfVehicle(ctx context.Context, store, vehicle string) (visits []*kiosk.Visit, at uint64, err error) {
	err = f.folded(ctx, store, func(r *room, head uint64) error {
		at = head
		rows, err := f.cfg.Ledger.FactsOf(ctx, r.Name, keyVehicle+vehicle)
		if err != nil {
			return err
		}
		names := make([]string, len(rows))
		for i, row := range rows {
			names[i] = row.Visit
		}
		st, err := f.standing(ctx, r, at, head, f.named(ctx, r, names))
		if err == nil {
			visits, err = st.visits(ctx, names)
		}
		return err
	})
	return visits, at, err
}

// Visit is a visit as it stands by its id, by its order's, or by its ticket, the
// latest that has it; nil if there is none.
func (f *Folder) Visit(ctx context.Context, store, name string) (v *kiosk.Visit, at uint64, err error) {
	err = f.folded(ctx, store, func(r *room, head uint64) error {
		at, v = head, nil
		row, err := f.found(ctx, r, name)
		if err != nil || row == nil {
			return err
		}
		h, err := hold(*row)
		if err != nil {
			return err
		}
		st := &standing{folder: f, room: r, asOf: at, kept: map[string]held{row.Visit: h}}
		visits, err := st.visits(ctx, []string{row.Visit})
		if len(visits) > 0 {
			v = visits[0]
		}
		return err
	})
	return v, at, err
}

// found is what is kept of the visit that a name means. Tickets come again every
// day: they are kept by year, and the newest year that has one is looked at.
func (f *Folder) found(ctx context.Context, r *room, name string) (*backoffice.Fact, error) {
	rows, err := f.cfg.Ledger.Facts(ctx, r.Name, []string{name})
	if len(rows) == 0 && err == nil {
		rows, err = f.cfg.Ledger.FactsOf(ctx, r.Name, keyOrder+name)
	}
	for year, back := f.now().In(r.Calendar.Zone).Year()+1, 0; len(rows) == 0 && err == nil && back < ticketYears && name != ""; back++ {
		rows, err = f.cfg.Ledger.FactsOf(ctx, r.Name, keyTicket+strings.ToLower(name)+yearOf(year-back))
	}
	var latest *backoffice.Fact
	var arrived kpi.Instant
	for i := range rows {
		h, err := hold(rows[i])
		if err != nil {
			return nil, err
		}
		fact, err := h.note.factOf(rows[i].Visit)
		if err != nil {
			return nil, err
		}
		if latest == nil || fact.Arrived >= arrived {
			latest, arrived = &rows[i], fact.Arrived
		}
	}
	return latest, err
}
