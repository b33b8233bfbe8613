package officeapp

import (
	"context"
	"time"

	"baylight/sync/backoffice/dashboard"
	"baylight/sync/backoffice/outlook"
)

// risks is late-risk as the dashboard shows it.
func risks(o *outlook.Outlook) func(ctx context.Context, store string) (map[string]dashboard.Risk, error) {
	return func(ctx context.Context, store string) (map[string]dashboard.Risk, error) {
		found, err := o.Risks(ctx, store)
		if err != nil {
			return nil, err
		}
		out := make(map[string]dashboard.Risk, len(found))
		for id, r := range found {
			out[id] = dashboard.Risk{P: r.P, Enough: true, Reason: string(r.Reason)}
		}
		return out, nil
	}
}

// calibrated is the end of the period that late-risk of a store was last held against.
func calibrated(o *outlook.Outlook) func(store string) time.Time {
	return func(store string) time.Time {
		s, err := o.State(store)
		if err != nil {
			return time.Time{}
		}
		return s.Calibration.To
	}
}
