package kpi

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"baylight/kiosk"
)

// Variant is one reading of 准时交车率. The handbook leaves four questions open
// (HANDBOOK A4); every combination of answers is computed and shown.
type Variant struct {
	Promise    string // First or Last: the promise signed, or the last effective one
	Moment     string // Pass or Delivery: what has to happen before it
	Population string // Signed, Due or PassedOnly: which orders are asked
	Tie        string // Late or OnTime: what the very minute of the promise is
}

// The answers.
const (
	First      = "first"
	Last       = "last"
	Pass       = "pass"
	Delivery   = "delivery"
	Signed     = "signed" // signed in the period
	Due        = "due"    // the chosen promise fell due in the period
	PassedOnly = "passed" // signed in the period, and passed
	Late       = "late"
	OnTime     = "on_time"
)

// Headline is the variant that stands for the figure where one number is shown.
func Headline() Variant { return Variant{First, Pass, Signed, Late} }

// Variants lists all 24, the headline first.
func Variants() (all []Variant) {
	for _, p := range []string{First, Last} {
		for _, m := range []string{Pass, Delivery} {
			for _, pop := range []string{Signed, Due, PassedOnly} {
				for _, tie := range []string{Late, OnTime} {
					all = append(all, Variant{p, m, pop, tie})
				}
			}
		}
	}
	return all
}

// variantNames are those of Variants.
var variantNames = func() (all [variants]string) {
	for i, a := range Variants() {
		all[i] = a.String()
	}
	return all
}()

// index is the place of the variant in Variants, -1 if it is none.
func (a Variant) index() int {
	i := 0
	for _, part := range [...]struct {
		is   string
		of   [3]string
		many int
	}{{a.Promise, [3]string{First, Last}, 2}, {a.Moment, [3]string{Pass, Delivery}, 2}, {a.Population, [3]string{Signed, Due, PassedOnly}, 3}, {a.Tie, [3]string{Late, OnTime}, 2}} {
		at := slices.Index(part.of[:part.many], part.is)
		if at < 0 {
			return -1
		}
		i = i*part.many + at
	}
	return i
}

// String is the variant as it is named in answers, "first/pass/signed/late".
func (a Variant) String() string {
	return strings.Join([]string{a.Promise, a.Moment, a.Population, a.Tie}, "/")
}

// ParseVariant reads a variant; "" is the headline.
func ParseVariant(s string) (Variant, error) {
	if s == "" {
		return Headline(), nil
	}
	for _, a := range Variants() {
		if a.String() == s {
			return a, nil
		}
	}
	return Variant{}, fmt.Errorf("read variant: %q is not promise/moment/population/tie such as %q", s, Headline())
}

// judge says whether the visit's order is in the variant's denominator and in
// its numerator.
func (in Input) judge(v *kiosk.Visit, a Variant) (counted, onTime bool) {
	if !v.Order.InForce() {
		return false, false
	}
	first, promised := v.FirstPromise()
	chosen := first
	if a.Promise == Last {
		chosen, _ = v.EffectivePromise()
	}
	switch a.Population {
	case Signed:
		counted = in.has(v.Order.Signed)
	case Due:
		counted = promised && in.has(chosen.Due)
	case PassedOnly:
		counted = in.has(v.Order.Signed) && !v.Passed.IsZero()
	}
	if !counted || !promised || v.Passed.IsZero() || first.Recorded.After(v.Passed) {
		return counted, false
	}
	moment := v.Passed
	if a.Moment == Delivery {
		moment = v.Delivered
	}
	if moment.IsZero() {
		return counted, false
	}
	at, due := minute(moment), minute(chosen.Due)
	return counted, at.Before(due) || a.Tie == OnTime && at.Equal(due)
}

// minute truncates to the whole minute (DOMAIN §6).
func minute(t time.Time) time.Time { return t.Truncate(time.Minute) }

// onTime computes every variant in one pass over the visits.
func (in Input) onTime() OnTimeRate {
	all := Variants()
	num, den := make([]int, len(all)), make([]int, len(all))
	for _, v := range in.Visits {
		for i, a := range all {
			counted, ok := in.judge(v, a)
			if counted {
				den[i]++
			}
			if ok {
				num[i]++
			}
		}
	}
	out := OnTimeRate{Variants: make(map[string]Ratio, len(all))}
	for i, a := range all {
		out.Variants[a.String()] = ratio(num[i], den[i])
	}
	out.Ratio = out.Variants[Headline().String()]
	return out
}
