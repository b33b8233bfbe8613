package kpi

import (
	"fmt"
	"slices"
)

// Plan is one criterion of an appraisal as a store sets it: what is measured of
// whom, against what, with which weight.
type Plan struct {
	By      By     `json:"for"`    // ByAdviser or ByTechnician
	Measure string `json:"figure"` // the name of a [Measure]
	Kind    Kind   `json:"kind"`
	Plan    int64  `json:"plan"`          // in the measure's unit, of one month
	Weight  int64  `json:"weight"`        // per cent
	Cap     int64  `json:"cap,omitempty"` // most points of a growth criterion; 0: none
}

// Bounds of a plan.
const (
	MaxPlan  = 1_000_000
	MaxPlans = 40
)

// Check reports what cannot be right in a plan.
func (p Plan) Check() error {
	m, err := MeasureOf(p.Measure)
	switch {
	case err != nil:
		return err
	case p.By != ByAdviser && p.By != ByTechnician:
		return fmt.Errorf("%s is for %.40q; it is for adviser or technician", p.Measure, p.By)
	case !m.told(p.By):
		return fmt.Errorf("%s says nothing about one %s", p.Measure, p.By)
	case p.Kind != Control && p.Kind != Growth:
		return fmt.Errorf("%s: kind %.40q is not %s or %s", p.Measure, p.Kind, Control, Growth)
	case p.Plan < 1 || p.Plan > MaxPlan:
		return fmt.Errorf("%s: the plan %d is not 1 to %d; nothing can be measured against 0", p.Measure, p.Plan, MaxPlan)
	case p.Weight < 1 || p.Weight > 100:
		return fmt.Errorf("%s: the weight %d is not 1 to 100 per cent", p.Measure, p.Weight)
	case p.Cap < 0 || p.Cap > MaxPlan || p.Cap > 0 && p.Kind != Growth:
		return fmt.Errorf("%s: the cap %d is not 0 to %d points of a growth criterion", p.Measure, p.Cap, MaxPlan)
	}
	return nil
}

// told says whether rows by adviser or technician have the measure.
func (m Measure) told(by By) bool {
	switch m.Figure {
	case "bay_utilisation_running", "bay_utilisation_occupied":
		return false
	case "efficiency", "productivity", "rework_charged", "throughput":
		return by == ByTechnician
	case "receptions_per_adviser_day", "promises_revised", "promises_late":
		return by == ByAdviser
	}
	return true
}

// CheckPlans checks the plans of a store: each by itself, and that the weights of
// a role add up to 100, so that who meets every plan has 100.
func CheckPlans(all []Plan) error {
	if len(all) > MaxPlans {
		return fmt.Errorf("%d criteria; at most %d are allowed", len(all), MaxPlans)
	}
	sum := map[By]int64{}
	for i, p := range all {
		if err := p.Check(); err != nil {
			return err
		}
		if slices.ContainsFunc(all[:i], func(o Plan) bool { return o.By == p.By && o.Measure == p.Measure }) {
			return fmt.Errorf("%s is there twice for %s", p.Measure, p.By)
		}
		sum[p.By] += p.Weight
	}
	for _, by := range []By{ByAdviser, ByTechnician} {
		if n := sum[by]; n != 0 && n != 100 {
			return fmt.Errorf("the weights for %s add up to %d, not to 100", by, n)
		}
	}
	return nil
}

// Term is one criterion of one person: Pi, Qi and what they come from.
type Term struct {
	Measure string   `json:"figure"`
	Actual  *float64 `json:"actual"` // in the measure's unit; null if there is nothing to measure
	Points  *float64 `json:"points"` // Pi; null with it
	Share   *float64 `json:"share"`  // Pi·Qi
}

// Appraisal is 绩效得分 of one person.
type Appraisal struct {
	Key   string   `json:"key"`
	Score *float64 `json:"score"` // null if a term cannot be measured: the others would be a guess of it
	Terms []Term   `json:"terms"` // in the order of the plans
}

// Appraise scores the rows of by, in their order: 得分 = Σ Pi·Qi ([Score]). The
// row of nobody (key "") is left out, and without plans there is nothing.
func Appraise(plans []Plan, by By, rows []Row) (out []Appraisal, err error) {
	plans = slices.DeleteFunc(slices.Clone(plans), func(p Plan) bool { return p.By != by })
	for _, r := range rows {
		if r.Key == "" || len(plans) == 0 {
			continue
		}
		a, err := appraise(plans, r)
		if err != nil {
			return nil, fmt.Errorf("appraise %s: %w", r.Key, err)
		}
		out = append(out, a)
	}
	return out, nil
}

func appraise(plans []Plan, r Row) (a Appraisal, err error) {
	a.Key = r.Key
	var all []Criterion
	for _, p := range plans {
		m, err := MeasureOf(p.Measure)
		if err != nil {
			return a, err
		}
		t := Term{Measure: p.Measure}
		if actual, ok := m.Of(r); ok {
			c := Criterion{Name: p.Measure, Kind: p.Kind, Actual: actual, Plan: float64(p.Plan), Weight: float64(p.Weight) / 100, Cap: float64(p.Cap)}
			points, err := c.Points()
			if err != nil {
				return a, err
			}
			share := points * c.Weight
			t.Actual, t.Points, t.Share = &actual, &points, &share
			all = append(all, c)
		}
		a.Terms = append(a.Terms, t)
	}
	if len(all) == len(plans) {
		score, err := Score(all)
		if err != nil {
			return a, err
		}
		a.Score = &score
	}
	return a, nil
}
