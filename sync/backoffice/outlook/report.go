package outlook

import (
	"errors"
	"time"

	"baylight/sync/backoffice/kpi"
	"baylight/sync/backoffice/risk"
)

// Report is how far a store's late-risk can be trusted, as it is published.
type Report struct {
	Definition  string       `json:"definition"`
	Store       string       `json:"store"`
	Estimating  bool         `json:"estimating"` // false: boards and pages go by standard minutes alone
	Why         string       `json:"why"`        // not: "" else
	Trained     *time.Time   `json:"trained"`
	Orders      int          `json:"orders"` // past orders the estimates come from
	Calibration *Calibration `json:"calibration"`
}

// Calibration is [risk.Calibration] as it is published: estimates made from older
// orders about newer ones, by tenths of 0 to 1, and what became of these.
type Calibration struct {
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	Orders  int       `json:"orders"`
	Samples int       `json:"samples"`
	Late    float64   `json:"late"`       // share of the samples that was late
	Brier   float64   `json:"brier"`      // 0 is perfect
	Base    float64   `json:"brier_base"` // of always guessing that share
	Deciles []Decile  `json:"deciles"`
}

// Decile is the estimates in one tenth; the shares are null without any.
type Decile struct {
	N        int      `json:"n"`
	Guessed  *float64 `json:"guessed"`
	Observed *float64 `json:"observed"`
}

// Report says how far a store's late-risk can be trusted.
func (o *Outlook) Report(store string) (Report, error) {
	s, err := o.State(store)
	if err != nil {
		return Report{}, err
	}
	r := Report{Definition: kpi.Definition, Store: store, Estimating: s.Model != nil}
	switch {
	case s.Model != nil:
		trained := s.Model.Trained.In(s.Calendar.Zone)
		r.Trained, r.Orders = &trained, s.Model.Orders
	case errors.Is(s.Err, risk.ErrHistory):
		r.Why = risk.ErrHistory.Error()
	case errors.Is(s.Err, ErrNoBetter):
		r.Why = ErrNoBetter.Error()
	case errors.Is(s.Err, ErrElsewhere):
		r.Why = ErrElsewhere.Error()
	default:
		r.Why = "history cannot be read"
	}
	if s.Calibration.Samples > 0 {
		r.Calibration = published(s.Calibration, s.Calendar.Zone)
	}
	return r, nil
}

func published(c risk.Calibration, zone *time.Location) *Calibration {
	out := &Calibration{From: c.From.In(zone), To: c.To.In(zone), Orders: c.Orders, Samples: c.Samples, Late: c.Late, Brier: c.Brier, Base: c.Base}
	for _, d := range c.Deciles {
		p := Decile{N: d.N}
		if d.N > 0 {
			p.Guessed, p.Observed = &d.Guessed, &d.Observed
		}
		out.Deciles = append(out.Deciles, p)
	}
	return out
}
