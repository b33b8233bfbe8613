package kpi

import (
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
	all := s.allParts(facts)
	out := map[Group]Tally{}
	for _, by := range Groups() {
		s.by = by
		s.groups(all, func(key string, t Tally) { out[Group{by, key}] = t })
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

// groups makes a tally for each group of s.by that has a part in the period.
func (s scope) groups(all []part, f func(key string, t Tally)) {
	of := map[string][]*part{}
	if s.by == ByNone {
		of[""] = nil
	}
	var keys []string
	for i := range all {
		keys = all[i].parts(keys[:0], s.by)
		for _, key := range keys {
			of[key] = append(of[key], &all[i])
		}
	}
	for key, parts := range of {
		s.key = key
		f(key, s.tally(parts))
	}
}

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

// only says whether a category counts in the group.
func (s scope) only(c kiosk.Category) bool { return s.by != ByCategory || s.key == string(c) }

// tally makes the tally of visits of one group.
func (s scope) tally(parts []*part) (t Tally) {
	room := make([]bin, lists*len(parts))
	for i := range t.lists {
		t.lists[i] = room[i*len(parts) : i*len(parts) : (i+1)*len(parts)]
	}
	t.sets[sVehicles] = make([]string, 0, len(parts))
	for _, p := range parts {
		if p.Uncertain {
			t.n[nUncertain] += one(s.has(p.Arrived))
			t.n[nUncertainOrders] += one(p.signed)
			continue
		}
		s.arrived(&t, p)
		s.ordered(&t, p)
		t.onTime(p)
		s.finished(&t, p)
		t.delivered(p)
		s.passed(&t, p)
		t.n[nUnclosed] += p.unclosed
	}
	s.hours(&t, parts)
	t.sorted()
	return t
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
	if p.Accepted != 0 && p.Accepted >= p.Arrived {
		t.put(lAccepted, between(p.Arrived, p.Accepted))
	}
	if p.first != 0 && p.first >= p.Arrived {
		t.put(lFirstJob, between(p.Arrived, p.first))
	}
	if !p.Open() {
		t.n[nEnded]++
		t.n[nWhole] += one(p.whole)
	}
	t.n[nCorrections] += int64(p.Corrections)
	for _, fl := range p.Flags {
		t.count(mFlags, string(fl), 1)
	}
}

// between is a duration in milliseconds, truncated.
func between(from, to Instant) int64 { return int64(to-from) / int64(time.Millisecond) }

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
func (s scope) ordered(t *Tally, p *part) {
	if !p.signed {
		return
	}
	t.n[nOrders]++
	for _, c := range p.categories {
		if s.only(c) {
			t.n[nCategoryCounts]++
			t.count(mCategories, string(c), 1)
		}
	}
	if p.Vehicle == "" {
		t.n[nWithoutVehicle]++
	} else {
		t.sets[sVehicles] = append(t.sets[sVehicles], p.vehicle)
	}
	t.member(sAdvisers, p.Adviser)
	if p.Rework != nil {
		t.n[nRework]++
		t.reworks = append(t.reworks, ReworkRef{p.Visit, p.Rework.Earlier, p.Rework.Items})
	}
	if len(p.Promises) > 0 {
		t.n[nPromised]++
		t.n[nRevised] += one(len(p.Promises) > 1)
	}
	if err, ok := p.PromiseError(); ok {
		t.n[nMeasured]++
		t.n[nMissed] += one(err >= 0)
		t.put(lPromiseError, err*time.Minute.Milliseconds())
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

// finished counts the repair time of a visit whose work ended in the period.
func (s scope) finished(t *Tally, p *part) {
	if !p.repaired {
		return
	}
	gross, net := p.Gross.Milliseconds(), p.Net.Milliseconds()
	t.put(lGross, gross)
	t.put(lNet, net)
	for _, c := range p.categories {
		if s.only(c) {
			t.putBy(byGross, string(c), gross)
			t.putBy(byNet, string(c), net)
		}
	}
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

// delivered counts turnaround and stages.
func (t *Tally) delivered(p *part) {
	if !p.turned {
		return
	}
	t.put(lTurnaround, between(p.Arrived, p.Delivered))
	if !p.staged {
		return
	}
	t.n[nStageVisits]++
	for _, p := range p.Stages {
		t.n[nStageTotal] += p.MS
		t.count(mStages, string(p.Stage), p.MS)
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
func (s scope) passed(t *Tally, p *part) {
	if p.hour < 0 || !s.passes(p.Fact) {
		return
	}
	t.n[nPasses]++
	t.n[nHours+p.hour]++
	for _, c := range p.categories {
		if s.only(c) {
			t.count(mPasses, string(c), 1)
		}
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
