package kpi

import (
	"cmp"
	"slices"
	"time"

	"baylight/kiosk"
)

// minorLimit divides 小修 from 大修. Exactly two hours is 小修 ("不能超过2个小时").
const minorLimit = 2 * time.Hour

// CategoryProposal says that clocked time contradicts the category an adviser
// chose. A person decides: amends the order, or declines.
type CategoryProposal struct {
	Visit    string
	From, To kiosk.Category // minor and major, or the other way round
	Items    []string       // codes of the items, as on the order
	Clocked  time.Duration  // all technicians' time on them
}

// ProposeCategories compares 小修 and 大修 on an order with the time clocked on
// their items. It says nothing while work on them lasts or is unclosed, and where
// the time cannot be told apart from that on items of other categories (no card
// named them).
func ProposeCategories(f *Fact, now time.Time) (out []CategoryProposal) {
	if f.Uncertain || !f.InForce() {
		return nil
	}
	clocked := f.clocked()
	for from, to := range map[kiosk.Category]kiosk.Category{kiosk.Minor: kiosk.Major, kiosk.Major: kiosk.Minor} {
		ms, ok := f.timeOn(from, clocked, InstantOf(now))
		worked := time.Duration(ms) * time.Millisecond
		if !ok || ms == 0 || (worked > minorLimit) == (from == kiosk.Major) {
			continue
		}
		p := CategoryProposal{Visit: f.Visit, From: from, To: to, Clocked: worked}
		for _, it := range f.Items {
			if it.Category == from && !f.declined(kiosk.ProposedCategory, it.Code) {
				p.Items = append(p.Items, it.Code)
			}
		}
		if len(p.Items) > 0 {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b CategoryProposal) int { return cmp.Compare(b.From, a.From) })
	return out
}

// timeOn is what was clocked on the items of a category; ok is false unless that
// work is done and apart from other items.
func (f *Fact) timeOn(c kiosk.Category, clocked []int64, now Instant) (ms int64, ok bool) {
	of := func(it *FactItem) bool { return it.Category == c }
	for _, t := range f.tasks() {
		if !slices.ContainsFunc(t.items, of) {
			continue
		}
		if _, done := f.done(t, now); !done || slices.ContainsFunc(t.items, func(it *FactItem) bool { return !of(it) }) {
			return 0, false
		}
		ok = true
		for _, i := range t.jobs {
			ms += clocked[i]
		}
	}
	return ms, ok
}
