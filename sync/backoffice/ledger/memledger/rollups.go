package memledger

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
)

// kept is what a folder keeps of a store.
type kept struct {
	is    backoffice.Progress
	facts map[string]backoffice.Fact
	days  map[string][]backoffice.DayRow
}

func (k *kept) clone() *kept {
	return &kept{k.is, maps.Clone(k.facts), maps.Clone(k.days)}
}

// Folded is how far a store is folded.
func (l *Ledger) Folded(_ context.Context, store string) (backoffice.Progress, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if k := l.kept[store]; k != nil {
		return k.is, nil
	}
	return backoffice.Progress{}, nil
}

// Stale lists visits that changed after a cursor.
func (l *Ledger) Stale(_ context.Context, store string, after backoffice.Cursor, limit int) (out []backoffice.Cursor, err error) {
	for k, v := range l.visits {
		c := backoffice.Cursor{Changed: v.changed, Visit: k.visit}
		if k.store == store && compare(c, after) > 0 {
			out = append(out, c)
		}
	}
	slices.SortFunc(out, compare)
	return out[:min(limit, len(out))], nil
}

func compare(a, b backoffice.Cursor) int {
	return cmp.Or(cmp.Compare(a.Changed, b.Changed), cmp.Compare(a.Visit, b.Visit))
}

// VisitsAt calls f with some visits as they stood at a position.
func (l *Ledger) VisitsAt(ctx context.Context, store string, visits []string, at uint64, f func(string, []kiosk.Event) error) (err error) {
	named := map[string]bool{}
	for _, v := range visits {
		named[v] = true
	}
	if until := l.Until(ctx, store, at, func(v string, events []kiosk.Event) {
		if err == nil && named[v] {
			err = f(v, events)
		}
	}); until != nil {
		return until
	}
	return err
}

// Touched names the visits that stood at a position and changed after it.
func (l *Ledger) Touched(_ context.Context, store string, at uint64) (out []string, err error) {
	for k, v := range l.visits {
		if k.store == store && v.changed > at && slices.ContainsFunc(v.rows, func(r *row) bool { return r.n <= at }) {
			out = append(out, k.visit)
		}
	}
	slices.Sort(out)
	return out, nil
}

// Keep makes a step of folding.
func (l *Ledger) Keep(_ context.Context, store string, step backoffice.Kept) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := l.kept[store]
	if k == nil {
		k = &kept{facts: map[string]backoffice.Fact{}, days: map[string][]backoffice.DayRow{}}
	}
	if k.is != step.Was {
		return backoffice.ErrFolded
	}
	l.kept[store], k.is = k, step.Is
	for _, f := range step.Facts {
		if f.Bytes == nil {
			delete(k.facts, f.Visit)
			continue
		}
		f.Days, f.Keys, f.Bytes = slices.Clone(f.Days), slices.Clone(f.Keys), slices.Clone(f.Bytes)
		k.facts[f.Visit] = f
	}
	for _, d := range step.Days {
		k.days[d.Day] = slices.Clone(d.Rows)
	}
	return nil
}

// facts are those of a store that match, by visit.
func (l *Ledger) facts(store string, match func(backoffice.Fact) bool) (out []backoffice.Fact) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if k := l.kept[store]; k != nil {
		for _, v := range slices.Sorted(maps.Keys(k.facts)) {
			if f := k.facts[v]; match(f) {
				out = append(out, f)
			}
		}
	}
	return out
}

// Facts are those kept of the visits named.
func (l *Ledger) Facts(_ context.Context, store string, visits []string) ([]backoffice.Fact, error) {
	return l.facts(store, func(f backoffice.Fact) bool { return slices.Contains(visits, f.Visit) }), nil
}

// FactsOfDays calls f with the facts that have a part in some days.
func (l *Ledger) FactsOfDays(_ context.Context, store, first, last string, f func(backoffice.Fact) error) error {
	for _, fact := range l.facts(store, func(f backoffice.Fact) bool {
		return slices.ContainsFunc(f.Days, func(d string) bool { return first <= d && d <= last })
	}) {
		if err := f(fact); err != nil {
			return err
		}
	}
	return nil
}

// FactsOf are those kept under a key.
func (l *Ledger) FactsOf(_ context.Context, store, key string) ([]backoffice.Fact, error) {
	return l.facts(store, func(f backoffice.Fact) bool { return slices.Contains(f.Keys, key) }), nil
}

// FactsDue are those whose time has come.
func (l *Ledger) FactsDue(_ context.Context, store string, now time.Time, limit int) ([]backoffice.Fact, error) {
	out := l.facts(store, func(f backoffice.Fact) bool { return !f.Due.IsZero() && !f.Due.After(now) })
	slices.SortStableFunc(out, func(a, b backoffice.Fact) int { return a.Due.Compare(b.Due) })
	return out[:min(limit, len(out))], nil
}

// DayRows are those of a kind.
func (l *Ledger) DayRows(_ context.Context, store, kind, first, last string) (out []backoffice.DayRow, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if k := l.kept[store]; k != nil {
		for _, day := range slices.Sorted(maps.Keys(k.days)) {
			for _, r := range k.days[day] {
				if r.Kind == kind && first <= day && day <= last {
					out = append(out, r)
				}
			}
		}
	}
	slices.SortStableFunc(out, func(a, b backoffice.DayRow) int { return cmp.Or(cmp.Compare(a.Day, b.Day), cmp.Compare(a.Key, b.Key)) })
	return out, nil
}

// DayHeads are those of a kind, each up to a length.
func (l *Ledger) DayHeads(ctx context.Context, store, kind, first, last string, most int) ([]backoffice.DayRow, error) {
	rows, err := l.DayRows(ctx, store, kind, first, last)
	for i, r := range rows {
		rows[i].Bytes = slices.Clone(r.Bytes[:min(most, len(r.Bytes))])
	}
	return rows, err
}

// DropRollups forgets what is kept.
func (l *Ledger) DropRollups(_ context.Context, store string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.kept, store)
	return nil
}
