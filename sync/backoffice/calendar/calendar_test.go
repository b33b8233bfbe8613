package calendar

import (
	"strings"
	"testing"
	"time"

	"baylight/kiosk"
)

// TestPublished compares the files with what the notices add up to: days off, and
// weekend days worked, which all lie on weekends.
func TestPublished(t *testing.T) {
	want := map[int][2]int{2024: {1 + 8 + 3 + 5 + 1 + 3 + 7, 8}, 2025: {1 + 8 + 3 + 5 + 3 + 8, 5}, 2026: {3 + 9 + 3 + 5 + 3 + 3 + 7, 6}}
	for _, year := range Years(China) {
		days, ok := Year(China, year)
		off, work := 0, 0
		for _, d := range days {
			day, err := time.Parse(time.DateOnly, d.Date)
			if err != nil || d.Name == "" {
				t.Errorf("%+v: %v", d, err)
			}
			weekend := day.Weekday() == time.Saturday || day.Weekday() == time.Sunday
			if d.Work && !weekend {
				t.Errorf("%s is a %s and cannot be worked in exchange", d.Date, day.Weekday())
			}
			if d.Work {
				work++
			} else {
				off++
			}
		}
		if got := [2]int{off, work}; !ok || got != want[year] {
			t.Errorf("%d has %v days off and worked, want %v", year, got, want[year])
		}
	}
	if len(Years(China)) != len(want) {
		t.Errorf("years %v", Years(China))
	}
	if _, ok := Year(China, 2027); ok {
		t.Error("2027 is known")
	}
}

func TestWith(t *testing.T) {
	zone := time.FixedZone("CST", 8*3600)
	c := kiosk.ShanghaiWeek(zone)
	usual := c.Week[time.Monday]
	c.Week[time.Saturday], c.Week[time.Sunday] = kiosk.Hours{Open: 9 * time.Hour, Close: 12 * time.Hour}, kiosk.Hours{}
	own := kiosk.Hours{Open: 10 * time.Hour, Close: 14 * time.Hour}
	c.Days = map[string]kiosk.Hours{"2026-10-02": own, "2027-01-01": {}}
	with, err := With(c, China)
	if err != nil {
		t.Fatal(err)
	}
	for day, want := range map[string]struct {
		hours kiosk.Hours
		known bool
	}{
		"2026-10-01": {kiosk.Hours{}, true}, // a day off
		"2026-10-02": {own, true},           // the store says otherwise
		"2026-10-08": {usual, true},         // Thursday after it
		"2026-10-10": {c.Week[6], true},     // a Saturday worked: its own hours
		"2026-09-20": {usual, true},         // a Sunday worked, when the store is closed: those of Monday
		"2026-11-22": {kiosk.Hours{}, true}, // a Sunday
		"2027-10-01": {usual, false},        // nobody knows
		"2027-01-01": {kiosk.Hours{}, true}, // the store says so
		"2023-05-01": {usual, false},        // before the files
		"2024-02-09": {usual, true},         // 除夕 was no public holiday in 2024
		"2025-01-28": {kiosk.Hours{}, true}, // in 2025 it was
	} {
		at, _ := time.ParseInLocation(time.DateOnly, day, zone)
		if got := with.Hours(at.Add(13 * time.Hour)); got != want.hours || with.Known(at) != want.known {
			t.Errorf("%s: hours %v, known %v, want %v, %v", day, got, with.Known(at), want.hours, want.known)
		}
	}
	if len(c.Days) != 2 || c.Holidays != "" || !c.Known(time.Date(2031, 1, 1, 0, 0, 0, 0, zone)) {
		t.Errorf("the calendar given was changed: %+v", c)
	}
	if _, err := With(c, "mars"); err == nil || !strings.Contains(err.Error(), `"mars"`) {
		t.Errorf("holidays of mars: %v", err)
	}
}

func TestBadFiles(t *testing.T) {
	for text, want := range map[string]string{
		"holyday 2026-01-01 x":                       "line 1",
		"# fine\nholiday 2025-01-01 x":               "not a day of 2026",
		"holiday 2026-02-30 x":                       "not a day of 2026",
		"holiday 2026-01-05 2026-01-01 x":            "no holiday",
		"holiday 2026-01-01 2026-09-01 x":            "no holiday",
		"workday 2026-01-01 x\nholiday 2026-01-01 x": "twice",
		"holiday 2026-01-01":                         "line 1",
	} {
		if _, err := parse(2026, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}
