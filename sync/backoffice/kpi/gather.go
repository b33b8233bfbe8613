package kpi

import (
	"cmp"
	"slices"
	"time"

	"baylight/kiosk"
)

// Group is what a row is made of: By none, adviser, category, bay or technician,
// and which of them. The rows of ByDay are those of ByNone, day by day.
type Group struct {
	By  By
	Key string
}

// Groups lists the ways in which tallies are kept.
func Groups() []By { return []By{ByNone, ByAdviser, ByCategory, ByBay, ByTechnician} }

// Tallies makes the tallies of one store-local day (yyyy-mm-dd) from the facts
// that have a part in it ([Fact.Days]); others change nothing. now decides which
// jobs are unclosed. There is always one for Group{ByNone, ""}, and one for each
// group that has a part in the day.
func Tallies(facts []Fact, day string, cal kiosk.Calendar, now time.Time) (map[Group]Tally, error) {
	return TalliesOf(refs(facts), day, cal, now)
}

// TalliesOf is Tallies of facts that lie apart.
func TalliesOf(facts []*Fact, day string, cal kiosk.Calendar, now time.Time) (map[Group]Tally, error) {
	midnight, err := time.ParseInLocation(time.DateOnly, day, cal.Zone)
	if err != nil {
		return nil, err
	}
	s := scope{cal: cal, from: InstantOf(midnight), to: InstantOf(cal.Midnight(midnight.Add(36 * time.Hour))), now: InstantOf(now)}
	all, out := s.gather(facts), map[Group]Tally{}
	for _, by := range Groups() {
		all.by = by
		all.groups(func(key string, t Tally) { out[Group{by, key}] = t })
	}
	return out, nil
}

func refs(facts []Fact) []*Fact {
	out := make([]*Fact, len(facts))
	for i := range facts {
		out[i] = &facts[i]
	}
	return out
}

// scope is a period and a group of visits.
type scope struct {
	cal           kiosk.Calendar
	from, to, now Instant
	by            By
	key           string
}

func (s scope) has(t Instant) bool { return t != 0 && t >= s.from && t < s.to }

