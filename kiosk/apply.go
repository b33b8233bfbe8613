package kiosk

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"
)

// Apply is the one fold: it turns the events of one visit, given in any order,
// into its state. Events are taken at their corrected time ([Event.Time]), ties
// by source and sequence. A voided event is left out; of several amendments of
// one event the latest recorded counts; a void beats an amendment. The events
// that void or amend must be among the given ones. The calendar decides when a
// running job becomes unclosed.
func Apply(events []Event, cal Calendar) *Visit {
	v, _ := ApplyLast(events, cal)
	return v
}

// ApplyLast is Apply, and gives the turn of the event it took last; the zero Turn
// if none was left to take. An event whose turn comes later and that corrects none
// can be applied on top ([Continue]).
func ApplyLast(events []Event, cal Calendar) (*Visit, Turn) {
	f := fold{cal: cal, v: &Visit{}}
	return f.run(events)
}

// Turn is when Apply takes an event: by time, then by where it is from.
type Turn struct {
	At            time.Time
	Source, Epoch string
	Seq           uint64
}

// TurnOf is the turn of an event.
func TurnOf(e *Event) Turn { return Turn{e.time(), e.Source, e.Epoch, e.Seq} }

// Before says whether Apply takes what has this turn before what has the other.
func (a Turn) Before(b Turn) bool { return a.compare(b) < 0 }

func (a Turn) compare(b Turn) int {
	if c := a.At.Compare(b.At); c != 0 {
		return c
	}
	return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.Seq, b.Seq))
}

func (f *fold) run(events []Event) (v *Visit, last Turn) {
	events = f.effective(events)
	for i := range events {
		f.step(&events[i])
	}
	if f.v.Uncertain {
		f.v.flag(ClockUncertain)
	}
	if !f.v.Delivered.IsZero() && f.v.Passed.IsZero() {
		f.v.flag(NotInspected)
	}
	if len(events) > 0 {
		last = TurnOf(&events[len(events)-1])
	}
	return f.v, last
}

type fold struct {
	cal    Calendar
	v      *Visit
	shared bool // what v is made of is another visit's as well: copied before it is changed
}

// effective leaves out what was voided, applies amendments and sorts. The given
// events stay as they are.
func (f *fold) effective(events []Event) []Event {
	out := events
	for i := range events {
		if Corrects(events[i].Data) != "" {
			out = f.corrected(events)
			break
		}
	}
	if len(out) < 2 || inOrder(out) { // as they nearly always come
		return out
	}
	out = slices.Clone(out)
	slices.SortStableFunc(out, func(a, b Event) int { return TurnOf(&a).compare(TurnOf(&b)) })
	return out
}

func inOrder(events []Event) bool {
	var last Turn
	for i := range events {
		t := TurnOf(&events[i])
		if i > 0 && t.Before(last) {
			return false
		}
		last = t
	}
	return true
}

// corrected leaves out what was voided and applies amendments.
func (f *fold) corrected(events []Event) []Event {
	voided, amended := map[string]bool{}, map[string]Event{}
	isVoid := map[string]bool{}
	for _, e := range events {
		if _, ok := e.Data.(*Voided); ok {
			isVoid[e.ID()] = true
		}
	}
	for _, e := range events {
		if d, ok := e.Data.(*Voided); ok && !isVoid[d.Event] {
			voided[d.Event] = true
		}
	}
	for _, e := range events {
		if d, ok := e.Data.(*Amended); ok && !voided[e.ID()] {
			if old, ok := amended[d.Event]; !ok || recordedBefore(old, e) {
				amended[d.Event] = e
			}
		}
	}
	out := make([]Event, 0, len(events))
	for _, e := range events {
		id := e.ID()
		switch {
		case Corrects(e.Data) != "":
			continue
		case voided[id]:
			f.v.Corrections++
			continue
		}
		if a, ok := amended[id]; ok {
			if p := Amend(e.Data, a.Data.(*Amended).Fields); p != nil {
				e.Data = p
				f.v.Corrections++
			}
		}
		out = append(out, e)
	}
	return out
}

