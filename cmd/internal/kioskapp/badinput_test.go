package kioskapp_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"strings"
	"testing"
	"time"

	"baylight/device/bench"
	"baylight/kiosk"
	"baylight/kiosk/words"
)

// badInput is something no scanner should ever send, and what has to become of it.
type badInput struct {
	name    string
	scanner string
	raw     string    // bytes on the wire
	typ     string    // of the event it leaves
	reason  string    // in that event
	says    words.Key // what the person at the place is told
	secret  string    // what must stand in the person part only; "": a code of our own, which may stand in the event
}

// toCustomers are the reasons that a customer is told in words of their own.
var toCustomers = map[string]words.Key{"unknown_code": "screen.unknowncode", "confirm": "screen.vin.unsure"}

func badInputs() []badInput {
	rejected := func(name, scanner, raw, reason, secret string) badInput {
		says := words.Key("floor.rejected." + reason)
		if of, ok := toCustomers[reason]; ok && scanner == "front" {
			says = of
		}
		return badInput{name, scanner, raw, "scan.rejected", reason, says, secret}
	}
	wrong := func(code string) string { return code[:11] + string("01"[btoi(code[11] == '0')]) }
	foreign := kiosk.MakeCode(kiosk.KindVisit, "9ZZA000001")
	ours := kiosk.MakeCode(kiosk.KindVisit, tag+"A000001")
	stranger := kiosk.MakeCode(kiosk.KindBadge, tag+"0009999")
	action := kiosk.MakeCode(kiosk.KindAction, tag+"000ZZZZ")
	swapped := car(7)[:8] + string("01"[btoi(car(7)[8] == '0')]) + car(7)[9:]
	long := strings.Repeat("A1B2C3D4", 512)
	bad := []badInput{
		rejected("no known code at a bay", "s1", "HELLO WORLD\r", "unknown_code", "HELLO WORLD"),
		rejected("no known code at reception", "front", "HELLO WORLD\r", "unknown_code", "HELLO WORLD"),
		rejected("a VIN at a bay", "s1", car(8)+"\r", "unknown_code", car(8)),
		rejected("VIN of 16 characters", "front", car(7)[:16]+"\r", "unknown_code", car(7)[:16]),
		rejected("VIN with I", "front", "LSVIA4182E2184847\r", "unknown_code", "LSVIA4182E2184847"),
		rejected("VIN with O", "front", "LSVAO4182E2184847\r", "unknown_code", "LSVAO4182E2184847"),
		rejected("VIN with Q", "front", "LSVAA4182Q2184847\r", "unknown_code", "LSVAA4182Q2184847"),
		rejected("VIN with a failing check digit", "front", swapped+"\r", "confirm", swapped),
		rejected("ticket of another store at a bay", "s1", foreign+"\r", "other_store", foreign),
		rejected("ticket of another store at reception", "front", foreign+"\r", "other_store", foreign),
		rejected("code with a wrong check character", "s1", wrong(ours)+"\r", "check", wrong(ours)),
		rejected("badge of nobody", "s1", stranger+"\r", "unknown_badge", ""),
		rejected("action card of no action", "s1", action+"\r", "unknown_action", ""),
		rejected("4 KiB and more without a terminator", "s1", long+"X\r", "malformed", long[:256]),
		rejected("control bytes", "s1", "SECRET\x00\x01\x07CD\r", "malformed", "SECRET"),
		rejected("invalid UTF-8", "front", "\xff\xfe\x80\x81LATIN-1\r", "malformed", "LATIN-1"),
		rejected("half a UTF-8 character", "front", "\xe6\xb2\r", "malformed", ""),
		rejected("ESC/POS", "front", "\x1b@\x1bp\x00\x19\xfa\x1dV\x00DRAWER\r", "malformed", "DRAWER"),
		rejected("HTML", "s1", "<script>alert(1)</script>\r", "unknown_code", "<script>alert(1)</script>"),
		rejected("HTML at reception", "front", `"><img src=x onerror=alert(1)>`+"\r", "unknown_code", "onerror"),
		rejected("a formula", "s1", "=cmd|' /C calc'!A0\r", "unknown_code", "calc"),
		rejected("a formula at reception", "front", "@SUM(1+1)*cmd|' /C calc'!A0\r", "unknown_code", "calc"),
		rejected("a path", "front", "../../../../etc/passwd\r", "unknown_code", "passwd"),
		rejected("SQL", "front", "'; DROP TABLE events; --\r", "unknown_code", "DROP TABLE"),
		rejected("a QR code with two cars", "front", car(7)+";"+car(8)+"\r", "several_vehicles", car(7)),
		rejected("a frame left unfinished", "s1", "HALF A CO", "malformed", "HALF A CO"),
	}
	for _, a := range []struct {
		action  kiosk.Action
		scanner string
		reason  string
	}{{kiosk.Finish, "s1", "no_job"}, {kiosk.PauseParts, "s1", "no_job"}, {kiosk.PassCard, "s1", "no_car"}, {kiosk.Washed, "s1", "no_car"},
		{kiosk.Undo, "s1", "no_undo"}, {kiosk.Finish, "front", "no_bay"}} {
		bad = append(bad, badInput{fmt.Sprintf("card %s without badge and target at %s", a.action, a.scanner), a.scanner,
			kiosk.ActionCode(tag, a.action) + "\r", "action.unmatched", a.reason, words.Key("floor.unmatched." + a.reason), ""})
	}
	return bad
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Whatever comes in over a scanner's wire: a bad beep, words on the screen of
// the place, one event with its bytes bounded and apart, and the next good scan works.
func TestBadInput(t *testing.T) {
	t.Parallel()
	l := listen(t)
	r := newRig(t)
	r.gate.open(l.broker.Addr())
	r.up()
	cars := 100
	var secrets []string
	for _, in := range badInputs() {
		t.Run(in.name, func(t *testing.T) {
			r.t = t
			r.await("paper done", func() bool { return r.health().Paper == 0 })
			before := r.rows()
			r.send(in.scanner, []byte(in.raw), bench.AckBad)
			rows := r.rows()
			if len(rows) != len(before)+1 {
				t.Fatalf("it left %v, want one event", types(rows[len(before):]))
			}
			in.left(t, rows[len(before)])
			page := map[string]string{"front": "/", "s1": "/bay/b1"}[in.scanner]
			r.shows(page, words.Text(words.EN, in.says))
			if p := html.UnescapeString(r.page(page)); in.secret != "" && strings.Contains(p, in.secret) {
				t.Errorf("the page repeats what was scanned:\n%s", p)
			}
			// At a bay HELP, which needs no badge and leaves nothing to undo or finish.
			if in.scanner == "front" {
				cars++
				r.scan("front", car(cars), bench.AckGood)
			} else {
				r.scan("s1", kiosk.ActionCode(tag, kiosk.Help), bench.AckGood)
				r.scan("s1", kiosk.ActionCode(tag, kiosk.Undo), bench.AckGood)
				r.pass(3 * time.Minute) // beyond what can be taken back
			}
			if in.secret != "" {
				secrets = append(secrets, in.secret)
			}
		})
	}
	r.t = t
	r.await("paper done", func() bool { return r.health().Paper == 0 })
	if n := r.printer.Cut(); n != cars-100 {
		t.Errorf("%d tickets were printed for %d cars", n, cars-100)
	}
	if h := r.health(); !h.OK || h.Visits != cars-100 || h.down() != nil {
		t.Errorf("after all of it health is %+v, want OK with %d visits", h, cars-100)
	}
	r.sound(secrets...)
	r.await("everything on the wire", func() bool { return len(l.events()) == len(r.rows()) })
	for _, b := range append(l.heard("event/"), l.heard("health")...) {
		for _, s := range secrets {
			if bytes.Contains(b, []byte(s)) {
				t.Errorf("%q on a public topic: %s", s, b)
			}
		}
	}
}

// left checks the one event of a bad input.
func (in badInput) left(t *testing.T, x row) {
	t.Helper()
	e := x.read(t)
	if x.typ != in.typ || e.Data.Reason != in.reason || e.Data.Scan == nil || e.Data.Scan.Scanner != in.scanner {
		t.Errorf("it left %s, want %s with reason %s", x.bytes, in.typ, in.reason)
	}
	if in.secret == "" {
		return
	}
	var p kiosk.Person
	if err := json.Unmarshal(x.person, &p); err != nil || !strings.Contains(p.Text, in.secret) || len(p.Text) > 256 {
		t.Errorf("%v: the person part holds %d bytes %q, want at most 256 with %q", err, len(p.Text), p.Text, in.secret)
	}
	if bytes.Contains(x.bytes, []byte(in.secret)) {
		t.Errorf("the event itself holds %q: %s", in.secret, x.bytes)
	}
}
