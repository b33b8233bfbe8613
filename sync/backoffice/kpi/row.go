package kpi

import (
	"maps"
	"slices"
	"time"

	"baylight/kiosk"
)

// Row is the figures of one period or group. Every duration that is absent
// (nothing to measure) is null, never 0.
type Row struct {
	Key                  string                 `json:"key"`
	Arrivals             int                    `json:"arrivals"`
	Orders               int                    `json:"orders"`          // 车次
	CategoryCounts       int                    `json:"category_counts"` // 台次
	Categories           map[kiosk.Category]int `json:"categories"`      // 台次 by category
	Vehicles             int                    `json:"vehicles"`        // 车数
	OrdersWithoutVehicle int                    `json:"orders_without_vehicle"`
	OnTime               OnTimeRate             `json:"on_time"`
	Rework               Ratio                  `json:"rework"`
	Response             Response               `json:"response_minutes"`
	Repair               Repair                 `json:"repair_minutes"`
	Turnaround           Minutes                `json:"turnaround_minutes"`
	Stages               StageTotals            `json:"stages"`
	UnclosedJobs         int                    `json:"unclosed_jobs"`
	Quality              Quality                `json:"data_quality"`
	Beyond
}

// Ratio is a share with what it is made of. Rate is null if the denominator is 0.
type Ratio struct {
	Rate        *float64 `json:"rate"`
	Numerator   int      `json:"numerator"`
	Denominator int      `json:"denominator"`
}

func ratio(num, den int) Ratio {
	r := Ratio{Numerator: num, Denominator: den}
	if den > 0 {
		f := float64(num) / float64(den)
		r.Rate = &f
	}
	return r
}

// OnTimeRate is 准时交车率: the headline, and every variant by its name.
type OnTimeRate struct {
	Ratio
	Variants map[string]Ratio `json:"variants"`
}

// Minutes describes durations in whole minutes, truncated.
type Minutes struct {
	N   int    `json:"n"`
	P50 *int64 `json:"p50"`
	P90 *int64 `json:"p90"`
}

// Response is 售后响应时间, which ends at two moments.
type Response struct {
	Accepted Minutes `json:"accepted"`  // check-in → visit.accepted
	FirstJob Minutes `json:"first_job"` // check-in → first job.started
}

// Repair is 维修完成时间: first job.started → last job.finished.
type Repair struct {
	Gross      Minutes                          `json:"gross"`
	Net        Minutes                          `json:"net"` // less the instants in which no job ran and one was paused
	Categories map[kiosk.Category]RepairMinutes `json:"categories"`
}

// RepairMinutes is Repair of one category.
type RepairMinutes struct {
	Gross Minutes `json:"gross"`
	Net   Minutes `json:"net"`
}

// StageTotals is where the time of delivered visits went, in milliseconds. The
// values of MS add up to TotalMS exactly: the sum of check-in → delivery over
// the visits that have a split. A visit with an unclosed job has none.
type StageTotals struct {
	Visits  int                   `json:"visits"`
	TotalMS int64                 `json:"total_ms"`
	MS      map[kiosk.Stage]int64 `json:"ms"`
}

// Quality is what is known about the data of visits checked in.
type Quality struct {
	Complete Ratio `json:"complete"` // ended visits whose chain of events is whole ÷ ended visits
	// Uncertain visits have a time that no clock vouches for and nobody stated.
	// They count here alone: every other figure leaves them out.
	Uncertain       int                `json:"uncertain"`
	UncertainOrders int                `json:"uncertain_orders"` // those of them with an order signed in the period
	Corrections     int                `json:"corrections"`      // events voided or amended
	Flags           map[kiosk.Flag]int `json:"flags"`            // visits that carry each
}

// row computes the figures of in. With only set, 台次 counts that category alone.
func (in Input) row(key string, only kiosk.Category) Row {
	unsure := in.Visits
	in.Visits = slices.DeleteFunc(slices.Clone(in.Visits), func(v *kiosk.Visit) bool { return v.Uncertain })
	r := Row{Key: key, Categories: map[kiosk.Category]int{}, OnTime: in.onTime()}
	vehicles := map[string]bool{}
	reworks := 0
	for _, v := range in.Visits {
		if in.has(v.Arrived) {
			r.Arrivals++
		}
		r.UnclosedJobs += in.unclosed(v)
		if !in.signed(v) {
			continue
		}
		r.Orders++
		for _, c := range v.Order.Categories() {
			if only == "" || c == only {
				r.Categories[c]++
				r.CategoryCounts++
			}
		}
		if v.Vehicle == "" {
			r.OrdersWithoutVehicle++
		} else {
			vehicles[v.Vehicle] = true
		}
		if v.Rework != nil {
			reworks++
		}
	}
	r.Vehicles = len(vehicles)
	r.Rework = ratio(reworks, r.Orders)
	in.durations(&r, only)
	r.Quality = in.quality()
	for _, v := range unsure {
		if v.Uncertain && in.has(v.Arrived) {
			r.Quality.Uncertain++
		}
		if v.Uncertain && in.signed(v) {
			r.Quality.UncertainOrders++
		}
	}
	return r
}

// signed says whether the visit's order counts in the period.
func (in Input) signed(v *kiosk.Visit) bool { return v.Order.InForce() && in.has(v.Order.Signed) }

