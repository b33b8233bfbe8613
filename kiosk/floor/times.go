package floor

import (
	"time"

	"baylight/kiosk"
)

// timed is an event whose time a later one may yet move: its entry, or once that
// was forgotten what times go by.
type timed struct {
	entry *entry
	past  *past
}

// past is what there is to know of the time of an event that was forgotten.
type past struct {
	at               kiosk.Moment
	set              *kiosk.ClockSet // nil: another event
	when             time.Time
	earliest, latest time.Time
	uncertain        bool
}

func pastOf(e *kiosk.Event) *past {
	p := &past{at: e.Moment, when: e.When, earliest: e.Earliest, latest: e.Latest, uncertain: e.Uncertain}
	p.set, _ = e.Data.(*kiosk.ClockSet)
	return p
}

// event is the event, or one that knows only its time.
func (t timed) event() kiosk.Event {
	if t.entry != nil {
		return t.entry.event
	}
	return t.past.event()
}

func (p *past) event() kiosk.Event {
	e := kiosk.Event{Moment: p.at, Data: noData, When: p.when, Earliest: p.earliest, Latest: p.latest, Uncertain: p.uncertain}
	if p.set != nil {
		e.Data = p.set
	}
	return e
}

var noData kiosk.Payload = &kiosk.Unknown{}

// take takes over what was found out about the time, and says whether that moves
// an event which is still remembered.
func (t timed) take(e *kiosk.Event) (moved bool) {
	if n := t.entry; n != nil {
		moved = !n.event.When.Equal(e.When) || n.event.Uncertain != e.Uncertain
		n.event.When, n.event.Uncertain, n.event.Earliest, n.event.Latest = e.When, e.Uncertain, e.Earliest, e.Latest
		return moved
	}
	t.past.when, t.past.uncertain, t.past.earliest, t.past.latest = e.When, e.Uncertain, e.Earliest, e.Latest
	return false
}

// time derives the corrected time of an event as kiosk.Correct does. It reports
// true when the times of earlier events were corrected again.
func (s *State) time(n *entry) (again bool) {
	last := &s.before
	if i := len(s.segment) - 1; i >= 0 {
		if m := s.segment[i]; m.entry != nil {
			last = &m.entry.event
		} else {
			e := m.past.event()
			last = &e
		}
	}
	again = kiosk.Follow(*last, &n.event)
	s.segment = append(s.segment, timed{entry: n})
	if again {
		s.correct()
	}
	s.newest = n.event.When
	return again
}

// correct derives the corrected times again and applies the visits of the events
// that moved.
func (s *State) correct() {
	part := make([]kiosk.Event, len(s.segment))
	for i, m := range s.segment {
		part[i] = m.event()
	}
	kiosk.CorrectAfter(s.before, part)
	touched := map[string]bool{}
	for i, m := range s.segment {
		if m.take(&part[i]) {
			touched[m.entry.visit] = true
		}
	}
	for _, r := range s.order {
		if touched[r.id] {
			r.apply(s.cfg.Calendar)
			s.merge(r.id)
		}
	}
}

// shorten drops the first of the events whose times may yet move.
func (s *State) shorten() {
	for i, m := range s.segment {
		if m.entry != nil && m.entry.forgotten() {
			s.segment[i] = timed{past: pastOf(&m.entry.event)}
		}
	}
	n := max(0, len(s.segment)-keepLog)
	for n < len(s.segment)-keepLog/4 && s.segment[n].entry == nil {
		n++
	}
	if n > 0 {
		last := s.segment[n-1].event()
		s.before = pastOf(&last).event()
		clear(s.segment[:n])
		s.segment = s.segment[n:]
	}
}
