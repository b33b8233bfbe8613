package sim

import (
	"fmt"
	"slices"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/floor"
	"baylight/kiosk/staff"
)

const (
	storeName = "sh-pudong"
	storeTag  = "0A7"
)

func shopCalendar() kiosk.Calendar { return kiosk.ShanghaiWeek(begin().Location()) }

func badgeID(n int) string { return fmt.Sprintf("%s0000%03d", storeTag, n) }

func shopStaff() *staff.Directory {
	var ps []staff.Person
	for i := range 3 {
		ps = append(ps, staff.Person{ID: fmt.Sprintf("t%d", i+1), Badge: badgeID(i + 1), Roles: []staff.Role{staff.Technician}})
	}
	return staff.NewDirectory(append(ps,
		staff.Person{ID: "a1", Badge: badgeID(11), Roles: []staff.Role{staff.Adviser}},
		staff.Person{ID: "q1", Badge: badgeID(12), Roles: []staff.Role{staff.Inspector}},
		staff.Person{ID: "s1", Badge: badgeID(13), Roles: []staff.Role{staff.Supervisor}}))
}

// shopConfig is a board with a reception and two bays.
func shopConfig(board string, letter byte) floor.Config {
	return floor.Config{
		Store: storeName, Board: board, StoreTag: storeTag, Letter: letter, Key: []byte("key of the store"), Calendar: shopCalendar(),
		Bays:     []floor.Bay{{ID: board + "-1"}, {ID: board + "-2"}},
		Scanners: map[string]string{"door": floor.Reception, "one": board + "-1", "two": board + "-2"},
		Staff:    shopStaff(),
	}
}

// job is what people do with one car, step by step.
type job struct {
	w     *world
	no    int
	home  *board // where it was checked in
	visit string
	steps []step
}

// step is one thing somebody does at a board; nil: nothing comes of it.
type step struct {
	at *board
	do func() []floor.Input
}

// openShop lets cars come.
func (w *world) openShop() {
	for i := range w.plan.visits {
		j := &job{w: w, no: i, home: w.boards[w.people.IntN(len(w.boards))]}
		j.script()
		w.after(w.pause(0, w.plan.length/2), j.next)
	}
	w.after(w.pause(0, time.Minute), w.noise)
}

// pause draws for people.
func (w *world) pause(a, b time.Duration) time.Duration {
	return a.Truncate(time.Millisecond) + time.Duration(w.people.Int64N(int64(b-a)+1)).Truncate(time.Millisecond)
}

// id is that of a scan or touch.
func (w *world) id() string { return fmt.Sprintf("%016x%08x", w.people.Uint64(), w.people.Uint32()) }

func (w *world) scan(scanner, text string) []floor.Input {
	return []floor.Input{floor.Scan{ID: w.id(), Scanner: scanner, Text: text, Symbology: "code128"}}
}

// noise are scans that mean nothing, or concern no car.
func (w *world) noise() {
	if w.healed {
		return
	}
	b := w.boards[w.people.IntN(len(w.boards))]
	if b.on {
		texts := []string{"6901234567892", "粤B12345", kiosk.MakeCode(kiosk.KindBadge, badgeID(1+w.people.IntN(3))), kiosk.ActionCode(storeTag, kiosk.Help),
			kiosk.MakeCode(kiosk.KindBadge, badgeID(13)), kiosk.ActionCode(storeTag, kiosk.Undo)}
		b.do(w.scan([]string{"one", "two"}[w.people.IntN(2)], texts[w.people.IntN(len(texts))])...)
	}
	w.after(w.pause(20*time.Second, 5*time.Minute), w.noise)
}

// next does the next step of a car; what was not acknowledged is done again.
func (j *job) next() {
	if len(j.steps) == 0 || j.w.healed {
		return
	}
	s := j.steps[0]
	if !s.at.on {
		j.w.after(j.w.pause(5*time.Second, 30*time.Second), j.next)
		return
	}
	ins := s.do()
	ok, reply := s.at.input(ins...)
	if !ok {
		j.w.after(j.w.pause(4*time.Second, 20*time.Second), j.next)
		return
	}
	if j.visit == "" {
		j.visit = reply.Visit
		j.w.say("visit %s is %s", j.visit, reply.Message.Key)
		j.print(s.at)
	}
	j.steps = j.steps[1:]
	j.w.after(j.w.pause(time.Second, j.w.plan.length/24), j.next)
}

