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

// store is the store a request asks for: the only one if it names none.
func (d *dashboard) store(r *http.Request) (backoffice.Store, error) {
	stores := d.Office.Stores()
	name := r.URL.Query().Get("store")
	if name == "" && len(stores) == 1 {
		return stores[0], nil
	}
	var names []string
	for _, s := range stores {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	if name == "" {
		return backoffice.Store{}, fault(http.StatusBadRequest, "store", "store is missing; it is one of "+strings.Join(names, ", "))
	}
	return backoffice.Store{}, fault(http.StatusNotFound, "store", fmt.Sprintf("store %.40q is not one of %s", name, strings.Join(names, ", ")))
}

// query is what a question about figures says.
type query struct {
	store   backoffice.Store
	in      kpi.Input
	by      kpi.By
	at      uint64 // position the visits are true for
	fromDay string
	toDay   string
}

// query reads store, from, to, by, definition, as_of and now, and folds the visits.
func (d *dashboard) query(r *http.Request) (q query, err error) {
	if q.store, err = d.store(r); err != nil {
		return q, err
	}
	v := r.URL.Query()
	if def := v.Get("definition"); def != "" && def != kpi.Definition {
		return q, fault(http.StatusBadRequest, "definition", fmt.Sprintf("definition %.40q is not known; it is %s", def, kpi.Definition))
	}
	if q.by, err = kpi.ParseBy(v.Get("by")); err != nil {
		return q, bad("by", err)
	}
	q.in = kpi.Input{Calendar: q.store.Calendar, Now: d.Office.Now()}
	if s := v.Get("now"); s != "" {
		if q.in.Now, err = time.Parse(time.RFC3339, s); err != nil {
			return q, bad("now", fmt.Errorf("now %.40q is not a time such as 2026-11-30T18:00:00+08:00", s))
		}
	}
	if err := q.period(v.Get("from"), v.Get("to"), d.Office.Now()); err != nil {
		return q, err
	}
	q.in.Visits, q.at, err = d.visits(r.Context(), q.store.Name, v.Get("as_of"))
	return q, err
}

// period reads store-local days; without them it is today.
func (q *query) period(from, to string, now time.Time) (err error) {
	cal := q.store.Calendar
	if q.in.From, err = day(cal, from, cal.Midnight(now)); err != nil {
		return bad("from", err)
	}
	if q.in.To, err = day(cal, to, next(cal, q.in.From)); err != nil {
		return bad("to", err)
	}
	q.fromDay, q.toDay = cal.Day(q.in.From), cal.Day(q.in.To)
	if !q.in.From.Before(q.in.To) {
		return fault(http.StatusBadRequest, "to", fmt.Sprintf("to %s is not after from %s; the period runs from from up to, not including, to", q.toDay, q.fromDay))
	}
	if q.in.To.Sub(q.in.From) > maxDays*24*time.Hour {
		return fault(http.StatusBadRequest, "to", fmt.Sprintf("the period has more than %d days", maxDays))
	}
	return nil
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

// visits folds a store, as of a position if one is named.
func (d *dashboard) visits(ctx context.Context, store, asOf string) ([]*kiosk.Visit, uint64, error) {
	if asOf == "" {
		return d.Office.Visits(ctx, store)
	}
	at, err := d.asOf(ctx, asOf)
	if err != nil {
		return nil, 0, err
	}
	vs, err := d.Office.VisitsAt(ctx, store, at)
	return vs, at, err
}

// asOf reads "<ledger>-N".
func (d *dashboard) asOf(ctx context.Context, s string) (uint64, error) {
	i := strings.LastIndexByte(s, '-')
	if i < 0 {
		return 0, bad("as_of", fmt.Errorf("as_of %.80q is not <ledger>-<position>", s))
	}
	at, err := strconv.ParseUint(s[i+1:], 10, 63)
	if err != nil {
		return 0, bad("as_of", fmt.Errorf("as_of %.80q does not end in a position", s))
	}
	if id := d.Office.Ledger().ID(); s[:i] != id {
		return 0, fault(http.StatusNotFound, "as_of", fmt.Sprintf("as_of names ledger %.60q; this one is %s", s[:i], id))
	}
	head, err := d.Office.Ledger().Position(ctx)
	if err != nil {
		return 0, err
	}
	if at > head {
		return 0, fault(http.StatusNotFound, "as_of", fmt.Sprintf("as_of names position %d; the ledger ends at %d", at, head))
	}
	return at, nil
}

// stamp names a position as as_of takes it.
func (d *dashboard) stamp(at uint64) string { return fmt.Sprintf("%s-%d", d.Office.Ledger().ID(), at) }

// find is a visit by its id or by its order's.
func (d *dashboard) find(ctx context.Context, store, id string) (*kiosk.Visit, error) {
	vs, _, err := d.Office.Visits(ctx, store)
	if err != nil {
		return nil, err
	}
	for _, v := range vs {
		if v.ID == id || v.Order != nil && v.Order.ID == id {
			return v, nil
		}
	}
	return nil, fault(http.StatusNotFound, "id", fmt.Sprintf("no order or visit %.60q in store %s", id, store))
}

// count reads a number that must not be negative.
func count(r *http.Request, name string, otherwise, most uint64) (uint64, error) {
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
