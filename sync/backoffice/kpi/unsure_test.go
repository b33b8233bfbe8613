package kpi_test

import (
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"baylight/kiosk"
	"baylight/sync/backoffice/kpi"
)

// TestUnsureTimesCountApart: visits with an unsure time change no figure but the
// one that names them, whatever they hold.
func TestUnsureTimesCountApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := kpi.Input{Calendar: cal, From: time.Date(2026, 11, 1, 0, 0, 0, 0, zone), To: time.Date(2026, 12, 1, 0, 0, 0, 0, zone), Now: time.Date(2026, 12, 5, 0, 0, 0, 0, zone)}
		for i := range rapid.IntRange(0, 4).Draw(t, "sure") {
			in.Visits = append(in.Visits, someVisit(t, i))
		}
		without := in
		unsure := 0
		for i := range rapid.IntRange(1, 4).Draw(t, "unsure") {
			v := someVisit(t, 10+i)
			v.Uncertain = true
			v.Flags = append(v.Flags, kiosk.ClockUncertain)
			in.Visits = append(in.Visits, v)
			unsure++
		}
		for _, by := range []kpi.By{kpi.ByNone, kpi.ByDay} {
			got, want := kpi.Compute(in, by), kpi.Compute(without, by)
			counted := 0
			for i := range got {
				counted += got[i].Quality.Uncertain
				if got[i].Quality.UncertainOrders > unsure {
					t.Errorf("%d orders are uncertain", got[i].Quality.UncertainOrders)
				}
				got[i].Quality.Uncertain, got[i].Quality.UncertainOrders = 0, 0
			}
			if counted != unsure {
				t.Errorf("by %s %d visits are uncertain, want %d", by, counted, unsure)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("by %s unsure times changed a figure:\n%+v\nwant\n%+v", by, got, want)
			}
		}
		for _, figure := range []string{"arrivals", "orders", "on_time", "turnaround_minutes", "repair_minutes", "rework", "unclosed_jobs", "incomplete"} {
			a, err := kpi.Behind(in, figure, "", kpi.Headline())
			b, _ := kpi.Behind(without, figure, "", kpi.Headline())
			if err != nil || !reflect.DeepEqual(a, b) {
				t.Errorf("behind %s stand unsure visits (%v)", figure, err)
			}
		}
		if a, err := kpi.Behind(in, "uncertain", "", kpi.Headline()); err != nil || len(a) != unsure {
			t.Errorf("behind uncertain stand %d visits (%v)", len(a), err)
		}
	})
}
