package wire

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"baylight/kiosk"
)

var nine = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

// busy is a visit with a bit of everything, and the events that made it.
func busy() ([]kiosk.Event, kiosk.Calendar) {
	const id = "A1B2C3D4E5"
	var events []kiosk.Event
	add := func(minute int, p kiosk.Payload) {
		events = append(events, kiosk.Event{Source: "/stores/s/kiosks/k1", Epoch: epoch1, Seq: uint64(len(events) + 1), Data: p,
			Moment: kiosk.Moment{Wall: nine.Add(time.Duration(minute) * time.Minute), Clock: kiosk.Synced}})
	}
	due := nine.Add(6 * time.Hour)
	j := func(tech string, item int) kiosk.Job {
		return kiosk.Job{Visit: id, Bay: "b1", Technician: tech, Item: item}
	}
	add(0, &kiosk.CheckedIn{Visit: id, Ticket: "A017", Vehicle: hash.String(), Purpose: "fault", Language: "zh-CN", Means: "scan", Waiting: true})
	add(2, &kiosk.Accepted{Visit: id, Adviser: "a1"})
	add(5, &kiosk.Signed{Visit: id, Order: "o1", Adviser: "a1", Promise: &due, Items: []kiosk.Item{{No: 1, Code: "OIL", Category: kiosk.Maintenance, Payer: "customer", StandardMinutes: 30}}})
	add(6, &kiosk.PromiseRevised{Visit: id, Promise: due.Add(time.Hour), Consent: true, Meta: kiosk.Meta{Reason: "parts"}})
	add(10, &kiosk.Started{Job: j("t1", 1)})
	add(20, &kiosk.Paused{Job: j("t1", 1), Meta: kiosk.Meta{Reason: kiosk.Parts}})
	add(21, &kiosk.Started{Job: j("t2", 0), Meta: kiosk.Meta{Flags: []kiosk.Flag{kiosk.WrongBay}}})
	add(40, &kiosk.Finished{Job: j("t2", 0)})
	add(41, &kiosk.Failed{Visit: id, Inspector: "i1"})
	add(50, &kiosk.Resumed{Job: j("t1", 1)})
	add(60, &kiosk.Finished{Job: j("t1", 1)})
	add(70, &kiosk.Passed{Visit: id, Inspector: "i1"})
	add(75, &kiosk.VehicleWashed{Visit: id})
	add(80, &kiosk.Called{Visit: id, Place: "desk 2"})
	add(81, &kiosk.PickupRequested{Visit: id})
	add(90, &kiosk.Delivered{Visit: id, Adviser: "a1"})
	return events, kiosk.ShanghaiWeek(time.UTC)
}

// TestVisitContinues: a board that knows a visit from the office up to any event
// and applies the rest itself stands where everybody stands.
func TestVisitContinues(t *testing.T) {
	events, cal := busy()
	for n := range events {
		full := kiosk.Apply(events[:n], cal)
		if n == 0 {
			continue
		}
		p := NewVisit(full)
		p.Ledger, p.Seen = ledger, []Seen{{"/stores/s/kiosks/k1", epoch1, uint64(n)}}
		b, err := p.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := DecodeVisit(b)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			if Covers(got.Seen, e) != (e.Seq <= uint64(n)) {
				t.Errorf("through %d: Covers(%d) = %v", n, e.Seq, Covers(got.Seen, e))
			}
		}
		state := got.State(cal)
		if now := events[n-1].Time(); state.StageAt(now) != full.StageAt(now) {
			t.Errorf("through %d the stage is %s, want %s", n, state.StageAt(now), full.StageAt(now))
		}
		on := kiosk.Continue(state, events[n:], cal)
		want := kiosk.Apply(events, cal)
		if a, b := NewVisit(on), NewVisit(want); !reflect.DeepEqual(a, b) {
			t.Errorf("continued from %d:\n%+v\nwant\n%+v", n, a, b)
		}
		if len(events[n:]) > 0 && !reflect.DeepEqual(state, got.State(cal)) {
			t.Errorf("Continue from %d changed the state it was given", n)
		}
	}
}

// TestVisitIsBounded: whatever a visit is made of, it can be published and read.
func TestVisitIsBounded(t *testing.T) {
	long := strings.Repeat("\x01", 300) + strings.Repeat("车", 100)
	v := &kiosk.Visit{ID: "A1B2C3D4E5", Ticket: long, Order: &kiosk.Order{ID: long}}
	for range 1000 {
		v.Order.Items = append(v.Order.Items, kiosk.Item{Code: long, Text: long, Payer: long, Category: kiosk.Category(long)})
		v.Promises = append(v.Promises, kiosk.Promise{Due: nine.Add(time.Duration(len(v.Promises)) * time.Minute), Reason: long})
		w := &kiosk.Work{Job: kiosk.Job{Bay: long, Technician: long}, Event: long, Spans: []kiosk.Span{{From: nine, Reason: long}}}
		if len(v.Works)%2 == 0 {
			w.Finished = nine
		}
		v.Works = append(v.Works, w)
	}
	p := NewVisit(v)
	p.Ledger = ledger
	for range MaxVisitSeen {
		p.Seen = append(p.Seen, Seen{Source: "/stores/" + strings.Repeat("s", 32) + "/kiosks/" + strings.Repeat("k", 32), Epoch: epoch1})
	}
	b, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := DecodeVisit(b)
	if err != nil {
		t.Fatal(err)
	}
	if !got.Promises[0].Due.Equal(nine) || !got.Promises[len(got.Promises)-1].Due.Equal(v.Promises[999].Due) {
		t.Errorf("promises run from %s to %s", got.Promises[0].Due, got.Promises[len(got.Promises)-1].Due)
	}
	if len(got.Jobs) != MaxVisitJobs || got.Jobs[0].Finished != nil || got.Jobs[MaxVisitJobs-1].Finished != nil {
		t.Errorf("%d jobs are left, or finished ones before open ones", len(got.Jobs))
	}
	if s := cut("ab" + strings.Repeat("车", 100)); s != "ab"+strings.Repeat("车", 20) {
		t.Errorf("cut gives %q", s)
	}
}

