package figures

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"baylight/sync/backoffice/kpi"
)

// Query is a question about the whole store-local days from From up to, not
// including, To.
type Query struct {
	From, To time.Time // midnights of the store's calendar
	By       kpi.By    // ByNone if ""
	AsOf     *uint64   // as the ledger stood there; nil: as it stands
	Now      time.Time // decides which jobs are unclosed; zero: the present time
}

// Answer is what was asked, and what reproduces it: the same question with its
// AsOf and Now is answered the same, whatever came later.
type Answer struct {
	AsOf uint64
	Now  time.Time
	Rows []kpi.Row
}

// Figures makes the rows of a period. Asked for the present they come from the
// rows kept of its days. Rows by technician say what reworks they are charged.
func (f *Folder) Figures(ctx context.Context, store string, q Query) (a Answer, err error) {
	q.By = cmp.Or(q.By, kpi.ByNone)
	err = f.folded(ctx, store, func(r *room, at uint64) error {
		a = f.answer(q, at)
		if present(q) && q.By == kpi.ByTechnician {
			a.Rows, err = f.keptCharged(ctx, r, q, a, at)
			return err
		}
		then := r
		if present(q) && q.By != kpi.ByDay {
			a.Rows, err = f.keptRows(ctx, r, q, a)
		} else {
			var days []kpi.Dated
			if then, days, err = f.daysIn(ctx, r, q, a, at); err == nil {
				a.Rows = kpi.Rows(q.By, days, then.period(q, a))
			}
		}
		if err != nil {
			return err
		}
		if q.By == kpi.ByTechnician {
			reworks, err := f.reworks(ctx, then, q, a, at)
			if err != nil {
				return err
			}
			a.Rows, err = f.charged(ctx, then, q, a, at, a.Rows, reworks)
			return err
		}
		return nil
	})
	if err != nil {
		return Answer{}, err
	}
	return a, nil
}

// keptCharged are the kept rows by technician with what they are charged. The
// reworks are read beside the rows.
func (f *Folder) keptCharged(ctx context.Context, r *room, q Query, a Answer, at uint64) ([]kpi.Row, error) {
	var reworks []kpi.ReworkRef
	var failed error
	var work sync.WaitGroup
	work.Go(func() { reworks, failed = f.reworks(ctx, r, q, a, at) })
	rows, err := f.keptRows(ctx, r, q, a)
	work.Wait()
	if err := cmp.Or(err, failed); err != nil {
		return nil, err
	}
	return f.charged(ctx, r, q, a, at, rows, reworks)
}

// Days are the tallies of the days of a question, and the answer without rows:
// tallies of several stores make rows of all of them ([kpi.Rows]).
func (f *Folder) Days(ctx context.Context, store string, q Query) (days []kpi.Dated, a Answer, err error) {
	q.By = cmp.Or(q.By, kpi.ByNone)
	err = f.folded(ctx, store, func(r *room, at uint64) error {
		a = f.answer(q, at)
		_, days, err = f.daysIn(ctx, r, q, a, at)
		return err
	})
	return days, a, err
}

// daysIn are the tallies of a question while what is kept is true for at, and the
// room as it was then.
func (f *Folder) daysIn(ctx context.Context, r *room, q Query, a Answer, at uint64) (then *room, days []kpi.Dated, err error) {
	if present(q) {
		days, err = f.keptDays(ctx, r, q)
		return r, days, err
	}
	if then, err = f.thenRoom(ctx, r, q.AsOf); err == nil {
		days, err = f.daysOfFacts(ctx, then, q, a, at)
	}
	return then, days, err
}

