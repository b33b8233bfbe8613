package kiosk

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// told is an event as a board tells of its time.
type told struct {
	boot  string
	wall  time.Duration // since nine
	up    time.Duration
	clock Quality
	set   ClockSource // of a kiosk.clock_set, "-" if it is none
}

func (x told) event(seq int) Event {
	e := Event{Seq: uint64(seq), Moment: Moment{Wall: nine.Add(x.wall), Boot: x.boot, Up: x.up, Clock: x.clock}, Data: &CardScanned{}}
	if x.set != "-" {
		e.Data = &ClockSet{Source: x.set}
	}
	return e
}

const (
	sec  = time.Second
	mnt  = time.Minute
	hour = time.Hour
	year = 365 * 24 * time.Hour
)

// past is 1970, seen from nine.
var past = time.Unix(0, 0).Sub(nine)

func TestCorrect(t *testing.T) {
	type out struct {
		at        time.Duration // since nine
		uncertain bool
	}
	sure := func(at ...time.Duration) (o []out) {
		for _, a := range at {
			o = append(o, out{a, false})
		}
		return o
	}
	for _, c := range []struct {
		name string
		in   []told
		want []out
	}{
		{"moved by what the clock was off", []told{{"a", past + mnt, mnt, Unset, "-"}, {"a", past + 2*mnt, 2 * mnt, Unset, "-"}, {"a", 2 * mnt, 3 * mnt, Synced, ""}, {"a", 3 * mnt, 4 * mnt, Synced, "-"}},
			sure(0, mnt, 2*mnt, 3*mnt)},
		{"a synced event tells it without kiosk.clock_set", []told{{"a", past + mnt, mnt, Unset, "-"}, {"a", 2 * mnt, 3 * mnt, Synced, "-"}},
			sure(0, 2*mnt)},
		{"the office's time counts under a clock that nobody holds", []told{{"a", past + mnt, mnt, Unset, "-"}, {"a", 2 * mnt, 3 * mnt, Holdover, ClockOffice}, {"a", 3 * mnt, 4 * mnt, Holdover, "-"}},
			sure(0, 2*mnt, 3*mnt)},
		{"a clock never set", []told{{"a", 0, hour, Synced, "-"}, {"b", past, mnt, Unset, "-"}, {"c", hour, 2 * mnt, Holdover, "-"}},
			[]out{{0, false}, {mnt, true}, {hour, false}}},
		{"a year ahead and back, both believed by the board", []told{{"a", 0, hour, Synced, "-"}, {"a", year + mnt, hour + mnt, Synced, ""}, {"a", year + 2*mnt, hour + 2*mnt, Synced, "-"}, {"a", 3 * mnt, hour + 3*mnt, Synced, ""}},
			sure(0, mnt, 2*mnt, 3*mnt)},
		{"a year back and ahead, nobody vouches", []told{{"a", 0, hour, Holdover, "-"}, {"a", mnt - year, hour + mnt, Holdover, "-"}, {"a", 2*mnt - year, hour + 2*mnt, Unset, "-"}, {"a", 3 * mnt, hour + 3*mnt, Holdover, "-"}},
			sure(0, mnt, 2*mnt, 3*mnt)},
		{"a jump that was not followed does not move", []told{{"a", 0, hour, Synced, "-"}, {"a", mnt, hour + mnt, Holdover, ClockJump}, {"a", 2 * mnt, hour + 2*mnt, Synced, "-"}},
			sure(0, mnt, 2*mnt)},
		{"trust lost, then a step", []told{{"a", 0, hour, Synced, "-"}, {"a", year, hour + mnt, Holdover, "-"}},
			sure(0, mnt)},
		{"drift between two trusted instants grows evenly", []told{{"a", 0, 0, Synced, "-"}, {"a", 5 * hour, 5 * hour, Holdover, "-"}, {"a", 10*hour + 4*sec, 10 * hour, Synced, ""}},
			sure(0, 5*hour+2*sec, 10*hour+4*sec)},
		{"what drift cannot explain was wrong before", []told{{"a", 0, hour, Synced, "-"}, {"a", mnt, hour + mnt, Synced, "-"}, {"a", 2*mnt + hour, hour + 2*mnt, Synced, ""}},
			sure(hour, hour+mnt, hour+2*mnt)},
		{"another boot's setting means nothing here", []told{{"a", 0, hour, Holdover, "-"}, {"b", mnt, sec, Synced, ClockSystem}},
			sure(0, mnt)},
		{"a future that the next boot disproves", []told{{"a", 0, hour, Synced, "-"}, {"b", year, mnt, Synced, "-"}, {"b", year + hour, hour + mnt, Synced, "-"}, {"c", 3 * hour, mnt, Synced, "-"}},
			[]out{{0, false}, {2*hour - mnt, true}, {3*hour - mnt, true}, {3 * hour, false}}},
		{"a few seconds of overlap wait for each other", []told{{"a", 10 * sec, hour, Holdover, "-"}, {"b", 8 * sec, sec, Synced, "-"}, {"b", 20 * sec, 13 * sec, Synced, "-"}},
			sure(10*sec, 10*sec, 20*sec)},
		{"a boot that thinks it was before the last one", []told{{"a", hour, hour, Synced, "-"}, {"b", 0, mnt, Holdover, "-"}, {"b", hour, hour + mnt, Holdover, "-"}},
			[]out{{hour, false}, {hour + mnt, true}, {2*hour + mnt, true}}},
	} {
		events := tell(c.in)
		Correct(events)
		for i, e := range events {
			if got := e.When.Sub(nine); got != c.want[i].at || e.Uncertain != c.want[i].uncertain {
				t.Errorf("%s: event %d at nine + %s (uncertain %v), want + %s (%v)", c.name, i+1, got, e.Uncertain, c.want[i].at, c.want[i].uncertain)
			}
			if !e.Uncertain && (!e.Earliest.IsZero() || !e.Latest.IsZero()) {
				t.Errorf("%s: event %d is sure and has bounds", c.name, i+1)
			}
		}
	}
}

