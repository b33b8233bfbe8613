package demo

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"baylight/cmd/internal/demo/script"
	"baylight/kiosk"
)

const sec = time.Second

// told is a scan that was acknowledged, twenty milliseconds after it was sent.
func told(at time.Duration, scanner, code string) deed {
	return deed{From: at - 10*time.Millisecond, To: at + 10*time.Millisecond, Scanner: scanner, Marks: []string{code}}
}

// kept is the first event of a scan in the ledger.
func kept(cause string, at time.Duration, scanner, code string) wireEvent {
	return wireEvent{ID: "e1-" + cause, Source: kiosk.KioskSource(Store, Board), Type: "baylight.card.scanned.v1", hash: "h" + cause,
		Time: firstDay().Add(at), cause: cause, up: at, scanner: scanner, code: code, counted: true}
}

// again is an event under the id it has on the card that was put in.
func again(e wireEvent, counted bool) wireEvent {
	e.Was, e.First, e.ID, e.hash, e.counted = e.ID, e.hash, "e2-"+e.cause, "h2"+e.cause, counted
	return e
}

// did is a touch at the desk, made is what it recorded.
func did(at time.Duration, act script.Act, visit string) deed {
	return deed{From: at - 10*time.Millisecond, To: at + 10*time.Millisecond, Marks: marks(act, visit), Stands: act == script.Accept}
}

func made(cause string, at time.Duration, p kiosk.Payload, visit string) wireEvent {
	e := kept(cause, at, "", "")
	e.ID, e.Type, e.subject = e.ID+"-"+string(p.Type()), "baylight."+string(p.Type())+".v1", visit
	return e
}

func ahead(e wireEvent) wireEvent { e.Time = e.Time.AddDate(1, 0, 0); return e }

