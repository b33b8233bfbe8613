package kiosk

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestSince(t *testing.T) {
	m := Moment{Wall: nine, Boot: "b", Up: time.Hour}
	for _, c := range []struct {
		name string
		now  Moment
		want time.Duration
	}{
		{"one boot", m.Add(time.Minute), time.Minute},
		{"one boot, the clock stepped back", Moment{Wall: nine.Add(-time.Hour), Boot: "b", Up: time.Hour + time.Minute}, time.Minute},
		{"another boot", Moment{Wall: nine.Add(time.Minute), Boot: "c", Up: time.Second}, time.Minute},
		{"another boot in the past", Moment{Wall: nine.Add(-time.Minute), Boot: "c"}, 0},
		{"no boot known", Moment{Wall: nine.Add(time.Minute), Up: 5}, time.Minute},
	} {
		if got := c.now.Since(m); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestCalendar(t *testing.T) {
	c := ShanghaiWeek(zone)
	c.Week[time.Sunday] = Hours{}
	c.Days = map[string]Hours{"2026-11-23": {Open: 10 * time.Hour, Close: 12 * time.Hour}}
	day := func(d, h, m int) time.Time { return time.Date(2026, 11, d, h, m, 0, 0, zone) }
	for _, x := range []struct{ at, want time.Time }{
		{day(21, 9, 0), day(21, 20, 0)}, // Saturday: closes 18:00
		{day(21, 19, 59), day(21, 20, 0)},
		{day(21, 20, 0), day(23, 2, 0)}, // then Sunday, closed: its midnight + 2 h
		{day(22, 12, 0), day(23, 2, 0)},
		{day(23, 9, 0), day(23, 14, 0)}, // an exception
		{day(23, 14, 0), day(24, 20, 0)},
		{day(21, 9, 0).UTC(), day(21, 20, 0)},
	} {
		if got := c.ShiftEnd(x.at); !got.Equal(x.want) {
			t.Errorf("ShiftEnd(%s) = %s, want %s", x.at, got, x.want)
		}
	}
	if got := c.Day(time.Date(2026, 11, 21, 17, 0, 0, 0, time.UTC)); got != "2026-11-22" {
		t.Errorf("17:00 UTC is on %s", got)
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip("no time zones on this machine: ", err)
	}
	summer := ShanghaiWeek(berlin)
	if got := summer.Closing(time.Date(2026, 10, 25, 1, 0, 0, 0, berlin)); got.Hour() != 18 {
		t.Errorf("on the day summer time ends the store closes at %s", got)
	}
}

func TestShiftEndIsAhead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := ShanghaiWeek(zone)
		for i := range c.Week {
			open := time.Duration(rapid.IntRange(0, 24).Draw(t, "open")) * time.Hour
			c.Week[i] = Hours{open, open + time.Duration(rapid.IntRange(0, 30).Draw(t, "long"))*time.Hour}
		}
		at := nine.Add(time.Duration(rapid.IntRange(0, 14*24*60).Draw(t, "minute")) * time.Minute)
		if end := c.ShiftEnd(at); !end.After(at) || end.Sub(at) > 80*time.Hour {
			t.Fatalf("shift of %s ends %s", at, end)
		}
	})
}
