package floor

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/staff"
)

// processor is the processor time this program has had: other work on the machine
// changes it less than the time that goes by.
func processor(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// workshop is a shop of eight bays, each with its technician's badge.
type workshop struct {
	*shopTest
	cards []string // of its open visits
}

func newWorkshop(b *testing.B, visits int, office bool) *workshop {
	cfg := testConfig()
	cfg.Bays, cfg.Scanners = nil, map[string]string{}
	people := []staff.Person{{ID: "a1", Roles: []staff.Role{staff.Adviser}}}
	for i := range 8 {
		bay, who := fmt.Sprintf("b%d", i), fmt.Sprintf("t%d", i)
		cfg.Bays = append(cfg.Bays, Bay{ID: bay})
		cfg.Scanners["s"+bay] = bay
		people = append(people, staff.Person{ID: who, Badge: badgeOf(who), Roles: []staff.Role{staff.Technician}})
	}
	cfg.Staff = staff.NewDirectory(people)
	w := &workshop{shopTest: &shopTest{t: b, s: New(cfg, "epoch"), now: morning}}
	for i := range visits {
		w.step(CheckIn{ID: w.id(), Plate: fmt.Sprintf("沪A%05d", i)})
		id := w.last.Visit
		w.step(Sign{w.id(), "a1", id, []kiosk.Item{{Code: "oil", Category: kiosk.Maintenance, Payer: "customer", StandardMinutes: 30}}, w.now.Wall.Add(8 * time.Hour)})
		w.cards = append(w.cards, kiosk.MakeCode(kiosk.KindVisit, id))
	}
	if office { // all it has been told, and as many visits of another board
		off := backOffice{}
		off.take(w.events)
		if err := w.s.Take(off.news(), w.now); err != nil {
			b.Fatal(err)
		}
		for i := range visits {
			id := fmt.Sprintf("0A7B9A%04d", i)
			e := kiosk.Event{Source: "/stores/sh-pudong/kiosks/k2", Epoch: "epoch-b", Seq: uint64(i + 1), Moment: w.now,
				Data: &kiosk.CheckedIn{Visit: id, Ticket: fmt.Sprintf("B%03d", i)}}
			if err := w.s.Hear(Elsewhere{Visit: id, Events: []kiosk.Event{e}}, w.now); err != nil {
				b.Fatal(err)
			}
		}
	}
	for i := range 8 {
		w.step(Scan{ID: w.id(), Scanner: fmt.Sprintf("sb%d", i), Text: kiosk.MakeCode(kiosk.KindBadge, badgeOf(fmt.Sprintf("t%d", i)))})
	}
	return w
}

// day is a thousand scans: bay after bay a job card, then bay after bay FINISH.
func (w *workshop) day() (scans []Scan) {
	for i := range 1000 {
		in := Scan{ID: w.id(), Scanner: fmt.Sprintf("sb%d", i%8), Text: kiosk.ActionCode("0A7", kiosk.Finish), Symbology: "code128"}
		if i/8%2 == 0 {
			in.Text = w.cards[(i/16*8+i%8)%len(w.cards)]
		}
		scans = append(scans, in)
	}
	return scans
}

// BenchmarkStep is what a scan costs to decide and to fold, in processor time
// with what the collector takes of it: days of a thousand scans in eight bays.
func BenchmarkStep(b *testing.B) {
	for _, c := range []struct {
		name   string
		visits int
		office bool
	}{{"60 visits", 60, false}, {"300 visits", 300, false}, {"60 visits and an office", 60, true}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			var took time.Duration
			room := make([]kiosk.Event, 0, 16) // as the station has it
			for b.Loop() {
				b.StopTimer()
				w := newWorkshop(b, c.visits, c.office)
				scans := w.day()
				b.StartTimer()
				since := processor(b)
				for _, in := range scans {
					w.now = w.now.Add(4 * time.Second)
					if w.s.StepIn(room, in, w.now); len(w.s.log) == 0 {
						b.Fatal("a scan left no event")
					}
				}
				took += processor(b) - since
			}
			b.ReportMetric(float64(took.Nanoseconds())/float64(b.N)/1000, "cpu-ns/scan")
		})
	}
}
