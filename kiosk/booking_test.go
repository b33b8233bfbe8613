package kiosk

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestBookingPass(t *testing.T) {
	ours, theirs := []byte("our key"), []byte("their key")
	keys := func(id string) []byte {
		if id == DigestOf(ours)[:8] {
			return ours
		}
		return nil
	}
	day := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	good, err := SignBooking(ours, "B-17", day)
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := SignBooking(theirs, "B-17", day)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, text string
		want       error
	}{
		{"genuine", good, nil},
		{"of another store", foreign, ErrPassKey},
		{"another booking", strings.Replace(good, "B-17", "B-18", 1), ErrPassForged},
		{"another day", strings.Replace(good, "20261122", "20261123", 1), ErrPassForged},
		{"no signature", good[:strings.LastIndexByte(good, '.')+1], ErrPassForged},
		{"no date", strings.Replace(good, "20261122", "20269922", 1), ErrPassForm},
		{"HTML", strings.Replace(good, "B-17", "<b>", 1), ErrPassForm},
		{"cut", good[:12], ErrPassForm},
		{"long", good + strings.Repeat("A", 200), ErrPassForm},
		{"empty", "", ErrPassForm},
	} {
		p, err := ReadBookingPass(c.text, keys)
		if !errors.Is(err, c.want) || c.want == nil && (p.Booking != "B-17" || p.Day != "20261122") {
			t.Errorf("%s: %+v, %v, want %v", c.name, p, err, c.want)
		}
	}
	if _, err := SignBooking(ours, "=1+1", day); err == nil {
		t.Error("an id that is a formula was signed")
	}
}

func FuzzReadBookingPass(f *testing.F) {
	key := []byte("our key")
	good, err := SignBooking(key, "B-17", time.Unix(0, 0))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add("BB1....")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ReadBookingPass(text, func(string) []byte { return key })
		if err == nil && (!strings.HasPrefix(text, "BB1."+p.KeyID+"."+p.Booking+"."+p.Day+".") || CheckBookingID(p.Booking) != nil) {
			t.Errorf("%q was read as %+v", text, p)
		}
	})
}

func TestDaysSince(t *testing.T) {
	now := time.Date(2026, 11, 22, 1, 0, 0, 0, time.FixedZone("", 8*3600))
	for _, days := range []int{0, 1, 31, 1023} {
		if got := DaysSince(MakeID("0A7", 'A', now.AddDate(0, 0, -days), 5), now); got != days {
			t.Errorf("%d days ago: %d", days, got)
		}
	}
	if got := DaysSince("nonsense", now); got != 0 {
		t.Errorf("no id: %d", got)
	}
}
