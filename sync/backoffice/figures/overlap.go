package figures

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"time"

	"baylight/sync/backoffice"
)

// pool is the work of technicians near in time, by visit: what is at hand, and
// what is kept of other visits as days are asked for.
type pool struct {
	room   *room
	load   func(ctx context.Context, first, last string, f func(held) error) error
	own    map[string]bool // visits at hand: what is kept of them is not looked at
	work   map[string][]backoffice.Stretch
	of     map[string][]*backoffice.Stretch // the same by technician, by when they begin; nil: to be made
	held   map[string]held                  // of those loaded
	loaded map[string]bool                  // days
	skip   bool                             // what cannot be read is left out
}

func poolOf(r *room, from factReader) *pool {
	p := &pool{room: r, own: map[string]bool{}, work: map[string][]backoffice.Stretch{}, held: map[string]held{}, loaded: map[string]bool{}}
	p.load = func(ctx context.Context, first, last string, g func(held) error) error {
		return from.FactsOfDays(ctx, r.Name, first, last, func(row backoffice.Fact) error {
			h, err := hold(row)
			switch {
			case err == nil:
				return g(h)
			case p.skip:
				return nil
			}
			return err
		})
	}
	return p
}

// put adds a visit that is at hand.
func (p *pool) put(visit string, all []backoffice.Stretch) {
	p.own[visit] = true
	p.add(visit, all)
}

func (p *pool) add(visit string, all []backoffice.Stretch) {
	p.work[visit], p.of = all, nil
}

// lanes is the work of each technician, by when it begins.
func (p *pool) lanes() map[string][]*backoffice.Stretch {
	if p.of == nil {
		refs := make([]*backoffice.Stretch, 0, len(p.work))
		for _, all := range p.work {
			refs = appendRefs(refs, all)
		}
		p.of = byTechnician(refs, nil)
		for _, lane := range p.of {
			byFrom(lane)
		}
	}
	return p.of
}

// byTechnician divides stretches, of which most of a technician come one behind
// the other; there are about as many of each as in like.
func byTechnician(all []*backoffice.Stretch, like map[string][]*backoffice.Stretch) map[string][]*backoffice.Stretch {
	of := make(map[string][]*backoffice.Stretch, len(like))
	for len(all) > 0 {
		who, n := all[0].Job.Technician, 1
		for n < len(all) && all[n].Job.Technician == who {
			n++
		}
		lane, some := of[who]
		if !some {
			lane = make([]*backoffice.Stretch, 0, len(like[who]))
		}
		of[who], all = append(lane, all[:n]...), all[n:]
	}
	return of
}

func byFrom(all []*backoffice.Stretch) {
	slices.SortFunc(all, func(a, b *backoffice.Stretch) int { return a.From.Compare(b.From) })
}

// around loads what is kept of the days of some stretches.
func (p *pool) around(ctx context.Context, all []*backoffice.Stretch) error {
	wanted := map[string]bool{}
	var from, to time.Time // of the day last looked at
	for _, s := range all {
		if !s.From.Before(from) && s.To.Before(to) {
			continue
		}
		for day := range daysOf(p.room.Calendar, s.From, s.To) {
			if !p.loaded[day] {
				wanted[day] = true
			}
		}
		from, to = dayOf(p.room.Calendar, s.From)
	}
	days := slices.Sorted(maps.Keys(wanted))
	for len(days) > 0 {
		n := 1
		for n < len(days) && days[n] == after(days[n-1]) {
			n++
		}
		err := p.load(ctx, days[0], days[n-1], func(h held) error {
			if _, known := p.held[h.Visit]; known || p.own[h.Visit] {
				return nil
			}
			work, err := readStretches(h.Visit, h.note.stretches)
			if err != nil && !p.skip {
				return err
			}
			p.held[h.Visit] = h
			p.add(h.Visit, work)
			return nil
		})
		if err != nil {
			return err
		}
		for _, d := range days[:n] {
			p.loaded[d] = true
		}
		days = days[n:]
	}
	return nil
}

// meeting are the stretches of the pool that meet any of some others of the same
// technician in time, each technician's by when they begin.
func (p *pool) meeting(some []*backoffice.Stretch) (out []*backoffice.Stretch) {
	lanes := p.lanes()
	for technician, some := range byTechnician(some, lanes) {
		taken := united(some)
		for _, s := range lanes[technician] {
			for len(taken) > 0 && taken[0].to.Before(s.From) {
				taken = taken[1:]
			}
			if len(taken) > 0 && !taken[0].from.After(s.To) {
				out = append(out, s)
			}
		}
	}
	return out
}

