package clock

import (
	"context"
	"time"

	"baylight/kiosk"
)

// stepAtLeast is the smallest step worth an event. Slewing moves wall clock and
// time since boot alike, so even far smaller differences are no drift; figures
// are in whole minutes.
const stepAtLeast = 500 * time.Millisecond

// Steps finds steps in a sequence of moments of one clock. The zero value is
// ready. It is not for use by several goroutines at once.
type Steps struct {
	known bool
	boot  string
	epoch time.Time // wall clock at time since boot 0, as last reported
	trust kiosk.Quality
}

// See takes the next moment. It reports true when the wall clock was stepped by
// half a second or more since the last report, or has become synced; before is
// then the same instant as the clock told it before the step, so that
// to.Wall − before.Wall is how far it was off. The first moment of a boot is
// never a step.
func (s *Steps) See(to kiosk.Moment) (before kiosk.Moment, stepped bool) {
	epoch := to.Wall.Add(-to.Up)
	if !s.known || s.boot != to.Boot {
		*s = Steps{known: true, boot: to.Boot, epoch: epoch, trust: to.Clock}
		return kiosk.Moment{}, false
	}
	before = kiosk.Moment{Wall: s.epoch.Add(to.Up), Boot: to.Boot, Up: to.Up, Clock: s.trust}
	became := to.Clock == kiosk.Synced && s.trust != kiosk.Synced
	s.trust = to.Clock
	if !became && epoch.Sub(s.epoch).Abs() < stepAtLeast {
		return kiosk.Moment{}, false
	}
	s.epoch = epoch
	return before, true
}

// lookEvery is how often Watch looks, in shop time.
const lookEvery = time.Second

// Watch is a task that looks at a clock once a second of shop time and reports
// its steps, see [Steps.See].
type Watch struct {
	clock  Clock
	report func(from, to kiosk.Moment)
	ready  chan struct{}
}

// NewWatch makes the task. report is called from the goroutine of Run.
func NewWatch(c Clock, report func(from, to kiosk.Moment)) *Watch {
	return &Watch{clock: c, report: report, ready: make(chan struct{})}
}

// Run looks until ctx ends. It is called once.
func (w *Watch) Run(ctx context.Context) error {
	var steps Steps
	steps.See(w.clock.Now())
	close(w.ready)
	for {
		alarm, cancel := w.clock.Alarm(lookEvery)
		select {
		case <-ctx.Done():
			cancel()
			return nil
		case <-alarm:
		}
		now := w.clock.Now()
		if from, stepped := steps.See(now); stepped {
			w.report(from, now)
		}
	}
}

// Ready is closed after the first look.
func (w *Watch) Ready() <-chan struct{} { return w.ready }

// String names the task.
func (w *Watch) String() string { return "clock watch" }
