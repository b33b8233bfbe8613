package screen

import (
	"slices"

	"baylight/kiosk"
	"baylight/kiosk/floor"
	"baylight/kiosk/staff"
	"baylight/kiosk/words"
)

// action is something a person can do at the desk: who may, and how its fields
// become an input.
type action struct {
	roles []staff.Role
	build func(f fields, id, by string) (floor.Input, error)
}

// actions are all actions of the desk by the last part of their address.
func actions() map[string]action {
	desk := []staff.Role{staff.Adviser, staff.Manager}
	correct := []staff.Role{staff.Supervisor, staff.Manager}
	anyone := []staff.Role{staff.Adviser, staff.Supervisor, staff.Manager}
	return map[string]action{
		"checkin":   {desk, deskCheckIn},
		"identify":  {desk, identify},
		"accept":    {desk, accept},
		"sign":      {desk, sign},
		"add":       {desk, addItems},
		"revise":    {desk, revise},
		"cancel":    {desk, cancelOrder},
		"close":     {desk, closeVisit},
		"call":      {desk, call},
		"pickup":    {desk, deskPickup},
		"deliver":   {desk, deliver},
		"reprint":   {anyone, reprint},
		"help":      {anyone, callHelp},
		"clearhelp": {anyone, clearHelp},
		"finish":    {correct, stateFinish},
		"void":      {correct, void},
	}
}

// consents lists how a customer may agree.
func consents() []string { return []string{"signature", "phone", "message", "other"} }

// form reads what a customer chose; at the desk also a name and a phone number.
func form(f fields) (floor.CheckInForm, error) {
	var c floor.CheckInForm
	var err error
	if f.values.Get("purpose") != "" {
		if c.Purpose, err = f.one("purpose", kiosk.Purposes()); err != nil {
			return c, err
		}
	}
	c.Waiting = f.yes("waiting")
	c.Language = words.ZH
	if f.values.Get("lang") == string(words.EN) || f.values.Get("language") == string(words.EN) {
		c.Language = words.EN
	}
	for name, to := range map[string]*string{"phone": &c.Phone, "name": &c.Name} {
		if *to, err = f.text(name, maxWord); err != nil {
			return c, err
		}
	}
	c.Text, err = f.text("text", maxText)
	return c, err
}

// customerCheckIn is a typed plate. Its booking counts unless the customer said
// that it is another's.
func (h *handler) customerCheckIn(f fields, id string) (floor.Input, error) {
	plate, err := f.need("plate", maxWord)
	if err != nil {
		return nil, err
	}
	in := floor.CheckIn{ID: id, Plate: plate}
	if f.values.Get("booked") != "no" {
		in.Booking = h.st.Expected(plate)
	}
	in.Form, err = customerForm(f)
	return in, err
}

func deskCheckIn(f fields, id, by string) (floor.Input, error) {
	plate, err := f.text("plate", maxWord)
	if err != nil {
		return nil, err
	}
	vin, err := f.text("vin", maxWord)
	if err != nil {
		return nil, err
	}
	if plate == "" && vin == "" {
		return nil, bad("plate", "screen.bad.missing", f.label("plate"))
	}
	c, err := form(f)
	return floor.CheckIn{ID: id, By: by, Plate: plate, VIN: vin, Confirmed: f.yes("confirmed"), Form: c}, err
}

func identify(f fields, id, by string) (floor.Input, error) {
	visit, err := f.visit()
	if err != nil {
		return nil, err
	}
	vin, err := f.need("vin", maxWord)
	return floor.Identify{ID: id, By: by, Visit: visit, VIN: vin, Confirmed: f.yes("confirmed")}, err
}

func accept(f fields, id, by string) (floor.Input, error) {
	visit, err := f.visit()
	return floor.Accept{ID: id, By: by, Visit: visit}, err
}

func sign(f fields, id, by string) (floor.Input, error) {
	visit, err := f.visit()
	if err != nil {
		return nil, err
	}
	items, err := f.items()
	if err != nil {
		return nil, err
	}
	promise, err := f.when("promise")
	return floor.Sign{ID: id, By: by, Visit: visit, Items: items, Promise: promise}, err
}