// charged are rows with the reworks of the period, charged to those who did the
// items on the earlier visit.
func (f *Folder) charged(ctx context.Context, r *room, q Query, a Answer, at uint64, rows []kpi.Row, reworks []kpi.ReworkRef) ([]kpi.Row, error) {
	names := make([]string, len(reworks))
	for i, w := range reworks {
		names[i] = w.Earlier
	}
	earlier := map[string]kpi.Fact{}
	if len(names) > 0 {
		st, err := f.standing(ctx, r, a.AsOf, at, f.named(ctx, r, names))
		if err != nil {
			return nil, err
		}
		facts, err := st.facts("", endOfDays)
		if err != nil {
			return nil, err
		}
		for _, fact := range facts {
			earlier[fact.Visit] = fact
		}
	}
	find := func(visit string) (kpi.Fact, bool) {
		fact, ok := earlier[visit]
		return fact, ok
	}
	return r.period(q, a).Charged(rows, kpi.Charge(reworks, find, nil)), nil
}

// reworks are those of the days of a question.
func (f *Folder) reworks(ctx context.Context, r *room, q Query, a Answer, at uint64) (all []kpi.ReworkRef, err error) {
	if q.By = kpi.ByNone; !present(q) {
		_, days, err := f.daysIn(ctx, r, q, a, at)
		for _, d := range days {
			all = append(all, d.Tally.Reworks()...)
		}
		return all, err
	}
	first, last := r.days(q)
	heads, err := f.cfg.Ledger.DayHeads(ctx, r.Name, string(kpi.ByNone), first, last, reworksHead)
	if err != nil {
		return nil, err
	}
	for _, row := range heads {
		some, err := kpi.DecodeReworks(row.Bytes)
		if err != nil && len(row.Bytes) == reworksHead {
			some, err = f.manyReworks(ctx, r, row.Day)
		}
		if err != nil {
			return nil, fmt.Errorf("read the reworks kept for %s: %w", row.Day, err)
		}
		all = append(all, some...)
	}
	return all, nil
}

// reworksHead is how many bytes of a day's tally are read for its reworks at first:
// those of most days stand there.
const reworksHead = 1 << 10