// TestCounter: each deed is held against its own record, and what was recorded
// without an acknowledgement stands in for nothing.
func TestCounter(t *testing.T) {
	type deeds = []deed
	type events = []wireEvent
	a1, a9, b5 := told(1*sec, "s", "A"), told(9*sec, "s", "A"), told(5*sec, "s", "B")
	ra1, ra9, rb5 := kept("a1", 1*sec, "s", "A"), kept("a9", 9*sec, "s", "A"), kept("b5", 5*sec, "s", "B")
	evidence := ra1
	evidence.counted = false
	other := ra1
	other.Source = kiosk.KioskSource(Store, "k2")
	follows := made("a1", 1*sec, &kiosk.Paused{}, "v1") // of the same scan
	for name, x := range map[string]struct {
		deeds             deeds
		events            events
		owed, lost, spare int
	}{
		"all there":                            {deeds{a1, b5, a9}, events{ra1, follows, rb5, ra9}, 3, 0, 0},
		"recorded unheard, a later one is not": {deeds{a9}, events{ra1}, 1, 1, 1},
		"recorded unheard, a later other one":  {deeds{b5}, events{ra1}, 1, 1, 1},
		"recorded unheard, nothing missing":    {deeds{a9}, events{ra1, ra9}, 1, 0, 1},
		"unheard after it":                     {deeds{a1}, events{ra9}, 1, 1, 1},
		"unheard, and scanned again":           {deeds{told(2*sec, "s", "A")}, events{ra1}, 1, 0, 0},
		"and once more":                        {deeds{told(2*sec, "s", "A"), told(3*sec, "s", "A")}, events{ra1}, 1, 0, 0},
		"unheard, others, and again":           {deeds{told(2*sec, "s", "B"), told(3*sec, "s", "A")}, events{ra1, kept("b2", 2*sec, "s", "B")}, 2, 1, 1},
		"unheard, and all since is missing":    {deeds{told(2*sec, "s", "B"), told(3*sec, "s", "A")}, events{ra1}, 2, 2, 1},
		"at another scanner":                   {deeds{a1}, events{kept("a1", 1*sec, "r", "A")}, 1, 1, 1},
		"another code":                         {deeds{a1}, events{kept("a1", 1*sec, "s", "B")}, 1, 1, 1},
		"another board's":                      {deeds{a1}, events{other}, 1, 1, 0},
		"evidence only":                        {deeds{a1}, events{evidence}, 1, 1, 0},
		"a year ahead":                         {deeds{a1, b5, a9}, events{ra1, ahead(rb5), ra9}, 3, 0, 0},
		"a year ahead, one missing":            {deeds{a1, b5, a9}, events{ahead(ra1), ahead(kept("x", 6*sec, "s", "B")), ra9}, 3, 1, 1},
		"recorded again":                       {deeds{a1, a9}, events{ra1, again(ra1, false), ra9}, 2, 0, 0},
		"recorded again, that counts":          {deeds{a1, a9}, events{evidence, again(ra1, true), ra9}, 2, 0, 0},
		"recorded again, another missing":      {deeds{a1, a9}, events{ra1, again(ra1, false)}, 2, 1, 0},
		"the trigger bounced":                  {deeds{a1, told(2*sec, "s", "A")}, events{ra1}, 1, 0, 0},
		"bounced, and nothing there":           {deeds{a1, told(2*sec, "s", "A")}, nil, 1, 1, 0},
		"three seconds on it is another":       {deeds{a1, told(2*sec, "s", "A"), told(4*sec+50*time.Millisecond, "s", "A")}, events{ra1}, 2, 1, 0},
		"another code in between":              {deeds{a1, told(2*sec, "s", "B"), told(3*sec, "s", "A")}, events{ra1, kept("b2", 2*sec, "s", "B")}, 3, 1, 0},
		"unheard code in between":              {deeds{a1, told(3*sec, "s", "A")}, events{ra1, kept("b2", 2*sec, "s", "B")}, 2, 1, 1},
		"another scanner in between":           {deeds{a1, told(2*sec, "r", "A"), told(3*sec, "s", "A")}, events{ra1, kept("r2", 2*sec, "r", "A")}, 2, 0, 0},
		"the clock stands":                     {deeds{a1, a1, told(1*sec, "s", "B"), a1}, events{ra1, kept("b", 1*sec, "s", "B"), kept("a", 1*sec, "s", "A")}, 3, 0, 0},
		"the clock stands, one missing":        {deeds{a1, told(1*sec, "s", "B"), a1}, events{ra1, kept("b", 1*sec, "s", "B")}, 3, 1, 0},
		"touches":                              {deeds{did(1*sec, script.Accept, "v1"), did(2*sec, script.Deliver, "v1")}, events{made("1", 1*sec, &kiosk.Accepted{}, "v1"), made("2", 2*sec, &kiosk.Delivered{}, "v1")}, 2, 0, 0},
		"a touch of another visit":             {deeds{did(1*sec, script.Deliver, "v1")}, events{made("1", 1*sec, &kiosk.Delivered{}, "v2")}, 1, 1, 1},
		"a touch at another time":              {deeds{did(9*sec, script.Sign, "v1")}, events{made("1", 1*sec, &kiosk.Signed{}, "v1")}, 1, 1, 1},
		"another touch":                        {deeds{did(1*sec, script.Sign, "v1")}, events{made("1", 1*sec, &kiosk.Closed{}, "v1")}, 1, 1, 1},
		"nothing to change":                    {deeds{did(9*sec, script.Accept, "v1")}, events{made("1", 1*sec, &kiosk.Accepted{}, "v1")}, 0, 0, 1},
		"a plate is typed":                     {deeds{did(1*sec, script.TypePlate, "")}, events{made("1", 1*sec, &kiosk.CheckedIn{}, "v7")}, 1, 0, 0},
		"a stuck scanner":                      {deeds{a1}, events{{Source: ra1.Source, Type: "baylight.scan.repeated.v1", cause: "r", up: 1 * sec, scanner: "s", code: "A", counted: true}}, 1, 1, 0},
	} {
		c := newCounter()
		for _, e := range x.events {
			c.tally.take(e)
		}
		want := Count{Owed: x.owed, Arrived: x.owed - x.lost, Lost: x.lost}
		if n := c.count(x.deeds, true); n != want {
			t.Errorf("%s: the strip says %+v, want %+v", name, n, want)
		}
		var r Result
		r.owed(x.deeds, x.events)
		if r.Lost != x.lost || r.Duplicated != x.spare {
			t.Errorf("%s: a headless run says lost %d, too often %d; want %d and %d", name, r.Lost, r.Duplicated, x.lost, x.spare)
		}
	}
}

// TestOnItsWay: a deed that waits is on its way until the kiosk has receipts for
// all it had recorded; from then on it is lost, whatever waits behind it.
func TestOnItsWay(t *testing.T) {
	c := newCounter()
	deeds := []deed{told(1*sec, "s", "A"), told(9*sec, "s", "B"), told(10*sec, "s", "B")}
	look := func(of int, drained bool, want Count) {
		t.Helper()
		if n := c.count(deeds[:of], drained); n != want {
			t.Errorf("of %d deeds, drained %v: %+v, want %+v", of, drained, n, want)
		}
	}
	look(1, false, Count{Owed: 1, OnWay: 1})
	c.tally.take(kept("x", 0, "s", "B")) // recorded, and nobody heard a beep
	look(1, false, Count{Owed: 1, OnWay: 1})
	c.tally.take(kept("a", 1*sec, "s", "A"))
	look(1, true, Count{Owed: 1, Arrived: 1})
	look(3, false, Count{Owed: 2, Arrived: 1, OnWay: 1})
	look(3, true, Count{Owed: 2, Arrived: 1, Lost: 1})
	deeds = append(deeds, told(20*sec, "s", "A"))
	look(4, false, Count{Owed: 3, Arrived: 1, Lost: 1, OnWay: 1})
	c.tally.take(kept("b", 9*sec, "s", "B"))
	c.tally.take(kept("a2", 20*sec, "s", "A"))
	look(4, false, Count{Owed: 3, Arrived: 3})
}

