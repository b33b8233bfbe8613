package floor

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"baylight/kiosk"
)

// stored is an event as a replay reads it back: from its bytes.
func stored(t interface{ Fatal(...any) }, e kiosk.Event) kiosk.Event {
	b, err := kiosk.Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	d, err := kiosk.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	d.Person = e.Person
	return d
}

func replayed(cfg Config, events []kiosk.Event) *State {
	s := New(cfg, "epoch")
	for _, e := range events {
		s.Replay(e)
	}
	return s
}

// seen is everything the state shows to others at some instants from now on.
func seen(t interface{ Fatal(...any) }, s *State, now kiosk.Moment) string {
	var all []any
	for _, d := range []time.Duration{0, 29 * time.Second, 61 * time.Second, 3 * time.Minute, 12 * time.Hour} {
		at := now.Add(d)
		all = append(all, s.Bays(at), s.Help(), s.Open(at), s.Unclosed(at))
	}
	for _, v := range s.Open(now) {
		all = append(all, v.Ticket, v.StageAt(s.clock(now)), s.Plate(v.ID), s.VIN(v.ID), len(s.Events(v.ID)))
	}
	b, err := json.Marshal(append(all, s.Next()))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// story draws what could happen in a shop.
type story struct {
	*rapid.T
	n       int
	now     kiosk.Moment
	visits  []string // ids
	events  []kiosk.Event
	used    []string // ids of inputs
	orderly bool     // no corrections and no trouble with clocks
}

func pick[E any](d *story, label string, from ...E) E {
	return rapid.SampledFrom(from).Draw(d.T, label)
}

func (d *story) id() string {
	if !d.orderly && len(d.used) > 0 && pick(d, "double tap", 0, 0, 0, 0, 0, 0, 0, 1) == 1 {
		return pick(d, "id again", d.used...)
	}
	d.n++
	d.used = append(d.used, fmt.Sprintf("id-%d", d.n))
	return d.used[len(d.used)-1]
}

func (d *story) visit() string {
	return pick(d, "visit", append([]string{"0A7B4K0001", "0A7A4K0002", "nonsense"}, d.visits...)...)
}

func (d *story) code() string {
	switch pick(d, "kind", "badge", "badge", "card", "card", "card", "action", "action", "vehicle", "other") {
	case "badge":
		return kiosk.MakeCode(kiosk.KindBadge, badgeOf(pick(d, "person", "t1", "t1", "t2", "d1", "q1", "s1", "st", "zz")))
	case "card":
		if v := d.visit(); v != "nonsense" {
			return kiosk.MakeCode(pick(d, "item", kiosk.KindVisit, kiosk.KindVisit, '1', '2'), v)
		}
	case "action":
		actions := kiosk.Actions()
		if d.orderly {
			actions = slices.DeleteFunc(actions, func(a kiosk.Action) bool { return a == kiosk.Undo })
		}
		return kiosk.ActionCode(pick(d, "store", "0A7", "0A7", "0A7", "0A7", "9ZZ"), pick(d, "action", actions...))
	case "vehicle":
		return pick(d, "vehicle", "LSVAA4182E2184931", "1HGCM82633A004352", "粤B12345", "京AD12345", "http://x/?vin=1HGCM82633A004352", "LSVAA4182E2184930")
	}
	return pick(d, "junk", "", "V", "\x00\xff", strings.Repeat("9", 500), "V0A7A4K00029", "cost 100")
}

func (d *story) booking() *Booking {
	vehicle := kiosk.Keyed(testConfig().Key, "LSVAA4182E2184931")
	return pick(d, "booking", nil, nil, nil, &Booking{ID: "B-1", At: morning.Wall, Plate: "粤B••345", Purpose: "fault"},
		&Booking{ID: "B-2", At: morning.Wall, Vehicle: vehicle})
}

// event is the id of something that happened, mostly of a vehicle presented.
func (d *story) event() string {
	id := "nothing"
	for _, e := range d.events {
		if _, ok := e.Data.(*kiosk.Presented); ok || id == "nothing" {
			id = e.ID()
		}
	}
	return id
}

func (d *story) input() Input {
	kinds := []string{"scan", "scan", "scan", "scan", "scan", "scan", "scan", "in", "desk", "desk", "machine", "confirm"}
	switch pick(d, "input", kinds...) {
	case "scan":
		return Scan{ID: d.id(), Scanner: pick(d, "scanner", "sb1", "sb1", "sb1", "sb2", "sb2", "sw1", "srec", "sdesk", "none"),
			Text: d.code(), Symbology: "code128", Malformed: pick(d, "malformed", "", "", "", "", "", "", "", "noise"),
			Repeated: pick(d, "repeated", 0, 0, 0, 0, 0, 0, 0, 7), Ask: pick(d, "ask", false, true), Booking: d.booking(),
			Refused: pick(d, "refused", append([]string{"", "", "", "", "", "", "nonsense"}, Refusals()...)...)}
	case "confirm":
		return Confirm{ID: d.id(), Event: d.event()}
	case "in":
		return CheckIn{ID: d.id(), By: pick(d, "by", "", "a1", "t1"), Plate: pick(d, "plate", "", "粤B12345", "粤B99999", "X1"),
			VIN: pick(d, "vin", "", "", "LSVAA4182E2184931", "1HGCM82633A004352"), Confirmed: pick(d, "confirmed", false, true), Booking: d.booking()}
	case "desk":
		return d.desk()
	}
	if d.orderly {
		return Device{Name: "printer", Up: true}
	}
	return pick[Input](d, "machine", Start{Version: "1"}, Device{Name: "sb1", Reason: "unplugged"}, Device{Name: "sb1", Up: true},
		Printed{Document: "ticket-1", Printer: "p", Outcome: PrintSent}, Printed{Outcome: "lost"}, ClockSet{Offset: 90 * time.Minute}, ClockSet{Offset: -time.Hour})
}

func (d *story) desk() Input {
	id, by, v := d.id(), pick(d, "by", "a1", "a1", "m1", "s1", "t1", "nobody"), d.visit()
	items := []kiosk.Item{{Code: "oil", Category: kiosk.Maintenance, Payer: "customer", StandardMinutes: pick(d, "minutes", 30, 600, -1)}}
	when := d.now.Wall.Add(pick(d, "when", -time.Hour, 20*time.Second, time.Hour, 3*time.Hour))
	all := []Input{
		Identify{id, by, v, "1HGCM82633A004352", true}, Accept{id, by, v}, Sign{id, by, v, items, when}, Sign{id, by, v, items, time.Time{}},
		AddItems{id, by, v, items, "phone"}, Revise{id, by, v, when, "parts", true, "phone"}, CancelOrder{id, by, v, "他不要了"},
		Close{id, by, v, "left", ""}, Call{id, by, v, "cashier"}, Pickup{id, v}, Deliver{id, by, v},
		CallHelp{id, "", pick(d, "place", "b1", "b2", Desk)}, ClearHelp{id, by, pick(d, "place", "b1", "b2", Desk)}, Reprint{id, by, v, "ticket-1", ""},
	}
	if !d.orderly {
		event := "none"
		if len(d.events) > 0 {
			event = pick(d, "event", d.events...).ID()
		}
		all = append(all, Void{id, "s1", event, "mistake"}, Void{id, "s1", event, "mistake"},
			StateFinish{id, pick(d, "leader", "s1", "t1"), v, pick(d, "technician", "t1", "t2", ""), pick(d, "no", 0, 1), when, "forgotten"})
	}
	return pick(d, "desk input", all...)
}

// pass lets time go by; clocks are no better than those of real boards.
func (d *story) pass() {
	d.now = d.now.Add(pick(d, "wait", 0, 0, time.Second, time.Second, 4*time.Second, 10*time.Second, 29*time.Second, 61*time.Second,
		119*time.Second, 10*time.Minute, time.Hour, 4*time.Hour, 11*time.Hour, 50*time.Hour))
	if d.orderly || pick(d, "clock", 0, 0, 0, 0, 0, 0, 0, 0, 0, 1) == 0 {
		return
	}
	switch pick(d, "trouble", "boot", "boot 1970", "step", "set") {
	case "boot":
		d.now.Boot, d.now.Up = d.now.Boot+"'", time.Second
	case "boot 1970":
		d.now = kiosk.Moment{Wall: time.Unix(100, 12345678), Boot: d.now.Boot + "'", Up: 1500 * time.Microsecond, Clock: kiosk.Unset}
	case "step":
		d.now.Wall = d.now.Wall.Add(-90 * time.Minute)
	case "set":
		d.now.Wall, d.now.Clock = morning.Wall.Add(time.Duration(len(d.events))*time.Hour), kiosk.Synced
	}
}

func (d *story) note(events []kiosk.Event) {
	for _, e := range events {
		d.events = append(d.events, e)
		if c, ok := e.Data.(*kiosk.CheckedIn); ok {
			d.visits = append(d.visits, c.Visit)
		}
	}
}

// TestReplayIsTheState: whatever happens, a state made from the stored events
// shows the same as the live one and goes on the same way.
func TestReplayIsTheState(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := &story{T: t, now: morning}
		live := New(testConfig(), "epoch")
		var bytes []kiosk.Event
		for range rapid.IntRange(1, 40).Draw(t, "inputs") {
			d.pass()
			twin := replayed(testConfig(), bytes)
			if a, b := seen(t, live, d.now), seen(t, twin, d.now); a != b {
				t.Fatalf("before input: live and replayed states differ:\n%s", cmp.Diff(a, b))
			}
			in := d.input()
			ev, reply := live.Step(in, d.now)
			tev, treply := twin.Step(in, d.now)
			if diff := cmp.Diff(ev, tev); diff != "" {
				t.Fatalf("%#v: other events after a replay:\n%s", in, diff)
			}
			if diff := cmp.Diff(reply, treply); diff != "" {
				t.Fatalf("%#v: another reply after a replay:\n%s", in, diff)
			}
			d.note(ev)
			for _, e := range ev {
				bytes = append(bytes, stored(t, e))
			}
			checkEvents(t, in, ev, reply, bytes)
			checkVisits(t, live)
		}
		all := everything
		if diff := cmp.Diff(live, replayed(testConfig(), bytes), all, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("state after replay:\n%s", diff)
		}
		checkTimes(t, live, bytes)
	})
}

