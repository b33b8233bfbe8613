package floor

import (
	"cmp"
	"slices"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/vin"
)

// Bays is the present state of every bay, in the order of the configuration.
func (s *State) Bays(now kiosk.Moment) []BayView {
	now = s.tidy(now)
	t := s.clock(now)
	views := make([]BayView, 0, len(s.cfg.Bays))
	for _, b := range s.cfg.Bays {
		views = append(views, s.view(b, now, t))
	}
	return views
}

func (s *State) view(b Bay, now kiosk.Moment, t time.Time) BayView {
	p := s.bay(b.ID)
	view := BayView{Bay: b, Help: p.help, Warn: len(p.unclaimed(now)) > 0}
	if !s.gone(p) {
		view.Visit = p.current
	}
	view.Badge, _ = p.holder(now, t)
	if c, ok := p.selected(now); ok {
		view.Selected = c.visit
	}
	v := s.look(view.Visit)
	view.Ticket = v.Ticket
	if promise, ok := v.EffectivePromise(); ok {
		view.Promise = promise.Due
	}
	for _, w := range v.Works {
		if w.Bay != b.ID || !w.Open(t) {
			continue
		}
		if w.Technician != "" && !slices.Contains(view.Technicians, w.Technician) {
			view.Technicians = append(view.Technicians, w.Technician)
		}
		if view.Since.IsZero() || w.Start().Before(view.Since) {
			view.Since = w.Start()
		}
	}
	view.State = s.lamp(view, v, t)
	return view
}

// lamp is the first state that holds (DOMAIN §5).
func (s *State) lamp(view BayView, v *kiosk.Visit, t time.Time) LampState {
	due, promised := promised(v)
	switch {
	case view.Help:
		return LampHelp
	case view.Visit == "":
		return LampFree
	case promised && !t.Before(due):
		return LampLate
	case slices.ContainsFunc(v.Works, func(w *kiosk.Work) bool {
		r := w.Paused(t)
		return r == kiosk.Parts || r == kiosk.Authority
	}):
		return LampWaiting
	case s.atRisk(v, t):
		return LampRisk
	case v.Ready(t):
		return LampReady
	}
	return LampWorking
}

// promised is when a visit is due, if that still concerns the workshop: the
// promise's colours end at PASS.
func promised(v *kiosk.Visit) (due time.Time, ok bool) {
	promise, ok := v.EffectivePromise()
	return promise.Due, ok && !promise.Due.IsZero() && v.Passed.IsZero() && v.Open()
}

// AtRisk says whether the promise of a visit will probably be missed, in a bay or
// in none. Lamps go by the same rule ([LampRisk]), so whoever says it to people
// asks here.
func (s *State) AtRisk(visit string, now kiosk.Moment) bool {
	return s.atRisk(s.look(visit), s.clock(s.tidy(now)))
}

// atRisk: a promise that has not passed is at risk if the office says so; if it
// has not said anything of late, if more of the order is still to be worked than
// there is time.
func (s *State) atRisk(v *kiosk.Visit, t time.Time) bool {
	due, ok := promised(v)
	if !ok || !t.Before(due) {
		return false
	}
	if risky, known := s.risky(v.ID, t); known {
		return risky
	}
	return Remaining(v, t) > due.Sub(t)
}

// Remaining is how much standard time of the order is still to be worked at t
// (DOMAIN §9): an item whose job is finished needs none, one under way its
// standard time less what was clocked on it. Jobs without an item work on the
// items that have no job of their own; when all such jobs are finished, nothing
// remains of those.
func Remaining(v *kiosk.Visit, t time.Time) time.Duration {
	if !v.Order.InForce() || v.Ready(t) || !v.Passed.IsZero() {
		return 0
	}
	var left, rest time.Duration
	for _, it := range v.Order.Items {
		std := time.Duration(it.StandardMinutes) * time.Minute
		if clocked, begun, over := onItem(v, it.No, t); !begun {
			rest += std
		} else if !over {
			left += max(0, std-clocked)
		}
	}
	if clocked, _, over := onItem(v, 0, t); !over {
		left += max(0, rest-clocked)
	}
	return left
}

