package kpi

import (
	"slices"
	"time"

	"baylight/kiosk"
)

// FactVersion names what a [Fact] and a [Tally] hold and how their bytes are
// made. Kept bytes of another version are of no use: fold again.
const FactVersion = 4

// maxStretch is the longest time that one stretch of a job counts as time on the
// job or in the bay. A car that stands paused for longer is not why a bay is taken.
const maxStretch = 92 * 24 * time.Hour

// Instant is a time in nanoseconds since 1970; 0 is "has not happened".
type Instant int64

// lastInstant bounds instants (the years 1824 to 2116), so that the distance
// between two of them always fits.
const lastInstant = Instant(1)<<62 - 1

// InstantOf is t, or the nearest instant that can be told.
func InstantOf(t time.Time) Instant {
	switch s := t.Unix(); {
	case t.IsZero():
		return 0
	case s <= -int64(lastInstant/1e9):
		return -lastInstant
	case s >= int64(lastInstant/1e9):
		return lastInstant
	}
	if n := t.UnixNano(); n != 0 {
		return Instant(n)
	}
	return 1
}

// IsZero says whether it has not happened.
func (i Instant) IsZero() bool { return i == 0 }

// In is the instant as a time in a zone; the zero time if it has not happened.
func (i Instant) In(zone *time.Location) time.Time {
	if i == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(i)).In(zone)
}

// minute is the whole minute the instant lies in (DOMAIN §6: truncated).
func (i Instant) minute() int64 { return floor(int64(i), int64(time.Minute)) }

// ms is the instant in whole milliseconds, so that parts of a stretch add up to it.
func (i Instant) ms() int64 { return floor(int64(i), int64(time.Millisecond)) }

func floor(a, b int64) int64 {
	if a < 0 {
		return -((-a + b - 1) / b)
	}
	return a / b
}

// Fact is what figures need of one visit. It follows from the visit and the
// calendar alone, whenever it is made; what changes as time passes (a job that
// nobody finished) is decided when figures are asked for. Facts are read only.
type Fact struct {
	Visit, Ticket string
	Vehicle       string // keyed VIN, "" while unknown
	Adviser       string // who signed the order, else who accepted the visit
	Order         string // id; "" too if there is none: see Ordered
	Inspector     string // of the pass in force
	Outcome       string // of visit.closed

	Arrived, Accepted, Signed, Cancelled, Passed, Washed, Delivered, Ended Instant

	Ordered     bool // an order was signed
	Uncertain   bool // counts as uncertain and in nothing else
	Corrections int
	Failures    int // inspections failed

	Promises []FactPromise
	Binding  int // index of the effective promise
	Items    []FactItem
	Jobs     []FactJob
	Flags    []kiosk.Flag
	Rework   *FactRework
	Declined []FactDeclined

	Attendance []FactAttendance // of a fact that is no visit's: it has nothing else

	Gross, Net time.Duration // repair time; both 0 while Repaired is false
	Repaired   bool          // a job was finished
	Stages     []StagePart   // check-in → delivery; nil without a split
}

// FactPromise is a stated delivery time.
type FactPromise struct {
	Due, Recorded Instant
	Reason        string
	Consent       bool
}

// FactItem is a line of the order.
type FactItem struct {
	No       int
	Code     string
	Category kiosk.Category
	Payer    string
	Standard int // minutes
}

// FactJob is a job as it went.
type FactJob struct {
	Technician string
	Item       int // 0 without
	Finished   Instant
	Limit      Instant // when the present run becomes unclosed
	Unclosed   bool
	Spans      []FactSpan // contiguous, oldest first, never empty
}

// FactSpan is a stretch of a job, running (Reason "") or paused. To is 0 while it lasts.
type FactSpan struct {
	From, To Instant
	Reason   string
	Bay      string
	Parallel bool
}

// FactRework is a confirmed rework.
type FactRework struct {
	Earlier string   // visit
	Items   []string // codes
	By      string
	At      Instant
}

// FactAttendance is a technician's presence.
type FactAttendance struct {
	Technician string
	From, To   Instant
}

// longestDay bounds a presence.
const longestDay = 24 * time.Hour

// stretch is the presence in milliseconds.
func (a *FactAttendance) stretch() (from, to int64) {
	from = a.From.ms()
	return from, min(a.To.ms(), from+longestDay.Milliseconds())
}

// FactDeclined is a proposal that a person declined.
type FactDeclined struct {
	Proposal string // one of kiosk.Proposals
	Items    []string
}

// StagePart is how long a visit spent in a stage, in milliseconds.
type StagePart struct {
	Stage kiosk.Stage
	MS    int64
}

