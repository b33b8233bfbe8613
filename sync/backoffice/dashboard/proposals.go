package dashboard

import (
	"context"
	"slices"
	"strings"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/figures"
	"baylight/sync/backoffice/kpi"
)

// proposal is something that the back office proposes and a person decides.
type proposal struct {
	Kind    string // one of kiosk.Proposals
	Visit   string
	Ticket  string
	At      time.Time // of the order
	Items   string    // codes, separated by spaces
	Earlier string    // visit, of a rework
	When    time.Time // when the earlier visit ended
	Did     []string  // technicians who did the items then
	Was, Is kiosk.Category
	Clocked time.Duration
}

// Which orders are looked at, and how long ago the earlier repair may be. The
// handbook names no window: ninety days are ours.
const (
	proposedDays = 31
	reworkWithin = 90 * 24 * time.Hour
)

// proposals lists what waits for a decision, newest order first.
func (d *dashboard) proposals(ctx context.Context, s backoffice.Store, now time.Time) (out []proposal, err error) {
	cal := s.Calendar
	first := daysAfter(cal, cal.Midnight(now), 1-proposedDays)
	facts, a, err := d.Data.Facts(ctx, s.Name, figures.Query{From: cal.Midnight(first.Add(-reworkWithin)), To: next(cal, now)})
	if err != nil {
		return nil, err
	}
	byCar := map[string][]kpi.Fact{}
	for _, f := range facts {
		if f.Vehicle != "" {
			byCar[f.Vehicle] = append(byCar[f.Vehicle], f)
		}
	}
	for i := range facts {
		f := &facts[i]
		if f.InForce() && !f.Signed.In(cal.Zone).Before(first) {
			out = append(out, proposed(s, f, byCar[f.Vehicle], a.Now)...)
		}
	}
	slices.SortStableFunc(out, func(a, b proposal) int { return b.At.Compare(a.At) })
	return out, nil
}

// proposalsOf lists what is proposed about one visit.
func (d *dashboard) proposalsOf(ctx context.Context, s backoffice.Store, v *kiosk.Visit, now time.Time) ([]proposal, error) {
	var others []kpi.Fact
	if v.Vehicle != "" {
		same, _, err := d.Data.VisitsOfVehicle(ctx, s.Name, v.Vehicle)
		if err != nil {
			return nil, err
		}
		for _, o := range same {
			others = append(others, kpi.FactOf(o, s.Calendar))
		}
	}
	f := kpi.FactOf(v, s.Calendar)
	return proposed(s, &f, others, now), nil
}

func proposed(s backoffice.Store, f *kpi.Fact, others []kpi.Fact, now time.Time) (out []proposal) {
	base := proposal{Visit: f.Visit, Ticket: f.Ticket, At: f.Signed.In(s.Calendar.Zone)}
	if r, ok := kpi.ProposeRework(f, others, reworkWithin); ok {
		p := base
		p.Kind, p.Items, p.Earlier, p.When, p.Did = kiosk.ProposedRework, strings.Join(r.Items, " "), r.Earlier, f.Arrived.In(s.Calendar.Zone).Add(-r.After), r.Technicians
		out = append(out, p)
	}
	for _, c := range kpi.ProposeCategories(f, now) {
		p := base
		p.Kind, p.Items, p.Was, p.Is, p.Clocked = kiosk.ProposedCategory, strings.Join(c.Items, " "), c.From, c.To, c.Clocked
		out = append(out, p)
	}
	return out
}
