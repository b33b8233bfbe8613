package floor

import (
	"strings"
	"testing"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/words"
)

// TestCounter is reception and desk told as scripts.
func TestCounter(t *testing.T) {
	for _, c := range []struct{ name, script string }{
		{"a VIN or a plate checks in", `
			1HGCM82633A004352@reception    | visit.checked_in A001
			http://x/?vin=LSVAA4182E2184931@reception | visit.checked_in A002
			粤B12345@reception             | visit.checked_in A003
			in 京AD12345                    | visit.checked_in A004
			ILSVAM4187C2184847@reception   | visit.checked_in A005`},
		{"a vehicle that is here already gets its ticket again", `
			1HGCM82633A004352@reception    | visit.checked_in A001
			1HGCM82633A004352@reception    | ticket.reprinted A001 ticket-A001
			in 粤B12345                     | visit.checked_in A002
			in 粤B·12345                    | ticket.reprinted A002 ticket-A002
			in 粤B12345 LSVAM4187C2184847   | ticket.reprinted A002 ticket-A002; visit.identified A002
			LSVAM4187C2184847@reception    | ticket.reprinted A002 ticket-A002
			deliver A002 a1                | visit.delivered A002 a1
			粤B12345@reception             | visit.checked_in A003
			in 粤B12345 1HGCM82633A004352   | ticket.reprinted A001 ticket-A001`},
		{"one plate, two vehicles", `
			in 粤B12345 1HGCM82633A004352   | visit.checked_in A001
			in 粤B12345                     | ticket.reprinted A001 ticket-A001
			in 粤B12345 LSVAM4187C2184847   | visit.checked_in A002`},
		{"a check digit that fails asks", `
			LSVAA4182E2184930@reception    | scan.rejected reception confirm
			粤B12345@reception             | visit.checked_in A001`},
		{"what is no vehicle", `
			1HGCM82633A004352+LSVAM4187C2184847@reception | scan.rejected reception several_vehicles
			HELLO@reception                | scan.rejected reception unknown_code
			ABC1234@reception              | scan.rejected reception unknown_code
			in 12                          | - bad_plate
			in                             | - no_vehicle
			in 粤B12345 123                 | - bad_vin`},
		{"numbers begin anew each day", `
			in 粤B00001 | visit.checked_in A001
			in 粤B00002 | visit.checked_in A002
			+15h in 粤B00003 | visit.checked_in A001
			in 粤B00004 | visit.checked_in A002`},
		{"an order", `
			in 粤B00001       | visit.checked_in A001
			add A001 a1      | - no_order
			revise A001 a1 1h | - no_order
			cancel A001 a1   | - no_order
			accept A001 t1   | - not_allowed
			accept A001 nobody | - not_allowed
			accept A001 a1   | visit.accepted A001 a1
			accept A001 a1   | - accepted
			accept A001 m1   | visit.accepted A001 m1
			sign A001 t1 1h  | - not_allowed
			sign A001 a1 -1h | - bad_promise
			sign A001 a1 9000h | - bad_promise
			sign A001 a1 1h  | order.signed A001 a1
			sign A001 a1 2h  | order.signed A001 a1 [second_order]
			add A001 a1      | order.items_added A001 a1
			revise A001 a1 2h | promise.revised A001 parts
			call A001 a1 cashier | visit.called A001 cashier
			call A001 a1     | - bad_place
			cancel A001 a1   | order.cancelled A001 customer
			add A001 a1      | - no_order
			close A001 a1    | visit.closed A001
			deliver A001 a1  | - visit_over
			accept A001 a1   | - visit_over
			pickup A001      | - visit_over`},
		{"delivered without inspection", `
			in 粤B00001       | visit.checked_in A001
			pickup A001      | pickup.requested A001
			deliver A001 a1  | visit.delivered A001 a1
			deliver A001 a1  | - visit_over`},
	} {
		t.Run(c.name, func(t *testing.T) {
			newShop(t).play(c.script)
		})
	}
}

