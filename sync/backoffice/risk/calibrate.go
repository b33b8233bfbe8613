package risk

import (
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice/kpi"
)

// Calibration is how far estimates can be trusted: a model of the older three
// quarters of history was asked about the newer quarter.
type Calibration struct {
	From, To time.Time // the period asked about: orders signed in it
	Orders   int
	Samples  int
	Late     float64 // share of the samples that was late
	Deciles  [10]Decile
	Brier    float64 // mean of (estimate − outcome)², 0 is perfect
	Base     float64 // that of always guessing Late, which no model knows beforehand
}

// Decile is the samples with an estimate in one tenth of 0 to 1.
type Decile struct {
	N        int
	Guessed  float64 // mean estimate
	Observed float64 // share that was late
}

// Better says whether the estimates beat guessing.
func (c Calibration) Better() bool { return c.Samples > 0 && c.Brier < c.Base }

// Calibrate asks a model of older orders about newer ones of the [Window] before
// now. It needs [MinOrders] older ones.
func Calibrate(facts []kpi.Fact, cal kiosk.Calendar, bays int, now time.Time) (c Calibration, err error) {
	all := newHistory(facts, cal, bays, now.Add(-Window), now.Add(-settled))
	split := len(all.facts) * 3 / 4
	if split >= len(all.facts) {
		_, err := train(history{}, now)
		return c, err
	}
	c.From, c.To = all.facts[split].Signed.In(cal.Zone), now.Add(-settled)
	// What came out after the split was not known then.
	older := newHistory(facts, cal, bays, now.Add(-Window), c.From.Add(-settled))
	m, err := train(older, c.From)
	if err != nil {
		return c, err
	}
	newer := newHistory(facts, cal, bays, c.From, c.To)
	c.Orders = len(newer.facts)
	c.score(m, newer.samples(now))
	return c, nil
}

func (c *Calibration) score(m *Model, samples []sample) {
	c.Samples = len(samples)
	if c.Samples == 0 {
		return
	}
	n := float64(c.Samples)
	for _, s := range samples {
		p, late := m.p(s), 0.0
		if s.late {
			late = 1
		}
		c.Late += late / n
		c.Brier += (p - late) * (p - late) / n
		d := &c.Deciles[min(int(p*10), 9)]
		d.N++
		d.Guessed += p
		d.Observed += late
	}
	c.Base = c.Late * (1 - c.Late)
	for i := range c.Deciles {
		if d := &c.Deciles[i]; d.N > 0 {
			d.Guessed, d.Observed = d.Guessed/float64(d.N), d.Observed/float64(d.N)
		}
	}
}
