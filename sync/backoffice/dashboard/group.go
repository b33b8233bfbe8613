package dashboard

import (
	"errors"
	"net/http"

	"baylight/sync/backoffice"
	"baylight/sync/backoffice/kpi"
)

// The pages of all stores together: headquarters' view.

// groupToday is today, a line for each store.
type groupToday struct {
	page
	Lines []storeToday
	Sum   storeToday
}

// storeToday is today of one store.
type storeToday struct {
	Name, Title         string
	Row                 kpi.Row
	Due                 kpi.Ratio
	InHouse, Late, Risk int
	Lost                int // boards whose connection is lost
	Boards              int
	AsOf                string
}

func (d *dashboard) groupToday(w http.ResponseWriter, r *http.Request) error {
	g := groupToday{page: d.groupPage(r)}
	g.Title = g.T("office.live")
	for _, s := range g.Stores {
		line, err := d.storeToday(r, s)
		if err != nil {
			return err
		}
		g.Lines = append(g.Lines, line)
		g.Sum.add(line)
	}
	name := "grouplive.html"
	if r.URL.Query().Get("part") == "live" {
		name = "grouplive"
	}
	d.render(w, http.StatusOK, name, g)
	return nil
}

func (d *dashboard) groupPage(r *http.Request) page {
	p := d.plain(r)
	p.Group = true
	return p
}

func (d *dashboard) storeToday(r *http.Request, s backoffice.Store) (line storeToday, err error) {
	now := d.Office.Now()
	line = storeToday{Name: s.Name, Title: s.Title}
	var at uint64
	if line.Row, line.Due, at, err = d.glance(r, s, now); err != nil {
		return line, err
	}
	line.AsOf = d.stamp(at)
	open, _, err := d.open(r.Context(), s)
	if err != nil {
		return line, err
	}
	chances, err := d.chances(r.Context(), s, open, now)
	if err != nil {
		return line, err
	}
	for _, v := range open {
		if !v.Known() {
			continue
		}
		line.InHouse++
		line.Late += b2i(late(v, now))
		line.Risk += b2i(!late(v, now) && chances[v.ID].Risky)
	}
	ks, err := d.Office.Kiosks(s.Name)
	for _, k := range ks {
		line.Boards++
		line.Lost += b2i(k.Conn.State != "ready")
	}
	return line, err
}

// add counts a store into the sum. Counts and shares add up; vehicles may be the
// same car in two stores, which each store's own key does not tell.
func (s *storeToday) add(line storeToday) {
	s.InHouse += line.InHouse
	s.Late += line.Late
	s.Risk += line.Risk
	s.Lost += line.Lost
	s.Boards += line.Boards
	s.Row.Arrivals += line.Row.Arrivals
	s.Row.Orders += line.Row.Orders
	s.Row.CategoryCounts += line.Row.CategoryCounts
	s.Row.OnTime.Ratio = added(s.Row.OnTime.Ratio, line.Row.OnTime.Ratio)
	s.Due = added(s.Due, line.Due)
}

func added(a, b kpi.Ratio) kpi.Ratio {
	out := kpi.Ratio{Numerator: a.Numerator + b.Numerator, Denominator: a.Denominator + b.Denominator}
	if out.Denominator > 0 {
		rate := float64(out.Numerator) / float64(out.Denominator)
		out.Rate = &rate
	}
	return out
}

// BehindDue leads to a store's orders whose promise has come today.
func (g groupToday) BehindDue(store, value string) string {
	v := kpi.Headline()
	v.Population = kpi.Due
	return g.LinkTo(store, "/orders", "kpi", "on_time", "value", value, "variant", v.String(), "due", "now")
}

// Behind leads to a store's orders behind one of today's numbers.
func (g groupToday) Behind(store, figure, value string) string {
	return g.LinkTo(store, "/orders", "kpi", figure, "value", value)
}

// groupRows are the figures of each store over the same store-local days, and of
// all together.
func (d *dashboard) groupRows(r *http.Request, q *query) (rows []kpi.Row, sum kpi.Row, err error) {
	stores := d.Office.Stores()
	q.store = stores[0]
	if err := d.ask(r, q); err != nil {
		return nil, sum, err
	}
	rows, err = d.storeRows(r, *q, q.span)
	if err != nil {
		return nil, sum, err
	}
	sum, err = d.sum(r.Context(), stores, *q, q.span)
	return rows, sum, err
}

// storeRows are the rows of each store over the days of a span.
func (d *dashboard) storeRows(r *http.Request, q query, sp span) (rows []kpi.Row, err error) {
	from, to := q.store.Calendar.Day(sp.From), q.store.Calendar.Day(sp.To)
	for _, s := range d.Office.Stores() {
		own := query{store: s}
		if err := own.period(from, to, "", sp.Now); err != nil {
			return nil, err
		}
		own.span.Now = sp.Now
		a, err := d.rows(r.Context(), s, own.span, kpi.ByNone)
		if err != nil {
			return nil, err
		}
		row := a.Rows[0]
		row.Key = s.Name
		rows = append(rows, row)
	}
	return rows, nil
}

// groupFigures are the pages of figures with a row for each store.
func (d *dashboard) groupFigures(w http.ResponseWriter, r *http.Request, one *figure) error {
	f := newFigures(d.groupPage(r), one)
	f.Bys = []kpi.By{byStore}
	var q query
	rows, sum, err := d.groupRows(r, &q)
	if wrong := (*problem)(nil); errors.As(err, &wrong) {
		return d.wrongPeriod(w, r, f, wrong)
	}
	if err != nil {
		return err
	}
	if q.span.AsOf != "" {
		return fault(http.StatusBadRequest, "as_of", "as_of asks for one store").say("office.err.as_of_group")
	}
	q.by = byStore
	f.take(r, q)
	f.Rows, f.Whole = rows, sum
	before, compared, err := q.earlier(r)
	if wrong := (*problem)(nil); errors.As(err, &wrong) {
		return d.wrongPeriod(w, r, f, wrong)
	}
	if err != nil {
		return err
	}
	if f.Compared = compared; compared {
		f.earlier(q, before)
		if f.RowsBefore, err = d.storeRows(r, q, before); err != nil {
			return err
		}
		if f.Before, err = d.sum(r.Context(), d.Office.Stores(), q, before); err != nil {
			return err
		}
	}
	if f.AimsOf, err = d.everyAims(r.Context()); err != nil {
		return err
	}
	f.draw()
	f.Caveats = []caveat{{f.T("office.caveat.group"), ""}}
	if len(begun(q.store.Calendar, []kpi.Row{sum}, f.From, q.span.Now)) == 0 {
		f.Bad = f.T("office.err.ahead", f.From)
	}
	d.render(w, http.StatusOK, f.template(), f)
	return nil
}