// onItem is how long the jobs of an item ran until t, whether there are any, and
// whether they are over: one was finished and none is open.
func onItem(v *kiosk.Visit, item int, t time.Time) (clocked time.Duration, begun, over bool) {
	open := false
	for _, w := range v.Works {
		if w.Item == item {
			clocked += worked(w, t)
			begun, open, over = true, open || w.Open(t), over || !w.Finished.IsZero()
		}
	}
	return clocked, begun, over && !open
}

// worked is how long a job ran until t.
func worked(w *kiosk.Work, t time.Time) (d time.Duration) {
	for _, s := range w.Spans {
		if s.Reason != "" {
			continue
		}
		to := s.To
		if to.IsZero() {
			to = t
		}
		d += max(0, to.Sub(s.From))
	}
	return d
}

// Open lists the open visits of the store: those known to be checked in, in the
// order of their check-in, then those that only a bay or the counter has seen.
// Visits are shared and must not be changed; the state replaces them.
func (s *State) Open(kiosk.Moment) []*kiosk.Visit {
	var open []*kiosk.Visit
	for v := range s.visits() {
		if v.Open() && (v.Known() || len(v.Works) > 0 || !v.Pickup.IsZero()) {
			open = append(open, v)
		}
	}
	slices.SortStableFunc(open, func(a, b *kiosk.Visit) int {
		if a.Known() != b.Known() {
			if a.Known() {
				return -1
			}
			return 1
		}
		return a.Arrived.Compare(b.Arrived)
	})
	return open
}

// Visit finds a visit by id, also an ended one that is still remembered.
func (s *State) Visit(id string) (*kiosk.Visit, bool) {
	if !s.has(id) {
		return nil, false
	}
	return s.look(id), true
}

// Events are the events of a visit, this board's and those known from elsewhere,
// in the order they were recorded, with their corrected times.
func (s *State) Events(visit string) []kiosk.Event {
	r := s.records[visit]
	events := r.events()
	if f := s.elsewhere.visits[visit]; f != nil {
		events = append(events, s.others(f, r)...)
		slices.SortStableFunc(events, func(a, b kiosk.Event) int { return a.Recorded().Compare(b.Recorded()) })
	}
	return events
}

// Plate is the plate of a visit in clear, "" if unknown or erased.
func (s *State) Plate(visit string) string {
	if r := s.records[visit]; r != nil {
		return r.plate
	}
	return ""
}

// VIN is the VIN of a visit in clear, "" if unknown or erased.
func (s *State) VIN(visit string) string {
	if r := s.records[visit]; r != nil {
		return r.vin
	}
	return ""
}

// FindPlate finds the visit of a plate as people type it: an open one, else the
// last that ended.
func (s *State) FindPlate(plate string) (*kiosk.Visit, bool) {
	p, _, err := vin.ParsePlate(plate)
	if err != nil {
		return nil, false
	}
	return s.find(func(v *kiosk.Visit) bool { return s.Plate(v.ID) == string(p) })
}

// FindTicket finds the visit of a ticket number: an open one, else the last that
// ended.
func (s *State) FindTicket(number string) (*kiosk.Visit, bool) {
	return s.find(func(v *kiosk.Visit) bool { return number != "" && v.Ticket == number })
}

func (s *State) find(match func(*kiosk.Visit) bool) (*kiosk.Visit, bool) {
	var best *kiosk.Visit
	for v := range s.visits() {
		if match(v) && (best == nil || v.Open() || !best.Open()) {
			best = v
		}
	}
	return best, best != nil
}

// Unclosed lists the jobs nobody finished, the oldest first: a supervisor has to
// state when they were.
func (s *State) Unclosed(now kiosk.Moment) (jobs []*kiosk.Work) {
	t := s.clock(s.tidy(now))
	for v := range s.visits() {
		for _, w := range v.Works {
			if w.UnclosedAt(t) {
				jobs = append(jobs, w)
			}
		}
	}
	slices.SortStableFunc(jobs, func(a, b *kiosk.Work) int { return cmp.Compare(a.Start().UnixNano(), b.Start().UnixNano()) })
	return jobs
}
