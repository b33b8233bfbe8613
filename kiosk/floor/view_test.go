package floor

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"baylight/kiosk"
)

// TestLamps is DOMAIN §5 told as scripts: when several states hold, the first wins.
func TestLamps(t *testing.T) {
	for _, c := range []struct{ name, script string }{
		{"promise passed beats waiting, ready and working; help beats it", `
			sign A001 a1 10m | order.signed A001 a1
			badge:t1@b1      | badge.scanned b1 t1
			card:A001@b1     | job.started A001 b1 t1
			+9m49s bay b1    | risk A001 t1 badge:t1
			+1s bay b1       | late A001 t1 badge:t1
			PARTS@b1         | job.paused A001 b1 t1 parts
			bay b1           | late A001 t1 badge:t1
			HELP@b1          | help.called b1
			bay b1           | help A001 t1 badge:t1
			clear b1 s1      | help.cleared b1
			card:A001@b1     | job.resumed A001 b1 t1
			FINISH@b1        | job.finished A001 b1 t1
			bay b1           | late A001 badge:t1
			PASS@b1          | inspection.passed A001 b1 t1 [not_inspector,inspector_is_technician]
			bay b1           | free badge:t1
			card:A001@w1     | card.scanned A001 w1
			bay w1           | working A001`},
		{"waiting beats risk, somebody else working does not hide it", `
			sign A001 a1 2h  | order.signed A001 a1
			badge:t1@b1      | badge.scanned b1 t1
			card:A001@b1     | job.started A001 b1 t1
			AUTHORITY@b1     | job.paused A001 b1 t1 authority
			badge:t2@b1      | badge.scanned b1 t2
			card:A001@b1     | job.started A001 b1 t2
			+40m bay b1      | waiting A001 t1 t2 badge:t2
			BREAK@b1         | job.paused A001 b1 t2 break
			bay b1           | waiting A001 t1 t2 badge:t2`},
		{"risk: 90 standard minutes, less what was worked", `
			sign A001 a1 2h  | order.signed A001 a1
			badge:t1@b1      | badge.scanned b1 t1
			card:A001/1@b1   | job.started A001 b1 t1 /1
			+20m BREAK@b1    | job.paused A001 b1 t1 /1 break
			bay b1           | working A001 t1 badge:t1
			+30m bay b1      | risk A001 t1 badge:t1
			card:A001/1@b1   | job.resumed A001 b1 t1 /1
			+5m bay b1       | risk A001 t1 badge:t1
			FINISH@b1        | job.finished A001 b1 t1 /1
			bay b1           | ready A001 badge:t1
			card:A001/2@b1   | job.started A001 b1 t1 /2
			bay b1           | working A001 t1 badge:t1
			+40m bay b1      | working A001 t1 badge:t1`},
		{"a bay without a visit", `
			HELP@b1          | help.called b1
			bay b1           | help
			badge:s1@b1      | badge.scanned b1 s1; help.cleared b1
			bay b1           | free`},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newShop(t)
			h.play(`in 粤B12345 | visit.checked_in A001`)
			h.play(c.script)
		})
	}
}

// checkRisk: what is said of a visit is what the lamp of its bay shows, unless
// the lamp shows something that comes first.
func checkRisk(t interface{ Fatalf(string, ...any) }, s *State, now kiosk.Moment) {
	for _, b := range s.Bays(now) {
		risk := s.AtRisk(b.Visit, now)
		switch b.State {
		case LampRisk:
			if !risk {
				t.Fatalf("bay %s shows a risk for visit %s, which has none", b.Bay.ID, b.Visit)
			}
		case LampFree, LampLate, LampReady, LampWorking:
			if risk {
				t.Fatalf("bay %s is %s, and its visit %s is at risk", b.Bay.ID, b.State, b.Visit)
			}
		}
	}
}

