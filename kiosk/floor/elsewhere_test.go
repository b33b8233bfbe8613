package floor

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"baylight/kiosk"
)

// bayConfig is a second board of the same store: two bays, no reception.
func bayConfig() Config {
	c := testConfig()
	c.Board, c.Letter = "k2", 'B'
	c.Bays = []Bay{{ID: "c1", Name: "工位C1"}, {ID: "c2", Name: "工位C2"}}
	c.Scanners = map[string]string{"sc1": "c1", "sc2": "c2", "srec": Reception}
	return c
}

// backOffice is what an office does for boards: it merges what reached it and
// tells what is open.
type backOffice struct {
	events []kiosk.Event
	seen   map[string]Seen // by source and epoch
	state  bool            // tells states without events, as of a visit with too many of them
}

func (o *backOffice) take(events []kiosk.Event) {
	if o.seen == nil {
		o.seen = map[string]Seen{}
	}
	for _, e := range events {
		at := o.seen[e.Source+e.Epoch]
		if e.Seq > at.Through {
			o.events = append(o.events, e)
			o.seen[e.Source+e.Epoch] = Seen{e.Source, e.Epoch, e.Seq}
		}
	}
}

// corrected are the events with their corrected times, as the ledger has them.
func (o *backOffice) corrected() (all []kiosk.Event) {
	by := map[string][]kiosk.Event{}
	for _, e := range o.events {
		by[e.Source+e.Epoch] = append(by[e.Source+e.Epoch], e)
	}
	for _, part := range by {
		kiosk.Correct(part)
		all = append(all, part...)
	}
	return all
}

func (o *backOffice) news() (n News) {
	var seen []Seen
	for _, s := range o.seen {
		seen = append(seen, s)
	}
	all, byID, by := o.corrected(), map[string]kiosk.Event{}, map[string][]kiosk.Event{}
	for _, e := range all {
		byID[e.ID()] = e
	}
	for _, e := range all {
		of := e // what is corrected, in the end
		for kiosk.Corrects(of.Data) != "" && byID[kiosk.Corrects(of.Data)].Data != nil {
			of = byID[kiosk.Corrects(of.Data)]
		}
		if id := kiosk.VisitOf(of.Data); id != "" {
			by[id] = append(by[id], e)
		}
	}
	n.Listing = &Listing{Seen: seen, Complete: true}
	for id, events := range by {
		v := kiosk.Apply(events, testConfig().Calendar)
		if !v.Open() {
			continue
		}
		n.Listing.Open = append(n.Listing.Open, id)
		e := Elsewhere{Visit: id, Events: events, Seen: seen, Size: 100 * len(events)}
		if o.state {
			e.Events, e.State = nil, v
		}
		n.Visits = append(n.Visits, e)
	}
	return n
}

// pair are two boards and their office.
type pair struct {
	t    testing.TB
	a, b *shopTest
	off  backOffice
}

func newPair(t testing.TB) *pair {
	p := &pair{t: t, a: newShop(t), b: newShop(t)}
	p.b.s, p.b.n = New(bayConfig(), "epoch-b"), 5000
	return p
}

// on plays a script at one board; the other's time goes on.
func (p *pair) on(h *shopTest, script string) {
	p.t.Helper()
	h.now = later(p.a.now, p.b.now)
	h.play(script)
	p.a.now, p.b.now = h.now, h.now
}

func later(a, b kiosk.Moment) kiosk.Moment {
	if a.Wall.After(b.Wall) {
		return a
	}
	return b
}

// send brings a board's events to the office, tell the office's word to a board.
func (p *pair) send(h *shopTest) { p.off.take(h.events) }
func (p *pair) tell(h *shopTest) {
	p.t.Helper()
	if err := h.s.Take(p.off.news(), h.now); err != nil {
		p.t.Fatal(err)
	}
}

// sync is a network that works.
func (p *pair) sync() {
	p.t.Helper()
	p.send(p.a)
	p.send(p.b)
	p.tell(p.a)
	p.tell(p.b)
}

const signedA001 = `
	in 粤B12340          | visit.checked_in A001
	accept A001 a1       | visit.accepted A001 a1
	sign A001 a1 4h      | order.signed A001 a1`

