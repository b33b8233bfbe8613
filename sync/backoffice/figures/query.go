package figures

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"baylight/sync/backoffice"
	"baylight/sync/backoffice/kpi"
)

// Query is a question about the whole store-local days from From up to, not
// including, To.
type Query struct {
	From, To time.Time // midnights of the store's calendar
	By       kpi.By
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
// rows kept of its days.
func (f *Folder) Figures(ctx context.Context, store string, q Query) (a Answer, err error) {
	err = f.folded(ctx, store, func(r *room, at uint64) error {
		a = Answer{AsOf: at, Now: f.now()}
		var days []kpi.Dated
		if q.AsOf == nil && q.Now.IsZero() {
			days, err = f.keptDays(ctx, r, q)
		} else {
			if q.AsOf != nil {
				a.AsOf = *q.AsOf
			}
			if !q.Now.IsZero() {
				a.Now = q.Now
			}
			days, err = f.days(ctx, r, q, a.AsOf, at, a.Now)
		}
		if err != nil {
			return err
		}
		a.Rows = kpi.Rows(q.By, days, kpi.Period{Calendar: r.Calendar, From: q.From, To: q.To, Now: a.Now, Bays: r.Bays})
		return nil
	})
	if err != nil {
		return Answer{}, err
	}
	return a, nil
}

// period is the first and the last day of a question.
func (r *room) period(q Query) (first, last string) {
	return r.Calendar.Day(q.From), r.Calendar.Day(q.To.Add(-time.Nanosecond))
}

func kind(by kpi.By) kpi.By {
	if by == kpi.ByDay {
		return kpi.ByNone
	}
	return by
}

// keptDays reads the rows kept of the days of a question.
func (f *Folder) keptDays(ctx context.Context, r *room, q Query) ([]kpi.Dated, error) {
	first, last := r.period(q)
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

// days makes the tallies of the days of a question from facts.
func (f *Folder) days(ctx context.Context, r *room, q Query, asOf, at uint64, now time.Time) (out []kpi.Dated, err error) {
	first, last := r.period(q)
	facts, err := f.factsAt(ctx, r, first, last, asOf, at)
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
		tallies, err := kpi.Tallies(on[d], d, r.Calendar, now)
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

// Facts are those with a part in the period of a question, by visit, with the
// position they are true for.
func (f *Folder) Facts(ctx context.Context, store string, q Query) (facts []kpi.Fact, a Answer, err error) {
	err = f.folded(ctx, store, func(r *room, at uint64) error {
		a = Answer{AsOf: at, Now: f.now()}
		if q.AsOf != nil {
			a.AsOf = *q.AsOf
		}
		if !q.Now.IsZero() {
			a.Now = q.Now
		}
		first, last := r.period(q)
		facts, err = f.factsAt(ctx, r, first, last, a.AsOf, at)
		return err
	})
	return facts, a, err
}

// factsAt are the facts with a part in some days as the ledger stood at a
// position, by visit; what is kept is true for at. They may be read at an earlier
// position: the visits touched since are folded again as they stood there, those
// born since are left out, and overlaps are found again.
func (f *Folder) factsAt(ctx context.Context, r *room, first, last string, asOf, at uint64) (out []kpi.Fact, err error) {
	p := f.pool(r)
	touched := map[string]recorded{}
	if asOf < at {
		if touched, err = f.touched(ctx, r, asOf); err != nil {
			return nil, err
		}
		p.at(asOf)
	}
	for id, rec := range touched {
		p.put(id, rec.Stretches)
	}
	kept := map[string]held{}
	if err := p.load(ctx, first, last, func(h held) error {
		if _, again := touched[h.Visit]; again {
			return nil
		}
		kept[h.Visit] = h
		p.work[h.Visit], err = readStretches(h.Visit, h.note.stretches)
		return err
	}); err != nil {
		return nil, err
	}
	cuts, stale := map[string][]backoffice.Cut{}, []string(nil)
	if asOf < at {
		if cuts, stale, err = p.others(ctx, touched, kept); err != nil {
			return nil, err
		}
	}
	again, err := f.record(ctx, r, stale, asOf)
	if err != nil {
		return nil, err
	}
	maps.Copy(again, touched)
	for id, h := range kept {
		if _, folded := again[id]; !folded {
			fact, err := h.note.factOf(id)
			if err != nil {
				return nil, err
			}
			out = append(out, fact)
		}
	}
	for id, rec := range again {
		m := r.make(id, rec, cuts[id], asOf, time.Time{})
		if m.fact != nil && slices.ContainsFunc(m.Days, func(d string) bool { return first <= d && d <= last }) {
			out = append(out, *m.fact)
		}
	}
	slices.SortFunc(out, func(a, b kpi.Fact) int { return cmp.Compare(a.Visit, b.Visit) })
	return out, nil
}

// touched are the visits that stood at a position and changed after it, as they
// stood.
func (f *Folder) touched(ctx context.Context, r *room, asOf uint64) (map[string]recorded, error) {
	ids, err := f.cfg.Ledger.Touched(ctx, r.Name, asOf)
	if err != nil {
		return nil, err
	}
	return f.record(ctx, r, ids, asOf)
}

// at leaves out what is not true for a position: whatever was touched since is
// put in from its events.
func (p *pool) at(asOf uint64) {
	load := p.load
	p.load = func(ctx context.Context, first, last string, f func(held) error) error {
		return load(ctx, first, last, func(h held) error {
			if h.At > asOf {
				return nil
			}
			return f(h)
		})
	}
}

// others tells what overlaps mean at a position for visits that were touched
// since, and which of the others mean something else there than is kept.
func (p *pool) others(ctx context.Context, touched map[string]recorded, kept map[string]held) (map[string][]backoffice.Cut, []string, error) {
	all := map[string]bool{}
	for id := range touched {
		all[id] = true
	}
	for id := range kept {
		all[id] = true
	}
	cuts, err := p.cuts(ctx, all)
	if err != nil {
		return nil, nil, err
	}
	var stale []string
	for id, h := range kept {
		if !bytes.Equal(h.note.cuts, appendCuts(nil, cuts[id])) {
			stale = append(stale, id)
		}
	}
	return cuts, stale, nil
}
