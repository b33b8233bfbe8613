package kiosk

import "time"

// Correct derives When and Uncertain of the events of one epoch, given in
// sequence order (all of them or a part). Events recorded before kiosk.clock_set
// in the same boot are moved by its offset, unless their clock was synced
// already; if the clock was set more than once, by the first offset after them.
// An event of a boot whose clock was never set stays where it is and is
// uncertain. No event comes before its predecessor.
func Correct(events []Event) {
	set := map[string]*ClockSet{} // by boot, the first one after the event
	for i := len(events) - 1; i >= 0; i-- {
		e := &events[i]
		e.When, e.Uncertain = e.Moment.Wall, e.Moment.Clock == Unset
		if c, ok := e.Data.(*ClockSet); ok {
			set[e.Moment.Boot] = c
		} else if c := set[e.Moment.Boot]; c != nil && e.Moment.Clock != Synced {
			e.When, e.Uncertain = e.When.Add(time.Duration(c.OffsetMS)*time.Millisecond), false
		}
	}
	for i := 1; i < len(events); i++ {
		if last := events[i-1].When; events[i].When.Before(last) {
			events[i].When = last
		}
	}
}
