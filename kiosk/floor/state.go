package floor

import (
	"slices"
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
	voided  map[string]bool
	causes  map[string]*entry // first event of each scan or action
	heard   map[string]heard  // last scan of each scanner, for the debounce
	tickets struct {
		day string
		n   int
	}

	elsewhere elsewhere // what the office said

	shop shop     // the bays now
	base shop     // the bays before log begins
	log  []*entry // the events in between

	newest  time.Time // corrected time of the newest event
	hour    int64     // of newest, when forgetting was last done
	boot    string
	segment []timed   // events whose time a kiosk.clock_set may yet move
	floor   time.Time // corrected time of the event before them
}

// timed is the moment of an event; the entry is nil once it was forgotten.
type timed struct {
	at    kiosk.Moment
	entry *entry
}

// entry is an event with what the fold found out about it.
type entry struct {
	event kiosk.Event
	place string // where the scan that caused it was made, "" if no scan did
	visit string // its visit; of a correction that of the event it corrects

	again    string // the epoch it was recorded again in after a rollback, "" if it was not
	againSeq uint64
}

// record is all that is known of a visit.
type record struct {
	id      string
	entries []*entry
	visit   *kiosk.Visit // replaced, never changed
	plate   string
	vin     string
	orders  int // order.signed so far
}

// heard is the last scan of a scanner.
type heard struct {
	entry *entry
	at    kiosk.Moment
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
		voided: map[string]bool{}, causes: map[string]*entry{}, heard: map[string]heard{},
		shop: shop{}, base: shop{},
	}
	for _, b := range cfg.Bays {
		s.places[b.ID] = b
	}
	return s
}

// Next is the sequence number the next event will have.
func (s *State) Next() uint64 { return s.next }

// Replay folds in one event that is already durable. Events come in the order
// they were recorded; those of earlier epochs first. An event re-recorded after
// a rollback only counts in the sequence: what it says was folded under its
// first name.
func (s *State) Replay(e kiosk.Event) { s.fold(e) }

func (s *State) fold(e kiosk.Event) {
	if e.Epoch == s.epoch && e.Source == s.source {
		s.next = e.Seq + 1
	}
	if e.Was != "" {
		if first := s.byID[e.Was]; first != nil {
			first.again, first.againSeq = e.Epoch, e.Seq
		}
		return
	}
	n := &entry{event: e, place: s.placeOf(e), visit: s.visitOf(e)}
	s.time(n)
	s.remember(n)
	if n.visit != "" {
		s.record(n)
	}
	switch d := e.Data.(type) {
	case *kiosk.Voided:
		if target := s.byID[d.Event]; target != nil && target.event.Type() != d.Type() {
			s.voided[d.Event] = true
			s.refold()
		}
	case *kiosk.ClockSet:
		s.correct(e)
	default:
		s.shop.fold(n, &s.cfg)
	}
	if h := s.newest.Unix() / 3600; h != s.hour || len(s.log) > keepLog {
		s.hour = h
		s.forget()
	}
}

// placeOf is where the scan was made that caused e. Only the first event of a
// scan carries the scan; the others follow it.
func (s *State) placeOf(e kiosk.Event) string {
	m := e.Data.Common()
	if m.Scan != nil {
		return s.cfg.Scanners[m.Scan.Scanner]
	}
	if first := s.causes[m.Cause]; first != nil {
		return first.place
	}
	return ""
}

func (s *State) visitOf(e kiosk.Event) string {
	if target := s.byID[kiosk.Corrects(e.Data)]; target != nil {
		return target.visit
	}
	return kiosk.VisitOf(e.Data)
}

// time derives the corrected time of an event as kiosk.Correct would. Events of
// an earlier boot, and synced ones from its first event on, have their time for
// good.
func (s *State) time(n *entry) {
	e := &n.event
	if e.Moment.Boot != s.boot {
		s.boot, s.segment, s.floor = e.Moment.Boot, nil, s.newest
	}
	e.When, e.Uncertain = e.Moment.Wall, e.Moment.Clock == kiosk.Unset
	if e.When.Before(s.newest) {
		e.When = s.newest
	}
	s.newest = e.When
	if len(s.segment) == 0 && e.Moment.Clock == kiosk.Synced {
		s.floor = s.newest
		return
	}
	s.segment = append(s.segment, timed{e.Moment, n})
}

