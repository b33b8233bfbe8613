package screen

import (
	"context"
	"slices"
	"strings"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/floor"
	"baylight/kiosk/health"
	"baylight/kiosk/vin"
	"baylight/kiosk/words"
)

// Station is the part of a kiosk that screens need.
type Station interface {
	// Do applies an input and returns its reply once the events are durable.
	// After it returned, Snapshot shows them. An error means that nothing can be
	// said: it was not stored, or ctx ended first. An input whose ID was done
	// before must not be done again.
	Do(ctx context.Context, in floor.Input) (floor.Reply, error)
	// Snapshot is the present state. It is never nil, and nobody changes it or
	// what it points to.
	Snapshot() *Snapshot
	// Subscribe gives a channel of capacity 1 on which a value waits whenever
	// Snapshot has changed since the last one was taken. cancel ends it.
	Subscribe() (changed <-chan struct{}, cancel func())
	// Prepare keeps what a customer chose on the screen for the next scan at
	// reception, for about a minute; the zero form forgets it.
	Prepare(form floor.CheckInForm)
	// Attend says that a customer's screen is open, until leave: vehicles scanned
	// at reception are asked about there before a visit is opened.
	Attend() (leave func())
	// Expected is today's booking of a plate or VIN, nil if there is none.
	Expected(plate string) *floor.Booking
	// Timeline lists the events of a visit in order, for signed-in staff.
	Timeline(ctx context.Context, visit string) ([]kiosk.Event, error)
	// Now is the present moment of the shop.
	Now() kiosk.Moment
	// NewID makes an id for an input.
	NewID() string
}

// Snapshot is the state of a kiosk at one position of its journal.
type Snapshot struct {
	Starting bool   // the records are still being read: of what follows, only Version, Head, Reasons and
	Read     uint64 // how many of them have been, up to Head

	Ready   bool              // everything that has to run does
	Version string            // of the daemon
	Head    uint64            // sequence of the last durable event
	Bays    []floor.BayView   // in the order of the configuration
	Visits  []*kiosk.Visit    // open ones, by arrival
	Plates  map[string]string // visit → masked plate (vin.Mask)
	Risk    map[string]bool   // visit → its promise will probably be missed (floor.State.AtRisk)
	Tails   map[string]string // visit → last TailOf characters of its VIN, for staff
	Said    map[string]Said   // place (bay id, floor.Reception) → last answer to a scan there
	Help    []string          // places that called for help
	Lamps   map[string]Lamp   // bay → its lamp as it is lit
	Devices []Device
	Alarms  []Alarm         // about this board itself, for the desk and the devices page
	Reasons []health.Reason // what is not as it should be, the worst first
	Notice  string          // for the waiting room, as the back office wrote it
	Outbox  Outbox
	Paper   int // documents not yet sent to a printer
	Clock   kiosk.Quality
}

// TailOf is how many characters of a VIN staff know a car by.
const TailOf = 6

// Said is an answer to a scan.
type Said struct {
	N     uint64 // grows with each answer at this place
	Reply floor.Reply
	Real  time.Time // real time, not the shop's: how long it stays on a screen is for people
}

// Lamp is a bay's lamp as it is lit.
type Lamp struct {
	Colour string // white, green, amber, red, blue, or "" for dark
	Blink  bool
}

// Device is the state of something at the end of a wire.
type Device struct {
	Name, Kind string // "bay3", "scanner"
	Up         bool
	Reason     string    // why it is down
	Since      time.Time // of the present state
	Reconnects int
	LastAt     time.Time // when something last came or went
	Last       string    // what, in words; no personal data
}

// Alarm is something wrong with this board that somebody must act upon.
type Alarm struct {
	Text   words.Message // what it means and what to do
	Detail string        // for whoever looks into it
}

// Outbox is how far the back office is behind.
type Outbox struct {
	Depth     uint64        // events without receipt
	Oldest    time.Duration // age of the oldest of them
	Receipted uint64        // all events up to this sequence are receipted
	Connected bool          // to the broker
}

// Visit finds an open visit.
func (s *Snapshot) Visit(id string) (*kiosk.Visit, bool) {
	i := slices.IndexFunc(s.Visits, func(v *kiosk.Visit) bool { return v.ID == id })
	if i < 0 {
		return nil, false
	}
	return s.Visits[i], true
}

// Bay finds a bay's view.
func (s *Snapshot) Bay(id string) (floor.BayView, bool) {
	i := slices.IndexFunc(s.Bays, func(b floor.BayView) bool { return b.Bay.ID == id })
	if i < 0 {
		return floor.BayView{}, false
	}
	return s.Bays[i], true
}

// device finds a device by its name.
func (s *Snapshot) device(name string) (Device, bool) {
	i := slices.IndexFunc(s.Devices, func(d Device) bool { return d.Name == name })
	if i < 0 {
		return Device{}, false
	}
	return s.Devices[i], true
}

// Find lists the open visits that a text may mean: a ticket number, a code on
// paper, a visit id, a whole plate or its last three characters, a whole VIN or
// at least its last four. Plates are compared as they are masked and VINs by
// their end, so a few others may be among them.
func (s *Snapshot) Find(text string) (found []*kiosk.Visit) {
	text = strings.ToUpper(strings.TrimSpace(text))
	if text == "" || len(text) > 64 {
		return nil
	}
	code, err := kiosk.ParseCode(text)
	plate, _, noPlate := vin.ParsePlate(text)
	masked := vin.Mask(plate)
	for _, v := range s.Visits {
		p, tail := s.Plates[v.ID], s.Tails[v.ID]
		switch {
		case tail != "" && len(text) >= 4 && (strings.HasSuffix(tail, text) || len(text) > TailOf && len(text) <= 17 && strings.HasSuffix(text, tail)):
			found = append(found, v)
		case strings.EqualFold(v.Ticket, text), v.ID == text,
			err == nil && v.ID == code.ID,
			p != "" && noPlate == nil && p == masked,
			p != "" && len([]rune(text)) == 3 && strings.HasSuffix(p, text):
			found = append(found, v)
		}
	}
	return found
}
