package floor

import (
	"bytes"
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
	"baylight/kiosk/staff"
)

var everything = cmp.Exporter(func(reflect.Type) bool { return true })

// saveAndRestore is the state of a snapshot of s.
func saveAndRestore(t interface{ Fatal(...any) }, s *State) (*State, []byte) {
	b, err := s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	r, err := Restore(testConfig(), s.epoch, b)
	if err != nil {
		t.Fatal(err)
	}
	return r, b
}

// TestSnapshotAndFoldIsTheFullFold: wherever a story is cut, the snapshot made
// there and the events after it give the state that all events give, to the
// last field and byte, and both go on the same way.
func TestSnapshotAndFoldIsTheFullFold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := &story{T: t, now: morning}
		live := New(testConfig(), "epoch")
		twin := New(testConfig(), "epoch")
		var all []kiosk.Event
		for range rapid.IntRange(1, 60).Draw(t, "inputs") {
			d.pass()
			if pick(d, "cut", 0, 0, 0, 1) == 1 {
				twin, _ = saveAndRestore(t, twin)
			}
			in := d.input()
			ev, reply := live.Step(in, d.now)
			tev, treply := twin.Step(in, d.now)
			if diff := cmp.Diff(ev, tev) + cmp.Diff(reply, treply); diff != "" {
				t.Fatalf("%#v: another course after a snapshot:\n%s", in, diff)
			}
			d.note(ev)
			for _, e := range ev {
				all = append(all, stored(t, e))
			}
		}
		folded := New(testConfig(), "epoch")
		cut := rapid.IntRange(0, len(all)).Draw(t, "last cut")
		var mid *State
		for i, e := range all {
			if i == cut {
				mid, _ = saveAndRestore(t, folded)
			}
			if folded.Replay(e); mid != nil {
				mid.Replay(e)
			}
		}
		if mid == nil {
			mid, _ = saveAndRestore(t, folded)
		}
		want, err := folded.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		for name, s := range map[string]*State{"live": live, "restored on the way": twin, "restored and folded": mid} {
			if diff := cmp.Diff(folded, s, everything, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(kiosk.Event{}, "Prev")); diff != "" {
				t.Fatalf("%s is not the full fold:\n%s", name, diff)
			}
			if got, err := s.Snapshot(); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%s: other bytes than the full fold, %v:\n%s", name, err, cmp.Diff(string(want), string(got)))
			}
		}
	})
}

// eventful plays a day in which everything a state can hold is set, and calls
// look with the state after each input.
func eventful(t *testing.T, look func(*State)) {
	s, now, n := New(testConfig(), "epoch"), morning, 0
	var all []kiosk.Event
	do := func(wait time.Duration, in Input) Reply {
		now = now.Add(wait)
		ev, r := s.Step(in, now)
		all = append(all, ev...)
		look(s)
		return r
	}
	id := func() string { n++; return fmt.Sprintf("id-%d", n) }
	scan := func(wait time.Duration, scanner, text string) Reply {
		return do(wait, Scan{ID: id(), Scanner: scanner, Text: text, Symbology: "code128"})
	}
	do(0, Start{Version: "1"})
	do(0, Device{Name: "printer", Reason: "gone"})
	do(0, Device{Name: "printer", Up: true})
	v := do(time.Second, CheckIn{ID: id(), Plate: "粤B12345", VIN: "1HGCM82633A004352", Form: CheckInForm{Name: "王"}}).Visit
	do(time.Second, Sign{ID: id(), By: "a1", Visit: v, Promise: now.Wall.Add(3 * time.Hour), Items: []kiosk.Item{{Code: "oil", Category: kiosk.Maintenance, Payer: "customer", StandardMinutes: 30}}})
	card := kiosk.MakeCode(kiosk.KindVisit, v)
	item, _ := kiosk.ItemCode(v, 1)
	scan(time.Second, "sb2", card) // nobody's badge: loose
	scan(40*time.Second, "sb1", kiosk.MakeCode(kiosk.KindBadge, badgeOf("t1")))
	scan(4*time.Second, "sb1", kiosk.ActionCode("0A7", kiosk.Parallel))
	scan(4*time.Second, "sb1", item)
	scan(4*time.Second, "sb1", kiosk.ActionCode("0A7", kiosk.Help))
	scan(4*time.Second, "sb1", kiosk.MakeCode(kiosk.KindBadge, badgeOf("q1")))
	scan(4*time.Second, "sb3", "cost 100")
	scan(4*time.Second, "sb1", kiosk.ActionCode("0A7", kiosk.Undo))
	do(24*time.Hour, Start{Version: "1"})
	do(25*time.Hour, Start{Version: "1"}) // forgets: the base is set
	now = kiosk.Moment{Wall: now.Wall, Boot: "boot-2", Up: time.Second, Clock: kiosk.Unset}
	scan(time.Second, "sb1", card)
	again := stored(t, all[len(all)-1])
	again.Was, again.Epoch, again.Seq = again.ID(), "later", 1
	s.Replay(again)
	do(time.Second, Device{Name: "sb1", Reason: "unplugged"})
	now = kiosk.Moment{Wall: now.Wall.Add(time.Hour), Boot: "boot-3", Up: time.Second, Clock: kiosk.Synced}
	do(time.Second, Start{Version: "1"}) // the boot before it never had the time
	now = kiosk.Moment{Wall: now.Wall, Boot: "boot-4", Up: time.Second, Clock: kiosk.Unset}
	do(time.Second, Start{Version: "1"})
	now.Clock = kiosk.Synced
	do(time.Second, ClockSet{Offset: time.Hour})
	now = now.Add(49 * time.Hour)
	for i := range keepLog/4 + 50 { // the times of those before are settled
		s.Step(Device{Name: "sb1", Up: i%2 == 0}, now)
	}
	do(2*time.Hour, Start{Version: "1"})
}

