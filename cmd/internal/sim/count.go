package sim

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice/kpi"
)

// fact is an event as the judge reads its bytes, with its own eyes.
type fact struct {
	Type string    `json:"type"`
	ID   string    `json:"id"`
	Time time.Time `json:"-"`
	Data struct {
		Visit   string     `json:"visit"`
		Event   string     `json:"event"`
		Vehicle string     `json:"vehicle"`
		Promise *time.Time `json:"promise"`
		Consent any        `json:"consent"`
		Items   []struct {
			Category string `json:"category"`
		} `json:"items"`
	} `json:"data"`
}

// car is one visit as the judge tells it.
type car struct {
	arrived, accepted, signed, job, passed, delivered, cancelled time.Time
	vehicle                                                      string
	categories                                                   []string
	promises                                                     []pledge
}

type pledge struct {
	due, said time.Time
	agreed    bool
}

// own counts the main figures without the product's fold and figures.
func (j *judge) own(count map[key]int, got kpi.Row, unsure map[string]kiosk.Quality) {
	cars := j.cars(count)
	maps.DeleteFunc(cars, func(visit string, _ *car) bool { return unsure[visit] != "" })
	want := map[string]int64{}
	vehicles := map[string]bool{}
	var turn, accepted, job []time.Duration
	for _, c := range cars {
		if !c.arrived.IsZero() {
			want["arrivals"]++
			accepted, job = lasted(accepted, c.arrived, c.accepted), lasted(job, c.arrived, c.job)
			turn = lasted(turn, c.arrived, c.delivered)
		}
		if c.signed.IsZero() || !c.cancelled.IsZero() {
			continue
		}
		want["orders"]++
		want["category_counts"] += int64(len(c.categories))
		if c.vehicle == "" {
			want["without_vehicle"]++
		} else {
			vehicles[c.vehicle] = true
		}
		c.onTime(want)
	}
	want["vehicles"] = int64(len(vehicles))
	percentiles(want, "turnaround", turn)
	percentiles(want, "accepted", accepted)
	percentiles(want, "first_job", job)
	have := map[string]int64{"arrivals": int64(got.Arrivals), "orders": int64(got.Orders), "category_counts": int64(got.CategoryCounts),
		"without_vehicle": int64(got.OrdersWithoutVehicle), "vehicles": int64(got.Vehicles)}
	for name, r := range got.OnTime.Variants {
		if !strings.Contains(name, "/due/") {
			have[name+" of"], have[name] = int64(r.Denominator), int64(r.Numerator)
		}
	}
	for name, m := range map[string]kpi.Minutes{"turnaround": got.Turnaround, "accepted": got.Response.Accepted, "first_job": got.Response.FirstJob} {
		have[name] = int64(m.N)
		if m.N > 0 {
			have[name+" p50"], have[name+" p90"] = *m.P50, *m.P90
		}
	}
	for _, name := range sortedNames(want, have) {
		if want[name] != have[name] {
			j.w.violated("I6: %s is %d, the judge counts %d", name, have[name], want[name])
		}
	}
}

func sortedNames(maps ...map[string]int64) (names []string) {
	for _, m := range maps {
		for n := range m {
			if i, found := slices.BinarySearch(names, n); !found {
				names = slices.Insert(names, i, n)
			}
		}
	}
	return names
}

// cars retells the visits.
func (j *judge) cars(count map[key]int) map[string]*car {
	names := j.names()
	var facts []fact
	void, voids := map[string]bool{}, map[string]bool{}
	for _, r := range j.sorted() {
		if count[r.key] == 0 {
			continue
		}
		var f fact
		if err := json.Unmarshal(r.bytes, &f); err != nil {
			j.w.violated("I6: the judge cannot read %s: %v", r.key.id, err)
			continue
		}
		f.Time, f.ID = r.at.Truncate(time.Millisecond), fmt.Sprint(names[r.key], "-", r.event.Seq)
		if f.Type == "baylight.event.voided.v1" {
			void[names.meant(r)] = true
			voids[f.ID] = true
		}
		facts = append(facts, f)
	}
	cars := map[string]*car{}
	for _, f := range facts {
		if f.Data.Visit == "" || void[f.ID] && !voids[f.ID] {
			continue
		}
		c := cars[f.Data.Visit]
		if c == nil {
			c = &car{}
			cars[f.Data.Visit] = c
		}
		c.hear(f)
	}
	return cars
}

func (c *car) hear(f fact) {
	again := func() {
		if c.delivered.IsZero() {
			c.passed = time.Time{}
		}
	}
	set := func(t *time.Time) {
		if t.IsZero() {
			*t = f.Time
		}
	}
	switch strings.TrimSuffix(strings.TrimPrefix(f.Type, "baylight."), ".v1") {
	case "visit.checked_in":
		if c.arrived.IsZero() && c.vehicle == "" {
			c.vehicle = f.Data.Vehicle
		}
		set(&c.arrived)
	case "vehicle.identified":
		c.vehicle = f.Data.Vehicle
	case "visit.accepted":
		set(&c.accepted)
	case "order.signed":
		if !c.signed.IsZero() {
			return
		}
		c.signed = f.Time
		for _, it := range f.Data.Items {
			if !slices.Contains(c.categories, it.Category) {
				c.categories = append(c.categories, it.Category)
			}
		}
		if f.Data.Promise != nil {
			c.promises = append(c.promises, pledge{*f.Data.Promise, f.Time, true})
		}
	case "promise.revised":
		c.promises = append(c.promises, pledge{*f.Data.Promise, f.Time, f.Data.Consent == true})
	case "order.cancelled":
		set(&c.cancelled)
	case "job.started", "job.resumed":
		set(&c.job)
		again()
	case "inspection.failed":
		again()
	case "inspection.passed":
		set(&c.passed)
	case "visit.delivered":
		set(&c.delivered)
	}
}

// onTime asks the questions of 准时交车率 about one order.
func (c *car) onTime(want map[string]int64) {
	for _, which := range []string{"first", "last"} {
		var p *pledge
		for i := range c.promises {
			if q := &c.promises[i]; p == nil || which == "last" && q.agreed && q.said.Before(p.due) {
				p = q
			}
		}
		for _, moment := range []string{"pass", "delivery"} {
			end := c.passed
			if moment == "delivery" {
				end = c.delivered
			}
			kept := p != nil && !end.IsZero() && !c.passed.IsZero() && !c.promises[0].said.After(c.passed)
			for _, population := range []string{"signed", "passed"} {
				if population == "passed" && c.passed.IsZero() {
					continue
				}
				for _, tie := range []string{"late", "on_time"} {
					name := strings.Join([]string{which, moment, population, tie}, "/")
					want[name+" of"]++
					if kept && before(end, p.due, tie == "on_time") {
						want[name]++
					}
				}
			}
		}
	}
}

// before compares what a clock on the wall shows, hours and minutes.
func before(a, b time.Time, same bool) bool {
	x, y := a.Unix()/60, b.Unix()/60
	return x < y || same && x == y
}

func lasted(ds []time.Duration, from, to time.Time) []time.Duration {
	if to.IsZero() || to.Before(from) {
		return ds
	}
	return append(ds, to.Sub(from))
}

func percentiles(want map[string]int64, name string, ds []time.Duration) {
	slices.Sort(ds)
	n := len(ds)
	want[name] = int64(n)
	for _, p := range []int{50, 90} {
		for i := range ds { // the smallest that at least p of a hundred do not exceed
			if (i+1)*100 >= p*n {
				want[fmt.Sprintf("%s p%d", name, p)] = int64(ds[i] / time.Minute)
				break
			}
		}
	}
}