// TestRiskInNoBay: a visit that stands in no bay goes by the same rule, the
// office's word before all.
func TestRiskInNoBay(t *testing.T) {
	h := newShop(t)
	h.play(`in 粤B12345 | visit.checked_in A001
		sign A001 a1 2h | order.signed A001 a1`) // 90 standard minutes
	id := h.visit("A001")
	due := h.now.Wall.Add(2 * time.Hour)
	for _, c := range []struct {
		before time.Duration // the promise
		p      float64       // said by the office just now; 0: nothing
		want   bool
	}{{90 * time.Minute, 0, false}, {89 * time.Minute, 0, true}, {time.Second, 0, true}, {0, 0, false}, {-time.Hour, 0, false},
		{2 * time.Hour, 0.9, true}, {10 * time.Minute, 0.1, false}, {0, 0.9, false}} {
		now := h.now
		now.Wall = due.Add(-c.before)
		var risk *Risk
		if c.p > 0 {
			risk = &Risk{P: c.p, At: now.Wall}
		}
		if err := h.s.Hear(Elsewhere{Visit: id, Risk: risk}, now); err != nil {
			t.Fatal(err)
		}
		if got := h.s.AtRisk(id, now); got != c.want {
			t.Errorf("%s before the promise, the office says %v: at risk %v", c.before, c.p, got)
		}
	}
	h.play(`+31m badge:q1@w1 | badge.scanned w1 q1
		card:A001@w1 | card.scanned A001 w1`)
	if !h.s.AtRisk(id, h.now) {
		t.Error("in a bay it is not at risk any more")
	}
	checkRisk(t, h.s, h.now)
	h.play(`PASS@w1 | inspection.passed A001 w1 q1`)
	if h.s.AtRisk(id, h.now) || h.s.AtRisk("0A7A9A0000", h.now) {
		t.Error("a visit that has passed, or is not known, is at risk")
	}
}

func TestRemaining(t *testing.T) {
	if d := Remaining(&kiosk.Visit{}, morning.Wall); d != 0 {
		t.Errorf("without an order %s remain", d)
	}
	items := []kiosk.Item{{No: 1, Code: "oil", StandardMinutes: 60}, {No: 2, Code: "brake", StandardMinutes: 30}}
	for _, c := range []struct {
		name string
		work string
		want int // minutes
	}{
		{"nothing begun", ``, 90},
		{"the ticket, 20 minutes", "badge:t1@b1|badge.scanned b1 t1\n+0s card:A001@b1|job.started A001 b1 t1\n+20m bay b1|working A001 t1 badge:t1", 70},
		{"the ticket, longer than it should take", "badge:t1@b1|badge.scanned b1 t1\n+0s card:A001@b1|job.started A001 b1 t1\n+2h bay b1|working A001 t1 badge:t1", 0},
		{"one item done early, the other not begun, another paused", "badge:t1@b1|badge.scanned b1 t1\n+0s card:A001/1@b1|job.started A001 b1 t1 /1\n" +
			"+10m FINISH@b1|job.finished A001 b1 t1 /1\n+0s badge:t2@b1|badge.scanned b1 t2\n+0s card:A001@b1|job.started A001 b1 t2\n+0s PARTS@b1|job.paused A001 b1 t2 parts", 30},
		{"all done", "badge:t1@b1|badge.scanned b1 t1\n+0s card:A001@b1|job.started A001 b1 t1\n+10m FINISH@b1|job.finished A001 b1 t1", 0},
	} {
		h := newShop(t)
		h.play(`in 粤B12345 | visit.checked_in A001`)
		for i := range items {
			items[i].Category, items[i].Payer = kiosk.Maintenance, "customer"
		}
		h.step(Sign{ID: "s", By: "a1", Visit: h.visit("A001"), Items: items, Promise: h.now.Wall.Add(8 * time.Hour)})
		h.play(c.work)
		v, _ := h.s.Visit(h.visit("A001"))
		if got := Remaining(v, h.now.Wall); got != time.Duration(c.want)*time.Minute {
			t.Errorf("%s: %s remain, want %d min", c.name, got, c.want)
		}
	}
}

// The clock of a board may jump; what happens within one boot is timed by the
// time since boot.
func TestWindowsIgnoreTheWallClock(t *testing.T) {
	h := opened(t, 2)
	h.play(`
		badge:t1@b1  | badge.scanned b1 t1
		card:A001@b1 | job.started A001 b1 t1
		PARTS@b1     | job.paused A001 b1 t1 parts`)
	h.now.Wall = h.now.Wall.Add(90 * time.Minute) // NTP came
	h.play(`
		AUTHORITY@b1 | job.paused A001 b1 t1 authority
		UNDO@b1      | event.voided job.paused undo`)
	h.now.Wall = h.now.Wall.Add(-3 * time.Hour)
	h.play(`
		card:A001@b1 | job.resumed A001 b1 t1
		PARALLEL@b1  | card.scanned b1 PARA
		card:A002@b1 | job.started A002 b1 t1 parallel
		+2m UNDO@b1  | action.unmatched b1 VND0 no_undo`)
}