func TestVisitsOnTheWire(t *testing.T) {
	v := Visits{Ledger: ledger, Visits: []string{"A1B2C3D4E5", "A1B2C3D4E6"}, Seen: []Seen{{"/stores/s/backoffice", ledger, 3}}, LeftOut: 2}
	b, err := v.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := DecodeVisits(b); err != nil || !reflect.DeepEqual(got, v) {
		t.Errorf("decoded %+v, %v", got, err)
	}
	if b, err := (Visits{Ledger: ledger}).Encode(); err != nil || bytes.Contains(b, []byte("null")) {
		t.Errorf("no visits: %s, %v", b, err)
	}
	full := Visits{Ledger: ledger}
	for i := range MaxOpenVisits {
		full.Visits = append(full.Visits, fmt.Sprintf("A%09d", i))
	}
	for i := range MaxSeen {
		full.Seen = append(full.Seen, Seen{strings.Repeat("s", 81), fmt.Sprintf("%s-%d", epoch1, i), maxSeq})
	}
	if _, err := full.Encode(); err != nil {
		t.Errorf("the largest list: %v", err)
	}
	for payload, says := range map[string]string{
		"":                              "unexpected end",
		`{"ledger":"a b"}`:              `ledger "a b"`,
		`{"ledger":"x","visits":["a"]}`: `visit "a"`,
		`{"ledger":"x","left_out":-1}`:  "left_out is -1",
		`{"ledger":"x","seen":[{}]}`:    "source",
		`{"ledger":"x","visits":["A1B2C3D4E5","A1B2C3D4E5"]}`: "does not come after",
	} {
		if got, err := DecodeVisits([]byte(payload)); err == nil || !strings.Contains(err.Error(), says) || !reflect.DeepEqual(got, Visits{}) {
			t.Errorf("%s: %+v, %v; want %q", payload, got, err, says)
		}
	}
	for payload, says := range map[string]string{
		`{"ledger":"x","visit":"../x"}`:                                                              `visit "../x"`,
		`{"ledger":"x","visit":"A1B2C3D4E5","risk":{"p":1.5}}`:                                       "risk 1.5",
		`{"ledger":"x","visit":"A1B2C3D4E5","failures":-1}`:                                          "-1 failures",
		`{"ledger":"x","visit":"A1B2C3D4E5","seen":[{"source":"s"}]}`:                                "epoch",
		`{"ledger":"x","visit":"A1B2C3D4E5","jobs":[` + strings.Repeat("{},", MaxVisitJobs) + `{}]}`: "65 jobs",
	} {
		if got, err := DecodeVisit([]byte(payload)); err == nil || !strings.Contains(err.Error(), says) || !reflect.DeepEqual(got, Visit{}) {
			t.Errorf("%.200s: %+v, %v; want %q", payload, got, err, says)
		}
	}
}

func TestTimeOnTheWire(t *testing.T) {
	q := TimeQuestion{Nonce: "0123456789abcdef"}
	b, err := q.Encode()
	if got, bad := DecodeTimeQuestion(b); err != nil || bad != nil || got != q {
		t.Errorf("question %s: %+v, %v, %v", b, got, err, bad)
	}
	a := TimeAnswer{Nonce: q.Nonce, Time: nine, Synced: true, Expires: nine.Add(TimeValid)}
	b, err = a.Encode()
	if got, bad := DecodeTimeAnswer(b); err != nil || bad != nil || got != a {
		t.Errorf("answer %s: %+v, %v, %v", b, got, err, bad)
	}
	for _, nonce := range []string{"", "short", strings.Repeat("x", 65), "0123456789abcde\"", "0123456789abcdeé", "0123456789abcdef\x00"} {
		if _, err := (TimeQuestion{Nonce: nonce}).Encode(); err == nil {
			t.Errorf("nonce %q is encoded", nonce)
		}
		if _, err := DecodeTimeQuestion(fmt.Appendf(nil, `{"nonce":%q}`, nonce)); err == nil {
			t.Errorf("nonce %q is read", nonce)
		}
	}
	if _, err := DecodeTimeQuestion([]byte(`{"nonce":"0123456789abcdef"` + strings.Repeat(" ", MaxTimeBytes) + `}`)); err == nil {
		t.Error("a question without bounds is read")
	}
	if _, err := DecodeTimeAnswer([]byte(`{"nonce":"0123456789abcdef"}`)); err == nil {
		t.Error("an answer without a time is read")
	}
}

func FuzzVisit(f *testing.F) {
	events, cal := busy()
	p := NewVisit(kiosk.Apply(events[:8], cal))
	p.Ledger = ledger
	b, _ := p.Encode()
	f.Add(b)
	f.Add([]byte(`{"ledger":"x","visit":"A1B2C3D4E5","jobs":[{"since":"2026-11-21T00:00:00Z"}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := DecodeVisit(b)
		if err != nil {
			return
		}
		s := kiosk.Continue(v.State(cal), events[8:], cal)
		n := NewVisit(s)
		n.Ledger = ledger
		if _, err := n.Encode(); err != nil && !strings.Contains(err.Error(), "at most") && !strings.Contains(err.Error(), "year outside") {
			t.Errorf("what was read cannot be published: %v", err)
		}
	})
}
