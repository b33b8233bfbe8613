package floor

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"baylight/kiosk"
)

// Elsewhere is what the back office says of one open visit of the store: what
// this board, others and people at the office recorded of it. It is an input
// that makes no event: what the board decides by it is in the events, what it
// only shows is shown while it is known.
type Elsewhere struct {
	Visit string
	// Events are all that make the visit, corrected in time, in any order. Those
	// of this board may be among them; its own copies count.
	Events []kiosk.Event
	// State stands for Events where there are too many of them: the visit as the
	// office folded it. Events of this board above Seen are applied on top.
	State *kiosk.Visit
	Seen  []Seen
	Risk  *Risk // nil: not computed
	Size  int   // bytes of the message, for the bound on all of them
}

// Seen says through which event of an epoch of a source something is true.
type Seen struct {
	Source, Epoch string
	Through       uint64
}

// Risk is how likely the promise in force is missed.
type Risk struct {
	P  float64 // 0 to 1
	At time.Time
}

// Listing is the back office's list of all open visits. A visit that was known
// from the office and is not listed has ended; so has one that this board
// recorded something of, all of it within Seen, if the list is Complete.
type Listing struct {
	Open     []string
	Seen     []Seen
	Complete bool
}

// News is what the back office said, to be taken together.
type News struct {
	Visits  []Elsewhere
	Listing *Listing // nil: no word of that
}

// Bounds of what is believed of the office.
const (
	MaxElsewhere = 4096 // visits
	maxAbroad    = 2000 // events of one visit
	maxSize      = 24 << 20
	riskFor      = 15 * time.Minute
	riskAt       = 0.5
)

// ErrElsewhere is returned for a visit that cannot be one of this store, or that
// finds no room.
var ErrElsewhere = errors.New("not taken")

// elsewhere is all that came from the office. It is no part of the fold over the
// events: a replay leaves it out and [State.Inherit] brings it back.
type elsewhere struct {
	visits  map[string]*abroad
	order   []*abroad // the same by id
	size    int       // bytes of their messages
	listing *Listing
	open    map[string]bool // of listing
}

// put takes a visit in place of what was known of it.
func (e *elsewhere) put(f *abroad) {
	if e.visits == nil {
		e.visits = map[string]*abroad{}
	}
	i, known := e.place(f.Visit)
	if known {
		e.size -= e.order[i].Size
		e.order[i] = f
	} else {
		e.order = slices.Insert(e.order, i, f)
	}
	e.visits[f.Visit], e.size = f, e.size+f.Size
}

// drop forgets a visit.
func (e *elsewhere) drop(f *abroad) {
	if i, known := e.place(f.Visit); known {
		e.order = slices.Delete(e.order, i, i+1)
		e.size -= f.Size
		delete(e.visits, f.Visit)
	}
}

func (e *elsewhere) place(visit string) (i int, known bool) {
	return slices.BinarySearchFunc(e.order, visit, func(f *abroad, id string) int { return strings.Compare(f.Visit, id) })
}

// abroad is a visit as the office knows it.
type abroad struct {
	Elsewhere
	ids   []string     // of Events
	ended time.Time    // when this board learned that it is over; zero: it is not
	freed time.Time    // when it last passed or ended elsewhere
	visit *kiosk.Visit // with this board's own events; nil: these alone say it all
	busy  bool         // visit has a job that is not finished
}

// Take takes news at now, the visits before the list. Errors: ErrElsewhere of
// each visit that was not taken, joined; the others were.
func (s *State) Take(n News, now kiosk.Moment) error {
	var errs []error
	for _, e := range n.Visits {
		errs = append(errs, s.Hear(e, now))
	}
	if n.Listing != nil {
		s.Listed(*n.Listing, now)
	}
	return errors.Join(errs...)
}

// Hear takes the state of one visit at now, in place of what was known from
// elsewhere. Errors: ErrElsewhere; nothing has changed then.
func (s *State) Hear(e Elsewhere, now kiosk.Moment) error {
	f := s.elsewhere.visits[e.Visit]
	switch {
	case len(e.Visit) != 10 || !strings.HasPrefix(e.Visit, s.cfg.StoreTag):
		return fmt.Errorf("hear of visit %q: %w: no visit of store %s", bounded(e.Visit, 32), ErrElsewhere, s.cfg.StoreTag)
	case len(e.Events) > maxAbroad:
		return fmt.Errorf("hear of visit %s: %w: %d events, at most %d", e.Visit, ErrElsewhere, len(e.Events), maxAbroad)
	case !s.room(e):
		return fmt.Errorf("hear of visit %s: %w: no room beside %d visits", e.Visit, ErrElsewhere, len(s.elsewhere.visits))
	}
	n := &abroad{Elsewhere: e, ids: make([]string, len(e.Events))}
	for i, other := range e.Events {
		n.ids[i] = other.ID()
	}
	if l := s.elsewhere.listing; l != nil && !s.elsewhere.open[e.Visit] && within(e.Seen, l.Seen) {
		// The list is the newer of the two.
		n.ended = s.clock(s.tidy(now))
		if f != nil && !f.ended.IsZero() {
			n.ended = f.ended
		}
	}
	s.elsewhere.put(n)
	s.merge(e.Visit)
	return nil
}