// TestCounterAgainstGrammar: scanners, scans and losses at random, recorded as
// the grammar says. The counter finds as many missing as were lost of what
// somebody was told of, neither more nor fewer.
func TestCounterAgainstGrammar(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type scan struct {
			code string
			at   time.Duration
			n    int // which record
		}
		var deeds []deed
		ledger, heard, owed, lost := newTally(), map[string]scan{}, map[int]bool{}, map[int]bool{}
		now := time.Minute
		for n := range rapid.IntRange(1, 40).Draw(t, "scans") {
			now += rapid.SampledFrom([]time.Duration{40 * time.Millisecond, 700 * time.Millisecond, 2 * sec, 4 * sec, time.Minute}).Draw(t, "gap")
			at := rapid.SampledFrom([]string{"s", "r"}).Draw(t, "scanner")
			code := rapid.SampledFrom([]string{"A", "B"}).Draw(t, "code")
			unheard := rapid.IntRange(0, 4).Draw(t, "killed") == 0
			before, any := heard[at]
			if any && before.code == code && (now-before.at-sameScan).Abs() < 100*time.Millisecond {
				continue // which of the two it is lies within what the beep took
			}
			if !any || before.code != code || now-before.at >= sameScan {
				heard[at] = scan{code, now, n}
				e := kept(fmt.Sprint(n), now, at, code)
				lost[n] = !unheard && rapid.IntRange(0, 3).Draw(t, "lost") == 0
				if !lost[n] {
					ledger.take(e)
					if rapid.Bool().Draw(t, "recorded again") {
						ledger.take(again(e, false))
					}
				}
			}
			if !unheard {
				deeds = append(deeds, told(now, at, code))
				owed[heard[at].n] = true
			}
		}
		want := 0
		for n := range owed {
			if lost[n] {
				want++
			}
		}
		if a := ledger.hold(deeds); len(a.missing) != want || a.owed != len(owed) {
			t.Fatalf("missing %v of %d, want %d of %d", a.missing, a.owed, want, len(owed))
		}
		for i := range deeds {
			deeds[i].Slack = 6 * sec // as at ×60
		}
		if a := ledger.hold(deeds); len(a.missing) > want {
			t.Fatalf("at ×60 missing %v, only %d are", a.missing, want)
		}
	})
}

// TestReadings: whatever somebody scans at the demo's page, the counter knows
// the record by what it shows; also of what was recorded and never acknowledged
// because the kiosk was killed in the middle.
func TestReadings(t *testing.T) {
	s := newStrip(t)
	s.arrive(false)
	s.counts("a car came", whole)
	visit, badge := kiosk.MakeCode(kiosk.KindVisit, s.lastVisit()), badgeCode(script.Technicians()[0])
	owed := s.cars
	for i, x := range []struct{ place, text string }{
		{"b1", badge}, {"b1", visit}, {"b1", kiosk.ActionCode(StoreTag, kiosk.Finish)},
		{"b2", "]C0" + badge}, {"b2", "v" + visit[1:]}, {"reception", visit}, {"reception", "浙A·12345"}, {"desk", "LSVAA4182E2184847"},
		{"b1", "no code at all"}, {"b1", "\x01\x02"}, {"reception", "BL1.x.y.z"},
	} {
		if err := s.shop.Clock.Advance(10 * sec); err != nil {
			t.Fatal(err)
		}
		if i%3 == 0 { // recorded, and killed before anybody was told
			sc := s.shop.Scanner(x.place)
			if err := sc.Send([]byte(x.text + "\r")); err != nil {
				t.Fatal(err)
			}
			select {
			case <-sc.Acks():
			case <-time.After(patience):
				t.Fatalf("%q was not recorded", x.text)
			}
			s.trick(KillKiosk)
			if err := s.shop.Clock.Advance(10 * sec); err != nil {
				t.Fatal(err)
			}
		}
		status, text := s.post("/scan", url.Values{"place": {x.place}, "text": {x.text}})
		if status != http.StatusOK {
			t.Fatalf("scan %q at %s: %d %s", x.text, x.place, status, text)
		}
		if strings.Contains(text, `"good":true`) {
			owed++
		}
	}
	if owed < s.cars+6 {
		t.Errorf("only %d scans were taken", owed)
	}
	s.cars = owed
	s.counts("everything was scanned", whole)
}
