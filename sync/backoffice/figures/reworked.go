package figures

import (
	"context"

	"baylight/sync/backoffice/kpi"
)

// Reworked are the confirmed reworks of the orders signed in the period of a
// question, by visit, each with whom it is charged to.
func (f *Folder) Reworked(ctx context.Context, store string, q Query) (out []kpi.Reworked, a Answer, err error) {
	err = f.folded(ctx, store, func(r *room, at uint64) error {
		a = f.answer(q, at)
		_, out, err = f.reworked(ctx, r, q, a, at)
		return err
	})
	return out, a, err
}

// Teams makes rows by team of a period; team names a technician's. They are made
// of facts, as no row by team is kept.
func (f *Folder) Teams(ctx context.Context, store string, q Query, team func(technician string) string) (a Answer, err error) {
	err = f.folded(ctx, store, func(r *room, at uint64) error {
		a = f.answer(q, at)
		then, err := f.thenRoom(ctx, r, q.AsOf)
		if err != nil {
			return err
		}
		facts, reworks, err := f.reworked(ctx, r, q, a, at)
		a.Rows = then.period(q, a).Teams(facts, team, reworks)
		return err
	})
	if err != nil {
		return Answer{}, err
	}
	return a, nil
}

// reworked are the facts of a period, and the reworks among them.
func (f *Folder) reworked(ctx context.Context, r *room, q Query, a Answer, at uint64) ([]kpi.Fact, []kpi.Reworked, error) {
	r, err := f.thenRoom(ctx, r, q.AsOf)
	if err != nil {
		return nil, nil, err
	}
	first, last := r.days(q)
	st, err := f.standing(ctx, r, a.AsOf, at, f.near(ctx, r, first, last))
	if err != nil {
		return nil, nil, err
	}
	facts, err := st.facts(first, last)
	if err != nil {
		return nil, nil, err
	}
	p := r.period(q, a)
	var names []string
	for _, w := range p.ReworkedOf(facts, func(visit string) (kpi.Fact, bool) { return kpi.Fact{}, false }) {
		names = append(names, w.Earlier)
	}
	earlier := map[string]kpi.Fact{}
	if len(names) > 0 {
		if st, err = f.standing(ctx, r, a.AsOf, at, f.named(ctx, r, names)); err != nil {
			return nil, nil, err
		}
		old, err := st.facts("", endOfDays)
		if err != nil {
			return nil, nil, err
		}
		for _, fact := range old {
			earlier[fact.Visit] = fact
		}
	}
	return facts, p.ReworkedOf(facts, func(visit string) (kpi.Fact, bool) {
		fact, ok := earlier[visit]
		return fact, ok
	}), nil
}