// correct moves the events before kiosk.clock_set to their corrected times and
// folds again what depends on them.
func (s *State) correct(set kiosk.Event) {
	part := make([]kiosk.Event, len(s.segment))
	for i, m := range s.segment {
		part[i] = kiosk.Event{Seq: uint64(i), Moment: m.at}
	}
	if len(part) > 0 {
		part[len(part)-1].Data = set.Data
	}
	kiosk.Correct(part)
	touched := map[string]bool{}
	for i, m := range s.segment {
		when := part[i].When
		if when.Before(s.floor) {
			when = s.floor
		}
		s.newest = when
		if m.entry != nil {
			m.entry.event.When, m.entry.event.Uncertain = when, part[i].Uncertain
			touched[m.entry.visit] = true
		}
	}
	s.segment, s.floor = nil, s.newest
	for _, r := range s.order {
		if touched[r.id] {
			r.apply(s.cfg.Calendar)
			s.merge(r.id)
		}
	}
	s.refold()
}

func (s *State) remember(n *entry) {
	m := n.event.Data.Common()
	s.log = append(s.log, n)
	s.byID[n.event.ID()] = n
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
	r.entries = append(r.entries, n)
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
	r.apply(s.cfg.Calendar)
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

func (r *record) apply(cal kiosk.Calendar) {
	r.visit = kiosk.Apply(r.events(), cal)
	r.visit.ID = r.id // also if all its events were voided
}

// refold makes the bays anew after an event in the past lost its force or moved.
func (s *State) refold() {
	s.shop = s.base.clone()
	for _, n := range s.log {
		if !s.voided[n.event.ID()] {
			s.shop.fold(n, &s.cfg)
		}
	}
}

// forget drops what nothing can need any more.
func (s *State) forget() {
	limit := s.newest.Add(-keepEnded)
	s.order = slices.DeleteFunc(s.order, func(r *record) bool {
		last := r.entries[len(r.entries)-1].event.When
		old := !r.visit.Open() && r.visit.Ended.Before(limit) && last.Before(limit) ||
			!r.visit.Known() && last.Before(limit) || last.Before(s.newest.Add(-keepSilent))
		if old {
			delete(s.records, r.id)
			s.merge(r.id)
			s.shop.free(r.id)
			s.base.free(r.id)
		}
		return old
	})
	n := max(0, len(s.log)-keepLog/2)
	if len(s.log) <= keepLog {
		n = 0
	}
	for n < len(s.log) && s.log[n].event.When.Before(limit) {
		n++
	}
	for _, old := range s.log[:n] {
		if !s.voided[old.event.ID()] {
			s.base.fold(old, &s.cfg)
		}
	}
	s.log = slices.Clone(s.log[n:])
	s.reindex()
}

func (s *State) reindex() {
	s.byID, s.causes = map[string]*entry{}, map[string]*entry{}
	keep := func(n *entry) {
		s.byID[n.event.ID()] = n
		if c := n.event.Data.Common().Cause; c != "" {
			if first := s.causes[c]; first == nil || n.event.Data.Common().Scan != nil {
				s.causes[c] = n
			}
		}
	}
	for _, r := range s.order {
		for _, n := range r.entries {
			keep(n)
		}
	}
	for _, n := range s.log {
		keep(n)
	}
	voided := map[string]bool{}
	for id := range s.byID {
		if s.voided[id] {
			voided[id] = true
		}
	}
	s.voided = voided
	for i, m := range s.segment {
		if m.entry != nil && s.byID[m.entry.event.ID()] != m.entry {
			s.segment[i].entry = nil
		}
	}
	if n := len(s.segment) - keepLog; n > 0 { // weeks without a clock
		s.floor = latest(s.floor, s.segment[:n])
		s.segment = slices.Clone(s.segment[n:])
	}
}

// latest is the last of t and the times of ms.
func latest(t time.Time, ms []timed) time.Time {
	for _, m := range ms {
		if m.at.Wall.After(t) {
			t = m.at.Wall
		}
	}
	return t
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
	if f := s.elsewhere.visits[id]; f != nil && f.visit != nil {
		return f.visit
	}
	if r := s.records[id]; r != nil {
		return r.visit
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
