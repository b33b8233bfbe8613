package dashboard

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/kpi"
	"baylight/sync/wire"
)

// reworks is the page of 返修: what is proposed, what was confirmed, and whom it is
// charged to.
type reworks struct {
	figurePage
	Proposed []proposal
	List     []reworkShown
	People   []chargedRow
	Teams    []chargedRow
	Nobody   int // that nobody can be charged with
	Bands    []int64
}

// reworkShown is a confirmed rework as a line of the list.
type reworkShown struct {
	kpi.Reworked
	Ticket, Was string // of the visit that came back, and of the earlier one
	Signed      time.Time
	Ended       time.Time // the earlier visit
	By          string
	At          time.Time
}

// chargedRow is a technician or a team with what is charged.
type chargedRow struct {
	Row    kpi.Row
	V      value
	Link   string // the reworks
	Worked string // the orders
	Band   int    // how many bounds are exceeded
	Above  int64  // the highest of them, per cent
	Target reading
}

// defaultBands are the handbook's: 班组…不得大于3%, 3–5%, >5%, >10%.
func defaultBands() []int64 { return []int64{3, 5, 10} }

// bandsOf are the bands of a setup.
func bandsOf(s wire.Setup) []int64 {
	if len(s.ReworkBands) > 0 {
		return s.ReworkBands
	}
	return defaultBands()
}

func (d *dashboard) reworksPage(w http.ResponseWriter, r *http.Request) error {
	p, err := d.page(r)
	if err != nil {
		return err
	}
	v := reworks{figurePage: newFigures(p, nil)}
	v.Title = v.T("office.reworks")
	q, err := d.query(r)
	var wrong *problem
	if errors.As(err, &wrong) && wrong.Parameter != "store" && wrong.Parameter != "as_of" {
		v.Bad = wrong.message.In(v.Lang)
		v.From, v.Until = clip(r.URL.Query().Get("from")), clip(r.URL.Query().Get("until"))
		d.render(w, wrong.Status, "reworks.html", v)
		return nil
	}
	if err != nil {
		return err
	}
	if r.URL.Query().Get("from") == "" { // reworks are too few for one day
		month, err := monthAsked(r, p.Store, p.Now)
		if err != nil {
			return err
		}
		month.span.AsOf, q = q.span.AsOf, month
	}
	q.by = kpi.ByTechnician
	if err := d.fillReworks(r, &v, q); err != nil {
		return err
	}
	d.render(w, http.StatusOK, "reworks.html", v)
	return nil
}

func (d *dashboard) fillReworks(r *http.Request, v *reworks, q query) error {
	ctx := r.Context()
	v.take(r, q)
	whole, err := d.rows(ctx, q.store, q.span, kpi.ByNone)
	if err != nil {
		return err
	}
	v.Whole, v.AsOf = whole.Rows[0], d.stamp(whole.AsOf)
	then := q.span
	then.AsOf = v.AsOf
	question, err := d.question(ctx, then, kpi.ByNone)
	if err != nil {
		return err
	}
	setup, err := d.setup(ctx, q.store, whole.AsOf)
	if err != nil {
		return err
	}
	v.Aims, v.Bands = aimsOf(setup.Targets), bandsOf(setup)
	all, _, err := d.Data.Reworked(ctx, q.store.Name, question)
	if err != nil {
		return err
	}
	for _, one := range all {
		v.List = append(v.List, reworkOf(q.store, one))
		v.Nobody += b2i(len(one.Did) == 0)
	}
	for _, g := range []struct {
		by  kpi.By
		out *[]chargedRow
	}{{kpi.ByTechnician, &v.People}, {kpi.ByTeam, &v.Teams}} {
		a, err := d.rowsAt(ctx, q.store, q.span, g.by, whole.AsOf)
		if err != nil {
			return err
		}
		v.By = g.by
		for _, row := range a.Rows {
			*g.out = append(*g.out, v.charged(row))
		}
	}
	v.By = kpi.ByTechnician
	slices.SortStableFunc(v.List, func(a, b reworkShown) int { return b.Signed.Compare(a.Signed) })
	proposed, err := d.proposals(ctx, q.store, v.Now)
	v.Proposed = slices.DeleteFunc(proposed, func(p proposal) bool { return p.Kind != kiosk.ProposedRework })
	return err
}

func reworkOf(s backoffice.Store, r kpi.Reworked) reworkShown {
	at := func(i kpi.Instant) time.Time { return i.In(s.Calendar.Zone) }
	out := reworkShown{Reworked: r, Ticket: r.Rework.Ticket, Was: r.Earlier, Signed: at(r.Rework.Signed), By: r.Rework.Rework.By, At: at(r.Rework.Rework.At)}
	if r.Before != nil {
		out.Ended = at(r.Before.Ended)
		if r.Before.Ticket != "" {
			out.Was = r.Before.Ticket
		}
	}
	return out
}

// charged is a row by v.By.
func (v reworks) charged(row kpi.Row) chargedRow {
	f, _ := figureOf("rework_charged")
	orders, _ := figureOf("orders")
	c := chargedRow{Row: row, V: f.of(row), Link: v.drillTo(f.Drill, "", "", &row), Worked: v.drillTo(orders.Drill, "", "", &row), Target: v.reading(f, v.By, v.Aims, row)}
	if row.Charged == nil || row.Charged.Rate == nil {
		return c
	}
	var bounds kpi.Bands
	for _, b := range v.Bands {
		bounds = append(bounds, float64(b)/100)
	}
	if c.Band = bounds.Of(*row.Charged.Rate); c.Band > 0 {
		c.Above = v.Bands[c.Band-1]
	}
	return c
}

// Someone says whether there are teams at all.
func (v reworks) Someone() bool {
	return slices.ContainsFunc(v.Teams, func(c chargedRow) bool { return c.Row.Key != "" })
}

// BandText is the bounds in words.
func (v reworks) BandText() string { return bandText(v.Bands) }

func bandText(bands []int64) string {
	text := ""
	for i, b := range bands {
		if i > 0 {
			text += " / "
		}
		text += strconv.FormatInt(b, 10) + "%"
	}
	return text
}

// ItemsOf are the codes of a rework.
func (v reworks) ItemsOf(r reworkShown) string {
	text := ""
	for i, code := range r.Items {
		if i > 0 {
			text += v.T("office.comma")
		}
		text += code
	}
	return text
}
