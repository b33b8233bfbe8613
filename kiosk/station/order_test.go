package station_test

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"baylight/kiosk"
	"baylight/kiosk/floor"
)

// day plays random inputs and keeps what was shown of each and how much was
// durable at that moment.
type day struct {
	*rig
	rt     *rapid.T
	visits []string
	asked  map[string]shown // by id
	mu     sync.Mutex
	fed    []string // ids of the scans in the order they were queued
	beeps  []shown  // in the order they were heard
}

type shown struct {
	head uint64 // what was durable when it was shown
	good bool
}

func (d *day) scanner() string {
	return rapid.SampledFrom([]string{"sb1", "sb2", "sb3", "srec", "nowhere"}).Draw(d.rt, "scanner")
}

func (d *day) text() string {
	texts := []string{badge("t1"), badge("t2"), badge("q1"), badge("s1"), "沪C00001", "LSVAA4182E2184847", "rubbish", card("0A7B4K0001")}
	for _, a := range kiosk.Actions() {
		texts = append(texts, action(a))
	}
	for _, v := range d.visits {
		texts = append(texts, card(v))
	}
	return rapid.SampledFrom(texts).Draw(d.rt, "text")
}

// queue hands a scan over as a wire does.
func (d *day) queue() {
	in := floor.Scan{ID: d.id(), Scanner: d.scanner(), Text: d.text()}
	d.mu.Lock()
	d.fed = append(d.fed, in.ID)
	d.mu.Unlock()
	d.Scan(d.ctx, in)
}

// ask hands an input over as a screen does, and looks at what it shows.
func (d *day) ask(in floor.Input, id string) floor.Reply {
	reply, err := d.Do(d.ctx, in)
	if err == nil {
		d.asked[id] = shown{d.disk.head.Load(), reply.Good}
	} else if reply.Good || reply.Message.Key != "station.not_recorded" {
		d.rt.Errorf("what was not recorded is answered %+v", reply)
	}
	return reply
}

func (d *day) heard(scanner string, good bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.beeps = append(d.beeps, shown{d.disk.head.Load(), good})
}

func (d *day) step() {
	switch rapid.IntRange(0, 6).Draw(d.rt, "what") {
	case 0:
		synctest.Wait() // lamps are checked at the moment for which they were decided
		d.advance(time.Duration(rapid.IntRange(1, 600).Draw(d.rt, "seconds")) * time.Second)
	case 1:
		id := d.id()
		plate := fmt.Sprintf("沪A%05d", rapid.IntRange(1, 5).Draw(d.rt, "plate"))
		if r := d.ask(floor.CheckIn{ID: id, Plate: plate}, id); r.Good && r.Visit != "" {
			d.visits = append(d.visits, r.Visit)
		}
	case 2:
		if len(d.visits) > 0 {
			id, visit := d.id(), rapid.SampledFrom(d.visits).Draw(d.rt, "visit")
			d.ask(floor.Sign{ID: id, By: "a1", Visit: visit, Promise: d.clock.Now().Wall.Add(20 * time.Minute), Items: []kiosk.Item{
				{Code: "OIL", Category: kiosk.Maintenance, Payer: "customer", StandardMinutes: 10}}}, id)
		}
	case 3:
		d.Device(d.ctx, rapid.SampledFrom([]string{"sb1", "printer"}).Draw(d.rt, "device"), rapid.Bool().Draw(d.rt, "up"), "")
	default:
		for range rapid.IntRange(1, 6).Draw(d.rt, "burst") {
			d.queue()
		}
	}
}

// check holds what was shown against what is on disk.
func (d *day) check() {
	last, events := map[string]uint64{}, d.events()
	for i, e := range events {
		if e.Seq != uint64(i)+1 {
			d.rt.Fatalf("event %d has the sequence %d", i+1, e.Seq)
		}
		if c := e.Data.Common().Cause; c != "" {
			last[c] = e.Seq
		}
	}
	if len(d.beeps) != len(d.fed) {
		d.rt.Fatalf("%d scans gave %d beeps", len(d.fed), len(d.beeps))
	}
	for i, id := range d.fed {
		if b := d.beeps[i]; b.good && b.head < last[id] {
			d.rt.Errorf("scan %s beeped good when %d events were durable, its last is %d", id, b.head, last[id])
		}
	}
	for id, a := range d.asked {
		if a.head < last[id] {
			d.rt.Errorf("input %s was answered when %d events were durable, its last is %d", id, a.head, last[id])
		}
	}
	d.sameAsDisk()
}

