package kpi

import (
	"cmp"
	"slices"
)

// Tally is what the figures of one group and period are made of: counts and sums,
// how many durations there are of each length (so that percentiles stay exact), and sets. Tallies of periods
// that do not overlap add up to that of all of them; the zero Tally is nothing.
type Tally struct {
	n       [numbers]int64
	lists   [lists][]bin
	by      [maps_]counts
	listsBy [listsBy]binsBy
	sets    [sets][]string // sorted, each once
	reworks []ReworkRef    // by visit
}

// The numbers of a tally.
const (
	nArrivals = iota
	nOrders
	nCategoryCounts
	nWithoutVehicle
	nRework
	nUnclosed
	nStageVisits
	nStageTotal // ms
	nWhole
	nEnded
	nUncertain
	nUncertainOrders
	nCorrections
	nPromised     // orders with a promise
	nRevised      // those of them whose promise was revised
	nMeasured     // orders passed with a promise stated before
	nMissed       // those of them that passed late
	nStandard     // ms of finished items
	nRunning      // ms of bays
	nOccupied     // ms of bays
	nRunningOpen  // ms of bays within opening hours
	nOccupiedOpen // ms of bays within opening hours
	nPasses       // inspections passed
	nHours        // of those, by the hour of the day: 24 numbers
	nOnTime       = nHours + 24
	numbers       = nOnTime + 2*variants
	variants      = 24
)

// The lists, maps and sets of a tally.
const (
	lAccepted = iota
	lFirstJob
	lGross
	lNet
	lTurnaround
	lPromiseError
	lists
)
const (
	mCategories = iota
	mStages
	mFlags
	mPasses
	mClocked  // ms by person
	mAttended // ms by technician
	maps_
)
const (
	byGross = iota
	byNet
	listsBy
)
const (
	sVehicles = iota
	sAdvisers
	sBays
	sets
)

// ReworkRef names a confirmed rework that counts in a period, for those it is
// charged to: the people of the earlier visit ([Charges]).
type ReworkRef struct {
	Visit, Earlier string
	Items          []string // codes
}

// Add adds the tally of another period of the same group.
func (t *Tally) Add(o Tally) { *t = Sum(*t, o) }

// Sum adds tallies up. It leaves them as they are.
func Sum(all ...Tally) (t Tally) {
	of := make([]*Tally, len(all))
	for i := range all {
		of[i] = &all[i]
	}
	return sum(of)
}

func sum(all []*Tally) (t Tally) {
	if len(all) == 1 {
		return *all[0]
	}
	for _, o := range all {
		for k, n := range o.n {
			t.n[k] += n
		}
		t.reworks = append(t.reworks, o.reworks...)
	}
	slices.SortStableFunc(t.reworks, func(a, b ReworkRef) int { return cmp.Compare(a.Visit, b.Visit) })
	for k := range t.lists {
		t.lists[k] = mergedBins(all, func(o *Tally) []bin { return o.lists[k] })
	}
	for k := range t.sets {
		t.sets[k] = slices.Compact(merged(all, func(o *Tally) []string { return o.sets[k] }))
	}
	for _, o := range all {
		for k := range o.by {
			for _, c := range o.by[k] {
				t.count(k, c.key, c.n)
			}
		}
		for k := range o.listsBy {
			for _, l := range o.listsBy[k] {
				if i, done := t.listsBy[k].find(l.key); !done {
					merged := mergedBins(all, func(o *Tally) []bin { return o.listsBy[k].of(l.key) })
					t.listsBy[k] = slices.Insert(t.listsBy[k], i, keyedBins{l.key, merged})
				}
			}
		}
	}
	return t
}

// Reworks are the confirmed reworks the tally counts.
func (t Tally) Reworks() []ReworkRef { return slices.Clone(t.reworks) }

// merged merges a sorted list of each tally into a new one, two by two, so that
// no element moves more than log n times.
func merged[E cmp.Ordered](all []*Tally, of func(*Tally) []E) []E {
	n, runs := 0, make([][]E, 0, len(all))
	for _, o := range all {
		if l := of(o); len(l) > 0 {
			n, runs = n+len(l), append(runs, l)
		}
	}
	if n == 0 {
		return nil
	}
	if len(runs) == 1 {
		return slices.Clone(runs[0])
	}
	for len(runs) > 1 {
		room := make([]E, 0, n)
		next := runs[:0]
		for i := 0; i < len(runs); i += 2 {
			from := len(room)
			if i+1 < len(runs) {
				room = merge(room, runs[i], runs[i+1])
			} else {
				room = append(room, runs[i]...)
			}
			next = append(next, room[from:len(room):len(room)])
		}
		runs = next
	}
	return runs[0]
}

// merge appends two sorted lists in order.
func merge[E cmp.Ordered](out, a, b []E) []E {
	for len(a) > 0 && len(b) > 0 {
		if b[0] < a[0] {
			out, b = append(out, b[0]), b[1:]
		} else {
			out, a = append(out, a[0]), a[1:]
		}
	}
	return append(append(out, a...), b...)
}

func (t *Tally) count(m int, key string, n int64) { t.by[m].add(key, n) }
