package station_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/floor"
	"baylight/kiosk/station"
)

func TestRestartInTheMiddleOfTheDay(t *testing.T) {
	bubble(t, func(t *testing.T) {
		path := file(t)
		r := newRig(t, path)
		r.cfg.Printer = &press{}
		r.start()
		first, second := r.checkIn("沪A12345"), r.checkIn("沪B67890")
		r.sign(first, time.Hour)
		r.scan("sb1", badge("t1"))
		r.scan("sb1", card(first))
		r.advance(10 * time.Minute)
		r.scan("sb2", badge("t2"))
		r.scan("sb2", card(second))
		r.scan("sb2", action(kiosk.PauseParts))
		r.scan("sb3", action(kiosk.Help))
		synctest.Wait()
		r.sameAsDisk()
		before, now := r.picture(), r.clock.Now()
		r.stop()

		again := newRig(t, path)
		if err := again.clock.Set(now, 0); err != nil {
			t.Fatal(err)
		}
		printer := &press{}
		again.cfg.Printer = printer
		again.start()
		defer again.stop()
		synctest.Wait()
		before.Next++ // the start
		equal(t, "state after a restart", again.picture(), before)
		again.sameAsDisk()
		equal(t, "paper after a restart", printer.prints(), nil)
		equal(t, "paper behind", again.PaperBehind(), 0)
		for bay, want := range map[string]string{"b1": "green", "b2": "amber", "b3": "red"} {
			if got := again.tower.of(bay); got.Colour != want {
				t.Errorf("lamp %s is %v, want %s", bay, got, want)
			}
		}
	})
}

func TestTimeAloneChangesLamps(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, file(t)).start()
		defer r.stop()
		visit := r.checkIn("沪A12345")
		r.sign(visit, time.Hour)
		r.scan("sb1", badge("t1"))
		r.scan("sb1", card(visit))
		head := r.disk.Head()
		changes, cancel := r.Subscribe()
		defer cancel()
		for _, step := range []struct {
			after time.Duration
			want  string
		}{{time.Minute, "green"}, {58 * time.Minute, "green"}, {time.Minute, "red"}} {
			version := r.Version()
			r.advance(step.after)
			<-changes
			synctest.Wait()
			if got := r.tower.of("b1"); got.Colour != step.want || r.Version() <= version {
				t.Errorf("%s later: lamp %v, version %d after %d; want %s", step.after, got, r.Version(), version, step.want)
			}
		}
		equal(t, "head", r.disk.Head(), head)
	})
}

func TestDevicesAreRecordedOnChange(t *testing.T) {
	bubble(t, func(t *testing.T) {
		path := file(t)
		play := func(seen ...bool) (types []kiosk.Type) {
			r := newRig(t, path).start()
			defer r.stop()
			head := r.disk.Head()
			for _, up := range seen {
				r.Device(r.ctx, "scanner 1", up, "unplugged")
			}
			synctest.Wait()
			return r.types(head)
		}
		down, up := kiosk.Type("device.down"), kiosk.Type("device.up")
		for _, c := range []struct {
			name string
			seen []bool
			want []kiosk.Type
		}{
			{"it is there from the start", []bool{true, true}, nil},
			{"lost, and said so twice", []bool{false, false}, []kiosk.Type{down}},
			{"after a restart still away", []bool{false}, nil},
			{"after a restart back", []bool{true, true, false, true}, []kiosk.Type{up, down, up}},
			{"after a restart still there", []bool{true}, nil},
		} {
			equal(t, c.name, play(c.seen...), c.want)
		}
	})
}

func TestLongDeviceNamesAreOneDevice(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, file(t)).start()
		defer r.stop()
		head := r.disk.Head()
		for range 3 {
			r.Device(r.ctx, "扫描器\xff 在很远很远的地方,名字长得没有人愿意把它读完,更不用说写下来", false, "")
			synctest.Wait()
			r.advance(time.Second)
			synctest.Wait()
		}
		equal(t, "events", r.types(head), []kiosk.Type{"device.down"})
	})
}

func TestADeviceLostWhileNothingCouldBeRecorded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, file(t)).start()
		defer r.stop()
		head := r.disk.Head()
		full := true
		r.disk.onAppend(func(do func() error) error {
			if full {
				return errBoom
			}
			return do()
		})
		r.Device(r.ctx, "printer", false, "no paper")
		synctest.Wait()
		if r.Broken() == "" {
			t.Error("nothing says that nothing is recorded")
		}
		r.advance(time.Second)
		synctest.Wait()
		full = false
		equal(t, "events while nothing is recorded", r.types(head), nil)
		r.advance(time.Second)
		synctest.Wait()
		equal(t, "events when it is again", r.types(head), []kiosk.Type{"device.down"})
		equal(t, "broken", r.Broken(), "")
		r.advance(time.Second)
		synctest.Wait()
		equal(t, "events after that", r.types(head), []kiosk.Type{"device.down"})
	})
}

