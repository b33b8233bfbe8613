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
	decimal = "decimal" // a number with one digit after the point
)

// figure is one number of a row: how it is read, shown, and taken apart. Its name
// and definition are the texts kpi.KEY and kpi.KEY.def; kpi.KEY.num and kpi.KEY.den
// say what a share is made of.
type figure struct {
	Key    string
	Kind   string // percent, count, minutes or decimal
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

// timesOf is a ratio of times; nil where it has no meaning.
func timesOf(r *kpi.TimeRatio) value {
	v := value{Big: "—"}
	if r == nil {
		return v
	}
	v.Small = fmt.Sprintf("%s/%s", hours(r.NumeratorMS), hours(r.DenominatorMS))
	if r.Rate != nil {
		v.Has, v.F, v.Big = true, *r.Rate, fmt.Sprintf("%.1f%%", *r.Rate*100)
	}
	return v
}

func hours(ms int64) string { return fmt.Sprintf("%.1fh", float64(ms)/3.6e6) }

// spreadOf are signed minutes with their p10 and p90.
func spreadOf(s kpi.Spread) value {
	v := value{N: s.N, Big: "—"}
	if s.P50 != nil {
		v.Has, v.F, v.P90, v.Big, v.Small = true, float64(*s.P50), *s.P90, fmt.Sprintf("%+d", *s.P50), fmt.Sprintf("%+d…%+d", *s.P10, *s.P90)
	}
	return v
}

func rateOf(rate *float64, small string) value {
	if rate == nil {
		return value{Big: "—", Small: small}
	}
	return value{Has: true, F: *rate, Big: strconv.FormatFloat(*rate, 'f', 1, 64), Small: small}
}

// bayUse is one of a row's readings of how its bays were used.
func bayUse(of func(kpi.BayUse) kpi.TimeRatio) func(kpi.Row) value {
	return func(r kpi.Row) value {
		if r.Bays == nil {
			return timesOf(nil)
		}
		t := of(*r.Bays)
		return timesOf(&t)
	}
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
		{"promise_error", minutes, "promise", "promise_error_minutes", 0, func(r kpi.Row) value { return spreadOf(r.PromiseError) }},
		{"promises_revised", percent, "promise", "promises.revised", -1, ratio(func(r kpi.Row) kpi.Ratio { return r.Promises.Revised })},
		{"promises_late", percent, "promise", "promises.late", -1, ratio(func(r kpi.Row) kpi.Ratio { return r.Promises.Late })},
		{"arrivals", count, "volume", "arrivals", 0, number(func(r kpi.Row) int { return r.Arrivals })},
		{"orders", count, "volume", "orders", 0, number(func(r kpi.Row) int { return r.Orders })},
		{"category_counts", count, "volume", "category_counts", 0, number(func(r kpi.Row) int { return r.CategoryCounts })},
		{"vehicles", count, "volume", "vehicles", 0, number(func(r kpi.Row) int { return r.Vehicles })},
		{"orders_without_vehicle", count, "volume", "orders_without_vehicle", -1, number(func(r kpi.Row) int { return r.OrdersWithoutVehicle })},
		{"receptions_per_adviser_day", decimal, "volume", "receptions_per_adviser_day", 1, func(r kpi.Row) value {
			return rateOf(r.Receptions.Rate, fmt.Sprintf("%d/(%d×%d)", r.Receptions.CategoryCounts, r.Receptions.WorkingDays, r.Receptions.Advisers))
		}},
		{"throughput", count, "volume", "throughput", 1, number(func(r kpi.Row) int { return r.Throughput.Passes })},
		{"efficiency", percent, "people", "efficiency", 1, func(r kpi.Row) value { return timesOf(r.Efficiency) }},
		{"productivity", percent, "people", "productivity", 1, func(r kpi.Row) value { return timesOf(r.Productivity) }},
		{"rework_charged", percent, "people", "rework_charged", -1, func(r kpi.Row) value {
			if r.Charged == nil {
				return value{Big: "—"}
			}
			return ratioOf(*r.Charged)
		}},
		{"bay_utilisation_running", percent, "people", "bay_utilisation.running", 1, bayUse(func(u kpi.BayUse) kpi.TimeRatio { return u.Running })},
		{"bay_utilisation_occupied", percent, "people", "bay_utilisation.occupied", 0, bayUse(func(u kpi.BayUse) kpi.TimeRatio { return u.Occupied })},
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
		if f.Kind == percent && f.Room != "people" {
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
	switch f.Kind {
	case percent:
		by, format = by*100, "%+.1f"
	case decimal:
		format = "%+.1f"
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