// TestSnapshotHasEveryField: a field that is added to the state, or to anything
// it consists of, is set by the story and is there after a restoring. Whoever
// adds one and forgets the snapshot is told here.
func TestSnapshotHasEveryField(t *testing.T) {
	elsewhere := map[string]string{ // field that no snapshot has → why
		"kiosk.Event.Prev":    "the journal's business",
		"kiosk.Event.Was":     "such an event is not folded",
		"kiosk.Event.WasHash": "such an event is not folded",

		"floor.State.elsewhere":   "it comes from the office again",
		"floor.elsewhere.visits":  "it comes from the office again",
		"floor.elsewhere.order":   "it comes from the office again",
		"floor.elsewhere.size":    "it comes from the office again",
		"floor.record.abroad":     "it comes from the office again",
		"floor.elsewhere.listing": "it comes from the office again",
		"floor.elsewhere.open":    "it comes from the office again",
	}
	set, known := map[string]bool{}, map[string]bool{}
	eventful(t, func(s *State) {
		fields(reflect.ValueOf(s), set, known, map[uintptr]bool{})
		back, _ := saveAndRestore(t, s)
		if diff := cmp.Diff(s, back, everything, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("a field is lost in the snapshot:\n%s", diff)
		}
	})
	for name := range known {
		if !set[name] && elsewhere[name] == "" {
			t.Errorf("%s is never set by the story of this test: whether the snapshot has it is not known", name)
		}
	}
}

// fields notes every field of the state's own types that is reached from v, and
// whether it is set.
func fields(v reflect.Value, set, known map[string]bool, seen map[uintptr]bool) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() && !seen[v.Pointer()] {
			seen[v.Pointer()] = true
			fields(v.Elem(), set, known, seen)
		}
	case reflect.Slice:
		for i := range v.Len() {
			fields(v.Index(i), set, known, seen)
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			fields(it.Value(), set, known, seen)
		}
	case reflect.Struct:
		t := v.Type()
		own := t.PkgPath() == "baylight/kiosk/floor" && t.Name() != "Config" && t.Name() != "Bay" || t == reflect.TypeFor[kiosk.Event]() || t == reflect.TypeFor[kiosk.Moment]() || t.Name() == ""
		for i := 0; own && i < t.NumField(); i++ {
			name := fmt.Sprintf("%s.%s", strings.TrimPrefix(t.String(), "*"), t.Field(i).Name)
			known[name] = true
			if !v.Field(i).IsZero() {
				set[name] = true
			}
			fields(v.Field(i), set, known, seen)
		}
	}
}

