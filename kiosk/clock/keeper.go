package clock

import (
	"context"
	"sync"
	"time"

	"baylight/kiosk"
)

// How far clocks are believed.
const (
	// noStep is what wall clock and time since boot may part before it is a step:
	// slewing moves both alike, figures are in whole minutes.
	noStep = 500 * time.Millisecond
	// drift divides time: a clock that nobody holds may go wrong by 200 ppm.
	drift = 5000
	// overlap is how far two boots may run into each other before one is wrong.
	overlap = time.Minute
	// settle is how long a jump that contradicts what was trusted has to stand
	// before it is followed, if no other source confirms it.
	settle = time.Hour
	// LostAfter is when a clock that nobody confirmed becomes an alarm.
	LostAfter = 24 * time.Hour
	// lookEvery is how often Run looks, in shop time.
	lookEvery = time.Second
)

// Known is what a board knows of the time as it starts.
type Known struct {
	Last  kiosk.Moment // of the last durable event, the zero Moment if there is none
	Built time.Time    // of this program; the zero time if unknown
	// Source is who last told the time in the boot of Last, "" if nobody did, with
	// the error it had and the time since boot.
	Source kiosk.ClockSource
	Error  time.Duration
	At     time.Duration
}

// Take takes in the durable events of the last boot, the newest first. It
// reports whether older ones can say more.
func (n *Known) Take(e kiosk.Event) (more bool) {
	if n.Last.Boot == "" {
		n.Last = e.Moment
	}
	if e.Moment.Boot != n.Last.Boot {
		return false
	}
	switch c, set := e.Data.(*kiosk.ClockSet); {
	case set && c.Followed() && c.Source != "":
		n.Source, n.Error = c.Source, time.Duration(c.ErrorMS)*time.Millisecond
	case e.Moment.Clock == kiosk.Synced:
		n.Source = kiosk.ClockSystem
	default:
		return true
	}
	n.At = e.Moment.Up
	return false
}

// Change is one thing to record as kiosk.clock_set.
type Change struct {
	Offset time.Duration // added to the wall clock; of a jump, what was not
	Source kiosk.ClockSource
	Error  time.Duration // how far the time may be off
}

// Status is how a keeper's clock is.
type Status struct {
	Quality kiosk.Quality
	Source  kiosk.ClockSource // "" none
	Error   time.Duration     // how far it may be off by now; without a source it is unknown and 0
	Age     time.Duration     // time since the source last confirmed it, or since boot without a source
	Jump    time.Duration     // how far the system's clock is away, if that is not followed
}

// Lost says whether nobody has confirmed the time for so long that a person has
// to look.
func (s Status) Lost() bool { return s.Quality != kiosk.Synced && s.Age >= LostAfter }

// Keeper is the clock of a board: the system's, as far as that can be believed,
// and the time since boot where it cannot. It is a [Clock] and a task. The
// system's own clock is never set. DESIGN.md tells the rules.
type Keeper struct {
	Clock  // the system's
	known  Known
	report func(Change)
	ready  chan struct{}
	wake   chan struct{}

	mu        sync.Mutex
	boot      string
	start     time.Time // when the boot began, as the keeper tells the time
	seen      time.Time // the same by the system's clock, as last seen
	held      bool      // the system held its clock when last seen
	source    kiosk.ClockSource
	err       time.Duration // of the source when it confirmed
	confirmed time.Duration // time since boot
	doubted   struct {      // a jump that is not followed
		on    bool
		start time.Time
		since time.Duration
	}
	changes []Change
}

// NewKeeper keeps the time of a board. report is called from the goroutine of
// Run for each change, in order.
func NewKeeper(system Clock, known Known, report func(Change)) *Keeper {
	return &Keeper{Clock: system, known: known, report: report, ready: make(chan struct{}), wake: make(chan struct{}, 1)}
}

// Now is the best known moment. Its wall clock is never before the last durable
// event, nor before the program was built, unless a trusted source says so.
func (k *Keeper) Now() kiosk.Moment {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.now()
}