// checkVisits: a visit to which event after event was added is the one that all
// of them make together.
func checkVisits(t *rapid.T, s *State) {
	checkKnown(t, s)
	for _, r := range s.order {
		want := kiosk.Apply(r.events(), s.cfg.Calendar)
		want.ID = r.id
		if !reflect.DeepEqual(want, r.visit) { // times of one zone are one instance
			t.Fatalf("visit %s is not what its events make:\n%s", r.id, cmp.Diff(want, r.visit, everything))
		}
	}
}

// checkKnown: what a state keeps at hand for every scan is what a search through
// everything finds.
func checkKnown(t interface{ Fatalf(string, ...any) }, s *State) {
	size, working := 0, []*kiosk.Visit{}
	for i, f := range s.elsewhere.order {
		size += f.Size
		if s.elsewhere.visits[f.Visit] != f || i > 0 && s.elsewhere.order[i-1].Visit >= f.Visit {
			t.Fatalf("visit %s of the office is out of order", f.Visit)
		}
	}
	if size != s.elsewhere.size || len(s.elsewhere.order) != len(s.elsewhere.visits) {
		t.Fatalf("%d visits of the office of %d bytes, want %d of %d", len(s.elsewhere.order), s.elsewhere.size, len(s.elsewhere.visits), size)
	}
	for _, r := range s.order {
		if s.records[r.id] != r || r.abroad != s.elsewhere.visits[r.id] {
			t.Fatalf("visit %s does not know what the office said of it", r.id)
		}
	}
	for v := range s.visits() {
		if s.look(v.ID) != v {
			t.Fatalf("visit %s stands there twice", v.ID)
		}
		if slices.ContainsFunc(v.Works, func(w *kiosk.Work) bool { return w.Finished.IsZero() }) {
			working = append(working, v)
		}
	}
	if got := slices.Collect(s.unfinished()); !slices.Equal(got, working) {
		t.Fatalf("%d visits have jobs that are not finished, want %d", len(got), len(working))
	}
}