func recordedBefore(a, b Event) bool {
	return cmp.Or(a.Recorded().Compare(b.Recorded()), cmp.Compare(a.Source, b.Source), cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.Seq, b.Seq)) < 0
}

// Amend is p with the given fields (a JSON object) replaced, or nil if they do
// not fit. The visit an event belongs to cannot be amended: void the event and
// record it where it belongs.
func Amend(p Payload, fields json.RawMessage) Payload {
	orig, err := json.Marshal(p)
	if err != nil {
		return nil
	}
	amended := NewPayload(p.Type())
	if amended == nil || json.Unmarshal(orig, amended) != nil || json.Unmarshal(fields, amended) != nil {
		return nil
	}
	if FoldOf(amended) != FoldOf(p) {
		return nil
	}
	return amended
}

// step applies one event. Each type's rule stands in one place below.
func (f *fold) step(e *Event) {
	v, t, common := f.v, e.time(), e.Data.Common()
	v.Uncertain = v.Uncertain || e.Uncertain && common.At == nil
	fin, stated := e.Data.(*Finished)
	stated = stated && fin.At != nil
	for i, w := range v.Works {
		// A stated finish closes a job that ran past its limit; nothing else does.
		if unclosed := w.UnclosedAt(t) && !(stated && w.Technician == fin.Technician); unclosed != w.Unclosed {
			f.own(i, 0).Unclosed = unclosed
		}
	}
	if id := FoldOf(e.Data); id != "" {
		v.ID = id
	}
	v.flag(common.Flags...)
	switch d := e.Data.(type) {
	case *Started:
		f.start(e, t, d.Job, d.Parallel)
	case *Resumed:
		f.start(e, t, d.Job, d.Parallel)
	case *Paused:
		f.pause(d.Job, d.Reason, t)
	case *Finished:
		f.finish(d.Job, t)
	default:
		f.reception(e, t)
		f.inspection(e, t)
	}
	if v.Known() {
		if v.Track == nil {
			v.Track = make([]Step, 0, roomForSteps) // those of a usual day
		}
		if s := v.StageAt(t); len(v.Track) == 0 || v.Track[len(v.Track)-1].Stage != s {
			v.Track = stepped(v.Track, Step{At: t, Stage: s})
		}
	}
}

func (f *fold) reception(e *Event, t time.Time) {
	v := f.v
	switch d := e.Data.(type) {
	case *CheckedIn:
		if !v.Known() {
			v.Ticket, v.Booking, v.Purpose, v.Waiting = d.Ticket, d.Booking, d.Purpose, d.Waiting
			v.Language, v.Means, v.Arrived = d.Language, d.Means, t
			v.Vehicle = cmp.Or(v.Vehicle, d.Vehicle)
		}
	case *Identified:
		v.Vehicle = d.Vehicle
	case *Accepted:
		v.Adviser = d.Adviser
		if v.Accepted.IsZero() {
			v.Accepted = t
		}
	case *Signed:
		if v.Order != nil {
			v.flag(SecondOrder)
			return
		}
		v.Order = &Order{ID: d.Order, Adviser: d.Adviser, Signed: t, Items: slices.Clone(d.Items)}
		if d.Promise != nil {
			v.Promises = append(v.Promises, Promise{Due: *d.Promise, Recorded: e.Recorded(), Consent: true})
		}
	case *ItemsAdded:
		if v.Order != nil {
			o := f.ownOrder()
			o.Items = append(o.Items, d.Items...)
		}
		f.restart()
	case *OrderCancelled:
		if v.Order.InForce() {
			f.ownOrder().Cancelled = t
		}
	case *PromiseRevised:
		v.Promises = append(v.Promises, Promise{Due: d.Promise, Recorded: e.Recorded(), Reason: d.Reason, Consent: d.Consent})
	case *Called:
		v.Called, v.Place = t, d.Place
	case *PickupRequested:
		v.Pickup = t
	case *Closed:
		v.Outcome = d.Outcome
		f.end(t)
	case *Delivered:
		if v.Delivered.IsZero() {
			v.Delivered = t
			f.end(t)
		}
	case *ReworkConfirmed:
		v.Rework = &Rework{Earlier: d.Earlier, Items: d.Items, By: d.By, At: t}
	case *AttendanceRecorded:
		v.Attendance = append(v.Attendance, Attendance{Technician: d.Technician, From: d.From, To: d.To})
		f.end(t)
	case *ProposalDeclined:
		v.Declined = append(v.Declined, Declined{Proposal: d.Proposal, Items: d.Items, By: d.By, At: t})
	}
}