func tell(in []told) (events []Event) {
	for i, x := range in {
		events = append(events, x.event(i+1))
	}
	return events
}

// A boot that never synced lies between its neighbours, as tightly as the time
// since boot says; so do two of them in a row.
func TestBounds(t *testing.T) {
	events := tell([]told{
		{"a", 0, hour, Synced, "-"},
		{"b", past, 2 * mnt, Unset, "-"}, {"b", past + 8*mnt, 10 * mnt, Unset, "-"},
		{"c", past, 5 * mnt, Unset, "-"},
		{"d", 3 * hour, mnt, Synced, "-"},
		{"e", past, 7 * mnt, Unset, "-"},
	})
	Correct(events)
	for i, want := range []struct{ low, high time.Duration }{
		{}, {2 * mnt, 3*hour - mnt - 5*mnt - 8*mnt}, {10 * mnt, 3*hour - mnt - 5*mnt}, {15 * mnt, 3*hour - mnt}, {}, {3*hour + 7*mnt, -1},
	} {
		e := events[i]
		if want.low == 0 {
			if e.Uncertain {
				t.Errorf("event %d is uncertain", i+1)
			}
			continue
		}
		if got := e.Earliest.Sub(nine); got != want.low || !e.Uncertain {
			t.Errorf("event %d: not before nine + %s, want + %s", i+1, got, want.low)
		}
		if want.high < 0 {
			if !e.Latest.IsZero() {
				t.Errorf("event %d: not after %s, and nothing says so", i+1, e.Latest)
			}
		} else if got := e.Latest.Sub(nine); got != want.high {
			t.Errorf("event %d: not after nine + %s, want + %s", i+1, got, want.high)
		}
		if e.When.Before(e.Earliest) || !e.Latest.IsZero() && e.When.After(e.Latest) {
			t.Errorf("event %d at %s lies outside of %s to %s", i+1, e.When, e.Earliest, e.Latest)
		}
	}
}

// clocks draws what boards with clocks of all kinds tell.
func clocks(t *rapid.T) (events []Event) {
	x := told{boot: "b0", clock: Synced, set: "-"}
	for i := range rapid.IntRange(1, 20).Draw(t, "events") {
		d := time.Duration(rapid.SampledFrom([]int{0, 1, 10, 60, 3600, 90000}).Draw(t, "passed")) * sec
		x.wall, x.up, x.set = x.wall+d, x.up+d, "-"
		switch rapid.IntRange(0, 9).Draw(t, "trouble") {
		case 0:
			x.boot, x.up = fmt.Sprintf("b%d", i), time.Duration(rapid.IntRange(0, 600).Draw(t, "up"))*sec
		case 1, 2:
			x.wall += rapid.SampledFrom([]time.Duration{-year, -hour, -sec, 300 * time.Millisecond, 3 * sec, hour, year}).Draw(t, "jump")
		case 3:
			x.set = rapid.SampledFrom([]ClockSource{"", ClockOffice, ClockJump}).Draw(t, "source")
		}
		x.clock = rapid.SampledFrom([]Quality{x.clock, x.clock, x.clock, Synced, Holdover, Unset}).Draw(t, "clock")
		events = append(events, x.event(i+1))
	}
	return events
}

