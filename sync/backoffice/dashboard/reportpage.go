package dashboard

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/kpi"
)

// monthOf is a month that a page is about, and its neighbours.
type monthOf struct {
	Month    string // 2026-11
	Previous string
	Next     string // "" if it has not begun
	Over     bool   // the month has ended
}

// monthAsked is the month that a request names; without one the present one.
func monthAsked(r *http.Request, s backoffice.Store, now time.Time) (q query, err error) {
	cal := s.Calendar
	first := cal.Midnight(now)
	first = daysAfter(cal, first, 1-first.In(cal.Zone).Day())
	if s := r.URL.Query().Get("month"); s != "" {
		if first, err = time.ParseInLocation("2006-01", s, cal.Zone); err != nil {
			return q, bad("month", fmt.Errorf("month %.40q is not a month such as 2026-11", s)).say("office.err.month", clip(s))
		}
	}
	q = query{store: s, by: kpi.ByDay, span: span{Now: now, AsOf: r.URL.Query().Get("as_of")}}
	q.span.From, q.span.To = first, monthsBefore(cal, first, -1)
	q.fromDay, q.toDay = cal.Day(q.span.From), cal.Day(q.span.To)
	return q, nil
}

func (q query) month() monthOf {
	m := monthOf{Month: q.fromDay[:7], Previous: q.store.Calendar.Day(monthsBefore(q.store.Calendar, q.span.From, 1))[:7], Over: !q.span.To.After(q.span.Now)}
	if m.Over {
		m.Next = q.toDay[:7]
	}
	return m
}

// monthly is the report of a month, made for paper: A4, upright.
type monthly struct {
	figurePage
	monthOf
	Advisers   []kpi.Row
	Teams      []kpi.Row // technicians
	Categories []kpi.Row
	BayRows    []kpi.Row
}

func (d *dashboard) reportPage(w http.ResponseWriter, r *http.Request) error {
	p, err := d.page(r)
	if err != nil {
		return err
	}
	q, err := monthAsked(r, p.Store, p.Now)
	if err != nil {
		return err
	}
	m := monthly{figurePage: newFigures(p, nil), monthOf: q.month()}
	m.Title = m.T("office.report") + " " + m.Month
	if err := d.fill(r, &m.figurePage, q); err != nil {
		return err
	}
	if len(begun(q.store.Calendar, []kpi.Row{m.Whole}, q.fromDay, p.Now)) == 0 {
		return bad("month", fmt.Errorf("month %s has not begun", m.Month)).say("office.err.ahead", m.Month)
	}
	for _, g := range []struct {
		by  kpi.By
		out *[]kpi.Row
	}{{kpi.ByAdviser, &m.Advisers}, {kpi.ByTechnician, &m.Teams}, {kpi.ByCategory, &m.Categories}, {kpi.ByBay, &m.BayRows}} {
		a, err := d.rowsAt(r.Context(), q.store, q.span, g.by, m.at)
		if err != nil {
			return err
		}
		*g.out = slices.DeleteFunc(a.Rows, func(row kpi.Row) bool { return row.Key == "" && row.Orders == 0 && row.Throughput.Passes == 0 })
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

// Mark is what became of a figure's target in a row that is not of one category.
func (m monthly) Mark(key string, r kpi.Row) reading {
	return m.reading(m.Figure(key), kpi.ByNone, m.Aims, r)
}

// aimed is a figure of the whole month with its target.
type aimed struct {
	Figure figure
	V      value
	Target reading
}

// Targets are the figures that have one, with what became of it.
func (m monthly) Targets() (out []aimed) {
	for _, f := range m.List {
		if t := m.Target(f, -1); t.Text != "" && t.Reached != "" {
			out = append(out, aimed{f, f.of(m.Whole), t})
		}
	}
	return out
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
