package floor

import (
	"slices"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/staff"
)

// shop is what the places remember, by place. It is a fold over the events that
// were not voided, so an undo gives back badge, selection and vehicle as they were.
type shop map[string]*bay

type bay struct {
	worker  hold // the technician's badge
	visitor hold // a badge that is no technician's, while it lasts
	card    card // the last accepted job card
	current string
	armed   *kiosk.Moment // PARALLEL
	help    bool
	asked   string // the event that called for help
	last    last
	loose   []loose
}

// hold is a badge at a bay.
type hold struct {
	person string
	at     kiosk.Moment
	until  time.Time // end of the shift
}

// card is a job card laid at a bay.
type card struct {
	visit string
	item  int
	at    kiosk.Moment
}

// last is the last scan that did something, as UNDO needs it.
type last struct {
	cause  string
	at     kiosk.Moment
	events []string // ids; none of an undo
}

// loose is an event nobody has put their badge to yet.
type loose struct {
	event string
	at    kiosk.Moment
}

func (s shop) at(place string) *bay {
	b := s[place]
	if b == nil {
		b = &bay{}
		s[place] = b
	}
	return b
}

func (s shop) clone() shop {
	c := make(shop, len(s))
	for k, b := range s {
		n := *b
		n.last.events = slices.Clone(b.last.events)
		n.loose = slices.Clone(b.loose)
		c[k] = &n
	}
	return c
}

// free takes a visit from every bay.
func (s shop) free(visit string) {
	for _, b := range s {
		if b.current == visit {
			b.current = ""
		}
	}
}

func (s shop) fold(n *entry, cfg *Config) {
	e, m := &n.event, n.event.Data.Common()
	if n.place != "" {
		s.at(n.place).scanned(n)
	}
	switch d := e.Data.(type) {
	case *kiosk.BadgeScanned:
		s.at(d.Bay).badge(d.Person, e, cfg)
	case *kiosk.CardScanned:
		b := s.at(d.Bay)
		b.armed = nil
		if d.Visit != "" {
			b.lay(card{d.Visit, d.Item, e.Moment})
		} else if d.Action == string(kiosk.Parallel) {
			b.armed = &e.Moment
		}
	case *kiosk.Started:
		s.job(n, d.Job)
	case *kiosk.Resumed:
		s.job(n, d.Job)
	case *kiosk.Passed:
		s.free(d.Visit)
		s.at(d.Bay).visitor = hold{}
	case *kiosk.Failed:
		s.at(d.Bay).visitor = hold{}
	case *kiosk.Delivered:
		s.free(d.Visit)
	case *kiosk.Closed:
		s.free(d.Visit)
	case *kiosk.HelpCalled:
		b := s.at(d.Bay)
		b.help, b.asked = true, n.id
	case *kiosk.HelpCleared:
		b := s.at(d.Bay)
		b.help, b.asked = false, ""
	case *kiosk.Amended:
		for _, b := range s {
			b.loose = slices.DeleteFunc(b.loose, func(l loose) bool { return l.event == d.Event })
		}
	}
	if slices.Contains(m.Flags, kiosk.NoBadge) && n.place != "" {
		b := s.at(n.place)
		b.loose = slices.DeleteFunc(b.loose, func(l loose) bool { return e.Moment.Since(l.at) >= AttributeIn })
		b.loose = append(b.loose, loose{n.id, e.Moment})
	}
}

// scanned notes the scan behind an event. A scan that did nothing is no last scan:
// UNDO takes back the last thing that happened.
func (b *bay) scanned(n *entry) {
	e := &n.event
	switch e.Data.(type) {
	case *kiosk.ScanRejected, *kiosk.ScanRepeated, *kiosk.ActionUnmatched:
		return
	case *kiosk.Voided:
		b.last = last{cause: e.Data.Common().Cause, at: e.Moment}
		return
	}
	if c := e.Data.Common().Cause; c != b.last.cause {
		b.last = last{cause: c, at: e.Moment}
	}
	b.last.events = append(b.last.events, n.id)
}

// badge puts a badge to the bay: a technician's until another, anybody else's
// for a short time. Who only came to answer a call for help takes no hold.
func (b *bay) badge(person string, e *kiosk.Event, cfg *Config) {
	p, _ := cfg.Staff.Person(person)
	h := hold{person: person, at: e.Moment, until: cfg.Calendar.ShiftEnd(e.When)}
	switch {
	case p.Has(staff.Technician):
		b.worker, b.visitor = h, hold{}
	case b.help && p.Has(staff.Supervisor):
	default:
		b.visitor = h
	}
}

func (b *bay) lay(c card) { b.card, b.current = c, c.visit }

// job lays the card of a job begun at the bay where it was scanned.
func (s shop) job(n *entry, j kiosk.Job) {
	if n.place == j.Bay {
		b := s.at(j.Bay)
		b.armed = nil
		b.lay(card{j.Visit, j.Item, n.event.Moment})
	}
}

// holder is the person whose badge holds the bay, "" if none does, and whether
// the badge is a technician's.
func (b *bay) holder(now kiosk.Moment, t time.Time) (person string, worker bool) {
	if b.visitor.person != "" && now.Since(b.visitor.at) < InspectorFor {
		return b.visitor.person, false
	}
	if b.worker.person != "" && now.Since(b.worker.at) < BadgeFor && t.Before(b.worker.until) {
		return b.worker.person, true
	}
	return "", false
}

// selected is the card that still selects its visit.
func (b *bay) selected(now kiosk.Moment) (c card, ok bool) {
	return b.card, b.card.visit != "" && now.Since(b.card.at) < Selection
}

// unclaimed are the events a badge scanned now would own.
func (b *bay) unclaimed(now kiosk.Moment) (ids []string) {
	for _, l := range b.loose {
		if now.Since(l.at) < AttributeIn {
			ids = append(ids, l.event)
		}
	}
	return ids
}
