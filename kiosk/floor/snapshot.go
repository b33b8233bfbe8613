package floor

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"baylight/kiosk"
)

// A snapshot is a State as bytes: what the events up to one of them made, so
// that a start does not begin at the first. It is never the truth. Whoever has a
// doubt throws it away and folds the events.
//
// To add to the State: add the field to [saved] (or to what it consists of) in
// the same words, to save and to restore; raise format; let the story of
// TestSnapshotHasEveryField set it. That test fails until all of it is done.
// What does not follow from this board's events (what the office says comes anew
// with every connection) is left out here and stands in that test's list.

// format is that of a snapshot. It is raised whenever what is saved changes, and
// whenever the same events make another state than before.
const format = 2

// saved is what a State is made of, as it is written. Events stand once, in the
// order of their first use, and are spoken of by their place in the list.
type saved struct {
	Format  int                    `json:"format"`
	Config  string                 `json:"config"` // digest
	Epoch   string                 `json:"epoch"`
	Next    uint64                 `json:"next"`
	Events  []savedEvent           `json:"events"`
	Visits  []savedVisit           `json:"visits"` // in the order they were first seen
	Log     []int                  `json:"log"`
	Voided  []string               `json:"voided"`
	Causes  map[string]int         `json:"causes"`
	Heard   map[string]savedHeard  `json:"heard"`
	Devices map[string]savedDevice `json:"devices"`
	Tickets savedTickets           `json:"tickets"`
	Shop    map[string]savedBay    `json:"shop"`
	Base    map[string]savedBay    `json:"base"`
	Newest  time.Time              `json:"newest"`
	Hour    int64                  `json:"hour"`
	Segment []savedTimed           `json:"segment"`
	Before  *savedTimed            `json:"before,omitempty"`
}

// savedEvent is an entry. What Prev says is the journal's business.
type savedEvent struct {
	Source    string          `json:"source"`
	Epoch     string          `json:"epoch"`
	Seq       uint64          `json:"seq"`
	Moment    kiosk.Moment    `json:"moment"`
	Type      kiosk.Type      `json:"type"`
	Data      json.RawMessage `json:"data"`
	Person    []byte          `json:"person,omitempty"`
	When      time.Time       `json:"when"`
	Uncertain bool            `json:"uncertain,omitempty"`
	Earliest  time.Time       `json:"earliest,omitzero"`
	Latest    time.Time       `json:"latest,omitzero"`
	Place     string          `json:"place,omitempty"`
	Visit     string          `json:"visit,omitempty"`
	Again     string          `json:"again,omitempty"`
	AgainSeq  uint64          `json:"againseq,omitempty"`
}

// savedVisit is a record; what the events make of it is made anew.
type savedVisit struct {
	ID     string `json:"id"`
	Events []int  `json:"events"`
	Plate  string `json:"plate,omitempty"`
	VIN    string `json:"vin,omitempty"`
	Orders int    `json:"orders,omitempty"`
}

type savedHeard struct {
	Event int          `json:"event"`
	At    kiosk.Moment `json:"at"`
}

type savedDevice struct {
	Up    bool   `json:"up"`
	Event string `json:"event"`
}

type savedTickets struct {
	Day string `json:"day"`
	N   int    `json:"n"`
}

// savedTimed is an event whose time may yet move: its place in the list, which
// has all of it, or of one that was forgotten -1 and what its time goes by.
type savedTimed struct {
	Event     int             `json:"event"`
	At        kiosk.Moment    `json:"at,omitzero"`
	Set       *kiosk.ClockSet `json:"set,omitempty"`
	When      time.Time       `json:"when,omitzero"`
	Earliest  time.Time       `json:"earliest,omitzero"`
	Latest    time.Time       `json:"latest,omitzero"`
	Uncertain bool            `json:"uncertain,omitempty"`
}

type savedBay struct {
	Worker  savedHold     `json:"worker"`
	Visitor savedHold     `json:"visitor"`
	Card    savedCard     `json:"card"`
	Current string        `json:"current,omitempty"`
	Armed   *kiosk.Moment `json:"armed,omitempty"`
	Help    bool          `json:"help,omitempty"`
	Asked   string        `json:"asked,omitempty"`
	Last    savedLast     `json:"last"`
	Loose   []savedLoose  `json:"loose,omitempty"`
}