func TestVisitOfAnotherBoard(t *testing.T) {
	p := newPair(t)
	p.on(p.a, signedA001)
	p.sync()
	p.on(p.b, `
		badge:t1@c1    | badge.scanned c1 t1
		card:A001@c1   | job.started A001 c1 t1
		bay c1         | working A001 t1 badge:t1
		PARTS@c1       | job.paused A001 c1 t1 parts
		card:A001/1@c1 | job.started A001 c1 t1 /1
		UNDO@c1        | event.voided job.started undo
		card:A001@c1   | job.resumed A001 c1 t1
		FINISH@c1      | job.finished A001 c1 t1
		bay c1         | ready A001 badge:t1`)
	p.sync()
	if v, ok := p.a.s.FindTicket("A001"); !ok || !v.Ready(p.a.now.Wall) || len(v.Works) != 1 {
		t.Errorf("reception does not see the work done: %+v", v)
	}
	p.on(p.b, `
		badge:q1@c1    | badge.scanned c1 q1
		PASS@c1        | inspection.passed A001 c1 q1
		bay c1         | free badge:t1`)
	p.sync()
	p.on(p.a, `deliver A001 a1 | visit.delivered A001 a1`)
	p.sync()
	p.on(p.b, `card:A001@c1 | job.started A001 c1 t1 [after_delivery]`)
	if open := p.b.s.Open(p.b.now); len(open) != 0 {
		t.Errorf("delivered at the other board, and still open here: %v", open[0])
	}
}

// TestCutOffBoard: the code alone says which visit it is. What was recorded
// without knowing it is one with it as soon as word comes.
func TestCutOffBoard(t *testing.T) {
	p := newPair(t)
	p.on(p.a, signedA001)
	v, _ := p.a.s.FindTicket("A001")
	code := kiosk.MakeCode(kiosk.KindVisit, v.ID)
	p.on(p.b, `
		badge:t1@c1 | badge.scanned c1 t1
		`+code+`@c1 | job.started #`+v.ID[6:]+` c1 t1 [unknown_visit]
		bay c1      | working #`+v.ID[6:]+` t1 badge:t1`)
	if !p.b.last.Good || !p.b.last.Warn || p.b.last.Message.Key != "floor.odd.unknown_visit" {
		t.Errorf("the technician is told %+v", p.b.last)
	}
	p.sync()
	p.on(p.b, `
		bay c1      | working A001 t1 badge:t1
		FINISH@c1   | job.finished A001 c1 t1`)
	p.sync()
	for name, h := range map[string]*shopTest{"A": p.a, "B": p.b} {
		if w := h.s.look(v.ID); !w.Ready(h.now.Wall) || w.Ticket != "A001" || w.Order == nil {
			t.Errorf("board %s sees %+v", name, w)
		}
	}
	// Neither a forged check character nor another store's code gets so far.
	p.on(p.b, `
		`+code[:11]+`A@c1                                     | scan.rejected c1 check
		`+kiosk.MakeCode(kiosk.KindVisit, "9ZZA4K0001")+`@c1  | scan.rejected c1 other_store`)
}

// TestUndoOfWhatTheOfficeHas: a board that was cut off between a scan and its
// UNDO must not go by the office's word of that scan.
func TestUndoOfWhatTheOfficeHas(t *testing.T) {
	p := newPair(t)
	p.on(p.a, signedA001)
	p.sync()
	p.on(p.b, `
		card:A001@c1 | job.started A001 c1 [no_badge]`)
	p.sync()
	p.on(p.b, `
		badge:t1@c1  | badge.scanned c1 t1; event.amended job.started badge technician=t1 flags=[]
		bay c1       | working A001 t1 badge:t1
		+40s UNDO@c1 | event.voided badge.scanned undo; event.voided event.amended undo
		+4s UNDO@c1  | action.unmatched c1 VND0 no_undo
		badge:t1@c1  | badge.scanned c1 t1
		card:A001@c2 | job.started A001 c2 [no_badge]`)
	p.sync()
	if a, b := shown(t, p.a.s.look(p.a.visit("A001"))), shown(t, p.b.s.look(p.b.visit("A001"))); a != b {
		t.Errorf("the boards differ:\n%s", cmp.Diff(a, b))
	}
}

