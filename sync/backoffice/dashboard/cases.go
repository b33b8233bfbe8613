package dashboard

import (
	"cmp"
	"slices"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/kpi"
)

// Case is what lists show of a visit. Zero times have not happened.
type Case struct {
	Store                                                          string
	Visit, Order, Ticket, Adviser                                  string
	Categories                                                     []kiosk.Category
	Arrived, Accepted, Signed, First, Last, Passed, Washed, Handed time.Time
	Cancelled                                                      time.Time
	Outcome                                                        string
	Stage                                                          kiosk.Stage
	Flags                                                          []kiosk.Flag
	Uncertain                                                      bool
	Corrections                                                    int
	Unclosed                                                       []kiosk.Job
	Incomplete                                                     []string // what is missing in an ended visit's chain: words has office.missing.X
}

func caseOf(s backoffice.Store, f *kpi.Fact, now time.Time) Case {
	at := func(i kpi.Instant) time.Time { return i.In(s.Calendar.Zone) }
	c := Case{Store: s.Name, Visit: f.Visit, Order: f.Order, Ticket: f.Ticket, Adviser: f.Adviser, Arrived: at(f.Arrived), Accepted: at(f.Accepted), Signed: at(f.Signed),
		Passed: at(f.Passed), Washed: at(f.Washed), Handed: at(f.Delivered), Cancelled: at(f.Cancelled), Outcome: f.Outcome, Flags: f.Flags,
		Uncertain: f.Uncertain, Corrections: f.Corrections, Categories: f.Categories(), Incomplete: missing(f)}
	if p, ok := f.First(); ok {
		c.First = at(p.Due)
	}
	if p, ok := f.Effective(); ok {
		c.Last = at(p.Due)
	}
	for i := range f.Jobs {
		if j := &f.Jobs[i]; j.UnclosedAt(kpi.InstantOf(now)) {
			c.Unclosed = append(c.Unclosed, kiosk.Job{Visit: f.Visit, Technician: j.Technician, Item: j.Item, Bay: j.Spans[len(j.Spans)-1].Bay})
		}
	}
	if !f.Open() {
		c.Stage = kiosk.StageEnded
	}
	return c
}

// caseOfVisit is caseOf of a folded visit.
func caseOfVisit(s backoffice.Store, v *kiosk.Visit, now time.Time) Case {
	f := kpi.FactOf(v, s.Calendar)
	c := caseOf(s, &f, now)
	c.Stage = v.StageAt(now)
	return c
}

// Missing lists what a chain may lack; words has office.missing.X.
func Missing() []string { return []string{"accepted", "outcome", "work", "finish", "pass", "delivery"} }

// missing is what an ended visit's chain of events lacks.
func missing(f *kpi.Fact) (out []string) {
	if f.Open() {
		return nil
	}
	lacks := func(what string, is bool) {
		if is {
			out = append(out, what)
		}
	}
	lacks("accepted", f.Accepted == 0)
	if !f.InForce() {
		lacks("outcome", f.Outcome == "")
		return out
	}
	lacks("work", len(f.Jobs) == 0)
	lacks("finish", slices.ContainsFunc(f.Jobs, func(j kpi.FactJob) bool { return j.Finished == 0 }))
	lacks("pass", f.Passed == 0)
	lacks("delivery", f.Delivered == 0)
	return out
}

// byPromise puts the earliest promise first, those without one last.
func byPromise(a, b Case) int {
	return cmp.Or(cmp.Compare(b2i(a.Last.IsZero()), b2i(b.Last.IsZero())), a.Last.Compare(b.Last), cmp.Compare(a.Visit, b.Visit))
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
