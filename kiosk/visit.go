package kiosk

import (
	"slices"
	"time"
)

// Visit is the state of one visit: what Apply makes of its events. Zero times
// mean "has not happened".
type Visit struct {
	ID       string
	Ticket   string
	Vehicle  string // keyed VIN, "" while unknown
	Booking  string
	Purpose  string
	Waiting  bool
	Language string
	Means    string

	Arrived   time.Time
	Adviser   string
	Accepted  time.Time
	Order     *Order // nil until signed
	Promises  []Promise
	Works     []*Work // jobs in the order of their start
	Passed    time.Time
	PassedBy  string
	Failures  int
	Washed    time.Time
	Called    time.Time
	Place     string // where the customer was called to
	Pickup    time.Time
	Delivered time.Time
	Ended     time.Time // delivery or close, whichever came first
	Outcome   string    // of visit.closed
	Rework    *Rework
	Declined  []Declined // proposals that a person declined

	Attendance []Attendance // of what is no visit ([FoldOf]); ended from the beginning

	Flags       []Flag // what the events carry and what only the fold sees; sorted, each once
	Corrections int    // events voided or amended
	Uncertain   bool   // a time of this visit could not be corrected
	Track       []Step // stages from check-in on

	FinishedSince int // jobs finished since the last inspection.failed, for Ready
}

// Order is the signed order of a visit.
type Order struct {
	ID        string
	Adviser   string
	Signed    time.Time
	Items     []Item
	Cancelled time.Time
}

// InForce says whether the order was signed and not cancelled.
func (o *Order) InForce() bool { return o != nil && o.Cancelled.IsZero() }

// StandardMinutes is the sum over the order's items.
func (o *Order) StandardMinutes() (n int) {
	for _, it := range o.Items {
		n += it.StandardMinutes
	}
	return n
}

// Categories are the distinct categories on the order, in the order of their first item.
func (o *Order) Categories() (cs []Category) {
	for _, it := range o.Items {
		if !slices.Contains(cs, it.Category) {
			cs = append(cs, it.Category)
		}
	}
	return cs
}

// Promise is one stated delivery time. The first comes with the order.
type Promise struct {
	Due      time.Time
	Recorded time.Time
	Reason   string // of the revision; "" of the first
	Consent  bool   // the customer agreed; the first is signed, so true
}

// Rework is a confirmed rework.
type Rework struct {
	Earlier string
	Items   []string
	By      string
	At      time.Time
}

// Attendance is a technician's presence, as stated.
type Attendance struct {
	Technician string
	From, To   time.Time
}

// Declined is a proposal that a person declined.
type Declined struct {
	Proposal string // one of Proposals
	Items    []string
	By       string
	At       time.Time
}

// Span is a stretch of a job: running (Reason "") or paused. To is zero while it lasts.
type Span struct {
	From, To time.Time
	Reason   string
	Bay      string
	Parallel bool
}

// Work is a job as it went.
type Work struct {
	Job             // Bay is where it was last seen
	Event    string // id of its job.started
	Spans    []Span // contiguous, oldest first
	Finished time.Time
	Unclosed bool      // ran past its limit and no finish was stated
	limit    time.Time // when the present run becomes unclosed
}

// Last is the present or last span.
func (w *Work) Last() *Span { return &w.Spans[len(w.Spans)-1] }

// Start is when the job began.
func (w *Work) Start() time.Time { return w.Spans[0].From }

// UnclosedAt says whether the job is or has become unclosed by now (DOMAIN §4,
// forgotten finish): still running at closing time + 2 h of the day it last ran.
func (w *Work) UnclosedAt(now time.Time) bool {
	return w.Unclosed || w.Finished.IsZero() && w.Last().Reason == "" && !now.Before(w.limit)
}

// Limit is when the present run becomes unclosed; zero for a job that was not
// folded here.
func (w *Work) Limit() time.Time { return w.limit }

// Open says whether the job is neither finished nor unclosed.
func (w *Work) Open(now time.Time) bool { return w.Finished.IsZero() && !w.UnclosedAt(now) }

// Running says whether somebody is at work on it.
func (w *Work) Running(now time.Time) bool { return w.Open(now) && w.Last().Reason == "" }

// Paused is the reason of the present pause, "" if there is none.
func (w *Work) Paused(now time.Time) string {
	if !w.Open(now) {
		return ""
	}
	return w.Last().Reason
}

// Known says whether the visit was checked in (and not only seen at a bay).
func (v *Visit) Known() bool { return !v.Arrived.IsZero() }

// Open says whether the visit has not ended.
func (v *Visit) Open() bool { return v.Ended.IsZero() }

// FirstPromise is the promise signed with the order, else the first one stated.
func (v *Visit) FirstPromise() (Promise, bool) {
	if len(v.Promises) == 0 {
		return Promise{}, false
	}
	return v.Promises[0], true
}

// EffectivePromise is the last promise that binds: a revision is effective if
// the customer consented and it was recorded before the previous effective
// promise fell due (DOMAIN §6).
func (v *Visit) EffectivePromise() (Promise, bool) {
	eff, ok := v.FirstPromise()
	for i := 1; i < len(v.Promises); i++ {
		if p := v.Promises[i]; p.Consent && p.Recorded.Before(eff.Due) {
			eff = p
		}
	}
	return eff, ok
}

// Ready says whether the visit is ready for inspection: no job open, no pass in
// force, at least one job finished since the last failed inspection (or ever).
func (v *Visit) Ready(now time.Time) bool {
	return v.Open() && v.Passed.IsZero() && v.FinishedSince > 0 && !v.anyOpen(now)
}

func (v *Visit) anyOpen(now time.Time) bool {
	return slices.ContainsFunc(v.Works, func(w *Work) bool { return w.Open(now) })
}

// HasUnclosed says whether a job of the visit is unclosed by now.
func (v *Visit) HasUnclosed(now time.Time) bool {
	return slices.ContainsFunc(v.Works, func(w *Work) bool { return w.UnclosedAt(now) })
}

// Work finds the latest open job of a technician on the visit: on exactly that
// item, or on any if item is 0.
func (v *Visit) Work(technician string, item int, now time.Time) *Work {
	for i := len(v.Works) - 1; i >= 0; i-- {
		w := v.Works[i]
		if w.Technician == technician && (item == 0 || w.Item == item) && w.Open(now) {
			return w
		}
	}
	return nil
}

// HasFlag says whether the visit carries a flag.
func (v *Visit) HasFlag(f Flag) bool { return slices.Contains(v.Flags, f) }

func (v *Visit) flag(fs ...Flag) {
	for _, f := range fs {
		if i, found := slices.BinarySearch(v.Flags, f); !found {
			v.Flags = slices.Insert(v.Flags, i, f)
		}
	}
}