func TestDeliveredElsewhereWhileCutOff(t *testing.T) {
	p := newPair(t)
	p.on(p.a, signedA001)
	p.sync()
	id := p.a.visit("A001")
	p.on(p.b, `
		badge:t1@c1  | badge.scanned c1 t1
		card:A001@c1 | job.started A001 c1 t1`)
	p.on(p.a, `deliver A001 a1 | visit.delivered A001 a1`)
	p.send(p.a)
	p.tell(p.b)
	p.on(p.b, `bay c1 | working A001 t1 badge:t1`)
	if !p.b.s.look(id).Open() {
		t.Fatal("the office ended a visit whose job it has not heard of")
	}
	p.sync()
	p.on(p.b, `
		bay c1    | free badge:t1
		FINISH@c1 | job.finished A001 c1 t1 [after_delivery]`)
	if !p.b.last.Good || !p.b.last.Warn {
		t.Errorf("the technician is told %+v", p.b.last)
	}
	p.b.now = p.b.now.Add(keepEnded + time.Hour)
	p.tell(p.b)
	p.b.step(Device{Name: "x", Up: true})
	p.tell(p.b)
	if p.b.s.has(id) {
		t.Error("a visit that ended two days ago is still remembered")
	}
}

func TestOneTechnicianOnTwoBoards(t *testing.T) {
	p := newPair(t)
	p.on(p.a, signedA001+`
		in 粤B12341    | visit.checked_in A002
		badge:t1@b1    | badge.scanned b1 t1
		card:A001@b1   | job.started A001 b1 t1`)
	p.sync()
	p.on(p.b, `
		badge:t1@c1    | badge.scanned c1 t1
		card:A001@c1   | job.resumed A001 c1 t1 [wrong_bay]
		card:A002@c1   | job.started A002 c1 t1 [no_order]; job.paused A001 c1 t1 switched`)
	p.sync()
	p.on(p.a, `card:A001/1@b1 | job.started A001 b1 t1 /1; job.paused A002 c1 t1 switched`)
	p.sync()
	p.on(p.b, `bay c1 | working A002 t1 badge:t1`)
}

func TestCheckInFindsTheVisitOfAnotherBoard(t *testing.T) {
	p := newPair(t)
	p.on(p.a, `in - LSVAA4182E2184931 | - bad_plate`)
	p.a.step(CheckIn{ID: "vin-1", VIN: "LSVAA4182E2184931"})
	p.sync()
	if ev := p.b.step(CheckIn{ID: "vin-2", VIN: "LSVAA4182E2184931"}); len(ev) != 1 || ev[0].Type() != "ticket.reprinted" {
		t.Errorf("at the other board: %v", types(ev))
	}
	p.on(p.b, `sign A001 a1 3h | order.signed A001 a1`)
	p.sync()
	p.on(p.a, `sign A001 a1 4h | order.signed A001 a1 [second_order]`)
	if s := p.a.events[len(p.a.events)-1].Data.(*kiosk.Signed); s.Order != "o-"+s.Visit+"-2" {
		t.Errorf("the second order is %s", s.Order)
	}
}

func types(events []kiosk.Event) (out []kiosk.Type) {
	for _, e := range events {
		out = append(out, e.Type())
	}
	return out
}

// TestStateWithoutEvents: of a visit with too many events there is only a state;
// the board's own later events go on top.
func TestStateWithoutEvents(t *testing.T) {
	p := newPair(t)
	p.off.state = true
	p.on(p.a, signedA001)
	p.sync()
	p.on(p.b, `
		badge:t1@c1  | badge.scanned c1 t1
		card:A001@c1 | job.started A001 c1 t1
		FINISH@c1    | job.finished A001 c1 t1
		bay c1       | ready A001 badge:t1`)
	p.sync()
	p.on(p.b, `bay c1 | ready A001 badge:t1`)
	if v := p.a.s.look(p.a.visit("A001")); !v.Ready(p.a.now.Wall) {
		t.Errorf("reception sees %s", shown(t, v))
	}
}