// Whatever a board says of its time, the event can be written and read.
func TestImpossibleMoments(t *testing.T) {
	s := New(Config{Store: "s", Board: "k"}, "epoch")
	for _, m := range []kiosk.Moment{
		{},
		{Wall: time.Date(1969, 1, 1, 0, 0, 0, 0, time.UTC), Up: -time.Hour, Clock: "sundial"},
		{Wall: time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC), Clock: kiosk.Synced},
		{Wall: morning.Wall.Add(1234567), Up: 1234567, Clock: kiosk.Holdover},
	} {
		ev, _ := s.Step(Device{Name: "d"}, m)
		got, want := stored(t, ev[0]).Moment, ev[0].Moment
		if !got.Wall.Equal(want.Wall) || got.Up != want.Up || got.Clock != want.Clock || want.Wall.IsZero() || want.Wall.Year() > 9999 {
			t.Errorf("%v became %v, read back as %v", m, want, got)
		}
	}
}

func TestWindowsAcrossARestart(t *testing.T) {
	h := opened(t, 1)
	h.play(`badge:t1@b1 | badge.scanned b1 t1
		card:A001@b1 | job.started A001 b1 t1`)
	h.now.Boot, h.now.Up = "boot-2", 3*time.Second
	h.s = replayed(testConfig(), h.events)
	h.play(`
		+1s card:A001@b1 | - same
		PARTS@b1         | job.paused A001 b1 t1 parts
		+1s PARTS@b1     | - same
		UNDO@b1          | event.voided job.paused undo`)
}

// A board that booted in the past learns the time: what it recorded before moves
// with the clock, badges and jobs with it.
func TestClockSet(t *testing.T) {
	h := newShop(t)
	h.now = kiosk.Moment{Wall: time.Date(1970, 1, 1, 8, 0, 0, 0, shanghai), Boot: "b", Up: time.Minute, Clock: kiosk.Unset}
	h.play(`in 粤B12345  | visit.checked_in A001
		badge:t1@b1  | badge.scanned b1 t1
		card:A001@b1 | job.started A001 b1 t1 [no_order]`)
	off := morning.Wall.Sub(h.now.Wall)
	h.now = h.now.Add(time.Minute)
	h.now.Wall, h.now.Clock = h.now.Wall.Add(off), kiosk.Synced
	h.step(ClockSet{Offset: off})
	v, _ := h.s.FindTicket("A001")
	if want := morning.Wall.Add(-10 * time.Second); !v.Arrived.Equal(want) || v.Uncertain {
		t.Errorf("arrived %s (uncertain %v), want %s", v.Arrived, v.Uncertain, want)
	}
	h.play(`bay b1 | working A001 t1 badge:t1
		FINISH@b1 | job.finished A001 b1 t1 [no_order]`)
}

func TestUnclosed(t *testing.T) {
	h := opened(t, 2)
	h.play(`
		badge:t1@b1  | badge.scanned b1 t1
		card:A001@b1 | job.started A001 b1 t1
		badge:t2@b2  | badge.scanned b2 t2
		card:A002@b2 | job.started A002 b2 t2`)
	if jobs := h.s.Unclosed(h.now); len(jobs) != 0 {
		t.Fatalf("%d jobs are unclosed at noon", len(jobs))
	}
	h.now = h.now.Add(12 * time.Hour)
	if jobs := h.s.Unclosed(h.now); len(jobs) != 2 || jobs[0].Technician != "t1" || jobs[1].Technician != "t2" {
		t.Fatalf("unclosed at night: %+v", jobs)
	}
}

