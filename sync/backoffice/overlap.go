package backoffice

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"baylight/kiosk"
)

// A technician who starts a job pauses the one that runs, unless PARALLEL was
// scanned. Two boards that are cut off from each other cannot do that. Here,
// where the events of both are, the earlier job counts as switched from the
// later's start, as if the boards had seen each other, and both visits are
// flagged (DOMAIN §3). A visit with an unsure time decides nothing about others:
// it counts as uncertain and in no figure. Nothing is recorded for it: it follows from the events,
// whatever order they came in, and goes when they are corrected.

// Stretch is a job at work without a break, as recorded.
type Stretch struct {
	Job      kiosk.Job
	Source   string // of the board that recorded its start
	From, To time.Time
	Parallel bool
}

// maxStretch is the longest that a stretch keeps its technician: what overlaps
// is found among what is near in time.
const maxStretch = 31 * 24 * time.Hour

// Cut is what an overlap means for one visit.
type Cut struct {
	Job    kiosk.Job
	Source string
	At     time.Time // when the job is switched; zero: it is the later one, and only flagged
}

// stretches are those of a visit that boards recorded for known technicians, at
// times that are sure.
func stretches(v *kiosk.Visit, events []kiosk.Event, cal kiosk.Calendar) (out []Stretch) {
	if v.Uncertain {
		return nil
	}
	for _, w := range v.Works {
		for _, s := range w.Spans {
			source := startedBy(events, w.Job, s.Bay, s.From)
			if s.Reason != "" || w.Technician == "" || source == "" {
				continue
			}
			to := s.To
			if to.IsZero() {
				to = cal.ShiftEnd(s.From) // from then on it counts as unclosed
			}
			if longest := s.From.Add(maxStretch); to.After(longest) {
				to = longest
			}
			job := w.Job
			job.Visit, job.Bay = v.ID, s.Bay
			out = append(out, Stretch{Job: job, Source: source, From: s.From, To: to, Parallel: s.Parallel})
		}
	}
	return out
}

// startedBy is the board that recorded the start of a stretch in a bay; "" if
// people at the back office stated it. It does not depend on the events' order.
func startedBy(events []kiosk.Event, job kiosk.Job, bay string, from time.Time) (source string) {
	best := 0
	for i := range events {
		e := &events[i]
		var j kiosk.Job
		switch d := e.Data.(type) {
		case *kiosk.Started:
			j = d.Job
		case *kiosk.Resumed:
			j = d.Job
		default:
			continue
		}
		if !e.Time().Equal(from) || !strings.Contains(e.Source, "/kiosks/") {
			continue
		}
		// A start that was amended has another job in its event than in the fold.
		match := 1
		for _, same := range [...]bool{j.Bay == bay, j.Technician == job.Technician, j.Item == job.Item} {
			if same {
				match++
			}
		}
		if match > best || match == best && e.Source < source {
			best, source = match, e.Source
		}
	}
	return source
}

// Cuts finds what overlaps among the stretches of one technician, by visit. What
// it says of a stretch depends on those that overlap with it, and on those that
// overlap with these. It sorts what it is given.
func Cuts(all []Stretch) map[string][]Cut {
	slices.SortFunc(all, func(a, b Stretch) int {
		return cmp.Or(a.From.Compare(b.From), cmp.Compare(a.Source, b.Source), cmp.Compare(a.Job.Visit, b.Job.Visit), cmp.Compare(a.Job.Item, b.Job.Item), a.To.Compare(b.To),
			cmp.Compare(a.Job.Bay, b.Job.Bay))
	})
	out := map[string][]Cut{}
	add := func(c Cut) {
		if !slices.Contains(out[c.Job.Visit], c) {
			out[c.Job.Visit] = append(out[c.Job.Visit], c)
		}
	}
	for i, first := range all {
		for _, next := range all[i+1:] {
			if !next.From.Before(first.To) {
				break
			}
			if next.Source != first.Source && !next.Parallel {
				add(Cut{first.Job, first.Source, next.From.UTC()})
				add(Cut{Job: next.Job, Source: next.Source})
				break // it is switched from here on
			}
		}
	}
	return out
}

// last sorts after every epoch: a job that is switched at its very start has
// started before.
const last = "~"

// FoldCut is Fold of a visit with what its overlaps mean.
func FoldCut(events []kiosk.Event, cuts []Cut, cal kiosk.Calendar) *kiosk.Visit {
	if len(cuts) == 0 {
		return Fold(events, cal)
	}
	events = slices.Clone(events)
	for _, c := range cuts {
		if !c.At.IsZero() {
			events = append(events, kiosk.Event{Source: c.Source, Epoch: last, When: c.At.In(cal.Zone), Data: &kiosk.Paused{Job: c.Job, Meta: kiosk.Meta{Reason: kiosk.Switched}}})
		}
	}
	v := Fold(events, cal)
	if i, found := slices.BinarySearch(v.Flags, kiosk.Overlap); !found {
		v.Flags = slices.Insert(v.Flags, i, kiosk.Overlap)
	}
	return v
}

// FoldStore folds all visits of a store, given the counted events of each,
// corrected in time. The visits come by arrival. Package figures finds the same
// from what is near in time alone.
func FoldStore(store map[string][]kiosk.Event, cal kiosk.Calendar) (visits []*kiosk.Visit) {
	recorded := map[string]Recorded{}
	work := map[string][]Stretch{} // of each technician
	for id, events := range store {
		recorded[id] = Record(events, cal)
		for _, s := range recorded[id].Stretches {
			work[s.Job.Technician] = append(work[s.Job.Technician], s)
		}
	}
	cuts := map[string][]Cut{}
	for _, technician := range slices.Sorted(maps.Keys(work)) {
		for id, some := range Cuts(work[technician]) {
			cuts[id] = append(cuts[id], some...)
		}
	}
	for id, r := range recorded {
		if len(cuts[id]) > 0 {
			r.Visit = FoldCut(store[id], cuts[id], cal)
		}
		if r.Visit.ID != "" {
			visits = append(visits, r.Visit)
		}
	}
	slices.SortFunc(visits, func(a, b *kiosk.Visit) int {
		return cmp.Or(a.Arrived.Compare(b.Arrived), cmp.Compare(a.ID, b.ID))
	})
	return visits
}

// Recorded is a visit as recorded, each board for itself.
type Recorded struct {
	Visit     *kiosk.Visit
	Stretches []Stretch
}

// Record is Fold of a visit, with what overlaps are found among.
func Record(events []kiosk.Event, cal kiosk.Calendar) Recorded {
	v := Fold(events, cal)
	return Recorded{v, stretches(v, events, cal)}
}