func TestOfficeCannotEndWhatItHasNotHeard(t *testing.T) {
	p := newPair(t)
	p.on(p.a, signedA001)
	id, all := p.a.visit("A001"), len(p.a.events)
	for n := range all + 1 {
		var seen []Seen
		if n > 0 {
			seen = []Seen{{p.a.s.source, "epoch", uint64(n)}}
		}
		for _, l := range []Listing{{Seen: seen, Complete: true}, {Seen: []Seen{{"/stores/sh-pudong/kiosks/k9", "epoch", 99}}, Complete: true}, {Seen: seen}} {
			s := replayed(testConfig(), p.a.events)
			s.Listed(l, p.a.now)
			if ended := n == all && l.Complete && len(l.Seen) > 0 && l.Seen[0].Source == s.source; s.look(id).Open() == ended {
				t.Errorf("%+v: open is %v", l, !ended)
			}
			s.Listed(Listing{Open: []string{id}, Seen: seen, Complete: true}, p.a.now)
			if !s.look(id).Open() {
				t.Errorf("%+v: listed again and still ended", l)
			}
		}
	}
}

// TestRecordedAgain: after a rollback the office has the events under new names.
func TestRecordedAgain(t *testing.T) {
	p := newPair(t)
	p.on(p.a, signedA001+`
		badge:t1@b1  | badge.scanned b1 t1
		card:A001@b1 | job.started A001 b1 t1`)
	id := p.a.visit("A001")
	s := New(testConfig(), "epoch-2")
	for _, e := range p.a.events {
		s.Replay(e)
	}
	var again []kiosk.Event
	for i, e := range p.a.events {
		e.Was, e.Epoch, e.Seq = e.ID(), "epoch-2", uint64(i+1)
		again = append(again, e)
		s.Replay(e)
	}
	p.off.take(again)
	p.off.take([]kiosk.Event{{Source: "/stores/sh-pudong/backoffice", Epoch: "ledger", Seq: 1, Moment: p.a.now, Data: &kiosk.Voided{Event: again[4].ID(), Meta: kiosk.Meta{By: "m1", Reason: "mistake"}}}})
	if err := s.Take(p.off.news(), p.a.now); err != nil {
		t.Fatal(err)
	}
	if v := s.look(id); len(v.Works) != 0 || v.Corrections != 1 || len(s.Events(id)) != len(again) {
		t.Errorf("%d jobs, %d corrections, %d events: %s", len(v.Works), v.Corrections, len(s.Events(id)), shown(t, v))
	}
	s.Listed(Listing{Seen: []Seen{{s.source, "epoch-2", 99}}, Complete: true}, p.a.now)
	if s.look(id).Open() {
		t.Error("the office has it all under its new names, and cannot end it")
	}
}

func TestRiskOfTheOffice(t *testing.T) {
	p := newPair(t)
	p.on(p.a, signedA001+`
		badge:t1@b1  | badge.scanned b1 t1
		card:A001@b1 | job.started A001 b1 t1
		bay b1       | working A001 t1 badge:t1`)
	for risk, want := range map[Risk]LampState{{0.5, p.a.now.Wall}: LampRisk, {0.49, p.a.now.Wall}: LampWorking, {0.9, p.a.now.Wall.Add(-riskFor)}: LampWorking} {
		if err := p.a.s.Hear(Elsewhere{Visit: p.a.visit("A001"), Risk: &risk}, p.a.now); err != nil {
			t.Fatal(err)
		}
		if got := p.a.s.Bays(p.a.now)[0].State; got != want {
			t.Errorf("risk %+v: the lamp says %s, want %s", risk, got, want)
		}
	}
}

