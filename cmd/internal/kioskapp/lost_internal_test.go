package kioskapp

import (
	"testing"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/health"
)

// The time of an event beside a range is sure unless its clock was never set.
func TestBeside(t *testing.T) {
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	event := func(q kiosk.Quality) kiosk.Event {
		return kiosk.Event{Moment: kiosk.Moment{Wall: at, Clock: q}, Data: &kiosk.HelpCalled{}}
	}
	for _, c := range []struct {
		e    kiosk.Event
		want health.Beside
	}{
		{kiosk.Event{}, health.Beside{}},
		{event(kiosk.Synced), health.Beside{At: at}},
		{event(kiosk.Holdover), health.Beside{At: at}},
		{event(kiosk.Unset), health.Beside{At: at, Unsure: true}},
	} {
		if got := beside(c.e); got != c.want {
			t.Errorf("%v: %+v", c.e.Moment.Clock, got)
		}
	}
}
