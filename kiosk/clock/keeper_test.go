package clock

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"baylight/kiosk"

	"pgregory.net/rapid"
)

var nine = time.Date(2026, 11, 21, 9, 0, 0, 0, time.FixedZone("", 8*3600))

func at(wall time.Time, up time.Duration, q kiosk.Quality) kiosk.Moment {
	return kiosk.Moment{Wall: wall, Boot: "boot-1", Up: up, Clock: q}
}

// system is a system clock that says what it is told.
type system struct {
	Clock
	m kiosk.Moment
}

func (s *system) Now() kiosk.Moment { return s.m }

// look is one look at the clock: what the system says, and what the keeper has
// to make of it. Walls are seconds after nine, which is boot + 1 h.
type look struct {
	wall, up time.Duration
	clock    kiosk.Quality
	office   *Sample // offered at this moment; Start is the office's wall in the table
	want     time.Duration
	quality  kiosk.Quality
	changes  string
}

const (
	sec  = time.Second
	mnt  = time.Minute
	hour = time.Hour
	year = 365 * 24 * time.Hour

	synced, holdover, unset = kiosk.Synced, kiosk.Holdover, kiosk.Unset
)

// says is the office's time, off seconds after nine, with an error.
func says(off, err time.Duration, synced bool) *Sample {
	return &Sample{Start: nine.Add(off), Error: err, Synced: synced}
}