// TestSnapshotRefused: what is not a snapshot of this program and these settings
// is an error and nothing worse.
func TestSnapshotRefused(t *testing.T) {
	var b []byte
	eventful(t, func(s *State) { _, b = saveAndRestore(t, s) })
	var in saved
	if err := json.Unmarshal(b, &in); err != nil {
		t.Fatal(err)
	}
	damage := map[string]func(*saved){
		"format":              func(s *saved) { s.Format++ },
		"event":               func(s *saved) { s.Log = append(s.Log, 1<<30) },
		"negative event":      func(s *saved) { s.Log[0] = -1 },
		"cause":               func(s *saved) { s.Causes["x"] = -2 },
		"heard":               func(s *saved) { s.Heard["x"] = savedHeard{Event: 1 << 30} },
		"segment":             func(s *saved) { s.Segment = append(s.Segment, savedTimed{Event: -5}) },
		"visit twice":         func(s *saved) { s.Visits = append(s.Visits, s.Visits[0]) },
		"visit of nothing":    func(s *saved) { s.Visits[0].Events = nil },
		"data of no type":     func(s *saved) { s.Events[0].Type, s.Events[0].Data = "kiosk.started", json.RawMessage(`[]`) },
		"settings of another": func(s *saved) { s.Config = "" },
	}
	for name, do := range damage {
		var bad saved
		if err := json.Unmarshal(b, &bad); err != nil {
			t.Fatal(err)
		}
		do(&bad)
		raw, err := json.Marshal(bad)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Restore(testConfig(), "epoch", raw); err == nil {
			t.Errorf("%s: restored", name)
		}
	}
	for n := range 200 { // cut short anywhere
		if _, err := Restore(testConfig(), "epoch", b[:len(b)*n/200]); err == nil {
			t.Errorf("the first %d of %d bytes were restored", len(b)*n/200, len(b))
		}
	}
	settings := map[string]func(*Config){
		"a scanner moved":     func(c *Config) { c.Scanners["sb1"] = "b2" },
		"another closing":     func(c *Config) { c.Calendar.Week[6].Close -= time.Hour },
		"another role":        func(c *Config) { c.Staff = staff.NewDirectory(c.Staff.All()[1:]) },
		"another time zone":   func(c *Config) { c.Calendar.Zone = time.UTC },
		"a holiday was added": func(c *Config) { c.Calendar.Days = map[string]kiosk.Hours{"2026-12-01": {}} },
	}
	for name, do := range settings {
		cfg := testConfig()
		do(&cfg)
		if _, err := Restore(cfg, "epoch", b); err == nil {
			t.Errorf("%s: restored", name)
		}
	}
	if s, err := Restore(testConfig(), "later", b); err != nil || s.Next() != 1 {
		t.Errorf("a snapshot of an earlier epoch: %v", err)
	}
}

// TestNeeded: a journal that was pruned up to the first event that is needed
// shows the same as the whole one.
func TestNeeded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := &story{T: t, now: morning, orderly: true}
		s := New(testConfig(), "epoch")
		var all []kiosk.Event
		for range rapid.IntRange(1, 60).Draw(t, "inputs") {
			d.pass()
			ev, _ := s.Step(d.input(), d.now)
			d.note(ev)
			for _, e := range ev {
				all = append(all, stored(t, e))
			}
		}
		d.now = d.now.Add(90 * 24 * time.Hour)
		ev, _ := s.Step(Start{Version: "1"}, d.now)
		all = append(all, stored(t, ev[0]))
		needed := s.Needed()
		from := slices.IndexFunc(all, func(e kiosk.Event) bool { return slices.Contains(needed, e.ID()) })
		if from < 0 {
			t.Fatalf("needed are %v, none of them is there", needed)
		}
		rest := replayed(testConfig(), all[from:])
		if a, b := seen(t, s, d.now), seen(t, rest, d.now); a != b {
			t.Fatalf("pruned up to %s:\n%s", all[from].ID(), cmp.Diff(a, b))
		}
	})
}

// FuzzRestore: bytes from a disk never do worse than an error.
func FuzzRestore(f *testing.F) {
	s := New(testConfig(), "epoch")
	s.Step(Start{Version: "1"}, morning)
	b, err := s.Snapshot()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := Restore(testConfig(), "epoch", b)
		if err != nil {
			return
		}
		if _, err := s.Snapshot(); err != nil {
			t.Fatal(err)
		}
		seen(t, s, morning)
	})
}
