package floor

import (
	"strings"
	"testing"
	"time"

	"baylight/kiosk"
)

const (
	carVIN   = "LSVAA4182E2184931"
	otherVIN = "1HGCM82633A004352"
)

// expected is a booking of carVIN at ten.
func expected() *Booking {
	return &Booking{ID: "B-7", At: morning.Wall.Add(time.Hour), Plate: "粤B••345", Vehicle: kiosk.Keyed(testConfig().Key, carVIN), Purpose: "maintenance"}
}

// ask scans at the kiosk while somebody stands before its screen.
func (h *shopTest) ask(text string, b *Booking, form CheckInForm) []kiosk.Event {
	h.now = h.now.Add(5 * time.Second)
	return h.step(Scan{ID: h.id(), Scanner: "srec", Text: text, Ask: true, Booking: b, CheckIn: form})
}

func (h *shopTest) yes(form CheckInForm) []kiosk.Event {
	return h.step(Confirm{ID: h.id(), Event: h.last.Asked.Event, Form: form})
}

// A booking is asked about with no more than its masked plate and its time, and
// opens its visit when the customer says yes.
func TestBookingIsAskedAndConfirmed(t *testing.T) {
	h := newShop(t)
	ev := h.ask("APPT 8813", expected(), CheckInForm{})
	asked := h.last.Asked
	if got := h.render(ev); got != "vehicle.presented reception" || asked == nil {
		t.Fatalf("%s, asked %+v", got, asked)
	}
	if asked.Plate != "粤B••345" || !asked.Booked.Equal(expected().At) || asked.Purpose != "maintenance" || asked.Tail != "" {
		t.Errorf("asked %+v", asked)
	}
	if len(h.s.Open(h.now)) != 0 {
		t.Error("a visit is open before the customer said yes")
	}
	form := CheckInForm{Purpose: "fault", Waiting: true}
	ev = h.yes(form)
	if got := h.render(ev); got != "visit.checked_in A001" {
		t.Fatalf("confirmed: %s", got)
	}
	c := ev[0].Data.(*kiosk.CheckedIn)
	if c.Booking != "B-7" || c.Vehicle != expected().Vehicle || c.Purpose != "fault" || !c.Waiting || c.Means != "scan" || c.Scan == nil || c.Scan.Keyed == "" {
		t.Errorf("checked in as %+v", c)
	}
	if got := h.s.Masked(c.Visit); got != "粤B••345" {
		t.Errorf("the visit's plate is shown as %q", got)
	}
	// The same code again, the car's own label, and a second yes mean the same visit.
	event := asked.Event
	for _, again := range []func() []kiosk.Event{
		func() []kiosk.Event { return h.ask("APPT 8813", expected(), CheckInForm{}) },
		func() []kiosk.Event { return h.ask(carVIN, nil, CheckInForm{}) },
		func() []kiosk.Event { return h.step(Confirm{ID: h.id(), Event: event}) },
	} {
		if got := h.render(again()); !strings.HasPrefix(got, "ticket.reprinted A001") || h.last.Asked != nil {
			t.Errorf("again: %s, asked %+v", got, h.last.Asked)
		}
	}
}

// A car without a booking is asked about by what is known of it.
func TestWalkInIsAsked(t *testing.T) {
	h := newShop(t)
	h.ask(carVIN, nil, CheckInForm{Purpose: "accident", Waiting: true})
	if a := h.last.Asked; a == nil || a.Tail != "4931" || a.Plate != "" || !a.Booked.IsZero() || a.Purpose != "accident" || !a.Waiting {
		t.Fatalf("asked %+v", h.last.Asked)
	}
	if got := h.render(h.yes(CheckInForm{Purpose: "accident"})); got != "visit.checked_in A001" {
		t.Fatal(got)
	}
	if v, _ := h.s.FindTicket("A001"); h.s.VIN(v.ID) != carVIN {
		t.Errorf("the visit's VIN is %q", h.s.VIN(v.ID))
	}
	h.play("deliver A001 a1 | visit.delivered A001 a1")
	h.play("in 粤B12345 " + otherVIN + " | visit.checked_in A002\n deliver A002 a1 | visit.delivered A002 a1")
	if h.ask(otherVIN, nil, CheckInForm{}); h.last.Asked == nil || h.last.Asked.Plate != "粤B••345" {
		t.Errorf("a car that was here before: asked %+v", h.last.Asked)
	}
}

