package figures

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"baylight/sync/backoffice/kpi"
)

// kindWorked are the rows that say when work in a bay last began on a day.
const kindWorked = "worked"

// worked is when the last stretch of work in each bay began on a day.
func (r *room) worked(day string, facts []*kpi.Fact) map[string]time.Time {
	last := map[string]kpi.Instant{}
	midnight, err := time.ParseInLocation(time.DateOnly, day, r.Calendar.Zone)
	if err != nil {
		return nil // it was written by a calendar
	}
	from, to := kpi.InstantOf(midnight), kpi.InstantOf(r.Calendar.Midnight(midnight.Add(36*time.Hour)))
	for _, f := range facts {
		for i := range f.Jobs {
			for k := range f.Jobs[i].Spans {
				s := &f.Jobs[i].Spans[k]
				if was, there := last[s.Bay]; s.From != 0 && s.From >= from && s.From < to && (!there || s.From > was) {
					last[s.Bay] = s.From
				}
			}
		}
	}
	out := make(map[string]time.Time, len(last))
	for bay, at := range last {
		out[bay] = at.In(r.Calendar.Zone)
	}
	return out
}

// Worked is when work in each bay last began, a pause included, on the days from
// that of since to that of until.
func (f *Folder) Worked(ctx context.Context, store string, since, until time.Time) (out map[string]time.Time, err error) {
	out = map[string]time.Time{}
	err = f.folded(ctx, store, func(r *room, _ uint64) error {
		rows, err := f.cfg.Ledger.DayRows(ctx, store, kindWorked, r.Calendar.Day(since), r.Calendar.Day(until))
		for _, row := range rows {
			ms, n := binary.Varint(row.Bytes)
			if n <= 0 {
				return fmt.Errorf("read when bay %q was last worked in on %s: %w", row.Key, row.Day, errShort)
			}
			if at := time.UnixMilli(ms).In(r.Calendar.Zone); at.After(out[row.Key]) {
				out[row.Key] = at
			}
		}
		return err
	})
	return out, err
}
