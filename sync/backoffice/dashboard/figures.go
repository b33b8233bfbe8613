package dashboard

import (
	"fmt"
	"math"
	"strconv"

	"baylight/sync/backoffice/kpi"
)

// The kinds of figures.
const (
	percent = "percent"
	count   = "count"
	minutes = "minutes"
)

// figure is one number of a row: how it is read, shown, and taken apart. Its name
// and definition are the texts kpi.KEY and kpi.KEY.def; kpi.KEY.num and kpi.KEY.den
// say what a share is made of.
type figure struct {
	Key    string
	Kind   string // percent, count or minutes
	Room   string // where it stands: punctual, volume, time, quality
	Drill  string // the figure that /orders is asked for
	Better int    // 1: more is better, −1: less is, 0: neither
	of     func(kpi.Row) value
}

// value is what a figure has in one row.
type value struct {
	Has      bool
	F        float64 // share, count, or median minutes
	Num, Den int     // of a share
	P90      int64   // of minutes
	N        int     // how many the minutes are of
	Big      string  // as shown
	Small    string  // beside it
}

func ratioOf(r kpi.Ratio) value {
	v := value{Num: r.Numerator, Den: r.Denominator, Big: "—", Small: fmt.Sprintf("%d/%d", r.Numerator, r.Denominator)}
	if r.Rate != nil {
		v.Has, v.F, v.Big = true, *r.Rate, fmt.Sprintf("%.1f%%", *r.Rate*100)
	}
	return v
}

func countOf(n int) value { return value{Has: true, F: float64(n), Big: strconv.Itoa(n), N: n} }

func minutesOf(m kpi.Minutes) value {
	v := value{N: m.N, Big: "—"}
	if m.P50 != nil {
		v.Has, v.F, v.P90, v.Big, v.Small = true, float64(*m.P50), *m.P90, strconv.FormatInt(*m.P50, 10), strconv.FormatInt(*m.P90, 10)
	}
	return v
}

// figureList is every figure that pages show, in their order.
func figureList() []figure {
	ratio := func(f func(kpi.Row) kpi.Ratio) func(kpi.Row) value {
		return func(r kpi.Row) value { return ratioOf(f(r)) }
	}
	number := func(f func(kpi.Row) int) func(kpi.Row) value { return func(r kpi.Row) value { return countOf(f(r)) } }
	time := func(f func(kpi.Row) kpi.Minutes) func(kpi.Row) value {
		return func(r kpi.Row) value { return minutesOf(f(r)) }
	}
	return []figure{
		{"on_time", percent, "punctual", "on_time", 1, ratio(func(r kpi.Row) kpi.Ratio { return r.OnTime.Ratio })},
		{"rework", percent, "punctual", "rework", -1, ratio(func(r kpi.Row) kpi.Ratio { return r.Rework })},
		{"arrivals", count, "volume", "arrivals", 0, number(func(r kpi.Row) int { return r.Arrivals })},
		{"orders", count, "volume", "orders", 0, number(func(r kpi.Row) int { return r.Orders })},
		{"category_counts", count, "volume", "category_counts", 0, number(func(r kpi.Row) int { return r.CategoryCounts })},
		{"vehicles", count, "volume", "vehicles", 0, number(func(r kpi.Row) int { return r.Vehicles })},
		{"orders_without_vehicle", count, "volume", "orders_without_vehicle", -1, number(func(r kpi.Row) int { return r.OrdersWithoutVehicle })},
		{"response_accepted", minutes, "time", "response_minutes.accepted", -1, time(func(r kpi.Row) kpi.Minutes { return r.Response.Accepted })},
		{"response_first_job", minutes, "time", "response_minutes.first_job", -1, time(func(r kpi.Row) kpi.Minutes { return r.Response.FirstJob })},
		{"repair_gross", minutes, "time", "repair_minutes", -1, time(func(r kpi.Row) kpi.Minutes { return r.Repair.Gross })},
		{"repair_net", minutes, "time", "repair_minutes", -1, time(func(r kpi.Row) kpi.Minutes { return r.Repair.Net })},
		{"turnaround", minutes, "time", "turnaround_minutes", -1, time(func(r kpi.Row) kpi.Minutes { return r.Turnaround })},
		{"data_quality", percent, "quality", "data_quality", 1, ratio(func(r kpi.Row) kpi.Ratio { return r.Quality.Complete })},
		{"unclosed_jobs", count, "quality", "unclosed_jobs", -1, number(func(r kpi.Row) int { return r.UnclosedJobs })},
		{"uncertain", count, "quality", "uncertain", -1, number(func(r kpi.Row) int { return r.Quality.Uncertain })},
		{"corrections", count, "quality", "corrections", 0, number(func(r kpi.Row) int { return r.Quality.Corrections })},
	}
}

// Figures lists the figures that are defined in words, by the keys of their texts
// (kpi.X and kpi.X.def).
func Figures() []string {
	out := []string{"stages"}
	for _, f := range figureList() {
		out = append(out, f.Key)
	}
	return out
}

// Shares lists the figures whose numerator and denominator stand in words
// (kpi.X.num and kpi.X.den).
func Shares() (out []string) {
	for _, f := range figureList() {
		if f.Kind == percent {
			out = append(out, f.Key)
		}
	}
	return out
}

// figureOf finds a figure by its key.
func figureOf(key string) (figure, bool) {
	for _, f := range figureList() {
		if f.Key == key {
			return f, true
		}
	}
	return figure{}, false
}

// Of is the figure's value in a row.
func (f figure) Of(r kpi.Row) value { return f.of(r) }

// delta is how a value moved against an earlier one.
type delta struct {
	Text string // "+3.2", in points, counts or minutes; "" if there is nothing to compare
	Good int    // 1, −1, or 0: neither
	Was  string
}

func (f figure) delta(now, before kpi.Row) delta {
	a, b := f.of(now), f.of(before)
	if !a.Has || !b.Has {
		return delta{Was: b.Big}
	}
	by, format := a.F-b.F, "%+.0f"
	if f.Kind == percent {
		by, format = by*100, "%+.1f"
	}
	d := delta{Text: fmt.Sprintf(format, by), Was: b.Big}
	if by = math.Round(by*10) / 10; by == 0 {
		d.Text = "±0"
	} else if (by > 0) == (f.Better > 0) {
		d.Good = 1
	} else {
		d.Good = -1
	}
	if f.Better == 0 {
		d.Good = 0
	}
	return d
}
