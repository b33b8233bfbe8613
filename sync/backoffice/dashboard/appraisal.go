package dashboard

import (
	"context"
	"fmt"
	"net/http"
	"strconv"

	"baylight/kiosk/words"
	"baylight/sync/backoffice/kpi"
	"baylight/sync/backoffice/report"
	"baylight/sync/wire"
)

// appraisal is 绩效得分 of a month: a row for each person, a column for each
// criterion. K, the base pay, is nothing that is kept here.
type appraisal struct {
	page
	monthOf
	monthly *figurePage // for links down
	By      kpi.By
	Plans   []planned
	People  []scored
	AsOf    string
	Asked   string
	Any     bool // the store has criteria, of another role perhaps
}

// planned is a criterion with its figure.
type planned struct {
	kpi.Plan
	Figure figure
	Unit   kpi.Unit
}

// scored is a person's row.
type scored struct {
	Row   kpi.Row
	Score string // "—" if a term cannot be measured
	Terms []term
}

// term is one criterion of one person as it is shown.
type term struct {
	Actual, Points, Share string
	Link                  string
	Has                   bool
}

// scores is what an appraisal is asked for.
type scores struct {
	q     query
	plans []kpi.Plan
	rows  []kpi.Row
	all   []kpi.Appraisal
	at    uint64
	any   bool
}

// appraise answers a request about 绩效得分: the store, month, by, as_of.
func (d *dashboard) appraise(r *http.Request) (a scores, err error) {
	s, err := d.store(r)
	if err != nil {
		return a, err
	}
	if a.q, err = monthAsked(r, s, d.Office.Now()); err != nil {
		return a, err
	}
	switch by := kpi.By(r.URL.Query().Get("by")); by {
	case "", kpi.ByAdviser:
		a.q.by = kpi.ByAdviser
	case kpi.ByTechnician:
		a.q.by = by
	default:
		return a, fault(http.StatusBadRequest, "by", fmt.Sprintf("by %.40q is not adviser or technician", by)).say("office.err.by", clip(string(by)))
	}
	return a, d.score(r.Context(), &a)
}

// score reckons by the plans that were in force at the position of the figures.
func (d *dashboard) score(ctx context.Context, a *scores) error {
	answer, err := d.rows(ctx, a.q.store, a.q.span, a.q.by)
	if err != nil {
		return err
	}
	setup, err := d.setup(ctx, a.q.store, answer.AsOf)
	if err != nil {
		return err
	}
	a.rows, a.at, a.any = answer.Rows, answer.AsOf, len(setup.Appraisal) > 0
	for _, p := range plansOf(setup) {
		if p.By == a.q.by {
			a.plans = append(a.plans, p)
		}
	}
	a.all, err = kpi.Appraise(a.plans, a.q.by, a.rows)
	return err
}

// plansOf are the criteria of a setup; what this version does not know is left
// out, as are all if their weights do not add up without it.
func plansOf(s wire.Setup) (out []kpi.Plan) {
	for _, c := range s.Appraisal {
		out = append(out, kpi.Plan{By: kpi.By(c.For), Measure: c.Figure, Kind: kpi.Kind(c.Kind), Plan: c.Plan, Weight: c.Weight, Cap: c.Cap})
	}
	if kpi.CheckPlans(out) != nil {
		return nil
	}
	return out
}

func (d *dashboard) appraisalPage(w http.ResponseWriter, r *http.Request) error {
	p, err := d.page(r)
	if err != nil {
		return err
	}
	s, err := d.appraise(r)
	if err != nil {
		return err
	}
	a := appraisal{page: p, monthOf: s.q.month(), By: s.q.by, AsOf: d.stamp(s.at), Asked: s.q.span.AsOf, Any: s.any}
	a.Title = a.T("kpi.score") + " " + a.Month
	down := figurePage{page: p, From: s.q.fromDay, To: s.q.toDay, By: s.q.by, Asked: a.Asked}
	a.monthly = &down
	for _, plan := range s.plans {
		m, _ := kpi.MeasureOf(plan.Measure) // it was checked
		f, _ := figureOf(m.Figure)
		a.Plans = append(a.Plans, planned{plan, f, m.Unit})
	}
	rows := map[string]kpi.Row{}
	for _, row := range s.rows {
		rows[row.Key] = row
	}
	for _, one := range s.all {
		a.People = append(a.People, a.person(one, rows[one.Key]))
	}
	d.render(w, http.StatusOK, "appraisal.html", a)
	return nil
}

func (a appraisal) person(one kpi.Appraisal, row kpi.Row) scored {
	out := scored{Row: row, Score: points(one.Score)}
	for i, t := range one.Terms {
		shown := term{Points: points(t.Points), Share: points(t.Share), Actual: "—", Has: t.Actual != nil}
		if t.Actual != nil {
			shown.Actual = a.Amount(a.Plans[i].Unit, *t.Actual)
			shown.Link = a.monthly.drillTo(a.Plans[i].Figure.Drill, "", "", &row)
		}
		out.Terms = append(out.Terms, shown)
	}
	return out
}