func addItems(f fields, id, by string) (floor.Input, error) {
	visit, err := f.visit()
	if err != nil {
		return nil, err
	}
	items, err := f.items()
	if err != nil {
		return nil, err
	}
	how, err := f.one("how", consents())
	return floor.AddItems{ID: id, By: by, Visit: visit, Items: items, ConsentHow: how}, err
}

func revise(f fields, id, by string) (floor.Input, error) {
	visit, err := f.visit()
	if err != nil {
		return nil, err
	}
	promise, err := f.when("promise")
	if err != nil {
		return nil, err
	}
	if promise.IsZero() {
		return nil, bad("promise", "screen.bad.missing", f.label("promise"))
	}
	reason, err := f.one("reason", kiosk.RevisionReasons())
	if err != nil {
		return nil, err
	}
	in := floor.Revise{ID: id, By: by, Visit: visit, Promise: promise, Reason: reason, Consent: f.yes("consent")}
	if in.Consent {
		in.ConsentHow, err = f.one("how", consents())
	}
	return in, err
}

func cancelOrder(f fields, id, by string) (floor.Input, error) {
	visit, err := f.visit()
	if err != nil {
		return nil, err
	}
	reason, err := f.need("reason", maxText)
	return floor.CancelOrder{ID: id, By: by, Visit: visit, Reason: reason}, err
}

func closeVisit(f fields, id, by string) (floor.Input, error) {
	visit, err := f.visit()
	if err != nil {
		return nil, err
	}
	outcome, err := f.one("outcome", kiosk.Outcomes())
	if err != nil {
		return nil, err
	}
	reason, err := f.text("reason", maxText)
	return floor.Close{ID: id, By: by, Visit: visit, Outcome: outcome, Reason: reason}, err
}

func call(f fields, id, by string) (floor.Input, error) {
	visit, err := f.visit()
	if err != nil {
		return nil, err
	}
	place, err := f.one("place", []string{floor.Desk, floor.Reception})
	return floor.Call{ID: id, By: by, Visit: visit, Place: place}, err
}

func deskPickup(f fields, id, _ string) (floor.Input, error) {
	visit, err := f.visit()
	return floor.Pickup{ID: id, Visit: visit}, err
}

func deliver(f fields, id, by string) (floor.Input, error) {
	visit, err := f.visit()
	return floor.Deliver{ID: id, By: by, Visit: visit}, err
}

func reprint(f fields, id, by string) (floor.Input, error) {
	visit, err := f.visit()
	if err != nil {
		return nil, err
	}
	document, err := f.text("document", maxWord)
	if document == "" {
		document = "ticket-" + visit // ticket.TicketID
	}
	return floor.Reprint{ID: id, By: by, Visit: visit, Document: document}, err
}

func callHelp(f fields, id, by string) (floor.Input, error) {
	place, err := f.need("place", maxWord)
	return floor.CallHelp{ID: id, By: by, Place: place}, err
}

func clearHelp(f fields, id, by string) (floor.Input, error) {
	place, err := f.need("place", maxWord)
	return floor.ClearHelp{ID: id, By: by, Place: place}, err
}

func stateFinish(f fields, id, by string) (floor.Input, error) {
	visit, err := f.visit()
	if err != nil {
		return nil, err
	}
	technician, err := f.text("technician", maxWord)
	if err != nil {
		return nil, err
	}
	item, err := f.number("number")
	if err != nil {
		return nil, err
	}
	at, err := f.when("at")
	if err != nil {
		return nil, err
	}
	if at.IsZero() {
		return nil, bad("at", "screen.bad.missing", f.label("at"))
	}
	reason, err := f.need("reason", maxText)
	return floor.StateFinish{ID: id, By: by, Visit: visit, Technician: technician, Item: item, At: at, Reason: reason}, err
}

func void(f fields, id, by string) (floor.Input, error) {
	event, err := f.need("event", 80)
	if err != nil {
		return nil, err
	}
	if _, _, err := kiosk.ParseEventID(event); err != nil {
		return nil, bad("event", "screen.bad.choice", f.label("event"), event)
	}
	reason, err := f.need("reason", maxText)
	return floor.Void{ID: id, By: by, Event: event, Reason: reason}, err
}

// may says whether a person may do an action.
func (a action) may(p staff.Person) bool {
	return slices.ContainsFunc(a.roles, func(r staff.Role) bool { return p.Has(r) })
}
