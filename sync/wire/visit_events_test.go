package wire

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"baylight/kiosk"
)

const someEpoch = "0b7e5c1e-6f4e-4a55-9d5e-2f1f0a9c1d11"

// story is a visit checked in at one board, worked on at another.
func story() []kiosk.Event {
	t := time.Date(2026, 3, 2, 9, 0, 0, 0, time.FixedZone("CST", 8*3600))
	scan := kiosk.Meta{Cause: "scan-1", Scan: &kiosk.ScanRecord{Text: "V0A7A4K0001", Scanner: "s1"}, PersonDigest: strings.Repeat("a", 64)}
	job := kiosk.Job{Visit: "0A7A4K0001", Bay: "b1", Technician: "t01"}
	data := []kiosk.Payload{
		&kiosk.CheckedIn{Visit: "0A7A4K0001", Ticket: "A001", Purpose: "maintenance", Language: "zh-CN", Means: "scan", Meta: scan},
		&kiosk.TicketSent{Paper: kiosk.Paper{Document: "ticket-1", Visit: "0A7A4K0001"}},
		&kiosk.Started{Job: job, Meta: kiosk.Meta{Flags: []kiosk.Flag{kiosk.NoOrder}}},
		&kiosk.Finished{Job: job},
		&kiosk.Voided{Event: someEpoch + "-4", Meta: kiosk.Meta{By: "t01", Reason: "undo"}},
		&kiosk.Unknown{Of: "baylight.robot.waved.v1", Raw: []byte("{}")},
	}
	var events []kiosk.Event
	for i, d := range data {
		e := kiosk.Event{Source: kiosk.KioskSource("sh-test", "k1"), Epoch: someEpoch, Seq: uint64(i + 1), Data: d, When: t.Add(time.Duration(i) * time.Minute)}
		e.Moment = kiosk.Moment{Wall: e.When.Add(-time.Hour), Clock: kiosk.Unset}
		events = append(events, e)
	}
	return events
}

// TestVisitEventsFoldTheSame: what comes out of a state folds as what went in,
// and neither raw scan nor digest travels with it.
func TestVisitEventsFoldTheSame(t *testing.T) {
	cal := kiosk.ShanghaiWeek(time.FixedZone("CST", 8*3600))
	want := kiosk.Apply(story(), cal)
	v := NewVisit(want)
	v.Ledger = someEpoch
	if err := v.SetEvents(story()); err != nil {
		t.Fatal(err)
	}
	b, err := v.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"scan-1", "V0A7A4K0001", strings.Repeat("a", 64)} {
		if strings.Contains(string(b), secret) {
			t.Errorf("the state tells %q: %s", secret, b)
		}
	}
	got, err := DecodeVisit(b)
	if err != nil {
		t.Fatal(err)
	}
	past, err := got.Past()
	if err != nil {
		t.Fatal(err)
	}
	if len(past) != 4 {
		t.Errorf("%d events came through, want 4: %v", len(past), past)
	}
	same := cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) })
	if diff := cmp.Diff(want, kiosk.Apply(past, cal), same, cmp.AllowUnexported(kiosk.Work{})); diff != "" {
		t.Errorf("the visit folds differently:\n%s", diff)
	}
}

func TestTooManyEventsAreLeftOut(t *testing.T) {
	events := story()
	for len(events) <= MaxVisitEvents {
		events = append(events, events[2])
	}
	v := NewVisit(kiosk.Apply(story(), kiosk.ShanghaiWeek(time.UTC)))
	if err := v.SetEvents(events); err != nil {
		t.Fatal(err)
	}
	if v.Events != nil {
		t.Errorf("%d events are in the state, at most %d are allowed", len(v.Events), MaxVisitEvents)
	}
}

// TestHostileVisitEvents: nothing that does not belong to the visit gets in.
func TestHostileVisitEvents(t *testing.T) {
	good := `{"source":"/stores/s/kiosks/k","id":"` + someEpoch + `-1","time":"2026-03-02T09:00:00Z","type":"visit.accepted","data":{"visit":"0A7A4K0001","adviser":"a"}}`
	for name, event := range map[string]string{
		"other visit": strings.Replace(good, "0A7A4K0001", "0A7A4K0002", 1),
		"no id":       strings.Replace(good, someEpoch+"-1", "x", 1),
		"no data":     strings.Replace(good, `{"visit":"0A7A4K0001","adviser":"a"}`, `[]`, 1),
		"year":        strings.Replace(good, "2026-", "0001-", 1),
		"long type":   strings.Replace(good, "visit.accepted", strings.Repeat("x", 65), 1),
	} {
		v, err := DecodeVisit([]byte(`{"ledger":"` + someEpoch + `","visit":"0A7A4K0001","events":[` + event + `]}`))
		if err == nil {
			_, err = v.Past()
		}
		if err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	v, err := DecodeVisit([]byte(`{"ledger":"` + someEpoch + `","visit":"0A7A4K0001","events":[` + good + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	if past, err := v.Past(); err != nil || len(past) != 1 {
		t.Errorf("the good event: %v, %v", past, err)
	}
}
