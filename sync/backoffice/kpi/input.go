package kpi

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"baylight/kiosk"
)

// Input is what figures are computed from.
type Input struct {
	Visits   []*kiosk.Visit // folded; read only
	Calendar kiosk.Calendar
	From, To time.Time // the period, half-open
	Now      time.Time

	// Bays are the store's; those seen are added.
	Bays []string

	facts []*Fact // of Visits, one each
}

// period is what is asked, without the visits.
func (in Input) period() Period {
	return Period{Calendar: in.Calendar, From: in.From, To: in.To, Now: in.Now, Bays: in.Bays}
}

// By says what rows are made of.
type By string

// The ways to make rows. A visit counts in every row it has a part in, so only
// the rows of ByDay add up to the whole.
const (
	ByNone       By = "none"       // one row, key ""
	ByDay        By = "day"        // a row for each store-local day, key yyyy-mm-dd
	ByAdviser    By = "adviser"    // who signed the order, else who accepted the visit
	ByCategory   By = "category"   // each category on the order
	ByBay        By = "bay"        // each bay the vehicle was worked on in
	ByTechnician By = "technician" // each technician who worked on it
)

// ParseBy reads a By; "" is ByNone.
func ParseBy(s string) (By, error) {
	switch b := By(s); b {
	case "":
		return ByNone, nil
	case ByNone, ByDay, ByAdviser, ByCategory, ByBay, ByTechnician:
		return b, nil
	}
	return "", fmt.Errorf("read by: %q is not none, day, adviser, category, bay or technician", s)
}

// Compute makes the rows of a period, by key, straight from visits: the reference
// that kept tallies are checked against.
func Compute(in Input, by By) []Row {
	in.facts = make([]*Fact, len(in.Visits))
	for i, v := range in.Visits {
		f := FactOf(v, in.Calendar)
		in.facts[i] = &f
	}
	switch by {
	case ByDay:
		return in.days()
	case ByTechnician:
		return in.charged(in.rows(by))
	}
	return in.rows(by)
}

// charged adds what reworks technicians are charged ([Charge]).
func (in Input) charged(rows []Row) []Row {
	s := scope{cal: in.Calendar, from: InstantOf(in.From), to: InstantOf(in.To), now: InstantOf(in.Now), by: ByNone}
	find := func(visit string) (Fact, bool) {
		for _, f := range in.facts {
			if f.Visit == visit {
				return *f, true
			}
		}
		return Fact{}, false
	}
	var whole Tally
	s.gather(in.facts).groups(func(_ string, t Tally) { whole = t })
	return in.period().Charged(rows, Charge(whole.Reworks(), find, nil))
}

func (in Input) days() (rows []Row) {
	for day := in.Calendar.Midnight(in.From); day.Before(in.To); {
		next := in.Calendar.Midnight(day.Add(36 * time.Hour))
		part := in
		part.From, part.To = later(in.From, day), earlier(in.To, next)
		row := part.rows(ByNone)[0]
		row.Key = in.Calendar.Day(day)
		rows = append(rows, row)
		day = next
	}
	return rows
}

// rows makes a row of each group that has a part in the period.
func (in Input) rows(by By) (rows []Row) {
	s := scope{cal: in.Calendar, from: InstantOf(in.From), to: InstantOf(in.To), now: InstantOf(in.Now), by: by}
	tallies := map[string]Tally{}
	s.gather(in.facts).groups(func(key string, t Tally) { tallies[key] = t })
	for _, key := range slices.Sorted(maps.Keys(tallies)) {
		part := in
		part.Visits = nil
		for i, v := range in.Visits {
			if f := in.facts[i]; f.touches(s.from, s.to) && slices.Contains(f.parts(nil, by), key) {
				part.Visits = append(part.Visits, v)
			}
		}
		only := kiosk.Category("")
		if by == ByCategory {
			only = kiosk.Category(key)
		}
		row := part.row(key, only)
		row.Beyond = tallies[key].beyond(by, key, in.period())
		rows = append(rows, row)
	}
	return rows
}

// has says whether t happened in the period.
func (in Input) has(t time.Time) bool {
	return !t.IsZero() && !t.Before(in.From) && t.Before(in.To)
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
