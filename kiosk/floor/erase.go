package floor

import (
	"encoding/json"
	"fmt"

	"baylight/kiosk"
)

// Covers says whether the person part of an event is to be erased: visit is that
// it belongs to, "" if none, id the event's own ([kiosk.Eraser]).
type Covers func(visit, id string) bool

// Erase forgets person parts: the state is then what the same events make of it
// once their parts are erased. Nothing else changes.
func (s *State) Erase(covers Covers) {
	forget := func(n *entry) {
		if n != nil && n.event.Person != nil && covers(n.visit, n.id) {
			n.event.Person = nil
		}
	}
	for _, n := range s.byID {
		forget(n)
	}
	for _, n := range s.log {
		forget(n)
	}
	for _, n := range s.causes {
		forget(n)
	}
	for _, h := range s.heard {
		forget(h.entry)
	}
	for _, m := range s.segment {
		forget(m.entry)
	}
	for _, r := range s.order {
		for _, n := range r.entries {
			forget(n)
		}
		if covers(r.id, "") {
			r.plate, r.vin = "", ""
		}
	}
}

// EraseSnapshot is a snapshot as Erase would have left its state; changed is false
// if there was nothing to erase. It needs no settings: also a snapshot that was
// made with others is erased. One of another format is an error: nobody can use
// it, so it can go.
func EraseSnapshot(b []byte, covers Covers) (out []byte, changed bool, err error) {
	var in saved
	if err := json.Unmarshal(b, &in); err != nil {
		return nil, false, fmt.Errorf("erase in a snapshot: %w", err)
	}
	if in.Format != format {
		return nil, false, fmt.Errorf("erase in a snapshot: it has format %d, this program's is %d", in.Format, format)
	}
	for i := range in.Events {
		e := &in.Events[i]
		if len(e.Person) > 0 && covers(e.Visit, kiosk.EventID(e.Epoch, e.Seq)) {
			e.Person, changed = nil, true
		}
	}
	for i := range in.Visits {
		v := &in.Visits[i]
		if v.Plate+v.VIN != "" && covers(v.ID, "") {
			v.Plate, v.VIN, changed = "", "", true
		}
	}
	if !changed {
		return b, false, nil
	}
	if out, err = json.Marshal(in); err != nil {
		return nil, false, fmt.Errorf("erase in a snapshot: %w", err)
	}
	return out, true, nil
}
