package dashboard

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/figures"
	"baylight/sync/backoffice/kpi"
)

// This file and cases.go are the only ones that know where figures and visits
// come from.

// Data answers what pages and the API show; *figures.Folder does.
type Data interface {
	Figures(ctx context.Context, store string, q figures.Query) (figures.Answer, error)
	Days(ctx context.Context, store string, q figures.Query) ([]kpi.Dated, figures.Answer, error)
	Facts(ctx context.Context, store string, q figures.Query) ([]kpi.Fact, figures.Answer, error)
	Open(ctx context.Context, store string) ([]*kiosk.Visit, uint64, error)
	Visit(ctx context.Context, store, name string) (*kiosk.Visit, uint64, error)
	Visits(ctx context.Context, store string, names []string, asOf *uint64) ([]*kiosk.Visit, uint64, error)
	VisitsOfVehicle(ctx context.Context, store, vehicle string) ([]*kiosk.Visit, uint64, error)
	Reworked(ctx context.Context, store string, q figures.Query) ([]kpi.Reworked, figures.Answer, error)
	Teams(ctx context.Context, store string, q figures.Query, team func(technician string) string) (figures.Answer, error)
	Worked(ctx context.Context, store string, since, until time.Time) (map[string]time.Time, error)
}

// span is what figures are asked for: a period of a store, as of a position.
type span struct {
	From, To time.Time // half-open, midnights of the store
	Now      time.Time
	Stated   bool   // Now was stated by who asks
	AsOf     string // "<ledger>-N"; "" is the present
}

// drill narrows the visits of a span to those behind one number.
type drill struct {
	Figure  string // as kpi.Figures names it, or data_quality
	Value   string
	Variant kpi.Variant
	By      kpi.By
	Key     string // of the row, with By
	Keyed   bool   // a row was asked for; its key may be "": nobody's
	DueNow  bool   // on_time: promises that have come by now alone
}

func (d *dashboard) question(ctx context.Context, sp span, by kpi.By) (q figures.Query, err error) {
	q = figures.Query{From: sp.From, To: sp.To, By: by}
	if sp.Stated {
		q.Now = sp.Now
	}
	if sp.AsOf != "" {
		at, err := d.asOf(ctx, sp.AsOf)
		if err != nil {
			return q, err
		}
		q.AsOf = &at
	}
	return q, nil
}

// rows are the figures of a span, and what they are true for.
func (d *dashboard) rows(ctx context.Context, s backoffice.Store, sp span, by kpi.By) (figures.Answer, error) {
	q, err := d.question(ctx, sp, by)
	if err != nil {
		return figures.Answer{}, err
	}
	return d.answer(ctx, s, q)
}

// rowsAt are the figures of a span at the position that others of the same page are
// true for: if something was recorded since, they are asked for as of then.
func (d *dashboard) rowsAt(ctx context.Context, s backoffice.Store, sp span, by kpi.By, at uint64) (figures.Answer, error) {
	a, err := d.rows(ctx, s, sp, by)
	if err != nil || a.AsOf == at {
		return a, err
	}
	sp.AsOf = d.stamp(at)
	return d.rows(ctx, s, sp, by)
}

// begun leaves out the rows of days that have not come: nothing can be said of
// them, and 0 cars would be something. Where nothing is said of days, all rows are
// of a period that begins on a day. What a wrong clock put into a later day is shown.
func begun(cal kiosk.Calendar, rows []kpi.Row, from string, now time.Time) []kpi.Row {
	return slices.DeleteFunc(rows, func(r kpi.Row) bool {
		return cmp.Or(from, r.Key) > cal.Day(now) && r.Arrivals == 0 && r.Orders == 0 && r.Throughput.Passes == 0
	})
}

// dueBy is a reading of the on-time rate among the orders whose promise has come by now.
func (d *dashboard) dueBy(ctx context.Context, s backoffice.Store, sp span, v kpi.Variant) (kpi.Ratio, error) {
	all, err := d.facts(ctx, s, sp, drill{Figure: "on_time", Variant: v, DueNow: true})
	if err != nil {
		return kpi.Ratio{}, err
	}
	in, err := d.facts(ctx, s, sp, drill{Figure: "on_time", Value: kpi.OnTime, Variant: v, DueNow: true})
	return added(kpi.Ratio{Numerator: len(in.facts), Denominator: len(all.facts)}, kpi.Ratio{}), err
}

// found is facts with what they are true for.
type found struct {
	facts []kpi.Fact
	at    uint64
	now   time.Time
}

