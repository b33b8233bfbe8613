package kpi

import (
	"slices"
	"time"

	"baylight/kiosk"
)

// Period is what figures are asked for, and what they need that no visit tells.
type Period struct {
	Calendar kiosk.Calendar
	From, To time.Time // half-open; whole store-local days where kept tallies are used
	Now      time.Time

	Bays []string // the store's bays; those seen are added

	opened *opened // what opening found, where it was asked already
}

type opened struct {
	ms   int64
	days WorkingDays
}

// Beyond is the figures of a [Row] that come from tallies alone. A pointer is
// nil where a figure cannot be told or has no meaning in that kind of row.
type Beyond struct {
	PromiseError Spread      `json:"promise_error_minutes"` // 估时准确率
	Promises     Promises    `json:"promises"`
	Efficiency   *TimeRatio  `json:"efficiency"`      // 效率: rows by none, day and technician
	Productivity *TimeRatio  `json:"productivity"`    // 生产率: those, where presence was recorded
	Bays         *BayUse     `json:"bay_utilisation"` // 工位利用率: rows by none, day and bay
	Receptions   Receptions  `json:"receptions_per_adviser_day"`
	Throughput   Throughput  `json:"throughput"`
	Charged      *Ratio      `json:"rework_charged"` // rows by technician, once [Charge] was asked
	WorkingDays  WorkingDays `json:"working_days"`
}

// Spread describes signed durations in whole minutes.
type Spread struct {
	N   int    `json:"n"`
	P10 *int64 `json:"p10"`
	P50 *int64 `json:"p50"`
	P90 *int64 `json:"p90"`
}

// Promises is how promises of orders signed in the period fared.
type Promises struct {
	Revised Ratio `json:"revised"` // promise stated more than once ÷ orders with a promise
	Late    Ratio `json:"late"`    // passed at or after the first promise ÷ orders passed with a promise stated before
}

// TimeRatio is a ratio of times. Rate is null if the denominator is 0.
type TimeRatio struct {
	Rate          *float64 `json:"rate"`
	NumeratorMS   int64    `json:"numerator_ms"`
	DenominatorMS int64    `json:"denominator_ms"`
}

func timeRatio(num, den int64) TimeRatio {
	r := TimeRatio{NumeratorMS: num, DenominatorMS: den}
	if den > 0 {
		f := float64(num) / float64(den)
		r.Rate = &f
	}
	return r
}

// BayUse is 工位利用率. The headline counts all minutes, so that work after
// closing time shows; the variant only those within opening hours.
type BayUse struct {
	Running  TimeRatio `json:"running"`  // minutes with a running job ÷ opening minutes
	Occupied TimeRatio `json:"occupied"` // minutes with a job running or paused ÷ opening minutes
	Within   struct {
		Running  TimeRatio `json:"running"`
		Occupied TimeRatio `json:"occupied"`
	} `json:"within_opening"`
	Bays int `json:"bays"`
}

// Receptions is 服务顾问日均接车台次: 台次 ÷ working days ÷ advisers who signed.
// Rate is null without any, and where a day's being a working day is unknown.
type Receptions struct {
	Rate           *float64 `json:"rate"`
	CategoryCounts int      `json:"category_counts"`
	WorkingDays    int      `json:"working_days"`
	Advisers       int      `json:"advisers"`
}

// WorkingDays are the days of the period, begun by now, that have opening hours.
// Unknown of them lie in years whose public holidays nobody stated here.
type WorkingDays struct {
	Days    int `json:"days"`
	Unknown int `json:"unknown"`
}

// Throughput is 吞吐: inspections passed.
type Throughput struct {
	Passes      int                    `json:"passes"`
	PerDay      *float64               `json:"per_day"`       // ÷ working days
	PerOpenHour *float64               `json:"per_open_hour"` // ÷ opening hours
	Hours       [24]int                `json:"by_hour"`       // by the hour of the store-local clock
	Categories  map[kiosk.Category]int `json:"categories"`
}

// next is the midnight after the day that begins at t.
func (p Period) next(t time.Time) time.Time { return p.Calendar.Midnight(t.Add(36 * time.Hour)) }