func TestKeeper(t *testing.T) {
	past := time.Unix(0, 0).Sub(nine)
	before := Known{Last: kiosk.Moment{Wall: nine.Add(-hour), Boot: "boot-0", Up: hour, Clock: synced}, Built: nine.Add(-90 * 24 * hour)}
	here := func(q kiosk.Quality) (n Known) {
		n.Built = before.Built
		for _, e := range []kiosk.Event{{Moment: at(nine, hour, q), Data: &kiosk.ClockSet{Source: kiosk.ClockJump}}, {Moment: at(nine.Add(-mnt), hour-mnt, q), Data: &kiosk.CardScanned{}}} {
			if !n.Take(e) {
				break
			}
		}
		return n
	}
	for _, c := range []struct {
		name  string
		known Known
		looks []look
	}{
		{"synchronised from the start on", before, []look{{0, hour, synced, nil, 0, synced, ""}, {mnt, hour + mnt, synced, nil, mnt, synced, ""}}},
		{"1970, no source: not before the last durable event", before, []look{
			{past, 0, unset, nil, -hour, unset, ""}, {past + mnt, mnt, unset, nil, -hour + mnt, unset, ""},
			{mnt, 2 * mnt, synced, nil, mnt, synced, "system+59m0s"}}},
		{"1970 and an empty journal: not before the program was built", Known{Built: nine}, []look{
			{past, 0, unset, nil, -24 * hour, unset, ""}}},
		{"a battery clock, then the network", before, []look{
			{0, hour, holdover, nil, 0, holdover, ""}, {mnt + 2*sec, hour + mnt, synced, nil, mnt + 2*sec, synced, "system+2s"}}},
		{"a battery clock that was before the last durable event counts for nothing", before, []look{
			{-2 * hour, mnt, holdover, nil, mnt - hour, unset, ""}}},
		{"set by hand, and once more", before, []look{
			{past, 0, unset, nil, -hour, unset, ""}, {0, mnt, unset, nil, 0, holdover, "hand+59m0s"}, {mnt + hour, 2 * mnt, unset, nil, mnt + hour, holdover, "hand+1h0m0s"}}},
		{"set by hand to before what is known counts for nothing", before, []look{
			{past, 0, unset, nil, -hour, unset, ""}, {-year, mnt, unset, nil, mnt - hour, unset, ""}}},
		{"a year ahead and back while synchronised", before, []look{
			{0, hour, synced, nil, 0, synced, ""}, {year + mnt, hour + mnt, synced, nil, mnt, holdover, "jump+8760h0m0s"},
			{year + 2*mnt, hour + 2*mnt, synced, nil, 2 * mnt, holdover, ""}, {3 * mnt, hour + 3*mnt, synced, nil, 3 * mnt, synced, ""}}},
		{"a year back and ahead, the trust lost with it", before, []look{
			{0, hour, synced, nil, 0, synced, ""}, {mnt - year, hour + mnt, unset, nil, mnt, holdover, "jump-8760h0m0s"},
			{2 * mnt, hour + 2*mnt, unset, nil, 2 * mnt, holdover, ""}, {3 * mnt, hour + 3*mnt, synced, nil, 3 * mnt, synced, ""}}},
		{"a jump that stands for an hour is followed", before, []look{
			{0, hour, synced, nil, 0, synced, ""}, {hour + mnt, hour + mnt, synced, nil, mnt, holdover, "jump+1h0m0s"},
			{2*hour + mnt - sec, 2*hour + mnt - sec, synced, nil, hour + mnt - sec, holdover, ""},
			{2*hour + mnt, 2*hour + mnt, synced, nil, 2*hour + mnt, synced, "system+1h0m0s"}}},
		{"a jump that the office confirms is followed at once", before, []look{
			{0, hour, synced, nil, 0, synced, ""}, {hour + mnt, hour + mnt, synced, nil, mnt, holdover, "jump+1h0m0s"},
			{hour + 2*mnt, hour + 2*mnt, synced, says(hour+2*mnt, 50*time.Millisecond, true), hour + 2*mnt, synced, "system+1h0m0s"}}},
		{"a jump that the office denies is not followed", before, []look{
			{0, hour, synced, nil, 0, synced, ""}, {hour + mnt, hour + mnt, synced, nil, mnt, holdover, "jump+1h0m0s"},
			{hour + 50*mnt, hour + 50*mnt, synced, says(50*mnt, 50*time.Millisecond, true), 50 * mnt, holdover, ""},
			{2*hour + 5*mnt, 2*hour + 5*mnt, synced, nil, hour + 5*mnt, holdover, ""}}},
		{"drift after a month without a server is no jump", before, []look{
			{0, hour, synced, nil, 0, synced, ""}, {720 * hour, 721 * hour, holdover, nil, 720 * hour, holdover, ""},
			{720*hour + 3*mnt, 721 * hour, synced, nil, 720*hour + 3*mnt, synced, "system+3m0s"}}},
		{"the office's time while there is no other", before, []look{
			{past, 0, unset, nil, -hour, unset, ""}, {past + mnt, mnt, unset, says(mnt, 20*time.Millisecond, true), mnt, holdover, "office+1h0m0s±20ms"},
			{2*mnt + sec, 2 * mnt, synced, nil, 2*mnt + sec, synced, "system+1s"}}},
		{"an office that is not synchronised shows, and vouches for nothing", before, []look{
			{past, 0, unset, nil, -hour, unset, ""}, {past + mnt, mnt, unset, says(mnt, 20*time.Millisecond, false), mnt, unset, ""}}},
		{"an office before the last durable event, not synchronised", before, []look{
			{past, 0, unset, nil, -hour, unset, ""}, {past + mnt, mnt, unset, says(-2*hour, 20*time.Millisecond, false), mnt - hour, unset, ""}}},
		{"an office that contradicts the system", before, []look{
			{0, hour, synced, nil, 0, synced, ""}, {mnt, hour + mnt, synced, says(year, 20*time.Millisecond, true), mnt, synced, ""}}},
		{"an office that is nearer than the battery clock", before, []look{
			{0, hour, holdover, nil, 0, holdover, ""}, {mnt, hour + mnt, holdover, says(mnt+40*sec, 20*time.Millisecond, true), mnt + 40*sec, holdover, "office+40s±20ms"}}},
		{"the daemon starts again in the same boot", here(synced), []look{
			{mnt, hour + mnt, synced, nil, mnt, synced, ""}}},
		{"the clock jumped while the daemon was away", here(synced), []look{
			{year + mnt, hour + mnt, synced, nil, mnt, holdover, "jump+8760h0m0s"}}},
		{"the system lost its clock, the daemon starts again, the clock jumps", func() Known {
			n := here(holdover)
			n.Take(kiosk.Event{Moment: at(nine.Add(-2*mnt), hour-2*mnt, synced), Data: &kiosk.CardScanned{}})
			return n
		}(), []look{{year + mnt, hour + mnt, synced, nil, mnt, holdover, "jump+8760h0m0s"}}},
		{"a boot without a source goes on without one", here(unset), []look{
			{past, hour + mnt, unset, nil, mnt, unset, ""}, {2 * mnt, hour + 2*mnt, synced, nil, 2 * mnt, synced, "system+0s"}}},
		{"synchronised to before a trusted event of an earlier boot", before, []look{
			{-2 * hour, mnt, synced, nil, mnt - hour, unset, "jump-1h1m0s"}, {-2*hour + mnt, 2 * mnt, synced, nil, 2*mnt - hour, unset, ""},
			{-hour, hour + mnt, synced, nil, -hour, synced, "system-1h1m0s"}}},
	} {
		s := &system{}
		k := NewKeeper(s, c.known, nil)
		for i, l := range c.looks {
			s.m = at(nine.Add(l.wall), l.up, l.clock)
			if l.office != nil {
				o := *l.office
				o.Boot, o.Up, o.Start = "boot-1", l.up, o.Start.Add(-l.up)
				k.Offer(o)
			}
			now := k.Now()
			changes := ""
			for _, x := range k.take() {
				changes += fmt.Sprintf("%s%+s", x.Source, signed(x.Offset))
				if x.Source == kiosk.ClockOffice {
					changes += "±" + x.Error.String()
				}
			}
			if now.Wall.Sub(nine) != l.want || now.Clock != l.quality || changes != l.changes {
				t.Errorf("%s, look %d: nine + %s, %s, changes %q; want + %s, %s, %q", c.name, i, now.Wall.Sub(nine), now.Clock, changes, l.want, l.quality, l.changes)
			}
			if now.Up != l.up || now.Boot != "boot-1" {
				t.Errorf("%s, look %d: the time since boot has changed: %v", c.name, i, now)
			}
		}
	}
}

