package dashboard

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/kpi"
)

// allStores is what store= says for the group.
const allStores = "*"

// byStore makes a row for each store; pages of the group use it.
const byStore kpi.By = "store"

// store is the store a request asks for: the only one if it names none.
func (d *dashboard) store(r *http.Request) (backoffice.Store, error) {
	stores := d.Office.Stores()
	name := r.URL.Query().Get("store") // a body is not read for it: it may be no form, whatever it says it is
	if (name == "" || name == allStores) && len(stores) == 1 {
		return stores[0], nil
	}
	var names []string
	for _, s := range stores {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	if name == "" || name == allStores {
		return backoffice.Store{}, fault(http.StatusBadRequest, "store", "store is missing; it is one of "+strings.Join(names, ", ")).say("office.err.store")
	}
	return backoffice.Store{}, fault(http.StatusNotFound, "store", fmt.Sprintf("store %.40q is not one of %s", name, strings.Join(names, ", "))).say("office.err.store")
}

// group says whether a request asks for all stores together: it says so, or
// there are several and a page that has a view of all names none.
func (d *dashboard) group(r *http.Request) bool {
	name, several := r.URL.Query().Get("store"), len(d.Office.Stores()) > 1
	if api(r) { // a script that asks for all gets the same kind of answer, however many there are
		return name == allStores
	}
	return several && (name == allStores || name == "")
}

// query is what a question about figures says.
type query struct {
	store   backoffice.Store
	span    span
	by      kpi.By
	fromDay string
	toDay   string
}

// query reads store, from, to, by, definition, as_of and now.
func (d *dashboard) query(r *http.Request) (q query, err error) {
	if q.store, err = d.store(r); err != nil {
		return q, err
	}
	return q, d.ask(r, &q)
}

// ask reads the rest of a question about a store's figures.
func (d *dashboard) ask(r *http.Request, q *query) (err error) {
	v := r.URL.Query()
	if def := v.Get("definition"); def != "" && def != kpi.Definition {
		return fault(http.StatusBadRequest, "definition", fmt.Sprintf("definition %.40q is not known; it is %s", def, kpi.Definition))
	}
	if q.by, err = parseBy(v.Get("by")); err != nil {
		return bad("by", err).say("office.err.by", clip(v.Get("by")))
	}
	q.span = span{Now: d.Office.Now(), AsOf: v.Get("as_of")}
	if s := v.Get("now"); s != "" {
		q.span.Stated = true
		if q.span.Now, err = time.Parse(time.RFC3339, s); err != nil {
			return bad("now", fmt.Errorf("now %.40q is not a time such as 2026-11-30T18:00:00+08:00", s))
		}
	}
	if q.span.AsOf != "" {
		if _, err := d.asOf(r.Context(), q.span.AsOf); err != nil {
			return err
		}
	}
	return q.period(v.Get("from"), v.Get("to"), v.Get("until"), d.Office.Now())
}

// parseBy is kpi.ParseBy, and kpi.ByTeam, of which the dashboard alone knows.
func parseBy(s string) (kpi.By, error) {
	if kpi.By(s) == kpi.ByTeam {
		return kpi.ByTeam, nil
	}
	by, err := kpi.ParseBy(s)
	if err != nil {
		err = fmt.Errorf("%w, or team", err)
	}
	return by, err
}

// period reads store-local days; without them it is today. until is the last
// day, for forms that people fill in.
func (q *query) period(from, to, until string, now time.Time) (err error) {
	cal := q.store.Calendar
	if q.span.From, err = day(cal, from, cal.Midnight(now)); err != nil {
		return bad("from", err).say("office.err.day", clip(from))
	}
	if q.span.To, err = day(cal, to, next(cal, q.span.From)); err != nil {
		return bad("to", err).say("office.err.day", clip(to))
	}
	if until != "" {
		last, err := day(cal, until, q.span.From)
		if err != nil {
			return bad("until", err).say("office.err.day", clip(until))
		}
		q.span.To = next(cal, last)
	}
	q.fromDay, q.toDay = cal.Day(q.span.From), cal.Day(q.span.To)
	if !q.span.From.Before(q.span.To) {
		return fault(http.StatusBadRequest, "to", fmt.Sprintf("to %s is not after from %s; the period runs from from up to, not including, to", q.toDay, q.fromDay)).
			say("office.err.period", q.fromDay, q.lastDay())
	}
	if q.span.To.Sub(q.span.From) > maxDays*24*time.Hour {
		return fault(http.StatusBadRequest, "to", fmt.Sprintf("the period has more than %d days", maxDays)).say("office.err.long", strconv.Itoa(maxDays))
	}
	return nil
}

// lastDay is the last day of the period.
func (q *query) lastDay() string {
	return q.store.Calendar.Day(q.span.To.Add(-12 * time.Hour))
}

// rowsFrom is the first day of each row; "" of rows by day, whose keys say it.
func (q *query) rowsFrom() string {
	if q.by == kpi.ByDay {
		return ""
	}
	return q.fromDay
}

// days is how many store-local days the period has.
func (q *query) days() int {
	n := 0
	for t := q.span.From; t.Before(q.span.To); t = next(q.store.Calendar, t) {
		n++
	}
	return n
}

// next is the midnight after the day of t.
func next(cal kiosk.Calendar, t time.Time) time.Time {
	return cal.Midnight(cal.Midnight(t).Add(36 * time.Hour))
}

func day(cal kiosk.Calendar, s string, otherwise time.Time) (time.Time, error) {
	if s == "" {
		return otherwise, nil
	}
	t, err := time.ParseInLocation(time.DateOnly, s, cal.Zone)
	if err != nil {
		return t, fmt.Errorf("%.40q is not a day of the calendar such as 2026-11-30", s)
	}
	return t, nil
}

// asOf reads "<ledger>-N".
func (d *dashboard) asOf(ctx context.Context, s string) (uint64, error) {
	wrong := func(status int, format string, args ...any) error {
		return fault(status, "as_of", fmt.Sprintf(format, args...)).say("office.err.as_of")
	}
	i := strings.LastIndexByte(s, '-')
	if i < 0 {
		return 0, wrong(http.StatusBadRequest, "as_of %.80q is not <ledger>-<position>", s)
	}
	at, err := strconv.ParseUint(s[i+1:], 10, 63)
	if err != nil {
		return 0, wrong(http.StatusBadRequest, "as_of %.80q does not end in a position", s)
	}
	if id := d.Office.Ledger().ID(); s[:i] != id {
		return 0, wrong(http.StatusNotFound, "as_of names ledger %.60q; this one is %s", s[:i], id)
	}
	head, err := d.Office.Ledger().Position(ctx)
	if err != nil {
		return 0, err
	}
	if at > head {
		return 0, wrong(http.StatusNotFound, "as_of names position %d; the ledger ends at %d", at, head)
	}
	return at, nil
}

// stamp names a position as as_of takes it.
func (d *dashboard) stamp(at uint64) string { return fmt.Sprintf("%s-%d", d.Office.Ledger().ID(), at) }

// countParam reads a number that must not be negative.
func countParam(r *http.Request, name string, otherwise, most uint64) (uint64, error) {
	s := r.URL.Query().Get(name)
	if s == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseUint(s, 10, 63)
	if err != nil || n > most {
		return 0, bad(name, fmt.Errorf("%s %.40q is not a number from 0 to %d", name, s, most))
	}
	return n, nil
}
