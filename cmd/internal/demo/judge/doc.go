// Package judge counts what truly happened in the demo's shop and what the
// figures therefore have to be. It shares no code with the program it judges:
// not the fold, not the figures, not the events. It knows the facts of the
// script only, and computes in its own, plain way (durations by walking through
// a visit second by second).
//
// Its answers are flat: the path of a number in the API's JSON → the number.
package judge

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"baylight/cmd/internal/demo/script"
)

// shiftEnd is when a running job counts as unclosed: two hours after closing.
const shiftEnd = 20 * time.Hour

// Judge collects facts.
type Judge struct {
	facts map[int][]script.Fact
}

// New makes a judge that has seen nothing.
func New() *Judge { return &Judge{facts: map[int][]script.Fact{}} }

// Saw tells the judge what happened.
func (j *Judge) Saw(facts []script.Fact) {
	for _, f := range facts {
		j.facts[f.Visit] = append(j.facts[f.Visit], f)
	}
}

// Day gives what the row of the day that begins at midnight has to say, asked at now.
func (j *Judge) Day(midnight, now time.Time) map[string]int64 {
	d := &day{from: midnight, to: midnight.AddDate(0, 0, 1), now: now, out: map[string]int64{}, vehicles: map[string]bool{}}
	for _, v := range sortedKeys(j.facts) {
		d.add(tell(j.facts[v]))
	}
	d.close()
	return d.out
}

func sortedKeys(m map[int][]script.Fact) (ks []int) {
	for k := range m {
		ks = append(ks, k)
	}
	sort.Ints(ks)
	return ks
}

type work struct {
	tech     string
	item     int
	start    time.Time
	finished time.Time
	running  bool
	reason   string
	since    time.Time // of the present run
}

type promise struct {
	due, recorded time.Time
	consent       bool
}

// story is a visit retold from its facts.
type story struct {
	facts                                        []script.Fact // in the order they happened
	arrived, accepted, signed, cancelled, closed time.Time
	passed, delivered                            time.Time
	vehicle                                      string
	categories                                   []string
	promises                                     []promise
	works                                        []*work
	reworked                                     bool
}

func tell(facts []script.Fact) *story {
	s := &story{facts: slices.Clone(facts)}
	sort.SliceStable(s.facts, func(a, b int) bool { return s.facts[a].At.Before(s.facts[b].At) })
	for _, f := range s.facts {
		s.happen(f)
	}
	return s
}

func (s *story) find(f script.Fact) *work {
	for i := len(s.works) - 1; i >= 0; i-- {
		if w := s.works[i]; w.tech == f.Tech && w.item == f.Item && w.finished.IsZero() {
			return w
		}
	}
	return &work{} // a fact without its work: the figures will differ, and show it
}

func (s *story) happen(f script.Fact) {
	switch f.What {
	case script.Arrived:
		s.arrived, s.vehicle = f.At, f.Vehicle
	case script.Known:
		s.vehicle = f.Vehicle
	case script.Accepted:
		s.accepted = f.At
	case script.Signed:
		s.signed, s.categories = f.At, f.Categories
		if !f.Due.IsZero() {
			s.promises = append(s.promises, promise{f.Due, f.At, true})
		}
	case script.Added:
		for _, c := range f.Categories {
			if !slices.Contains(s.categories, c) {
				s.categories = append(slices.Clone(s.categories), c)
			}
		}
		s.passed = time.Time{}
	case script.Revised:
		s.promises = append(s.promises, promise{f.Due, f.At, f.Consent})
	case script.Cancelled:
		s.cancelled = f.At
	case script.Closed:
		s.closed = f.At
	case script.Started:
		s.works = append(s.works, &work{tech: f.Tech, item: f.Item, start: f.At, running: true, since: f.At})
		s.passed = time.Time{}
	case script.Resumed:
		w := s.find(f)
		w.running, w.since, w.reason = true, f.At, ""
		s.passed = time.Time{}
	case script.Paused:
		w := s.find(f)
		w.running, w.reason = false, f.Reason
	case script.Finished:
		w := s.find(f)
		w.running, w.reason, w.finished = false, "", f.At
	case script.Passed:
		if s.passed.IsZero() {
			s.passed = f.At
		}
	case script.Failed:
		s.passed = time.Time{}
	case script.Delivered:
		s.delivered = f.At
	case script.Reworked:
		s.reworked = true
	}
}

// unclosed counts the works that ran past the end of their shift.
func (s *story) unclosed(now time.Time) (ws []*work) {
	for _, w := range s.works {
		y, m, d := w.since.Date()
		if w.running && !now.Before(time.Date(y, m, d, 0, 0, 0, 0, w.since.Location()).Add(shiftEnd)) {
			ws = append(ws, w)
		}
	}
	return ws
}

// day is one row in the making.
type day struct {
	from, to, now                        time.Time
	out                                  map[string]int64
	vehicles                             map[string]bool
	accepted, firstJob, gross, net, turn []time.Duration
}

func (d *day) has(t time.Time) bool { return !t.IsZero() && !t.Before(d.from) && t.Before(d.to) }

func (d *day) add(s *story) {
	if d.has(s.arrived) {
		d.out["arrivals"]++
		if !s.accepted.IsZero() {
			d.accepted = append(d.accepted, s.accepted.Sub(s.arrived))
		}
		if len(s.works) > 0 {
			d.firstJob = append(d.firstJob, s.works[0].start.Sub(s.arrived))
		}
	}
	for _, w := range s.unclosed(d.now) {
		if d.has(w.start) {
			d.out["unclosed_jobs"]++
		}
	}
	if d.has(s.signed) && s.cancelled.IsZero() {
		d.order(s)
	}
	if !s.signed.IsZero() && s.cancelled.IsZero() {
		d.onTime(s)
	}
	d.times(s)
}

