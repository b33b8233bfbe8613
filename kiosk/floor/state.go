package floor

import (
	"time"

	"baylight/kiosk"
	"baylight/kiosk/staff"
)

// How much is remembered. Both bounds are counted in events and their times,
// so that a replay forgets exactly what the live state forgot.
const (
	keepEnded = 48 * time.Hour // ended visits, and events a correction may still name
	keepLog   = 20_000         // events
	// A visit without any event for so long is forgotten, ended or not: it may
	// have ended at another board. The journal keeps events no longer either.
	keepSilent = 90 * 24 * time.Hour
)

// State is the present of one board: a fold over its events, and beside it what
// the back office said of the visits of the store ([State.Hear]).
// It is not safe for concurrent use; its one owner is the station.
type State struct {
	cfg    Config
	source string
	epoch  string
	next   uint64
	places map[string]Bay // bays by id

	records map[string]*record // visits by id
	order   []*record          // the same in the order they were first seen
	byID    map[string]*entry  // events a correction or an undo may name
	causes  map[string]*entry  // first event of each scan or action
	heard   map[string]heard   // last scan of each scanner, for the debounce
	devices map[string]device  // those that were ever lost, by name
	tickets struct {
		day string
		n   int
	}

	elsewhere elsewhere // what the office said

	shop shop     // the bays now
	base shop     // the bays before log begins
	log  []*entry // the events in between

	newest  time.Time   // corrected time of the newest event
	hour    int64       // of newest, when forgetting was last done
	segment []timed     // events whose time a later one may yet move, in their order
	before  kiosk.Event // the event before them, as far as times go
}

// entry is an event with what the fold found out about it.
type entry struct {
	event  kiosk.Event
	id     string // the event's
	place  string // where the scan that caused it was made, "" if no scan did
	visit  string // its visit; of a correction that of the event it corrects
	voided bool

	again    string // the epoch it was recorded again in after a rollback, "" if it was not
	againSeq uint64

	inLog, inRecord bool // who holds it; it is forgotten when nobody does
}

// record is all that is known of a visit.
type record struct {
	id      string
	entries []*entry
	visit   *kiosk.Visit // replaced, never changed
	abroad  *abroad      // what the office said of it, nil: nothing
	busy    bool         // visit has a job that is not finished
	latest  kiosk.Turn   // of the event that visit took last
	plate   string
	vin     string
	orders  int // order.signed so far
}

// heard is the last scan of a scanner.
type heard struct {
	entry *entry
	at    kiosk.Moment
}

// device is how a device was last recorded.
type device struct {
	up    bool
	event string // that says so
}

// New makes the state before the first event of an epoch.
func New(cfg Config, epoch string) *State {
	if cfg.Calendar.Zone == nil {
		cfg.Calendar.Zone = time.UTC
	}
	if cfg.Staff == nil {
		cfg.Staff = staff.NewDirectory(nil)
	}
	s := &State{
		cfg: cfg, source: kiosk.KioskSource(cfg.Store, cfg.Board), epoch: epoch, next: 1,
		places: map[string]Bay{}, records: map[string]*record{}, byID: map[string]*entry{},
		causes: map[string]*entry{}, heard: map[string]heard{}, devices: map[string]device{},
		shop: shop{}, base: shop{},
	}
	for _, b := range cfg.Bays {
		s.places[b.ID] = b
	}
	return s
}

// Next is the sequence number the next event will have.
func (s *State) Next() uint64 { return s.next }

// Device says whether a device is up as far as was recorded; one that was never
// lost is.
func (s *State) Device(name string) (up bool) {
	d, ok := s.devices[name]
	return d.up || !ok
}

// Replay folds in one event that is already durable. Events come in the order
// they were recorded; those of earlier epochs first. An event re-recorded after
// a rollback only counts in the sequence: what it says was folded under its
// first name.
func (s *State) Replay(e kiosk.Event) { s.fold(&e) }

// fold folds in an event, of which it makes its own copy.
func (s *State) fold(e *kiosk.Event) {
	if e.Epoch == s.epoch && e.Source == s.source {
		s.next = e.Seq + 1
	}
	if e.Was != "" {
		if first := s.byID[e.Was]; first != nil {
			first.again, first.againSeq = e.Epoch, e.Seq
		}
		return
	}
	n := &entry{event: *e}
	n.id, n.place, n.visit = e.ID(), s.placeOf(e.Data.Common()), s.visitOf(e.Data)
	again := s.time(n)
	s.remember(n)
	if n.visit != "" {
		s.record(n)
	}
	switch d := e.Data.(type) {
	case *kiosk.DeviceDown:
		s.devices[d.Device] = device{event: n.id}
	case *kiosk.DeviceUp:
		s.devices[d.Device] = device{up: true, event: n.id}
	case *kiosk.Voided:
		if target := s.byID[d.Event]; target != nil && target.event.Type() != d.Type() {
			target.voided = true
			s.refold()
		}
	default:
		s.shop.fold(n, &s.cfg)
	}
	if again {
		s.refold()
	}
	if h := s.newest.Unix() / 3600; h != s.hour || len(s.log) > keepLog {
		s.hour = h
		s.forget()
	}
}

