package main

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice/ledger/ledgertest"
)

var update = flag.Bool("update", false, "write testdata/worked-example.jsonl again")

// workedEvent is what happened to one car of the worked example, and when.
type workedEvent struct {
	at   string // on 2026-11-03
	data kiosk.Payload
}

// workedCar is one of the ten orders; pass and deliver are "" if it never happened.
func workedCar(n int, pass, deliver, moved string) []workedEvent {
	day := func(clock string) time.Time {
		t, _ := time.ParseInLocation("2006-01-02 15:04", "2026-11-03 "+clock, time.FixedZone("CST", 8*3600)) // the table is right, or the file differs
		return t
	}
	visit, tech, bay := fmt.Sprintf("W0RKED00%02d", n), fmt.Sprintf("t%02d", n), fmt.Sprintf("b%d", n)
	promise := day("16:00")
	job := kiosk.Job{Visit: visit, Bay: bay, Technician: tech, Item: 1}
	events := []workedEvent{
		{fmt.Sprintf("08:3%d:00", n%10), &kiosk.CheckedIn{Visit: visit, Ticket: fmt.Sprintf("A%03d", n), Vehicle: fmt.Sprintf("%064x", 0xc0ffee+n), Purpose: "maintenance", Language: "zh-CN", Means: "scan"}},
		{fmt.Sprintf("08:4%d:00", n%10), &kiosk.Accepted{Visit: visit, Adviser: "a1"}},
		{fmt.Sprintf("09:0%d:00", n%10), &kiosk.Signed{Visit: visit, Order: fmt.Sprintf("R-2026-11-03-%02d", n), Adviser: "a1", Promise: &promise,
			Items: []kiosk.Item{{No: 1, Code: "MB10", Text: "保养", Category: kiosk.Maintenance, Payer: "customer", StandardMinutes: 60}}}},
		{"09:30:00", &kiosk.Started{Job: job}},
	}
	if moved != "" {
		events = append(events, workedEvent{"15:00:00", &kiosk.PromiseRevised{Visit: visit, Promise: day(moved), Consent: true, ConsentHow: "phone", Meta: kiosk.Meta{By: "a1", Reason: "parts"}}})
	}
	if pass == "" {
		return append(events, workedEvent{"10:00:00", &kiosk.Paused{Job: job, Meta: kiosk.Meta{Reason: kiosk.Parts}}})
	}
	return append(events, workedEvent{"11:00:00", &kiosk.Finished{Job: job}}, workedEvent{pass, &kiosk.Passed{Visit: visit, Inspector: "q1", Bay: bay}},
		workedEvent{deliver, &kiosk.Delivered{Visit: visit, Adviser: "a1"}})
}

// TestWorkedFile holds that testdata/worked-example.jsonl is the store day of
// DOMAIN's worked example: ten orders promised for 16:00.
func TestWorkedFile(t *testing.T) {
	var all []workedEvent
	for n := range 6 { // inspected well before
		all = append(all, workedCar(n+1, "11:10:00", "12:00:00", "")...)
	}
	all = append(all, workedCar(7, "16:00:59", "16:30:00", "")...)      // on the very minute
	all = append(all, workedCar(8, "16:20:00", "16:40:00", "17:00")...) // promise moved with consent
	all = append(all, workedCar(9, "15:50:00", "16:05:00", "")...)      // delivered late
	all = append(all, workedCar(10, "", "", "")...)                     // unfinished
	slices.SortStableFunc(all, func(a, b workedEvent) int { return cmp.Compare(a.at, b.at) })
	b := ledgertest.NewBoard(t, "sh-pudong", "k1", "5eed2026-1103-4000-8000-000000000001")
	var file bytes.Buffer
	for _, e := range all {
		at, err := time.ParseInLocation("2006-01-02 15:04:05", "2026-11-03 "+e.at, b.Now.Wall.Location())
		if err != nil {
			t.Fatal(err)
		}
		b.Now.Up += at.Add(-time.Second).Sub(b.Now.Wall)
		b.Now.Wall = at.Add(-time.Second) // the board's event is a second later
		file.Write(b.Event(e.data).Bytes)
		file.WriteByte('\n')
	}
	const name = "testdata/worked-example.jsonl"
	if *update {
		if err := os.WriteFile(name, file.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	there, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(there, file.Bytes()) {
		t.Errorf("%s is not what this test makes; go test ./cmd/baylight -run TestWorkedFile -update", name)
	}
}
