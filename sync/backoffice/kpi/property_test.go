package kpi_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"baylight/kiosk"
	"baylight/sync/backoffice/kpi"
)

// someVisit draws a visit of any history, sensible or not, within November.
func someVisit(t *rapid.T, i int) *kiosk.Visit {
	id := fmt.Sprint(i)
	now := time.Date(2026, 11, 1, 8, 0, 0, 0, zone).Add(time.Duration(rapid.IntRange(0, 25*24*60).Draw(t, "arrives")) * time.Minute)
	s := &script{id: id}
	add := func(p kiosk.Payload) {
		s.events = append(s.events, kiosk.Event{Source: "/stores/sh/kiosks/k1", Epoch: "e" + id, Seq: uint64(len(s.events) + 1),
			Moment: kiosk.Moment{Wall: now, Boot: "b", Clock: kiosk.Synced}, Data: p})
		now = now.Add(time.Duration(rapid.IntRange(0, 8*3600*1000).Draw(t, "pause")) * time.Millisecond)
	}
	add(&kiosk.CheckedIn{Visit: id, Vehicle: rapid.SampledFrom([]string{"", "x", "y", "z"}).Draw(t, "vehicle")})
	for range rapid.IntRange(0, 14).Draw(t, "events") {
		job := s.job(rapid.SampledFrom([]string{"t1", "t2"}).Draw(t, "technician"))
		promise := now.Add(time.Duration(rapid.IntRange(-60, 600).Draw(t, "promise")) * time.Minute)
		add(rapid.SampledFrom([]kiosk.Payload{
			&kiosk.Accepted{Visit: id, Adviser: "a1"},
			&kiosk.Signed{Visit: id, Order: "o" + id, Adviser: "a1", Promise: &promise, Items: []kiosk.Item{
				{No: 1, Code: "M", Category: rapid.SampledFrom(kiosk.Categories()).Draw(t, "category")}}},
			&kiosk.PromiseRevised{Visit: id, Promise: promise, Consent: rapid.Bool().Draw(t, "consent")},
			&kiosk.Started{Job: job}, &kiosk.Resumed{Job: job}, &kiosk.Finished{Job: job},
			&kiosk.Paused{Job: job, Meta: kiosk.Meta{Reason: rapid.SampledFrom([]string{kiosk.Parts, kiosk.Break}).Draw(t, "reason")}},
			&kiosk.Passed{Visit: id, Inspector: "q"}, &kiosk.Failed{Visit: id, Inspector: "q"},
			&kiosk.VehicleWashed{Visit: id}, &kiosk.ItemsAdded{Visit: id},
			&kiosk.Delivered{Visit: id, Adviser: "a1"}, &kiosk.Closed{Visit: id, Outcome: "left"},
			&kiosk.OrderCancelled{Visit: id}, &kiosk.ReworkConfirmed{Visit: id, Earlier: "0"},
		}).Draw(t, "event"))
	}
	return kiosk.Apply(s.events, cal)
}

func TestProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var vs []*kiosk.Visit
		for i := range rapid.IntRange(0, 8).Draw(t, "visits") {
			vs = append(vs, someVisit(t, i))
		}
		in := kpi.Input{Visits: vs, Calendar: cal, From: time.Date(2026, 11, 1, 0, 0, 0, 0, zone),
			To: time.Date(2026, 12, 1, 0, 0, 0, 0, zone), Now: time.Date(2026, 12, 5, 0, 0, 0, 0, zone)}
		month := kpi.Compute(in, kpi.ByNone)[0]
		days := kpi.Compute(in, kpi.ByDay)
		if len(days) != 30 || days[0].Key != "2026-11-01" || days[29].Key != "2026-11-30" {
			t.Fatalf("November has %d days, from %s", len(days), days[0].Key)
		}
		checkSums(t, month, days)
		checkStages(t, in, month)
		checkRatios(t, in, month)
	})
}

// checkSums holds what adds up over days: everything that counts visits, orders or jobs.
func checkSums(t *rapid.T, month kpi.Row, days []kpi.Row) {
	sum := func(name string, want int, of func(kpi.Row) int) {
		got := 0
		for _, d := range days {
			got += of(d)
		}
		if got != want {
			t.Errorf("%s by day add up to %d, the month has %d", name, got, want)
		}
	}
	sum("arrivals", month.Arrivals, func(r kpi.Row) int { return r.Arrivals })
	sum("orders", month.Orders, func(r kpi.Row) int { return r.Orders })
	sum("category counts", month.CategoryCounts, func(r kpi.Row) int { return r.CategoryCounts })
	sum("orders without vehicle", month.OrdersWithoutVehicle, func(r kpi.Row) int { return r.OrdersWithoutVehicle })
	sum("reworks", month.Rework.Numerator, func(r kpi.Row) int { return r.Rework.Numerator })
	sum("turnarounds", month.Turnaround.N, func(r kpi.Row) int { return r.Turnaround.N })
	sum("stage time", int(month.Stages.TotalMS), func(r kpi.Row) int { return int(r.Stages.TotalMS) })
	for name, m := range month.OnTime.Variants {
		sum(name, m.Denominator, func(r kpi.Row) int { return r.OnTime.Variants[name].Denominator })
		sum(name, m.Numerator, func(r kpi.Row) int { return r.OnTime.Variants[name].Numerator })
	}
	vehicles := 0
	for _, d := range days {
		vehicles += d.Vehicles
	}
	if vehicles < month.Vehicles {
		t.Errorf("days have %d vehicles, the month %d", vehicles, month.Vehicles)
	}
}

func checkStages(t *rapid.T, in kpi.Input, month kpi.Row) {
	var parts, whole int64
	for _, ms := range month.Stages.MS {
		parts += ms
	}
	for _, v := range in.Visits {
		if split, ok := v.Split(v.Delivered); ok && !v.Delivered.IsZero() && v.Ended.Equal(v.Delivered) && !v.HasUnclosed(in.Now) {
			d := v.Delivered.Sub(v.Arrived)
			whole += d.Milliseconds()
			for _, part := range split {
				d -= part
			}
			if d != 0 {
				t.Errorf("visit %s: stages leave %s of the turnaround", v.ID, d)
			}
		}
	}
	if parts != month.Stages.TotalMS || parts != whole {
		t.Errorf("stages add up to %d ms, total %d, turnarounds %d", parts, month.Stages.TotalMS, whole)
	}
}

// checkRatios holds how variants of the on-time rate stand to each other, and
// that each is the number of visits behind it.
func checkRatios(t *rapid.T, in kpi.Input, month kpi.Row) {
	for _, a := range kpi.Variants() {
		r := month.OnTime.Variants[a.String()]
		if r.Numerator > r.Denominator {
			t.Errorf("%s is %d/%d", a, r.Numerator, r.Denominator)
		}
		lenient := a
		lenient.Tie = kpi.OnTime
		if l := month.OnTime.Variants[lenient.String()]; l.Numerator < r.Numerator || l.Denominator != r.Denominator {
			t.Errorf("%s is %d/%d, with ties in time %d/%d", a, r.Numerator, r.Denominator, l.Numerator, l.Denominator)
		}
		late, err := kpi.Behind(in, "on_time", kpi.Late, a)
		if err != nil || len(late) != r.Denominator-r.Numerator {
			t.Errorf("%s: %d late orders behind %d/%d (%v)", a, len(late), r.Numerator, r.Denominator, err)
		}
	}
}
