package dashboard

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/kpi"
	"baylight/sync/backoffice/outlook"
)

// chance is what is known about whether an open order's promise will be missed.
type chance struct {
	P      float64 // probability, if Known
	Known  bool    // false: not enough history yet
	Risky  bool
	Reason string // words has office.reason.X; "" if nothing speaks for it
}

// riskyFrom is the probability from which an order is shown as at risk (DOMAIN §5).
const riskyFrom = 0.5

// chances judges the open visits of a store whose promise has not come yet. Without a history to learn from an
// order is at risk if more standard minutes are left than minutes to the promise
// (DOMAIN §9).
func (d *dashboard) chances(ctx context.Context, s backoffice.Store, open []*kiosk.Visit, now time.Time) (map[string]chance, error) {
	learnt := map[string]Risk{}
	if d.Risk != nil {
		var err error
		if learnt, err = d.Risk(ctx, s.Name); err != nil {
			return nil, err
		}
	}
	out := map[string]chance{}
	for _, v := range open {
		p, ok := v.EffectivePromise()
		if !ok || !v.Open() || !v.Order.InForce() || !v.Passed.IsZero() || !now.Before(p.Due) {
			continue
		}
		if r, ok := learnt[v.ID]; ok && r.Enough {
			c := chance{P: r.P, Known: true, Risky: r.P >= riskyFrom, Reason: r.Reason}
			if !c.Risky && c.Reason == "behind" {
				c.Reason = "" // nothing stands in its way
			}
			out[v.ID] = c
			continue
		}
		out[v.ID] = chance{Risky: risky(v, now), Reason: reason(v, now)}
	}
	return out, nil
}

// chancesNow are those of the open orders among some visits of a span. Of a span
// that is asked for as it once was there are none.
func (d *dashboard) chancesNow(ctx context.Context, s backoffice.Store, sp span, cases []Case) (map[string]chance, error) {
	if sp.AsOf != "" || sp.Stated || !slices.ContainsFunc(cases, func(c Case) bool { return c.Stage != kiosk.StageEnded }) {
		return nil, nil
	}
	open, _, err := d.open(ctx, s)
	if err != nil {
		return nil, err
	}
	return d.chances(ctx, s, open, d.Office.Now())
}

// Percent is a probability in whole per cent.
func (page) Percent(p float64) string { return fmt.Sprintf("%.0f%%", p*100) }

// learnt says whether late-risk of a store comes from its history; if not, words has why.
func (d *dashboard) learnt(s backoffice.Store) (yes bool, why string, err error) {
	if d.Outlook == nil {
		return false, "office.no_history_yet", nil
	}
	report, err := d.Outlook(s.Name)
	switch {
	case err != nil || report.Estimating:
		return err == nil, "", err
	case report.Why == outlook.ErrElsewhere.Error():
		return false, "office.learnt_elsewhere", nil
	case report.Why == outlook.ErrNoBetter.Error():
		return false, "office.no_better", nil
	}
	return false, "office.no_history_yet", nil
}

// reason is what stands in the way of an order by the rule alone.
func reason(v *kiosk.Visit, now time.Time) string {
	switch v.StageAt(now) {
	case kiosk.StagePausedParts:
		return "parts"
	case kiosk.StagePausedAuthority:
		return "authority"
	case kiosk.StageWaitingBay, kiosk.StagePausedSwitched:
		return "queue"
	}
	if risky(v, now) {
		return "behind"
	}
	return ""
}

// Reasons lists why a promise may be missed; words has office.reason.X.
func Reasons() []string { return []string{"parts", "authority", "queue", "behind"} }

// apiRisk says how far late-risk can be trusted: its calibration.
func (d *dashboard) apiRisk(w http.ResponseWriter, r *http.Request) error {
	of := func(_ *http.Request, s backoffice.Store) (any, error) {
		if d.Outlook == nil {
			return outlook.Report{Definition: kpi.Definition, Store: s.Name, Why: "nothing is learnt here"}, nil
		}
		return d.Outlook(s.Name)
	}
	if d.group(r) {
		return d.each(w, r, of)
	}
	s, err := d.store(r)
	if err != nil {
		return err
	}
	v, err := of(r, s)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, v)
}
