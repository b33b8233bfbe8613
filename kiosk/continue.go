package kiosk

import "slices"

// Continue applies later events on top of a state that was folded elsewhere, as
// Apply orders and steps them, and returns a new state; v is left as it is. If
// none of them precedes or corrects an event of v and v was not delivered, it is
// what Apply makes of all. A correction finds its event only among the later
// ones: what it corrects in v is put right by whoever folds everything.
func Continue(v *Visit, later []Event, cal Calendar) *Visit {
	c := *v
	c.Flags, c.Promises, c.Track = slices.Clone(v.Flags), slices.Clone(v.Promises), slices.Clone(v.Track)
	if v.Order != nil {
		o := *v.Order
		o.Items = slices.Clone(o.Items)
		c.Order = &o
	}
	c.Works = cloneWorks(v.Works, cal)
	f := fold{cal: cal, v: &c}
	return f.run(later)
}

// cloneWorks copies jobs into two pieces of memory.
func cloneWorks(works []*Work, cal Calendar) []*Work {
	if works == nil {
		return nil
	}
	n := 0
	for _, w := range works {
		n += len(w.Spans)
	}
	out, block, spans := make([]*Work, len(works), len(works)+1), make([]Work, len(works)), make([]Span, 0, n)
	for i, w := range works {
		c := &block[i]
		*c = *w
		from := len(spans)
		spans = append(spans, w.Spans...)
		c.Spans = spans[from:len(spans):len(spans)]
		if c.limit.IsZero() {
			c.limit = cal.ShiftEnd(c.Last().From)
		}
		out[i] = c
	}
	return out
}
