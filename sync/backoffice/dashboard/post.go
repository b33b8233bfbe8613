package dashboard

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/staff"
	"baylight/sync/backoffice"
)

// maxReason bounds what a person may say as a reason.
const maxReason = 200

// recordable are the events that people may record here, and who.
func recordable() map[kiosk.Type][]staff.Role {
	over := []staff.Role{staff.Supervisor, staff.Manager}
	desk := []staff.Role{staff.Adviser, staff.Manager}
	return map[kiosk.Type][]staff.Role{
		"rework.confirmed": over, "proposal.declined": over, "event.voided": over, "event.amended": over, "job.finished": over,
		"attendance.recorded": over, "promise.revised": desk, "order.cancelled": desk, "visit.closed": desk,
	}
}

// postEvent records one event: {"type":"job.finished","by":"s01","data":{…}}.
// by is needed with the token only; who is signed in speaks for themselves.
func (d *dashboard) postEvent(w http.ResponseWriter, r *http.Request) error {
	s, err := d.store(r)
	if err != nil {
		return err
	}
	var body struct {
		Type kiosk.Type      `json:"type"`
		By   string          `json:"by"`
		Data json.RawMessage `json:"data"`
	}
	if err := strict(r, &body); err != nil {
		return err
	}
	person, err := d.author(r, s, body.By)
	if err != nil {
		return err
	}
	roles, ok := recordable()[body.Type]
	if !ok {
		return fault(http.StatusBadRequest, "type", fmt.Sprintf("type %.60q cannot be recorded here; it is one of %v", body.Type, sortedTypes()))
	}
	if !person.Has(roles...) {
		return fault(http.StatusForbidden, "by", fmt.Sprintf("%s may not record %s; it takes one of %v", person.ID, body.Type, roles))
	}
	p := kiosk.NewPayload(body.Type)
	if err := decodeStrict(body.Data, p); err != nil {
		return bad("data", err)
	}
	if err := d.sound(r.Context(), s, p); err != nil {
		return err
	}
	p.Common().By = person.ID
	e, err := d.Office.Record(r.Context(), s.Name, p)
	if err != nil {
		return err
	}
	return answer(w, http.StatusCreated, map[string]any{"id": e.ID(), "source": e.Source, "type": e.Type(), "by": person.ID, "time": stampTime(s, e.Time())})
}

func sortedTypes() (out []kiosk.Type) {
	for t := range recordable() {
		out = append(out, t)
	}
	slices.Sort(out)
	return out
}

// author is the person who answers for what is recorded.
func (d *dashboard) author(r *http.Request, s backoffice.Store, by string) (staff.Person, error) {
	if p, ok := d.who(r); ok {
		if err := staff.CheckOrigin(r); err != nil {
			return p, fault(http.StatusForbidden, "Origin", err.Error())
		}
		if by != "" && by != p.ID {
			return p, fault(http.StatusForbidden, "by", fmt.Sprintf("%s is signed in and cannot record as %.40q", p.ID, by))
		}
		return p, nil
	}
	if !d.tokenOK(r) {
		return staff.Person{}, fault(http.StatusUnauthorized, "Authorization", "sign in, or bring the token: Authorization: Bearer …")
	}
	p, ok := s.Staff.Person(by)
	if !ok {
		return p, fault(http.StatusBadRequest, "by", fmt.Sprintf("by %.40q is nobody of store %s", by, s.Name))
	}
	return p, nil
}

func strict(r *http.Request, v any) error {
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return bad("body", fmt.Errorf("read body: %w", err))
	}
	if dec.More() {
		return fault(http.StatusBadRequest, "body", "read body: something follows the object")
	}
	return nil
}

func decodeStrict(b []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return fmt.Errorf("read data: %w", err)
	}
	return nil
}

// sound checks that an event makes sense before it is recorded for good.
func (d *dashboard) sound(ctx context.Context, s backoffice.Store, p kiosk.Payload) error {
	m := p.Common()
	switch {
	case m.Scan != nil || m.Cause != "" || len(m.Flags) > 0 || m.PersonDigest != "" || m.By != "":
		return fault(http.StatusBadRequest, "data", "scan, cause, flags, persondigest and by are not for people to state")
	case len(m.Reason) > maxReason:
		return fault(http.StatusBadRequest, "data.reason", fmt.Sprintf("reason has %d bytes, at most %d are allowed", len(m.Reason), maxReason))
	case m.At != nil && m.At.After(d.Office.Now()):
		return fault(http.StatusBadRequest, "data.at", fmt.Sprintf("at %s has not come yet", stampTime(s, *m.At)))
	}
	switch p := p.(type) {
	case *kiosk.Voided:
		return d.correctable(ctx, s, p, m.Reason, nil)
	case *kiosk.Amended:
		return d.correctable(ctx, s, p, m.Reason, p.Fields)
	case *kiosk.AttendanceRecorded:
		return attendance(s, p)
	}
	v, err := d.visit(ctx, s, kiosk.VisitOf(p), "data.visit")
	if err != nil {
		return err
	}
	switch p := p.(type) {
	case *kiosk.Finished:
		return finishable(v, p)
	case *kiosk.ReworkConfirmed:
		return d.repeats(ctx, s, p)
	case *kiosk.ProposalDeclined:
		if !slices.Contains(kiosk.Proposals(), p.Proposal) || m.Reason == "" {
			return fault(http.StatusBadRequest, "data.proposal", fmt.Sprintf("proposal %.40q is one of %v; why it is declined needs a reason", p.Proposal, kiosk.Proposals()))
		}
	case *kiosk.PromiseRevised:
		return revisable(v, p)
	case *kiosk.OrderCancelled:
		if !v.Order.InForce() || m.Reason == "" {
			return fault(http.StatusConflict, "data", "an order in force and a reason are needed to cancel one")
		}
	case *kiosk.Closed:
		if !v.Open() || !slices.Contains(kiosk.Outcomes(), p.Outcome) {
			return fault(http.StatusConflict, "data.outcome", fmt.Sprintf("visit %s is open: %v; outcome %.40q is one of %v", v.ID, v.Open(), p.Outcome, kiosk.Outcomes()))
		}
	}
	return nil
}

