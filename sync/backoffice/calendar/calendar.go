package calendar

import (
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"baylight/kiosk"
)

//go:embed cn/*.txt
var files embed.FS

// China names the public holidays of China.
const China = "cn"

// Names lists whose holidays are known.
func Names() []string { return []string{China} }

// Day is one published day.
type Day struct {
	Date string // yyyy-mm-dd
	Work bool   // a weekend day worked in exchange; else a day off
	Name string // the holiday it belongs to, in the language of the notice
}

// Year is the days published for a year, by date; ok is false if there is no file for it.
func Year(name string, year int) (days []Day, ok bool) {
	b, err := files.ReadFile(name + "/" + strconv.Itoa(year) + ".txt")
	if err != nil {
		return nil, false
	}
	days, err = parse(year, string(b))
	return days, err == nil
}

// Years are those known, rising.
func Years(name string) (years []int) {
	entries, err := fs.ReadDir(files, name)
	if err != nil {
		return nil
	}
	for _, e := range entries {
		if y, err := strconv.Atoi(strings.TrimSuffix(e.Name(), ".txt")); err == nil {
			years = append(years, y)
		}
	}
	slices.Sort(years)
	return years
}

// With is the calendar with the holidays of name added: on a day off the store is
// closed, on a day worked in exchange it has its hours of that weekday or, if it
// is closed then, those of its first open day from Monday on. Days that the store
// states itself stay as they are. The calendar given is not changed.
func With(c kiosk.Calendar, name string) (kiosk.Calendar, error) {
	if !slices.Contains(Names(), name) {
		return c, fmt.Errorf("read calendar: %.40q is not one of %s", name, strings.Join(Names(), ", "))
	}
	own := c.Days
	c.Days = map[string]kiosk.Hours{}
	for _, year := range Years(name) {
		days, ok := Year(name, year)
		if !ok {
			return c, fmt.Errorf("read calendar: the file of %s %d is damaged", name, year)
		}
		c.Years = append(slices.Clip(c.Years), year)
		for _, d := range days {
			h := kiosk.Hours{}
			if d.Work {
				h = exchanged(c, d.Date)
			}
			c.Days[d.Date] = h
		}
	}
	maps.Copy(c.Days, own)
	c.Holidays = name
	return c, nil
}

// exchanged are the hours of a weekend day worked in exchange.
func exchanged(c kiosk.Calendar, date string) kiosk.Hours {
	day, _ := time.Parse(time.DateOnly, date) // parse checked it
	for _, weekday := range []time.Weekday{day.Weekday(), time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday} {
		if h := c.Week[weekday]; h.Close > h.Open {
			return h
		}
	}
	return kiosk.Hours{}
}

// parse reads the file of a year.
func parse(year int, text string) (days []Day, err error) {
	for n, line := range strings.Split(text, "\n") {
		f := strings.Fields(line)
		if len(f) == 0 || strings.HasPrefix(f[0], "#") {
			continue
		}
		found, err := entry(year, f)
		if err != nil {
			return nil, fmt.Errorf("read holidays of %d: line %d: %w", year, n+1, err)
		}
		days = append(days, found...)
	}
	slices.SortFunc(days, func(a, b Day) int { return strings.Compare(a.Date, b.Date) })
	for i := 1; i < len(days); i++ {
		if days[i].Date == days[i-1].Date {
			return nil, fmt.Errorf("read holidays of %d: %s stands there twice", year, days[i].Date)
		}
	}
	return days, nil
}

// entry reads one line's words.
func entry(year int, f []string) (days []Day, err error) {
	if len(f) < 3 || f[0] != "holiday" && f[0] != "workday" {
		return nil, fmt.Errorf("%q is not holiday FIRST [LAST] NAME or workday DAY NAME", strings.Join(f, " "))
	}
	first, err := date(year, f[1])
	if err != nil {
		return nil, err
	}
	last := first
	if f[0] == "holiday" && len(f) > 3 {
		if last, err = date(year, f[2]); err != nil {
			return nil, err
		}
	}
	if last.Before(first) || last.Sub(first) > 31*24*time.Hour {
		return nil, fmt.Errorf("%s to %s is no holiday", f[1], f[2])
	}
	for d := first; !d.After(last); d = d.AddDate(0, 0, 1) {
		days = append(days, Day{d.Format(time.DateOnly), f[0] == "workday", f[len(f)-1]})
	}
	return days, nil
}

func date(year int, s string) (time.Time, error) {
	d, err := time.Parse(time.DateOnly, s)
	if err != nil || d.Year() != year {
		return d, fmt.Errorf("%.40q is not a day of %d", s, year)
	}
	return d, nil
}
