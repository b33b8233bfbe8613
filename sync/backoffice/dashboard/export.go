package dashboard

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"time"

	"baylight/kiosk/words"
	"baylight/sync/backoffice/audit"
	"baylight/sync/backoffice/kpi"
	"baylight/sync/backoffice/report"
)

// exportFigures is GET /export/figures.csv and .xlsx: what a page of figures shows.
func (d *dashboard) exportFigures(w http.ResponseWriter, r *http.Request) error {
	var q query
	p, err := d.exportPage(r)
	if err != nil {
		return err
	}
	about := report.About{Store: p.Store.Title, Lang: p.Lang}
	var rows []kpi.Row
	if p.Group {
		g, err := d.groupRows(r, &q)
		if err != nil {
			return err
		}
		g.whole.Key = p.T("office.whole")
		rows = begun(q.store.Calendar, append(g.rows, g.whole), q.fromDay, q.span.Now)
		q.by, about.Store, about.AsOf = byStore, p.T("office.all_stores"), d.stamp(g.at)
	} else {
		if q, err = d.query(r); err != nil {
			return err
		}
		a, err := d.rows(r.Context(), q.store, q.span, q.by)
		if err != nil {
			return err
		}
		setup, err := d.setup(r.Context(), q.store, a.AsOf)
		if err != nil {
			return err
		}
		rows, about.AsOf, about.Targets = begun(q.store.Calendar, a.Rows, q.rowsFrom(), a.Now), d.stamp(a.AsOf), setup.Targets
	}
	about.From, about.To, about.By = q.fromDay, q.toDay, q.by
	return d.export(w, r, p, "figures", q, report.Figures(rows, about))
}

// exportOrders is GET /export/orders.csv and .xlsx: the orders behind a number.
func (d *dashboard) exportOrders(w http.ResponseWriter, r *http.Request) error {
	p, err := d.page(r)
	if err != nil {
		return err
	}
	q, dr, err := d.drilled(r)
	if err != nil {
		return err
	}
	cases, at, err := d.cases(r.Context(), q.store, q.span, dr)
	if err != nil {
		return err
	}
	b := behind{page: p, Drill: dr}
	return d.export(w, r, p, "orders", q, b.table(cases, q, d.stamp(at)))
}

// exportPage is the page of an export of one store or of all.
func (d *dashboard) exportPage(r *http.Request) (page, error) {
	if d.group(r) {
		return d.groupPage(r), nil
	}
	return d.page(r)
}

// export writes a table as the file that the path asks for, and keeps who took it.
func (d *dashboard) export(w http.ResponseWriter, r *http.Request, p page, what string, q query, t report.Table) error {
	var b bytes.Buffer
	kind, write := report.CSVType, t.CSV
	ending := "csv"
	if strings.HasSuffix(r.URL.Path, ".xlsx") {
		kind, write, ending = report.XLSXType, t.XLSX, "xlsx"
	}
	if err := write(&b); err != nil {
		return fmt.Errorf("export %s: %w", what, err)
	}
	store := p.Store.Name
	if p.Group {
		store = "all"
	}
	// The names of stores are letters, digits and hyphens (wire.CheckName), days are days.
	name := fmt.Sprintf("baylight-%s-%s-%s-%s.%s", what, store, q.fromDay, q.lastDay(), ending)
	d.note(r, audit.Exported, d.reader(r), p.Store.Name, name)
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	_, _ = w.Write(b.Bytes()) // the reader may have gone
	return nil
}

// table is the list of orders as people take it away.
func (b behind) table(cases []Case, q query, asOf string) report.Table {
	say := func(k words.Key, args ...string) string { return words.Text(b.Lang, k, args...) }
	t := report.Table{Title: b.What(), Notes: []string{say("report.about", b.Store.Title, q.fromDay, q.toDay), say("report.basis", kpi.Definition, asOf)}}
	for _, c := range []struct{ key, title string }{{"ticket", "office.ticket"}, {"order", "office.order_no"}, {"visit", "office.visit_id"}, {"adviser", "office.adviser"},
		{"categories", "office.categories"}, {"checked_in", "office.checked_in"}, {"signed", "office.signed"}, {"first_promise", "office.first_promise"},
		{"last_promise", "office.last_promise"}, {"passed", "office.passed"}, {"delivered", "office.delivered"}, {"flags", "office.flags"}} {
		t.Columns = append(t.Columns, report.Column{Key: c.key, Title: b.T(c.title), Kind: report.Text})
	}
	at := func(t time.Time) report.Cell {
		if t.IsZero() {
			return nil
		}
		return b.Stamp(t)
	}
	for _, c := range cases {
		var flags []string
		for _, f := range c.Flags {
			flags = append(flags, b.T("flag."+string(f)))
		}
		t.Rows = append(t.Rows, []report.Cell{c.Ticket, c.Order, c.Visit, c.Adviser, b.Categories(c.Categories), at(c.Arrived), at(c.Signed), at(c.First), at(c.Last),
			at(c.Passed), at(c.Handed), strings.Join(flags, b.T("office.comma"))})
	}
	return t
}
