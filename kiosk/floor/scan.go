package floor

import (
	"errors"
	"slices"
	"strings"

	"baylight/kiosk"
	"baylight/kiosk/vin"
	"baylight/kiosk/words"
)

// maxScan bounds what is kept of a scan that is no code of ours.
const maxScan = 256

// Reasons of scan.rejected.
const (
	rejectMalformed = "malformed"       // no text at all
	rejectScanner   = "unknown_scanner" // no place in the configuration
	rejectUnknown   = "unknown_code"
	rejectCheck     = "check" // form of a code, wrong check character
	rejectStore     = "other_store"
	rejectBadge     = "unknown_badge"
	rejectAction    = "unknown_action"
	rejectConfirm   = "confirm" // a VIN whose check digit fails: a person must confirm
	rejectSeveral   = "several_vehicles"
)

func rejection(reason string) Reply {
	r := bad(words.Key("floor.rejected." + reason))
	r.Confirm = reason == rejectConfirm
	return r
}

// heardCode takes one scan.
func (x *step) heardCode(in Scan) Reply {
	x.identify(in.ID)
	place, known := x.cfg.Scanners[in.Scanner]
	x.place = place
	if r, seen := x.again(); seen {
		return r
	}
	code, err := kiosk.ParseCode(in.Text)
	x.scan = &kiosk.ScanRecord{Symbology: bounded(in.Symbology, 32), Scanner: bounded(in.Scanner, 64)}
	if err == nil && code.Store == x.cfg.StoreTag {
		x.scan.Text = strings.ToUpper(in.Text) // as it is on paper
	} else {
		x.scan.Keyed = kiosk.Keyed(x.cfg.Key, in.Text)
	}
	if in.Repeated > 1 {
		x.emit(&kiosk.ScanRepeated{Scanner: x.scan.Scanner, Times: in.Repeated})
		return x.here(Reply{Warn: true, Message: words.Say("floor.scan_repeated")})
	}
	if h, ok := x.heard[x.scan.Scanner]; ok && x.now.Since(h.at) < SameScan && sameCode(h.entry.event.Data.Common().Scan, x.scan) {
		return x.repeat(h.entry)
	}
	switch {
	case in.Malformed != "":
		return x.reject(rejectMalformed, in.Text)
	case !known:
		return x.reject(rejectScanner, in.Text)
	case errors.Is(err, kiosk.ErrCheck):
		return x.reject(rejectCheck, in.Text)
	case slices.Contains(Refusals(), in.Refused):
		return x.reject(in.Refused, in.Text)
	case err != nil:
		return x.here(x.vehicle(in))
	case code.Store != x.cfg.StoreTag:
		return x.reject(rejectStore, in.Text)
	}
	return x.here(x.code(code, in.Text))
}

func sameCode(a, b *kiosk.ScanRecord) bool { return a.Text == b.Text && a.Keyed == b.Keyed }

func (x *step) here(r Reply) Reply {
	r.Place = x.place
	return r
}

// reject records a scan that means nothing here. Unless it is a code of our own
// its bytes go to the person part: they may be anything, also somebody's name.
func (x *step) reject(reason, text string) Reply {
	e := &kiosk.ScanRejected{Bay: x.place, Meta: kiosk.Meta{Reason: reason}}
	if x.scan.Text != "" {
		x.emit(e)
	} else {
		x.emit(e, kiosk.Person{Text: bounded(text, maxScan)})
	}
	return x.here(rejection(reason))
}

// code takes a code of our own store.
func (x *step) code(c kiosk.Code, text string) Reply {
	_, isBay := x.places[x.place]
	switch {
	case c.Kind == kiosk.KindBadge:
		p, ok := x.cfg.Staff.Badge(c.ID)
		if !ok {
			return x.reject(rejectBadge, text)
		}
		return x.badge(p)
	case c.Kind == kiosk.KindAction && !knownAction(c.Action()):
		return x.reject(rejectAction, text)
	case c.Kind == kiosk.KindAction && c.Action() == kiosk.Help:
		return x.help()
	case c.Kind == kiosk.KindAction && !isBay:
		return x.unmatched(c.Action(), unmatchedNoBay)
	case c.Kind == kiosk.KindAction:
		return x.act(c.Action())
	case isBay:
		return x.card(c.ID, c.Item)
	case x.place == Reception:
		return x.ticketAtReception(c.ID)
	}
	flags := x.unknown(c.ID)
	x.emit(&kiosk.CardScanned{Bay: x.place, Visit: c.ID, Item: c.Item, Meta: kiosk.Meta{Flags: flags}})
	return x.about(c.ID, x.told("floor.selected", c.ID, flags))
}

