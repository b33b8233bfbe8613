package script

import (
	"slices"
	"time"
)

// What is special about the nth visit of a day. Numbers not named here are
// ordinary: some pauses, by chance, and nothing else.
const (
	nConsultation = 3  // ends without an order
	nLeaves       = 9  // signed, then cancelled
	nTwoAtOnce    = 5  // two technicians on one car, and again every tenth
	nAdded        = 7  // items added, promise revised with consent
	nAddedNo      = 17 // the same, without consent
	nExact        = 11 // inspected in the very minute of its promise
	nLate         = 13 // inspected after it
	nRevisedLate  = 15 // revised with consent, inspected between the two promises
	nHandedLate   = 19 // inspected before, delivered after it
	nFails        = 21 // fails its first inspection
	nUndo         = 23 // finished by mistake, taken back
	nRework       = 25 // a car of the day before comes back for the same item
	nWaits        = 27 // left for a technician to switch to
	nSwitch       = 33 // whose technician switches to it and comes back
	nTwice        = 29 // checks in twice
	nHelp         = 31 // the technician calls for help
	nMidKill      = 35 // the kiosk dies in the middle of its first card
	nForgotten    = 48 // nobody scans the finish; stated the next day
	nForgottenFor = 50 // nobody ever does
	nNoPromise    = 37 // signed without a promise
	nIdentified   = 39 // typed plate, VIN known later
)

// visit writes one visit from arrival to delivery, as far as the day's people
// and bays allow. Work that does not fit goes on the next morning.
func (w *writer) visit(day, n int, t time.Time) {
	c := &car{visit: len(w.s.Visits), day: day, n: n}
	v := Visit{VIN: vin(w.r), Plate: plate(w.r), Day: day}
	if back := w.comesBack(c); back != nil {
		v.VIN, v.Plate, c.rework = w.s.Visits[back.visit].VIN, w.s.Visits[back.visit].Plate, true
		defer func() {
			if !c.signed.IsZero() {
				w.do(c.signed.Add(w.between(time.Minute, 5*time.Minute)), Step{Act: Rework, Visit: c.visit, Other: back.visit, Items: back.items[:1], Person: Manager}, Fact{What: Reworked})
			}
		}()
		c.items = []Item{back.items[0], Menu()[9]}
	}
	w.s.Visits = append(w.s.Visits, v)
	typed := n%7 == 4 || n == nIdentified
	if typed {
		t = w.do(t, Step{Act: TypePlate, Place: "reception", Visit: c.visit, Text: v.Plate}, Fact{What: Arrived})
	} else {
		t = w.do(t, Step{Act: ScanVIN, Place: "reception", Visit: c.visit, Text: v.VIN, Good: true, Twice: n%9 == 2}, Fact{What: Arrived, Vehicle: v.VIN})
	}
	if n == nTwice {
		t = w.do(t.Add(time.Minute), Step{Act: ScanVIN, Place: "reception", Visit: c.visit, Text: v.VIN, Good: true})
	}
	c.adviser = Advisers()[w.r.IntN(3)]
	t = w.do(t.Add(w.between(time.Minute, 8*time.Minute)), Step{Act: Accept, Visit: c.visit, Person: c.adviser}, Fact{What: Accepted})
	if n == nIdentified {
		t = w.do(t.Add(time.Minute), Step{Act: Identify, Visit: c.visit, Person: c.adviser, Text: v.VIN}, Fact{What: Known, Vehicle: v.VIN})
	}
	t = t.Add(w.between(3*time.Minute, 12*time.Minute))
	if n == nConsultation {
		w.do(t, Step{Act: CloseVisit, Visit: c.visit, Person: c.adviser, Reason: "no_order"}, Fact{What: Closed})
		return
	}
	w.sign(c, t)
	if n == nLeaves {
		t = w.do(c.signed.Add(5*time.Minute), Step{Act: Cancel, Visit: c.visit, Person: c.adviser, Reason: "客户改期"}, Fact{What: Cancelled})
		w.do(t.Add(time.Minute), Step{Act: CloseVisit, Visit: c.visit, Person: c.adviser, Reason: "left"}, Fact{What: Closed})
		return
	}
	if n == nWaits {
		w.waiting = append(w.waiting, c)
		return
	}
	w.work(c)
}

// comesBack is a car of an earlier day that returns for the same item.
func (w *writer) comesBack(c *car) *car {
	if c.n != nRework {
		return nil
	}
	for i, old := range w.done {
		if old.day < c.day && !old.rework {
			w.done = slices.Delete(w.done, i, i+1)
			return old
		}
	}
	return nil
}

func (w *writer) sign(c *car, t time.Time) {
	if c.items == nil {
		menu := Menu()[:9]
		for range 1 + w.r.IntN(5)/2 {
			it := menu[w.r.IntN(len(menu))]
			if !slices.Contains(c.items, it) && (len(c.items) == 0 || it.Minutes <= 40) {
				c.items = append(c.items, it)
			}
		}
		if c.n == nWaits || c.n == nSwitch || c.n == nForgotten || c.n == nForgottenFor {
			c.items = menu[3:4]
		}
	}
	std := time.Duration(minutes(c.items)) * time.Minute
	due := t.Add(std + w.between(80*time.Minute, 200*time.Minute)).Truncate(5 * time.Minute)
	f := Fact{What: Signed, Due: due, Consent: true}
	s := Step{Act: Sign, Visit: c.visit, Person: c.adviser, Items: c.items, Due: due}
	if c.n == nNoPromise {
		s.Due, f.Due = time.Time{}, time.Time{}
	}
	for _, it := range c.items {
		if !slices.Contains(f.Categories, it.Category) {
			f.Categories = append(f.Categories, it.Category)
		}
	}
	c.step = len(w.s.Steps)
	c.signed = w.do(t, s, f)
}

func minutes(items []Item) (n int) {
	for _, it := range items {
		n += it.Minutes
	}
	return n
}

// promise moves the promise of a car after the rest of its day is known.
func (w *writer) promise(c *car, due time.Time) {
	s := &w.s.Steps[c.step]
	if s.Due.IsZero() {
		return
	}
	s.Due, s.Facts[0].Due = due, due
}

// rest gives the cars that still wait to the workshop.
func (w *writer) rest() {
	for _, c := range w.waiting {
		w.work(c)
	}
	w.waiting = nil
}
