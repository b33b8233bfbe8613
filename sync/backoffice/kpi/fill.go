package kpi

import (
	"cmp"
	"slices"

	"baylight/kiosk"
)

// Row makes the figures of a tally: those of the group by and key (ByDay and the
// day for a day of ByNone) in a period. It is what [Compute] gives.
func (t Tally) Row(by By, key string, p Period) Row {
	return t.row(by, key, p, len(t.sets[sVehicles]))
}

// row is Row of a tally with so many vehicles.
func (t *Tally) row(by By, key string, p Period, vehicles int) Row {
	n := func(i int) int { return int(t.n[i]) }
	r := Row{
		Key: key, Arrivals: n(nArrivals), Orders: n(nOrders), CategoryCounts: n(nCategoryCounts), Categories: countsOf[kiosk.Category](t.by[mCategories]),
		Vehicles: vehicles, OrdersWithoutVehicle: n(nWithoutVehicle), OnTime: OnTimeRate{Variants: make(map[string]Ratio, variants)},
		Rework:     ratio(n(nRework), n(nOrders)),
		Response:   Response{described(t.lists[lAccepted]), described(t.lists[lFirstJob])},
		Repair:     Repair{described(t.lists[lGross]), described(t.lists[lNet]), map[kiosk.Category]RepairMinutes{}},
		Turnaround: described(t.lists[lTurnaround]),
		Stages:     StageTotals{n(nStageVisits), t.n[nStageTotal], map[kiosk.Stage]int64{}},
		Quality: Quality{Complete: ratio(n(nWhole), n(nEnded)), Uncertain: n(nUncertain), UncertainOrders: n(nUncertainOrders),
			Corrections: n(nCorrections), Flags: countsOf[kiosk.Flag](t.by[mFlags])},
		UnclosedJobs: n(nUnclosed),
	}
	for i, name := range variantNames {
		r.OnTime.Variants[name] = ratio(n(nOnTime+2*i), n(nOnTime+2*i+1))
	}
	r.OnTime.Ratio = r.OnTime.Variants[Headline().String()]
	for _, gross := range t.listsBy[byGross] {
		r.Repair.Categories[kiosk.Category(gross.key)] = RepairMinutes{described(gross.bins), described(t.listsBy[byNet].of(gross.key))}
	}
	for _, s := range t.by[mStages] {
		r.Stages.MS[kiosk.Stage(s.key)] = s.n
	}
	r.Beyond = t.beyond(by, key, p)
	return r
}

func countsOf[K ~string](all counts) map[K]int {
	out := make(map[K]int, len(all))
	for _, c := range all {
		out[K(c.key)] = int(c.n)
	}
	return out
}

// described reads the percentiles of sorted milliseconds off by nearest rank.
func described(all []bin) Minutes {
	n := size(all)
	return Minutes{N: int(n), P50: rank(all, n, 50), P90: rank(all, n, 90)}
}

// Dated is a kept tally of a group of one store-local day.
type Dated struct {
	Day   string // yyyy-mm-dd
	Group Group
	Tally Tally
}

// Rows makes the rows of a period of whole store-local days out of kept tallies
// of its days, as [Compute] would. Tallies of groups that were not asked for
// are ignored; of a day there is at most one for each group.
func Rows(by By, days []Dated, p Period) (rows []Row) {
	of := by
	if by == ByDay {
		of = ByNone
	}
	parts := map[string][]*Tally{}
	if by == ByNone {
		parts[""] = nil
	}
	if by == ByDay {
		for day := p.Calendar.Midnight(p.From); day.Before(p.To); day = p.next(day) {
			parts[p.Calendar.Day(day)] = nil
		}
	}
	for i := range days {
		d := &days[i]
		if d.Group.By != of {
			continue
		}
		key := d.Group.Key
		if by == ByDay {
			key = d.Day
		}
		parts[key] = append(parts[key], &d.Tally)
	}
	ms, open := p.opening()
	p.opened = &opened{ms, open}
	for key, tallies := range parts {
		part := p
		if by == ByDay {
			part = p.day(key)
		}
		rows = append(rows, sum(tallies).Row(by, key, part))
	}
	slices.SortFunc(rows, func(a, b Row) int { return cmp.Compare(a.Key, b.Key) })
	return rows
}
