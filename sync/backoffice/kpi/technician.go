package kpi

import (
	"cmp"
	"math/bits"
	"slices"
	"time"
)

// longestStandard bounds the standard minutes of one item: 1,000 hours.
const longestStandard = 60_000

// task is items of an order and the jobs on them: one item whose code was
// scanned, or all that nobody scanned and the jobs that named none of them.
type task struct {
	no    int // of the item; 0: those nobody scanned
	items []*FactItem
	jobs  []int // of the fact
}

// tasks are the visit's, by number, those with jobs only. An order that is not in
// force has no items.
func (f *Fact) tasks() []task {
	all := make([]task, 1, 1+len(f.Items))
	of := func(no int) *task { // the first one's if nobody scanned it
		for i := range all {
			if all[i].no == no {
				return &all[i]
			}
		}
		return &all[0]
	}
	if f.InForce() {
		for i := range f.Items {
			it := &f.Items[i]
			if f.scanned(it.No) && of(it.No).no == 0 {
				all = append(all, task{no: it.No})
			}
			t := of(it.No)
			t.items = append(t.items, it)
		}
	}
	for i := range f.Jobs {
		t := of(f.Jobs[i].Item)
		t.jobs = append(t.jobs, i)
	}
	slices.SortFunc(all[1:], func(a, b task) int { return cmp.Compare(a.no, b.no) })
	if len(all[0].jobs) == 0 {
		return all[1:]
	}
	return all
}

// scanned says whether a job named the item.
func (f *Fact) scanned(no int) bool {
	for i := range f.Jobs {
		if no != 0 && f.Jobs[i].Item == no {
			return true
		}
	}
	return false
}

// done is when a task's last job was finished; ok is false while one lasts (and
// the visit), one is unclosed, or none was finished.
func (f *Fact) done(t task, now Instant) (at Instant, ok bool) {
	for _, i := range t.jobs {
		j := &f.Jobs[i]
		if j.UnclosedAt(now) || f.Open() && j.Finished == 0 {
			return 0, false
		}
		at = max(at, j.Finished)
	}
	return at, at != 0
}

// standard counts the standard time of the tasks finished in the period: all of
// it, or what a technician has a share in.
func (s scope) standard(p *part) (ms int64) {
	for _, t := range p.finished {
		switch s.by {
		case ByNone:
			ms += t.standard
		case ByTechnician:
			ms += counts(t.shares).of(s.key)
		}
	}
	return ms
}

// standardMS is the standard time of the task's items.
func (t task) standardMS() (ms int64) {
	for _, it := range t.items {
		ms += min(max(int64(it.Standard), 0), longestStandard) * time.Minute.Milliseconds()
	}
	return ms
}

// shares divides a task's standard time among its technicians by what they
// clocked on it, evenly if that is nothing. The parts add up to it.
func (f *Fact) shares(t task) counts {
	whole := t.standardMS()
	if who, alone := f.alone(t); alone {
		return counts{{who, whole}}
	}
	var out counts
	clocked, sum := f.clocked(), int64(0)
	for _, i := range t.jobs {
		out.add(f.Jobs[i].Technician, clocked[i])
		sum += clocked[i]
	}
	rest := whole
	for k := range out {
		part := whole / int64(len(out))
		if sum > 0 {
			hi, lo := bits.Mul64(uint64(whole), uint64(out[k].n))
			q, _ := bits.Div64(hi, lo, uint64(sum)) // fits: a weight is at most the sum
			part = int64(q)
		}
		if k == len(out)-1 {
			part = rest
		}
		out[k].n = part
		rest -= part
	}
	return out
}

// alone is the technician of all jobs of a task, if it is one.
func (f *Fact) alone(t task) (who string, ok bool) {
	for k, i := range t.jobs {
		if k > 0 && f.Jobs[i].Technician != who {
			return "", false
		}
		who = f.Jobs[i].Technician
	}
	return who, len(t.jobs) > 0
}

// clocked is the time clocked on each job of the visit, in milliseconds. Time
// that a technician spent on several jobs of the visit at once is split evenly.
func (f *Fact) clocked() []int64 {
	type run struct {
		job      int
		from, to int64
	}
	people := map[string][]run{}
	for i := range f.Jobs {
		j := &f.Jobs[i]
		for k := range j.Spans {
			if from, to, ok := f.stretch(&j.Spans[k]); ok && j.Spans[k].Reason == "" && from < to {
				who := person(j.Technician, j.Spans[k].Bay)
				people[who] = append(people[who], run{i, from, to})
			}
		}
	}
	out := make([]int64, len(f.Jobs))
	for _, runs := range people {
		slices.SortFunc(runs, func(a, b run) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.job, b.job)) })
		var active []run
		at := int64(0)
		until := func(t int64) { // shares out the time up to t
			for len(active) > 0 && at < t {
				end := t
				for _, r := range active {
					end = min(end, r.to)
				}
				for k, r := range active {
					n := int64(len(active))
					out[r.job] += (end-at)/n + one(int64(k) < (end-at)%n)
				}
				at = end
				active = slices.DeleteFunc(active, func(r run) bool { return r.to <= at })
			}
			at = max(at, t)
		}
		for _, r := range runs {
			if len(active) == 0 {
				at = r.from
			}
			until(r.from)
			active = append(active, r)
		}
		last := int64(0)
		for _, r := range runs {
			last = max(last, r.to)
		}
		until(last)
	}
	return out
}