// day is one day of the period.
func (p Period) day(day string) Period {
	// A day that is not one has no opening hours: both ends are the zero time.
	p.From, _ = time.ParseInLocation(time.DateOnly, day, p.Calendar.Zone)
	p.opened = nil
	p.To = p.next(p.From)
	return p
}

// opening is the opening time of the period up to now, and its working days.
func (p Period) opening() (ms int64, days WorkingDays) {
	if p.opened != nil {
		return p.opened.ms, p.opened.days
	}
	s, end := scope{cal: p.Calendar}, earlier(p.To, p.Now)
	for day := p.Calendar.Midnight(p.From); day.Before(end); day = p.next(day) {
		days.Unknown += int(one(!p.Calendar.Known(day)))
		if open, shut, ok := s.opening(day); ok {
			days.Days++
			ms += max(0, earlier(shut, end).Sub(later(open, p.From)).Milliseconds())
		}
	}
	return ms, days
}

func (t Tally) beyond(by By, key string, p Period) (b Beyond) {
	opening, days := p.opening()
	b.WorkingDays = days
	b.PromiseError = spread(t.lists[lPromiseError])
	b.Promises = Promises{ratio(int(t.n[nRevised]), int(t.n[nPromised])), ratio(int(t.n[nMissed]), int(t.n[nMeasured]))}
	switch by {
	case ByNone, ByDay:
		b.Bays = t.bays(opening, p.Bays)
		t.technicians(&b)
	case ByTechnician:
		t.technicians(&b)
	case ByBay:
		b.Bays = t.bays(opening, []string{key})
	}
	b.Receptions = Receptions{nil, int(t.n[nCategoryCounts]), days.Days, len(t.sets[sAdvisers])}
	if n := days.Days * len(t.sets[sAdvisers]); n > 0 && days.Unknown == 0 {
		rate := float64(t.n[nCategoryCounts]) / float64(n)
		b.Receptions.Rate = &rate
	}
	b.Throughput = t.throughput(opening, days)
	return b
}

// technicians fills in efficiency, and productivity of those whose presence is known.
func (t Tally) technicians(b *Beyond) {
	var clocked, there, attended int64
	for _, c := range t.by[mClocked] {
		clocked += c.n
		if t.by[mAttended].of(c.key) > 0 {
			there += c.n
		}
	}
	for _, c := range t.by[mAttended] {
		attended += c.n
	}
	efficiency := timeRatio(t.n[nStandard], clocked)
	b.Efficiency = &efficiency
	if attended > 0 {
		productivity := timeRatio(there, attended)
		b.Productivity = &productivity
	}
}

func (t Tally) bays(opening int64, known []string) *BayUse {
	u := BayUse{Bays: len(known)}
	for _, bay := range t.sets[sBays] {
		u.Bays += int(one(!slices.Contains(known, bay)))
	}
	den := opening * int64(u.Bays)
	u.Running, u.Occupied = timeRatio(t.n[nRunning], den), timeRatio(t.n[nOccupied], den)
	u.Within.Running, u.Within.Occupied = timeRatio(t.n[nRunningOpen], den), timeRatio(t.n[nOccupiedOpen], den)
	return &u
}

func (t Tally) throughput(opening int64, days WorkingDays) Throughput {
	out := Throughput{Passes: int(t.n[nPasses]), Categories: map[kiosk.Category]int{}}
	for h := range out.Hours {
		out.Hours[h] = int(t.n[nHours+h])
	}
	for _, c := range t.by[mPasses] {
		out.Categories[kiosk.Category(c.key)] = int(c.n)
	}
	if days.Days > 0 && days.Unknown == 0 {
		rate := float64(out.Passes) / float64(days.Days)
		out.PerDay = &rate
	}
	if opening > 0 && days.Unknown == 0 {
		rate := float64(out.Passes) / (float64(opening) / float64(time.Hour.Milliseconds()))
		out.PerOpenHour = &rate
	}
	return out
}

// spread reads the percentiles of sorted milliseconds off by nearest rank.
func spread(all []bin) Spread {
	n := size(all)
	return Spread{N: int(n), P10: rank(all, n, 10), P50: rank(all, n, 50), P90: rank(all, n, 90)}
}
