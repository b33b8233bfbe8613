package kiosk

import (
	"fmt"
	"slices"
	"time"
)

// Quality says how far a wall clock can be trusted (DOMAIN §7).
type Quality string

// The three qualities of a clock.
const (
	Synced   Quality = "synced"   // the system says it is synchronised
	Holdover Quality = "holdover" // it was set once and has run on since
	Unset    Quality = "unset"    // nothing ever set it in this boot
)

// ClockSource is who said what time it is.
type ClockSource string

// Who sets a board's clock, the best first.
const (
	ClockSystem ClockSource = "system" // the system says it is synchronised
	ClockOffice ClockSource = "office" // the back office answered
	ClockRTC    ClockSource = "rtc"    // a clock with a battery
	ClockHand   ClockSource = "hand"   // the system's clock was set, and nobody says by whom
	ClockJump   ClockSource = "jump"   // no source: a jump that was not followed
)

// Followed says whether the board went by what the event says.
func (c *ClockSet) Followed() bool { return c.Source != ClockJump }

// Moment is an instant as one board knows it. Two moments of the same boot are
// compared by the time since boot, which no clock step can touch.
type Moment struct {
	Wall  time.Time     // wall clock in the store's time zone
	Boot  string        // boot id
	Up    time.Duration // time since boot, CLOCK_BOOTTIME
	Clock Quality
}

// Since is how long ago o was at m: by the time since boot within one boot, by
// the wall clock across boots, and never negative.
func (m Moment) Since(o Moment) time.Duration {
	d := m.Wall.Sub(o.Wall)
	if m.Boot == o.Boot && m.Boot != "" {
		d = m.Up - o.Up
	}
	return max(d, 0)
}

// Add is the moment d later in the same boot.
func (m Moment) Add(d time.Duration) Moment {
	m.Wall = m.Wall.Add(d)
	m.Up += d
	return m
}

func (m Moment) String() string {
	return fmt.Sprintf("%s (%s, up %s)", m.Wall.Format(time.RFC3339), m.Clock, m.Up)
}

// Hours are the opening hours of one day as times since local midnight. The
// zero value is a closed day.
type Hours struct {
	Open, Close time.Duration
}

// Calendar is a store's time zone and opening hours.
type Calendar struct {
	Zone *time.Location
	Week [7]Hours         // by time.Weekday
	Days map[string]Hours // exceptions by store-local date, "2026-10-01"

	// Holidays is whose public holidays are among Days ("cn"), "" for nobody's, and
	// Years the years they were published for.
	Holidays string
	Years    []int
}

// Known says whether the hours of the store-local day of t can be told: false in
// a year whose public holidays are not among Days, unless the day itself is.
func (c Calendar) Known(t time.Time) bool {
	if _, stated := c.Days[c.Day(t)]; stated || c.Holidays == "" {
		return true
	}
	return slices.Contains(c.Years, t.In(c.Zone).Year())
}

// Day is the store-local date of t, "2026-11-21".
func (c Calendar) Day(t time.Time) string { return t.In(c.Zone).Format(time.DateOnly) }

// Hours are the opening hours of the store-local day of t.
func (c Calendar) Hours(t time.Time) Hours {
	if len(c.Days) > 0 { // a date costs more than all the rest
		if h, ok := c.Days[c.Day(t)]; ok {
			return h
		}
	}
	return c.Week[t.In(c.Zone).Weekday()]
}

// Midnight is the start of the store-local day of t.
func (c Calendar) Midnight(t time.Time) time.Time {
	y, m, d := t.In(c.Zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, c.Zone)
}

// Closing is the closing time of the store-local day of t. A closed day closes
// at its midnight's end, so that work done on it is not cut short.
func (c Calendar) Closing(t time.Time) time.Time {
	h := c.Hours(t)
	y, m, d := t.In(c.Zone).Date()
	if h.Close <= h.Open {
		return time.Date(y, m, d+1, 0, 0, 0, 0, c.Zone)
	}
	return time.Date(y, m, d, 0, 0, int(h.Close/time.Second), 0, c.Zone)
}

// UnclosedAfter is how long after closing a job that still runs becomes
// unclosed (DOMAIN §4, forgotten finish); it also ends a shift.
const UnclosedAfter = 2 * time.Hour

// ShiftEnd is when a badge loses its hold and a running job becomes unclosed: closing + 2 h
// of the day of t, or of the next day if t is already past it.
func (c Calendar) ShiftEnd(t time.Time) time.Time {
	end := c.Closing(t).Add(UnclosedAfter)
	if t.Before(end) {
		return end
	}
	return c.Closing(c.Midnight(t).Add(36 * time.Hour)).Add(UnclosedAfter)
}

// ShanghaiWeek is the calendar a store has until it states its own: every day
// 08:30 to 18:00 in the given zone.
func ShanghaiWeek(zone *time.Location) Calendar {
	c := Calendar{Zone: zone}
	for i := range c.Week {
		c.Week[i] = Hours{Open: 8*time.Hour + 30*time.Minute, Close: 18 * time.Hour}
	}
	return c
}
