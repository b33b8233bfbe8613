package dashboard

import (
	"context"
	"errors"
	"math"
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

// together are the figures of each store over the same store-local days, and of
// all of them.
type together struct {
	rows  []kpi.Row // by the stores' names
	whole kpi.Row
	own   []uint64 // the position each row is true for
	at    uint64   // the lowest of these: nothing recorded up to it is missing
}

// groupRows reads a question about all stores and answers it.
func (d *dashboard) groupRows(r *http.Request, q *query) (g together, err error) {
	q.store = d.Office.Stores()[0]
	if err := d.ask(r, q); err != nil {
		return g, err
	}
	return d.together(r.Context(), *q, q.span)
}

// together asks each store for the days of a span. As of a position all rows are
// true for it; of the present each for its own.
func (d *dashboard) together(ctx context.Context, q query, sp span) (g together, err error) {
	var all []kpi.Dated
	p := kpi.Period{Calendar: q.store.Calendar, From: sp.From, To: sp.To, Now: sp.Now}
	from, to := q.store.Calendar.Day(sp.From), q.store.Calendar.Day(sp.To)
	g.at = math.MaxUint64
	for _, s := range d.Office.Stores() {
		own := query{store: s}
		if err := own.period(from, to, "", sp.Now); err != nil {
			return g, err
		}
		own.span.Now, own.span.Stated, own.span.AsOf = sp.Now, sp.Stated, sp.AsOf
		asked, err := d.question(ctx, own.span, kpi.ByNone)
		if err != nil {
			return g, err
		}
		days, a, err := d.Data.Days(ctx, s.Name, asked)
		if err != nil {
			return g, err
		}
		if asked.AsOf == nil {
			a.Rows = kpi.Rows(kpi.ByNone, days, kpi.Period{Calendar: s.Calendar, From: asked.From, To: asked.To, Now: a.Now, Bays: s.Bays})
		} else if a, err = d.Data.Figures(ctx, s.Name, asked); err != nil { // by the store's opening hours of then
			return g, err
		}
		row := a.Rows[0]
		row.Key = s.Name
		g.rows, g.own, g.at = append(g.rows, row), append(g.own, a.AsOf), min(g.at, a.AsOf)
		all, p.Now = append(all, days...), a.Now
	}
	g.whole = kpi.Rows(kpi.ByNone, all, p)[0]
	g.apart()
	return g, nil
}

// apart makes those figures of the whole from the rows whose days do not add up
// over stores, because bays and people of two stores may have the same ids: each
// store's bays, advisers and technicians are its own.
func (g *together) apart() {
	w := &g.whole
	w.Bays, w.Productivity = nil, nil
	seats, known := 0, true // days that advisers could have received cars on
	w.Receptions.Advisers = 0
	for _, r := range g.rows {
		if r.Bays != nil {
			if w.Bays == nil {
				w.Bays = &kpi.BayUse{}
			}
			w.Bays.Bays += r.Bays.Bays
			w.Bays.Running, w.Bays.Occupied = times(w.Bays.Running, r.Bays.Running), times(w.Bays.Occupied, r.Bays.Occupied)
			w.Bays.Within.Running, w.Bays.Within.Occupied = times(w.Bays.Within.Running, r.Bays.Within.Running), times(w.Bays.Within.Occupied, r.Bays.Within.Occupied)
		}
		if r.Productivity != nil {
			if w.Productivity == nil {
				w.Productivity = &kpi.TimeRatio{}
			}
			*w.Productivity = times(*w.Productivity, *r.Productivity)
		}
		w.Receptions.Advisers += r.Receptions.Advisers
		seats += r.Receptions.Advisers * r.Receptions.WorkingDays
		known = known && (r.Receptions.Advisers == 0 || r.WorkingDays.Unknown == 0)
	}
	w.Receptions.Rate = nil
	if seats > 0 && known {
		rate := float64(w.Receptions.CategoryCounts) / float64(seats)
		w.Receptions.Rate = &rate
	}
}

// times adds ratios of times up.
func times(a, b kpi.TimeRatio) kpi.TimeRatio {
	out := kpi.TimeRatio{NumeratorMS: a.NumeratorMS + b.NumeratorMS, DenominatorMS: a.DenominatorMS + b.DenominatorMS}
	if out.DenominatorMS > 0 {
		rate := float64(out.NumeratorMS) / float64(out.DenominatorMS)
		out.Rate = &rate
	}
	return out
}

// groupFigures are the pages of figures with a row for each store.
func (d *dashboard) groupFigures(w http.ResponseWriter, r *http.Request, one *figure) error {
	f := newFigures(d.groupPage(r), one)
	f.Bys = []kpi.By{byStore}
	var q query
	g, err := d.groupRows(r, &q)
	if wrong := (*problem)(nil); errors.As(err, &wrong) {
		return d.wrongPeriod(w, r, f, wrong)
	}
	if err != nil {
		return err
	}
	q.by = byStore
	f.take(r, q)
	f.Rows, f.Whole, f.AsOf = g.rows, g.whole, d.stamp(g.at)
	before, compared, err := q.earlier(r)
	if wrong := (*problem)(nil); errors.As(err, &wrong) {
		return d.wrongPeriod(w, r, f, wrong)
	}
	if err != nil {
		return err
	}
	if f.Compared = compared; compared {
		f.earlier(q, before)
		earlier, err := d.together(r.Context(), q, before)
		if err != nil {
			return err
		}
		f.RowsBefore, f.Before = earlier.rows, earlier.whole
	}
	if f.AimsOf, err = d.everyAims(r.Context(), g.own); err != nil {
		return err
	}
	f.draw()
	f.Caveats = []caveat{{f.T("office.caveat.group"), ""}}
	if len(begun(q.store.Calendar, []kpi.Row{g.whole}, f.From, q.span.Now)) == 0 {
		f.Bad = f.T("office.err.ahead", f.From)
	}
	d.render(w, http.StatusOK, f.template(), f)
	return nil
}
