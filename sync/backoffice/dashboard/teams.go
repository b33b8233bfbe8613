package dashboard

import (
	"context"
	"slices"

	"baylight/sync/backoffice"
	"baylight/sync/backoffice/figures"
	"baylight/sync/backoffice/kpi"
)

// The team (班组) of a technician is none of a visit's events: it stands in the
// setup that was in force at the position a figure is asked for, so that figures
// as of then have the teams of then.

// teams names the team of each technician of a store as of a position; nil is the
// present one.
func (d *dashboard) teams(ctx context.Context, s backoffice.Store, asOf *uint64) (func(technician string) string, error) {
	at := uint64(1 << 62)
	if asOf != nil {
		at = *asOf
	}
	setup, err := d.setup(ctx, s, at)
	if err != nil {
		return nil, err
	}
	team := map[string]string{}
	for _, p := range setup.Staff {
		team[p.ID] = p.Team
	}
	return func(technician string) string { return team[technician] }, nil
}

// answer makes the rows of a question; those by team, too.
func (d *dashboard) answer(ctx context.Context, s backoffice.Store, q figures.Query) (figures.Answer, error) {
	if q.By != kpi.ByTeam {
		a, err := d.Data.Figures(ctx, s.Name, q)
		if q.By == kpi.ByDay {
			a.Rows = begun(s.Calendar, a.Rows, "", a.Now)
		}
		return a, err
	}
	team, err := d.teams(ctx, s, q.AsOf)
	if err != nil {
		return figures.Answer{}, err
	}
	return d.Data.Teams(ctx, s.Name, q, team)
}

// chargedFacts are the visits that came back and are charged to a row by
// technician or team; without a row all of them.
func (d *dashboard) chargedFacts(ctx context.Context, s backoffice.Store, q figures.Query, dr drill) (f found, err error) {
	all, a, err := d.Data.Reworked(ctx, s.Name, q)
	if err != nil {
		return f, err
	}
	f.at, f.now = a.AsOf, a.Now
	var who func(string) string
	if dr.By == kpi.ByTeam {
		if who, err = d.teams(ctx, s, q.AsOf); err != nil {
			return f, err
		}
	}
	for _, r := range all {
		if dr.By != kpi.ByTechnician && dr.By != kpi.ByTeam || r.ChargedTo(dr.Key, who) {
			f.facts = append(f.facts, r.Rework)
		}
	}
	byArrival(f.facts)
	return f, nil
}

// inTeam keeps of some facts those behind a figure of a team.
func (d *dashboard) inTeam(ctx context.Context, s backoffice.Store, q figures.Query, all []kpi.Fact, of func(facts []kpi.Fact) ([]kpi.Fact, error)) ([]kpi.Fact, error) {
	team, err := d.teams(ctx, s, q.AsOf)
	if err != nil {
		return nil, err
	}
	some, err := of(kpi.InTeams(all, team))
	if err != nil {
		return nil, err
	}
	in := map[string]bool{}
	for _, f := range some {
		in[f.Visit] = true
	}
	return slices.DeleteFunc(slices.Clone(all), func(f kpi.Fact) bool { return !in[f.Visit] }), nil
}