// points shows points with one digit; "—" if there are none.
func points(n *float64) string {
	if n == nil {
		return "—"
	}
	return strconv.FormatFloat(*n, 'f', 1, 64)
}

// Amount is a number of a measure with its unit.
func (p page) Amount(u kpi.Unit, n float64) string {
	switch u {
	case kpi.Percent:
		return strconv.FormatFloat(n, 'f', 1, 64) + "%"
	case kpi.WholeMinutes:
		return p.T("office.n_minutes", strconv.FormatFloat(n, 'f', 0, 64))
	case kpi.Count:
		return strconv.FormatFloat(n, 'f', 0, 64)
	}
	return strconv.FormatFloat(n, 'f', 1, 64)
}

// Aimed is the plan of a criterion with its unit.
func (a appraisal) Aimed(p planned) string {
	if p.Unit == kpi.Percent {
		return strconv.FormatInt(p.Plan.Plan, 10) + "%"
	}
	return a.Amount(p.Unit, float64(p.Plan.Plan))
}

// FigureLink leads to the page of a criterion's figure, over the same month.
func (a appraisal) FigureLink(p planned) string { return a.monthly.FigureLink(p.Figure) }

// MonthLink is this page for another month.
func (a appraisal) MonthLink(month string) string {
	return a.Link("/kpi/appraisal", "month", month, "by", string(a.By))
}

// ByLink is this page for the other role.
func (a appraisal) ByLink(by string) string {
	return a.Link("/kpi/appraisal", "month", a.Month, "by", by, "as_of", a.Asked)
}

// ExportLink is a file of what the page shows.
func (a appraisal) ExportLink(kind string) string {
	return a.Link("/export/appraisal."+kind, "month", a.Month, "by", string(a.By), "as_of", a.Asked)
}

// appraisalAnswer is GET /api/v1/appraisal.
type appraisalAnswer struct {
	Definition string          `json:"definition"`
	Store      string          `json:"store"`
	From       string          `json:"from"`
	To         string          `json:"to"`
	By         kpi.By          `json:"by"`
	AsOf       string          `json:"as_of"`
	Formula    string          `json:"formula"`
	Criteria   []kpi.Plan      `json:"criteria"`
	People     []kpi.Appraisal `json:"people"`
}

func (d *dashboard) apiAppraisal(w http.ResponseWriter, r *http.Request) error {
	s, err := d.appraise(r)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, appraisalAnswer{kpi.Definition, s.q.store.Name, s.q.fromDay, s.q.toDay, s.q.by, d.stamp(s.at),
		words.Text(words.EN, "kpi.score.def"), append([]kpi.Plan{}, s.plans...), append([]kpi.Appraisal{}, s.all...)})
}

// exportAppraisal is GET /export/appraisal.csv and .xlsx: every term with what it
// comes from.
func (d *dashboard) exportAppraisal(w http.ResponseWriter, r *http.Request) error {
	p, err := d.page(r)
	if err != nil {
		return err
	}
	s, err := d.appraise(r)
	if err != nil {
		return err
	}
	t := report.Table{Title: p.T("kpi.score"), Notes: []string{p.T("report.about", s.q.store.Title, s.q.fromDay, s.q.toDay), p.T("report.basis", kpi.Definition, d.stamp(s.at)), p.T("kpi.score.def")}}
	t.Columns = []report.Column{{Key: "id", Title: p.T("office.staff_id"), Kind: report.Text}, {Key: "name", Title: p.T("office.name"), Kind: report.Text}, {Key: "score", Title: p.T("kpi.score"), Kind: report.Number}}
	for _, plan := range s.plans {
		m, _ := kpi.MeasureOf(plan.Measure) // it was checked
		name := p.T("kpi." + m.Figure)
		for _, c := range []string{"actual", "plan", "points", "weight", "share"} {
			t.Columns = append(t.Columns, report.Column{Key: plan.Measure + "_" + c, Title: name + " " + p.T("office.score."+c), Kind: report.Number})
		}
	}
	number := func(n *float64) report.Cell {
		if n == nil {
			return nil
		}
		return *n
	}
	for _, one := range s.all {
		row := []report.Cell{one.Key, p.Name(one.Key), number(one.Score)}
		for i, term := range one.Terms {
			row = append(row, number(term.Actual), float64(s.plans[i].Plan), number(term.Points), float64(s.plans[i].Weight)/100, number(term.Share))
		}
		t.Rows = append(t.Rows, row)
	}
	return d.export(w, r, p, "appraisal", s.q, t)
}
