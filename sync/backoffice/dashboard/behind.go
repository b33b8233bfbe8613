package dashboard

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"baylight/sync/backoffice"
	"baylight/sync/backoffice/kpi"
)

// maxListed bounds a list of orders on a page; the export has all.
const maxListed = 500

// behind is the list of orders behind a number.
type behind struct {
	page
	From, To, Until string
	Drill           drill
	Cases           []Case
	All             int // how many there are; a page shows maxListed at most
	AsOf, Asked     string
	Query, NotFound string
	Export          string
	ExportXLSX      string
	Back            string
}

// drilled reads which number the orders are asked for.
func (d *dashboard) drilled(r *http.Request) (q query, dr drill, err error) {
	s, err := d.store(r)
	if err != nil {
		return q, dr, err
	}
	return d.drilledIn(r, s)
}

// drilledIn is drilled for a store.
func (d *dashboard) drilledIn(r *http.Request, s backoffice.Store) (q query, dr drill, err error) {
	q.store = s
	if err := d.ask(r, &q); err != nil {
		return q, dr, err
	}
	v := r.URL.Query()
	dr = drill{Figure: cmp.Or(v.Get("kpi"), "orders"), Value: v.Get("value"), By: q.by, Key: v.Get("key"), Keyed: v.Has("key"), DueNow: v.Get("due") == "now"}
	if dr.Variant, err = kpi.ParseVariant(v.Get("variant")); err != nil {
		return q, dr, bad("variant", err).say("office.err.drill")
	}
	return q, dr, nil
}

func (d *dashboard) ordersPage(w http.ResponseWriter, r *http.Request) error {
	p, err := d.page(r)
	if err != nil {
		return err
	}
	b := behind{page: p}
	b.Title = p.T("office.orders")
	if b.Query = strings.TrimSpace(r.URL.Query().Get("q")); b.Query != "" {
		v, err := d.find(r.Context(), p.Store, b.Query)
		if err == nil {
			http.Redirect(w, r, p.Order(v.ID), http.StatusSeeOther)
			return nil
		}
		b.NotFound = clip(b.Query)
	}
	q, dr, err := d.drilled(r)
	if err != nil {
		return err
	}
	cases, at, err := d.cases(r.Context(), q.store, q.span, dr)
	if err != nil {
		return err
	}
	b.From, b.To, b.Until, b.Drill, b.All, b.AsOf, b.Asked = q.fromDay, q.toDay, q.lastDay(), dr, len(cases), d.stamp(at), q.span.AsOf
	b.Cases = cases[:min(len(cases), maxListed)]
	pairs := r.URL.Query()
	pairs.Del("q")
	b.Export, b.ExportXLSX = "/export/orders.csv?"+pairs.Encode(), "/export/orders.xlsx?"+pairs.Encode()
	b.Back = b.Link("/kpi/"+d.figureKey(dr.Figure), "from", b.From, "to", b.To, "by", string(dr.By), "as_of", b.Asked)
	if by := string(dr.By); by == "none" || by == "" {
		b.Back = b.Link("/kpi/"+d.figureKey(dr.Figure), "from", b.From, "to", b.To, "as_of", b.Asked)
	}
	d.render(w, http.StatusOK, "orders.html", b)
	return nil
}

// figureKey is the figure whose page explains a drill.
func (*dashboard) figureKey(drill string) string {
	for _, f := range figureList() {
		if f.Key == drill || f.Drill == drill {
			return f.Key
		}
	}
	switch drill {
	case "complete", "incomplete", "flags":
		return "data_quality"
	case "stages":
		return "turnaround"
	}
	return "orders"
}

// What is what the list is about, in words.
func (b behind) What() string {
	parts := []string{b.T(string(kpi.Word(b.Drill.Figure)))}
	if v := b.Drill.Value; v != "" {
		text := v
		for _, room := range []string{"kpi.value.", "category.", "stage.", "flag."} {
			if t := b.T(room + v); t != room+v {
				text = t
				break
			}
		}
		if h, ok := hourOf(v); ok {
			text = hourText(h)
		}
		parts = append(parts, text)
	}
	if b.Drill.Keyed && b.Drill.By != kpi.ByNone && b.Drill.By != kpi.ByDay {
		parts = append(parts, b.T("office.by."+string(b.Drill.By))+" "+b.page.Key(b.Drill.By, b.Drill.Key))
	}
	return strings.Join(parts, " · ")
}

// Reading is the reading of the on-time rate that the list follows, in words.
func (b behind) Reading() string {
	if b.Drill.Figure != "on_time" {
		return ""
	}
	v := b.Drill.Variant
	return fmt.Sprintf("%s · %s · %s · %s", b.T("kpi.variant."+v.Promise), b.T("kpi.variant."+v.Moment), b.T("kpi.variant."+v.Population), b.T("kpi.variant."+v.Tie))
}

// Judged says how a case stands to its first promise: late, on_time or open.
func (b behind) Judged(c Case) string {
	switch {
	case c.First.IsZero():
		return ""
	case c.Passed.IsZero() && b.Now.Before(c.First):
		return "open"
	case !c.Passed.IsZero() && c.Passed.Truncate(60e9).Before(c.First.Truncate(60e9)):
		return "on_time"
	}
	return "late"
}

// pathOf is the path of a visit's page without its query.
func pathOf(visit string) string { return "/orders/" + url.PathEscape(visit) }
