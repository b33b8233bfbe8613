package kpi

import (
	"fmt"
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

// Compute makes the rows of a period, by key.
func Compute(in Input, by By) []Row {
	in.Visits = slices.DeleteFunc(slices.Clone(in.Visits), func(v *kiosk.Visit) bool { return !in.touches(v) })
	switch by {
	case ByNone:
		return []Row{in.row("", "")}
	case ByDay:
		return in.days()
	}
	var rows []Row
	for _, key := range in.keys(by) {
		part := in
		part.Visits = slices.DeleteFunc(slices.Clone(in.Visits), func(v *kiosk.Visit) bool {
			return !slices.Contains(parts(v, by), key)
		})
		only := kiosk.Category("")
		if by == ByCategory {
			only = kiosk.Category(key)
		}
		rows = append(rows, part.row(key, only))
	}
	return rows
}

func (in Input) days() (rows []Row) {
	for day := in.Calendar.Midnight(in.From); day.Before(in.To); {
		next := in.Calendar.Midnight(day.Add(36 * time.Hour))
		part := in
		part.From, part.To = later(in.From, day), earlier(in.To, next)
		rows = append(rows, part.row(in.Calendar.Day(day), ""))
		day = next
	}
	return rows
}

// keys are the groups that have a visit.
func (in Input) keys(by By) (keys []string) {
	for _, v := range in.Visits {
		for _, k := range parts(v, by) {
			if i, found := slices.BinarySearch(keys, k); !found {
				keys = slices.Insert(keys, i, k)
			}
		}
	}
	return keys
}

// touches says whether anything of the visit belongs to the period.
func (in Input) touches(v *kiosk.Visit) bool {
	due := false
	for _, p := range v.Promises {
		due = due || in.has(p.Due)
	}
	for _, w := range v.Works {
		due = due || in.has(w.Start()) || in.has(w.Finished)
	}
	return due || in.has(v.Arrived) || in.has(v.Delivered) || v.Order.InForce() && in.has(v.Order.Signed)
}

// parts are the groups a visit has a part in.
func parts(v *kiosk.Visit, by By) (keys []string) {
	add := func(k string) {
		if !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	switch by {
	case ByAdviser:
		if v.Order != nil {
			add(v.Order.Adviser)
		} else {
			add(v.Adviser)
		}
	case ByCategory:
		if v.Order.InForce() {
			for _, c := range v.Order.Categories() {
				add(string(c))
			}
		}
	case ByBay:
		for _, w := range v.Works {
			for _, s := range w.Spans {
				add(s.Bay)
			}
		}
	case ByTechnician:
		for _, w := range v.Works {
			add(w.Technician)
		}
	}
	return keys
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
