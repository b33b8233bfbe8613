package kpi

import (
	"fmt"
	"slices"
	"strings"

	"baylight/kiosk"
)

// A figure leads to the visits behind it: those in its denominator (or of which
// the duration is one), or narrowed by a value to a part of them.

// Figures lists the figures that [Period.Behind] knows and the values each can be
// narrowed to. They are named as in a row's JSON, nested names with a full stop.
func Figures() map[string][]string {
	late := []string{OnTime, Late}
	return map[string][]string{
		"arrivals":                   nil,
		"orders":                     nil,
		"category_counts":            names(kiosk.Categories()),
		"vehicles":                   nil,
		"orders_without_vehicle":     nil,
		"on_time":                    late,
		"promise_error_minutes":      late,
		"promises.revised":           {"revised", "kept"},
		"promises.late":              late,
		"response_minutes.accepted":  nil,
		"response_minutes.first_job": nil,
		"repair_minutes":             names(kiosk.Categories()),
		"turnaround_minutes":         nil,
		"stages":                     names(kiosk.Stages()),
		"rework":                     nil,
		"receptions_per_adviser_day": nil,
		"efficiency":                 {"finished", "clocked"},
		"productivity":               nil,
		"bay_utilisation.running":    nil,
		"bay_utilisation.occupied":   nil,
		"throughput":                 names(kiosk.Categories()),
		"unclosed_jobs":              nil,
		"uncertain":                  nil,
		"uncertain_orders":           nil,
		"corrections":                nil,
		"flags":                      names(kiosk.Flags()),
		"complete":                   nil,
		"incomplete":                 nil,
	}
}

func names[S ~string](all []S) (out []string) {
	for _, s := range all {
		out = append(out, string(s))
	}
	return out
}

// Behind lists the visits behind a figure of a group in the period, in the order
// given. The variant says how on_time is read; other figures pay no heed to it.
func (p Period) Behind(facts []Fact, g Group, figure, value string, a Variant) (out []Fact, err error) {
	is, err := p.IsBehind(g, figure, value, a)
	if err != nil {
		return nil, err
	}
	for i := range facts {
		if is(&facts[i]) {
			out = append(out, facts[i])
		}
	}
	return out, nil
}

// IsBehind says of a visit whether it is behind a figure, as Behind does.
func (p Period) IsBehind(g Group, figure, value string, a Variant) (func(f *Fact) bool, error) {
	if err := check(figure, value); err != nil {
		return nil, err
	}
	s := p.scope(g)
	return func(f *Fact) bool { return s.behind(f, figure, value, a) }, nil
}

func (p Period) scope(g Group) scope {
	s := scope{cal: p.Calendar, from: InstantOf(p.From), to: InstantOf(p.To), now: InstantOf(p.Now), by: g.By, key: g.Key}
	if g.By == ByDay {
		s.by, s.key = ByNone, ""
	}
	return s
}

// May says whether a fact may be behind a figure, by its head ([DecodeHead]): if
// not, Behind has no need of the rest.
func (p Period) May(head *Fact, g Group, figure, value string, a Variant) bool {
	s := p.scope(g)
	if head.Uncertain != (figure == "uncertain" || figure == "uncertain_orders") || s.by == ByAdviser && s.key != head.Adviser {
		return false
	}
	switch figure {
	case "unclosed_jobs", "repair_minutes", "efficiency", "productivity", "bay_utilisation.running", "bay_utilisation.occupied":
		return true // jobs decide
	case "arrivals", "uncertain", "response_minutes.accepted", "response_minutes.first_job", "corrections", "flags", "complete", "incomplete":
		return s.has(head.Arrived)
	case "turnaround_minutes", "stages":
		return s.turned(head)
	case "throughput":
		return s.has(head.Passed)
	case "on_time":
		return s.behindOnTime(head, value, a)
	}
	return s.signed(head)
}

// Behind lists the visits behind a figure, in the order given, straight from visits.
func Behind(in Input, figure, value string, a Variant) (out []*kiosk.Visit, err error) {
	if err := check(figure, value); err != nil {
		return nil, err
	}
	s := scope{cal: in.Calendar, from: InstantOf(in.From), to: InstantOf(in.To), now: InstantOf(in.Now), by: ByNone}
	for _, v := range in.Visits {
		if f := FactOf(v, in.Calendar); s.behind(&f, figure, value, a) {
			out = append(out, v)
		}
	}
	return out, nil
}