// Listed takes the list of open visits as it is at now.
func (s *State) Listed(l Listing, now kiosk.Moment) {
	t := s.clock(s.tidy(now))
	s.elsewhere.listing, s.elsewhere.open = &l, make(map[string]bool, len(l.Open))
	for _, id := range l.Open {
		s.elsewhere.open[id] = true
	}
	for _, f := range s.elsewhere.order {
		s.end(f, t)
	}
	if l.Complete {
		for _, r := range s.order {
			if s.elsewhere.visits[r.id] == nil && r.visit.Open() && !s.elsewhere.open[r.id] && r.within(l.Seen) && len(s.elsewhere.visits) < MaxElsewhere {
				s.elsewhere.put(&abroad{Elsewhere: Elsewhere{Visit: r.id}, ended: t})
				s.merge(r.id)
			}
		}
	}
	for _, f := range slices.Clone(s.elsewhere.order) {
		if !f.ended.IsZero() && s.records[f.Visit] == nil && f.ended.Before(t.Add(-keepEnded)) {
			s.elsewhere.drop(f)
		}
	}
}

// end marks or unmarks a visit by the list. While the office has not all that
// this board recorded of it, it cannot know that it is over.
func (s *State) end(f *abroad, t time.Time) {
	r := s.records[f.Visit]
	switch open := s.elsewhere.open[f.Visit]; {
	case open && !f.ended.IsZero():
		f.ended = time.Time{}
	case open:
		return
	case f.ended.IsZero() && (r == nil || r.within(s.elsewhere.listing.Seen)):
		f.ended = t
	default:
		return
	}
	s.merge(f.Visit)
}

// room says whether there is room for a visit; those that ended make it.
func (s *State) room(e Elsewhere) bool {
	for {
		n, size := len(s.elsewhere.visits)+1, s.elsewhere.size+e.Size
		if f := s.elsewhere.visits[e.Visit]; f != nil {
			n, size = n-1, size-f.Size
		}
		if n <= MaxElsewhere && size <= maxSize {
			return true
		}
		if !s.dropEnded() {
			return false
		}
	}
}

// dropEnded forgets the visit that ended first.
func (s *State) dropEnded() bool {
	var first *abroad
	for _, f := range s.elsewhere.order {
		if !f.ended.IsZero() && s.records[f.Visit] == nil && (first == nil || f.ended.Before(first.ended)) {
			first = f
		}
	}
	if first != nil {
		s.elsewhere.drop(first)
	}
	return first != nil
}

// Inherit takes over what old knew from elsewhere: a state made anew from the
// journal has only this board's events.
func (s *State) Inherit(old *State) {
	s.elsewhere = old.elsewhere
	for _, f := range s.elsewhere.order {
		s.merge(f.Visit)
	}
}

// within says whether all events of a record lie within what was seen.
func (r *record) within(seen []Seen) bool {
	return !slices.ContainsFunc(r.entries, func(n *entry) bool { return !n.within(seen) })
}

// within goes by either name of an event that was recorded again.
func (n *entry) within(seen []Seen) bool {
	e := &n.event
	return slices.ContainsFunc(seen, func(at Seen) bool {
		return at.Source == e.Source && (at.Epoch == e.Epoch && e.Seq <= at.Through || n.again == at.Epoch && n.againSeq <= at.Through)
	})
}

// within says whether everything seen in one place was seen in the other too.
func within(part, whole []Seen) bool {
	return !slices.ContainsFunc(part, func(p Seen) bool {
		return !slices.ContainsFunc(whole, func(w Seen) bool {
			return p.Source == w.Source && p.Epoch == w.Epoch && p.Through <= w.Through
		})
	})
}

// merge folds a visit anew from this board's events and those from elsewhere.
func (s *State) merge(id string) {
	f, own := s.elsewhere.visits[id], s.records[id]
	if own != nil {
		own.abroad = f
	}
	if f == nil {
		return
	}
	f.visit, f.busy, f.freed = nil, false, f.ended
	others := s.others(f, own)
	for _, e := range others {
		switch e.Data.(type) {
		case *kiosk.Passed, *kiosk.Delivered, *kiosk.Closed:
			if t := e.Time(); t.After(f.freed) {
				f.freed = t
			}
		}
	}
	switch {
	case f.State != nil:
		f.visit = kiosk.Continue(f.State, own.above(f.Seen), s.cfg.Calendar)
	case len(others) > 0:
		f.visit = kiosk.Apply(append(own.events(), others...), s.cfg.Calendar)
	case own == nil:
		f.visit = &kiosk.Visit{}
	case !f.ended.IsZero():
		v := *own.visit
		f.visit = &v
	default:
		return
	}
	f.visit.ID = id
	if !f.ended.IsZero() && f.visit.Open() {
		f.visit.Ended = f.ended
	}
	f.busy = busy(f.visit)
}

