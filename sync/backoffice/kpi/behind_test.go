package kpi_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"baylight/kiosk"
	"baylight/sync/backoffice/kpi"
)

// TestEveryFigureLeadsToItsVisits: of every row there are as many visits behind a
// figure as the figure says.
func TestEveryFigureLeadsToItsVisits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := kpi.Input{Calendar: cal, From: time.Date(2026, 11, 3, 0, 0, 0, 0, zone), To: time.Date(2026, 11, 25, 0, 0, 0, 0, zone)}
		in.Now = in.To.AddDate(0, 0, rapid.IntRange(-10, 10).Draw(t, "now"))
		var facts []kpi.Fact
		for i := range rapid.IntRange(0, 8).Draw(t, "visits") {
			in.Visits = append(in.Visits, anyVisit(t, i))
			facts = append(facts, kpi.FactOf(in.Visits[i], cal))
		}
		p := kpi.Period{Calendar: cal, From: in.From, To: in.To, Now: in.Now}
		for _, by := range kpi.Groups() {
			for _, r := range kpi.Compute(in, by) {
				for name, want := range behindRow(r, by) {
					var figure, value string
					fmt.Sscan(name, &figure, &value)
					got, err := p.Behind(facts, kpi.Group{By: by, Key: r.Key}, figure, value, kpi.Headline())
					if err != nil || len(got) != want {
						t.Errorf("%s %q: %d visits behind %s, the figure is %d (%v)", by, r.Key, len(got), name, want, err)
					}
				}
			}
		}
	})
}

// behindRow is how many visits stand behind the figures of a row.
func behindRow(r kpi.Row, by kpi.By) map[string]int {
	want := map[string]int{
		"arrivals": r.Arrivals, "orders": r.Orders, "orders_without_vehicle": r.OrdersWithoutVehicle,
		"on_time": r.OnTime.Denominator, "on_time on_time": r.OnTime.Numerator, "on_time late": r.OnTime.Denominator - r.OnTime.Numerator,
		"promise_error_minutes": r.PromiseError.N, "promises.late late": r.Promises.Late.Numerator, "promises.late": r.Promises.Late.Denominator,
		"promises.revised revised": r.Promises.Revised.Numerator, "promises.revised": r.Promises.Revised.Denominator,
		"response_minutes.accepted": r.Response.Accepted.N, "response_minutes.first_job": r.Response.FirstJob.N,
		"repair_minutes": r.Repair.Gross.N, "turnaround_minutes": r.Turnaround.N, "stages": r.Stages.Visits,
		"rework": r.Rework.Numerator, "throughput": r.Throughput.Passes,
		"uncertain": r.Quality.Uncertain, "uncertain_orders": r.Quality.UncertainOrders,
		"complete": r.Quality.Complete.Numerator, "incomplete": r.Quality.Complete.Denominator - r.Quality.Complete.Numerator,
	}
	for fl, n := range r.Quality.Flags {
		want["flags "+string(fl)] = n
	}
	for c, n := range r.Categories {
		want["category_counts "+string(c)] = n
	}
	for c, n := range r.Throughput.Categories {
		want["throughput "+string(c)] = n
	}
	for c, m := range r.Repair.Categories {
		want["repair_minutes "+string(c)] = m.Net.N
	}
	return want
}

// TestHoursLeadToTheirVisits: time has visits behind it, and no time has none.
func TestHoursLeadToTheirVisits(t *testing.T) {
	v := visit(t, "1").in("08:30").sign("09:00", "16:00").start("09:30", "t1").pause("10:00", "t1", kiosk.Parts).
		resume("05 09:00", "t1").finish("05 10:00", "t1").fold()
	facts := []kpi.Fact{kpi.FactOf(v, cal)}
	for _, tt := range []struct {
		day, figure, value string
		g                  kpi.Group
		want               int
	}{
		{"03", "efficiency", "clocked", kpi.Group{By: kpi.ByNone}, 1},
		{"03", "efficiency", "finished", kpi.Group{By: kpi.ByNone}, 0},
		{"04", "efficiency", "", kpi.Group{By: kpi.ByNone}, 0},
		{"04", "bay_utilisation.running", "", kpi.Group{By: kpi.ByNone}, 0},
		{"04", "bay_utilisation.occupied", "", kpi.Group{By: kpi.ByDay, Key: "2026-11-04"}, 1},
		{"04", "bay_utilisation.occupied", "", kpi.Group{By: kpi.ByBay, Key: "b1"}, 1},
		{"04", "bay_utilisation.occupied", "", kpi.Group{By: kpi.ByBay, Key: "b2"}, 0},
		{"05", "productivity", "", kpi.Group{By: kpi.ByTechnician, Key: "t1"}, 1},
		{"05", "productivity", "", kpi.Group{By: kpi.ByTechnician, Key: "t2"}, 0},
	} {
		p := kpi.Period{Calendar: cal, From: at(t, tt.day+" 00:00"), To: at(t, tt.day+" 23:59"), Now: at(t, "20 00:00")}
		got, err := p.Behind(facts, tt.g, tt.figure, tt.value, kpi.Headline())
		if err != nil || len(got) != tt.want {
			t.Errorf("%+v: %d visits (%v)", tt, len(got), err)
		}
	}
}
