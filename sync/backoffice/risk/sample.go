package risk

import (
	"cmp"
	"hash/fnv"
	"math"
	"slices"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice/kpi"
)

const (
	every     = 30 * time.Minute // of opening time, between two looks at an order
	maxLooks  = 24               // at one order
	maxDays   = 45               // ahead that opening time is added up
	settled   = 72 * time.Hour   // after its signing an order's outcome is known, or it hangs
	leastSpan = 5                // minutes: nothing is expected to take less
)

// sample is an order as it stood at a moment, and what became of it.
type sample struct {
	stage    kiosk.Stage
	over     bool // the items in work have had their standard time
	category kiosk.Category
	whole    float64 // standard minutes of the order
	standard float64 // those left
	queue    float64 // minutes it waits for others, while it waits for a bay
	slack    float64 // opening minutes to the promise
	left     float64 // opening minutes to the pass; what is known of it if that never came
	late     bool
}

// opening is the opening time between a and b in minutes.
func opening(cal kiosk.Calendar, a, b time.Time) (minutes float64) {
	day := cal.Midnight(a)
	for range maxDays {
		if !day.Before(b) {
			break
		}
		if h := cal.Hours(day); h.Close > h.Open {
			from, to := clock(cal, day, h.Open), clock(cal, day, h.Close)
			if from.Before(a) {
				from = a
			}
			if to.After(b) {
				to = b
			}
			if from.Before(to) {
				minutes += to.Sub(from).Minutes()
			}
		}
		day = cal.Midnight(day.Add(36 * time.Hour))
	}
	return minutes
}

func clock(cal kiosk.Calendar, day time.Time, d time.Duration) time.Time {
	y, m, n := day.In(cal.Zone).Date()
	return time.Date(y, m, n, 0, 0, int(d/time.Second), 0, cal.Zone)
}

// history is past orders, by signing.
type history struct {
	cal   kiosk.Calendar
	bays  int
	facts []*kpi.Fact
	queue []waits // of each, how long it waited for a bay
}

// waits is when an order waited for a bay, and the standard time it brought.
type waits struct {
	from, to kpi.Instant
	standard float64
}

// waitsOf is the wait of an order; one that never began waits till its visit's end.
func waitsOf(f *kpi.Fact) waits {
	w := waits{from: f.Signed, to: math.MaxInt64}
	for i := range f.Jobs {
		w.to = min(w.to, f.Jobs[i].Start())
	}
	for _, end := range []kpi.Instant{f.Passed, f.Ended} {
		if end != 0 {
			w.to = min(w.to, end)
		}
	}
	w.standard = whole(f)
	return w
}

// whole is the standard time of an order in minutes.
func whole(f *kpi.Fact) (minutes float64) {
	for _, it := range f.Items {
		minutes += float64(max(it.Standard, 0))
	}
	return minutes
}

// newHistory takes the orders with a promise signed in a period, whose visits
// have sure times and were not cancelled.
func newHistory(facts []kpi.Fact, cal kiosk.Calendar, bays int, from, to time.Time) history {
	h := history{cal: cal, bays: max(bays, 1)}
	for i := range facts {
		f := &facts[i]
		if f.InForce() && !f.Uncertain && len(f.Promises) > 0 && f.Signed >= kpi.InstantOf(from) && f.Signed < kpi.InstantOf(to) {
			h.facts = append(h.facts, f)
		}
	}
	slices.SortStableFunc(h.facts, func(a, b *kpi.Fact) int { return cmp.Compare(a.Signed, b.Signed) })
	for _, f := range h.facts {
		h.queue = append(h.queue, waitsOf(f))
	}
	return h
}

