package kioskapp_test

import (
	"strings"
	"testing"
	"time"

	"baylight/device/bench"
	"baylight/kiosk"
	"baylight/sync/wire"
)

var cst = time.FixedZone("CST", 8*3600)

// corrected are the events of the journal as both ends see their times.
func (r *rig) corrected() (events []kiosk.Event) {
	r.t.Helper()
	for _, x := range r.rows() {
		e, err := kiosk.Decode(x.bytes)
		must(r.t, err)
		events = append(events, e)
	}
	kiosk.Correct(events)
	return events
}

// first is the first event of a type.
func first(t *testing.T, events []kiosk.Event, typ kiosk.Type) kiosk.Event {
	t.Helper()
	for _, e := range events {
		if e.Type() == typ {
			return e
		}
	}
	t.Fatalf("no %s in the journal", typ)
	return kiosk.Event{}
}

// awaitClockSet waits until n kiosk.clock_set are durable.
func (r *rig) awaitClockSet(n int) {
	r.t.Helper()
	r.await("kiosk.clock_set", func() bool { return len(of(r.rows(), "kiosk.clock_set")) == n })
}

// A board without a clock battery boots in the past; NTP sets its clock in the
// middle of a job. What was recorded before gets its true time.
func TestClockIsSetInTheMiddleOfAJob(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	l := listen(t)
	r.gate.open(l.broker.Addr())
	long := time.Date(1970, 1, 1, 8, 0, 30, 0, cst)
	must(t, r.clock.Set(kiosk.Moment{Wall: long, Boot: "boot-2", Up: 30 * time.Second, Clock: kiosk.Unset}, 0))
	r.up()
	r.scan("front", car(1), bench.AckGood)
	r.ticket()
	before := r.corrected()
	if e := first(t, before, "visit.checked_in"); !e.Uncertain || e.Moment.Clock != kiosk.Unset || e.Moment.Wall.Year() < 2025 {
		t.Errorf("without a clock: %s, uncertain %v; want a time not before the program was built", e.Moment, e.Uncertain)
	}
	truth := time.Date(2026, 3, 2, 10, 0, 0, 0, cst)
	must(t, r.clock.Set(kiosk.Moment{Wall: truth, Boot: "boot-2", Up: 90 * time.Second, Clock: kiosk.Synced}, 0))
	r.awaitClockSet(1)
	e := first(t, r.corrected(), "visit.checked_in")
	if want := truth.Add(e.Moment.Up - 90*time.Second); !e.When.Equal(want) || e.Uncertain {
		t.Errorf("the check-in is corrected to %s (uncertain: %v), want %s", e.When, e.Uncertain, want)
	}
	r.sound()
}

// The clock of a synchronised board jumps a year ahead and back in the middle of
// a job, and the daemon starts again in between: the job takes what it took.
func TestClockJumpsInTheMiddleOfAJob(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	nine := r.clock.Now()
	jump := func(passed, off time.Duration) {
		t.Helper()
		m := nine.Add(passed)
		m.Wall = m.Wall.Add(off)
		must(t, r.clock.Set(m, 0))
	}
	const year = 365 * 24 * time.Hour
	r.up()
	r.scan("front", car(1), bench.AckGood)
	code := kiosk.MakeCode(kiosk.KindVisit, r.visitOn(r.ticket()))
	jump(time.Minute, 0)
	r.scan("s1", badge, bench.AckGood)
	jump(2*time.Minute, 0)
	r.scan("s1", code, bench.AckGood)
	jump(12*time.Minute, year)
	r.awaitClockSet(1)
	r.shows("/devices", "is not followed")
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	r.up()
	jump(22*time.Minute, -year)
	r.awaitClockSet(3) // the start noticed the jump again
	jump(32*time.Minute, 0)
	r.await("the clock is back", func() bool { return !strings.Contains(r.page("/devices"), "is not followed") })
	r.scan("s1", badge, bench.AckGood)
	jump(33*time.Minute, 0)
	r.scan("s1", kiosk.ActionCode(tag, kiosk.Finish), bench.AckGood)
	events := r.corrected()
	start, end := first(t, events, "job.started"), first(t, events, "job.finished")
	if d := end.When.Sub(start.When); d != 31*time.Minute {
		t.Errorf("the job took %s, want 31m", d)
	}
	for _, e := range events {
		if off := e.When.Sub(nine.Wall) - (e.Moment.Up - nine.Up); off != 0 || e.Uncertain || e.Moment.Wall.Sub(e.When) != 0 {
			t.Errorf("%s at %s is %s off; recorded at %s", e.Type(), e.When, off, e.Moment.Wall)
		}
	}
	for _, x := range of(r.rows(), "kiosk.clock_set") {
		e, err := kiosk.Decode(x.bytes)
		must(t, err)
		if c := e.Data.(*kiosk.ClockSet); c.Followed() {
			t.Errorf("a jump was followed: %+v", c)
		}
	}
	for _, path := range []string{"/devices", "/bay/b1", "/desk"} {
		if page := r.page(path); strings.Contains(page, "2027") || strings.Contains(page, "2025") {
			t.Errorf("%s shows a year that never was", path)
		}
	}
	r.sound()
}