func TestConfirmVIN(t *testing.T) {
	h := newShop(t)
	const wrong = "LSVAA4182E2184930"
	if ev := h.step(Scan{ID: "1", Scanner: "srec", Text: wrong}); len(ev) != 1 || !h.last.Confirm || h.last.Good {
		t.Fatalf("scan of a wrong check digit: %d events, reply %+v", len(ev), h.last)
	}
	h.now = h.now.Add(time.Second)
	if ev := h.step(Scan{ID: "2", Scanner: "srec", Text: wrong}); len(ev) != 0 || !h.last.Confirm {
		t.Errorf("the same scan a second later: %d events, reply %+v", len(ev), h.last)
	}
	if ev := h.step(CheckIn{ID: "3", VIN: wrong}); len(ev) != 0 || !h.last.Confirm {
		t.Errorf("typed, not confirmed: %d events, reply %+v", len(ev), h.last)
	}
	ev := h.step(CheckIn{ID: "4", VIN: wrong, Confirmed: true})
	if len(ev) != 1 || !h.last.Good || h.s.VIN(h.last.Visit) != wrong {
		t.Errorf("typed and confirmed: %d events, reply %+v", len(ev), h.last)
	}
	if ev := h.step(Identify{ID: "5", By: "a1", Visit: h.last.Visit, VIN: wrong}); len(ev) != 0 || !h.last.Confirm {
		t.Errorf("identified, not confirmed: %d events, reply %+v", len(ev), h.last)
	}
}

func TestCheckInKeepsPersonalDataApart(t *testing.T) {
	h := newShop(t)
	ev := h.step(CheckIn{ID: "1", Plate: "粤B12345", VIN: "1HGCM82633A004352", Form: CheckInForm{
		Purpose: "fault", Waiting: true, Language: words.EN, Phone: "13800000000", Name: "王", Text: "noise in front"}, Booking: &Booking{ID: "B-77"}})
	c := ev[0].Data.(*kiosk.CheckedIn)
	if c.Purpose != "fault" || !c.Waiting || c.Language != "en" || c.Booking != "B-77" || c.Means != "keyed" || len(c.Vehicle) != 64 {
		t.Errorf("checked in as %+v", c)
	}
	p, err := kiosk.DecodePerson(ev[0].Person)
	if err != nil {
		t.Fatal(err)
	}
	salt := p.Salt
	p.Salt = ""
	want := kiosk.Person{VIN: "1HGCM82633A004352", Plate: "粤B12345", Phone: "13800000000", Name: "王", Text: "noise in front"}
	if p != want || len(salt) != 32 {
		t.Errorf("person part %+v with salt %q", p, salt)
	}
	other := newShop(t).step(CheckIn{ID: "2", Plate: "粤B12345"})
	q, _ := kiosk.DecodePerson(other[0].Person)
	if q.Salt == salt {
		t.Error("two check-ins share a salt")
	}
	if v, ok := h.s.FindPlate("粤B·12345"); !ok || v.ID != c.Visit {
		t.Errorf("FindPlate finds %v, %v", v, ok)
	}
	if h.s.Plate(c.Visit) != "粤B12345" || h.s.Plate("none") != "" || h.s.VIN("none") != "" {
		t.Errorf("plate %q", h.s.Plate(c.Visit))
	}
	if r := h.last.Message.In(words.ZH); strings.Contains(r, "12345") {
		t.Errorf("the reply %q shows the plate", r)
	}
}

func TestFormIsBounded(t *testing.T) {
	h := newShop(t)
	long := strings.Repeat("长", 400)
	for _, f := range []CheckInForm{{Purpose: "tea"}, {Phone: long}, {Name: long}, {Text: long}} {
		if ev := h.step(CheckIn{ID: "x", Plate: "粤B12345", Form: f}); len(ev) != 0 || h.last.Good {
			t.Errorf("form %+v was accepted", f)
		}
	}
	ev := h.step(Scan{ID: "1", Scanner: "srec", Text: "粤B12345", CheckIn: CheckInForm{Purpose: "tea", Phone: long, Text: long + "\xff"}})
	c := ev[0].Data.(*kiosk.CheckedIn)
	p, _ := kiosk.DecodePerson(ev[0].Person)
	if c.Purpose != "other" || len(p.Phone) > maxPhone || len(p.Text) > maxText || !strings.HasPrefix(long, p.Phone) {
		t.Errorf("a scan with a form out of bounds: %+v, %+v", c, p)
	}
}

