package kioskapp_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"baylight/device/bench"
	"baylight/device/printer/paper"
	"baylight/kiosk"
	"baylight/kiosk/vin"
	"baylight/sync/wire"
)

// car is a VIN whose check digit is right.
func car(n int) string {
	b := []byte(fmt.Sprintf("LSVAA418_E2%06d", n))
	b[8] = '0'
	b[8] = vin.CheckDigit(vin.VIN(b))
	return string(b)
}

// visitOn is the visit whose code stands on a ticket.
func (r *rig) visitOn(ticket []byte) string {
	r.t.Helper()
	ops, err := paper.Parse(ticket)
	must(r.t, err)
	for _, op := range ops {
		if fields := strings.Split(string(op.Data), "."); op.Kind == paper.QRStore && len(fields) > 3 && fields[0] == "BL1" {
			return fields[2]
		}
	}
	r.t.Fatalf("no QR code of a visit on the ticket: %q", ticket)
	return ""
}

// From a beam of light to paper, lamp, disk and wire, and to the desk between them.
func TestLine(t *testing.T) {
	t.Parallel()
	l := listen(t)
	r := newRig(t)
	r.gate.open(l.broker.Addr())
	r.up()
	const plate = "沪A12345"
	r.scan("front", car(1), bench.AckGood)
	r.shows("/", "A001")
	slip := r.ticket()
	text, err := paper.PlainText(slip)
	must(t, err)
	if !strings.Contains(text, "A001") || strings.Contains(text, car(1)) {
		t.Errorf("the ticket has to show A001 and no VIN:\n%s", text)
	}
	visit := r.visitOn(slip)
	in := of(r.rows(), "visit.checked_in")
	if len(in) != 1 {
		t.Fatalf("check-ins in the journal: %v", types(in))
	}
	e := in[0].read(t)
	if e.Data.Visit != visit || e.Data.Ticket != "A001" || e.Data.Scan == nil || e.Data.Scan.Scanner != "front" || e.Data.Scan.Text != "" {
		t.Errorf("check-in is recorded as %s, the ticket names visit %s", in[0].bytes, visit)
	}
	if want := kiosk.Keyed([]byte(storeKey), car(1)); e.Data.Vehicle != want {
		t.Errorf("vehicle is %q, want the keyed hash %q", e.Data.Vehicle, want)
	}
	if !bytes.Contains(in[0].person, []byte(car(1))) {
		t.Errorf("person part %s does not hold the VIN", in[0].person)
	}

	desk := r.desk()
	r.post(desk, "/api/desk/accept", map[string]any{"visit": visit})
	r.post(desk, "/api/desk/sign", map[string]any{"visit": visit, "item": []string{"M10"}, "promise": "2026-03-02T11:30:00+08:00"})
	card, err := paper.PlainText(r.ticket())
	must(t, err)
	if !strings.Contains(card, "10000公里保养") || !strings.Contains(card, "11:30") {
		t.Errorf("the job card has to show the item and the promise:\n%s", card)
	}
	if slip, err := paper.PlainText(r.ticket()); err != nil || !strings.Contains(slip, "11:30") {
		t.Errorf("%v; the promise slip has to show 11:30:\n%s", err, slip)
	}
	r.post(http.DefaultClient, "/api/kiosk/checkin", map[string]any{"plate": plate, "purpose": "maintenance"})
	if text, err = paper.PlainText(r.ticket()); err != nil || !strings.Contains(text, "A002") || strings.Contains(text, plate) {
		t.Errorf("%v; the ticket of a typed plate has to show A002 and the plate masked:\n%s", err, text)
	}

	if n := len(r.changes("P1")); n != 0 {
		t.Errorf("the green lamp of b1 moved %d times before anybody worked there", n)
	}
	r.scan("s1", badge, bench.AckGood)
	r.scan("s1", kiosk.MakeCode(kiosk.KindVisit, visit), bench.AckGood)
	r.shows("/bay/b1", "A001")
	r.await("green lamp at b1", func() bool { return len(r.changes("P1")) > 0 })
	green := r.changes("P1")[0]
	if green.high { // its relay switches on at low level
		t.Error("the first move of the green lamp is not on")
	}
	started := of(green.rows, "job.started")
	if len(started) != 1 {
		t.Fatalf("when the lamp went green the journal's file held %v", types(green.rows))
	}
	if e := started[0].read(t); e.Data.Visit != visit || e.Data.Bay != "b1" || e.Data.Technician != "t01" || len(e.Data.Flags) > 0 {
		t.Errorf("the start is recorded as %s", started[0].bytes)
	}
	r.scan("s1", kiosk.ActionCode(tag, kiosk.Finish), bench.AckGood)
	r.await("blue lamp at b1", func() bool { return slices.ContainsFunc(r.changes("P4"), func(l lit) bool { return !l.high }) })
	if levels := r.pins.Levels(); !levels["P1"] || levels["P6"] || !levels["P5"] {
		t.Errorf("levels %v: b1 (low is on) has to have left green, b2 (high is on) has to be white", levels)
	}

	r.await("paper done", func() bool { return r.health().Paper == 0 })
	want := r.rows()
	r.await("everything on the wire", func() bool { return len(l.events()) == len(want) })
	for i, b := range l.events() {
		if !bytes.Equal(b, want[i].bytes) {
			t.Errorf("event %d on the wire is\n%s\nin the journal\n%s", i+1, b, want[i].bytes)
		}
	}
	persons := map[string][]byte{}
	for _, b := range l.heard("person") {
		p, err := wire.DecodePersonPart(b)
		must(t, err)
		persons[p.ID] = p.Person
	}
	for _, x := range want {
		if id := x.read(t).ID; x.person != nil && !bytes.Equal(persons[id], x.person) {
			t.Errorf("person part of %s on the wire: %s, in the journal: %s", id, persons[id], x.person)
		}
	}
	r.await("state of the bay", func() bool {
		states := l.heard("bay/b1")
		var s struct{ State, Visit, Ticket, Lamp string }
		return len(states) > 0 && json.Unmarshal(states[len(states)-1], &s) == nil && s.Visit == visit && s.Ticket == "A001" && s.Lamp == "blue"
	})
	r.sound(car(1), plate, "A12345")
	for _, b := range append(l.heard("event/"), l.heard("bay/")...) {
		if bytes.Contains(b, []byte(car(1))) || bytes.Contains(b, []byte("A12345")) {
			t.Errorf("personal data on a public topic: %s", b)
		}
	}
}