// checkEvents holds what is true of the events and the reply of every input.
func checkEvents(t *rapid.T, in Input, ev []kiosk.Event, reply Reply, all []kiosk.Event) {
	if !hasKey(reply.Message) {
		t.Fatalf("%#v: no text for %q", in, reply.Message.Key)
	}
	for i, e := range all {
		if e.Seq != uint64(i+1) || e.Epoch != "epoch" || e.Source != "/stores/sh-pudong/kiosks/k1" {
			t.Fatalf("event %d is %s of %s", i+1, e.ID(), e.Source)
		}
	}
	for i, e := range ev {
		m := e.Data.Common()
		if m.Cause != ev[0].Data.Common().Cause || (m.Scan != nil) != (i == 0 && ev[0].Data.Common().Scan != nil) {
			t.Fatalf("%#v: event %d of the input: cause %q, scan %v", in, i, m.Cause, m.Scan)
		}
		if (e.Person == nil) != (m.PersonDigest == "") || e.Person != nil && kiosk.DigestOf(e.Person) != m.PersonDigest {
			t.Fatalf("%s: person part and digest do not belong together", e.Type())
		}
		b, err := kiosk.Encode(e)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"LSVAA4182E2184931", "1HGCM82633A004352", "粤B12345", "粤B99999"} {
			if strings.Contains(string(b), secret) || slices.Contains(reply.Message.Args, secret) {
				t.Fatalf("%s or its reply tells %s in clear", e.Type(), secret)
			}
		}
	}
	scan, isScan := in.(Scan)
	if isScan && len(ev) > 0 && (ev[0].Data.Common().Cause == "" || ev[0].Data.Common().Scan == nil) {
		t.Fatalf("the first event of a scan has cause %q and scan %v", ev[0].Data.Common().Cause, ev[0].Data.Common().Scan)
	}
	if odd := len(ev) > 0 && len(ev[0].Data.Common().Flags) > 0; isScan && reply.Good && reply.Warn != odd {
		t.Fatalf("%#v: warned %v, flags %v", in, reply.Warn, ev[0].Data.Common().Flags)
	}
	if isScan && len(ev) == 0 && !repeats(scan, all) {
		t.Fatalf("%#v left no event", scan)
	}
	if !isScan && !reply.Good && len(ev) > 0 {
		t.Fatalf("%#v was refused and yet recorded", in)
	}
}