func TestOpenAndFind(t *testing.T) {
	h := opened(t, 2)
	h.play(`
		badge:t1@b1     | badge.scanned b1 t1
		card:X1@b1      | job.started #0001 b1 t1 [unknown_visit]
		card:X2@desk    | card.scanned #0002 desk [unknown_visit]
		in 粤B77777      | visit.checked_in A003
		deliver A001 a1 | visit.delivered A001 a1`)
	var got []string
	for _, v := range h.s.Open(h.now) {
		got = append(got, h.s.name(v.ID))
	}
	if s := strings.Join(got, " "); s != "A002 A003 #0001" {
		t.Errorf("open: %s", s)
	}
	if v, ok := h.s.FindTicket("A001"); !ok || v.Open() {
		t.Errorf("A001 after its delivery: %v, %v", v, ok)
	}
	h.play(`in 粤B12340 | visit.checked_in A004`)
	if v, ok := h.s.FindPlate("粤B 12340"); !ok || v.Ticket != "A004" {
		t.Errorf("the plate that came back: %v, %v", v, ok)
	}
	for _, plate := range []string{"", "粤B00000", "?"} {
		if v, ok := h.s.FindPlate(plate); ok {
			t.Errorf("FindPlate(%q) = %v", plate, v)
		}
	}
	if v, ok := h.s.FindTicket(""); ok {
		t.Errorf("no number finds %v", v)
	}
	if _, ok := h.s.Visit("none"); ok || h.s.Events("none") != nil {
		t.Error("a visit that never was is found")
	}
}

// TestForgets: what ended two days ago goes, what is open stays, and memory
// does not grow with the days.
func TestForgets(t *testing.T) {
	h := opened(t, 1)
	stays := h.visit("A001")
	sizes := map[int]int{}
	for day := range 20 {
		for i := range 10 {
			ev := h.step(CheckIn{ID: h.id(), Plate: fmt.Sprintf("粤C%02d%03d", day, i)})
			id := ev[0].Data.(*kiosk.CheckedIn).Visit
			h.step(Scan{ID: h.id(), Scanner: "sb1", Text: kiosk.MakeCode(kiosk.KindVisit, id)})
			h.step(Scan{ID: h.id(), Scanner: "sb2", Text: kiosk.MakeCode(kiosk.KindVisit, fmt.Sprintf("0A7B4K%02d%02d", day, i))})
			h.step(Deliver{ID: h.id(), By: "a1", Visit: id})
			h.now = h.now.Add(time.Minute)
		}
		h.now = h.now.Add(24*time.Hour - 10*time.Minute)
		sizes[day] = len(h.s.records) + len(h.s.byID) + len(h.s.causes) + len(h.s.log)
	}
	if sizes[19] > sizes[5] {
		t.Errorf("remembered after 6 days %d, after 20 days %d", sizes[5], sizes[19])
	}
	if v, ok := h.s.Visit(stays); !ok || !v.Open() || len(h.s.Events(stays)) != 3 {
		t.Error("an open visit was forgotten")
	}
	if _, ok := h.s.FindPlate("粤C00000"); ok {
		t.Error("a visit that ended 20 days ago is remembered")
	}
	if v, ok := h.s.FindPlate("粤C18000"); !ok || v.Open() {
		t.Error("a visit that ended yesterday was forgotten")
	}
	twin := replayed(testConfig(), h.events)
	if a, b := seen(t, h.s, h.now), seen(t, twin, h.now); a != b {
		t.Error("a replay forgets something else")
	}
}

// A flood of events pushes out the oldest; what they meant for the bays stays.
func TestForgetsUnderAFlood(t *testing.T) {
	h := opened(t, 1)
	h.play(`badge:t1@b1 | badge.scanned b1 t1
		card:A001@b1 | job.started A001 b1 t1`)
	h.now.Clock = kiosk.Holdover // their times may yet be corrected
	for range 2 * keepLog {
		h.step(Device{Name: "sb2"})
	}
	if len(h.s.log) > keepLog || len(h.s.byID) > keepLog || len(h.s.segment) > 2*keepLog {
		t.Errorf("%d events are remembered, %d by id, %d of uncertain time", len(h.s.log), len(h.s.byID), len(h.s.segment))
	}
	h.play(`bay b1 | working A001 t1 badge:t1
		FINISH@b1 | job.finished A001 b1 t1
		UNDO@b1   | event.voided job.finished undo
		bay b1    | working A001 t1 badge:t1`)
	if a, b := seen(t, h.s, h.now), seen(t, replayed(testConfig(), h.events), h.now); a != b {
		t.Error("a replay remembers something else")
	}
}