// manyReworks are those of a day whose reworks do not stand in the head of its tally.
func (f *Folder) manyReworks(ctx context.Context, r *room, day string) (all []kpi.ReworkRef, err error) {
	rows, err := f.cfg.Ledger.DayRows(ctx, r.Name, string(kpi.ByNone), day, day)
	for _, row := range rows {
		some, err := kpi.DecodeReworks(row.Bytes)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, err
}

// present says whether a question is answered from the rows that are kept.
func present(q Query) bool { return q.AsOf == nil && q.Now.IsZero() }

// answer is what will be said of a question asked while what is kept is true for at.
func (f *Folder) answer(q Query, at uint64) Answer {
	a := Answer{AsOf: at, Now: q.Now}
	if q.AsOf != nil {
		a.AsOf = min(*q.AsOf, at)
	}
	if a.Now.IsZero() {
		a.Now = f.now()
	}
	return a
}

func (r *room) period(q Query, a Answer) kpi.Period {
	return kpi.Period{Calendar: r.Calendar, From: q.From, To: q.To, Now: a.Now, Bays: r.Bays}
}

// days is the first and the last day of a question.
func (r *room) days(q Query) (first, last string) {
	return r.Calendar.Day(q.From), r.Calendar.Day(q.To.Add(-time.Nanosecond))
}

func kind(by kpi.By) kpi.By {
	if by == kpi.ByDay {
		return kpi.ByNone
	}
	return by
}

// keptRows makes rows of those kept of the days of a question.
func (f *Folder) keptRows(ctx context.Context, r *room, q Query, a Answer) ([]kpi.Row, error) {
	first, last := r.days(q)
	rows, err := f.cfg.Ledger.DayRows(ctx, r.Name, string(q.By), first, last)
	if err != nil {
		return nil, err
	}
	sheet := kpi.NewSheet(q.By, r.period(q, a))
	for _, row := range rows {
		if err := sheet.Add(row.Key, row.Bytes); err != nil {
			return nil, fmt.Errorf("read the row of %s kept for %s %q: %w", row.Day, row.Kind, row.Key, err)
		}
	}
	return sheet.Rows(), nil
}

// keptDays reads the rows kept of the days of a question.
func (f *Folder) keptDays(ctx context.Context, r *room, q Query) ([]kpi.Dated, error) {
	first, last := r.days(q)
	rows, err := f.cfg.Ledger.DayRows(ctx, r.Name, string(kind(q.By)), first, last)
	if err != nil {
		return nil, err
	}
	out := make([]kpi.Dated, len(rows))
	for i, row := range rows {
		t, err := kpi.DecodeTally(row.Bytes)
		if err != nil {
			return nil, fmt.Errorf("read the row of %s kept for %s %q: %w", row.Day, row.Kind, row.Key, err)
		}
		out[i] = kpi.Dated{Day: row.Day, Group: kpi.Group{By: kpi.By(row.Kind), Key: row.Key}, Tally: t}
	}
	return out, nil
}

// daysOfFacts makes the tallies of the days of a question from facts.
func (f *Folder) daysOfFacts(ctx context.Context, r *room, q Query, a Answer, at uint64) (out []kpi.Dated, err error) {
	first, last := r.days(q)
	st, err := f.standing(ctx, r, a.AsOf, at, f.near(ctx, r, first, last))
	if err != nil {
		return nil, err
	}
	facts, err := st.facts(first, last)
	if err != nil {
		return nil, err
	}
	on := map[string][]kpi.Fact{}
	for _, fact := range facts {
		for _, d := range fact.Days(r.Calendar) {
			if first <= d && d <= last {
				on[d] = append(on[d], fact)
			}
		}
	}
	for _, d := range slices.Sorted(maps.Keys(on)) {
		tallies, err := kpi.Tallies(on[d], d, r.Calendar, a.Now)
		if err != nil {
			return nil, err
		}
		for g, t := range tallies {
			if g.By == kind(q.By) {
				out = append(out, kpi.Dated{Day: d, Group: g, Tally: t})
			}
		}
	}
	return out, nil
}

// Facts are those with a part in the period of a question, by visit.
func (f *Folder) Facts(ctx context.Context, store string, q Query) (facts []kpi.Fact, a Answer, err error) {
	err = f.folded(ctx, store, func(r *room, at uint64) error {
		a = f.answer(q, at)
		r, err := f.thenRoom(ctx, r, q.AsOf)
		if err != nil {
			return err
		}
		first, last := r.days(q)
		st, err := f.standing(ctx, r, a.AsOf, at, f.near(ctx, r, first, last))
		if err == nil {
			facts, err = st.facts(first, last)
		}
		return err
	})
	return facts, a, err
}

// Behind are the facts behind a figure of a row ([kpi.Period.Behind]), by visit.
// key is the row's; that of a day narrows the question to it.
func (f *Folder) Behind(ctx context.Context, store string, q Query, key, figure, value string, v kpi.Variant) ([]kpi.Fact, Answer, error) {
	r, err := f.room(store)
	if err != nil {
		return nil, Answer{}, err
	}
	if q.By == kpi.ByDay && key != "" {
		if q.From, err = time.ParseInLocation(time.DateOnly, key, r.Calendar.Zone); err != nil {
			return nil, Answer{}, fmt.Errorf("find visits: %.40q is no day", key)
		}
		q.To = r.Calendar.Midnight(q.From.Add(36 * time.Hour))
	}
	g := kpi.Group{By: kind(cmp.Or(q.By, kpi.ByNone)), Key: key}
	if g.By == kpi.ByNone || key == "" {
		g = kpi.Group{By: kpi.ByNone}
	}
	if q.AsOf == nil {
		return f.behindNow(ctx, store, q, g, figure, value, v)
	}
	facts, a, err := f.Facts(ctx, store, q)
	if err == nil {
		r, err = f.thenRoom(ctx, r, q.AsOf)
	}
	if err != nil {
		return nil, a, err
	}
	facts, err = r.period(q, a).Behind(facts, g, figure, value, v)
	return facts, a, err
}