func (d *day) order(s *story) {
	d.out["orders"]++
	d.out["category_counts"] += int64(len(s.categories))
	for _, c := range s.categories {
		d.out["categories."+c]++
	}
	if s.vehicle == "" {
		d.out["orders_without_vehicle"]++
	} else {
		d.vehicles[s.vehicle] = true
	}
	if s.reworked {
		d.out["rework.numerator"]++
	}
	d.out["rework.denominator"]++
}

// onTime asks all twenty-four questions of 准时交车率 about one order.
func (d *day) onTime(s *story) {
	for _, which := range []string{"first", "last"} {
		var p *promise
		for i := range s.promises {
			q := &s.promises[i]
			if p == nil || which == "last" && q.consent && q.recorded.Before(p.due) {
				p = q
			}
		}
		for _, moment := range []string{"pass", "delivery"} {
			for _, population := range []string{"signed", "due", "passed"} {
				asked := d.has(s.signed)
				switch population {
				case "due":
					asked = p != nil && d.has(p.due)
				case "passed":
					asked = asked && !s.passed.IsZero()
				}
				if !asked {
					continue
				}
				end := s.passed
				if moment == "delivery" {
					end = s.delivered
				}
				counts := p != nil && !end.IsZero() && !s.passed.IsZero() && !s.promises[0].recorded.After(s.passed)
				for _, tie := range []string{"late", "on_time"} {
					key := "on_time.variants." + strings.Join([]string{which, moment, population, tie}, "/")
					d.out[key+".denominator"]++
					if counts && kept(end, p.due, tie) {
						d.out[key+".numerator"]++
					}
				}
			}
		}
	}
}

// kept compares at whole minutes, as a clock on the wall would show them.
func kept(end, due time.Time, tie string) bool {
	const clock = "2006-01-02 15:04"
	a, b := end.UTC().Format(clock), due.UTC().Format(clock)
	return a < b || tie == "on_time" && a == b
}

// times adds the durations of a visit to the rows they belong to.
func (d *day) times(s *story) {
	var last time.Time
	open := false
	for _, w := range s.works {
		if w.finished.After(last) {
			last = w.finished
		}
		open = open || w.finished.IsZero()
	}
	ended := !s.delivered.IsZero() || !s.closed.IsZero()
	lost := len(s.unclosed(d.now)) > 0
	if d.has(last) && !lost && (ended || !open) {
		walked := s.walk(s.works[0].start, last)
		pause := walked["paused_authority"] + walked["paused_parts"] + walked["paused_break"] + walked["paused_switched"]
		whole := last.Sub(s.works[0].start)
		d.gross = append(d.gross, whole)
		d.net = append(d.net, whole-pause)
	}
	if !d.has(s.delivered) || s.arrived.IsZero() { // a delivery of what never came shows in the counts
		return
	}
	d.turn = append(d.turn, s.delivered.Sub(s.arrived))
	if lost {
		return
	}
	d.out["stages.visits"]++
	for stage, t := range s.walk(s.arrived, s.delivered) {
		d.out["stages.ms."+stage] += t.Milliseconds()
		d.out["stages.total_ms"] += t.Milliseconds()
	}
}

// walk goes through the visit second by second and asks each where it stands.
func (s *story) walk(from, to time.Time) map[string]time.Duration {
	out := map[string]time.Duration{}
	now := &story{}
	sofar, washed, fails := 0, false, 0
	for t := from; t.Before(to); t = t.Add(time.Second) {
		for ; sofar < len(s.facts) && !s.facts[sofar].At.After(t); sofar++ {
			f := s.facts[sofar]
			now.happen(f)
			switch f.What {
			case script.Washed:
				washed = true
			case script.Started, script.Resumed, script.Added:
				washed = false
			case script.Failed:
				washed, fails = false, len(now.works)
			}
		}
		out[now.stage(washed, fails)] += time.Second
	}
	return out
}

// stage is the first that matches. fails is how many works were there at the
// last failed inspection: they no longer make the car ready.
func (s *story) stage(washed bool, fails int) string {
	paused := map[string]bool{}
	running, finished := false, 0
	for i, w := range s.works {
		running = running || w.running
		switch {
		case !w.finished.IsZero() && i >= fails:
			finished++
		case w.finished.IsZero() && !w.running:
			paused[w.reason] = true
		}
	}
	switch {
	case !s.passed.IsZero() && washed:
		return "washed"
	case !s.passed.IsZero():
		return "passed"
	case running:
		return "working"
	}
	for _, r := range []string{"authority", "parts", "other", "break", "switched"} {
		if paused[r] {
			return "paused_" + r
		}
	}
	switch {
	case finished > 0:
		return "waiting_inspection"
	case !s.signed.IsZero() && s.cancelled.IsZero():
		return "waiting_bay"
	case !s.accepted.IsZero():
		return "reception"
	}
	return "waiting_adviser"
}

func (d *day) close() {
	d.out["vehicles"] = int64(len(d.vehicles))
	for key, ds := range map[string][]time.Duration{
		"response_minutes.accepted": d.accepted, "response_minutes.first_job": d.firstJob,
		"repair_minutes.gross": d.gross, "repair_minutes.net": d.net, "turnaround_minutes": d.turn,
	} {
		sort.Slice(ds, func(a, b int) bool { return ds[a] < ds[b] })
		d.out[key+".n"] = int64(len(ds))
		for _, p := range []int{50, 90} {
			if n := len(ds); n > 0 {
				// The smallest duration that at least p of a hundred do not exceed.
				i := 0
				for (i+1)*100 < p*n {
					i++
				}
				d.out[fmt.Sprintf("%s.p%d", key, p)] = int64(ds[i].Minutes())
			}
		}
	}
}
