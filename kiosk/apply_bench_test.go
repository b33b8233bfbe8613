package kiosk

import (
	"syscall"
	"testing"
	"time"
)

// day is a visit of a usual day: two jobs of two technicians, a pause for parts,
// a revised promise, wash, inspection and delivery; scans as events keep them.
func day() []Event {
	due := nine.Add(6 * time.Hour)
	r := newTape()
	step := func(ps ...Payload) {
		for _, p := range ps {
			p.Common().Cause = "0b7e2c1a-1111-4222-8333-944455566677"
			p.Common().Scan = &ScanRecord{Text: "V0A7A000000XX", Symbology: "code128", Scanner: "bay3"}
		}
		r.wait(7 * time.Minute).add(ps...)
	}
	step(&CheckedIn{Visit: "v", Ticket: "A001", Vehicle: Keyed(nil, "v"), Purpose: "maintenance", Language: "zh-CN", Means: "scan"})
	step(&Accepted{Visit: "v", Adviser: "a1"})
	step(&Signed{Visit: "v", Order: "o-v", Adviser: "a1", Promise: &due, Items: []Item{
		{No: 1, Code: "OIL", Text: "更换机油", Category: Maintenance, Payer: "customer", StandardMinutes: 30},
		{No: 2, Code: "BRAKE", Text: "更换刹车片", Category: Minor, Payer: "customer", StandardMinutes: 60}}})
	step(started("t1"), started("t2"))
	step(paused("t2", Parts))
	step(finished("t1"))
	step(&PromiseRevised{Visit: "v", Promise: due.Add(time.Hour), Consent: true, ConsentHow: "phone", Meta: Meta{Reason: "parts"}})
	step(&Resumed{Job: job("t2", 0)})
	step(finished("t2"))
	step(&VehicleWashed{Visit: "v"}, passed())
	step(&TicketSent{Paper{Document: "ticket", Printer: "p1", Visit: "v"}}, &Called{Visit: "v", Place: "desk"})
	step(&Delivered{Visit: "v", Adviser: "a1"})
	return r.events
}

// processor is the processor time this program has had: other work on the machine
// changes it less than the time that goes by.
func processor(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkApply is what one event of a visit costs to fold, and to read from its
// bytes and fold, in processor time with what the collector takes of it.
func BenchmarkApply(b *testing.B) {
	events := day()
	var bytes [][]byte
	for _, e := range events {
		one, err := Encode(e)
		if err != nil {
			b.Fatal(err)
		}
		bytes = append(bytes, one)
	}
	per := func(b *testing.B, since time.Duration) {
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(float64(processor(b)-since)/float64(b.N*len(events)), "cpu-ns/event")
	}
	b.Run("fold", func(b *testing.B) {
		b.ReportAllocs()
		since := processor(b)
		for b.Loop() {
			Apply(events, closes)
		}
		per(b, since)
	})
	b.Run("read", func(b *testing.B) {
		b.ReportAllocs()
		since := processor(b)
		for b.Loop() {
			read := make([]Event, 0, len(bytes))
			for _, one := range bytes {
				e, err := Decode(one)
				if err != nil {
					b.Fatal(err)
				}
				read = append(read, e)
			}
			Apply(read, closes)
		}
		per(b, since)
	})
}
