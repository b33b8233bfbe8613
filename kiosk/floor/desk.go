package floor

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/staff"
	"baylight/kiosk/words"
)

// counter may do an adviser's work, leaders may correct what happened.
func counter() []staff.Role { return []staff.Role{staff.Adviser, staff.Manager} }
func leaders() []staff.Role { return []staff.Role{staff.Supervisor, staff.Manager} }

// Bounds of an order.
const (
	maxItems    = 30 // in one action
	maxNo       = 99 // on one order
	maxMinutes  = 6000
	maxCode     = 32 // bytes
	maxItemText = 200
	maxAhead    = 366 * 24 * time.Hour // of a promise
)

// consents lists how a customer may agree.
func consents() []string { return []string{"signature", "phone", "message", "other"} }

// may says whether a person is known here and has one of the roles (any if none
// is named).
func (x *step) may(by string, roles ...staff.Role) bool {
	p, ok := x.cfg.Staff.Person(by)
	return ok && (len(roles) == 0 || p.Has(roles...))
}

// action takes an input from a screen. What is refused leaves no event.
func (x *step) action(in Input) Reply {
	id, run := x.screen(in)
	x.identify(id)
	if r, seen := x.again(); seen {
		return r
	}
	if run == nil {
		return bad("floor.bad_input", "")
	}
	r := run()
	if r.Place == "" {
		r.Place = x.place
	}
	return r
}

// screen is an input's id and what it does.
func (x *step) screen(in Input) (id string, run func() Reply) {
	switch in := in.(type) {
	case CheckIn:
		return in.ID, func() Reply { return x.typed(in) }
	case Confirm:
		return in.ID, func() Reply { return x.confirm(in) }
	case Pickup:
		return in.ID, func() Reply { return x.pickup(in) }
	case CallHelp:
		return in.ID, func() Reply { return x.callHelp(in) }
	case ClearHelp:
		return in.ID, func() Reply { return x.clearHelp(in) }
	case Reprint:
		return in.ID, func() Reply { return x.reprint(in) }
	case StateFinish:
		return in.ID, func() Reply { return x.stateFinish(in) }
	case Void:
		return in.ID, func() Reply { return x.void(in) }
	}
	return x.adviser(in)
}

// adviser is what an adviser does with an open visit.
func (x *step) adviser(in Input) (id string, run func() Reply) {
	var by, visit string
	var do func(*kiosk.Visit) Reply
	switch in := in.(type) {
	case Identify:
		id, by, visit, do = in.ID, in.By, in.Visit, func(v *kiosk.Visit) Reply { return x.identifyVehicle(in) }
	case Accept:
		id, by, visit, do = in.ID, in.By, in.Visit, func(v *kiosk.Visit) Reply { return x.accept(in, v) }
	case Sign:
		id, by, visit, do = in.ID, in.By, in.Visit, func(v *kiosk.Visit) Reply { return x.sign(in, v) }
	case AddItems:
		id, by, visit, do = in.ID, in.By, in.Visit, func(v *kiosk.Visit) Reply { return x.addItems(in, v) }
	case Revise:
		id, by, visit, do = in.ID, in.By, in.Visit, func(v *kiosk.Visit) Reply { return x.revise(in, v) }
	case CancelOrder:
		id, by, visit, do = in.ID, in.By, in.Visit, func(v *kiosk.Visit) Reply { return x.cancel(in, v) }
	case Close:
		id, by, visit, do = in.ID, in.By, in.Visit, func(*kiosk.Visit) Reply { return x.closeVisit(in) }
	case Call:
		id, by, visit, do = in.ID, in.By, in.Visit, func(*kiosk.Visit) Reply { return x.call(in) }
	case Deliver:
		id, by, visit, do = in.ID, in.By, in.Visit, func(v *kiosk.Visit) Reply { return x.deliver(in, v) }
	default:
		return "", nil
	}
	return id, func() Reply {
		v := x.look(visit)
		switch {
		case !x.may(by, counter()...):
			return bad("floor.not_allowed")
		case !x.has(visit):
			return bad("floor.no_visit")
		case !v.Open():
			return x.about(visit, bad("floor.visit_over", x.name(visit)))
		}
		x.place = Desk
		return x.about(visit, do(v))
	}
}

