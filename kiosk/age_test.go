package kiosk

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// How far parts may go: by a clock that can be trusted and has not jumped, and
// never back.
func TestAgeing(t *testing.T) {
	day := func(d int) time.Time { return time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC).AddDate(0, 0, d) }
	at := func(d int, q Quality) Moment { return Moment{Wall: day(d), Clock: q} }
	was := Ageing{Before: day(100), At: day(190)}
	for _, c := range []struct {
		name   string
		was    Ageing
		days   int
		newest time.Time
		now    Moment
		want   Ageing
		waits  string
	}{
		{"kept for ever", was, 0, day(200), at(200, Synced), was, ""},
		{"the next day", was, 90, time.Time{}, at(191, Synced), Ageing{day(101), day(191)}, ""},
		{"the same day", was, 90, time.Time{}, at(190, Synced), was, ""},
		{"for less long", was, 30, time.Time{}, at(190, Synced), Ageing{day(160), day(190)}, ""},
		{"for longer", was, 300, time.Time{}, at(191, Synced), Ageing{day(100), day(191)}, ""},
		{"a clock nobody set", was, 90, day(191), at(191, Unset), was, "not synchronised"},
		{"a clock that ran on", was, 90, day(191), at(191, Holdover), was, "not synchronised"},
		{"ten years ahead", was, 90, time.Time{}, at(190+3650, Synced), was, "3650 days after 2026-07-10"},
		{"off for long, and others say so too", was, 90, day(300), at(301, Synced), Ageing{day(211), day(301)}, ""},
		{"back", was, 90, day(180), at(150, Synced), was, ""},
		{"the first time", Ageing{}, 90, day(200), at(201, Synced), Ageing{day(111), day(201)}, ""},
		{"the first time, ten years ahead", Ageing{}, 90, day(200), at(3850, Synced), Ageing{}, "3650 days after"},
		{"the first time, nothing to hold it against", Ageing{}, 90, time.Time{}, at(201, Synced), Ageing{}, ""},
	} {
		got, wait := c.was.Next(c.days, c.newest, c.now)
		if !got.Before.Equal(c.want.Before) || !got.At.Equal(c.want.At) || !strings.Contains(wait, c.waits) || (wait == "") != (c.waits == "") {
			t.Errorf("%s: %+v %q, want %+v %q", c.name, got, wait, c.want, c.waits)
		}
	}
}

// Which visits are old: not the open ones, nor those that are being done again.
func TestOld(t *testing.T) {
	day := func(d int) time.Time { return time.Date(2026, 1, d, 12, 0, 0, 0, time.UTC) }
	a := Ageing{Before: day(10)}
	open := []*Visit{{ID: "V9", Rework: &Rework{Earlier: "V1"}}, {ID: "V8"}, {ID: "V7", Rework: &Rework{Earlier: "V2"}, Ended: day(1)}}
	redone := Redone(slices.Values(open))
	for _, c := range []struct {
		v    *Visit
		want bool
	}{
		{&Visit{ID: "V2", Ended: day(9)}, true},
		{&Visit{ID: "V2", Ended: day(10)}, false},
		{&Visit{ID: "V2"}, false},
		{&Visit{ID: "V1", Ended: day(1)}, false},
		{nil, false},
	} {
		if got := a.Old(c.v, redone); got != c.want {
			t.Errorf("%+v is old: %t", c.v, got)
		}
	}
}
