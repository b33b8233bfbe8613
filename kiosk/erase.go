package kiosk

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"time"
)

// Erasure is one request of a person to be forgotten (DOMAIN §8): the person
// parts of a vehicle's visits go, with their salts, wherever they are kept. It
// names nobody itself: vehicle and plates are keyed hashes.
type Erasure struct {
	Vehicle string    `json:"vehicle"`          // Keyed VIN
	Plates  []string  `json:"plates,omitempty"` // BookedPlate of the plates that its visits had
	Visits  []string  `json:"visits,omitempty"` // those the back office knew of
	At      time.Time `json:"at"`               // when it was asked for: who comes later is not meant
	By      string    `json:"by,omitempty"`     // who recorded it
}

// Same says whether two are one request.
func (e Erasure) Same(o Erasure) bool { return e.Vehicle == o.Vehicle && e.At.Equal(o.At) }

// Eraser finds what a list of erasures covers. Show it every event that ever had
// a person part ([Eraser.See]), then ask ([Eraser.Covers]).
//
// Covered is a visit that is named; one that was known, at any time, as a vehicle
// of the list; and one without any VIN that has a plate of the list: the same car
// that was keyed in by its plate. All its parts go, whatever they say, also those
// recorded later: a visit once erased stays so. An event of no visit (a scan that
// was refused, a vehicle that was only presented) goes by itself in the same way.
//
// What was recorded after the request is another stay and not covered, unless it
// is named. A clock that was never set says nothing about before and after: its
// events are covered. One goroutine at a time; it reads no clock.
type Eraser struct {
	key      []byte
	vehicles map[string]time.Time // until when
	plates   map[string]time.Time
	named    map[string]bool
	traces   map[string]*trace // by visit
	loose    map[string]bool   // ids of events of no visit
}

// Fresh is an eraser of the same list that has seen nothing.
func (x *Eraser) Fresh() *Eraser {
	return &Eraser{key: x.key, vehicles: x.vehicles, plates: x.plates, named: x.named, traces: map[string]*trace{}, loose: map[string]bool{}}
}

// trace is what events tell of a visit.
type trace struct{ meant, plate, vehicle bool }

// NewEraser makes one for a store's key.
func NewEraser(key []byte, list []Erasure) *Eraser {
	x := &Eraser{key: key, vehicles: map[string]time.Time{}, plates: map[string]time.Time{},
		named: map[string]bool{}, traces: map[string]*trace{}, loose: map[string]bool{}}
	later := func(m map[string]time.Time, hash string, at time.Time) {
		if hash != "" && m[hash].Before(at) {
			m[hash] = at
		}
	}
	for _, e := range list {
		later(x.vehicles, e.Vehicle, e.At)
		for _, p := range e.Plates {
			later(x.plates, p, e.At)
		}
		for _, v := range e.Visits {
			x.named[v] = true
		}
	}
	return x
}

// See takes note of an event, of the visit it belongs to ("" if none; of a
// correction that of the event it corrects) and of its person part, nil if that
// is not here any more.
func (x *Eraser) See(e *Event, visit string, person []byte) {
	meant, known := x.vehicle(e)
	plate := x.plate(e, person)
	if visit == "" {
		if meant || plate && !known {
			x.loose[e.ID()] = true
		}
		return
	}
	if !meant && !plate && !known {
		return
	}
	t := x.traces[visit]
	if t == nil {
		t = &trace{}
		x.traces[visit] = t
	}
	t.meant, t.plate, t.vehicle = t.meant || meant, t.plate || plate, t.vehicle || known
}

// vehicle says whether an event speaks of a vehicle of the list, and whether it
// speaks of any.
func (x *Eraser) vehicle(e *Event) (meant, known bool) {
	hash := ""
	switch d := e.Data.(type) {
	case *CheckedIn:
		hash = d.Vehicle
	case *Identified:
		hash = d.Vehicle
	case *Presented:
		hash = d.Vehicle
	case *Amended:
		for h := range x.vehicles {
			if bytes.Contains(d.Fields, []byte(h)) {
				hash = h
			}
		}
	}
	meant = x.before(e, x.vehicles[hash])
	if s := e.Data.Common().Scan; s != nil && s.Keyed != "" {
		meant = meant || x.before(e, x.vehicles[s.Keyed])
	}
	return meant, hash != ""
}

// plate says whether a person part has a plate of the list. A masked one is that
// of many cars.
func (x *Eraser) plate(e *Event, person []byte) bool {
	if len(x.plates) == 0 || len(person) == 0 {
		return false
	}
	p, err := DecodePerson(person)
	return err == nil && p.VIN == "" && x.before(e, x.plates[HashedPlate(x.key, p)])
}

// HashedPlate is how the plate of a person part is compared ([BookedPlate]), ""
// if it has none, or a masked one.
func HashedPlate(key []byte, p Person) string {
	if p.Plate == "" || strings.Contains(p.Plate, "•") {
		return ""
	}
	return BookedPlate(key, p.Plate)
}

func (x *Eraser) before(e *Event, at time.Time) bool {
	return !at.IsZero() && (!e.Recorded().After(at) || e.Moment.Clock == Unset)
}

// Covers says whether the part of an event goes; id is the event's.
func (x *Eraser) Covers(visit, id string) bool {
	if visit == "" {
		return x.loose[id]
	}
	t := x.traces[visit]
	return x.named[visit] || t != nil && (t.meant || t.plate && !t.vehicle)
}

// Visits are the covered ones that were seen or named, in order.
func (x *Eraser) Visits() []string {
	all := maps.Clone(x.named)
	for v := range x.traces {
		if x.Covers(v, "") {
			all[v] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}