// TestFollowIsCorrect: events corrected one by one, and again from the boot on
// that Follow and CorrectAfter name, have the times of all corrected at once.
func TestFollowIsCorrect(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := clocks(t)
		var have []Event
		for _, e := range all {
			var last Event
			if len(have) > 0 {
				last = have[len(have)-1]
			}
			again := Follow(last, &e)
			have = append(have, e)
			for from := len(have) - 1; again; from-- {
				for from > 0 && sameBoot(&have[from-1], &have[from]) {
					from--
				}
				last = Event{}
				if from > 0 {
					last = have[from-1]
				}
				tail := slices.Clone(have[from:])
				if earlier := CorrectAfter(last, tail); !earlier || from == 0 {
					copy(have[from:], tail)
					break
				}
			}
			want := slices.Clone(all[:len(have)])
			Correct(want)
			for i := range want {
				if g, w := have[i], want[i]; !g.When.Equal(w.When) || g.Uncertain != w.Uncertain || !g.Earliest.Equal(w.Earliest) && again {
					t.Fatalf("after %d events, number %d: %s (uncertain %v, from %s) one by one, %s (%v, from %s) at once",
						len(have), i+1, g.When, g.Uncertain, g.Earliest, w.When, w.Uncertain, w.Earliest)
				}
			}
		}
	})
}

// TestTimesNeverRunBack, and what passed inside a boot is what passed since boot,
// save for what a clock may drift and for what boots share.
func TestTimesNeverRunBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := clocks(t)
		Correct(events)
		for i := 1; i < len(events); i++ {
			a, b := events[i-1], events[i]
			d, up := b.When.Sub(a.When), b.Moment.Up-a.Moment.Up
			if d < 0 {
				t.Fatalf("event %d at %s, the next at %s", i, a.When, b.When)
			}
			if off := (d - up).Abs(); sameBoot(&a, &b) && off > up/drift+overlap+3*noStep {
				t.Fatalf("event %d and the next are %s apart, by the time since boot %s", i, d, up)
			}
			if b.Uncertain && !b.Latest.IsZero() && b.Latest.Before(b.Earliest.Add(-overlap)) {
				t.Fatalf("event %d lies between %s and %s", i+1, b.Earliest, b.Latest)
			}
		}
	})
}

