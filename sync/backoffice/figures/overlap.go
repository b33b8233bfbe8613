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
	held   map[string]held // of those loaded
	loaded map[string]bool // days
	skip   bool            // what cannot be read is left out
}

func (f *Folder) pool(r *room) *pool {
	p := &pool{room: r, own: map[string]bool{}, work: map[string][]backoffice.Stretch{}, held: map[string]held{}, loaded: map[string]bool{}}
	p.load = func(ctx context.Context, first, last string, g func(held) error) error {
		return f.cfg.Ledger.FactsOfDays(ctx, r.Name, first, last, func(row backoffice.Fact) error {
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
	p.work[visit] = all
}

// around loads what is kept of the days of some stretches.
func (p *pool) around(ctx context.Context, all []backoffice.Stretch) error {
	wanted := map[string]bool{}
	for _, s := range all {
		for day := range daysOf(p.room.Calendar, s.From, s.To) {
			if !p.loaded[day] {
				wanted[day] = true
			}
		}
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
			p.held[h.Visit], p.work[h.Visit] = h, work
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
// technician in time.
func (p *pool) meeting(some []backoffice.Stretch) (out []backoffice.Stretch) {
	of := map[string][]backoffice.Stretch{}
	for _, s := range some {
		of[s.Job.Technician] = append(of[s.Job.Technician], s)
	}
	times := make(map[string][]interval, len(of))
	for technician, some := range of {
		times[technician] = united(some)
	}
	for _, all := range p.work {
		for _, s := range all {
			taken := times[s.Job.Technician]
			i, _ := slices.BinarySearchFunc(taken, s.From, func(t interval, from time.Time) int { return t.to.Compare(from) })
			if i < len(taken) && !taken[i].from.After(s.To) {
				out = append(out, s)
			}
		}
	}
	return out
}

type interval struct{ from, to time.Time }

// united are the times that some stretches take, in order and apart from each other.
func united(some []backoffice.Stretch) (out []interval) {
	slices.SortFunc(some, func(a, b backoffice.Stretch) int { return a.From.Compare(b.From) })
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
	var work []backoffice.Stretch
	for v := range visits {
		work = append(work, p.work[v]...)
	}
	if err := p.around(ctx, work); err != nil {
		return nil, err
	}
	near := p.meeting(work)
	if err := p.around(ctx, near); err != nil {
		return nil, err
	}
	of := map[string][]backoffice.Stretch{}
	for _, s := range p.meeting(near) {
		of[s.Job.Technician] = append(of[s.Job.Technician], s)
	}
	out := map[string][]backoffice.Cut{}
	for _, technician := range slices.Sorted(maps.Keys(of)) {
		for v, cuts := range backoffice.Cuts(of[technician]) {
			if visits[v] {
				out[v] = append(out[v], cuts...)
			}
		}
	}
	return out, nil
}

// overlapsAfter tells what overlaps mean for visits that changed, and for which
// others they mean something else now; of these it returns what is kept.
func (f *Folder) overlapsAfter(ctx context.Context, r *room, ids []string, old map[string]held, fresh map[string]recorded) (map[string][]backoffice.Cut, map[string]held, error) {
	p := f.pool(r)
	var moved []backoffice.Stretch
	affected := map[string]bool{}
	cuts := map[string][]backoffice.Cut{}
	for _, id := range ids {
		p.put(id, fresh[id].Stretches)
		h := old[id]
		was, err := readStretches(id, h.note.stretches)
		if err != nil {
			return nil, nil, err
		}
		if cuts[id], err = readCuts(id, h.note.cuts); err != nil {
			return nil, nil, err
		}
		if !bytes.Equal(h.note.stretches, appendStretches(nil, fresh[id].Stretches)) {
			moved = append(append(moved, was...), fresh[id].Stretches...)
			affected[id] = true
		}
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
	now, err := p.cuts(ctx, affected)
	if err != nil {
		return nil, nil, err
	}
	more := map[string]held{}
	for id := range affected {
		if h, other := p.held[id]; other && bytes.Equal(h.note.cuts, appendCuts(nil, now[id])) {
			continue
		} else if other {
			more[id] = h
		}
		cuts[id] = now[id]
	}
	return cuts, more, nil
}