// TestNothingIsShownBeforeItIsDurable plays random inputs, some commits of which
// fail, with and without having persisted. The tower checks each lamp at the
// moment it is lit.
func TestNothingIsShownBeforeItIsDurable(t *testing.T) {
	bubble(t, func(t *testing.T) {
		dir, n := t.TempDir(), 0
		// A bubble has no deadline of the test, and rapid would ask for it.
		rapid.Check(struct{ testing.TB }{t}, func(rt *rapid.T) {
			n++
			d := &day{rt: rt, asked: map[string]shown{}, rig: newRig(t, filepath.Join(dir, fmt.Sprint(n)))}
			d.cfg.Beep = d.heard
			d.cfg.Printer = &press{}
			d.start()
			defer d.stop()
			faults := rapid.SliceOfN(rapid.IntRange(0, 5), 1, 20).Draw(rt, "faults")
			appends := 0
			d.disk.onAppend(func(do func() error) error {
				fault := faults[appends%len(faults)]
				appends++
				switch fault {
				case 0:
					return errBoom
				case 1:
					if err := do(); err != nil {
						return err
					}
					return errBoom
				}
				return do()
			})
			for range rapid.IntRange(1, 20).Draw(rt, "steps") {
				d.step()
			}
			synctest.Wait()
			d.check()
		})
	})
}

func TestNothingIsShownWhileTheCommitIsUnderWay(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, file(t))
		beeps := make(chan bool, 10)
		r.cfg.Beep = func(_ string, good bool) { beeps <- good }
		r.start()
		defer r.stop()
		for _, after := range []bool{false, true} { // before and after the bytes are on the disk
			held := make(chan struct{})
			r.disk.onAppend(func(do func() error) error {
				if !after {
					<-held
					return do()
				}
				err := do()
				<-held
				return err
			})
			changes, cancel := r.Subscribe()
			answered, seen := make(chan floor.Reply, 1), make(chan struct{})
			sets, version, said, lamp := r.tower.sets.Load(), r.Version(), len(r.Said()), r.tower.of("b1")
			r.Scan(r.ctx, floor.Scan{ID: r.id(), Scanner: "sb2", Text: badge("t1")})
			go func() {
				reply, _ := r.Do(r.ctx, floor.CallHelp{ID: r.id(), Place: "b1"})
				answered <- reply
			}()
			synctest.Wait()
			go func() {
				_ = r.View(r.ctx, func(*floor.State, kiosk.Moment) { close(seen) })
			}()
			r.advance(time.Minute) // the time's own lamps wait as well
			synctest.Wait()
			select {
			case <-beeps:
				t.Error("a beep")
			case <-answered:
				t.Error("a reply")
			case <-changes:
				t.Error("a signal")
			case <-seen:
				t.Error("a view")
			default:
			}
			if r.tower.sets.Load() != sets || r.Version() != version || len(r.Said()) != said {
				t.Error("something is shown while the commit is under way")
			}
			close(held)
			r.disk.append.Store(nil)
			reply := <-answered
			if <-seen; !reply.Good || !<-beeps || r.tower.of("b1").Colour != "red" || lamp.Colour == "red" {
				t.Errorf("after the commit: reply %+v, lamp %v, before %v", reply, r.tower.of("b1"), lamp)
			}
			cancel()
			r.do(floor.ClearHelp{ID: r.id(), By: "s1", Place: "b1"})
			r.advance(time.Minute)
			synctest.Wait()
		}
	})
}

func TestOneCommitServesAllThatWait(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, file(t))
		var order []string
		var mu sync.Mutex
		r.cfg.Beep = func(scanner string, good bool) {
			mu.Lock()
			defer mu.Unlock()
			order = append(order, fmt.Sprintf("%s %t", scanner, good))
		}
		r.start()
		defer r.stop()
		held := make(chan struct{})
		r.disk.onAppend(func(do func() error) error { <-held; return do() })
		before := r.disk.appends.Load()
		want := []string{"sb1 true"}
		r.Scan(r.ctx, floor.Scan{Scanner: "sb1", Text: badge("t1")})
		synctest.Wait()
		for i := range 200 {
			bay := fmt.Sprintf("sb%d", i%3+1)
			text, good := action(kiosk.Help), true
			if i%2 == 1 {
				text, good = fmt.Sprintf("rubbish %d", i), false
			}
			r.Scan(r.ctx, floor.Scan{Scanner: bay, Text: text})
			want = append(want, fmt.Sprintf("%s %t", bay, good))
		}
		close(held)
		synctest.Wait()
		equal(t, "beeps", order, want)
		equal(t, "commits", r.disk.appends.Load()-before, 2)
		r.sameAsDisk()
	})
}
