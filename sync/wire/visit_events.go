package wire

import (
	"encoding/json"
	"fmt"
	"time"

	"baylight/kiosk"
)

// Bounds of the events in a visit. A usual visit has 10 to 40.
const (
	MaxVisitEvents      = 600
	maxVisitEventsBytes = 128 << 10
)

// VisitEvent is one event that a visit's state was folded from, without what
// does not matter for that: the raw scan, the cause, the clock it was taken by.
// It tells a board exactly what others did, so that its own later events, an
// undo of an earlier one among them, fold with them as they will at the office.
type VisitEvent struct {
	Source    string          `json:"source"`
	ID        string          `json:"id"`            // <epoch>-<sequence>
	Was       string          `json:"was,omitempty"` // the id it was first recorded under
	Time      time.Time       `json:"time"`          // corrected; a stated time is in data.at
	Uncertain bool            `json:"uncertain,omitempty"`
	Type      kiosk.Type      `json:"type"`
	Data      json.RawMessage `json:"data"`
}

// SetEvents puts the events of the visit, corrected in time, into its state. If
// they are too many, it has none: a board then goes by the state and Seen.
func (v *Visit) SetEvents(events []kiosk.Event) error {
	v.Events = nil
	var out []VisitEvent
	size := 0
	for _, e := range events {
		if idle(e.Data) {
			continue
		}
		data, err := json.Marshal(e.Data)
		if err != nil {
			return fmt.Errorf("put event %s into visit %s: %w", e.ID(), v.Visit, err)
		}
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(data, &fields); err != nil {
			return fmt.Errorf("put event %s into visit %s: %w", e.ID(), v.Visit, err)
		}
		for _, name := range []string{"scan", "cause", "persondigest"} {
			delete(fields, name)
		}
		if data, err = json.Marshal(fields); err != nil {
			return fmt.Errorf("put event %s into visit %s: %w", e.ID(), v.Visit, err)
		}
		size += len(data) + 400
		out = append(out, VisitEvent{Source: e.Source, ID: e.ID(), Was: e.Was, Time: e.Recorded(), Uncertain: e.Uncertain, Type: e.Type(), Data: data})
	}
	if len(out) <= MaxVisitEvents && size <= maxVisitEventsBytes {
		v.Events = out
	}
	return nil
}

// idle events change nothing of a visit.
func idle(p kiosk.Payload) bool {
	switch p.(type) {
	case *kiosk.CardScanned, *kiosk.TicketSent, *kiosk.TicketConfirmed, *kiosk.TicketUnknown, *kiosk.TicketReprinted:
		return len(p.Common().Flags) == 0
	case *kiosk.Unknown:
		return true
	}
	return false
}

// Past are the events in the state, corrected in time. Types that this program
// does not know are left out.
func (v Visit) Past() ([]kiosk.Event, error) {
	var out []kiosk.Event
	for i, j := range v.Events {
		e := kiosk.Event{Source: j.Source, Was: j.Was, When: j.Time, Moment: kiosk.Moment{Wall: j.Time}, Uncertain: j.Uncertain, Data: kiosk.NewPayload(j.Type)}
		if e.Data == nil {
			continue
		}
		var err error
		if e.Epoch, e.Seq, err = kiosk.ParseEventID(j.ID); err != nil {
			return nil, fmt.Errorf("read visit %s: events[%d]: %w", v.Visit, i, err)
		}
		if err = json.Unmarshal(j.Data, e.Data); err != nil {
			return nil, fmt.Errorf("read visit %s: events[%d]: data of %s: %w", v.Visit, i, clip(string(j.Type), 40), err)
		}
		if id := kiosk.VisitOf(e.Data); id != v.Visit && kiosk.Corrects(e.Data) == "" {
			return nil, fmt.Errorf("read visit %s: events[%d]: is of visit %q", v.Visit, i, clip(id, 40))
		}
		out = append(out, e)
	}
	return out, nil
}

func (v Visit) checkEvents() error {
	if len(v.Events) > MaxVisitEvents {
		return fmt.Errorf("visit %s has %d events, at most %d are allowed", v.Visit, len(v.Events), MaxVisitEvents)
	}
	for i, e := range v.Events {
		if len(e.Source) > 200 || len(e.ID) > 200 || len(e.Was) > 200 || len(e.Type) > 64 || e.Time.Year() < 1970 || e.Time.Year() > 9998 {
			return fmt.Errorf("visit %s: events[%d]: source, id, was, type or time is out of bounds", v.Visit, i)
		}
	}
	return nil
}