func (k *Keeper) now() kiosk.Moment {
	m := k.Clock.Now()
	k.see(m)
	zone := m.Wall.Location()
	m.Wall = k.start.Add(m.Up).In(zone)
	m.Clock = k.quality()
	return m
}

func (k *Keeper) quality() kiosk.Quality {
	switch {
	case k.source == "":
		return kiosk.Unset
	case k.source == kiosk.ClockSystem && k.held && !k.doubted.on:
		return kiosk.Synced
	}
	return kiosk.Holdover
}

// Status tells people and programs how the clock is.
func (k *Keeper) Status() Status {
	k.mu.Lock()
	defer k.mu.Unlock()
	m := k.now()
	s := Status{Quality: m.Clock, Source: k.source, Age: m.Up - k.confirmed}
	if k.source != "" {
		s.Error = k.err + s.Age/drift
	}
	if k.doubted.on {
		s.Jump = k.doubted.start.Sub(k.start)
	}
	return s
}

// see takes in what the system's clock says.
func (k *Keeper) see(m kiosk.Moment) {
	start := m.Wall.Add(-m.Up)
	if k.boot != m.Boot {
		k.begin(m, start)
		defer k.begun()
	}
	stepped := start.Sub(k.seen).Abs() >= noStep
	if stepped {
		k.seen = start // small ones add up
	}
	k.held = m.Clock == kiosk.Synced
	switch {
	case k.held:
		k.follow(m, start)
	case start.Sub(k.start).Abs() < noStep:
		k.doubted.on = false
		if k.source == "" && m.Clock == kiosk.Holdover {
			k.adopt(m, start, kiosk.ClockRTC, rtcError)
		}
	case k.source == "" && m.Clock == kiosk.Holdover && !start.Before(k.low()):
		k.adopt(m, start, kiosk.ClockRTC, rtcError)
	case stepped && k.source != kiosk.ClockSystem && k.source != kiosk.ClockOffice && !start.Before(k.low()):
		k.adopt(m, start, kiosk.ClockHand, handError) // nobody knows better than who set it
	case stepped && k.source != "":
		k.doubt(m, start)
	}
}

// begun forgets what changed at the first look at a boot of which nothing is
// recorded yet: there is nothing to correct.
func (k *Keeper) begun() {
	if k.known.Last.Boot != k.boot && !k.doubted.on {
		k.changes = nil
	}
}

// How far the weaker sources may be off when they are read.
const (
	rtcError  = 2 * time.Minute
	handError = 5 * time.Minute
)

// begin starts a boot: on from the last durable event if that was in this boot,
// else with the system's clock, but after that event.
func (k *Keeper) begin(m kiosk.Moment, start time.Time) {
	k.boot, k.seen, k.start, k.source, k.confirmed = m.Boot, start, start, "", 0
	k.doubted.on = false
	last := k.known.Last
	switch {
	case last.Boot == m.Boot && m.Boot != "" && last.Up <= m.Up:
		k.start = last.Wall.Add(-last.Up)
		k.source, k.err, k.confirmed = k.known.Source, k.known.Error, k.known.At
		if k.source == "" && last.Clock == kiosk.Holdover {
			k.source, k.err, k.confirmed = kiosk.ClockRTC, rtcError, last.Up
		}
	case start.Before(k.low()):
		k.start = k.low()
	}
}

// low is before when this boot cannot have begun.
func (k *Keeper) low() time.Time {
	if last := k.known.Last.Wall; k.known.Last.Boot != k.boot && last.After(k.known.Built) {
		return last
	}
	return k.known.Built.Add(-builtSlack)
}

// builtSlack allows for a program built in another time zone's tomorrow.
const builtSlack = 24 * time.Hour

