package lamp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"periph.io/x/conn/v3/gpio"
)

// How a tower is driven, in real time.
const (
	// AssertEvery is how often every pin is driven again though nothing changed.
	AssertEvery = 3 * time.Second
	// BlinkHalf is how long a blinking lamp is lit, and then dark.
	BlinkHalf = 500 * time.Millisecond
)

// Opener finds a pin by name. Out(High) on it lights the lamp, also if activeLow,
// where the pin itself goes low: the opener's pins turn levels round. A pin is
// driven from its first Out on, with that level at once, until its Halt. Errors
// that are a *[PinError] say what is wrong with it.
type Opener func(name string, activeLow bool) (gpio.PinOut, error)

// A looker is a pin that can say, without being touched, why it could not be
// driven.
type looker interface{ Look() error }

// State is how a tower does: Err is nil when all its pins follow.
type State struct {
	Tower string
	Err   error
}

// Lamps is a task that keeps towers showing what was set last.
type Lamps struct {
	log     *slog.Logger
	onState func(State)
	towers  []*tower
	named   map[string]*tower
	ready   chan struct{}

	mu      sync.Mutex // guards want of all towers
	telling sync.Mutex // held while onState is called
}

type tower struct {
	Tower
	pins []*lampPin
	kick chan struct{}
	want Signal

	// Owned by the goroutine that drives the tower.
	shows Signal
	since time.Time
	err   error // what was last told of it
	told  bool
}

type lampPin struct {
	gpio.PinOut
	colour Colour
	level  gpio.Level
	driven bool // level is what the pin was last told
	ours   bool // it was driven once
}

// New checks the towers and finds their pins; nothing is driven before Run. The
// error joins everything that is wrong. onState is called from goroutines of
// Run, one call at a time, for each tower first when it is driven and then when
// it fails or comes back; it and log may be nil.
func New(towers []Tower, open Opener, log *slog.Logger, onState func(State)) (*Lamps, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if onState == nil {
		onState = func(State) {}
	}
	l := &Lamps{log: log, onState: onState, named: map[string]*tower{}, ready: make(chan struct{})}
	var errs []error
	users := map[string]string{}
	for _, t := range towers {
		if l.named[t.Name] != nil {
			errs = append(errs, fmt.Errorf("two towers are named %q", t.Name))
			continue
		}
		tw, err := openTower(t, open, users)
		errs = append(errs, err)
		l.towers = append(l.towers, tw)
		l.named[t.Name] = tw
	}
	if err := errors.Join(errs...); err != nil {
		for _, t := range l.towers {
			for _, p := range t.pins {
				p.Halt() // never driven: nothing to complain about
			}
		}
		return nil, fmt.Errorf("set up lamps: %w", err)
	}
	return l, nil
}

// openTower finds the pins of t as far as it can. users are the lamps that have
// a pin already, by its name.
func openTower(t Tower, open Opener, users map[string]string) (*tower, error) {
	tw := &tower{Tower: t, kick: make(chan struct{}, 1)}
	if err := t.check(); err != nil {
		return tw, err
	}
	var errs []error
	for _, c := range t.colours() {
		name, lamp := t.Pins[c], t.Name+" "+c.String()
		if user := users[name]; user != "" {
			errs = append(errs, fmt.Errorf("tower %s: %w", lamp, &PinError{Pin: name, Holder: user, Err: ErrTwice}))
			continue
		}
		users[name] = lamp
		p, err := open(name, t.ActiveLow)
		if err != nil {
			errs = append(errs, fmt.Errorf("tower %s: %w", lamp, err))
			continue
		}
		tw.pins = append(tw.pins, &lampPin{PinOut: p, colour: c})
	}
	return tw, errors.Join(errs...)
}

// Set says what a tower shall show from now on. It does not wait for the pins.
// Before Run it says what Run shows first; after Run it changes nothing.
func (l *Lamps) Set(name string, s Signal) error {
	t := l.named[name]
	if t == nil {
		return fmt.Errorf("set lamp: no tower is named %q", name)
	}
	if s.Colour < Dark || s.Colour > Blue {
		return fmt.Errorf("set lamp: tower %s: %s is no colour", name, s.Colour)
	}
	l.mu.Lock()
	t.want = s
	l.mu.Unlock()
	select {
	case t.kick <- struct{}{}:
	default: // its goroutine has yet to look, and will see this too
	}
	return nil
}

// Run drives the towers until ctx ends, then makes them dark and gives the pins
// back. Each tower has a goroutine of its own, so that one whose driver hangs
// delays no other. A pin that fails is tried again at every assertion. Run is
// called once.
func (l *Lamps) Run(ctx context.Context) error {
	errs := make([]error, len(l.towers))
	driven := make(chan struct{}, len(l.towers))
	var all sync.WaitGroup
	for i, t := range l.towers {
		all.Go(func() {
			l.update(t, time.Now(), true)
			driven <- struct{}{}
			errs[i] = l.tend(ctx, t)
		})
	}
	patience := time.NewTimer(readyLimit)
	defer patience.Stop()
	for waiting := len(l.towers); waiting > 0; waiting-- {
		select {
		case <-driven:
		case <-patience.C:
			waiting = 1
		}
	}
	close(l.ready)
	all.Wait()
	return errors.Join(errs...)
}