type interval struct{ from, to time.Time }

// united are the times that some stretches take, in order and apart from each other.
func united(some []*backoffice.Stretch) (out []interval) {
	byFrom(some)
	for _, s := range some {
		if n := len(out); n > 0 && !s.From.After(out[n-1].to) {
			if s.To.After(out[n-1].to) {
				out[n-1].to = s.To
			}
			continue
		}
		out = append(out, interval{s.From, s.To})
	}
	return out
}

// cuts is what overlaps mean for some visits of the pool. What they mean for a
// stretch depends on those that meet it, and on those that meet these.
func (p *pool) cuts(ctx context.Context, visits map[string]bool) (map[string][]backoffice.Cut, error) {
	var work []*backoffice.Stretch
	here := 0
	for v := range visits {
		if all, known := p.work[v]; known {
			work, here = appendRefs(work, all), here+1
		}
	}
	byFrom(work)
	if err := p.around(ctx, work); err != nil {
		return nil, err
	}
	if here < len(p.work) { // else there are no others
		if err := p.around(ctx, p.meeting(work)); err != nil {
			return nil, err
		}
	}
	lanes, out := p.lanes(), map[string][]backoffice.Cut{}
	for _, technician := range slices.Sorted(maps.Keys(lanes)) {
		for some := range overlapping(lanes[technician]) {
			for v, cuts := range backoffice.Cuts(some) {
				if visits[v] {
					out[v] = append(out[v], cuts...)
				}
			}
		}
	}
	return out, nil
}

func appendRefs(out []*backoffice.Stretch, all []backoffice.Stretch) []*backoffice.Stretch {
	for i := range all {
		out = append(out, &all[i])
	}
	return out
}

// overlapping are the groups of stretches, by when they begin, that run into each
// other: no other means anything for one of them.
func overlapping(all []*backoffice.Stretch) func(yield func([]backoffice.Stretch) bool) {
	return func(yield func([]backoffice.Stretch) bool) {
		for i := 0; i < len(all); {
			n, end := i+1, all[i].To
			for ; n < len(all) && (all[n].From.Before(end) || all[n].From.Equal(all[n-1].From)); n++ {
				if all[n].To.After(end) {
					end = all[n].To
				}
			}
			if n > i+1 {
				some := make([]backoffice.Stretch, 0, n-i)
				for _, s := range all[i:n] {
					some = append(some, *s)
				}
				if !yield(some) {
					return
				}
			}
			i = n
		}
	}
}

// overlapsAfter tells what overlaps mean for visits that changed, and for which
// others they mean something else now; of these it returns what is kept.
func overlapsAfter(ctx context.Context, r *room, from factReader, ids []string, old map[string]held, now map[string]*fresh) (map[string][]backoffice.Cut, map[string]held, error) {
	p := poolOf(r, from)
	p.own, p.work = make(map[string]bool, len(ids)), make(map[string][]backoffice.Stretch, len(ids))
	var moved []*backoffice.Stretch
	affected := make(map[string]bool, len(ids))
	cuts := map[string][]backoffice.Cut{} // of those that have any
	for _, id := range ids {
		p.put(id, now[id].stretches)
		h, there := old[id]
		if there && len(h.note.cuts) > 0 {
			var err error
			if cuts[id], err = readCuts(id, h.note.cuts); err != nil {
				return nil, nil, err
			}
		}
		if bytes.Equal(h.note.stretches, now[id].note.stretches) {
			continue
		}
		was, err := readStretches(id, h.note.stretches)
		if err != nil {
			return nil, nil, err
		}
		moved = appendRefs(appendRefs(moved, was), now[id].stretches)
		affected[id] = true
	}
	if len(affected) == 0 {
		return cuts, nil, nil
	}
	if err := p.around(ctx, moved); err != nil {
		return nil, nil, err
	}
	for _, s := range p.meeting(moved) {
		affected[s.Job.Visit] = true
	}
	found, err := p.cuts(ctx, affected)
	if err != nil {
		return nil, nil, err
	}
	more := map[string]held{}
	for id := range affected {
		if h, other := p.held[id]; other && bytes.Equal(h.note.cuts, appendCuts(nil, found[id])) {
			continue
		} else if other {
			more[id] = h
		}
		if delete(cuts, id); len(found[id]) > 0 {
			cuts[id] = found[id]
		}
	}
	return cuts, more, nil
}