func knownAction(a kiosk.Action) bool {
	for _, k := range kiosk.Actions() {
		if a == k {
			return true
		}
	}
	return false
}

// atCounter says whether a vehicle's own label means a check-in here.
func (x *step) atCounter() bool { return x.place == Reception || x.place == Desk }

// vehicle takes a text that is no code of ours: at the counter a booking, a VIN
// or a plate checks in, anywhere else it means nothing.
func (x *step) vehicle(in Scan) Reply {
	if !x.atCounter() {
		return x.reject(rejectUnknown, in.Text)
	}
	a, reason := carOf(in.Text)
	a.form, a.means, a.booking = in.CheckIn, "scan", in.Booking
	if x.place == Desk {
		a.means = "desk"
	}
	switch {
	case reason == rejectUnknown && in.Booking != nil: // the customer's own code
	case reason != "":
		return x.reject(reason, in.Text)
	}
	if x.place == Reception && in.Ask {
		return x.presented(a)
	}
	if b := in.Booking; b != nil && a.form.Purpose == "" {
		a.form.Purpose = b.Purpose
	}
	a.form = a.form.tidy()
	if _, ok := x.useBooking(a); !ok && x.openVisit(x.vehicleOf(a), string(a.plate), a.booking) == nil {
		return x.reject(rejectBookingUsed, "")
	}
	return x.checkIn(a)
}

// carOf is the car that a text speaks of, or why it speaks of none.
func carOf(text string) (a arrival, reason string) {
	v, finding, err := vin.Parse(text)
	if err != nil {
		switch found := vin.Candidates(text); len(found) {
		case 0:
			plate, form, err := vin.ParsePlate(text)
			if err != nil || form == vin.Unusual {
				return a, rejectUnknown
			}
			return arrival{plate: plate}, ""
		case 1:
			v, finding, _ = vin.Parse(string(found[0]))
		default:
			return a, rejectSeveral
		}
	}
	if finding.Kind == vin.Confirm {
		return a, rejectConfirm
	}
	return arrival{vin: v}, ""
}

// ticketAtReception is a customer with a ticket: back for the car.
func (x *step) ticketAtReception(visit string) Reply {
	v := x.look(visit)
	if !v.Open() {
		x.emit(&kiosk.CardScanned{Bay: x.place, Visit: visit, Meta: kiosk.Meta{Flags: []kiosk.Flag{kiosk.AfterDelivery}}})
		r := good("floor.visit_over", x.name(visit))
		r.Warn = true
		return x.about(visit, r)
	}
	if x.records[visit] == nil && kiosk.DaysSince(visit, x.t) >= oldTicket {
		x.emit(&kiosk.CardScanned{Bay: x.place, Visit: visit, Meta: kiosk.Meta{Flags: x.unknown(visit)}})
		r := good("floor.ticket_expired")
		r.Warn = true
		return r
	}
	r := good("floor.pickup", x.name(visit))
	flags := x.unknown(visit)
	r.Warn = len(flags) > 0
	x.emit(&kiosk.PickupRequested{Visit: visit, Meta: kiosk.Meta{Flags: flags}})
	return x.about(visit, r)
}

// about names the visit of a reply.
func (x *step) about(visit string, r Reply) Reply {
	r.Visit = visit
	return r
}

// name is what people call a visit: its ticket number, or the end of its code if
// it was checked in elsewhere.
func (s *State) name(visit string) string {
	if v := s.look(visit); v.Ticket != "" {
		return v.Ticket
	}
	return "#" + visit[max(0, len(visit)-4):]
}

// where is the name of a bay, or the id of any other place.
func (s *State) where(place string) string {
	if b, ok := s.places[place]; ok && b.Name != "" {
		return b.Name
	}
	return strings.ToUpper(place)
}