// others are the events that this board does not have itself. One recorded again
// after a rollback is here under its first name; so is what corrects it.
func (s *State) others(f *abroad, own *record) []kiosk.Event {
	if own == nil {
		return slices.Clone(f.Events)
	}
	mine := func(id string) bool {
		n := s.byID[id]
		return n != nil && n.inRecord && n.visit == own.id
	}
	first := map[string]string{}
	var out []kiosk.Event
	for i, e := range f.Events {
		switch id := f.ids[i]; {
		case mine(id):
		case e.Was != "" && mine(e.Was):
			first[id] = e.Was
		default:
			out = append(out, e)
		}
	}
	for i := range out {
		switch d := out[i].Data.(type) {
		case *kiosk.Voided:
			if was := first[d.Event]; was != "" {
				c := *d
				c.Event, out[i].Data = was, &c
			}
		case *kiosk.Amended:
			if was := first[d.Event]; was != "" {
				c := *d
				c.Event, out[i].Data = was, &c
			}
		}
	}
	return out
}

// events are those of a record, with their corrected times; nil of none.
func (r *record) events() []kiosk.Event {
	if r == nil {
		return nil
	}
	events := make([]kiosk.Event, len(r.entries))
	for i, n := range r.entries {
		events[i] = n.event
	}
	return events
}

// above are the events of a record that were not yet seen.
func (r *record) above(seen []Seen) (events []kiosk.Event) {
	if r == nil {
		return nil
	}
	for _, n := range r.entries {
		if !n.within(seen) {
			events = append(events, n.event)
		}
	}
	return events
}

// visits are all visits known here: those this board recorded anything of, in
// the order they were first seen, then the others by id.
func (s *State) visits() iter.Seq[*kiosk.Visit] {
	return s.all(func(bool) bool { return true })
}

// unfinished are the visits with a job that is not finished, in the same order.
// Every scan asks for them.
func (s *State) unfinished() iter.Seq[*kiosk.Visit] {
	return s.all(func(busy bool) bool { return busy })
}

func (s *State) all(wanted func(busy bool) bool) iter.Seq[*kiosk.Visit] {
	return func(yield func(*kiosk.Visit) bool) {
		for _, r := range s.order {
			if v, busy := r.present(); wanted(busy) && !yield(v) {
				return
			}
		}
		for _, f := range s.elsewhere.order {
			if wanted(f.busy) && s.records[f.Visit] == nil && !yield(f.visit) {
				return
			}
		}
	}
}

// present is the visit as it stands, with what the office said, and whether it has
// a job that is not finished.
func (r *record) present() (v *kiosk.Visit, busy bool) {
	if f := r.abroad; f != nil && f.visit != nil {
		return f.visit, f.busy
	}
	return r.visit, r.busy
}

func busy(v *kiosk.Visit) bool {
	return slices.ContainsFunc(v.Works, func(w *kiosk.Work) bool { return w.Finished.IsZero() })
}

// has says whether a visit is known here, from here or elsewhere.
func (s *State) has(id string) bool {
	return s.records[id] != nil || s.elsewhere.visits[id] != nil
}

// Stale says whether all that is known of a visit is what the office said of it
// before it had e, which this board recorded of it and has forgotten.
func (s *State) Stale(visit string, e kiosk.Event) bool {
	f := s.elsewhere.visits[visit]
	if f == nil || s.records[visit] != nil {
		return false
	}
	n := &entry{event: e}
	n.again, n.againSeq, _ = kiosk.ParseEventID(e.Was) // of none there is none
	return !n.within(f.Seen)
}

// gone says whether a bay's visit was passed or ended elsewhere after its card
// was last laid here; a card laid by a clock that was never set says nothing.
func (s *State) gone(b *bay) bool {
	f := s.elsewhere.visits[b.current]
	return f != nil && f.freed.After(b.card.at.Wall) && b.card.at.Clock != kiosk.Unset
}

// risky says whether the office thinks that the promise will be missed; known is
// false if it has said nothing of late.
func (s *State) risky(visit string, t time.Time) (risky, known bool) {
	f := s.elsewhere.visits[visit]
	if f == nil || f.Risk == nil || t.Sub(f.Risk.At).Abs() >= riskFor {
		return false, false
	}
	return f.Risk.P >= riskAt, true
}

// signed counts the orders signed on a visit, here and elsewhere.
func (s *State) signed(visit string) (n int) {
	r, f := s.records[visit], s.elsewhere.visits[visit]
	if r != nil {
		n = r.orders
	}
	if f != nil {
		for _, e := range s.others(f, r) {
			if _, ok := e.Data.(*kiosk.Signed); ok {
				n++
			}
		}
	}
	return n
}
