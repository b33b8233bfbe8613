package risk

import (
	"cmp"
	"errors"
	"fmt"
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
	leastSize = 30   // minutes that any order is big, to compare what it errs by
	minCell   = 30   // samples from which on a category has its own allowance in a stage
	binSize   = 40   // samples of one point of a curve, at least
	maxBins   = 16   // points of a curve
	shrink    = 10.0 // samples that what is known of all orders is worth
	steps     = 40   // between the quantiles of a spread
	maxCells  = 128  // of a decoded model
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
	errors    map[state]spread // of what was expected; "" of all states
	curve     curve            // from the share of errors to the share late
}

// state is a stage, with "-" behind it while most of the standard time is left and
// "+" once the work is over it: how far the time left can be told differs.
type state string

func (s sample) state() state {
	switch {
	case s.over:
		return state(s.stage + "+")
	case s.standard > s.whole/2:
		return state(s.stage + "-")
	}
	return state(s.stage)
}

// cell is a state, and a category or "" for all of them.
type cell struct {
	state    state
	category kiosk.Category
}

// spread is errors of expectations: quantiles at even steps, rising, of N.
type spread struct {
	n         int
	quantiles []float64
}

// above is the share of errors that are larger than z: never quite 0 or 1.
func (e spread) above(z float64) float64 {
	steps := float64(len(e.quantiles) - 1)
	i, _ := slices.BinarySearch(e.quantiles, z)
	below := 0.0
	switch {
	case i == len(e.quantiles):
		below = 1
	case i > 0:
		a, b := e.quantiles[i-1], e.quantiles[i]
		below = (float64(i-1) + (z-a)/(b-a)) / steps
	}
	n := float64(e.n)
	return (n*(1-below) + 0.5) / (n + 1)
}

// curve is the share that was late over 1 − the share of errors that would make it
// so: points with rising x and p that never rises.
type curve []point

type point struct{ x, p float64 }

// unit is what an order errs by compared with others: big ones err by more.
func unit(s sample) float64 { return s.whole + leastSize }

// ease is the share of orders like this one that would have been in time: from 0
// to 1.
func (m *Model) ease(s sample) float64 {
	z := (s.slack - m.expected(s)) / unit(s)
	wider := m.errors[""].above(z)
	own, ok := m.errors[s.state()]
	if !ok {
		return 1 - wider
	}
	n := float64(own.n)
	return 1 - (own.above(z)*n+wider*shrink)/(n+shrink)
}

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
	m := &Model{Trained: now, Orders: len(h.facts), Samples: len(samples), allowance: allowances(samples)}
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
	m.errors = m.spreads(samples)
	m.curve = m.calibrated(samples)
	return m, nil
}

// spreads are the errors of what was expected, by state.
func (m *Model) spreads(samples []sample) map[state]spread {
	found := map[state][]float64{}
	for _, s := range samples {
		z := (s.left - m.expected(s)) / unit(s)
		found[s.state()], found[""] = append(found[s.state()], z), append(found[""], z)
	}
	out := map[state]spread{}
	for of, all := range found {
		slices.Sort(all)
		e := spread{n: len(all)}
		for i := range steps + 1 {
			e.quantiles = append(e.quantiles, all[i*(len(all)-1)/steps])
		}
		out[of] = e
	}
	return out
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

// calibrated is the share late over ease, as it was: advisers know things that
// the model does not, and promise accordingly. Each point is of neighbours in
// ease, pulled towards what ease itself says; neighbours that rise are made one.
func (m *Model) calibrated(samples []sample) curve {
	type asked struct {
		x    float64
		late bool
	}
	all := make([]asked, len(samples))
	for i, s := range samples {
		all[i] = asked{m.ease(s), s.late}
	}
	slices.SortFunc(all, func(a, b asked) int { return cmp.Compare(a.x, b.x) })
	bins := min(max(1, len(all)/binSize), maxBins)
	var c curve
	var weights []float64
	for i := range bins {
		bin := all[i*len(all)/bins : (i+1)*len(all)/bins]
		x, late := 0.0, 0.0
		for _, a := range bin {
			x += a.x / float64(len(bin))
			if a.late {
				late++
			}
		}
		n := float64(len(bin))
		c, weights = append(c, point{x, (late + shrink*(1-x)) / (n + shrink)}), append(weights, n+shrink)
		for k := len(c) - 1; k > 0 && c[k].p > c[k-1].p; k-- { // pool adjacent violators
			w := weights[k] + weights[k-1]
			c[k-1] = point{(c[k-1].x*weights[k-1] + c[k].x*weights[k]) / w, (c[k-1].p*weights[k-1] + c[k].p*weights[k]) / w}
			c, weights = c[:k], append(weights[:k-1], w)
		}
	}
	return append(append(curve{{0, 1}}, c...), point{1, 0})
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
	a, b := c[i-1], c[i] // a.x < x <= b.x
	return a.p + (b.p-a.p)*(x-a.x)/(b.x-a.x)
}

// p is the probability that a sample's promise is missed.
func (m *Model) p(s sample) float64 { return m.curve.at(m.ease(s)) }