// repeats says whether a scan repeats one among all: the same id, or the same
// code as the scanner's last.
func repeats(in Scan, all []kiosk.Event) bool {
	for _, e := range slices.Backward(all) {
		m := e.Data.Common()
		if m.Cause == in.ID {
			return true
		}
		if m.Scan != nil && m.Scan.Scanner == in.Scanner && m.Scan.Keyed == kiosk.Keyed([]byte("test key"), in.Text) || m.Scan != nil && m.Scan.Text == in.Text {
			return true
		}
	}
	return false
}

// checkTimes: the times corrected one by one are those of kiosk.Correct over all.
func checkTimes(t *rapid.T, s *State, all []kiosk.Event) {
	want := slices.Clone(all)
	kiosk.Correct(want)
	for i, e := range want {
		if n := s.byID[e.ID()]; n != nil && (!n.event.When.Equal(e.When) || n.event.Uncertain != e.Uncertain) {
			t.Fatalf("%s %s: corrected to %s (uncertain %v), kiosk.Correct says %s (%v)", e.ID(), all[i].Type(), n.event.When, n.event.Uncertain, e.When, e.Uncertain)
		}
	}
	for _, r := range s.order {
		if v := kiosk.Apply(s.Events(r.id), s.cfg.Calendar); v.ID != "" && v.StageAt(s.newest) != r.visit.StageAt(s.newest) {
			t.Fatalf("visit %s is at %s, Apply says %s", r.id, r.visit.StageAt(s.newest), v.StageAt(s.newest))
		}
	}
}

// TestOneJobAtATime: without corrections, nobody works on two things at once
// except by PARALLEL.
func TestOneJobAtATime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := &story{T: t, now: morning, orderly: true}
		s := New(testConfig(), "epoch")
		for range rapid.IntRange(1, 60).Draw(t, "inputs") {
			d.pass()
			ev, _ := s.Step(d.input(), d.now)
			d.note(ev)
			single := map[string][]string{}
			for _, r := range s.order {
				for _, w := range r.visit.Works {
					if w.Technician != "" && w.Running(d.now.Wall) && !w.Last().Parallel {
						single[w.Technician] = append(single[w.Technician], w.Visit)
					}
				}
			}
			for who, jobs := range single {
				if len(jobs) > 1 {
					t.Fatalf("%s works on %v at once", who, jobs)
				}
			}
		}
	})
}
