package dashboard

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice/kpi"
)

// part is a line of what a figure of the whole period is made of, or of another
// reading of it.
type part struct {
	Label, Text string
	Link        string  // to the orders behind it; "" where it is a rate
	Width       float64 // of its bar, of 100; 0: none
}

// Parts are what the definition of the page's figure names beside the number
// itself: throughput by hour and category, bays within opening hours, flags.
func (f figurePage) Parts() []part {
	switch f.One.Key {
	case "throughput":
		return f.passes()
	case "bay_utilisation_running":
		return f.within(func(u kpi.BayUse) kpi.TimeRatio { return u.Within.Running })
	case "bay_utilisation_occupied":
		return f.within(func(u kpi.BayUse) kpi.TimeRatio { return u.Within.Occupied })
	case "data_quality":
		return f.flagged()
	}
	return nil
}

func (f figurePage) passes() (out []part) {
	t := f.Whole.Throughput
	out = append(out, part{Label: f.T("report.per_day"), Text: rateOf(t.PerDay, "").Big}, part{Label: f.T("report.per_open_hour"), Text: rateOf(t.PerOpenHour, "").Big})
	if f.Group { // which day and which opening hours, each store knows for itself
		out = nil
	}
	most := max(1, slices.Max(t.Hours[:]))
	for h, n := range t.Hours {
		if n > 0 {
			out = append(out, part{hourText(h), strconv.Itoa(n), f.partLink("throughput", hourValue(h)), round(float64(n) * 100 / float64(most))})
		}
	}
	for _, c := range kiosk.Categories() {
		if n := t.Categories[c]; n > 0 {
			out = append(out, part{Label: f.T("category." + string(c)), Text: strconv.Itoa(n), Link: f.partLink("throughput", string(c))})
		}
	}
	return out
}

func (f figurePage) within(of func(kpi.BayUse) kpi.TimeRatio) []part {
	v := bayUse(of)(f.Whole)
	return []part{{Label: f.T("office.within_opening"), Text: strings.TrimSpace(v.Big + " " + v.Small)}}
}

func (f figurePage) flagged() (out []part) {
	all := kiosk.Flags()
	slices.SortStableFunc(all, func(a, b kiosk.Flag) int { return cmp.Compare(f.Whole.Quality.Flags[b], f.Whole.Quality.Flags[a]) })
	for _, flag := range all {
		if n := f.Whole.Quality.Flags[flag]; n > 0 {
			out = append(out, part{Label: f.T("flag." + string(flag)), Text: strconv.Itoa(n), Link: f.partLink("flags", string(flag))})
		}
	}
	return out
}

// partLink leads to the orders behind a part; of all stores, to each store's row.
func (f figurePage) partLink(figure, value string) string {
	if f.Group {
		return f.FigureLink(*f.One)
	}
	return f.drillTo(figure, value, "", nil)
}

// hourValue names an hour of the day as value= does, and hourText as people do.
func hourValue(h int) string { return fmt.Sprintf("%02d:00", h) }

func hourText(h int) string { return fmt.Sprintf("%02d:00–%02d:00", h, h+1) }

// hourOf reads hourValue; ok is false if it names none.
func hourOf(value string) (h int, ok bool) {
	for h := range 24 {
		if hourValue(h) == value {
			return h, true
		}
	}
	return 0, false
}

// inHour keeps the facts that passed in an hour of the store's clock.
func inHour(facts []kpi.Fact, h int, zone *time.Location) []kpi.Fact {
	return slices.DeleteFunc(facts, func(f kpi.Fact) bool { return f.Passed.In(zone).Hour() != h })
}
