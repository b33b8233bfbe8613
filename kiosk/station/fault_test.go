package station_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/floor"
	"baylight/kiosk/station"
)

// TestFaultPairs: a commit of three inputs fails, and did or did not persist.
func TestFaultPairs(t *testing.T) {
	for _, persists := range []bool{false, true} {
		t.Run(fmt.Sprintf("persists %t", persists), func(t *testing.T) {
			bubble(t, func(t *testing.T) { failOnce(t, persists) })
		})
	}
}

func failOnce(t *testing.T, persists bool) {
	r := newRig(t, file(t))
	beeps := make(chan bool, 10)
	r.cfg.Beep = func(_ string, good bool) { beeps <- good }
	r.start()
	defer r.stop()
	visit := r.checkIn("沪A12345")
	r.sign(visit, time.Hour)
	r.scan("sb1", badge("t1"))
	<-beeps
	before := r.picture()

	held, fail := make(chan struct{}), false
	r.disk.onAppend(func(do func() error) error {
		<-held
		if !fail {
			return do()
		}
		fail = false
		if persists {
			if err := do(); err != nil {
				return err
			}
		}
		return errBoom
	})
	r.Scan(r.ctx, floor.Scan{ID: "hold", Scanner: "sb3", Text: badge("t2")}) // while it is held, a batch gathers
	synctest.Wait()
	type told struct {
		reply floor.Reply
		err   error
	}
	answers := make(chan told, 2)
	for _, in := range []floor.Input{floor.Scan{ID: "start", Scanner: "sb1", Text: card(visit)}, floor.CallHelp{ID: "help", Place: "b2"}} {
		go func() {
			reply, err := r.Do(r.ctx, in)
			answers <- told{reply, err}
		}()
	}
	r.Scan(r.ctx, floor.Scan{ID: "badge", Scanner: "sb2", Text: badge("q1")})
	synctest.Wait()
	appends := r.disk.appends.Load()
	held <- struct{}{}
	synctest.Wait()
	equal(t, "commits of what waited", r.disk.appends.Load()-appends, 1)
	if <-beeps; len(answers) > 0 || r.tower.of("b1").Colour != "white" || r.tower.of("b2").Colour != "white" {
		t.Errorf("before the commit: %d answers, lamps %v %v", len(answers), r.tower.of("b1"), r.tower.of("b2"))
	}
	fail = true
	close(held)

	for range 2 {
		a := <-answers
		if !errors.Is(a.err, station.ErrNotRecorded) || !errors.Is(a.err, errBoom) || a.reply.Good || a.reply.Message.Key != "station.not_recorded" {
			t.Errorf("who waited was told %+v, %v", a.reply, a.err)
		}
	}
	if <-beeps {
		t.Error("a good beep for what was not recorded")
	}
	if r.Broken() != errBoom.Error() {
		t.Errorf("Broken = %q", r.Broken())
	}
	for bay, key := range map[string]string{"b1": "station.not_recorded", "b2": "station.not_recorded"} {
		if got := r.Said()[bay].Reply.Message.Key; string(got) != key {
			t.Errorf("at %s is said %q, want %q", bay, got, key)
		}
	}
	r.sameAsDisk()
	lit := map[bool]string{false: "white", true: "green"}[persists]
	if got := r.tower.of("b1").Colour; got != lit {
		t.Errorf("lamp b1 is %s, want %s", got, lit)
	}
	if after := r.picture(); !persists && after.Next != before.Next+1 { // but for the badge at b3
		t.Errorf("next is %d, was %d", after.Next, before.Next)
	}
	// People scan again; the screen sends the same action again.
	r.scan("sb1", card(visit))
	r.do(floor.CallHelp{ID: "help", Place: "b2"})
	r.scan("sb2", badge("q1"))
	r.advance(time.Second)
	synctest.Wait()
	equal(t, "broken", r.Broken(), "")
	r.sameAsDisk()
	n := map[kiosk.Type]int{}
	for _, typ := range r.types(before.Next) {
		n[typ]++
	}
	equal(t, "events, none lost or doubled", n, map[kiosk.Type]int{"job.started": 1, "help.called": 1, "badge.scanned": 1})
}