func TestOrderIsBounded(t *testing.T) {
	h := newShop(t)
	h.play(`in 粤B12345 | visit.checked_in A001`)
	fine := kiosk.Item{Code: "oil", Category: kiosk.Maintenance, Payer: "customer", StandardMinutes: 60}
	with := func(f func(*kiosk.Item)) []kiosk.Item {
		it := fine
		f(&it)
		return []kiosk.Item{fine, it}
	}
	for name, items := range map[string][]kiosk.Item{
		"no items":         nil,
		"too many":         make([]kiosk.Item, maxItems+1),
		"no code":          with(func(i *kiosk.Item) { i.Code = "" }),
		"long code":        with(func(i *kiosk.Item) { i.Code = strings.Repeat("x", maxCode+1) }),
		"code of no text":  with(func(i *kiosk.Item) { i.Code = "\xff" }),
		"long text":        with(func(i *kiosk.Item) { i.Text = strings.Repeat("x", maxItemText+1) }),
		"unknown category": with(func(i *kiosk.Item) { i.Category = "tea" }),
		"unknown payer":    with(func(i *kiosk.Item) { i.Payer = "me" }),
		"negative minutes": with(func(i *kiosk.Item) { i.StandardMinutes = -1 }),
		"too many minutes": with(func(i *kiosk.Item) { i.StandardMinutes = maxMinutes + 1 }),
	} {
		if ev := h.step(Sign{ID: name, By: "a1", Visit: h.visit("A001"), Items: items}); len(ev) != 0 || h.last.Good {
			t.Errorf("%s: signed", name)
		}
	}
	items := []kiosk.Item{fine, fine}
	ev := h.step(Sign{ID: "s", By: "a1", Visit: h.visit("A001"), Items: items})
	if d := ev[0].Data.(*kiosk.Signed); d.Items[0].No != 1 || d.Items[1].No != 2 || d.Promise != nil || d.Order != "o-"+d.Visit || items[0].No != 0 {
		t.Errorf("signed %+v; the caller's items are %+v", d, items)
	}
	ev = h.step(AddItems{ID: "a", By: "a1", Visit: h.visit("A001"), Items: items[:1], ConsentHow: "phone"})
	if d := ev[0].Data.(*kiosk.ItemsAdded); d.Items[0].No != 3 || d.Consent.By != "a1" {
		t.Errorf("added %+v", d)
	}
	full := make([]kiosk.Item, 0, maxItems)
	for range maxItems {
		full = append(full, fine)
	}
	for i, n := range []int{30, 30, 30, 6} { // to the ninety-ninth
		if ev := h.step(AddItems{ID: h.id(), By: "a1", Visit: h.visit("A001"), Items: full[:n], ConsentHow: "phone"}); len(ev) != 1 {
			t.Errorf("addition %d of %d items was refused: %s", i+1, n, h.last.Message.Key)
		}
	}
	if ev := h.step(AddItems{ID: h.id(), By: "a1", Visit: h.visit("A001"), Items: full[:1], ConsentHow: "phone"}); len(ev) != 0 {
		t.Error("a hundredth item was added")
	}
	if ev := h.step(AddItems{ID: "b", By: "a1", Visit: h.visit("A001"), Items: items[:1], ConsentHow: "telepathy"}); len(ev) != 0 {
		t.Error("items were added without consent")
	}
}

// What a person writes as a reason is free text: it goes to the person part.
func TestReasonsInWordsAreApart(t *testing.T) {
	h := opened(t, 1)
	ev := h.step(CancelOrder{ID: "1", By: "a1", Visit: h.visit("A001"), Reason: "王先生 13800000000 不修了"})
	p, err := kiosk.DecodePerson(ev[0].Person)
	if err != nil || ev[0].Data.Common().Reason != "other" || p.Text != "王先生 13800000000 不修了" {
		t.Errorf("reason %q, person part %+v (%v)", ev[0].Data.Common().Reason, p, err)
	}
	if ev := h.step(CancelOrder{ID: "2", By: "a1", Visit: h.visit("A001"), Reason: " "}); len(ev) != 0 {
		t.Error("cancelled without a reason")
	}
}

func TestDoubleTap(t *testing.T) {
	h := opened(t, 1)
	in := Deliver{ID: "tap", By: "a1", Visit: h.visit("A001")}
	if ev := h.step(in); len(ev) != 1 {
		t.Fatalf("%d events", len(ev))
	}
	if ev := h.step(in); len(ev) != 0 || !h.last.Good || h.last.Visit != in.Visit {
		t.Errorf("the second tap: %d events, %+v", len(ev), h.last)
	}
	scan := Scan{ID: "scan", Scanner: "sb1", Text: "junk"}
	h.step(scan)
	h.now = h.now.Add(time.Hour)
	if ev := h.step(scan); len(ev) != 0 || h.last.Good {
		t.Errorf("a rejected scan delivered twice: %d events, %+v", len(ev), h.last)
	}
}

