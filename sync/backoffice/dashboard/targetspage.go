package dashboard

import (
	"net/http"
	"strconv"
	"strings"

	"baylight/sync/backoffice/kpi"
)

// targetsPage is what a store wants to reach and what 绩效得分 is made of, as of the
// present setup, and where that is changed.
type targetsPage struct {
	page
	Targets  []targetShown
	Criteria []criterionShown
	Bands    string
	Week     []weekday // Monday first
	Years    string    // for which public holidays are known; "" if the store goes by none
	AsOf     string
}

// weekday is a day of the week with its usual opening hours.
type weekday struct{ Day, Hours string }

// targetShown is a figure that a target can be set for.
type targetShown struct {
	Name   string // as the configuration names it
	Figure figure
	Text   string // "≥ 95%"; "" if none is set
}

// criterionShown is a term of 绩效得分.
type criterionShown struct {
	planned
	Aimed string
}

// targetsPage answers GET /kpi/targets.
func (d *dashboard) targetsPage(w http.ResponseWriter, r *http.Request) error {
	p, err := d.page(r)
	if err != nil {
		return err
	}
	p.Title = p.T("office.targets.page")
	at, err := d.Office.Ledger().Position(r.Context())
	if err != nil {
		return err
	}
	setup, err := d.setup(r.Context(), p.Store, at)
	if err != nil {
		return err
	}
	v := targetsPage{page: p, AsOf: d.stamp(at), Bands: bandText(bandsOf(setup))}
	set := aimsOf(setup.Targets)
	for _, m := range kpi.Measures() {
		f, known := figureOf(m.Figure)
		if !known || !m.Aim() {
			continue
		}
		one := targetShown{Name: m.Name, Figure: f}
		if a, ok := set[m.Figure]; ok {
			one.Text = a.Text(p.Lang)
		}
		v.Targets = append(v.Targets, one)
	}
	for _, plan := range plansOf(setup) {
		m, _ := kpi.MeasureOf(plan.Measure) // it was checked
		f, _ := figureOf(m.Figure)
		one := planned{plan, f, m.Unit}
		v.Criteria = append(v.Criteria, criterionShown{one, appraisal{page: p}.Aimed(one)})
	}
	v.Week, v.Years = v.hours()
	d.render(w, http.StatusOK, "targets.html", v)
	return nil
}

// hours are the usual opening hours, Monday first, and the years whose public
// holidays are known.
func (v targetsPage) hours() (week []weekday, years string) {
	cal := v.Store.Calendar
	for i := range cal.Week {
		day := (i + 1) % 7
		h, text := cal.Week[day], v.T("office.closed")
		if h.Close > h.Open {
			text = clockOf(int(h.Open.Minutes())) + "–" + clockOf(int(h.Close.Minutes()))
		}
		week = append(week, weekday{v.T("office.weekday." + strconv.Itoa(day)), text})
	}
	var known []string
	for _, y := range cal.Years {
		known = append(known, strconv.Itoa(y))
	}
	return week, strings.Join(known, v.T("office.comma"))
}

// clockOf is a time of day from its minutes.
func clockOf(minutes int) string {
	two := func(n int) string { return strconv.Itoa(n/10) + strconv.Itoa(n%10) }
	return two(minutes/60) + ":" + two(minutes%60)
}

// FigureLink leads to the page of a figure.
func (v targetsPage) FigureLink(f figure) string { return v.Link("/kpi/" + f.Key) }

// Scores says whether whoever looks may see what scores are made of.
func (v targetsPage) Scores() bool { return v.Shows(string(SeeScores)) }