// samples looks at every order of the history as it went. now bounds what is
// known of orders that still lie there.
func (h history) samples(now time.Time) (all []sample) {
	for i, f := range h.facts {
		end := f.Passed
		if end == 0 {
			end = f.Delivered
		}
		if end == 0 && f.Ended != 0 {
			continue // the customer left: nothing was missed or kept
		}
		known := end != 0 && end <= kpi.InstantOf(now)
		if !known {
			end = kpi.InstantOf(now)
		}
		step := every
		if whole := opening(h.cal, f.Signed.In(h.cal.Zone), end.In(h.cal.Zone)); whole > maxLooks*every.Minutes() {
			step = time.Duration(whole/maxLooks) * time.Minute
		}
		for t := h.after(f.Signed, within(f.Visit, step)); t < end; t = h.after(t, step) {
			if s, ok := h.look(i, t, end, known); ok {
				all = append(all, s)
			}
		}
	}
	return all
}

// within is a time from 0 up to d that seems chosen at random and is the same for
// the same visit: looks at many orders must not all fall on their signing.
func within(visit string, d time.Duration) time.Duration {
	n := fnv.New32a()
	n.Write([]byte(visit))
	return d * time.Duration(n.Sum32()%1000) / 1000
}

// after is the instant that much opening time later.
func (h history) after(t kpi.Instant, d time.Duration) kpi.Instant {
	at := t.In(h.cal.Zone)
	for range maxDays {
		open := h.cal.Hours(at)
		from, to := clock(h.cal, at, open.Open), clock(h.cal, at, open.Close)
		if from.Before(at) {
			from = at
		}
		if rest := to.Sub(from); rest > 0 {
			if d < rest {
				return kpi.InstantOf(from.Add(d))
			}
			d -= rest
		}
		at = h.cal.Midnight(h.cal.Midnight(at).Add(36 * time.Hour))
	}
	return kpi.InstantOf(at)
}

// look is the i-th order at t, before its promise.
func (h history) look(i int, t, end kpi.Instant, known bool) (s sample, ok bool) {
	f := h.facts[i]
	s, due, ok := stand(f, t, h.cal)
	if !ok {
		return s, false
	}
	if s.stage == kiosk.StageWaitingBay {
		s.queue = queued(s.stage, h.ahead(i, t), h.bays)
	}
	s.left = opening(h.cal, t.In(h.cal.Zone), end.In(h.cal.Zone))
	s.late = !known || f.Passed == 0 || minute(end) >= minute(due)
	return s, known || minute(end) >= minute(due)
}

func minute(t kpi.Instant) int64 { return int64(t) / int64(time.Minute) }

// stand is what an order shows at t; ok is false without a promise ahead.
func stand(f *kpi.Fact, t kpi.Instant, cal kiosk.Calendar) (s sample, due kpi.Instant, ok bool) {
	at, ok := f.Standing(t)
	promise, promised := f.PromiseAt(t)
	if !ok || !promised || minute(promise.Due) <= minute(t) {
		return s, promise.Due, false
	}
	return sample{
		stage: at.Stage, over: over(at), category: f.Main(), whole: whole(f), standard: minutes(at.Remaining),
		slack: opening(cal, t.In(cal.Zone), promise.Due.In(cal.Zone)),
	}, promise.Due, true
}

// over says whether all that is left of an order is work beyond its standard time.
func over(s kpi.Standing) bool { return s.Over > 0 && s.Remaining == 0 }

func minutes(ms int64) float64 { return float64(ms) / float64(time.Minute.Milliseconds()) }

// ahead is the standard time of the orders signed before the i-th that waited for
// a bay at t.
func (h history) ahead(i int, t kpi.Instant) (standard float64) {
	for k := i - 1; k >= 0 && k > i-maxAhead; k-- {
		if w := h.queue[k]; w.from <= t && t < w.to {
			standard += w.standard
		}
	}
	return standard
}

// maxAhead bounds how far back the queue is looked for.
const maxAhead = 100

func queued(stage kiosk.Stage, ahead float64, bays int) float64 {
	if stage != kiosk.StageWaitingBay {
		return 0
	}
	return ahead / float64(max(bays, 1))
}