// placeOf is where the scan was made that caused an event. Only the first event of
// a scan carries the scan; the others follow it.
func (s *State) placeOf(m *kiosk.Meta) string {
	if m.Scan != nil {
		return s.cfg.Scanners[m.Scan.Scanner]
	}
	if first := s.causes[m.Cause]; first != nil {
		return first.place
	}
	return ""
}

func (s *State) visitOf(p kiosk.Payload) string {
	if id := kiosk.Corrects(p); id != "" {
		if target := s.byID[id]; target != nil {
			return target.visit
		}
	}
	return kiosk.VisitOf(p)
}

func (s *State) remember(n *entry) {
	m := n.event.Data.Common()
	s.log, n.inLog = append(s.log, n), true
	s.byID[n.id] = n
	if m.Cause != "" && s.causes[m.Cause] == nil {
		s.causes[m.Cause] = n
	}
	if _, report := n.event.Data.(*kiosk.ScanRepeated); m.Scan != nil && !report {
		s.heard[m.Scan.Scanner] = heard{entry: n, at: n.event.Moment}
	}
}

// record adds an event to its visit.
func (s *State) record(n *entry) {
	r := s.records[n.visit]
	if r == nil {
		r = &record{id: n.visit}
		s.records[n.visit] = r
		s.order = append(s.order, r)
	}
	r.add(n, s.cfg.Calendar)
	switch n.event.Data.(type) {
	case *kiosk.CheckedIn:
		if day := s.cfg.Calendar.Day(n.event.When); day != s.tickets.day {
			s.tickets.day, s.tickets.n = day, 0
		}
		s.tickets.n++
		r.person(n.event.Person)
	case *kiosk.Identified:
		r.person(n.event.Person)
	case *kiosk.Signed:
		r.orders++
	}
	s.merge(n.visit)
}

func (r *record) person(b []byte) {
	p, err := kiosk.DecodePerson(b)
	if err != nil {
		return // erased
	}
	if p.Plate != "" {
		r.plate = p.Plate
	}
	if p.VIN != "" {
		r.vin = p.VIN
	}
}

// add applies one more event, on top of what is there if that makes the same as
// applying all of them again.
func (r *record) add(n *entry, cal kiosk.Calendar) {
	r.entries, n.inRecord = append(r.entries, n), true
	turn := kiosk.TurnOf(&n.event)
	// After a delivery the fold may take back what it says of its inspection.
	if r.visit == nil || !r.visit.Delivered.IsZero() || kiosk.Corrects(n.event.Data) != "" || !r.latest.Before(turn) {
		r.apply(cal)
		return
	}
	r.stands(kiosk.Continue(r.visit, []kiosk.Event{n.event}, cal), turn)
}

func (r *record) apply(cal kiosk.Calendar) { r.stands(kiosk.ApplyLast(r.events(), cal)) }

// stands puts the visit in the place of what it was.
func (r *record) stands(v *kiosk.Visit, latest kiosk.Turn) {
	v.ID = r.id // also if all its events were voided
	r.visit, r.latest, r.busy = v, latest, busy(v)
}

// refold makes the bays anew after an event in the past lost its force or moved.
func (s *State) refold() {
	s.shop = s.base.clone()
	for _, n := range s.log {
		if !n.voided {
			s.shop.fold(n, &s.cfg)
		}
	}
}

// clock is the best known time at now: never before the newest event.
func (s *State) clock(now kiosk.Moment) time.Time {
	if now.Wall.Before(s.newest) {
		return s.newest
	}
	return now.Wall
}

// look is the visit as it stands, an empty one if it was never seen.
func (s *State) look(id string) *kiosk.Visit {
	if r := s.records[id]; r != nil {
		v, _ := r.present()
		return v
	}
	if f := s.elsewhere.visits[id]; f != nil {
		return f.visit
	}
	return &kiosk.Visit{ID: id}
}

// bay is what a place remembers, to be read only.
func (s *State) bay(place string) *bay {
	if b := s.shop[place]; b != nil {
		return b
	}
	return &bay{}
}
