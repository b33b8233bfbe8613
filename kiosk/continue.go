package kiosk

import "slices"

// Continue applies later events on top of a state that was folded elsewhere, as
// Apply orders and steps them, and returns a new state; v is left as it is. A
// correction finds its event only among the later ones: what it corrects in v
// is put right by whoever folds everything.
func Continue(v *Visit, later []Event, cal Calendar) *Visit {
	c := *v
	c.Flags, c.Promises, c.Track = slices.Clone(v.Flags), slices.Clone(v.Promises), slices.Clone(v.Track)
	if v.Order != nil {
		o := *v.Order
		o.Items = slices.Clone(o.Items)
		c.Order = &o
	}
	c.Works = make([]*Work, len(v.Works))
	for i, w := range v.Works {
		n := *w
		n.Spans = slices.Clone(w.Spans)
		if n.limit.IsZero() {
			n.limit = cal.ShiftEnd(n.Last().From)
		}
		c.Works[i] = &n
	}
	f := fold{cal: cal, v: &c}
	return f.run(later)
}
