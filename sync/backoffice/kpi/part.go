package kpi

import (
	"math"
	"slices"
	"time"
)

// part is what a visit has of a period, whichever group it counts in: found out
// once for all of them.
type part struct {
	*Fact
	first      Instant      // start of the first job
	whole      bool         // its chain of events, once it has ended
	signed     bool         // in the period, as what follows
	staged     bool         // delivered, with a split
	lengths    [lists]int64 // in whole minutes; none without
	categories []int        // their places among those of all parts
	stages     []int        // those of the fact's, as well
	adviser    int
	vehicle    string // its fingerprint, "" unless signed
	hour       int    // of the inspection passed, -1 without one
	unclosed   int64
	judged     [variants]judgement
	work       []workTime
	finished   []doneTask
}

// workTime is the time of a stretch of a job, cut to the period.
type workTime struct {
	technician, person, bay string
	running                 bool
	stretch
}

// doneTask is a task finished in the period.
type doneTask struct {
	standard int64
	shares   []counted // of technicians
}

// none is that there is no length.
const none = math.MinInt64

// part makes that of a fact. s.by is no matter.
func (s scope) part(f *Fact) part {
	p := part{Fact: f, signed: s.signed(f), hour: -1}
	for i := range p.lengths {
		p.lengths[i] = none
	}
	if f.Uncertain {
		return p
	}
	p.first, p.whole = f.firstStart(), !f.Open() && f.complete(s.now)
	if p.signed && f.Vehicle != "" {
		p.vehicle = fingerprint(f.Vehicle)
	}
	if f.InForce() {
		p.judged = s.judge(f)
	}
	p.unclosed = s.unclosed(f)
	p.staged = s.turned(f) && f.Stages != nil && !f.HasUnclosed(s.now)
	if s.has(f.Passed) {
		p.hour = f.Passed.In(s.cal.Zone).Hour()
	}
	s.measure(&p)
	s.worked(&p)
	return p
}

// measure finds the durations that count in the period.
func (s scope) measure(p *part) {
	between := func(list int, from, to Instant) {
		if to != 0 && to >= from {
			p.lengths[list] = int64(to-from) / int64(time.Minute)
		}
	}
	if s.has(p.Arrived) {
		between(lAccepted, p.Arrived, p.Accepted)
		between(lFirstJob, p.Arrived, p.first)
	}
	if s.repaired(p.Fact) {
		p.lengths[lGross], p.lengths[lNet] = int64(p.Gross/time.Minute), int64(p.Net/time.Minute)
	}
	if s.turned(p.Fact) {
		between(lTurnaround, p.Arrived, p.Delivered)
	}
	if minutes, ok := p.PromiseError(); ok && p.signed {
		p.lengths[lPromiseError] = minutes
	}
}

// worked finds the time on jobs and the tasks finished in the period.
func (s scope) worked(p *part) {
	for i := range p.Jobs {
		j := &p.Jobs[i]
		p.work = slices.Grow(p.work, len(j.Spans))
		for k := range j.Spans {
			sp := &j.Spans[k]
			from, to, ok := p.stretch(sp)
			if from, to = max(from, s.from.ms()), min(to, s.to.ms()); ok && from < to {
				p.work = append(p.work, workTime{j.Technician, person(j.Technician, sp.Bay), sp.Bay, sp.Reason == "", stretch{from, to}})
			}
		}
	}
	for _, t := range p.tasks() {
		if at, ok := p.done(t, s.now); ok && s.has(at) {
			p.finished = append(p.finished, doneTask{t.standardMS(), p.shares(t)})
		}
	}
}