// FactOf makes the fact of a visit.
func FactOf(v *kiosk.Visit, cal kiosk.Calendar) Fact {
	f := Fact{
		Visit: v.ID, Ticket: v.Ticket, Vehicle: v.Vehicle, Adviser: v.Adviser, Inspector: v.PassedBy, Outcome: v.Outcome,
		Arrived: InstantOf(v.Arrived), Accepted: InstantOf(v.Accepted), Passed: InstantOf(v.Passed), Washed: InstantOf(v.Washed),
		Delivered: InstantOf(v.Delivered), Ended: InstantOf(v.Ended),
		Uncertain: v.Uncertain, Corrections: v.Corrections, Failures: v.Failures, Flags: slices.Clone(v.Flags),
	}
	if o := v.Order; o != nil {
		f.Ordered, f.Order, f.Adviser, f.Signed, f.Cancelled = true, o.ID, o.Adviser, InstantOf(o.Signed), InstantOf(o.Cancelled)
		f.Items = slices.Grow(f.Items, len(o.Items))
		for _, it := range o.Items {
			f.Items = append(f.Items, FactItem{it.No, it.Code, it.Category, it.Payer, it.StandardMinutes})
		}
	}
	binding, _ := v.EffectivePromise()
	for i, p := range v.Promises {
		if p == binding {
			f.Binding = i
		}
		f.Promises = append(f.Promises, FactPromise{InstantOf(p.Due), InstantOf(p.Recorded), p.Reason, p.Consent})
	}
	f.Jobs = slices.Grow(f.Jobs, len(v.Works))
	for _, w := range v.Works {
		f.Jobs = append(f.Jobs, jobOf(w))
	}
	if r := v.Rework; r != nil {
		f.Rework = &FactRework{r.Earlier, slices.Clone(r.Items), r.By, InstantOf(r.At)}
	}
	for _, d := range v.Declined {
		f.Declined = append(f.Declined, FactDeclined{d.Proposal, slices.Clone(d.Items)})
	}
	for _, a := range v.Attendance {
		f.Attendance = append(f.Attendance, FactAttendance{a.Technician, InstantOf(a.From), InstantOf(a.To)})
	}
	f.Gross, f.Net, f.Repaired = v.Repair()
	f.Stages = stagesOf(v)
	return f
}

func jobOf(w *kiosk.Work) FactJob {
	j := FactJob{Technician: w.Technician, Item: w.Item, Finished: InstantOf(w.Finished), Limit: InstantOf(w.Limit()), Unclosed: w.Unclosed, Spans: make([]FactSpan, 0, len(w.Spans))}
	for _, s := range w.Spans {
		j.Spans = append(j.Spans, FactSpan{InstantOf(s.From), InstantOf(s.To), s.Reason, s.Bay, s.Parallel})
	}
	return j
}

// stages are kiosk.Stages.
var stages = kiosk.Stages()

// stagesOf splits check-in → delivery. A visit that was closed before it was
// delivered has no split: its parts would not add up.
func stagesOf(v *kiosk.Visit) (parts []StagePart) {
	if v.Delivered.Before(v.Arrived) {
		return nil
	}
	rest, many, spent := v.Delivered.Sub(v.Arrived), 0, make([]time.Duration, len(stages))
	if !v.EachStage(v.Delivered, func(s kiosk.Stage, d time.Duration) {
		if i := slices.Index(stages, s); i >= 0 {
			many += int(one(spent[i] == 0))
			spent[i] += d
			rest -= d
		}
	}) || rest != 0 {
		return nil
	}
	parts = make([]StagePart, 0, many)
	for i, d := range spent {
		if d > 0 {
			parts = append(parts, StagePart{stages[i], d.Milliseconds()})
		}
	}
	return parts
}

// InForce says whether an order was signed and not cancelled.
func (f *Fact) InForce() bool { return f.Ordered && f.Cancelled == 0 }

// Open says whether the visit has not ended.
func (f *Fact) Open() bool { return f.Ended == 0 }

// First is the promise signed with the order, else the first one stated.
func (f *Fact) First() (FactPromise, bool) {
	if len(f.Promises) == 0 {
		return FactPromise{}, false
	}
	return f.Promises[0], true
}

// Effective is the promise that binds.
func (f *Fact) Effective() (FactPromise, bool) {
	if f.Binding >= len(f.Promises) {
		return FactPromise{}, false
	}
	return f.Promises[f.Binding], true
}

// Categories are the distinct categories of an order in force, in the order of
// their first item.
func (f *Fact) Categories() (cs []kiosk.Category) {
	if !f.InForce() {
		return nil
	}
	for i := range f.Items {
		if c := f.Items[i].Category; !slices.Contains(cs, c) {
			cs = append(cs, c)
		}
	}
	return cs
}

// Start is when the job began.
func (j *FactJob) Start() Instant { return j.Spans[0].From }

// UnclosedAt says whether the job is or has become unclosed by now.
func (j *FactJob) UnclosedAt(now Instant) bool {
	return j.Unclosed || j.runs() && now >= j.Limit
}

