package kioskapp_test

import (
	"testing"
	"time"

	"baylight/device/bench"
	"baylight/kiosk"
)

// A board without a clock battery boots in the past; NTP sets its clock in the
// middle of a job. What was recorded before gets its true time.
func TestClockIsSetInTheMiddleOfAJob(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	l := listen(t)
	r.gate.open(l.broker.Addr())
	long := time.Date(1970, 1, 1, 8, 0, 30, 0, time.FixedZone("CST", 8*3600))
	must(t, r.clock.Set(kiosk.Moment{Wall: long, Boot: "boot-2", Up: 30 * time.Second, Clock: kiosk.Unset}, 0))
	r.up()
	r.scan("front", car(1), bench.AckGood)
	r.ticket()
	truth := time.Date(2026, 3, 2, 10, 0, 0, 0, long.Location())
	must(t, r.clock.Set(kiosk.Moment{Wall: truth, Boot: "boot-2", Up: 90 * time.Second, Clock: kiosk.Synced}, 0))
	r.await("kiosk.clock_set", func() bool { return len(of(r.rows(), "kiosk.clock_set")) == 1 })
	events := make([]kiosk.Event, 0, 8)
	for _, x := range r.rows() {
		e, err := kiosk.Decode(x.bytes)
		must(t, err)
		events = append(events, e)
	}
	kiosk.Correct(events)
	for _, e := range events {
		if _, in := e.Data.(*kiosk.CheckedIn); !in {
			continue
		}
		if want := truth.Add(e.Moment.Up - 90*time.Second); !e.When.Equal(want) || e.Uncertain {
			t.Errorf("the check-in is corrected to %s (uncertain: %v), want %s", e.When, e.Uncertain, want)
		}
		if e.Moment.Wall.Year() != 1970 {
			t.Errorf("what was recorded has changed: %s", e.Moment)
		}
		return
	}
	t.Fatal("no check-in in the journal")
}