func (d *dashboard) visit(ctx context.Context, s backoffice.Store, id, where string) (*kiosk.Visit, error) {
	vs, _, err := d.Office.Visits(ctx, s.Name)
	if err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(vs, func(v *kiosk.Visit) bool { return v.ID == id }); i >= 0 {
		return vs[i], nil
	}
	return nil, fault(http.StatusBadRequest, where, fmt.Sprintf("visit %.40q is not known in store %s", id, s.Name))
}

// correctable checks that the event is there, and that the fields fit it.
func (d *dashboard) correctable(ctx context.Context, s backoffice.Store, p kiosk.Payload, reason string, fields json.RawMessage) error {
	id := kiosk.Corrects(p)
	if reason == "" {
		return fault(http.StatusBadRequest, "data.reason", "a correction needs its reason")
	}
	row, found, err := d.Office.Ledger().Event(ctx, s.Name, id)
	if err != nil {
		return err
	}
	if !found {
		return fault(http.StatusBadRequest, "data.event", fmt.Sprintf("event %.80q is not known in store %s", id, s.Name))
	}
	if pinned := kiosk.Pinned(p); pinned != "" && pinned != kiosk.HashOf(row.Bytes).String() {
		return fault(http.StatusConflict, "data.event_hash", fmt.Sprintf("event %.80q has the hash %s", id, kiosk.HashOf(row.Bytes)))
	}
	e, err := kiosk.Decode(row.Bytes)
	if err != nil {
		return err
	}
	if _, void := e.Data.(*kiosk.Voided); void {
		return fault(http.StatusConflict, "data.event", "a void cannot be corrected; record again what was voided")
	}
	if fields == nil {
		return nil
	}
	if amended := kiosk.Amend(e.Data, fields); amended == nil {
		return fault(http.StatusBadRequest, "data.fields", fmt.Sprintf("the fields do not fit %s, or name another visit", e.Type()))
	} else if at := amended.Common().At; at != nil && at.After(d.Office.Now()) {
		return fault(http.StatusBadRequest, "data.fields.at", fmt.Sprintf("at %s has not come yet", stampTime(s, *at)))
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
func finishable(v *kiosk.Visit, p *kiosk.Finished) error {
	if p.At == nil || p.Reason == "" {
		return fault(http.StatusBadRequest, "data.at", "a finish stated later needs its time (at) and a reason")
	}
	for _, w := range v.Works {
		if w.Technician == p.Technician && w.Item == p.Item && w.Finished.IsZero() {
			if p.At.Before(w.Last().From) {
				return fault(http.StatusConflict, "data.at", fmt.Sprintf("the job went on until %s at least", w.Last().From.Format(time.RFC3339)))
			}
			return nil
		}
	}
	return fault(http.StatusConflict, "data", fmt.Sprintf("visit %s has no unfinished job of technician %.40q on item %d", v.ID, p.Technician, p.Item))
}

func (d *dashboard) repeats(ctx context.Context, s backoffice.Store, p *kiosk.ReworkConfirmed) error {
	if p.Earlier == p.Visit || len(p.Items) == 0 {
		return fault(http.StatusBadRequest, "data.earlier", "a rework names another, earlier visit and the items that are done again")
	}
	_, err := d.visit(ctx, s, p.Earlier, "data.earlier")
	return err
}

func revisable(v *kiosk.Visit, p *kiosk.PromiseRevised) error {
	if !slices.Contains(kiosk.RevisionReasons(), p.Reason) {
		return fault(http.StatusBadRequest, "data.reason", fmt.Sprintf("reason %.40q is not one of %v", p.Reason, kiosk.RevisionReasons()))
	}
	if !v.Order.InForce() || p.Promise.IsZero() {
		return fault(http.StatusConflict, "data.promise", fmt.Sprintf("visit %s needs an order in force, and a promise to revise to", v.ID))
	}
	return nil
}