// A board that booted in 1970 asks the office for the time. An answer to a
// question that nobody asked, and the same answer again, move nothing.
func TestTheOfficesTime(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	l := listen(t)
	r.gate.open(l.broker.Addr())
	must(t, r.clock.Set(kiosk.Moment{Wall: time.Unix(30, 0).In(cst), Boot: "boot-2", Up: 30 * time.Second, Clock: kiosk.Unset}, 0))
	r.up()
	r.scan("front", car(1), bench.AckGood)
	r.ticket()
	truth := time.Date(2026, 11, 23, 10, 0, 0, 0, cst)
	answer := func(nonce string, at time.Time) {
		t.Helper()
		b, err := wire.TimeAnswer{Nonce: nonce, Time: at, Synced: true, Expires: at.Add(wire.TimeValid)}.Encode()
		must(t, err)
		l.link.Publish(wire.Prefix+store+"/k1/cmd/time", wire.QoS, false, b)
	}
	answer("0123456789abcdef0123456789", truth.AddDate(1, 0, 0))
	var nonce string
	r.await("a question for the time", func() bool {
		r.pass(time.Second / 10)
		for _, m := range l.heard("time") {
			q, err := wire.DecodeTimeQuestion(m)
			must(t, err)
			nonce = q.Nonce
		}
		return nonce != ""
	})
	asked := r.clock.Now().Up
	answer(nonce, truth)
	r.awaitClockSet(1)
	answer(nonce, truth.AddDate(0, 1, 0))
	must(t, r.clock.Advance(time.Minute))
	r.scan("front", car(2), bench.AckGood)
	r.ticket()
	events := r.corrected()
	c := first(t, events, "kiosk.clock_set").Data.(*kiosk.ClockSet)
	if c.Source != kiosk.ClockOffice || c.ErrorMS > 5000 {
		t.Errorf("the clock was set by %s with an error of %d ms", c.Source, c.ErrorMS)
	}
	for _, e := range events {
		if want := truth.Add(e.Moment.Up - asked); e.When.Sub(want).Abs() > time.Duration(c.ErrorMS)*time.Millisecond || e.Uncertain {
			t.Errorf("%s at %s (uncertain %v), want %s", e.Type(), e.When, e.Uncertain, want)
		}
	}
	if last := events[len(events)-1].Moment; last.Clock != kiosk.Holdover {
		t.Errorf("the board's clock is %s by the office's time, want holdover", last.Clock)
	}
}

// A clock that nobody sets is told to people and recorded as a device that is
// down; it is up again once the clock is set.
func TestClockNobodySets(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	m := kiosk.Moment{Wall: time.Unix(30, 0).In(cst), Boot: "boot-2", Up: 30 * time.Second, Clock: kiosk.Unset}
	must(t, r.clock.Set(m, 0))
	r.up()
	must(t, r.clock.Set(m.Add(11*time.Minute), 0))
	r.await("the clock is reported", func() bool { return len(of(r.rows(), "device.down")) == 1 })
	r.shows("/devices", "The time is not set")
	must(t, r.clock.Set(kiosk.Moment{Wall: time.Date(2026, 3, 2, 10, 0, 0, 0, cst), Boot: "boot-2", Up: 12 * time.Minute, Clock: kiosk.Synced}, 0))
	r.await("the clock is back", func() bool { return len(of(r.rows(), "device.up")) == 1 })
	if d := of(r.rows(), "device.down")[0].read(t).Data.Device; d != "clock" {
		t.Errorf("%q is down, want the clock", d)
	}
}
