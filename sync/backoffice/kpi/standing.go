package kpi

import (
	"cmp"
	"slices"

	"baylight/kiosk"
)

// Standing is how far the work on an order was at an instant, as the fact tells
// it: later events than the instant do not show, but items that were added later do.
type Standing struct {
	Stage     kiosk.Stage // working, one of the pauses, waiting_inspection or waiting_bay
	Remaining int64       // standard milliseconds of its items less what was clocked on them, each item for itself
	Over      int64       // milliseconds clocked beyond the standard time of the items in work
	Since     Instant     // when the stage began; the signing of the order at the earliest
}

// Standing tells how far the work was at t; ok is false unless the order was in
// force, signed by then, and neither passed nor ended.
func (f *Fact) Standing(t Instant) (s Standing, ok bool) {
	if !f.Ordered || f.Signed > t || f.Cancelled != 0 && f.Cancelled <= t || f.Passed != 0 && f.Passed <= t || f.Ended != 0 && f.Ended <= t {
		return s, false
	}
	then := f.until(t)
	s.Stage, s.Since = then.stage(f.Signed)
	clocked := then.clocked()
	seen := map[*FactItem]bool{}
	for _, task := range then.tasks() {
		whole, spent, open := task.standardMS(), int64(0), false
		for _, i := range task.jobs {
			spent += clocked[i]
			open = open || then.Jobs[i].Finished == 0
		}
		for _, it := range task.items {
			seen[it] = true
		}
		if open {
			s.Remaining += max(0, whole-spent)
			s.Over += max(0, spent-whole)
		}
	}
	for i := range then.Items {
		if it := &then.Items[i]; !seen[it] {
			s.Remaining += task{items: []*FactItem{it}}.standardMS()
		}
	}
	return s, true
}

// until is the fact with the work after t left out: what runs or is paused then
// lasts until t, for counting, and is not finished.
func (f *Fact) until(t Instant) *Fact {
	then := *f
	then.Cancelled, then.Jobs = 0, nil
	for _, j := range f.Jobs {
		if j.Start() > t {
			continue
		}
		if j.Finished > t {
			j.Finished = 0
		}
		end := t
		if j.runs() && j.Limit != 0 && j.Limit < t {
			end = j.Limit // unclosed: nobody knows what was done after
		}
		spans := j.Spans
		j.Spans = nil
		for _, s := range spans {
			if s.From > t {
				break
			}
			if s.To == 0 || s.To > t {
				s.To = max(end, s.From)
			}
			j.Spans = append(j.Spans, s)
		}
		then.Jobs = append(then.Jobs, j)
	}
	return &then
}

// stage is where a fact that ends now stands, and since when.
func (f *Fact) stage(signed Instant) (kiosk.Stage, Instant) {
	var finished Instant
	reasons := map[string]Instant{}
	for i := range f.Jobs {
		j := &f.Jobs[i]
		if j.Finished != 0 {
			finished = max(finished, j.Finished)
			continue
		}
		last := j.Spans[len(j.Spans)-1]
		if since, there := reasons[last.Reason]; !there || last.From < since {
			reasons[last.Reason] = last.From
		}
	}
	for _, r := range []string{"", kiosk.Authority, kiosk.Parts, kiosk.OtherReason, kiosk.Break, kiosk.Switched} {
		since, there := reasons[r]
		switch {
		case !there:
		case r == "":
			return kiosk.StageWorking, since
		default:
			return kiosk.Stage("paused_" + r), since
		}
	}
	if len(reasons) > 0 { // a reason that we do not know
		return kiosk.StagePausedOther, signed
	}
	if finished != 0 {
		return kiosk.StageWaitingInspection, finished
	}
	return kiosk.StageWaitingBay, signed
}

// PromiseAt is the promise that bound at t: the last effective one recorded by then.
func (f *Fact) PromiseAt(t Instant) (p FactPromise, ok bool) {
	for _, q := range f.Promises {
		switch {
		case q.Recorded > t:
		case !ok:
			p, ok = q, true
		case q.Consent && q.Recorded < p.Due:
			p = q
		}
	}
	return p, ok
}

// Main is the category with the most standard time on the order, of equals the
// first; "" without items.
func (f *Fact) Main() kiosk.Category {
	if len(f.Items) == 0 {
		return ""
	}
	return slices.MaxFunc(f.Items, func(a, b FactItem) int { return cmp.Compare(a.Standard, b.Standard) }).Category
}
