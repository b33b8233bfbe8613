package dashboard

import (
	"fmt"
	"net/http"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice/kpi"
)

// monthly is the report of a month, made for paper: A4, upright.
type monthly struct {
	figurePage
	Month      string // 2026-11
	Previous   string
	Next       string
	Advisers   []kpi.Row
	Teams      []kpi.Row // technicians
	Categories []kpi.Row
	BayRows    []kpi.Row
	Over       bool // the month has ended
}

func (d *dashboard) reportPage(w http.ResponseWriter, r *http.Request) error {
	p, err := d.page(r)
	if err != nil {
		return err
	}
	cal := p.Store.Calendar
	first := monthsBefore(cal, cal.Midnight(p.Now), 0)
	first = daysAfter(cal, first, 1-first.Day())
	if s := r.URL.Query().Get("month"); s != "" {
		if first, err = time.ParseInLocation("2006-01", s, cal.Zone); err != nil {
			return bad("month", fmt.Errorf("month %.40q is not a month such as 2026-11", s)).say("office.err.month", clip(s))
		}
	}
	q := query{store: p.Store, by: kpi.ByDay, span: span{Now: p.Now, AsOf: r.URL.Query().Get("as_of")}}
	q.span.From, q.span.To = first, monthsBefore(cal, first, -1)
	q.fromDay, q.toDay = cal.Day(q.span.From), cal.Day(q.span.To)
	m := monthly{figurePage: newFigures(p, nil), Month: first.Format("2006-01"), Previous: monthsBefore(cal, first, 1).Format("2006-01"), Next: q.span.To.Format("2006-01"),
		Over: !q.span.To.After(p.Now)}
	m.Title = m.T("office.report") + " " + m.Month
	if err := d.fill(r, &m.figurePage, q); err != nil {
		return err
	}
	for _, g := range []struct {
		by  kpi.By
		out *[]kpi.Row
	}{{kpi.ByAdviser, &m.Advisers}, {kpi.ByTechnician, &m.Teams}, {kpi.ByCategory, &m.Categories}, {kpi.ByBay, &m.BayRows}} {
		a, err := d.rows(r.Context(), q.store, q.span, g.by)
		if err != nil {
			return err
		}
		*g.out = a.Rows
	}
	if m.Caveats, err = d.caveats(r, m.figurePage, q); err != nil {
		return err
	}
	d.render(w, http.StatusOK, "report.html", m)
	return nil
}

// Cell is a figure of a row by the figure's key.
func (monthly) Cell(key string, r kpi.Row) value {
	f, _ := figureOf(key)
	return f.of(r)
}

// Headlines are the figures that stand on top.
func (m monthly) Headlines() []figure { return m.Tiles() }

// Used lists the stages in which time was spent.
func (m monthly) Used() (out []kiosk.Stage) {
	for _, s := range m.Stages {
		if m.Whole.Stages.MS[s] > 0 {
			out = append(out, s)
		}
	}
	return out
}