// Open says whether the job is neither finished nor unclosed.
func (j *FactJob) Open(now Instant) bool { return j.Finished == 0 && !j.UnclosedAt(now) }

func (j *FactJob) runs() bool { return j.Finished == 0 && j.Spans[len(j.Spans)-1].Reason == "" }

// HasUnclosed says whether a job of the visit is unclosed by now.
func (f *Fact) HasUnclosed(now Instant) bool {
	for i := range f.Jobs {
		if f.Jobs[i].UnclosedAt(now) {
			return true
		}
	}
	return false
}

// Due is the next time after the given one at which the visit's part in the
// figures changes by itself: a running job becomes unclosed. Zero is never.
func (f *Fact) Due(after time.Time) (due time.Time) {
	least, from := Instant(0), InstantOf(after)
	for i := range f.Jobs {
		if j := &f.Jobs[i]; !j.Unclosed && j.runs() && j.Limit > from && (least == 0 || j.Limit < least) {
			least = j.Limit
		}
	}
	if least == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(least)).In(after.Location())
}

// firstStart and lastFinish frame the work; 0 if there is none.
func (f *Fact) firstStart() (t Instant) {
	for i := range f.Jobs {
		if s := f.Jobs[i].Start(); t == 0 || s < t {
			t = s
		}
	}
	return t
}

func (f *Fact) lastFinish() (t Instant) {
	for i := range f.Jobs {
		t = max(t, f.Jobs[i].Finished)
	}
	return t
}

// stretch is a part of a job that has ended, as it counts for clocked time
// (running) and for the bay: a pause that nobody ended frees the bay with the
// pass or the end of the visit. What still lasts counts once it ends. ok is false
// while it lasts.
func (f *Fact) stretch(s *FactSpan) (from, to int64, ok bool) {
	end := s.To
	if end == 0 && s.Reason != "" {
		switch {
		case f.Passed >= s.From && f.Passed != 0:
			end = f.Passed
		case f.Ended >= s.From && f.Ended != 0:
			end = f.Ended
		}
	}
	if end == 0 || end < s.From {
		return 0, 0, false
	}
	from, to = s.From.ms(), end.ms()
	return from, min(to, from+maxStretch.Milliseconds()), true
}

// touches says whether anything of the visit belongs to the period.
func (f *Fact) touches(from, to Instant) bool {
	in := func(t Instant) bool { return t != 0 && t >= from && t < to }
	if in(f.Arrived) || in(f.Delivered) || in(f.Passed) || f.InForce() && in(f.Signed) {
		return true
	}
	for i := range f.Promises {
		if in(f.Promises[i].Due) {
			return true
		}
	}
	for i := range f.Attendance {
		if a, b := f.Attendance[i].stretch(); max(a, from.ms()) < min(b, to.ms()) {
			return true
		}
	}
	for i := range f.Jobs {
		j := &f.Jobs[i]
		if in(j.Start()) || in(j.Finished) {
			return true
		}
		for k := range j.Spans {
			if a, b, ok := f.stretch(&j.Spans[k]); ok && a < to.ms() && b > from.ms() {
				return true
			}
		}
	}
	return false
}

// Days are the store-local days the visit has a part in, whatever is asked.
func (f *Fact) Days(cal kiosk.Calendar) (days []string) {
	var from, to Instant // a day that is in already
	add := func(t Instant) {
		if t == 0 || t >= from && t < to {
			return
		}
		at := t.In(cal.Zone)
		day, midnight := cal.Day(at), cal.Midnight(at)
		if i, found := slices.BinarySearch(days, day); !found {
			days = slices.Insert(days, i, day)
		}
		if cal.Day(midnight) == day { // not so where clocks are put forward at midnight
			from, to = InstantOf(midnight), InstantOf(cal.Midnight(midnight.Add(36*time.Hour)))
		}
	}
	over := func(a, b int64) { // every day of a stretch
		if a >= b || a >= from.ms() && b <= to.ms() {
			return
		}
		for t := a; t < b; {
			at := time.UnixMilli(t).In(cal.Zone)
			add(InstantOf(at))
			t = cal.Midnight(cal.Midnight(at).Add(36 * time.Hour)).UnixMilli()
		}
	}
	for i := range f.Attendance {
		over(f.Attendance[i].stretch())
	}
	add(f.Arrived)
	add(f.Delivered)
	add(f.Passed)
	if f.InForce() {
		add(f.Signed)
	}
	for i := range f.Promises {
		add(f.Promises[i].Due)
	}
	for i := range f.Jobs {
		j := &f.Jobs[i]
		add(j.Start())
		add(j.Finished)
		for k := range j.Spans {
			if a, b, ok := f.stretch(&j.Spans[k]); ok {
				over(a, b)
			}
		}
	}
	return days
}
