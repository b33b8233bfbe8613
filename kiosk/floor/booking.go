package floor

import (
	"slices"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/vin"
)

// Booking is a visit the store expects today, as far as a board may know it:
// neither name nor telephone number, the plate masked. It comes in with the
// input that it belongs to: what the store expects is no event.
type Booking struct {
	ID      string
	At      time.Time
	Plate   string // masked, "" if not known
	Vehicle string // keyed VIN, "" if not known
	Purpose string // one of kiosk.Purposes, "" if not said
}

// Asked is what a customer is asked before a visit is opened: whether this is
// the right car, and what for. Nothing of it tells who the customer is.
type Asked struct {
	Event   string    // id of the vehicle.presented that a Confirm names
	Plate   string    // masked, "" if not known
	Tail    string    // last four characters of the VIN, "" if none was scanned
	Booked  time.Time // zero: no booking
	Purpose string    // chosen on the screen or booked, "" if neither
	Waiting bool      // as chosen on the screen
}

// ConfirmWithin is how long a presented vehicle can be confirmed.
const ConfirmWithin = 10 * time.Minute

// oldTicket is from how many days on a ticket of a visit that is not known here
// counts as expired: within that time another board of the store may have it.
const oldTicket = 60

// Refusals are what a caller that knows the store's key and bookings may find
// wrong with a signed code (Scan.Refused); each is a reason of scan.rejected.
func Refusals() []string {
	return []string{RefusedTicketForged, RefusedTicketForeign, RefusedBookingForged, RefusedBookingForeign, RefusedBookingDay, RefusedBookingUnknown}
}

// The refusals.
const (
	RefusedTicketForged   = "ticket_forged"
	RefusedTicketForeign  = "ticket_foreign"
	RefusedBookingForged  = "booking_forged"
	RefusedBookingForeign = "booking_foreign"
	RefusedBookingDay     = "booking_day"     // genuine, for another day
	RefusedBookingUnknown = "booking_unknown" // genuine and for today, but not expected: cancelled, or not yet heard of
	rejectBookingUsed     = "booking_used"
)

// presented asks the customer whether this is the right car. A car that is here
// already is not asked for again.
func (x *step) presented(a arrival) Reply {
	vehicle := x.vehicleOf(a)
	if x.openVisit(vehicle, string(a.plate), a.booking) != nil {
		return x.checkIn(a)
	}
	a, ok := x.useBooking(a)
	if !ok {
		return x.reject(rejectBookingUsed, "")
	}
	who := a.person()
	if who.Plate == "" {
		who.Plate = x.plateOf(vehicle)
	}
	e := &kiosk.Presented{Place: x.place, Vehicle: vehicle, Means: a.means}
	asked := &Asked{Plate: masked(who.Plate), Purpose: a.form.Purpose, Waiting: a.form.Waiting}
	if n := len(a.vin); n > 4 {
		asked.Tail = string(a.vin[n-4:])
	}
	if b := a.booking; b != nil {
		e.Booking, asked.Booked = b.ID, b.At
		if asked.Purpose == "" {
			asked.Purpose = b.Purpose
		}
	}
	asked.Event = kiosk.EventID(x.epoch, x.next)
	x.emit(e, who)
	r := good("floor.presented")
	r.Asked = asked
	return r
}

// confirm opens the visit of a vehicle that was presented lately.
func (x *step) confirm(in Confirm) Reply {
	x.place = Reception
	n := x.byID[in.Event]
	if n == nil {
		return bad("floor.presented_long_ago")
	}
	e, ok := n.event.Data.(*kiosk.Presented)
	if !ok || x.now.Since(n.event.Moment) > ConfirmWithin {
		return bad("floor.presented_long_ago")
	}
	if in.Form.Purpose != "" && !slices.Contains(kiosk.Purposes(), in.Form.Purpose) {
		return bad("floor.bad_input", bounded(in.Form.Purpose, 32))
	}
	who, err := kiosk.DecodePerson(n.event.Person)
	if err != nil && e.Vehicle == "" && e.Booking == "" {
		return bad("floor.presented_long_ago") // erased meanwhile
	}
	a := arrival{vin: vin.VIN(who.VIN), plate: vin.Plate(who.Plate), form: in.Form.tidy(), means: e.Means}
	if e.Booking != "" {
		a.booking = &Booking{ID: e.Booking, Plate: masked(who.Plate), Vehicle: e.Vehicle}
	}
	x.scan = e.Scan // the visit's first event shows the scan it goes back to
	return x.checkIn(a)
}

// vehicleOf is the keyed VIN of an arrival: its own, else its booking's.
func (x *step) vehicleOf(a arrival) string {
	if v := x.keyed(a.vin); v != "" || a.booking == nil {
		return v
	}
	return a.booking.Vehicle
}

// useBooking leaves out a booking that another visit used; ok is false if nothing
// else says which car this is.
func (x *step) useBooking(a arrival) (arrival, bool) {
	if a.booking == nil || !x.used(a.booking.ID) {
		return a, true
	}
	a.booking = nil
	return a, a.vin != "" || a.plate != ""
}

// used says whether a visit that counts was opened with a booking.
func (s *State) used(booking string) bool {
	for v := range s.visits() {
		if v.Booking == booking && v.Known() {
			return true
		}
	}
	return false
}

// plateOf is the masked plate of a vehicle that was here lately.
func (s *State) plateOf(vehicle string) (plate string) {
	if vehicle == "" {
		return ""
	}
	for v := range s.visits() {
		if p := s.Masked(v.ID); p != "" && v.Vehicle == vehicle {
			plate = p // the latest counts
		}
	}
	return plate
}

// masked hides the middle of a plate; one that is masked stays as it is.
func masked(plate string) string {
	if plate == "" {
		return ""
	}
	return vin.Mask(vin.Plate(plate))
}

// Masked is a visit's plate as screens and paper may show it, "" if none is known.
func (s *State) Masked(visit string) string { return masked(s.Plate(visit)) }
