package backoffice

import (
	"maps"
	"math"
	"slices"
	"time"

	"baylight/sync/wire"
)

// A board believes a risk for 15 minutes (DOMAIN §9). It is told again before
// that, and at once when the picture changes.
const (
	riskFor   = 8 * time.Minute // after which the same risk is told again
	riskStep  = 0.05            // by which p has to move to be told
	riskLimit = 0.5             // that decides what the lamp shows: crossing it is told
)

// riskTicks is when risks are estimated though nothing happened: never, if nobody
// estimates them.
func (o *Office) riskTicks() (ticks <-chan time.Time, stop func()) {
	if o.cfg.Risks == nil {
		return nil, func() {}
	}
	t := time.NewTicker(o.cfg.RisksEvery)
	return t.C, t.Stop
}

// estimate brings the risks up to date if visits changed or they are old, and says
// whether one has to be told.
func (o *Office) estimate(r *room, s *shown) (due bool) {
	now := o.cfg.Now()
	if o.cfg.Risks == nil || !s.stale && now.Sub(s.risked).Abs() < o.cfg.RisksEvery {
		return false
	}
	s.risks, s.risked = o.cfg.Risks(r.Name, slices.Collect(maps.Values(s.open.visits)), now), now
	for id, was := range s.visits {
		due = due || riskMoved(was.risk, s.risk(id))
	}
	return due
}

// risk is that of a visit, nil if it has none.
func (s *shown) risk(id string) *wire.Risk {
	r, ok := s.risks[id]
	if !ok {
		return nil
	}
	return &r
}

// riskMoved says whether what is told is not what should be.
func riskMoved(told, is *wire.Risk) bool {
	if told == nil || is == nil {
		return told != is
	}
	return told.Reason != is.Reason || math.Abs(float64(told.P-is.P)) >= riskStep ||
		(told.P >= riskLimit) != (is.P >= riskLimit) || is.At.Sub(told.At).Abs() >= riskFor
}
