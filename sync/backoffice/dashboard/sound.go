package dashboard

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
)

// maxReason bounds what a person may say as a reason, in bytes.
const maxReason = 200

// sound checks that an event makes sense before it is recorded for good.
func (d *dashboard) sound(ctx context.Context, s backoffice.Store, p kiosk.Payload) error {
	m := p.Common()
	switch {
	case m.Scan != nil || m.Cause != "" || len(m.Flags) > 0 || m.PersonDigest != "" || m.By != "":
		return fault(http.StatusBadRequest, "data", "scan, cause, flags, persondigest and by are not for people to state")
	case len(m.Reason) > maxReason:
		return fault(http.StatusBadRequest, "data.reason", fmt.Sprintf("reason has %d bytes, at most %d are allowed", len(m.Reason), maxReason)).
			say("office.err.long_reason", strconv.Itoa(maxReason/3))
	case m.At != nil && m.At.After(d.Office.Now()):
		return fault(http.StatusBadRequest, "data.at", fmt.Sprintf("at %s has not come yet", stampTime(s, *m.At))).say("office.err.future")
	}
	switch p := p.(type) {
	case *kiosk.Voided:
		return d.correctable(ctx, s, p, m.Reason, nil)
	case *kiosk.Amended:
		return d.correctable(ctx, s, p, m.Reason, p.Fields)
	case *kiosk.AttendanceRecorded:
		return attendance(s, p)
	}
	v, err := d.known(ctx, s, kiosk.VisitOf(p), "data.visit")
	if err != nil {
		return err
	}
	switch p := p.(type) {
	case *kiosk.Finished:
		return finishable(s, v, p)
	case *kiosk.ReworkConfirmed:
		return d.repeats(ctx, s, p)
	case *kiosk.ProposalDeclined:
		if !slices.Contains(kiosk.Proposals(), p.Proposal) || m.Reason == "" {
			return fault(http.StatusBadRequest, "data.proposal", fmt.Sprintf("proposal %.40q is one of %v; why it is declined needs a reason", p.Proposal, kiosk.Proposals())).say("office.err.no_reason")
		}
	case *kiosk.PromiseRevised:
		return revisable(v, p)
	case *kiosk.OrderCancelled:
		if !v.Order.InForce() || m.Reason == "" {
			return fault(http.StatusConflict, "data", "an order in force and a reason are needed to cancel one").say("office.err.cancel")
		}
	case *kiosk.Closed:
		if !v.Open() || !slices.Contains(kiosk.Outcomes(), p.Outcome) {
			return fault(http.StatusConflict, "data.outcome", fmt.Sprintf("visit %s is open: %v; outcome %.40q is one of %v", v.ID, v.Open(), p.Outcome, kiosk.Outcomes())).say("office.err.close")
		}
	}
	return nil
}

// known is a visit of the store by its id.
func (d *dashboard) known(ctx context.Context, s backoffice.Store, id, where string) (*kiosk.Visit, error) {
	v, err := d.visit(ctx, s, id)
	if err == nil && v == nil {
		err = fault(http.StatusBadRequest, where, fmt.Sprintf("visit %.40q is not known in store %s", id, s.Name)).say("office.err.no_order", clip(id))
	}
	return v, err
}

// correctable checks that the event is there, and that the fields fit it.
func (d *dashboard) correctable(ctx context.Context, s backoffice.Store, p kiosk.Payload, reason string, fields json.RawMessage) error {
	id := kiosk.Corrects(p)
	if reason == "" {
		return fault(http.StatusBadRequest, "data.reason", "a correction needs its reason").say("office.err.no_reason")
	}
	row, found, err := d.Office.Ledger().Event(ctx, s.Name, id)
	if err != nil {
		return err
	}
	if !found {
		return fault(http.StatusBadRequest, "data.event", fmt.Sprintf("event %.80q is not known in store %s", id, s.Name)).say("office.err.no_event")
	}
	if pinned := kiosk.Pinned(p); pinned != "" && pinned != kiosk.HashOf(row.Bytes).String() {
		return fault(http.StatusConflict, "data.event_hash", fmt.Sprintf("event %.80q has the hash %s", id, kiosk.HashOf(row.Bytes))).say("office.err.changed")
	}
	e, err := kiosk.Decode(row.Bytes)
	if err != nil {
		return err
	}
	if _, void := e.Data.(*kiosk.Voided); void {
		return fault(http.StatusConflict, "data.event", "a void cannot be corrected; record again what was voided").say("office.err.void_void")
	}
	if fields == nil {
		return nil
	}
	if amended := kiosk.Amend(e.Data, fields); amended == nil {
		return fault(http.StatusBadRequest, "data.fields", fmt.Sprintf("the fields do not fit %s, or name another visit", e.Type())).say("office.err.fields")
	} else if at := amended.Common().At; at != nil && at.After(d.Office.Now()) {
		return fault(http.StatusBadRequest, "data.fields.at", fmt.Sprintf("at %s has not come yet", stampTime(s, *at))).say("office.err.future")
	}
	return nil
}

func attendance(s backoffice.Store, p *kiosk.AttendanceRecorded) error {
	if _, ok := s.Staff.Person(p.Technician); !ok {
		return fault(http.StatusBadRequest, "data.technician", fmt.Sprintf("technician %.40q is nobody of store %s", p.Technician, s.Name))
	}
	if !p.From.Before(p.To) || p.To.Sub(p.From) > 24*time.Hour {
		return fault(http.StatusBadRequest, "data.to", "to must lie after from, by 24 hours at most")
	}
	return nil
}

// finishable checks a stated finish: a job of that technician without one, that
// began before.
func finishable(s backoffice.Store, v *kiosk.Visit, p *kiosk.Finished) error {
	if p.At == nil || p.Reason == "" {
		return fault(http.StatusBadRequest, "data.at", "a finish stated later needs its time (at) and a reason").say("office.err.finish")
	}
	for _, w := range v.Works {
		if w.Technician == p.Technician && w.Item == p.Item && w.Finished.IsZero() {
			if p.At.Before(w.Last().From) {
				return fault(http.StatusConflict, "data.at", fmt.Sprintf("the job went on until %s at least", w.Last().From.Format(time.RFC3339))).
					say("office.err.finish_early", w.Last().From.In(s.Calendar.Zone).Format("01-02 15:04"))
			}
			return nil
		}
	}
	return fault(http.StatusConflict, "data", fmt.Sprintf("visit %s has no unfinished job of technician %.40q on item %d", v.ID, p.Technician, p.Item)).say("office.err.finished")
}

func (d *dashboard) repeats(ctx context.Context, s backoffice.Store, p *kiosk.ReworkConfirmed) error {
	if p.Earlier == p.Visit || len(p.Items) == 0 {
		return fault(http.StatusBadRequest, "data.earlier", "a rework names another, earlier visit and the items that are done again").say("office.err.rework")
	}
	_, err := d.known(ctx, s, p.Earlier, "data.earlier")
	return err
}

func revisable(v *kiosk.Visit, p *kiosk.PromiseRevised) error {
	if !slices.Contains(kiosk.RevisionReasons(), p.Reason) {
		return fault(http.StatusBadRequest, "data.reason", fmt.Sprintf("reason %.40q is not one of %v", p.Reason, kiosk.RevisionReasons())).say("office.err.revision")
	}
	if !v.Order.InForce() || p.Promise.IsZero() {
		return fault(http.StatusConflict, "data.promise", fmt.Sprintf("visit %s needs an order in force, and a promise to revise to", v.ID)).say("office.err.promise")
	}
	return nil
}
