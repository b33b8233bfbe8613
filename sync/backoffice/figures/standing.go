package figures

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/kpi"
)

// standing is some visits as the ledger stood at a position: what is kept of
// those that did not change since, and the events of the others.
type standing struct {
	folder *Folder
	room   *room
	asOf   uint64
	kept   map[string]held
	again  map[string]recorded
	cuts   map[string][]backoffice.Cut // of those again
}

// standing finds visits among what is kept, which is true for at, as they stood
// at an earlier position: those touched since are folded again as they stood
// there, found or not; those born since are left out; overlaps are found again.
func (f *Folder) standing(ctx context.Context, r *room, asOf, at uint64, find func(func(held) error) error) (*standing, error) {
	s := &standing{folder: f, room: r, asOf: asOf, kept: map[string]held{}, again: map[string]recorded{}}
	if asOf >= at && !r.then {
		return s, find(func(h held) error {
			s.kept[h.Visit] = h
			return nil
		})
	}
	ids, err := f.cfg.Ledger.Touched(ctx, r.Name, asOf)
	if err != nil {
		return nil, err
	}
	if s.again, err = f.record(ctx, r, ids, asOf); err != nil {
		return nil, err
	}
	p, all := poolOf(r, f.cfg.Ledger), map[string]bool{}
	p.before(asOf)
	for id, rec := range s.again {
		p.put(id, rec.Stretches)
		all[id] = true
	}
	var then []string // what is kept of them goes by another calendar, stretches of work too
	if err := find(func(h held) error {
		if all[h.Visit] || h.At > asOf {
			return nil
		}
		if r.then {
			then = append(then, h.Visit)
			return nil
		}
		s.kept[h.Visit] = h
		work, err := readStretches(h.Visit, h.note.stretches)
		p.add(h.Visit, work)
		return err
	}); err != nil {
		return nil, err
	}
	recs, err := f.record(ctx, r, then, asOf)
	if err != nil {
		return nil, err
	}
	for id, rec := range recs {
		s.again[id] = rec
		p.put(id, rec.Stretches)
		all[id] = true
	}
	for id := range s.kept {
		all[id] = true
	}
	if s.cuts, err = p.cuts(ctx, all); err != nil {
		return nil, err
	}
	var others []string // mean something else there than is kept
	for id, h := range s.kept {
		if !bytes.Equal(h.note.cuts, appendCuts(nil, s.cuts[id])) {
			others = append(others, id)
			delete(s.kept, id)
		}
	}
	more, err := f.record(ctx, r, others, asOf)
	maps.Copy(s.again, more)
	return s, err
}

// inDays finds what is kept of visits with a part in some days.
func (f *Folder) inDays(ctx context.Context, r *room, first, last string) func(func(held) error) error {
	return func(add func(held) error) error { return poolOf(r, f.cfg.Ledger).load(ctx, first, last, add) }
}

// near is inDays; by another calendar than what is kept was made by, a visit may
// have its part in a day beside.
func (f *Folder) near(ctx context.Context, r *room, first, last string) func(func(held) error) error {
	if r.then {
		first, last = shifted(first, -7), shifted(last, 7)
	}
	return f.inDays(ctx, r, first, last)
}

// shifted is a day that many days later.
func shifted(day string, days int) string {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return day // it was written by a calendar
	}
	return t.AddDate(0, 0, days).Format(time.DateOnly)
}

// named finds what is kept of the visits named.
func (f *Folder) named(ctx context.Context, r *room, visits []string) func(func(held) error) error {
	return func(add func(held) error) error {
		all, err := kept(ctx, r, f.cfg.Ledger, visits)
		for _, h := range all {
			err = cmp.Or(err, add(h))
		}
		return err
	}
}

// before leaves out what is not true for a position: whatever was touched since
// is put in from its events.
func (p *pool) before(asOf uint64) {
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

// facts are those with a part in some days, by visit.
func (s *standing) facts(first, last string) (out []kpi.Fact, err error) {
	for id, h := range s.kept {
		fact, err := h.note.factOf(id)
		if err != nil {
			return nil, err
		}
		out = append(out, fact)
	}
	for id, rec := range s.again {
		m := s.room.make(id, rec, s.cuts[id])
		if m.fact != nil && slices.ContainsFunc(m.Days, func(d string) bool { return first <= d && d <= last }) {
			out = append(out, *m.fact)
		}
	}
	slices.SortFunc(out, func(a, b kpi.Fact) int { return cmp.Compare(a.Visit, b.Visit) })
	return out, nil
}

// visits folds those named, by arrival.
func (s *standing) visits(ctx context.Context, named []string) ([]*kiosk.Visit, error) {
	var rest []string
	events, cuts := map[string]recorded{}, map[string][]backoffice.Cut{}
	for _, id := range named {
		if rec, again := s.again[id]; again {
			events[id], cuts[id] = rec, s.cuts[id]
		} else if h, kept := s.kept[id]; kept {
			var err error
			if cuts[id], err = readCuts(id, h.note.cuts); err != nil {
				return nil, err
			}
			rest = append(rest, id)
		}
	}
	more, err := s.folder.record(ctx, s.room, rest, s.asOf)
	if err != nil {
		return nil, err
	}
	maps.Copy(events, more)
	var out []*kiosk.Visit
	for id, rec := range events {
		if v := s.room.visit(rec, cuts[id]); v != nil {
			out = append(out, v)
		}
	}
	slices.SortFunc(out, func(a, b *kiosk.Visit) int {
		return cmp.Or(a.Arrived.Compare(b.Arrived), cmp.Compare(a.ID, b.ID))
	})
	return out, nil
}
