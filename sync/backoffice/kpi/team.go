package kpi

import (
	"maps"
	"slices"
)

// ByTeam makes a row for each team (班组) of technicians. A fact knows no team:
// who is in which is told from outside, so that no row of it is kept.
const ByTeam By = "team"

// InTeams are facts in which a technician's team stands in the technician's
// place, so that an order counts once for a team however many of it worked on
// it. Grouped by technician they are grouped by team ([Period.Behind]).
func InTeams(facts []Fact, team func(technician string) string) []Fact {
	out := slices.Clone(facts)
	for i := range out {
		f := &out[i]
		f.Jobs, f.Attendance = slices.Clone(f.Jobs), slices.Clone(f.Attendance)
		for k := range f.Jobs {
			f.Jobs[k].Technician = team(f.Jobs[k].Technician)
		}
		for k := range f.Attendance {
			f.Attendance[k].Technician = team(f.Attendance[k].Technician)
		}
	}
	return out
}

// Teams makes the rows of a period by team, by key; "" is who is in none. Orders
// and passes count once for a team; standard, clocked and attended time is that
// of its technicians added up. The reworks of the period are charged to the team
// of who did the items on the earlier visit, each once ([Charge]).
func (p Period) Teams(facts []Fact, team func(technician string) string, reworks []Reworked) []Row {
	s := scope{cal: p.Calendar, from: InstantOf(p.From), to: InstantOf(p.To), now: InstantOf(p.Now), by: ByTechnician}
	people, tallies := map[string]Tally{}, map[string]Tally{}
	s.gather(refs(facts)).groups(func(who string, t Tally) {
		sum := people[team(who)]
		sum.Add(t)
		people[team(who)] = sum
	})
	s.gather(refs(InTeams(facts, team))).groups(func(key string, t Tally) { tallies[key] = t })
	charged := map[string]int{}
	for _, r := range reworks {
		for _, name := range r.by(team) {
			charged[name]++
		}
	}
	var rows []Row
	for _, key := range slices.Sorted(maps.Keys(tallies)) {
		row := tallies[key].Row(ByTechnician, key, p)
		people[key].technicians(&row.Beyond)
		rows = append(rows, row)
	}
	return p.Charged(rows, charged)
}

// Reworked is a confirmed rework with whom it is charged to.
type Reworked struct {
	ReworkRef
	Rework Fact
	Before *Fact    // the earlier visit; nil if it is not known here
	Did    []string // who did the items on the earlier visit: charged; empty: nobody can be named
	Redid  []string // who worked on the visit that came back
}

// ReworkedOf are the reworks confirmed on orders signed in the period, by visit.
// earlier finds the fact of a visit.
func (p Period) ReworkedOf(facts []Fact, earlier func(visit string) (Fact, bool)) (out []Reworked) {
	s := scope{cal: p.Calendar, from: InstantOf(p.From), to: InstantOf(p.To), now: InstantOf(p.Now)}
	for i := range facts {
		f := &facts[i]
		if f.Rework == nil || f.Uncertain || !s.signed(f) {
			continue
		}
		r := Reworked{ReworkRef: ReworkRef{Visit: f.Visit, Earlier: f.Rework.Earlier, Items: f.Rework.Items}, Rework: *f, Redid: f.did(nil)}
		if e, ok := earlier(f.Rework.Earlier); ok {
			r.Before, r.Did = &e, e.did(f.Rework.Items)
		}
		out = append(out, r)
	}
	return out
}

// by is whom the rework is charged to, each once; who names a technician's team
// (nil: technicians themselves).
func (r Reworked) by(who func(technician string) string) (out []string) {
	for _, name := range r.Did {
		if who != nil {
			name = who(name)
		}
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	if len(out) == 0 {
		out = []string{""}
	}
	return out
}

// ChargedTo says whether a rework is charged to a row by technician or team; who
// as for [Charge].
func (r Reworked) ChargedTo(key string, who func(technician string) string) bool {
	return slices.Contains(r.by(who), key)
}
