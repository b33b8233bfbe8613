package risk

import (
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice/kpi"
)

// Reason is why a promise may be missed.
type Reason string

// The reasons of DOMAIN §6.
const (
	Parts     Reason = "parts"     // waits for parts
	Authority Reason = "authority" // waits for the customer's consent
	Queue     Reason = "queue"     // waits for a bay, or for its inspection
	Behind    Reason = "behind"    // behind standard time: what is left takes too long, or has already
)

// Risk is an estimate for one open order.
type Risk struct {
	P      float64 // that the promise in force is missed; 1 once it is
	Reason Reason
	At     time.Time
	Due    time.Time // the promise in force
	Slack  int       // opening minutes to it
	Needs  int       // opening minutes that the work is expected to take
}

// Shop is what stands around an order.
type Shop struct {
	Calendar kiosk.Calendar
	Bays     int // that take work
	Ahead    int // standard minutes of the orders signed before it that wait for a bay
}

// ShopOf looks at the open visits of a store for one of them.
func ShopOf(v *kiosk.Visit, open []*kiosk.Visit, cal kiosk.Calendar, bays int, now time.Time) Shop {
	s := Shop{Calendar: cal, Bays: bays}
	for _, o := range open {
		if o.ID != v.ID && o.Order.InForce() && v.Order.InForce() && o.Order.Signed.Before(v.Order.Signed) && o.StageAt(now) == kiosk.StageWaitingBay {
			s.Ahead += o.Order.StandardMinutes()
		}
	}
	return s
}

// Assess estimates the risk of an order. ok is false if there is nothing to miss:
// no order in force, no promise, passed or ended.
func (m *Model) Assess(v *kiosk.Visit, shop Shop, now time.Time) (r Risk, ok bool) {
	if !v.Order.InForce() || !v.Open() || !v.Passed.IsZero() || v.Uncertain {
		return r, false
	}
	promise, ok := v.EffectivePromise()
	if !ok {
		return r, false
	}
	f := kpi.FactOf(v, shop.Calendar)
	at, ok := f.Standing(kpi.InstantOf(now))
	if !ok {
		return r, false
	}
	r = Risk{P: 1, Reason: reason(at), At: now, Due: promise.Due}
	s := sample{stage: at.Stage, over: over(at), category: f.Main(), whole: whole(&f), standard: minutes(at.Remaining)}
	s.queue = queued(s.stage, float64(shop.Ahead), shop.Bays)
	r.Needs = int(m.expected(s))
	if minute(kpi.InstantOf(promise.Due)) <= minute(kpi.InstantOf(now)) {
		return r, true
	}
	s.slack = opening(shop.Calendar, now, promise.Due)
	r.Slack = int(s.slack)
	r.P = m.p(s)
	return r, true
}

func reason(s kpi.Standing) Reason {
	switch s.Stage {
	case kiosk.StagePausedParts:
		return Parts
	case kiosk.StagePausedAuthority:
		return Authority
	case kiosk.StageWaitingBay, kiosk.StageWaitingInspection:
		return Queue
	}
	return Behind
}
