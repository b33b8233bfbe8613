package kpi

import (
	"fmt"
	"math"
)

// Kind is how a criterion of 绩效得分 is read.
type Kind string

// The two kinds.
const (
	Control Kind = "control" // as little as planned: costs, complaints, rework
	Growth  Kind = "growth"  // as much as planned: orders, turnover
)

// Criterion is one line of an appraisal.
type Criterion struct {
	Name         string
	Kind         Kind
	Actual, Plan float64
	Weight       float64 // Qi
	Cap          float64 // of a growth criterion's points; 0: none
}

// Points is Pi. Control: 100 within the plan, else [1+(1−actual/plan)]×100, at
// least 0. Growth: actual/plan×100, at most the cap. A plan of 0 (or less) has no
// points and is an error, as are numbers that are none.
func (c Criterion) Points() (float64, error) {
	for name, n := range map[string]float64{"actual": c.Actual, "plan": c.Plan, "weight": c.Weight, "cap": c.Cap} {
		if math.IsNaN(n) || math.IsInf(n, 0) || n < 0 {
			return 0, fmt.Errorf("score %s: %s %v is not a number from 0 up", c.Name, name, n)
		}
	}
	if c.Plan == 0 {
		return 0, fmt.Errorf("score %s: the plan is 0, and nothing can be measured against it", c.Name)
	}
	part := c.Actual / c.Plan
	switch c.Kind {
	case Control:
		if c.Actual <= c.Plan {
			return 100, nil
		}
		return max(0, (1+(1-part))*100), nil
	case Growth:
		if c.Cap > 0 {
			return min(part*100, c.Cap), nil
		}
		return part * 100, nil
	}
	return 0, fmt.Errorf("score %s: kind %.40q is not %s or %s", c.Name, c.Kind, Control, Growth)
}

// Score is 得分 = Σ Pi·Qi. The weight is applied once: the handbook's text has it
// inside P and again beside it. Base pay K times the score over 100 is the pay.
func Score(all []Criterion) (sum float64, err error) {
	for _, c := range all {
		p, err := c.Points()
		if err != nil {
			return 0, err
		}
		sum += p * c.Weight
	}
	return sum, nil
}
