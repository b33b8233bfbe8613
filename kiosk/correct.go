package kiosk

import "time"

// Correct derives When and Uncertain of the events of one epoch, given in
// sequence order (all of them or a part). Events recorded before kiosk.clock_set
// in the same boot are moved by its offset, unless their clock was synced
// already; an event of a boot whose clock was never set stays where it is and
// is uncertain. No event comes before its predecessor.
func Correct(events []Event) {
	offsets := map[string]*ClockSet{}
	setAt := map[string]uint64{}
	for _, e := range events {
		if c, ok := e.Data.(*ClockSet); ok {
			offsets[e.Moment.Boot], setAt[e.Moment.Boot] = c, e.Seq
		}
	}
	var last time.Time
	for i := range events {
		e := &events[i]
		e.When, e.Uncertain = e.Moment.Wall, e.Moment.Clock == Unset
		if c := offsets[e.Moment.Boot]; c != nil && e.Seq < setAt[e.Moment.Boot] && e.Moment.Clock != Synced {
			e.When, e.Uncertain = e.When.Add(time.Duration(c.OffsetMS)*time.Millisecond), false
		}
		if e.When.Before(last) {
			e.When = last
		}
		last = e.When
	}
}