func (in Input) durations(r *Row, only kiosk.Category) {
	var accepted, firstJob, gross, net, whole []time.Duration
	byCategory := map[kiosk.Category][2][]time.Duration{}
	r.Stages.MS = map[kiosk.Stage]int64{}
	for _, v := range in.Visits {
		if in.has(v.Arrived) {
			accepted = measure(accepted, v.Arrived, v.Accepted)
			firstJob = measure(firstJob, v.Arrived, firstStart(v))
		}
		if g, n, ok := in.repaired(v); ok {
			gross, net = append(gross, g), append(net, n)
			for _, c := range categories(v) {
				if only == "" || c == only {
					pair := byCategory[c]
					byCategory[c] = [2][]time.Duration{append(pair[0], g), append(pair[1], n)}
				}
			}
		}
		d, ok := in.turnaround(v)
		if !ok {
			continue
		}
		whole = append(whole, d)
		if split, ok := in.splitOf(v, d); ok {
			r.Stages.Visits++
			for s, part := range split {
				r.Stages.MS[s] += part.Milliseconds()
				r.Stages.TotalMS += part.Milliseconds()
			}
		}
	}
	r.Response = Response{minutes(accepted), minutes(firstJob)}
	r.Repair = Repair{minutes(gross), minutes(net), map[kiosk.Category]RepairMinutes{}}
	for c, pair := range byCategory {
		r.Repair.Categories[c] = RepairMinutes{minutes(pair[0]), minutes(pair[1])}
	}
	r.Turnaround = minutes(whole)
}

// splitOf is where the turnaround of a delivered visit went. A visit that was
// closed before it was delivered has no split: its parts would not add up.
func (in Input) splitOf(v *kiosk.Visit, turnaround time.Duration) (map[kiosk.Stage]time.Duration, bool) {
	split, ok := v.Split(v.Delivered)
	if !ok || v.HasUnclosed(in.Now) {
		return nil, false
	}
	for _, part := range split {
		turnaround -= part
	}
	return split, turnaround == 0
}

// repaired is the repair time of a visit whose work ended in the period. While
// the visit lasts, an open job means that the last finish is not known yet.
func (in Input) repaired(v *kiosk.Visit) (gross, net time.Duration, ok bool) {
	var last time.Time
	for _, w := range v.Works {
		last = later(last, w.Finished)
		if v.Open() && w.Open(in.Now) {
			return 0, 0, false
		}
	}
	if !in.has(last) || v.HasUnclosed(in.Now) {
		return 0, 0, false
	}
	return v.Repair()
}

// turnaround is check-in → delivery of a visit delivered in the period.
func (in Input) turnaround(v *kiosk.Visit) (time.Duration, bool) {
	if !v.Known() || !in.has(v.Delivered) || v.Delivered.Before(v.Arrived) {
		return 0, false
	}
	return v.Delivered.Sub(v.Arrived), true
}

// unclosed counts the unclosed jobs of the visit that were started in the period.
func (in Input) unclosed(v *kiosk.Visit) (n int) {
	for _, w := range v.Works {
		if in.has(w.Start()) && w.UnclosedAt(in.Now) {
			n++
		}
	}
	return n
}

func (in Input) quality() Quality {
	q := Quality{Flags: map[kiosk.Flag]int{}}
	whole, ended := 0, 0
	for _, v := range in.Visits {
		if !in.has(v.Arrived) {
			continue
		}
		if !v.Open() {
			ended++
			if in.complete(v) {
				whole++
			}
		}
		q.Corrections += v.Corrections
		for _, f := range v.Flags {
			q.Flags[f]++
		}
	}
	q.Complete = ratio(whole, ended)
	return q
}

// complete says whether an ended visit's chain of events is whole: accepted,
// and either closed without an order in force, or signed, worked on, passed and
// delivered, with every job finished.
func (in Input) complete(v *kiosk.Visit) bool {
	if v.Accepted.IsZero() || v.HasUnclosed(in.Now) {
		return false
	}
	if !v.Order.InForce() {
		return v.Outcome != ""
	}
	finished := len(v.Works) > 0 && !slices.ContainsFunc(v.Works, func(w *kiosk.Work) bool { return w.Finished.IsZero() })
	return finished && !v.Passed.IsZero() && !v.Delivered.IsZero()
}

func categories(v *kiosk.Visit) []kiosk.Category {
	if !v.Order.InForce() {
		return nil
	}
	return v.Order.Categories()
}

func firstStart(v *kiosk.Visit) (t time.Time) {
	for _, w := range v.Works {
		if t.IsZero() || w.Start().Before(t) {
			t = w.Start()
		}
	}
	return t
}

// measure appends to − from, unless to has not happened or lies before from.
func measure(ds []time.Duration, from, to time.Time) []time.Duration {
	if to.IsZero() || to.Before(from) {
		return ds
	}
	return append(ds, to.Sub(from))
}

// minutes sorts ds and reads the percentiles off by nearest rank.
func minutes(ds []time.Duration) Minutes {
	m := Minutes{N: len(ds)}
	if m.N == 0 {
		return m
	}
	slices.Sort(ds)
	rank := func(p int) *int64 {
		whole := int64(ds[(p*len(ds)+99)/100-1] / time.Minute)
		return &whole
	}
	m.P50, m.P90 = rank(50), rank(90)
	return m
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
