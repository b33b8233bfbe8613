package wire

import (
	"slices"
	"time"

	"baylight/kiosk"
)

// maxText bounds every text of a visit, in bytes. Longer ones are cut: they are
// names, codes and lines of a menu.
const maxText = 64

// NewVisit is the state of a visit as it is published; Ledger, Seen, Risk and
// Events ([Visit.SetEvents]: boards fold their own later events among them) are
// the caller's. What exceeds the bounds is left out: the oldest finished jobs,
// the oldest revisions but the first promise, the last items.
func NewVisit(v *kiosk.Visit) Visit {
	out := Visit{
		Visit: v.ID, Ticket: cut(v.Ticket), Vehicle: cut(v.Vehicle), Booking: cut(v.Booking), Purpose: cut(v.Purpose),
		Waiting: v.Waiting, Language: cut(v.Language), Means: cut(v.Means), Arrived: some(v.Arrived),
		Adviser: cut(v.Adviser), Accepted: some(v.Accepted),
		Passed: some(v.Passed), PassedBy: cut(v.PassedBy), Failures: v.Failures, FinishedSince: v.FinishedSince,
		Washed: some(v.Washed), Called: some(v.Called), Place: cut(v.Place), Pickup: some(v.Pickup),
		Flags: slices.Clone(v.Flags[:min(len(v.Flags), MaxFlags)]), Uncertain: v.Uncertain,
	}
	if o := v.Order; o != nil {
		out.Order = &VisitOrder{Order: cut(o.ID), Adviser: cut(o.Adviser), Signed: o.Signed, Cancelled: some(o.Cancelled)}
		for _, it := range o.Items[:min(len(o.Items), MaxVisitItems)] {
			it.Code, it.Text, it.Payer, it.Category = cut(it.Code), cut(it.Text), cut(it.Payer), kiosk.Category(cut(string(it.Category)))
			out.Order.Items = append(out.Order.Items, it)
		}
	}
	for i, p := range v.Promises {
		if i == 0 || len(v.Promises)-i < MaxVisitPromise {
			out.Promises = append(out.Promises, VisitPromise{Due: p.Due, Recorded: p.Recorded, Reason: cut(p.Reason), Consent: p.Consent})
		}
	}
	works := slices.Clone(v.Works)
	for i := 0; len(works) > MaxVisitJobs && i < len(works); {
		if works[i].Finished.IsZero() && !works[i].Unclosed {
			i++
			continue
		}
		works = slices.Delete(works, i, i+1)
	}
	for _, w := range works[max(0, len(works)-MaxVisitJobs):] {
		out.Jobs = append(out.Jobs, job(w))
	}
	return out
}

func job(w *kiosk.Work) VisitJob {
	last := w.Last()
	return VisitJob{
		Event: cut(w.Event), Bay: cut(w.Bay), Technician: cut(w.Technician), Item: w.Item, Started: w.Start(), Since: last.From,
		Reason: cut(last.Reason), Parallel: last.Parallel, Finished: some(w.Finished), Unclosed: w.Unclosed,
	}
}

// State is the visit as kiosk.Apply would have it, as far as it was published:
// a job's earlier spans are one. kiosk.Continue applies later events to it.
func (v Visit) State(cal kiosk.Calendar) *kiosk.Visit {
	out := &kiosk.Visit{
		ID: v.Visit, Ticket: v.Ticket, Vehicle: v.Vehicle, Booking: v.Booking, Purpose: v.Purpose,
		Waiting: v.Waiting, Language: v.Language, Means: v.Means, Arrived: at(v.Arrived), Adviser: v.Adviser, Accepted: at(v.Accepted),
		Passed: at(v.Passed), PassedBy: v.PassedBy, Failures: v.Failures, FinishedSince: v.FinishedSince,
		Washed: at(v.Washed), Called: at(v.Called), Place: v.Place, Pickup: at(v.Pickup), Flags: slices.Clone(v.Flags), Uncertain: v.Uncertain,
	}
	slices.Sort(out.Flags) // kiosk keeps them sorted
	if o := v.Order; o != nil {
		out.Order = &kiosk.Order{ID: o.Order, Adviser: o.Adviser, Signed: o.Signed, Cancelled: at(o.Cancelled), Items: slices.Clone(o.Items)}
	}
	for _, p := range v.Promises {
		out.Promises = append(out.Promises, kiosk.Promise{Due: p.Due, Recorded: p.Recorded, Reason: p.Reason, Consent: p.Consent})
	}
	for _, j := range v.Jobs {
		w := &kiosk.Work{Job: kiosk.Job{Visit: v.Visit, Bay: j.Bay, Technician: j.Technician, Item: j.Item}, Event: j.Event, Finished: at(j.Finished), Unclosed: j.Unclosed}
		if j.Since.After(j.Started) {
			w.Spans = append(w.Spans, kiosk.Span{From: j.Started, To: j.Since, Bay: j.Bay})
		}
		w.Spans = append(w.Spans, kiosk.Span{From: j.Since, To: w.Finished, Reason: j.Reason, Bay: j.Bay, Parallel: j.Parallel})
		out.Works = append(out.Works, w)
	}
	return kiosk.Continue(out, nil, cal)
}

func cut(s string) string {
	if len(s) <= maxText {
		return s
	}
	for n := maxText; ; n-- {
		if s[n]&0xC0 != 0x80 { // not inside a character
			return s[:n]
		}
	}
}

// some is t unless it is zero.
func some(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func at(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}