// follow goes by a system that says it is synchronised, unless that contradicts
// what was trusted before.
func (k *Keeper) follow(m kiosk.Moment, start time.Time) {
	off := start.Sub(k.start).Abs()
	age := m.Up - k.confirmed
	fits := off < noStep+age/drift
	if k.source != kiosk.ClockSystem {
		fits = k.known.Last.Clock != kiosk.Synced || k.known.Last.Boot == k.boot || !start.Before(k.known.Last.Wall.Add(-overlap))
	}
	if !fits {
		k.doubt(m, start)
		if m.Up-k.doubted.since < settle {
			return
		}
	}
	k.adopt(m, start, kiosk.ClockSystem, 0)
}

// adopt goes by a source from now on.
func (k *Keeper) adopt(m kiosk.Moment, start time.Time, by kiosk.ClockSource, err time.Duration) {
	off := start.Sub(k.start)
	if off.Abs() >= noStep || k.source != by {
		k.change(Change{Offset: off, Source: by, Error: err})
	}
	k.start, k.source, k.err, k.confirmed, k.doubted.on = start, by, err, m.Up, false
}

// doubt notes a jump that is not followed, once.
func (k *Keeper) doubt(m kiosk.Moment, start time.Time) {
	d := &k.doubted
	if d.on && start.Sub(d.start).Abs() < noStep {
		return
	}
	d.on, d.start, d.since = true, start, m.Up
	k.change(Change{Offset: start.Sub(k.start), Source: kiosk.ClockJump})
}

// maxChanges bounds what waits to be recorded: a clock that jumps all the time
// says the same with its last jumps.
const maxChanges = 64

func (k *Keeper) change(c Change) {
	if len(k.changes) == maxChanges {
		k.changes = k.changes[1:]
	}
	k.changes = append(k.changes, c)
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// Offer gives the keeper the office's time. It reports whether the board now
// goes by it. An office that is not synchronised itself is no source: it only
// keeps the clock of a board without any from being absurd.
func (k *Keeper) Offer(s Sample) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	m := k.Clock.Now()
	k.see(m)
	if s.Boot != m.Boot || s.Up > m.Up {
		return false
	}
	off := s.Start.Sub(k.start)
	far := off.Abs() >= noStep+s.Error
	switch {
	case !s.Synced:
		if k.source == "" && !s.Start.Before(k.low()) && far {
			k.start = s.Start
		}
		return false
	case k.doubted.on && s.Start.Sub(k.doubted.start).Abs() < noStep+s.Error && k.held:
		k.adopt(m, k.doubted.start, kiosk.ClockSystem, 0) // the office confirms the jump
		return false
	case k.doubted.on && !far:
		k.doubted.since = m.Up // the office denies the jump
		return false
	case k.source == kiosk.ClockSystem && k.held:
		return false // the system knows better
	}
	if k.source == kiosk.ClockSystem && off.Abs() >= noStep+s.Error+(m.Up-k.confirmed)/drift {
		return false // it contradicts the system, which knew better
	}
	if k.source != "" && s.Error >= k.err+(m.Up-k.confirmed)/drift {
		return false // no better than what the board has
	}
	start := s.Start
	if !far {
		start = k.start
	}
	k.adopt(m, start, kiosk.ClockOffice, s.Error)
	return true
}

// Run looks once a second of shop time and reports what changed, until ctx
// ends. It is called once.
func (k *Keeper) Run(ctx context.Context) error {
	first := true
	for {
		k.Now()
		for _, c := range k.take() {
			k.report(c)
		}
		if first {
			close(k.ready)
			first = false
		}
		alarm, cancel := k.Alarm(lookEvery)
		select {
		case <-ctx.Done():
			cancel()
			return nil
		case <-k.wake:
			cancel()
		case <-alarm:
		}
	}
}

func (k *Keeper) take() []Change {
	k.mu.Lock()
	defer k.mu.Unlock()
	out := k.changes
	k.changes = nil
	return out
}

// Ready is closed after the first look.
func (k *Keeper) Ready() <-chan struct{} { return k.ready }

// String names the task.
func (k *Keeper) String() string { return "clock keeper" }
