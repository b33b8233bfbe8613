package floor

import (
	"encoding/json"

	"baylight/kiosk"
	"baylight/kiosk/staff"
)

// attribute gives the events nobody had put a badge to to the person whose badge
// came now, and says whether there were any.
func (x *step) attribute(p staff.Person, ids []string) (done bool) {
	begun := map[kiosk.Job]bool{}
	var mine *kiosk.Started
	for _, id := range ids {
		n := x.byID[id]
		if n == nil {
			continue
		}
		if d, ok := n.event.Data.(*kiosk.Started); ok && p.Has(staff.Technician) {
			begun[d.Job], mine = true, d
		}
		fields := x.claim(p, n, begun)
		if fields == nil {
			continue
		}
		b, err := json.Marshal(fields)
		if err != nil {
			continue // unreachable: strings and flags only
		}
		x.emit(&kiosk.Amended{Event: id, Fields: b, Meta: kiosk.Meta{By: p.ID, Reason: "badge"}})
		done = true
	}
	if mine != nil && !mine.Parallel {
		x.keepOnly(p.ID, mine.Job)
	}
	return done
}

// claim is what changes in an event when p's badge follows it, nil if nothing
// does. A job changes hands as a whole or not at all, or its finish would no
// longer find it: where it began before, By tells who was there.
func (x *step) claim(p staff.Person, n *entry, begun map[kiosk.Job]bool) map[string]any {
	flags := without(n.event.Data.Common().Flags, kiosk.NoBadge)
	job, isJob := jobOf(n.event.Data)
	switch {
	case !isJob && p.Has(staff.Inspector):
		return map[string]any{"inspector": p.ID, "flags": append(flags, x.judging(n.visit, p.ID)...)}
	case !isJob || !p.Has(staff.Technician):
		return nil
	case begun[job]:
		return map[string]any{"technician": p.ID, "flags": flags}
	case job.Technician == p.ID:
		flags = without(flags, kiosk.OtherTechnician)
	}
	return map[string]any{"by": p.ID, "flags": flags}
}

func jobOf(p kiosk.Payload) (j kiosk.Job, ok bool) {
	switch d := p.(type) {
	case *kiosk.Started:
		return d.Job, true
	case *kiosk.Resumed:
		return d.Job, true
	case *kiosk.Paused:
		return d.Job, true
	case *kiosk.Finished:
		return d.Job, true
	}
	return j, false
}

// keepOnly pauses every other running job of a technician who turned out to have
// begun j, if j still runs.
func (x *step) keepOnly(who string, j kiosk.Job) {
	var others []*kiosk.Work
	runs := false
	for _, w := range x.running(who, "") {
		if w.Visit == j.Visit && w.Item == j.Item {
			runs = true
		} else {
			others = append(others, w)
		}
	}
	if runs {
		x.switchFrom(others)
	}
}

// without never returns nil: an amendment to no flags must say so.
func without(flags []kiosk.Flag, drop kiosk.Flag) []kiosk.Flag {
	out := []kiosk.Flag{}
	for _, f := range flags {
		if f != drop {
			out = append(out, f)
		}
	}
	return out
}