// readyLimit is how long Ready waits for a tower whose driver hangs.
const readyLimit = 2 * time.Second

// tend drives one tower.
func (l *Lamps) tend(ctx context.Context, t *tower) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	assert := time.Now().Add(AssertEvery)
	for {
		timer.Reset(time.Until(t.next(time.Now(), assert)))
		select {
		case <-ctx.Done():
			return t.end()
		case <-t.kick:
		case <-timer.C:
		}
		now := time.Now()
		force := !now.Before(assert)
		if force {
			assert = now.Add(AssertEvery)
		}
		l.update(t, now, force)
	}
}

// Ready is closed when every tower has been driven once, or has failed, or has
// not answered within two seconds.
func (l *Lamps) Ready() <-chan struct{} { return l.ready }

// String names the task.
func (l *Lamps) String() string { return fmt.Sprintf("lamps (%d towers)", len(l.towers)) }

// update puts on the pins what the tower shall show at now; force drives pins
// that did not change, and those that failed, too.
func (l *Lamps) update(t *tower, now time.Time, force bool) {
	l.mu.Lock()
	want := t.want
	l.mu.Unlock()
	if want != t.shows || t.since.IsZero() {
		t.shows, t.since = want, now
	}
	err := t.drive(t.litAt(now), force)
	if force || err != nil {
		l.tell(t, err)
	}
}

// litAt are the lamps that are lit at now.
func (t *tower) litAt(now time.Time) lights {
	p := t.pattern(t.shows)
	if p.blink && now.Sub(t.since)/BlinkHalf%2 == 1 {
		return 0
	}
	return p.lit
}

// next is when something has to be done without being asked.
func (t *tower) next(now, assert time.Time) time.Time {
	if t.pattern(t.shows).blink {
		edge := t.since.Add((now.Sub(t.since)/BlinkHalf + 1) * BlinkHalf)
		if edge.Before(assert) {
			return edge
		}
	}
	return assert
}

// drive puts lit on the pins, those that go out first. A pin that failed is left
// alone until it is forced.
func (t *tower) drive(lit lights, force bool) error {
	var errs []error
	for _, on := range []bool{false, true} {
		for _, p := range t.pins {
			level := gpio.Level(lit.has(p.colour))
			if bool(level) != on || !force && (!p.driven || p.level == level) {
				continue
			}
			err := p.Out(level)
			p.level, p.driven = level, err == nil
			p.ours = p.ours || p.driven
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// tell reports a tower whose state changed.
func (l *Lamps) tell(t *tower, err error) {
	first := !t.told
	was := t.err
	t.err, t.told = err, true
	if !first && (was == nil) == (err == nil) {
		return
	}
	switch {
	case err != nil:
		l.log.Warn("lamps of a tower fail", "tower", t.Name, "err", err)
	case !first:
		l.log.Info("lamps of a tower are back", "tower", t.Name)
	}
	l.telling.Lock()
	defer l.telling.Unlock()
	l.onState(State{Tower: t.Name, Err: err})
}

// end makes the tower dark and gives its pins back. It complains about pins that
// it could not darken, unless others held them all the time.
func (t *tower) end() error {
	var errs []error
	for _, p := range t.pins {
		if err := p.Out(gpio.Low); err != nil && p.ours {
			errs = append(errs, fmt.Errorf("darken tower %s: %w", t.Name, err))
		}
		errs = append(errs, p.Halt())
	}
	return errors.Join(errs...)
}

// TurnDark makes the towers dark and gives their pins back, for when no Lamps is
// running: after the daemon has died. It does what it can; the error joins what
// it could not.
func TurnDark(towers []Tower, open Opener) error {
	var errs []error
	users := map[string]string{}
	for _, t := range towers {
		tw, err := openTower(t, open, users)
		errs = append(errs, err)
		for _, p := range tw.pins {
			p.ours = true
		}
		errs = append(errs, tw.end())
	}
	return errors.Join(errs...)
}

// Check says what keeps the towers from being driven now, one error each: towers
// that are wrong in themselves, pins that are not there or used twice, and pins
// that somebody else holds or whose chip does not answer. No pin is driven. A
// daemon that runs holds its pins, too.
func Check(towers []Tower, open Opener) []error {
	var findings []error
	users := map[string]string{}
	for _, t := range towers {
		tw, err := openTower(t, open, users)
		findings = append(findings, flat(err)...)
		for _, p := range tw.pins {
			if l, ok := p.PinOut.(looker); ok {
				if err := l.Look(); err != nil {
					findings = append(findings, fmt.Errorf("tower %s %s: %w", t.Name, p.colour, err))
				}
			}
			p.Halt() // never driven: nothing to complain about
		}
	}
	return findings
}

// flat are the errors that err joins.
func flat(err error) []error {
	if err == nil {
		return nil
	}
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		return all.Unwrap()
	}
	return []error{err}
}