func TestNothingHangsAfterTheEnd(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, file(t)).start()
		held, waiting := make(chan struct{}), make(chan error, 1)
		r.disk.onAppend(func(do func() error) error { <-held; return do() })
		go func() { _, err := r.Do(r.ctx, floor.CallHelp{ID: "h1", Place: "b1"}); waiting <- err }()
		synctest.Wait()
		queued, looking := make(chan error, 1), make(chan error, 1)
		go func() { _, err := r.Do(r.ctx, floor.CallHelp{ID: "h2", Place: "b2"}); queued <- err }()
		go func() { looking <- r.View(r.ctx, func(*floor.State, kiosk.Moment) {}) }()
		synctest.Wait()
		r.end()
		synctest.Wait()
		close(held)
		if err := <-waiting; err != nil {
			t.Errorf("the input that was being recorded: %v", err)
		}
		for what, c := range map[string]chan error{"queued input": queued, "view": looking} {
			if err := <-c; err != nil && !errors.Is(err, station.ErrStopped) {
				t.Errorf("%s: %v", what, err)
			}
		}
		r.stop()
		for range 300 { // more than the queue takes
			if _, err := r.Do(r.ctx, floor.CallHelp{ID: "h", Place: "b1"}); !errors.Is(err, station.ErrStopped) {
				t.Fatalf("Do = %v", err)
			}
			r.Scan(r.ctx, floor.Scan{Scanner: "sb1", Text: "x"})
			r.Device(r.ctx, "printer", false, "")
		}
		if err := r.View(r.ctx, func(*floor.State, kiosk.Moment) { t.Error("a view after the end") }); !errors.Is(err, station.ErrStopped) {
			t.Errorf("View = %v", err)
		}
	})
}

func TestGivingUpWhileTheQueueIsFull(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, file(t)).start()
		held := make(chan struct{})
		r.disk.onAppend(func(do func() error) error { <-held; return do() })
		ctx, cancel := context.WithCancelCause(r.ctx)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for range 1000 {
				r.Scan(ctx, floor.Scan{Scanner: "sb1", Text: badge("t1")})
			}
		}()
		asked := make(chan error, 2)
		synctest.Wait()
		go func() { _, err := r.Do(ctx, floor.CallHelp{ID: "h1", Place: "b1"}); asked <- err }()
		go func() { asked <- r.View(ctx, func(*floor.State, kiosk.Moment) {}) }()
		synctest.Wait()
		cancel(errBoom)
		<-done
		for range 2 {
			if err := <-asked; !errors.Is(err, errBoom) {
				t.Errorf("who gave up got %v", err)
			}
		}
		close(held)
		r.scan("sb2", badge("t2"))
		r.sameAsDisk()
		r.stop()
	})
}

func TestAJournalThatCannotBeReadEndsTheStation(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, file(t))
		r.cfg.Printer = &press{}
		r.start()
		r.disk.onAppend(func(func() error) error { return errors.Join(errBoom, r.disk.Close()) })
		if _, err := r.Do(r.ctx, floor.CallHelp{ID: "h1", Place: "b1"}); !errors.Is(err, station.ErrStopped) {
			t.Errorf("Do = %v", err)
		}
		if err := <-r.ran; err == nil || errors.Is(err, station.ErrNotRecorded) {
			t.Errorf("Run = %v", err)
		}
		r.end()
		if err := r.clock.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestAStartThatCannotBeRecorded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, file(t))
		r.disk.onAppend(func(func() error) error { return errBoom })
		s := station.New(r.cfg)
		if err := s.Run(t.Context()); !errors.Is(err, errBoom) {
			t.Errorf("Run = %v", err)
		}
		select {
		case <-s.Ready():
			t.Error("it says that it is ready")
		default:
		}
		if _, err := s.Do(t.Context(), floor.CallHelp{ID: "h", Place: "b1"}); !errors.Is(err, station.ErrStopped) {
			t.Errorf("Do = %v", err)
		}
		r.close()
	})
}

func TestSignalsTellOfTheLastChange(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, file(t)).start()
		defer r.stop()
		slow, cancel := r.Subscribe()
		for _, bay := range []string{"sb1", "sb2", "sb3"} {
			r.scan(bay, badge("t1"))
		}
		<-slow
		select {
		case <-slow:
			t.Error("three changes nobody waited for gave two signals")
		default:
		}
		version := r.Version()
		r.scan("sb1", action(kiosk.Help))
		<-slow
		if r.Version() <= version || r.Said()["b1"].Reply.Message.Key != "floor.help" || r.Said()["b1"].N != 2 {
			t.Errorf("after a signal: version %d, before %d; said %+v", r.Version(), version, r.Said()["b1"])
		}
		cancel()
		r.scan("sb1", badge("t2"))
		select {
		case <-slow:
			t.Error("a signal after cancel")
		default:
		}
	})
}

// ending is a journal whose reader is told to stop after the first event.
type ending struct {
	station.Journal
	end  func()
	read int
}

func (j *ending) Replay(after uint64, fn func(kiosk.Event) error) error {
	return j.Journal.Replay(after, func(e kiosk.Event) error {
		j.read++
		err := fn(e)
		j.end()
		return err
	})
}

// TestEndsWhileItReads: who is told to stop in the midst of a long replay stops
// at the next event, without an error and without having begun.
func TestEndsWhileItReads(t *testing.T) {
	bubble(t, func(t *testing.T) {
		path := file(t)
		r := newRig(t, path).start()
		r.sign(r.checkIn("沪A12345"), time.Hour)
		r.stop()
		r = newRig(t, path)
		head := r.disk.Head()
		ctx, end := context.WithCancel(context.Background())
		j := &ending{Journal: r.disk, end: end}
		r.cfg.Journal = j
		s := station.New(r.cfg)
		if err := s.Run(ctx); err != nil {
			t.Errorf("Run = %v", err)
		}
		select {
		case <-s.Ready():
			t.Error("a station that never began is ready")
		default:
		}
		if j.read != 2 || head < 3 || r.disk.Head() != head {
			t.Errorf("it read %d of %d events and recorded %d, want 2 and none", j.read, head, r.disk.Head()-head)
		}
		r.close()
	})
}