func (f *fold) inspection(e *Event, t time.Time) {
	v := f.v
	switch d := e.Data.(type) {
	case *Passed:
		if v.Passed.IsZero() {
			v.Passed, v.PassedBy = t, d.Inspector
		}
	case *Failed:
		v.Failures++
		v.FinishedSince = 0
		f.restart()
	case *VehicleWashed:
		v.Washed = t
	}
}

// restart takes back pass and wash: work goes on. After delivery it does not.
func (f *fold) restart() {
	if f.v.Delivered.IsZero() {
		f.v.Passed, f.v.PassedBy, f.v.Washed = time.Time{}, "", time.Time{}
	}
}

func (f *fold) end(t time.Time) {
	if f.v.Ended.IsZero() {
		f.v.Ended = t
	}
}

// find is the place of the latest job of an event's technician and item that
// matches, -1 if there is none.
func (f *fold) find(j Job, match func(*Work) bool) int {
	for i, w := range slices.Backward(f.v.Works) {
		same := w.Technician == j.Technician && w.Item == j.Item
		if same && j.Technician == "" {
			same = w.Bay == j.Bay // unknown technicians are told apart by their bay
		}
		if same && match(w) {
			return i
		}
	}
	return -1
}

func (f *fold) start(e *Event, t time.Time, j Job, parallel bool) {
	f.restart()
	span := Span{From: t, Bay: j.Bay, Parallel: parallel}
	i := f.find(j, func(w *Work) bool { return w.Open(t) })
	if i < 0 {
		w := newWork(Work{Job: j, Event: e.ID(), limit: f.cal.ShiftEnd(t)}, 1)
		w.Spans = append(w.Spans, span)
		f.v.Works = grown(f, f.v.Works, w)
		return
	}
	w := f.own(i, 1)
	switch {
	case w.Last().Reason != "":
		w.Last().To = t
		w.Spans = append(w.Spans, span)
	case w.Bay != j.Bay: // already running: the car went to another bay
		span.Parallel = w.Last().Parallel
		w.Last().To = t
		w.Spans = append(w.Spans, span)
	}
	w.Bay = j.Bay
	w.limit = f.cal.ShiftEnd(t)
}

func (f *fold) pause(j Job, reason string, t time.Time) {
	i := f.find(j, func(w *Work) bool { return w.Open(t) })
	if i < 0 {
		return
	}
	if reason == "" {
		reason = OtherReason
	}
	if f.v.Works[i].Last().Reason == reason {
		return
	}
	w := f.own(i, 1)
	w.Last().To = t
	w.Spans = append(w.Spans, Span{From: t, Reason: reason, Bay: w.Bay})
}

func (f *fold) finish(j Job, t time.Time) {
	i := f.find(j, func(w *Work) bool { return w.Finished.IsZero() && !w.Unclosed })
	if i < 0 {
		return
	}
	w := f.own(i, 0)
	w.Last().To = t
	w.Finished = t
	f.v.FinishedSince++
}
