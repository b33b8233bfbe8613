package kpi

import "baylight/kiosk"

// part is what a visit has of a period, whichever group it counts in: found out
// once for all of them.
type part struct {
	*Fact
	first      Instant // start of the first job
	whole      bool    // its chain of events, once it has ended
	signed     bool    // in the period, as what follows
	repaired   bool
	turned     bool
	staged     bool // turned, with a split
	categories []kiosk.Category
	vehicle    string // its fingerprint, "" unless signed
	hour       int    // of the inspection passed, -1 without one
	unclosed   int64
	judged     []judgement // of an order in force
	work       []workTime
	done       []doneTask
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

// allParts are those of the facts that have one, and of no other.
func (s scope) allParts(facts []*Fact) []part {
	all := make([]part, 0, len(facts))
	for _, f := range facts {
		if f.touches(s.from, s.to) {
			all = append(all, s.part(f))
		}
	}
	return all
}

// part makes that of a fact. s.by is no matter.
func (s scope) part(f *Fact) part {
	p := part{Fact: f, signed: s.signed(f), hour: -1}
	if f.Uncertain {
		return p
	}
	p.first, p.whole = f.firstStart(), !f.Open() && f.complete(s.now)
	p.categories = f.Categories()
	if p.signed && f.Vehicle != "" {
		p.vehicle = fingerprint(f.Vehicle)
	}
	if f.InForce() {
		judged := s.judge(f)
		p.judged = judged[:]
	}
	p.repaired, p.turned, p.unclosed = s.repaired(f), s.turned(f), s.unclosed(f)
	p.staged = p.turned && f.Stages != nil && !f.HasUnclosed(s.now)
	if s.has(f.Passed) {
		p.hour = f.Passed.In(s.cal.Zone).Hour()
	}
	for i := range f.Jobs {
		j := &f.Jobs[i]
		for k := range j.Spans {
			sp := &j.Spans[k]
			from, to, ok := f.stretch(sp)
			if from, to = max(from, s.from.ms()), min(to, s.to.ms()); ok && from < to {
				p.work = append(p.work, workTime{j.Technician, person(j.Technician, sp.Bay), sp.Bay, sp.Reason == "", stretch{from, to}})
			}
		}
	}
	for _, t := range f.tasks() {
		if at, ok := f.done(t, s.now); ok && s.has(at) {
			p.done = append(p.done, doneTask{t.standardMS(), f.shares(t)})
		}
	}
	return p
}
