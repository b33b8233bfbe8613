package floor

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/words"
)

// step is one Step under way.
type step struct {
	*State
	now   kiosk.Moment
	t     time.Time // now, corrected as well as it can be
	cause string
	scan  *kiosk.ScanRecord
	place string
	out   []kiosk.Event
}

// Step decides what an input means, folds the events it makes into the state
// and gives them back, complete but for Prev. A reply that is not good and has
// no events has changed nothing at all.
func (s *State) Step(in Input, now kiosk.Moment) ([]kiosk.Event, Reply) {
	return s.StepIn(nil, in, now)
}

// StepIn is Step and puts the events into the room behind an empty slice, if there
// is enough of it. The state keeps nothing that lies there.
func (s *State) StepIn(room []kiosk.Event, in Input, now kiosk.Moment) ([]kiosk.Event, Reply) {
	now = s.tidy(now)
	x := step{State: s, now: now, t: s.clock(now), out: room[:0]}
	var r Reply
	switch in := in.(type) {
	case Scan:
		r = x.heardCode(in)
	case Start:
		x.emit(&kiosk.KioskStarted{Version: bounded(in.Version, 64)})
		r = good("floor.machine")
	case ClockSet:
		x.emit(&kiosk.ClockSet{OffsetMS: in.Offset.Milliseconds(), Source: in.Source, ErrorMS: in.Error.Milliseconds()})
		r = good("floor.machine")
	case Lost:
		x.emit(&kiosk.JournalLost{Epoch: in.Epoch, From: in.From, To: in.To})
		r = good("floor.machine")
	case Printed:
		r = x.printed(in)
	case Device:
		r = x.device(in)
	default:
		screen := x // a scan's stays on the stack
		r = screen.action(in)
		x.out = screen.out
	}
	return slices.Clip(x.out), r
}

// tidy bounds a moment to what an event's bytes can hold.
func (s *State) tidy(m kiosk.Moment) kiosk.Moment {
	if y := m.Wall.Year(); y < 1970 || y > 9998 {
		m.Wall = time.Unix(0, 0)
	}
	m.Wall = m.Wall.In(s.cfg.Calendar.Zone).Round(0).Truncate(time.Millisecond)
	m.Up = max(m.Up, 0).Truncate(time.Millisecond)
	switch m.Clock {
	case kiosk.Synced, kiosk.Holdover, kiosk.Unset:
	default:
		m.Clock = kiosk.Unset
	}
	return m
}

// emit records one event, with its person part if there is one, and folds it in.
// The first event of a scan carries the scan.
func (x *step) emit(p kiosk.Payload, person ...kiosk.Person) {
	m := p.Common()
	m.Cause = x.cause
	n := len(x.out)
	if n == 0 {
		m.Scan = x.scan
	}
	x.out = append(x.out, kiosk.Event{Source: x.source, Epoch: x.epoch, Seq: x.next, Moment: x.now, Data: p})
	e := &x.out[n]
	if len(person) > 0 && !person[0].Empty() {
		part := person[0]
		part.Salt = kiosk.Keyed(x.cfg.Key, "salt\n"+x.cause+"\n"+strconv.Itoa(n))[:32]
		if b, digest, err := part.Encode(); err == nil { // strings only: it cannot fail
			e.Person, m.PersonDigest = b, digest
		}
	}
	x.fold(e)
}

// identify sets the cause. An id that cannot be one is replaced by one that no
// other event has.
func (x *step) identify(id string) {
	x.cause = id
	if id == "" || len(id) > 64 || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' }) {
		x.cause = kiosk.EventID(x.epoch, x.next)
	}
}

// again answers a cause that was acted upon before: nothing happens twice.
func (x *step) again() (Reply, bool) {
	first := x.causes[x.cause]
	if first == nil {
		return Reply{}, false
	}
	return x.repeat(first), true
}

// repeat is the reply to what first already recorded.
func (x *step) repeat(first *entry) Reply {
	r := good("floor.same")
	switch d := first.event.Data.(type) {
	case *kiosk.ScanRejected:
		r = rejection(d.Reason)
	case *kiosk.ActionUnmatched:
		r = bad(words.Key("floor.unmatched." + d.Reason))
	}
	r.Visit, r.Place = first.visit, first.place
	return r
}

func (x *step) printed(in Printed) Reply {
	p := kiosk.Paper{Document: bounded(in.Document, 64), Printer: bounded(in.Printer, 64), Visit: bounded(in.Visit, 32)}
	p.Reason = bounded(in.Reason, 200)
	switch in.Outcome {
	case PrintSent:
		x.emit(&kiosk.TicketSent{Paper: p})
	case PrintConfirmed:
		x.emit(&kiosk.TicketConfirmed{Paper: p})
	case PrintUnknown:
		x.emit(&kiosk.TicketUnknown{Paper: p})
	default:
		return bad("floor.bad_input", string(in.Outcome))
	}
	return good("floor.machine")
}

func (x *step) device(in Device) Reply {
	m := kiosk.Meta{Reason: bounded(in.Reason, 200)}
	if in.Up {
		x.emit(&kiosk.DeviceUp{Device: bounded(in.Name, 64), Meta: m})
	} else {
		x.emit(&kiosk.DeviceDown{Device: bounded(in.Name, 64), Meta: m})
	}
	return good("floor.machine")
}

func good(key words.Key, args ...string) Reply {
	return Reply{Good: true, Message: words.Say(key, args...)}
}

func bad(key words.Key, args ...string) Reply { return Reply{Message: words.Say(key, args...)} }

// bounded is text from outside made valid and cut to n bytes at most, at a
// character's edge.
func bounded(s string, n int) string {
	s = strings.ToValidUTF8(s[:min(len(s), 4*n)], "\uFFFD")
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n]
}