// TestRecoveryNeedsNoInput: screens that take nothing while the journal is
// broken would otherwise never find out that it works again.
func TestRecoveryNeedsNoInput(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, file(t)).start()
		defer r.stop()
		head := r.disk.Head()
		r.disk.onAppend(func(func() error) error { return errBoom })
		full := true
		r.disk.onCursor(func(_ string, do func() error) error {
			if full {
				return errBoom
			}
			return do()
		})
		if _, err := r.Do(r.ctx, floor.CallHelp{ID: "h", Place: "b1"}); !errors.Is(err, station.ErrNotRecorded) {
			t.Errorf("Do = %v", err)
		}
		r.advance(time.Second)
		synctest.Wait()
		equal(t, "broken while the disk is full", r.Broken(), "boom")
		full = false
		version := r.Version()
		r.advance(time.Second)
		synctest.Wait()
		equal(t, "broken when it is not", r.Broken(), "")
		if r.Version() == version {
			t.Error("nobody is told")
		}
		equal(t, "head", r.disk.Head(), head)
		sets := r.disk.sets.Load()
		r.advance(time.Second)
		synctest.Wait()
		equal(t, "writes when all is well", r.disk.sets.Load()-sets, 0)
	})
}

func TestScansWithoutIDGetOneEach(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, file(t)).start()
		defer r.stop()
		for _, text := range []string{badge("t1"), badge("t2")} {
			r.do(floor.Scan{Scanner: "sb1", Text: text})
		}
		seen := map[string]bool{}
		for _, e := range r.events()[1:] {
			cause := e.Data.Common().Cause
			if len(cause) < 20 || seen[cause] {
				t.Errorf("event %d has the cause %q", e.Seq, cause)
			}
			seen[cause] = true
		}
		equal(t, "causes", len(seen), 2)
	})
}

// TestSlowDisk: a disk that takes twenty writes a second, and a hundred scans a
// second. Nothing is lost or out of order, nothing fails, and since all that
// waits goes with one write, the queue does not grow.
func TestSlowDisk(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const scans, each, write = 600, 10 * time.Millisecond, 50 * time.Millisecond
		r := newRig(t, file(t))
		slow := func(do func() error) error { <-time.After(write); return do() }
		r.disk.onAppend(slow)
		r.disk.onCursor(func(_ string, do func() error) error { return slow(do) })
		beeps := make(chan bool, scans+10)
		r.cfg.Beep = func(_ string, good bool) { beeps <- good }
		r.start()
		defer r.stop()
		before, most := r.disk.appends.Load(), 0
		for i := range scans {
			r.Scan(r.ctx, floor.Scan{ID: fmt.Sprint("scan-", i), Scanner: fmt.Sprint("sb", 1+i%3), Text: fmt.Sprint("no code ", i)})
			<-time.After(each)
			most = max(most, i+1-len(beeps))
		}
		<-time.After(2 * write)
		synctest.Wait()
		if len(beeps) != scans {
			t.Errorf("%d of %d scans were answered", len(beeps), scans)
		}
		if writes := r.disk.appends.Load() - before; writes < 10 || writes > scans*int64(each)/int64(write)+2 {
			t.Errorf("%d scans took %d writes", scans, writes)
		}
		if limit := 3 * int(write/each); most > limit {
			t.Errorf("%d scans waited at once, more than come during three writes (%d)", most, limit)
		}
		n := 0
		if err := r.disk.Replay(0, func(e kiosk.Event) error {
			if m := e.Data.Common(); m.Scan != nil {
				if m.Cause != fmt.Sprint("scan-", n) {
					t.Errorf("scan %d is %s", n, m.Cause)
				}
				n++
			}
			return nil
		}); err != nil || n != scans {
			t.Errorf("%d scans are recorded, %v", n, err)
		}
		if r.Broken() != "" {
			t.Errorf("broken: %s", r.Broken())
		}
	})
}