func (x *step) identifyVehicle(in Identify) Reply {
	v, r := readVIN(in.VIN, in.Confirmed)
	if v == "" {
		return r
	}
	x.emit(&kiosk.Identified{Visit: in.Visit, Vehicle: x.keyed(v), Means: "desk", Meta: kiosk.Meta{By: in.By}}, kiosk.Person{VIN: string(v)})
	return good("floor.identified", x.name(in.Visit))
}

func (x *step) accept(in Accept, v *kiosk.Visit) Reply {
	if v.Adviser != in.By {
		x.emit(&kiosk.Accepted{Visit: in.Visit, Adviser: in.By, Meta: kiosk.Meta{By: in.By}})
	}
	return good("floor.accepted", x.name(in.Visit))
}

func (x *step) sign(in Sign, v *kiosk.Visit) Reply {
	items, wrong := numbered(in.Items, 0)
	if wrong != "" {
		return bad(wrong)
	}
	e := &kiosk.Signed{Visit: in.Visit, Order: "o-" + in.Visit, Adviser: in.By, Items: items, Meta: kiosk.Meta{By: in.By}}
	if !in.Promise.IsZero() {
		p, ok := x.promise(in.Promise, v)
		if !ok {
			return bad("floor.bad_promise")
		}
		e.Promise = &p
	}
	key := words.Key("floor.signed")
	if v.Order != nil {
		key, e.Flags = "floor.odd.second_order", []kiosk.Flag{kiosk.SecondOrder}
		e.Order += "-" + strconv.Itoa(x.signed(in.Visit)+1)
	}
	x.emit(e)
	r := good(key, x.name(in.Visit))
	r.Warn = len(e.Flags) > 0
	return r
}

// promise is a delivery time as events hold it; ok is false if it cannot be one.
func (x *step) promise(p time.Time, v *kiosk.Visit) (time.Time, bool) {
	p = p.Round(0).Truncate(time.Second)
	ok := !p.Before(v.Arrived) && p.After(time.Unix(0, 0)) && p.Before(x.t.Add(maxAhead))
	return p.In(x.cfg.Calendar.Zone), ok
}

// numbered checks items and numbers them after the last one.
func numbered(items []kiosk.Item, last int) ([]kiosk.Item, words.Key) {
	if len(items) == 0 {
		return nil, "floor.no_items"
	}
	if len(items) > maxItems || last+len(items) > maxNo {
		return nil, "floor.too_many_items"
	}
	out := slices.Clone(items)
	for i := range out {
		it := &out[i]
		switch {
		case it.Code == "" || len(it.Code) > maxCode || bounded(it.Code, maxCode) != it.Code,
			len(it.Text) > maxItemText,
			!slices.Contains(kiosk.Categories(), it.Category),
			!slices.Contains(kiosk.Payers(), it.Payer),
			it.StandardMinutes < 0 || it.StandardMinutes > maxMinutes:
			return nil, "floor.bad_item"
		}
		it.Text, it.No = bounded(it.Text, maxItemText), last+i+1
	}
	return out, ""
}

func (x *step) addItems(in AddItems, v *kiosk.Visit) Reply {
	switch {
	case !v.Order.InForce():
		return bad("floor.no_order")
	case !slices.Contains(consents(), in.ConsentHow):
		return bad("floor.no_consent")
	}
	last := 0
	for _, it := range v.Order.Items {
		last = max(last, it.No)
	}
	items, wrong := numbered(in.Items, last)
	if wrong != "" {
		return bad(wrong)
	}
	x.emit(&kiosk.ItemsAdded{Visit: in.Visit, Items: items, Adviser: in.By, Consent: kiosk.Consent{How: in.ConsentHow, By: in.By}, Meta: kiosk.Meta{By: in.By}})
	return good("floor.items_added", x.name(in.Visit))
}