// What a yes cannot be about opens nothing.
func TestConfirmNeedsWhatWasPresented(t *testing.T) {
	h := newShop(t)
	h.ask(carVIN, nil, CheckInForm{})
	asked := h.last
	for _, c := range []struct {
		name, event string
		purpose     string
		want        string
	}{
		{"nothing", "nothing", "", "- presented_long_ago"},
		{"no purpose of ours", asked.Asked.Event, "<b>x</b>", "- bad_input"},
	} {
		if got := h.render(h.step(Confirm{ID: h.id(), Event: c.event, Form: CheckInForm{Purpose: c.purpose}})); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	in := h.step(CheckIn{ID: h.id(), Plate: "粤B99999"})
	if got := h.render(h.step(Confirm{ID: h.id(), Event: in[0].ID()})); got != "- presented_long_ago" {
		t.Errorf("another event: %s", got)
	}
	h.now = h.now.Add(ConfirmWithin + time.Second)
	if got := h.render(h.step(Confirm{ID: h.id(), Event: asked.Asked.Event})); got != "- presented_long_ago" {
		t.Errorf("too late: %s", got)
	}
}

// A booking counts once: afterwards the code says nothing, and the car comes as
// one without a booking.
func TestBookingCountsOnce(t *testing.T) {
	h := newShop(t)
	b := expected()
	b.Vehicle = ""
	h.ask("APPT 8813", b, CheckInForm{})
	h.yes(CheckInForm{})
	h.play("deliver A001 a1 | visit.delivered A001 a1")
	for _, c := range []struct{ text, want string }{
		{"APPT 8813", "scan.rejected reception booking_used"},
		{"粤B12345", "vehicle.presented reception"},
	} {
		if got := h.render(h.ask(c.text, b, CheckInForm{})); got != c.want {
			t.Errorf("%s: %s, want %s", c.text, got, c.want)
		}
	}
	if got, want := h.render(h.step(Scan{ID: h.id(), Scanner: "srec", Text: "APPT 8813", Booking: b})), "scan.rejected reception booking_used"; got != want {
		t.Errorf("with nobody before the screen: %s, want %s", got, want)
	}
	h.ask("粤B12345", b, CheckInForm{})
	if ev := h.yes(CheckInForm{}); ev[0].Data.(*kiosk.CheckedIn).Booking != "" {
		t.Errorf("the booking was used twice: %s", h.render(ev))
	}
	if got := h.render(h.step(CheckIn{ID: h.id(), Plate: "沪A00001", Booking: b})); got != "visit.checked_in A003" {
		t.Errorf("somebody else's booking: %s", got)
	}
	if c := h.events[len(h.events)-1].Data.(*kiosk.CheckedIn); c.Booking != "" {
		t.Errorf("the visit of another car carries the used booking %q", c.Booking)
	}
}

// Without anybody before the screen a scan opens the visit at once.
func TestBookingWithoutScreen(t *testing.T) {
	h := newShop(t)
	ev := h.step(Scan{ID: h.id(), Scanner: "srec", Text: "APPT 8813", Booking: expected()})
	if got := h.render(ev); got != "visit.checked_in A001" {
		t.Fatal(got)
	}
	if c := ev[0].Data.(*kiosk.CheckedIn); c.Booking != "B-7" || c.Purpose != "maintenance" {
		t.Errorf("checked in as %+v", c)
	}
}

// What a caller found wrong with a signed code is told apart, and recorded.
func TestRefusedCodes(t *testing.T) {
	for _, reason := range Refusals() {
		h := newShop(t)
		got := h.render(h.step(Scan{ID: h.id(), Scanner: "srec", Text: "BL1.something", Refused: reason}))
		if want := "scan.rejected reception " + reason; got != want {
			t.Errorf("%s, want %s", got, want)
		}
		if !hasKey(h.last.Message) || h.last.Good {
			t.Errorf("%s is told as %+v", reason, h.last)
		}
	}
}

// A ticket of months ago, of which nothing is known here, asks for nobody.
func TestOldTicket(t *testing.T) {
	h := newShop(t)
	for _, c := range []struct {
		days int
		want string
		key  string
	}{
		{oldTicket, "card.scanned reception [unknown_visit]", "floor.ticket_expired"},
		{oldTicket - 1, "pickup.requested [unknown_visit]", "floor.pickup"},
	} {
		id := kiosk.MakeID("0A7", 'B', morning.Wall.AddDate(0, 0, -c.days), 77)
		h.now = h.now.Add(5 * time.Second)
		ev := h.step(Scan{ID: h.id(), Scanner: "srec", Text: kiosk.MakeCode(kiosk.KindVisit, id)})
		got := strings.Replace(h.render(ev), " "+h.s.name(id), "", 1)
		if !strings.HasPrefix(got, strings.Fields(c.want)[0]) || string(h.last.Message.Key) != c.key || !h.last.Warn {
			t.Errorf("%d days: %s, told %s", c.days, got, h.last.Message.Key)
		}
	}
}