// parts appends the groups a visit has a part in.
func (f *Fact) parts(keys []string, by By) []string {
	add := func(k string) {
		if !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	if len(f.Attendance) > 0 && by == ByTechnician {
		for i := range f.Attendance {
			add(f.Attendance[i].Technician)
		}
		return keys
	}
	if len(f.Attendance) > 0 && by != ByNone && by != ByDay {
		return keys
	}
	switch by {
	case ByNone, ByDay:
		add("")
	case ByAdviser:
		add(f.Adviser)
	case ByCategory:
		for _, c := range f.Categories() {
			add(string(c))
		}
	case ByBay:
		for i := range f.Jobs {
			for k := range f.Jobs[i].Spans {
				add(f.Jobs[i].Spans[k].Bay)
			}
		}
	case ByTechnician:
		for i := range f.Jobs {
			add(f.Jobs[i].Technician)
		}
	}
	return keys
}

// tally makes the tally of one group.
func (s scope) tally(g *group, bays *busy) Tally {
	t := &g.Tally
	for _, p := range g.parts {
		if p.Uncertain {
			t.n[nUncertain] += one(s.has(p.Arrived))
			t.n[nUncertainOrders] += one(p.signed)
			continue
		}
		s.arrived(t, p)
		g.ordered(p)
		t.onTime(p)
		g.delivered(p)
		s.passed(g, p)
		t.n[nUnclosed] += p.unclosed
	}
	s.hours(t, g.parts, bays)
	g.named()
	slices.SortStableFunc(t.reworks, func(a, b ReworkRef) int { return cmp.Compare(a.Visit, b.Visit) })
	return *t
}

func one(yes bool) int64 {
	if yes {
		return 1
	}
	return 0
}

func (s scope) signed(f *Fact) bool { return f.InForce() && s.has(f.Signed) }

// arrived counts what belongs to the check-in.
func (s scope) arrived(t *Tally, p *part) {
	if !s.has(p.Arrived) {
		return
	}
	t.n[nArrivals]++
	if !p.Open() {
		t.n[nEnded]++
		t.n[nWhole] += one(p.whole)
	}
	t.n[nCorrections] += int64(p.Corrections)
	for _, fl := range p.Flags {
		t.count(mFlags, string(fl), 1)
	}
}

// complete says whether an ended visit's chain of events is whole ([Input.complete]).
func (f *Fact) complete(now Instant) bool {
	if f.Accepted == 0 || f.HasUnclosed(now) {
		return false
	}
	if !f.InForce() {
		return f.Outcome != ""
	}
	finished := len(f.Jobs) > 0 && !slices.ContainsFunc(f.Jobs, func(j FactJob) bool { return j.Finished == 0 })
	return finished && f.Passed != 0 && f.Delivered != 0
}

// ordered counts what belongs to the signing of the order.
func (g *group) ordered(p *part) {
	if !p.signed {
		return
	}
	g.n[nOrders]++
	for _, c := range p.categories {
		g.n[nCategoryCounts] += one(g.only(c))
		g.categories[c].orders += one(g.only(c))
	}
	g.n[nWithoutVehicle] += one(p.Vehicle == "")
	g.advisers[p.adviser] = true
	if p.Rework != nil {
		g.n[nRework]++
		g.reworks = append(g.reworks, ReworkRef{p.Visit, p.Rework.Earlier, p.Rework.Items})
	}
	if len(p.Promises) > 0 {
		g.n[nPromised]++
		g.n[nRevised] += one(len(p.Promises) > 1)
	}
	if p.lengths[lPromiseError] != none {
		g.n[nMeasured]++
		g.n[nMissed] += one(p.lengths[lPromiseError] >= 0)
	}
}

// PromiseError is the pass less the first promise in whole minutes of the clock,
// negative if the pass came before: late is not negative. ok is false without
// both, or if the promise was stated after the pass.
func (f *Fact) PromiseError() (minutes int64, ok bool) {
	first, promised := f.First()
	if !f.InForce() || !promised || f.Passed == 0 || first.Due == 0 || first.Recorded > f.Passed {
		return 0, false
	}
	return f.Passed.minute() - first.Due.minute(), true
}

// onTime counts the order in every variant.
func (t *Tally) onTime(p *part) {
	for i, j := range p.judged {
		t.n[nOnTime+2*i] += one(j.onTime)
		t.n[nOnTime+2*i+1] += one(j.counted)
	}
}

// judgement says whether an order is in a variant's denominator and numerator.
type judgement struct{ counted, onTime bool }

// judge judges an order in force by every variant, in the order of [Variants]
// (the rule: [Input.judge]).
func (s scope) judge(f *Fact) (all [variants]judgement) {
	first, promised := f.First()
	last, _ := f.Effective()
	signed := s.has(f.Signed)
	i := 0
	for _, chosen := range [2]FactPromise{first, last} {
		due := chosen.Due.minute()
		for _, moment := range [2]Instant{f.Passed, f.Delivered} {
			known := promised && f.Passed != 0 && first.Recorded <= f.Passed && moment != 0
			before, tie := moment.minute() < due, moment.minute() == due
			for _, counted := range [3]bool{signed, promised && s.has(chosen.Due), signed && f.Passed != 0} {
				all[i] = judgement{counted, counted && known && before}
				all[i+1] = judgement{counted, counted && known && (before || tie)}
				i += 2
			}
		}
	}
	return all
}

// repaired says whether the visit's work ended in the period. While the visit
// lasts, an open job means that the last finish is not known yet.
func (s scope) repaired(f *Fact) bool {
	if !f.Repaired || !s.has(f.lastFinish()) || f.HasUnclosed(s.now) {
		return false
	}
	return !f.Open() || !slices.ContainsFunc(f.Jobs, func(j FactJob) bool { return j.Open(s.now) })
}

// turned says whether the visit was delivered in the period.
func (s scope) turned(f *Fact) bool {
	return f.Arrived != 0 && s.has(f.Delivered) && f.Delivered >= f.Arrived
}

// delivered counts stages.
func (g *group) delivered(p *part) {
	if !p.staged {
		return
	}
	g.n[nStageVisits]++
	for i, at := range p.stages {
		ms := p.Stages[i].MS
		g.n[nStageTotal] += ms
		g.stages[at].ms += ms
		g.stages[at].some = true
	}
}

// unclosed counts the unclosed jobs that were started in the period.
func (s scope) unclosed(f *Fact) (n int64) {
	for i := range f.Jobs {
		n += one(s.has(f.Jobs[i].Start()) && f.Jobs[i].UnclosedAt(s.now))
	}
	return n
}

// passed counts the inspection: in a bay's and a technician's row those of visits
// with a job finished there, or by them.
func (s scope) passed(g *group, p *part) {
	if p.hour < 0 || !s.passes(p.Fact) {
		return
	}
	g.n[nPasses]++
	g.n[nHours+p.hour]++
	for _, c := range p.categories {
		g.categories[c].passes += one(g.only(c))
	}
}

func (s scope) passes(f *Fact) bool {
	return s.has(f.Passed) && (s.by != ByBay && s.by != ByTechnician || slices.ContainsFunc(f.Jobs, func(j FactJob) bool {
		if j.Finished == 0 {
			return false
		}
		return s.by == ByTechnician && j.Technician == s.key || s.by == ByBay && j.Spans[len(j.Spans)-1].Bay == s.key
	}))
}
