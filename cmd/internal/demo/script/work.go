package script

import (
	"time"
)

// soon is the first moment from t on when the shop is open and there is time
// for an hour's work before closing; else the next opening.
func (w *writer) soon(t time.Time, need time.Duration) time.Time {
	y, m, d := t.Date()
	midnight := time.Date(y, m, d, 0, 0, 0, 0, t.Location())
	if t.Before(midnight.Add(opening + 5*time.Minute)) {
		t = midnight.Add(opening + 5*time.Minute)
	}
	if t.Add(need).After(midnight.Add(closing)) {
		return midnight.AddDate(0, 0, 1).Add(opening + w.between(5*time.Minute, 20*time.Minute))
	}
	return t
}

// first gives whoever (or whatever) is free first, from t on.
func first(free map[string]time.Time, of []string, t time.Time) (who string, at time.Time) {
	for _, x := range of {
		if f := free[x]; who == "" || f.Before(at) {
			who, at = x, f
		}
	}
	if at.Before(t) {
		at = t
	}
	return who, at
}

func workBays() (ids []string) {
	for n := 1; n <= WorkBays; n++ {
		ids = append(ids, BayID(n))
	}
	return ids
}

// work writes a car's way through the workshop: a bay is its own from the first
// card to the inspection.
func (w *writer) work(c *car) {
	need := time.Duration(minutes(c.items))*time.Minute*4/5 + 30*time.Minute
	t := w.soon(c.signed.Add(w.between(2*time.Minute, 6*time.Minute)), need)
	bay, t := first(w.bays, workBays(), t)
	tech, t := first(w.people, Technicians(), t)
	t = w.soon(t, need)
	t, finished := w.repair(c, bay, tech, t)
	w.people[tech] = t.Add(time.Minute)
	if !finished {
		tomorrow := w.soon(t.Add(12*time.Hour), time.Hour)
		w.bays[bay], w.people[tech] = tomorrow, tomorrow
		if c.n == nForgotten {
			t = w.do(tomorrow.Add(w.between(time.Minute, 15*time.Minute)), Step{Act: StateEnd, Visit: c.visit, Person: Supervisor, Tech: tech, Due: t, Reason: "忘记扫完工"}, Fact{What: Finished, Tech: tech, At: t})
		} else {
			t = tomorrow.Add(w.between(time.Minute, 15*time.Minute))
		}
		w.bays[bay] = t.Add(15 * time.Minute)
	}
	t = w.inspect(c, bay, tech, t)
	w.bays[bay] = later(w.bays[bay], t.Add(2*time.Minute))
	w.hand(c, t)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// card is a job card scanned by a technician.
func (w *writer) card(c *car, bay, tech string, item int, t time.Time, what What) time.Time {
	s := Step{Act: ScanTicket, Place: bay, Visit: c.visit, Tech: tech, Item: item, Good: true, Twice: w.r.IntN(12) == 0}
	if what == Started && c.n == nMidKill && !w.o.Calm {
		s.MidKill, s.Twice = true, false
	}
	return w.do(t, s, Fact{What: what, Tech: tech, Item: item})
}

// action is a wall card scanned by a technician.
func (w *writer) action(c *car, bay, tech, action string, t time.Time, facts ...Fact) time.Time {
	return w.do(t, Step{Act: ScanAction, Place: bay, Visit: c.visit, Tech: tech, Action: action, Good: true}, facts...)
}

func (w *writer) repair(c *car, bay, tech string, t time.Time) (end time.Time, finished bool) {
	item := 0
	if w.r.IntN(5) < 2 && c.n != nForgotten {
		item = 1
	}
	length := time.Duration(minutes(c.items)) * time.Minute
	length = w.between(length*3/10, length*8/10)
	t = w.card(c, bay, tech, item, t, Started)
	second := ""
	if c.n%10 == nTwoAtOnce {
		second, _ = first(w.people, without(Technicians(), tech), t)
		if w.people[second].After(t.Add(4 * time.Minute)) {
			second = ""
		} else {
			start := w.card(c, bay, second, 0, t.Add(5*time.Minute), Started)
			w.people[second] = start.Add(length)
		}
	}
	half := t.Add(length / 2)
	switch {
	case c.n == nForgotten || c.n == nForgottenFor:
		return t.Add(length), false
	case c.n == nAdded || c.n == nAddedNo:
		t = w.added(c, bay, tech, item, half).Add(length/2 + 20*time.Minute)
	case c.n == nSwitch && len(w.waiting) > 0:
		t = w.switches(c, bay, tech, item, half).Add(length / 2)
	case c.n == nHelp:
		w.action(c, bay, tech, "HE1P", half)
		t = w.do(half.Add(w.between(30*time.Second, 5*time.Minute)), Step{Act: ClearHelp, Visit: -1, Place: bay, Person: Supervisor}).Add(length / 2)
	case second == "" && w.r.IntN(10) < 3:
		action, reason := pause(w.r.IntN(3))
		t = w.action(c, bay, tech, action, half, Fact{What: Paused, Tech: tech, Item: item, Reason: reason})
		t = w.card(c, bay, tech, item, t.Add(w.between(4*time.Minute, 25*time.Minute)), Resumed).Add(length / 2)
	default:
		t = t.Add(length)
	}
	if c.n == nUndo {
		wrong := w.action(c, bay, tech, "FNSH", t.Add(-110*time.Second))
		w.action(c, bay, tech, "VND0", wrong.Add(w.between(10*time.Second, 80*time.Second)))
	}
	if second != "" {
		t2 := w.action(c, bay, second, "FNSH", t.Add(-2*time.Minute), Fact{What: Finished, Tech: second})
		w.people[second] = t2.Add(time.Minute)
	}
	return w.action(c, bay, tech, "FNSH", t, Fact{What: Finished, Tech: tech, Item: item}), true
}

func pause(n int) (action, reason string) {
	return []string{"PRTS", "ATHR", "BREK"}[n], []string{"parts", "authority", "break"}[n]
}

func without(all []string, one string) (rest []string) {
	for _, x := range all {
		if x != one {
			rest = append(rest, x)
		}
	}
	return rest
}

// added is 追加维修项目: the technician waits for the customer's word, the
// adviser gets it and revises the promise.
func (w *writer) added(c *car, bay, tech string, item int, t time.Time) time.Time {
	t = w.action(c, bay, tech, "ATHR", t, Fact{What: Paused, Tech: tech, Item: item, Reason: "authority"})
	extra := Menu()[5]
	t = w.do(t.Add(w.between(2*time.Minute, 8*time.Minute)), Step{Act: AddItems, Visit: c.visit, Person: c.adviser, Items: []Item{extra}, Reason: "phone"}, Fact{What: Added, Categories: []string{extra.Category}})
	due := w.s.Steps[c.step].Due.Add(45 * time.Minute)
	yes := c.n == nAdded
	t = w.do(t.Add(30*time.Second), Step{Act: Revise, Visit: c.visit, Person: c.adviser, Due: due, Reason: "added_items", Consent: yes}, Fact{What: Revised, Due: due, Consent: yes})
	return w.card(c, bay, tech, item, t.Add(w.between(time.Minute, 6*time.Minute)), Resumed)
}

// switches is a technician who leaves a running car for a quick one and comes
// back. The quick one is in a bay that happens to be free; if none is, he stays.
func (w *writer) switches(c *car, bay, tech string, item int, t time.Time) time.Time {
	quick := w.waiting[0]
	other, free := first(w.bays, without(workBays(), bay), t)
	if free.After(t) || quick.signed.After(t.Add(-2*time.Minute)) {
		return t
	}
	w.waiting = w.waiting[1:]
	t = w.do(t, Step{Act: ScanTicket, Place: other, Visit: quick.visit, Tech: tech, Good: true}, Fact{What: Started, Tech: tech})
	left := &w.s.Steps[len(w.s.Steps)-1]
	left.Facts = append(left.Facts, Fact{What: Paused, Visit: c.visit, At: t, Tech: tech, Item: item, Reason: "switched"})
	end := w.action(quick, other, tech, "FNSH", t.Add(w.between(12*time.Minute, 25*time.Minute)), Fact{What: Finished, Tech: tech})
	passed := w.inspect(quick, other, tech, end)
	w.bays[other] = passed.Add(2 * time.Minute)
	w.hand(quick, passed)
	return w.card(c, bay, tech, item, end.Add(time.Minute), Resumed)
}

// inspect writes the final inspection; of nFails the first one fails.
func (w *writer) inspect(c *car, bay, tech string, t time.Time) time.Time {
	who := Inspectors()[c.n%2]
	if c.n == nForgottenFor {
		who = Inspectors()[0] // the card would start a job for somebody who also repairs: this car never became ready
	}
	at := t.Add(w.between(time.Minute, 6*time.Minute))
	if c.n == nFails {
		at = w.pass(c, bay, who, "FA11", at, Fact{What: Failed})
		start := w.card(c, bay, tech, 0, at.Add(w.between(2*time.Minute, 6*time.Minute)), Started)
		end := w.action(c, bay, tech, "FNSH", start.Add(w.between(8*time.Minute, 20*time.Minute)), Fact{What: Finished, Tech: tech})
		w.people[tech] = end.Add(time.Minute)
		at = end.Add(w.between(time.Minute, 6*time.Minute))
	}
	at = w.pass(c, bay, who, "PASS", at, Fact{What: Passed})
	minute := at.Truncate(time.Minute)
	switch c.n {
	case nExact:
		w.promise(c, minute)
	case nLate:
		w.promise(c, minute.Add(-10*time.Minute)) // still after the signing: the shortest work takes longer
	case nHandedLate:
		w.promise(c, minute.Add(2*time.Minute))
	case nRevisedLate:
		first := minute.Add(-5 * time.Minute)
		w.promise(c, first)
		w.do(c.signed.Add(time.Minute), Step{Act: Revise, Visit: c.visit, Person: c.adviser, Due: minute.Add(30 * time.Minute), Reason: "parts", Consent: true}, Fact{What: Revised, Due: minute.Add(30 * time.Minute), Consent: true})
	}
	return at
}

// pass is the inspector's card (the ticket first, so that it is surely this
// car) and the result.
func (w *writer) pass(c *car, bay, who, action string, t time.Time, f Fact) time.Time {
	t = w.do(t, Step{Act: ScanTicket, Place: bay, Visit: c.visit, Tech: who, Good: true})
	return w.do(t.Add(gap), Step{Act: ScanAction, Place: bay, Visit: c.visit, Tech: who, Action: action, Good: true}, f)
}

// washAt takes the first minute from t on in which nobody else is at the wash.
func (w *writer) washAt(t time.Time) time.Time {
	t = t.Truncate(time.Minute)
	for w.washes[t.Unix()] {
		t = t.Add(time.Minute)
	}
	w.washes[t.Unix()] = true
	return t.Add(w.between(time.Second, 8*time.Second))
}

// hand is wash, call, pick-up and delivery.
func (w *writer) hand(c *car, t time.Time) {
	t = w.do(w.washAt(t.Add(w.between(2*time.Minute, 5*time.Minute))), Step{Act: ScanTicket, Place: WashBay, Visit: c.visit, Tech: Washer, Good: true})
	t = w.do(t.Add(w.between(5*time.Second, 30*time.Second)), Step{Act: ScanAction, Place: WashBay, Visit: c.visit, Tech: Washer, Action: "WASH", Good: true}, Fact{What: Washed})
	t = w.do(t.Add(w.between(time.Minute, 3*time.Minute)), Step{Act: Call, Visit: c.visit, Person: c.adviser, Text: "desk"})
	if c.n%4 == 1 {
		t = w.do(t.Add(w.between(time.Minute, 10*time.Minute)), Step{Act: ScanTicket, Place: "reception", Visit: c.visit, Good: true})
	}
	c.gone = w.do(t.Add(w.between(2*time.Minute, 20*time.Minute)), Step{Act: Deliver, Visit: c.visit, Person: c.adviser}, Fact{What: Delivered})
	if c.n%7 != 4 && c.n != nIdentified {
		w.done = append(w.done, c)
	}
}