// check says what is wrong with a figure's name or a value.
func check(figure, value string) error {
	values, known := Figures()[figure]
	if !known {
		return fmt.Errorf("read kpi: %.40q is not one of %s", figure, strings.Join(sortedKeys(Figures()), ", "))
	}
	if value != "" && !slices.Contains(values, value) {
		return fmt.Errorf("read value: %s has no value %.40q; it has [%s]", figure, value, strings.Join(values, ", "))
	}
	return nil
}

func (s scope) behind(f *Fact, figure, value string, a Variant) bool {
	if f.Uncertain != (figure == "uncertain" || figure == "uncertain_orders") {
		return false // an unsure visit counts there alone
	}
	if !slices.Contains(f.parts(nil, s.by), s.key) {
		return false
	}
	switch figure {
	case "arrivals", "uncertain":
		return s.has(f.Arrived)
	case "response_minutes.accepted":
		return s.has(f.Arrived) && f.Accepted != 0 && f.Accepted >= f.Arrived
	case "response_minutes.first_job":
		return s.has(f.Arrived) && f.firstStart() != 0 && f.firstStart() >= f.Arrived
	case "corrections":
		return s.has(f.Arrived) && f.Corrections > 0
	case "flags":
		return s.has(f.Arrived) && len(f.Flags) > 0 && (value == "" || slices.Contains(f.Flags, kiosk.Flag(value)))
	case "complete", "incomplete":
		return s.has(f.Arrived) && !f.Open() && f.complete(s.now) == (figure == "complete")
	case "unclosed_jobs":
		return s.unclosed(f) > 0
	case "repair_minutes":
		return s.repaired(f) && f.of(value)
	case "turnaround_minutes":
		return s.turned(f)
	case "stages":
		return s.turned(f) && f.Stages != nil && !f.HasUnclosed(s.now) && f.stayed(value)
	case "throughput":
		return s.passes(f) && f.of(value)
	case "on_time":
		return s.behindOnTime(f, value, a)
	case "efficiency", "productivity", "bay_utilisation.running", "bay_utilisation.occupied":
		return s.behindHours(f, figure, value)
	}
	return s.behindOrder(f, figure, value)
}

// of says whether a category is on the order; "" always is.
func (f *Fact) of(category string) bool {
	return category == "" || slices.Contains(f.Categories(), kiosk.Category(category))
}

func (f *Fact) stayed(stage string) bool {
	return stage == "" || slices.ContainsFunc(f.Stages, func(p StagePart) bool { return string(p.Stage) == stage && p.MS > 0 })
}

func (s scope) behindOnTime(f *Fact, value string, a Variant) bool {
	i := a.index()
	if !f.InForce() || i < 0 {
		return false
	}
	j := s.judge(f)[i]
	return j.counted && (value == "" || j.onTime == (value == OnTime))
}

// behindOrder is for figures of orders signed in the period.
func (s scope) behindOrder(f *Fact, figure, value string) bool {
	if !s.signed(f) {
		return false
	}
	switch figure {
	case "orders", "receptions_per_adviser_day", "uncertain_orders":
		return true
	case "category_counts":
		return f.of(value)
	case "vehicles", "orders_without_vehicle":
		return (f.Vehicle == "") == (figure == "orders_without_vehicle")
	case "rework":
		return f.Rework != nil
	case "promises.revised":
		return len(f.Promises) > 0 && (value == "" || (len(f.Promises) > 1) == (value == "revised"))
	case "promise_error_minutes", "promises.late":
		minutes, ok := f.PromiseError()
		return ok && (value == "" || (minutes >= 0) == (value == Late))
	}
	return false
}

// behindHours is for figures of time: visits with a part in it.
func (s scope) behindHours(f *Fact, figure, value string) bool {
	var t Tally
	p := s.part(f)
	s.hours(&t, []*part{&p}, nil)
	var clocked int64
	for _, c := range t.by[mClocked] {
		clocked += c.n
	}
	switch {
	case figure == "bay_utilisation.running":
		return t.n[nRunning] > 0
	case figure == "bay_utilisation.occupied":
		return t.n[nOccupied] > 0
	case figure == "productivity" || value == "clocked":
		return clocked > 0
	case value == "finished":
		return t.n[nStandard] > 0
	}
	return clocked > 0 || t.n[nStandard] > 0
}