// TestCorrectMixed: where two boards went on in one epoch, what stands around a
// chain says nothing about it, and a trusted instant counts in every part of its
// boot.
func TestCorrectMixed(t *testing.T) {
	for _, c := range []struct {
		name   string
		in     []told
		breaks []int // do not follow the one before
		want   []time.Duration
		unsure []bool
	}{
		{"two boards at the same time", []told{{"a", 0, hour, Synced, "-"}, {"b", 20 * mnt, 5 * mnt, Synced, "-"}, {"a", 10 * mnt, hour + 10*mnt, Synced, "-"}},
			[]int{1, 2}, []time.Duration{0, 20 * mnt, 10 * mnt}, []bool{false, false, false}},
		{"a chain is corrected as an epoch is", []told{{"a", 50 * mnt, mnt, Unset, "-"}, {"b", 20 * mnt, 5 * mnt, Synced, "-"}, {"c", 0, mnt, Synced, "-"}},
			[]int{2}, []time.Duration{15 * mnt, 20 * mnt, 0}, []bool{true, false, false}},
		{"vouched for in another chain", []told{{"a", past, mnt, Unset, "-"}, {"b", 20 * mnt, 5 * mnt, Synced, "-"}, {"a", 2 * mnt, 3 * mnt, Synced, "-"}},
			[]int{1, 2}, []time.Duration{0, 20 * mnt, 2 * mnt}, []bool{false, false, false}},
		{"nobody vouches: the sequence is all there is", []told{{"a", 0, hour, Synced, "-"}, {"b", past, 5 * mnt, Unset, "-"}},
			[]int{1}, []time.Duration{0, 5 * mnt}, []bool{false, true}},
		{"one chain", []told{{"a", 0, hour, Synced, "-"}, {"b", past, 5 * mnt, Unset, "-"}}, nil, []time.Duration{0, 5 * mnt}, []bool{false, true}},
	} {
		var events []Event
		for i, x := range c.in {
			events = append(events, x.event(i+1))
		}
		CorrectMixed(events, func(i int) bool { return !slices.Contains(c.breaks, i) })
		for i, e := range events {
			if got := e.When.Sub(nine); got != c.want[i] || e.Uncertain != c.unsure[i] {
				t.Errorf("%s: event %d at %s, uncertain %v; want %s, %v", c.name, i, got, e.Uncertain, c.want[i], c.unsure[i])
			}
		}
	}
	// Without a break it is Correct.
	rapid.Check(t, func(rt *rapid.T) {
		var events []Event
		for i := range rapid.IntRange(0, 12).Draw(rt, "n") {
			x := told{fmt.Sprint(i / 4), time.Duration(rapid.IntRange(-3000, 3000).Draw(rt, "wall")) * sec, time.Duration(i%4+1) * mnt,
				rapid.SampledFrom([]Quality{Unset, Holdover, Synced}).Draw(rt, "clock"), "-"}
			events = append(events, x.event(i+1))
		}
		want := slices.Clone(events)
		Correct(want)
		CorrectMixed(events, func(int) bool { return true })
		for i := range want {
			w, g := want[i], events[i]
			if !w.When.Equal(g.When) || w.Uncertain != g.Uncertain {
				rt.Fatalf("event %d at %s (%v), want %s (%v)", i, g.When, g.Uncertain, w.When, w.Uncertain)
			}
		}
	})
}

// TestFits: what fits moves nothing when it comes late, and its time is that of its
// wall clock, whatever the rest of the epoch is like.
func TestFits(t *testing.T) {
	fitted := 0
	rapid.Check(t, func(t *rapid.T) {
		all := drawTold(t)
		i := rapid.IntRange(1, max(1, len(all)-2)).Draw(t, "late")
		if i+1 >= len(all) {
			return
		}
		events, whole := tell(all), tell(all)
		late := events[i]
		without := slices.Delete(events, i, i+1)
		Correct(without)
		Correct(whole)
		if !Fits(without[i-1], late, without[i]) {
			return
		}
		fitted++
		late.When = late.Moment.Wall
		for n, e := range slices.Insert(without, i, late) {
			if !e.When.Equal(whole[n].When) || e.Uncertain != whole[n].Uncertain {
				t.Fatalf("event %d of %+v: %v (uncertain %v) with %d coming late, %v (%v) together", n+1, all, e.When, e.Uncertain, i+1, whole[n].When, whole[n].Uncertain)
			}
		}
	})
	if fitted == 0 {
		t.Error("nothing fits")
	}
}

func drawTold(t *rapid.T) (all []told) {
	boot, wall, up := 0, time.Duration(0), time.Duration(0)
	for range rapid.IntRange(3, 14).Draw(t, "events") {
		passed := time.Duration(rapid.SampledFrom([]int{0, 0, 1, 5, 60, 3600}).Draw(t, "passed")) * sec
		wall, up = wall+passed, up+passed
		if rapid.IntRange(0, 3).Draw(t, "odd") == 0 {
			wall += time.Duration(rapid.SampledFrom([]int{-300, -5, 5, 60, 300, 3600, -3600, 400_000}).Draw(t, "jump")) * sec / 10 * time.Duration(rapid.SampledFrom([]int{1, 10}).Draw(t, "tens"))
		}
		switch rapid.IntRange(0, 9).Draw(t, "boot") {
		case 0:
			boot, up = boot+1, time.Duration(rapid.IntRange(0, 60).Draw(t, "up"))*sec
		case 1:
			up -= sec * time.Duration(rapid.SampledFrom([]int{0, 1, 4000}).Draw(t, "back"))
		}
		x := told{fmt.Sprint(boot), wall, up, rapid.SampledFrom([]Quality{Synced, Synced, Synced, Holdover, Unset}).Draw(t, "clock"), "-"}
		if rapid.IntRange(0, 9).Draw(t, "set") == 0 {
			x.set = rapid.SampledFrom([]ClockSource{"", ClockOffice, ClockJump}).Draw(t, "source")
		}
		all = append(all, x)
	}
	return all
}
