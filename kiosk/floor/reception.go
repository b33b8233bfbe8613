package floor

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strconv"

	"baylight/kiosk"
	"baylight/kiosk/vin"
	"baylight/kiosk/words"
)

// arrival is a vehicle at the counter.
type arrival struct {
	vin     vin.VIN
	plate   vin.Plate
	unusual bool // the plate has no known form
	form    CheckInForm
	means   string
	by      string
	booking *Booking
}

func (a arrival) person() kiosk.Person {
	plate := string(a.plate)
	if plate == "" && a.booking != nil {
		plate = masked(a.booking.Plate)
	}
	return kiosk.Person{VIN: string(a.vin), Plate: plate, Phone: a.form.Phone, Name: a.form.Name, Text: a.form.Text}
}

func (x *step) keyed(v vin.VIN) string {
	if v == "" {
		return ""
	}
	return kiosk.Keyed(x.cfg.Key, string(v))
}

// checkIn opens a visit, or finds the one the vehicle has open and has its
// ticket printed again.
func (x *step) checkIn(a arrival) Reply {
	vehicle := x.vehicleOf(a)
	if v := x.openVisit(vehicle, string(a.plate), a.booking); v != nil {
		x.emit(&kiosk.TicketReprinted{Paper: kiosk.Paper{Document: "ticket-" + v.ID, Visit: v.ID, Meta: kiosk.Meta{By: a.by}}}, a.person())
		if vehicle != "" && v.Vehicle == "" {
			x.emit(&kiosk.Identified{Visit: v.ID, Vehicle: vehicle, Means: a.means, Meta: kiosk.Meta{By: a.by}}, kiosk.Person{VIN: string(a.vin)})
		}
		return x.about(v.ID, good("floor.already_here", x.name(v.ID)))
	}
	a, ok := x.useBooking(a)
	if !ok {
		return bad("floor.rejected.booking_used")
	}
	id := x.newVisit()
	ticket := x.nextTicket()
	booking := ""
	if a.booking != nil {
		booking = a.booking.ID
	}
	x.emit(&kiosk.CheckedIn{
		Visit: id, Ticket: ticket, Vehicle: vehicle, Booking: booking, Purpose: a.form.Purpose,
		Waiting: a.form.Waiting, Language: string(a.form.Language), Means: a.means, Meta: kiosk.Meta{By: a.by},
	}, a.person())
	r := good("floor.checked_in", ticket)
	if a.unusual {
		r = good("floor.checked_in_plate", ticket)
		r.Warn = true
	}
	return x.about(id, r)
}

// openVisit is the vehicle's open visit: by its VIN or its booking, else by its
// plate unless both VINs are known (then they differ).
func (s *State) openVisit(vehicle, plate string, b *Booking) *kiosk.Visit {
	var byPlate *kiosk.Visit
	for v := range s.visits() {
		switch {
		case !v.Known() || !v.Open():
		case vehicle != "" && v.Vehicle == vehicle, b != nil && v.Booking == b.ID:
			return v
		case plate != "" && s.Plate(v.ID) == plate && (vehicle == "" || v.Vehicle == ""):
			byPlate = v
		}
	}
	return byPlate
}

// newVisit draws an id from the cause; in the unlikely case that it is taken, it
// draws again.
func (x *step) newVisit() string {
	for n := 0; ; n++ {
		h := sha256.Sum256([]byte(x.cause + "\n" + strconv.Itoa(n)))
		id := kiosk.MakeID(x.cfg.StoreTag, x.cfg.Letter, x.t.In(x.cfg.Calendar.Zone), binary.BigEndian.Uint32(h[:]))
		if !x.has(id) {
			return id
		}
	}
}

// nextTicket counts this board's check-ins of the store-local day.
func (x *step) nextTicket() string {
	n := 1
	if x.cfg.Calendar.Day(x.t) == x.tickets.day {
		n = x.tickets.n + 1
	}
	return kiosk.TicketNumber(x.cfg.Letter, n)
}

// Bounds of what a customer types, in bytes.
const (
	maxPhone, maxName, maxText = 32, 64, 1000
)

// tidy makes a form fit to be recorded; what cannot be right is left out.
func (f CheckInForm) tidy() CheckInForm {
	if !slices.Contains(kiosk.Purposes(), f.Purpose) {
		f.Purpose = "other"
	}
	if f.Language != words.EN {
		f.Language = words.ZH
	}
	f.Phone, f.Name, f.Text = bounded(f.Phone, maxPhone), bounded(f.Name, maxName), bounded(f.Text, maxText)
	return f
}

func isAlnum(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z'
}

// typed takes a plate or VIN from a screen.
func (x *step) typed(in CheckIn) Reply {
	f := in.Form
	switch {
	case f.Purpose != "" && !slices.Contains(kiosk.Purposes(), f.Purpose):
		return bad("floor.bad_input", bounded(f.Purpose, 32))
	case len(f.Phone) > maxPhone || len(f.Name) > maxName || len(f.Text) > maxText:
		return bad("floor.too_long")
	case in.By != "" && !x.may(in.By, counter()...):
		return bad("floor.not_allowed")
	}
	a := arrival{form: f.tidy(), means: "keyed", by: in.By, booking: in.Booking}
	x.place = Reception
	if in.By != "" {
		a.means, x.place = "desk", Desk
	}
	if in.VIN != "" {
		v, r := readVIN(in.VIN, in.Confirmed)
		if v == "" {
			return r
		}
		a.vin = v
	}
	if in.Plate != "" {
		p, form, err := vin.ParsePlate(in.Plate)
		if err != nil {
			return bad("floor.bad_plate")
		}
		a.plate, a.unusual = p, form == vin.Unusual
	}
	if a.vin == "" && a.plate == "" {
		return bad("floor.no_vehicle")
	}
	return x.checkIn(a)
}

// readVIN is a VIN a person typed, or the reply that says why it is none.
func readVIN(text string, confirmed bool) (vin.VIN, Reply) {
	v, finding, err := vin.Parse(text)
	switch {
	case err != nil:
		return "", bad("floor.bad_vin")
	case finding.Kind == vin.Confirm && !confirmed:
		return "", rejection(rejectConfirm)
	}
	return v, Reply{}
}
