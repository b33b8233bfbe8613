package dashboard

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"baylight/kiosk/staff"
	"baylight/sync/backoffice/kpi"
	"baylight/sync/backoffice/roster"
)

// targetsPage is what a store wants to reach and what 绩效得分 is made of, as of the
// present setup; targets are changed here, the rest in the configuration.
type targetsPage struct {
	page
	Targets  []targetShown
	Criteria []criterionShown
	Bands    string
	Week     []weekday // Monday first
	Years    string    // for which public holidays are known; "" if the store goes by none
	AsOf     string

	Edit  bool // targets can be changed here, by who is signed in
	Bad   string
	Done  *targetShown // was just changed
	Draft targetDraft  // what a form said that was not possible
}

// targetDraft is a target as a form says it.
type targetDraft struct{ Name, Target, Reason string }

// weekday is a day of the week with its usual opening hours.
type weekday struct{ Day, Hours string }

// targetShown is a figure that a target can be set for.
type targetShown struct {
	Name   string // as the configuration names it
	Figure figure
	Text   string // "≥ 95%"; "" if none is set
	Value  string // the number in it
	Unit   kpi.Unit
	Most   bool
	High   int64          // the highest that is taken
	Here   *roster.Target // nil: as the configuration says
}

// criterionShown is a term of 绩效得分.
type criterionShown struct {
	planned
	Aimed string
}

// targetsPage answers GET /kpi/targets.
func (d *dashboard) targetsPage(w http.ResponseWriter, r *http.Request) error {
	v, err := d.targets(r)
	if err != nil {
		return err
	}
	d.render(w, http.StatusOK, "targets.html", v)
	return nil
}

// targets gathers what the page shows.
func (d *dashboard) targets(r *http.Request) (v targetsPage, err error) {
	p, err := d.page(r)
	if err != nil {
		return v, err
	}
	p.Title, p.Path = p.T("office.targets.page"), "/kpi/targets"
	at, err := d.Office.Ledger().Position(r.Context())
	if err != nil {
		return v, err
	}
	setup, err := d.setup(r.Context(), p.Store, at)
	if err != nil {
		return v, err
	}
	v = targetsPage{page: p, AsOf: d.stamp(at), Bands: bandText(bandsOf(setup))}
	here := map[string]*roster.Target{}
	if all := d.roster(p.Store.Name); all != nil {
		v.Edit = p.May(string(EditAims))
		for _, t := range all.Targets() {
			here[t.Name] = &t
		}
	}
	set := aimsOf(setup.Targets)
	for _, m := range kpi.Measures() {
		f, known := figureOf(m.Figure)
		if !known || !m.Aim() {
			continue
		}
		one := targetShown{Name: m.Name, Figure: f, Unit: m.Unit, Most: m.Most, High: m.Highest(), Here: here[m.Name]}
		if a, ok := set[m.Figure]; ok {
			one.Text, one.Value = a.Text(p.Lang), strconv.FormatInt(a.Target, 10)
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
	return v, nil
}

// changeTarget is POST /kpi/targets: one target is changed, set, or taken away.
func (d *dashboard) changeTarget(w http.ResponseWriter, r *http.Request) error {
	who, session, ok := d.session(r)
	if !ok {
		return fault(http.StatusUnauthorized, "", "sign in first").say("office.err.signin")
	}
	if err := staff.CheckOrigin(r); err != nil || !session.FormOK(r.PostFormValue("form")) {
		return fault(http.StatusForbidden, "form", "the form is not of this session").say("office.err.form")
	}
	if !EditAims.of(who) {
		return fault(http.StatusForbidden, "", who.ID+" may not change targets").say("office.err.right", roleNames(newPage(r, d.Office.Stores()[0]).Lang, rights()[EditAims]))
	}
	s, err := d.store(r)
	if err != nil {
		return err
	}
	all := d.roster(s.Name)
	if all == nil {
		return fault(http.StatusNotFound, "store", "targets cannot be changed here").say("office.err.no_roster")
	}
	draft := targetDraft{r.PostFormValue("name"), strings.TrimSpace(r.PostFormValue("target")), r.PostFormValue("reason")}
	err = draft.change(r.Context(), all, who.ID)
	wrong := (*roster.Wrong)(nil)
	if err != nil && !errors.As(err, &wrong) {
		return err
	}
	v, err := d.targets(r)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(v.Targets, func(t targetShown) bool { return t.Name == draft.Name })
	status := http.StatusOK
	switch {
	case wrong != nil:
		status, v.Draft, v.Bad = http.StatusBadRequest, draft, v.wrong(wrong, i)
	case i >= 0:
		v.Done = &v.Targets[i]
	}
	d.render(w, status, "targets.html", v)
	return nil
}

// change is what a form asks for; an empty target is none.
func (f targetDraft) change(ctx context.Context, all Roster, by string) error {
	t := roster.Target{Name: f.Name, Reason: f.Reason}
	if f.Target != "" {
		n, err := strconv.ParseInt(f.Target, 10, 64)
		if err != nil {
			return &roster.Wrong{Field: "target", Detail: fmt.Sprintf("target %.40q is not a whole number", f.Target)}
		}
		t.Target = &n
	}
	return all.ChangeTarget(ctx, by, t)
}

// wrong is what is wrong with the target of row i, in words.
func (v targetsPage) wrong(w *roster.Wrong, i int) string {
	switch {
	case w.Field == "reason":
		return v.T("office.err.target.reason")
	case i < 0:
		return v.T("office.err.target.name")
	}
	return v.T("office.err.target", v.T("kpi."+v.Targets[i].Figure.Key), v.Targets[i].High)
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