type savedHold struct {
	Person string       `json:"person"`
	At     kiosk.Moment `json:"at"`
	Until  time.Time    `json:"until"`
}

type savedCard struct {
	Visit string       `json:"visit"`
	Item  int          `json:"item"`
	At    kiosk.Moment `json:"at"`
}

type savedLast struct {
	Cause  string       `json:"cause"`
	At     kiosk.Moment `json:"at"`
	Events []string     `json:"events,omitempty"`
}

type savedLoose struct {
	Event string       `json:"event"`
	At    kiosk.Moment `json:"at"`
}

// Snapshot is the state as bytes; the same events make the same bytes.
func (s *State) Snapshot() ([]byte, error) {
	w := &saving{at: map[*entry]int{}}
	out := saved{
		Format: format, Config: s.cfg.digest(), Epoch: s.epoch, Next: s.next,
		Tickets: savedTickets{s.tickets.day, s.tickets.n},
		Newest:  s.newest, Hour: s.hour,
		Causes: map[string]int{}, Heard: map[string]savedHeard{}, Devices: map[string]savedDevice{},
		Shop: s.shop.save(), Base: s.base.save(),
	}
	for _, r := range s.order {
		out.Visits = append(out.Visits, savedVisit{r.id, w.all(r.entries), r.plate, r.vin, r.orders})
	}
	out.Log = w.all(s.log)
	for _, m := range s.segment {
		out.Segment = append(out.Segment, w.timed(m))
	}
	if s.before.Data != nil {
		before := w.timed(timed{past: pastOf(&s.before)})
		out.Before = &before
	}
	for id, n := range s.byID {
		if n.voided {
			out.Voided = append(out.Voided, id)
		}
	}
	slices.Sort(out.Voided)
	for _, cause := range slices.Sorted(maps.Keys(s.causes)) {
		out.Causes[cause] = w.event(s.causes[cause])
	}
	for _, name := range slices.Sorted(maps.Keys(s.heard)) {
		h := s.heard[name]
		out.Heard[name] = savedHeard{w.event(h.entry), h.at}
	}
	for name, d := range s.devices {
		out.Devices[name] = savedDevice{d.up, d.event}
	}
	if w.err != nil {
		return nil, fmt.Errorf("save state: %w", w.err)
	}
	out.Events = w.events
	b, err := json.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("save state: %w", err)
	}
	return b, nil
}

// saving collects the events of a snapshot.
type saving struct {
	events []savedEvent
	at     map[*entry]int
	err    error
}

func (w *saving) all(entries []*entry) []int {
	out := make([]int, len(entries))
	for i, n := range entries {
		out[i] = w.event(n)
	}
	return out
}

// event is the place of an entry in the list, -1 of none.
func (w *saving) event(n *entry) int {
	if n == nil {
		return -1
	}
	if i, ok := w.at[n]; ok {
		return i
	}
	e := n.event
	data, err := kiosk.EncodeData(e.Data)
	if err != nil {
		w.err = cmp.Or(w.err, err)
	}
	w.at[n] = len(w.events)
	w.events = append(w.events, savedEvent{e.Source, e.Epoch, e.Seq, e.Moment, e.Type(), data, e.Person, e.When, e.Uncertain, e.Earliest, e.Latest, n.place, n.visit, n.again, n.againSeq})
	return w.at[n]
}

func (w *saving) timed(m timed) savedTimed {
	if m.entry != nil {
		return savedTimed{Event: w.event(m.entry)}
	}
	p := m.past
	return savedTimed{-1, p.at, p.set, p.when, p.earliest, p.latest, p.uncertain}
}

func (s shop) save() map[string]savedBay {
	out := make(map[string]savedBay, len(s))
	for place, b := range s {
		n := savedBay{
			Worker: savedHold{b.worker.person, b.worker.at, b.worker.until}, Visitor: savedHold{b.visitor.person, b.visitor.at, b.visitor.until},
			Card: savedCard{b.card.visit, b.card.item, b.card.at}, Current: b.current,
			Armed: b.armed, Help: b.help, Asked: b.asked, Last: savedLast{b.last.cause, b.last.at, b.last.events},
		}
		for _, l := range b.loose {
			n.Loose = append(n.Loose, savedLoose{l.event, l.at})
		}
		out[place] = n
	}
	return out
}
