package dashboard

import (
	"cmp"
	"slices"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
)

// bay is the present state of a bay as the events show it.
type bay struct {
	Bay         string   `json:"bay"`
	State       string   `json:"state"` // as words names them: free, working, waiting, risk, late, ready
	Visit       string   `json:"visit"`
	Ticket      string   `json:"ticket"`
	Technicians []string `json:"technicians"`
	Since       *string  `json:"since"`
	Promise     *string  `json:"promise"`
	Risk        *bayRisk `json:"risk"` // that the promise is missed; null without an estimate

	Help time.Time `json:"-"` // since when help is called; zero: it is not

	promise time.Time
	last    time.Time // of the work there, to tell which visit is the current one
}

// bayRisk is the estimate for the order in a bay.
type bayRisk struct {
	P      float64 `json:"p"`
	Reason string  `json:"reason"` // parts, authority, queue or behind; "" if nothing stands in its way
}

// judge lets what is learnt from history decide whether the work is at risk, as it
// does for the lamp; without it the rule stands.
func (b *bay) judge(chances map[string]chance) {
	c, ok := chances[b.Visit]
	if !ok || !c.Known {
		return
	}
	b.Risk = &bayRisk{c.P, c.Reason}
	switch {
	case b.State == "working" && c.Risky:
		b.State = "risk"
	case b.State == "risk" && !c.Risky:
		b.State = "working"
	}
}

// bays says what stands in each bay: the open visit that was worked on there
// last, until it passed its inspection or was taken to another bay. worked is when
// work in each bay last began, of any visit.
func bays(s backoffice.Store, visits []*kiosk.Visit, worked map[string]time.Time, now time.Time) []bay {
	found := map[string]bay{}
	for _, name := range s.Bays {
		found[name] = bay{Bay: name, State: "free", Technicians: []string{}}
	}
	for name, last := range worked {
		found[name] = bay{Bay: name, State: "free", Technicians: []string{}, last: last}
	}
	for _, v := range visits {
		if !v.Open() || !v.Passed.IsZero() {
			continue
		}
		for _, w := range v.Works {
			b, known := found[w.Bay]
			if !known {
				b = bay{Bay: w.Bay, State: "free", Technicians: []string{}}
			}
			if w.Last().From.Before(b.last) || w.UnclosedAt(now) {
				continue // another car was worked on there since, or nobody knows
			}
			if b.Visit != v.ID {
				b = occupied(s, v, w.Bay, now)
			}
			found[w.Bay] = b
		}
	}
	out := make([]bay, 0, len(found))
	for _, b := range found {
		out = append(out, b)
	}
	order := func(name string) int {
		if i := slices.Index(s.Bays, name); i >= 0 {
			return i
		}
		return len(s.Bays)
	}
	slices.SortFunc(out, func(a, b bay) int {
		return cmp.Or(cmp.Compare(order(a.Bay), order(b.Bay)), cmp.Compare(a.Bay, b.Bay))
	})
	return out
}

func occupied(s backoffice.Store, v *kiosk.Visit, name string, now time.Time) bay {
	b := bay{Bay: name, State: "waiting", Visit: v.ID, Ticket: v.Ticket, Technicians: []string{}}
	var since time.Time
	running := false
	for _, w := range v.Works {
		if w.Bay != name {
			continue
		}
		if b.last.Before(w.Last().From) {
			b.last = w.Last().From
		}
		if w.Open(now) {
			running = running || w.Running(now)
			if !slices.Contains(b.Technicians, w.Technician) {
				b.Technicians = append(b.Technicians, w.Technician)
			}
			if since.IsZero() || w.Start().Before(since) {
				since = w.Start()
			}
		}
	}
	if !since.IsZero() {
		text := stampTime(s, since)
		b.Since = &text
	}
	if p, ok := v.EffectivePromise(); ok {
		text := stampTime(s, p.Due)
		b.Promise, b.promise = &text, p.Due
	}
	switch {
	case late(v, now):
		b.State = "late"
	case v.Ready(now):
		b.State = "ready"
	case running && risky(v, now):
		b.State = "risk"
	case running:
		b.State = "working"
	}
	return b
}

// late says whether an order's promise passed before its car did.
func late(v *kiosk.Visit, now time.Time) bool {
	p, ok := v.EffectivePromise()
	return ok && v.Open() && v.Order.InForce() && v.Passed.IsZero() && !now.Before(p.Due)
}

// risky says whether a promise will probably be missed: more standard minutes
// are left than minutes to the promise (DOMAIN §9).
func risky(v *kiosk.Visit, now time.Time) bool {
	p, ok := v.EffectivePromise()
	return ok && v.Open() && v.Order.InForce() && v.Passed.IsZero() && now.Before(p.Due) && !v.Ready(now) && remaining(v, now) > p.Due.Sub(now)
}

// remaining is the standard time of the order less what was clocked on it.
func remaining(v *kiosk.Visit, now time.Time) time.Duration {
	left := time.Duration(v.Order.StandardMinutes()) * time.Minute
	for _, w := range v.Works {
		for _, span := range w.Spans {
			to := span.To
			if to.IsZero() {
				to = now
			}
			if span.Reason == "" && to.After(span.From) {
				left -= to.Sub(span.From)
			}
		}
	}
	return max(0, left)
}
