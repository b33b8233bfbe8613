package dashboard

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/audit"
)

// auditLog is the page that says who did what: the office's own events, from the
// ledger, and what is no event, from the audit log.
type auditLog struct {
	page
	Lines  []auditLine
	Before uint64 // sequence that the next page begins before; 0: there is none
	Kind   string // events, doors or "" for both
	Kept   bool   // sign-ins are kept
}

// auditLine is one thing that somebody did.
type auditLine struct {
	At     time.Time
	Who    string
	What   string // in words
	Visit  string
	Ticket string
	Event  string
	Detail string
	From   string
}

const auditShown = 100

func (d *dashboard) auditPage(w http.ResponseWriter, r *http.Request) error {
	p, err := d.page(r)
	if err != nil {
		return err
	}
	before, err := countParam(r, "before", 0, 1<<62)
	if err != nil {
		return err
	}
	p.Title = p.T("office.audit")
	a := auditLog{page: p, Kept: d.Audit != nil}
	events, first, err := d.ownEvents(r.Context(), p.Store, before, auditShown)
	if err != nil {
		return err
	}
	oldest := time.Time{}
	for _, e := range events {
		a.Lines = append(a.Lines, a.line(e))
		oldest = e.Recorded()
	}
	if len(events) == auditShown {
		a.Before = first
	} else {
		oldest = time.Time{}
	}
	doors, err := d.doors(p.Store.Name, oldest, before == 0)
	if err != nil {
		return err
	}
	for _, e := range doors {
		a.Lines = append(a.Lines, auditLine{At: e.At, Who: e.Who, What: p.T("audit." + e.What), Detail: e.Detail, From: e.From})
	}
	var visits []string
	for _, l := range a.Lines {
		visits = append(visits, l.Visit)
	}
	tickets := map[string]string{}
	if err := d.tickets(r.Context(), p.Store, tickets, visits); err != nil {
		return err
	}
	for i := range a.Lines {
		a.Lines[i].Ticket = tickets[a.Lines[i].Visit]
	}
	slices.SortStableFunc(a.Lines, func(x, y auditLine) int { return y.At.Compare(x.At) })
	d.render(w, http.StatusOK, "audit.html", a)
	return nil
}

// doors are the latest entries that are no events; on later pages of the office's
// events there are none.
func (d *dashboard) doors(store string, since time.Time, first bool) ([]audit.Entry, error) {
	if d.Audit == nil || !first {
		return nil, nil
	}
	return d.Audit.Latest(auditShown, func(e audit.Entry) bool {
		return (e.Store == "" || e.Store == store) && e.What != audit.Recorded && !e.At.Before(since)
	})
}

func (a auditLog) line(e kiosk.Event) auditLine {
	m := e.Data.Common()
	l := auditLine{At: e.Recorded(), Who: m.By, What: a.Event(e.Type()), Visit: kiosk.VisitOf(e.Data), Event: e.ID(), Detail: clip(m.Reason)}
	if of := kiosk.Corrects(e.Data); of != "" {
		l.Detail = cmp.Or(l.Detail, of)
	}
	if key := "revision." + m.Reason; e.Type() == "promise.revised" && a.T(key) != key {
		l.Detail = a.T(key)
	}
	return l
}

// ownEvents are the events that the office itself recorded in a store, newest
// first, before a sequence (0: the newest); first is the sequence of the last of
// them. They are found by their places in the office's chain.
func (d *dashboard) ownEvents(ctx context.Context, s backoffice.Store, before uint64, limit int) (out []kiosk.Event, first uint64, err error) {
	ledger := d.Office.Ledger()
	epochs, err := ledger.Epochs(ctx, kiosk.OfficeSource(s.Name))
	if err != nil {
		return nil, 0, fmt.Errorf("read the office's chain: %w", err)
	}
	for _, ep := range slices.Backward(epochs) {
		from := ep.Through
		if before > 0 {
			from = min(from, before-1)
		}
		for seq := from; seq > 0 && len(out) < limit; seq-- {
			row, found, err := ledger.Event(ctx, s.Name, kiosk.EventID(ep.Epoch, seq))
			if err != nil {
				return nil, 0, fmt.Errorf("read the office's chain: %w", err)
			}
			if !found {
				continue
			}
			e, err := kiosk.Decode(row.Bytes)
			if err != nil {
				return nil, 0, fmt.Errorf("read event at position %d: %w", row.Position, err)
			}
			e.When = row.When
			out, first = append(out, e), seq
		}
		before = 0
	}
	return out, first, nil
}

// Author is who did something: a person's name, or what came without a person.
func (a auditLog) Author(who string) string {
	switch who {
	case "this machine":
		return a.T("office.audit.here")
	case "token":
		return a.T("office.audit.token")
	}
	return a.Name(who)
}

// BeforeLink leads to the events before these.
func (a auditLog) BeforeLink() string {
	return a.Link("/audit", "before", strconv.FormatUint(a.Before, 10))
}