func TestHearIsBounded(t *testing.T) {
	s := New(testConfig(), "epoch")
	for _, id := range []string{"", "x", "9ZZA4K0001", "0A7A4K0001+", strings.Repeat("0A7", 1000), "0A7#/+/../"} {
		if err := s.Hear(Elsewhere{Visit: id}, morning); err == nil && len(id) != 10 || err != nil && !errors.Is(err, ErrElsewhere) {
			t.Errorf("%.20q: %v", id, err)
		}
	}
	if err := s.Hear(Elsewhere{Visit: "0A7A4K0001", Events: make([]kiosk.Event, maxAbroad+1)}, morning); !errors.Is(err, ErrElsewhere) {
		t.Errorf("too many events: %v", err)
	}
	var open []string
	for i := range MaxElsewhere + 10 {
		id := fmt.Sprintf("0A7B%06d", i)
		open = append(open, id)
		s.Hear(Elsewhere{Visit: id}, morning)
	}
	if n := len(s.elsewhere.visits); n != MaxElsewhere {
		t.Errorf("%d visits are remembered, at most %d are allowed", n, MaxElsewhere)
	}
	checkKnown(t, s)
	s.Listed(Listing{Open: open[:10], Complete: true}, morning)
	if err := s.Hear(Elsewhere{Visit: "0A7C000000"}, morning); err != nil {
		t.Errorf("most have ended, and there is no room: %v", err)
	}
}

// shown is a visit as people and lamps see it; the order of jobs that began at
// the same instant is the fold's.
func shown(t interface{ Fatal(...any) }, v *kiosk.Visit) string {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestBoardsAgree: whatever two boards record and however late word goes round,
// in the end both show what one fold over everything says; and a board made anew
// from its journal, with what it had heard, is the one that went on.
func TestBoardsAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		configs := []Config{testConfig(), bayConfig()}
		states := []*State{New(configs[0], "epoch-a"), New(configs[1], "epoch-b")}
		logs := make([][]kiosk.Event, 2)
		var off backOffice
		d := &story{T: t, now: morning}
		for range rapid.IntRange(1, 40).Draw(t, "inputs") {
			d.now = d.now.Add(pick(d, "wait", time.Second, 4*time.Second, 10*time.Second, 61*time.Second, 10*time.Minute))
			i := pick(d, "board", 0, 1)
			switch pick(d, "what", "input", "input", "input", "send", "tell", "restart") {
			case "input":
				in := d.input()
				if sc, ok := in.(Scan); ok && i == 1 {
					sc.Scanner = pick(d, "bay", "sc1", "sc2", "srec")
					in = sc
				}
				ev, _ := states[i].Step(in, d.now)
				d.note(ev)
				for _, e := range ev {
					logs[i] = append(logs[i], stored(t, e))
				}
			case "send":
				off.take(logs[i])
			case "tell":
				n := off.news()
				for j := range n.Visits {
					n.Visits[j].Risk = pick(d, "risk", nil, &Risk{P: 0.1, At: d.now.Wall}, &Risk{P: 0.9, At: d.now.Wall})
				}
				if err := states[i].Take(n, d.now); err != nil {
					t.Fatal(err)
				}
			case "restart":
				s := New(configs[i], states[i].epoch)
				for _, e := range logs[i] {
					s.Replay(e)
				}
				s.Inherit(states[i])
				if a, b := seen(t, states[i], d.now), seen(t, s, d.now); a != b {
					t.Fatalf("board %d after a restart:\n%s", i, cmp.Diff(a, b))
				}
				states[i] = s
			}
			checkKnown(t, states[i])
			checkRisk(t, states[i], d.now)
		}
		for i := range states {
			off.take(logs[i])
		}
		n := off.news()
		var all []string
		for i, s := range states {
			if err := s.Take(n, d.now); err != nil {
				t.Fatal(err)
			}
			var open []string
			for _, v := range s.Open(d.now) {
				open = append(open, v.ID)
			}
			for _, e := range n.Visits {
				v := kiosk.Apply(e.Events, configs[i].Calendar)
				v.ID = e.Visit // also if all its events were voided
				if a, b := shown(t, v), shown(t, s.look(e.Visit)); a != b {
					t.Fatalf("board %d shows visit %s differently:\n%s", i, e.Visit, cmp.Diff(a, b))
				}
			}
			slices.Sort(open)
			if i == 1 && !slices.Equal(open, all) {
				t.Fatalf("the boards list %v and %v", all, open)
			}
			all = open
		}
	})
}
