package kiosk

import "slices"

// Continue applies later events on top of a state that was folded elsewhere, as
// Apply orders and steps them, and returns a new state; v is left as it is. If
// none of them precedes or corrects an event of v and v was not delivered, it is
// what Apply makes of all. A correction finds its event only among the later
// ones: what it corrects in v is put right by whoever folds everything.
//
// The new state shares with v what the events do not change; neither is changed
// any more. Of visits that share anything one at a time is continued.
func Continue(v *Visit, later []Event, cal Calendar) *Visit {
	c := *v
	// Without room to grow in place, a list that grows is another list.
	c.Flags, c.Promises, c.Declined, c.Attendance = slices.Clip(v.Flags), slices.Clip(v.Promises), slices.Clip(v.Declined), slices.Clip(v.Attendance)
	f := fold{cal: cal, v: &c, shared: true}
	for i, w := range c.Works {
		if w.limit.IsZero() { // it was not folded here
			f.own(i, 0).limit = cal.ShiftEnd(w.Last().From)
		}
	}
	f.run(later)
	return &c
}

// own is a job of the visit that may be changed, with room for so many more spans.
func (f *fold) own(i, more int) *Work {
	w := f.v.Works[i]
	if !f.shared {
		return w
	}
	n := newWork(*w, len(w.Spans)+more)
	n.Spans = append(n.Spans, w.Spans...)
	f.v.Works = slices.Clone(f.v.Works)
	f.v.Works[i] = n
	return n
}

// newWork is a job like w with room for its spans, of which it has none. Most have
// one, which lies beside the job.
func newWork(w Work, spans int) *Work {
	if spans > 1 {
		w.Spans = make([]Span, 0, spans)
		return &w
	}
	n := &struct {
		Work
		room [1]Span
	}{Work: w}
	n.Spans = n.room[:0]
	return &n.Work
}

// ownOrder is the order of the visit, which may be changed.
func (f *fold) ownOrder() *Order {
	if f.shared {
		c := *f.v.Order
		c.Items = slices.Clip(c.Items)
		f.v.Order = &c
	}
	return f.v.Order
}

// grown is a list of the visit and one more: another list if it is shared, without
// room for what would seldom come.
func grown[E any](f *fold, list []E, e E) []E {
	if f.shared {
		list = append(make([]E, 0, len(list)+1), list...)
	}
	return append(list, e)
}

// roomForSteps is how many steps a track gets room for, and as many again as it has.
const roomForSteps = 8

// stepped is a track and one more step. Room behind a shared track belongs to who
// puts a step there first: a step is never zero, so the others see that it is taken
// and make a list of their own. Nobody has it in sight before.
func stepped(track []Step, s Step) []Step {
	if n := len(track); n < cap(track) && track[:n+1][n] == (Step{}) {
		return append(track, s)
	}
	return append(append(make([]Step, 0, len(track)+max(roomForSteps, len(track))), track...), s)
}