func (x *step) revise(in Revise, v *kiosk.Visit) Reply {
	p, ok := x.promise(in.Promise, v)
	switch {
	case !v.Order.InForce():
		return bad("floor.no_order")
	case in.Promise.IsZero() || !ok:
		return bad("floor.bad_promise")
	case !slices.Contains(kiosk.RevisionReasons(), in.Reason):
		return bad("floor.bad_reason")
	case in.Consent && !slices.Contains(consents(), in.ConsentHow):
		return bad("floor.no_consent")
	case !in.Consent:
		in.ConsentHow = ""
	}
	x.emit(&kiosk.PromiseRevised{Visit: in.Visit, Promise: p, Consent: in.Consent, ConsentHow: in.ConsentHow, Meta: kiosk.Meta{By: in.By, Reason: in.Reason}})
	return good("floor.revised", x.name(in.Visit), p.Format("01-02 15:04"))
}

func (x *step) cancel(in CancelOrder, v *kiosk.Visit) Reply {
	if !v.Order.InForce() {
		return bad("floor.no_order")
	}
	reason, person, ok := said(in.Reason)
	if !ok {
		return bad("floor.bad_reason")
	}
	x.emit(&kiosk.OrderCancelled{Visit: in.Visit, Meta: kiosk.Meta{By: in.By, Reason: reason}}, person)
	return good("floor.cancelled", x.name(in.Visit))
}

func (x *step) closeVisit(in Close) Reply {
	if !slices.Contains(kiosk.Outcomes(), in.Outcome) {
		return bad("floor.bad_reason")
	}
	reason, person, _ := said(in.Reason)
	x.emit(&kiosk.Closed{Visit: in.Visit, Outcome: in.Outcome, Meta: kiosk.Meta{By: in.By, Reason: reason}}, person)
	return good("floor.closed", x.name(in.Visit))
}

func (x *step) call(in Call) Reply {
	if in.Place == "" || len(in.Place) > 32 {
		return bad("floor.bad_place")
	}
	x.emit(&kiosk.Called{Visit: in.Visit, Place: bounded(in.Place, 32), Meta: kiosk.Meta{By: in.By}})
	return good("floor.called", x.name(in.Visit), bounded(in.Place, 32))
}

func (x *step) deliver(in Deliver, v *kiosk.Visit) Reply {
	key, m := words.Key("floor.delivered"), kiosk.Meta{By: in.By}
	if slices.ContainsFunc(v.Works, func(w *kiosk.Work) bool { return w.Open(x.t) }) {
		key, m.Flags = "floor.delivered_open", []kiosk.Flag{kiosk.WorkOpen}
	} else if v.Passed.IsZero() {
		key = "floor.delivered_uninspected" // the fold sees and flags it
	}
	x.emit(&kiosk.Delivered{Visit: in.Visit, Adviser: in.By, Meta: m})
	r := good(key, x.name(in.Visit))
	r.Warn = key != "floor.delivered"
	return r
}

func (x *step) pickup(in Pickup) Reply {
	v := x.look(in.Visit)
	x.place = Reception
	switch {
	case !x.has(in.Visit):
		return bad("floor.no_visit")
	case !v.Open():
		return x.about(in.Visit, bad("floor.visit_over", x.name(in.Visit)))
	}
	x.emit(&kiosk.PickupRequested{Visit: in.Visit})
	return x.about(in.Visit, good("floor.pickup", x.name(in.Visit)))
}

// isPlace says whether help can be called to a place.
func (x *step) isPlace(place string) bool {
	_, isBay := x.places[place]
	return isBay || place == Reception || place == Desk
}

func (x *step) callHelp(in CallHelp) Reply {
	switch {
	case !x.isPlace(in.Place):
		return bad("floor.bad_place")
	case in.By != "" && !x.may(in.By):
		return bad("floor.not_allowed")
	}
	x.place = in.Place
	x.emit(&kiosk.HelpCalled{Bay: in.Place, Meta: kiosk.Meta{By: in.By}})
	return good("floor.help", x.where(in.Place))
}