func TestVoid(t *testing.T) {
	h := opened(t, 1)
	h.play(`
		badge:t1@b1  | badge.scanned b1 t1
		card:A001@b1 | job.started A001 b1 t1`)
	id := h.events[len(h.events)-1].ID()
	for _, c := range []struct {
		in  Void
		key string
	}{
		{Void{"v1", "t1", id, "mistake"}, "floor.not_allowed"},
		{Void{"v2", "s1", "epoch-999", "mistake"}, "floor.no_event"},
		{Void{"v3", "s1", id, ""}, "floor.bad_reason"},
		{Void{"v4", "s1", id, "wrong_car"}, "floor.voided"},
		{Void{"v5", "s1", id, "wrong_car"}, "floor.same"},
	} {
		if h.step(c.in); string(h.last.Message.Key) != c.key {
			t.Errorf("%+v: %s, want %s", c.in, h.last.Message.Key, c.key)
		}
	}
	h.play(`bay b1 | free badge:t1`)
	if ev := h.step(Void{"v6", "s1", h.events[len(h.events)-1].ID(), "mistake"}); len(ev) != 0 {
		t.Error("a void was voided")
	}
	h.step(Start{Version: "1"})
	if ev := h.step(Void{"v7", "s1", h.events[len(h.events)-1].ID(), "mistake"}); len(ev) != 0 {
		t.Error("a start was voided")
	}
}

func TestMachine(t *testing.T) {
	h := newShop(t)
	for _, c := range []struct {
		in   Input
		want string
	}{
		{Start{Version: "1.2"}, "kiosk.started"},
		{Device{Name: "sb1", Reason: "unplugged"}, "device.down unplugged"},
		{Device{Name: "sb1", Up: true}, "device.up"},
		{Printed{Document: "d", Printer: "p", Outcome: PrintSent}, "ticket.sent d"},
		{Printed{Document: "d", Printer: "p", Outcome: PrintConfirmed}, "ticket.confirmed d"},
		{Printed{Document: "d", Printer: "p", Outcome: PrintUnknown, Reason: "cable"}, "ticket.unknown d cable"},
		{Printed{Outcome: "lost"}, "- bad_input"},
		{ClockSet{Offset: time.Minute}, "kiosk.clock_set"},
		{Reprint{"1", "a1", "", "badge-t1", "p"}, "ticket.reprinted badge-t1"},
		{Reprint{"2", "nobody", "", "badge-t1", "p"}, "- not_allowed"},
		{Reprint{"3", "a1", "", "a b", "p"}, "- bad_input"},
		{Reprint{"4", "a1", "none", "d", "p"}, "- no_visit"},
		{CallHelp{"5", "", "roof"}, "- bad_place"},
		{CallHelp{"6", "nobody", "b1"}, "- not_allowed"},
		{ClearHelp{"7", "a1", "roof"}, "- bad_place"},
		{ClearHelp{"8", "", "b1"}, "- not_allowed"},
		{nil, "- bad_input"},
	} {
		if got := h.render(h.step(c.in)); got != c.want {
			t.Errorf("%#v: %s, want %s", c.in, got, c.want)
		}
	}
}

func TestRefusedScans(t *testing.T) {
	h := newShop(t)
	for _, c := range []struct {
		in   Scan
		want string
	}{
		{Scan{Scanner: "sb1", Text: kiosk.MakeCode(kiosk.KindVisit, "9ZZA4K0001")}, "scan.rejected b1 other_store"},
		{Scan{Scanner: "sb1", Text: kiosk.ActionCode("9ZZ", kiosk.Finish)}, "scan.rejected b1 other_store"},
		{Scan{Scanner: "srec", Text: kiosk.MakeCode(kiosk.KindVisit, "9ZZA4K0001")}, "scan.rejected reception other_store"},
		{Scan{Scanner: "sb1", Text: kiosk.MakeCode(kiosk.KindAction, "0A7000TEA0")}, "scan.rejected b1 unknown_action"},
		{Scan{Scanner: "sb1", Text: "\x01\x02", Malformed: "control characters"}, "scan.rejected b1 malformed"},
		{Scan{Scanner: "new", Text: "x"}, "scan.rejected unknown_scanner"},
		{Scan{Scanner: "sb1", Text: "stuck", Repeated: 40}, "scan.repeated"},
	} {
		h.now = h.now.Add(time.Minute)
		c.in.ID = h.id()
		ev := h.step(c.in)
		if got := h.render(ev); got != c.want || h.last.Good {
			t.Errorf("%q: %s, want %s (reply %+v)", c.in.Text, got, c.want, h.last)
		}
	}
	ev := h.step(Scan{ID: "long", Scanner: "sb1", Text: strings.Repeat("长\xff", 5000)})
	p, _ := kiosk.DecodePerson(ev[0].Person)
	if len(p.Text) > maxScan || !strings.HasPrefix(p.Text, "长\uFFFD长") {
		t.Errorf("kept %d bytes of a refused scan: %.20q", len(p.Text), p.Text)
	}
}
