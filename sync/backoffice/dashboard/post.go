package dashboard

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"baylight/kiosk"
	"baylight/kiosk/staff"
	"baylight/kiosk/words"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/audit"
)

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
	if err := d.mayRecord(person, body.Type); err != nil {
		return err
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
	if _, signedIn := d.who(r); !signedIn {
		d.note(r, audit.Recorded, person.ID, s.Name, string(e.Type())+" "+e.ID())
	}
	return answer(w, http.StatusCreated, map[string]any{"id": e.ID(), "source": e.Source, "type": e.Type(), "by": person.ID, "time": stampTime(s, e.Time())})
}

// mayRecord says whether a person may record events of a type here.
func (d *dashboard) mayRecord(p staff.Person, t kiosk.Type) error {
	right, ok := recordable()[t]
	if !ok {
		return fault(http.StatusBadRequest, "type", fmt.Sprintf("type %.60q cannot be recorded here; it is one of %v", t, sortedTypes()))
	}
	if !right.of(p) {
		return fault(http.StatusForbidden, "by", fmt.Sprintf("%s may not record %s; it takes one of %v", p.ID, t, rights()[right])).
			say("office.err.right", roleNames(words.ZH, rights()[right]))
	}
	return nil
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
