package risk

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice/kpi"
)

// MinOrders is how many past orders an estimate needs.
const MinOrders = 100

// Window is how far back history is used: a workshop changes.
const Window = 180 * 24 * time.Hour

const (
	minCell  = 30   // samples from which on a category has its own allowance in a stage
	binSize  = 40   // samples of one point of a curve, at least
	maxBins  = 16   // points of a curve
	shrink   = 10.0 // samples that the wider curve is worth
	maxCells = 128  // of a decoded model
)

// ErrHistory says that there are not enough past orders yet.
var ErrHistory = errors.New("not enough history yet")

// Model is what a store's history says. It is read only.
type Model struct {
	Trained time.Time // when; history up to then
	Orders  int       // past orders it was made of
	Samples int       // looks at them
	Late    float64   // share of the looks that were followed by a missed promise

	allowance map[cell]float64 // opening minutes on top
	all       curve
	states    map[state]curve
}

// state is a stage, with "+" behind it once the work is over its standard time.
type state string

func (s sample) state() state {
	if s.over {
		return state(s.stage + "+")
	}
	return state(s.stage)
}

// cell is a state, and a category or "" for all of them.
type cell struct {
	state    state
	category kiosk.Category
}

// curve is the share that was late over slack ÷ expected: points with rising x
// and p that never rises.
type curve []point

type point struct{ x, p float64 }

// Train makes a model of the orders signed in the [Window] before now, except
// the last days, whose outcome is not settled. bays is how many bays take work.
func Train(facts []kpi.Fact, cal kiosk.Calendar, bays int, now time.Time) (*Model, error) {
	return train(newHistory(facts, cal, bays, now.Add(-Window), now.Add(-settled)), now)
}

func train(h history, now time.Time) (*Model, error) {
	if len(h.facts) < MinOrders {
		return nil, fmt.Errorf("train late-risk: %w: %d orders of %d", ErrHistory, len(h.facts), MinOrders)
	}
	samples := h.samples(now)
	m := &Model{Trained: now, Orders: len(h.facts), Samples: len(samples), allowance: allowances(samples), states: map[state]curve{}}
	if len(samples) == 0 {
		return nil, fmt.Errorf("train late-risk: %w: no order had a promise ahead", ErrHistory)
	}
	late := 0
	for _, s := range samples {
		if s.late {
			late++
		}
	}
	m.Late = float64(late) / float64(len(samples))
	m.all = m.curve(samples, func(float64) float64 { return m.Late })
	byState := map[state][]sample{}
	for _, s := range samples {
		byState[s.state()] = append(byState[s.state()], s)
	}
	for state, of := range byState {
		m.states[state] = m.curve(of, m.all.at)
	}
	return m, nil
}

// allowances are the medians of what orders needed beyond standard time and queue.
func allowances(samples []sample) map[cell]float64 {
	found := map[cell][]float64{}
	for _, s := range samples {
		extra := s.left - s.standard - s.queue
		for _, c := range []cell{{s.state(), s.category}, {s.state(), ""}, {}} {
			found[c] = append(found[c], extra)
		}
	}
	out := map[cell]float64{}
	for c, list := range found {
		if len(list) >= minCell || c.category == "" {
			slices.Sort(list)
			out[c] = list[len(list)/2]
		}
	}
	return out
}

// expected is the opening time to the pass, in minutes.
func (m *Model) expected(s sample) float64 {
	for _, c := range []cell{{s.state(), s.category}, {s.state(), ""}, {}} {
		if extra, ok := m.allowance[c]; ok {
			return max(leastSpan, s.standard+s.queue+extra)
		}
	}
	return max(leastSpan, s.standard+s.queue)
}

// curve is the share late over slack ÷ expected. Each point is of neighbours in
// x, pulled towards the wider curve; neighbours that rise are made one.
func (m *Model) curve(samples []sample, wider func(x float64) float64) curve {
	type asked struct {
		x    float64
		late bool
	}
	all := make([]asked, len(samples))
	for i, s := range samples {
		all[i] = asked{s.slack / m.expected(s), s.late}
	}
	slices.SortFunc(all, func(a, b asked) int { return cmp.Compare(a.x, b.x) })
	bins := min(max(1, len(all)/binSize), maxBins)
	var c curve
	var weights []float64
	for i := range bins {
		bin := all[i*len(all)/bins : (i+1)*len(all)/bins]
		x, late := 0.0, 0.0
		for _, a := range bin {
			x += math.Min(a.x, 100) / float64(len(bin))
			if a.late {
				late++
			}
		}
		n := float64(len(bin))
		c, weights = append(c, point{x, (late + shrink*wider(x)) / (n + shrink)}), append(weights, n+shrink)
		for k := len(c) - 1; k > 0 && c[k].p > c[k-1].p; k-- { // pool adjacent violators
			w := weights[k] + weights[k-1]
			c[k-1] = point{(c[k-1].x*weights[k-1] + c[k].x*weights[k]) / w, (c[k-1].p*weights[k-1] + c[k].p*weights[k]) / w}
			c, weights = c[:k], append(weights[:k-1], w)
		}
	}
	return c
}

// at reads the curve, straight between its points and level beyond them.
func (c curve) at(x float64) float64 {
	i, _ := slices.BinarySearchFunc(c, x, func(p point, x float64) int { return cmp.Compare(p.x, x) })
	switch {
	case len(c) == 0:
		return 0
	case i == 0:
		return c[0].p
	case i == len(c):
		return c[i-1].p
	}
	a, b := c[i-1], c[i]
	return a.p + (b.p-a.p)*(x-a.x)/(b.x-a.x)
}

// p is the probability that a sample's promise is missed.
func (m *Model) p(s sample) float64 {
	c, ok := m.states[s.state()]
	if !ok {
		c = m.all
	}
	return c.at(s.slack / m.expected(s))
}