// print lets the ticket come out; the record of it may be lost.
func (j *job) print(b *board) {
	p := floor.Printed{Document: "ticket-" + j.visit, Printer: "p1", Visit: j.visit, Outcome: floor.PrintSent}
	b.later(time.Second, func() {
		switch {
		case j.w.strikes(PrintFailed, 0.5):
			j.w.fault(PrintFailed, "%s", p.Document)
			p.Outcome, p.Reason = floor.PrintUnknown, "no answer"
		case j.w.strikes(PrintUnsure, 0.5):
			j.w.fault(PrintUnsure, "%s", p.Document)
			b.cut("power cut after a print", 5*time.Second)
			return
		}
		b.do(p)
		p.Outcome = floor.PrintConfirmed
		b.later(3*time.Second, func() { b.do(p) })
	})
}

// script makes the steps of a car's visit.
func (j *job) script() {
	w, door := j.w, j.home
	touch := func(in func() floor.Input) { j.add(door, func() []floor.Input { return []floor.Input{in()} }) }
	vin := fmt.Sprintf("LSVAA4182E21%05d", 84000+j.no)
	typed := w.people.IntN(3) == 0
	j.add(door, func() []floor.Input {
		if typed {
			return []floor.Input{floor.CheckIn{ID: w.id(), Plate: fmt.Sprintf("沪A%05d", 10000+j.no)}}
		}
		return []floor.Input{floor.CheckIn{ID: w.id(), VIN: vin, Confirmed: true}}
	})
	if w.people.IntN(8) > 0 {
		touch(func() floor.Input { return floor.Accept{ID: w.id(), By: "a1", Visit: j.visit} })
	}
	if w.people.IntN(8) == 0 {
		touch(func() floor.Input {
			return floor.Close{ID: w.id(), By: "a1", Visit: j.visit, Outcome: "no_order", Reason: "parts"}
		})
		return
	}
	items := []kiosk.Item{{Code: "M10", Category: kiosk.Maintenance, Payer: "customer", StandardMinutes: 30}}
	if w.people.IntN(2) == 0 {
		items = append(items, kiosk.Item{Code: "W20", Category: kiosk.Warranty, Payer: "manufacturer", StandardMinutes: 60})
	}
	promise := begin().Add(w.pause(w.plan.length/3, w.plan.length*3/2).Truncate(time.Minute))
	touch(func() floor.Input {
		return floor.Sign{ID: w.id(), By: "a1", Visit: j.visit, Items: items, Promise: promise}
	})
	if w.people.IntN(4) == 0 {
		touch(func() floor.Input {
			return floor.Revise{ID: w.id(), By: "a1", Visit: j.visit, Promise: promise.Add(20 * time.Minute), Reason: "parts", Consent: true, ConsentHow: "phone"}
		})
	}
	j.work(items)
	touch(func() floor.Input { return floor.Deliver{ID: w.id(), By: "a1", Visit: j.visit} })
}

func (j *job) add(at *board, do func() []floor.Input) { j.steps = append(j.steps, step{at, do}) }

// work is what happens in the bays: at any board, not only the one of the reception.
func (j *job) work(items []kiosk.Item) {
	w := j.w
	for range 1 + w.people.IntN(2) {
		at := w.boards[w.people.IntN(len(w.boards))]
		scanner := []string{"one", "two"}[w.people.IntN(2)]
		scan := func(text func() string) { j.add(at, func() []floor.Input { return w.scan(scanner, text()) }) }
		badge := func(n int) { scan(func() string { return kiosk.MakeCode(kiosk.KindBadge, badgeID(n)) }) }
		card := func() { scan(func() string { return kiosk.MakeCode(kiosk.KindVisit, j.visit) }) }
		action := func(a kiosk.Action) { scan(func() string { return kiosk.ActionCode(storeTag, a) }) }
		tech := 1 + w.people.IntN(3)
		if w.people.IntN(6) > 0 {
			badge(tech)
		}
		card()
		if w.people.IntN(3) == 0 { // the scanner read it twice
			last := j.steps[len(j.steps)-1]
			j.steps[len(j.steps)-1].do = func() []floor.Input {
				in := last.do()
				return append(slices.Clone(in), w.scan(scanner, in[0].(floor.Scan).Text)...)
			}
		}
		if w.people.IntN(3) == 0 {
			action([]kiosk.Action{kiosk.PauseParts, kiosk.PauseAuthority, kiosk.PauseBreak}[w.people.IntN(3)])
			if w.people.IntN(3) == 0 {
				action(kiosk.Undo)
			}
			card()
		}
		action(kiosk.Finish)
		if w.people.IntN(5) > 0 {
			badge(12)
			card()
			if w.people.IntN(4) == 0 {
				action(kiosk.FailCard)
				badge(tech)
				card()
				action(kiosk.Finish)
				badge(12)
				card()
			}
			action(kiosk.PassCard)
		}
	}
}