func (x *step) clearHelp(in ClearHelp) Reply {
	switch {
	case !x.isPlace(in.Place):
		return bad("floor.bad_place")
	case !x.may(in.By):
		return bad("floor.not_allowed")
	}
	x.place = in.Place
	if x.bay(in.Place).help {
		x.emit(&kiosk.HelpCleared{Bay: in.Place, Meta: kiosk.Meta{By: in.By}})
	}
	return good("floor.help_cleared", x.where(in.Place))
}

func (x *step) reprint(in Reprint) Reply {
	switch {
	case !x.may(in.By):
		return bad("floor.not_allowed")
	case in.Visit != "" && !x.has(in.Visit):
		return bad("floor.no_visit")
	case in.Document == "" || len(in.Document) > 64 || strings.ContainsFunc(in.Document, func(r rune) bool { return r != '-' && !isAlnum(r) }):
		return bad("floor.bad_input", bounded(in.Document, 64))
	}
	x.emit(&kiosk.TicketReprinted{Paper: kiosk.Paper{Document: in.Document, Printer: bounded(in.Printer, 64), Visit: in.Visit, Meta: kiosk.Meta{By: in.By}}})
	return x.about(in.Visit, good("floor.reprint", x.name(in.Visit)))
}

// stateFinish supplies a finish nobody carded: of the last job that began before
// the stated time, so that a job begun since is left alone.
func (x *step) stateFinish(in StateFinish) Reply {
	at := in.At.Round(0).Truncate(time.Second)
	reason, person, ok := said(in.Reason)
	switch {
	case !x.may(in.By, leaders()...):
		return bad("floor.not_allowed")
	case !x.has(in.Visit):
		return bad("floor.no_visit")
	case !ok:
		return bad("floor.bad_reason")
	case at.After(x.t):
		return bad("floor.bad_time")
	}
	var w *kiosk.Work
	for _, j := range x.look(in.Visit).Works {
		if j.Technician == in.Technician && j.Item == in.Item && j.Finished.IsZero() && j.Start().Before(at) {
			w = j
		}
	}
	if w == nil {
		return x.about(in.Visit, bad("floor.no_open_job", x.name(in.Visit)))
	}
	at = at.In(x.cfg.Calendar.Zone)
	x.emit(&kiosk.Finished{Job: w.Job, Meta: kiosk.Meta{At: &at, By: in.By, Reason: reason}}, person)
	return x.about(in.Visit, good("floor.finish_stated", x.name(in.Visit), at.Format("01-02 15:04")))
}

// void takes an event back that concerned a visit or a bay.
func (x *step) void(in Void) Reply {
	n := x.byID[in.Event]
	reason, person, ok := said(in.Reason)
	switch {
	case !x.may(in.By, leaders()...):
		return bad("floor.not_allowed")
	case n == nil:
		return bad("floor.no_event")
	case !ok:
		return bad("floor.bad_reason")
	case n.voided:
		return x.about(n.visit, good("floor.same"))
	}
	switch n.event.Data.(type) {
	case *kiosk.BadgeScanned, *kiosk.HelpCalled, *kiosk.HelpCleared:
	case *kiosk.Voided:
		return bad("floor.no_event")
	default:
		if n.visit == "" {
			return bad("floor.no_event")
		}
	}
	x.emit(&kiosk.Voided{Event: in.Event, Meta: kiosk.Meta{By: in.By, Reason: reason}}, person)
	return x.about(n.visit, good("floor.voided"))
}

// said is a reason: one from a list stays in the event, what a person wrote goes
// to the person part. ok is false if none was given.
func said(reason string) (string, kiosk.Person, bool) {
	switch {
	case strings.TrimSpace(reason) == "":
		return "", kiosk.Person{}, false
	case len(reason) <= 32 && strings.Trim(reason, "abcdefghijklmnopqrstuvwxyz_") == "":
		return reason, kiosk.Person{}, true
	}
	return "other", kiosk.Person{Text: bounded(reason, maxText)}, true
}