func signed(d time.Duration) string {
	if d < 0 {
		return d.String()
	}
	return "+" + d.String()
}

func TestStatus(t *testing.T) {
	s := &system{m: at(nine, hour, synced)}
	k := NewKeeper(s, Known{}, nil)
	if got := k.Status(); got != (Status{Quality: synced, Source: kiosk.ClockSystem}) || got.Lost() {
		t.Errorf("synchronised: %+v", got)
	}
	s.m = at(nine.Add(25*hour), 26*hour, unset)
	if got := k.Status(); got != (Status{Quality: holdover, Source: kiosk.ClockSystem, Age: 25 * hour, Error: 25 * hour / drift}) || !got.Lost() {
		t.Errorf("a day later: %+v", got)
	}
	s.m = at(nine.Add(25*hour+year), 26*hour, unset)
	if got := k.Status(); got.Jump != year {
		t.Errorf("after a jump: %+v", got)
	}
	s.m = kiosk.Moment{Wall: time.Unix(0, 0), Boot: "boot-2", Up: 23 * hour, Clock: unset}
	if got := k.Status(); got != (Status{Quality: unset, Age: 23 * hour}) || got.Lost() {
		t.Errorf("another boot, no source: %+v", got)
	}
}

// Whatever the system's clock does: the time inside a boot runs with the time
// since boot except where a change says so, and at most 64 changes wait.
func TestKeeperRunsWithTheTimeSinceBoot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &system{m: at(nine, 0, rapid.SampledFrom([]kiosk.Quality{synced, holdover, unset}).Draw(t, "first"))}
		k := NewKeeper(s, Known{Built: nine.Add(-year)}, nil)
		last := k.Now()
		for range rapid.IntRange(1, 40).Draw(t, "looks") {
			d := time.Duration(rapid.SampledFrom([]int{1, 60, 1800, 7200}).Draw(t, "passed")) * sec
			s.m = s.m.Add(d)
			s.m.Wall = s.m.Wall.Add(rapid.SampledFrom([]time.Duration{0, 0, 0, year, -year, hour, 100 * time.Millisecond}).Draw(t, "jump"))
			s.m.Clock = rapid.SampledFrom([]kiosk.Quality{s.m.Clock, s.m.Clock, synced, holdover, unset}).Draw(t, "clock")
			now := k.Now()
			moved := time.Duration(0)
			for _, c := range k.take() {
				if c.Source != kiosk.ClockJump {
					moved += c.Offset
				}
			}
			if off := now.Wall.Sub(last.Wall) - d - moved; off.Abs() >= noStep {
				t.Fatalf("%s passed, changes say %s, the clock went %s", d, moved, now.Wall.Sub(last.Wall))
			}
			last = now
		}
	})
}

func TestKeeperReportsWithinASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lead, err := NewLead(at(time.Unix(5, 0), 5*time.Second, unset), nil)
		if err != nil {
			t.Fatal(err)
		}
		var got []Change
		k := NewKeeper(lead, Known{Built: time.Unix(0, 0)}, func(c Change) { got = append(got, c) })
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- k.Run(ctx) }()
		<-k.Ready()
		for _, m := range []kiosk.Moment{
			at(time.Unix(65, 0), 65*time.Second, unset), // a minute passes
			at(nine, 66*time.Second, synced),            // the network's time arrives
			at(nine.Add(time.Hour), time.Hour+66*time.Second, synced),
		} {
			synctest.Wait() // the alarm is set
			if err := lead.Set(m, 0); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if want := []Change{{Offset: nine.Sub(time.Unix(66, 0)), Source: kiosk.ClockSystem}}; !slices.Equal(got, want) {
			t.Errorf("reported %v, want %v", got, want)
		}
		if len(lead.alarms) != 0 {
			t.Errorf("%d alarms left behind", len(lead.alarms))
		}
	})
}
