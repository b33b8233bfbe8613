package kpi

import (
	"fmt"
	"slices"
	"strings"
)

// Unit is what the numbers of a [Measure] are in.
type Unit string

// The units.
const (
	Percent      Unit = "percent"
	WholeMinutes Unit = "minutes" // the median
	Count        Unit = "count"   // grows with the length of the period
	PerDay       Unit = "per_day"
)

// Measure is a figure as targets and plans name it: one number of a row, in a unit.
type Measure struct {
	Name   string // the figure and its unit, e.g. on_time_percent
	Figure string // as pages name it, e.g. on_time
	Unit   Unit
	Most   bool // a target is a most; else it is a least
	of     func(Row) *float64
}

// Of is the measure of a row, in its unit; ok is false if nothing can be told.
func (m Measure) Of(r Row) (n float64, ok bool) {
	if v := m.of(r); v != nil {
		return *v, true
	}
	return 0, false
}

// Met says whether a target is met by a row: the target itself meets it. ok is
// false if the row has nothing to compare.
func (m Measure) Met(r Row, target int64) (met, ok bool) {
	n, ok := m.Of(r)
	if m.Most {
		return ok && n <= float64(target), ok
	}
	return ok && n >= float64(target), ok
}

// Aim says whether a target can be set for the measure: not for a count, of
// which a period twice as long has twice as much.
func (m Measure) Aim() bool { return m.Unit != Count }

// Highest is the highest target that makes sense: a share of orders has no more
// than all of them, times may be more than what they are compared with.
func (m Measure) Highest() int64 {
	switch {
	case m.Unit == WholeMinutes:
		return 100_000
	case m.Unit == PerDay:
		return 1000
	case slices.Contains([]string{"efficiency", "productivity", "bay_utilisation_running", "bay_utilisation_occupied"}, m.Figure):
		return 500
	}
	return 100
}

// Measures lists what targets and plans can name, in the order of the figures.
func Measures() []Measure {
	share := func(of func(Row) *Ratio) func(Row) *float64 {
		return func(r Row) *float64 {
			if v := of(r); v != nil && v.Denominator > 0 {
				return perHundred(float64(v.Numerator), float64(v.Denominator))
			}
			return nil
		}
	}
	times := func(of func(Row) *TimeRatio) func(Row) *float64 {
		return func(r Row) *float64 {
			if v := of(r); v != nil && v.DenominatorMS > 0 {
				return perHundred(float64(v.NumeratorMS), float64(v.DenominatorMS))
			}
			return nil
		}
	}
	median := func(of func(Row) Minutes) func(Row) *float64 {
		return func(r Row) *float64 { return asFloat(of(r).P50) }
	}
	number := func(of func(Row) int) func(Row) *float64 {
		return func(r Row) *float64 { n := float64(of(r)); return &n }
	}
	return []Measure{
		{"on_time_percent", "on_time", Percent, false, share(func(r Row) *Ratio { return &r.OnTime.Ratio })},
		{"rework_percent", "rework", Percent, true, share(func(r Row) *Ratio { return &r.Rework })},
		{"rework_charged_percent", "rework_charged", Percent, true, share(func(r Row) *Ratio { return r.Charged })},
		{"promises_revised_percent", "promises_revised", Percent, true, share(func(r Row) *Ratio { return &r.Promises.Revised })},
		{"promises_late_percent", "promises_late", Percent, true, share(func(r Row) *Ratio { return &r.Promises.Late })},
		{"orders", "orders", Count, false, number(func(r Row) int { return r.Orders })},
		{"category_counts", "category_counts", Count, false, number(func(r Row) int { return r.CategoryCounts })},
		{"vehicles", "vehicles", Count, false, number(func(r Row) int { return r.Vehicles })},
		{"receptions_per_adviser_day", "receptions_per_adviser_day", PerDay, false, func(r Row) *float64 { return r.Receptions.Rate }},
		{"throughput", "throughput", Count, false, number(func(r Row) int { return r.Throughput.Passes })},
		{"efficiency_percent", "efficiency", Percent, false, times(func(r Row) *TimeRatio { return r.Efficiency })},
		{"productivity_percent", "productivity", Percent, false, times(func(r Row) *TimeRatio { return r.Productivity })},
		{"bay_utilisation_running_percent", "bay_utilisation_running", Percent, false, times(func(r Row) *TimeRatio { return bayTimes(r, false) })},
		{"bay_utilisation_occupied_percent", "bay_utilisation_occupied", Percent, true, times(func(r Row) *TimeRatio { return bayTimes(r, true) })},
		{"response_accepted_minutes", "response_accepted", WholeMinutes, true, median(func(r Row) Minutes { return r.Response.Accepted })},
		{"response_first_job_minutes", "response_first_job", WholeMinutes, true, median(func(r Row) Minutes { return r.Response.FirstJob })},
		{"repair_gross_minutes", "repair_gross", WholeMinutes, true, median(func(r Row) Minutes { return r.Repair.Gross })},
		{"repair_net_minutes", "repair_net", WholeMinutes, true, median(func(r Row) Minutes { return r.Repair.Net })},
		{"turnaround_minutes", "turnaround", WholeMinutes, true, median(func(r Row) Minutes { return r.Turnaround })},
		{"data_quality_percent", "data_quality", Percent, false, share(func(r Row) *Ratio { return &r.Quality.Complete })},
		{"unclosed_jobs", "unclosed_jobs", Count, true, number(func(r Row) int { return r.UnclosedJobs })},
	}
}

// MeasureOf finds a measure by its name.
func MeasureOf(name string) (Measure, error) {
	var names []string
	for _, m := range Measures() {
		if m.Name == name {
			return m, nil
		}
		names = append(names, m.Name)
	}
	return Measure{}, fmt.Errorf("measure %.60q is not one of %s", name, strings.Join(names, ", "))
}

// CheckTarget reports why a store cannot have a target of that name.
func CheckTarget(name string, target int64) error {
	m, err := MeasureOf(name)
	switch {
	case err != nil:
		return err
	case !m.Aim():
		return fmt.Errorf("%s is a count, which grows with the period: no target fits every period", name)
	case target < 0:
		return fmt.Errorf("%s = %d is below 0", name, target)
	}
	return nil
}

// perHundred multiplies first, so that 19 of 20 is 95 exactly.
func perHundred(num, den float64) *float64 {
	f := num * 100 / den
	return &f
}

func asFloat(n *int64) *float64 {
	if n == nil {
		return nil
	}
	f := float64(*n)
	return &f
}

func bayTimes(r Row, occupied bool) *TimeRatio {
	switch {
	case r.Bays == nil:
		return nil
	case occupied:
		return &r.Bays.Occupied
	}
	return &r.Bays.Running
}
