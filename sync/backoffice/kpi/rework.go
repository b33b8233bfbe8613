package kpi

import (
	"cmp"
	"slices"
	"time"

	"baylight/kiosk"
)

// ReworkProposal says that a visit may repeat an earlier one: the same vehicle
// came back for the same item. A person decides whether bad work was the cause.
type ReworkProposal struct {
	Visit, Earlier string
	Items          []string // codes, sorted
	After          time.Duration
	Technicians    []string // who did those items on the earlier visit, sorted
}

// ProposeRework looks for an earlier visit of the vehicle, among those given, that
// ended at most within before f's check-in and had an item of f's order: the
// latest of them. within 0 or less is without bound (the handbook names none).
// There is no proposal once a person confirmed a rework, and none for items that a
// person declined.
func ProposeRework(f *Fact, others []Fact, within time.Duration) (best ReworkProposal, ok bool) {
	if f.Vehicle == "" || f.Rework != nil || f.Uncertain || !f.InForce() || f.Arrived == 0 {
		return best, false
	}
	var latest Instant
	for i := range others {
		e := &others[i]
		after := time.Duration(f.Arrived - e.Ended)
		if e.Vehicle != f.Vehicle || e.Visit == f.Visit || e.Uncertain || !e.InForce() || e.Ended == 0 || after < 0 || within > 0 && after > within {
			continue
		}
		if codes := f.repeated(e); len(codes) > 0 && (!ok || e.Ended > latest) {
			best = ReworkProposal{f.Visit, e.Visit, codes, after, e.did(codes)}
			latest, ok = e.Ended, true
		}
	}
	return best, ok
}

// repeated are the codes of f's items that e had too and nobody declined.
func (f *Fact) repeated(e *Fact) (codes []string) {
	for _, it := range f.Items {
		had := slices.ContainsFunc(e.Items, func(o FactItem) bool { return o.Code == it.Code })
		if it.Code != "" && had && !f.declined(kiosk.ProposedRework, it.Code) && !slices.Contains(codes, it.Code) {
			codes = append(codes, it.Code)
		}
	}
	slices.Sort(codes)
	return codes
}

func (f *Fact) declined(proposal, code string) bool {
	return slices.ContainsFunc(f.Declined, func(d FactDeclined) bool {
		return d.Proposal == proposal && slices.Contains(d.Items, code)
	})
}

// did are the technicians with a job on one of the items, sorted: those whose card
// named it, or the whole order's where no card named the item. Without codes it
// is everybody.
func (f *Fact) did(codes []string) (who []string) {
	for _, t := range f.tasks() {
		if len(codes) > 0 && !slices.ContainsFunc(t.items, func(it *FactItem) bool { return slices.Contains(codes, it.Code) }) {
			continue
		}
		for _, i := range t.jobs {
			if name := f.Jobs[i].Technician; !slices.Contains(who, name) {
				who = append(who, name)
			}
		}
	}
	slices.Sort(who)
	return who
}

// Charge counts confirmed reworks by whom they are charged to: those who did the
// items on the earlier visit, each once a rework, "" where nobody can be named.
// earlier finds the fact of a visit; who names a technician's team (nil: the
// technicians are charged themselves).
func Charge(reworks []ReworkRef, earlier func(visit string) (Fact, bool), who func(technician string) string) map[string]int {
	out := map[string]int{}
	for _, r := range reworks {
		charged := map[string]bool{}
		if f, ok := earlier(r.Earlier); ok {
			for _, name := range f.did(r.Items) {
				if who != nil {
					name = who(name)
				}
				charged[name] = true
			}
		}
		if len(charged) == 0 {
			charged[""] = true
		}
		for name := range charged {
			out[name]++
		}
	}
	return out
}

// Charged gives rows by technician what they are charged, as a share of the orders
// they worked on (Row.Orders), and adds rows for those who are charged and have none.
func (p Period) Charged(rows []Row, charged map[string]int) []Row {
	rows = slices.Clone(rows)
	for _, name := range sortedKeys(charged) {
		i, found := slices.BinarySearchFunc(rows, name, func(r Row, key string) int { return cmp.Compare(r.Key, key) })
		if !found {
			rows = slices.Insert(rows, i, Tally{}.Row(ByTechnician, name, p))
		}
	}
	for i := range rows {
		share := ratio(charged[rows[i].Key], rows[i].Orders)
		rows[i].Charged = &share
	}
	return rows
}

// Bands are the bounds of a rework rate that policy attaches something to, rising;
// the handbook's are 3, 5 and 10 %.
type Bands []float64

// Of is how many bounds a rate exceeds: 0 up to and including the first ("不得大于").
func (b Bands) Of(rate float64) (n int) {
	for _, bound := range b {
		if rate > bound {
			n++
		}
	}
	return n
}