// The board says on one topic that it is there, that it was lost, and that it left.
func TestPresence(t *testing.T) {
	t.Parallel()
	l := listen(t)
	r := newRig(t)
	r.gate.open(l.broker.Addr())
	r.up()
	r.await("birth", func() bool { return len(l.conns()) == 1 })
	birth := l.conns()[0]
	if birth.State != wire.Ready || birth.Version != "test" || birth.Epoch != r.rows()[0].read(t).Epoch {
		t.Errorf("birth is %+v", birth)
	}
	r.gate.shut()
	r.await("will", func() bool { return len(l.conns()) == 2 })
	if will := l.conns()[1]; will.State != wire.Lost || will.Session != birth.Session || will.Epoch != birth.Epoch {
		t.Errorf("after %+v the will is %+v", birth, will)
	}
	r.gate.open(l.broker.Addr())
	r.await("second birth", func() bool { return len(l.conns()) == 3 })
	if again := l.conns()[2]; again.State != wire.Ready || again.Session <= birth.Session {
		t.Errorf("after session %d the board came back as %+v", birth.Session, again)
	}
	must(t, r.stop())
	deadline := time.After(patience)
	for tick := time.NewTicker(time.Millisecond); len(l.conns()) < 4; {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("no goodbye: %+v", l.conns())
		}
	}
	if bye := l.conns()[3]; bye.State != wire.Disconnected {
		t.Errorf("an orderly end left %+v", bye)
	}
}

// A broker that is away from the start costs nothing: what happened meanwhile
// arrives once it and an office are there, each event once more than never.
func TestBrokerComesLate(t *testing.T) {
	t.Parallel()
	l := listen(t)
	r := newRig(t)
	r.up()
	for n := range 3 {
		r.scan("front", car(n), bench.AckGood)
		r.ticket()
	}
	r.scan("s1", badge, bench.AckGood)
	r.await("paper done", func() bool { return r.health().Paper == 0 })
	if h := r.health(); !h.OK || h.Outbox.Connected || h.Outbox.Depth != h.Head {
		t.Errorf("without a broker health is %+v: it has to be OK, with everything in the outbox", h)
	}
	l.beOffice()
	r.gate.open(l.broker.Addr())
	r.await("receipts for everything", func() bool { return r.health().Outbox.Depth == 0 })
	r.gate.shut()
	r.scan("s1", kiosk.ActionCode(tag, kiosk.Help), bench.AckGood)
	r.gate.open(l.broker.Addr())
	r.await("receipts after the second outage", func() bool { h := r.health(); return h.Outbox.Depth == 0 && h.Outbox.Connected })
	want, got := r.rows(), l.events()
	if len(got) != len(want) {
		t.Fatalf("%d events arrived, the journal has %d", len(got), len(want))
	}
	for i := range want {
		if !bytes.Equal(got[i], want[i].bytes) {
			t.Errorf("event %d arrived as %s", i+1, got[i])
		}
	}
	must(t, r.stop())
	r.up() // the mark is durable: nothing receipted is sent again
	r.await("receipts after the restart", func() bool { h := r.health(); return h.Outbox.Depth == 0 && h.Outbox.Connected })
	counts := map[string]int{}
	for _, b := range l.heard("event/") {
		counts[string(b)]++
	}
	for _, x := range want {
		if counts[string(x.bytes)] > 2 {
			t.Errorf("%s was sent %d times, with one outage behind it", x.typ, counts[string(x.bytes)])
		}
	}
}