// A board that re-records events after a rollback has folded them before: they
// count in the sequence only.
func TestReRecordedEventsAreNotFoldedTwice(t *testing.T) {
	h := opened(t, 1)
	s := replayed(testConfig(), nil)
	for i, e := range h.events {
		e.Epoch = "older"
		s.Replay(e)
		e.Epoch, e.Was = "epoch", e.ID()
		e.Seq = uint64(i + 1)
		h.events[i] = e
	}
	if s.Next() != 1 {
		t.Fatalf("after another epoch the next event is %d", s.Next())
	}
	for _, e := range h.events {
		s.Replay(e)
	}
	if v, ok := s.FindTicket("A001"); !ok || len(s.Events(v.ID)) != 3 || s.Next() != 4 {
		t.Errorf("next %d, visit %+v", s.Next(), v)
	}
}

// Corrections may name events this board has never seen, or no longer remembers.
func TestCorrectionsOfTheUnknown(t *testing.T) {
	h := opened(t, 1)
	before := seen(t, h.s, h.now)
	for i, p := range []kiosk.Payload{&kiosk.Voided{Event: "other-7"}, &kiosk.Amended{Event: "other-7", Fields: []byte(`{}`)}, &kiosk.PersonErased{Visits: []string{"v"}}} {
		h.s.Replay(kiosk.Event{Source: "/stores/sh-pudong/backoffice", Epoch: "ledger", Seq: uint64(i + 1), Data: p, Moment: h.now})
	}
	if after := seen(t, h.s, h.now); after != before {
		t.Errorf("a correction of nothing changed the shop:\n%s\n%s", before, after)
	}
}

func TestCauses(t *testing.T) {
	h := newShop(t)
	long := strings.Repeat("x", 64)
	for id, want := range map[string]string{"a-1": "a-1", long: long, long + "x": "", "": "", "a b": "", "号": "", "a\n": ""} {
		h.now = h.now.Add(time.Minute)
		if want == "" {
			want = kiosk.EventID("epoch", h.s.Next())
		}
		if got := h.step(Scan{ID: id, Scanner: "sb1", Text: "junk"})[0].Data.Common().Cause; got != want {
			t.Errorf("scan %q has the cause %q, want %q", id, got, want)
		}
	}
}

func FuzzStep(f *testing.F) {
	for _, text := range []string{"", "V0A7A9AKAYD3", "v0a7a9akaYD3", kiosk.ActionCode("0A7", kiosk.Undo), "粤B12345", "1HGCM82633A004352", "http://x/?vin=%31HGCM82633A004352", "\x00\xff", "C0A7000PAſSW"} {
		f.Add(text, "code128", byte(0))
		f.Add(text, "\xff", byte(4))
	}
	scanners := []string{"sb1", "sw1", "srec", "sdesk", "none\xff"}
	f.Fuzz(func(t *testing.T, text, symbology string, scanner byte) {
		h := opened(t, 1)
		in := Scan{ID: text, Scanner: scanners[int(scanner)%len(scanners)], Text: text, Symbology: symbology, CheckIn: CheckInForm{Phone: text, Name: symbology, Text: text}}
		events := h.step(in)
		if len(events) == 0 {
			t.Fatalf("scan %q left no event", text)
		}
		if !hasKey(h.last.Message) {
			t.Fatalf("scan %q: no text for %s", text, h.last.Message.Key)
		}
		size := 0
		for i, e := range h.events {
			b, err := kiosk.Encode(e)
			if err != nil {
				t.Fatal(err)
			}
			if sc := e.Data.Common().Scan; sc != nil && sc.Text != "" {
				if c, err := kiosk.ParseCode(text); err != nil || sc.Text != kiosk.MakeCode(c.Kind, c.ID) {
					t.Fatalf("scan %q is kept as %q: %v", text, sc.Text, err)
				}
			}
			size = max(size, len(b)+len(e.Person))
			h.events[i] = stored(t, e)
		}
		if size > 8<<10 {
			t.Fatalf("an event of %d bytes", size)
		}
		if a, b := seen(t, h.s, h.now), seen(t, replayed(testConfig(), h.events), h.now); a != b {
			t.Fatal("live and replayed states differ")
		}
	})
}