// facts are the visits behind a number, by arrival.
func (d *dashboard) facts(ctx context.Context, s backoffice.Store, sp span, dr drill) (f found, err error) {
	q, err := d.question(ctx, sp, kpi.ByNone)
	if err != nil {
		return f, err
	}
	if dr.Figure == "rework_charged" {
		return d.chargedFacts(ctx, s, q, dr)
	}
	all, a, err := d.Data.Facts(ctx, s.Name, q)
	if err != nil {
		return f, err
	}
	f.at, f.now = a.AsOf, a.Now
	p := kpi.Period{Calendar: s.Calendar, From: sp.From, To: sp.To, Now: a.Now, Bays: s.Bays}
	if dr.DueNow && a.Now.Before(p.To) {
		p.To = a.Now // what falls due later is not late yet
	}
	if dr.By == kpi.ByTeam && dr.Keyed {
		dr.By = kpi.ByTechnician
		f.facts, err = d.inTeam(ctx, s, q, all, func(facts []kpi.Fact) ([]kpi.Fact, error) { return dr.behind(p, facts) })
	} else {
		f.facts, err = dr.behind(p, all)
	}
	byArrival(f.facts)
	return f, err
}

// behind are those of some facts that are behind the number.
func (dr drill) behind(p kpi.Period, all []kpi.Fact) (out []kpi.Fact, err error) {
	g := kpi.Group{By: kpi.ByNone}
	if dr.Keyed && dr.By != kpi.ByNone && dr.By != kpi.ByDay {
		g = kpi.Group{By: dr.By, Key: dr.Key}
	}
	parts := []string{dr.Figure}
	if dr.Figure == "data_quality" {
		parts = []string{"complete", "incomplete"}
	}
	hour, hourly := hourOf(dr.Value)
	if hourly = hourly && dr.Figure == "throughput"; hourly {
		dr.Value = "" // the figures know no hours
	}
	for _, figure := range parts {
		some, err := p.Behind(all, g, figure, dr.Value, cmp.Or(dr.Variant, kpi.Headline()))
		if err != nil {
			return nil, bad("kpi", err).say("office.err.drill")
		}
		out = append(out, some...)
	}
	if hourly {
		out = inHour(out, hour, p.Calendar.Zone)
	}
	return out, nil
}

func byArrival(facts []kpi.Fact) {
	slices.SortStableFunc(facts, func(a, b kpi.Fact) int {
		return cmp.Or(cmp.Compare(a.Arrived, b.Arrived), cmp.Compare(a.Visit, b.Visit))
	})
}

// cases are the visits behind a number, by arrival, and the position they are true for.
func (d *dashboard) cases(ctx context.Context, s backoffice.Store, sp span, dr drill) (out []Case, at uint64, err error) {
	f, err := d.facts(ctx, s, sp, dr)
	if err != nil {
		return nil, 0, err
	}
	stages, err := d.stages(ctx, s, sp, f)
	if err != nil {
		return nil, 0, err
	}
	for i := range f.facts {
		c := caseOf(s, &f.facts[i], f.now)
		if c.Stage == "" {
			c.Stage = stages[c.Visit]
		}
		out = append(out, c)
	}
	return out, f.at, nil
}

// stages are those of the visits that were open.
func (d *dashboard) stages(ctx context.Context, s backoffice.Store, sp span, f found) (map[string]kiosk.Stage, error) {
	var names []string
	for i := range f.facts {
		if f.facts[i].Open() {
			names = append(names, f.facts[i].Visit)
		}
	}
	out := map[string]kiosk.Stage{}
	if len(names) == 0 {
		return out, nil
	}
	q, err := d.question(ctx, sp, kpi.ByNone)
	if err != nil {
		return nil, err
	}
	visits, _, err := d.Data.Visits(ctx, s.Name, names, q.AsOf)
	for _, v := range visits {
		out[v.ID] = v.StageAt(f.now)
	}
	return out, err
}

// open lists the visits that have not ended, by arrival.
func (d *dashboard) open(ctx context.Context, s backoffice.Store) ([]*kiosk.Visit, uint64, error) {
	return d.Data.Open(ctx, s.Name)
}

// bayBoard says what stands in each bay.
func (d *dashboard) bayBoard(ctx context.Context, s backoffice.Store, open []*kiosk.Visit, chances map[string]chance, now time.Time) ([]bay, error) {
	since := now
	for _, v := range open {
		for _, w := range v.Works {
			if w.Start().Before(since) {
				since = w.Start()
			}
		}
	}
	worked, err := d.Data.Worked(ctx, s.Name, since, now)
	board := bays(s, open, worked, now)
	for i := range board {
		board[i].judge(chances)
	}
	return board, err
}

// visit is a visit by its id, nil if there is none.
func (d *dashboard) visit(ctx context.Context, s backoffice.Store, id string) (*kiosk.Visit, error) {
	visits, _, err := d.Data.Visits(ctx, s.Name, []string{id}, nil)
	if err != nil || len(visits) == 0 {
		return nil, err
	}
	return visits[0], nil
}

// find is a visit by its id, by its order's, or by its ticket's number.
func (d *dashboard) find(ctx context.Context, s backoffice.Store, name string) (*kiosk.Visit, error) {
	v, _, err := d.Data.Visit(ctx, s.Name, name)
	if err == nil && v == nil {
		err = fault(http.StatusNotFound, "id", fmt.Sprintf("no order or visit %.60q in store %s", name, s.Name)).say("office.err.no_order", clip(name))
	}
	return v, err
}
