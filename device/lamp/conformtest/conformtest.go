// Package conformtest is the contract of device/lamp as tests, for any pins: the
// pretend board of lamptest, pretend expanders, pins of an emulated board seen
// from outside, or real pins with nothing dangerous behind them:
//
//	BAYLIGHT_LAMPS=GPIO17,GPIO27,GPIO22 go test ./device/lamp -run Conformance -v
//
// (no daemon may hold them; somebody looks at the lamps). It is not part of
// lamptest because the demo uses that. Conformance has joined what it started
// when it returns.
package conformtest

import (
	"cmp"
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"baylight/device/lamp"
)

// settle is how long a pin may take to follow, unless its rig says so.
const settle = 100 * time.Millisecond

// Rig is a board under trial.
type Rig struct {
	// Open finds its pins.
	Open lamp.Opener
	// Pins are the names of three pins that nobody uses.
	Pins [3]string
	// Lit says which lamps are lit now, as a person would see it: a pin that is
	// let go is dark. Without it, somebody looks.
	Lit func() [3]bool
	// Glitches counts lamps that were lit for no more than a moment.
	Glitches func() int
	// BrownOut lets the board forget what it was told.
	BrownOut func()
	// Die leaves the pins as a killed process does where nobody resets them, and
	// gives the opener of the next process.
	Die func() lamp.Opener
	// Settle is how long a pin may take to follow; 0: 100 ms. An emulated board
	// is slower than any real one.
	Settle time.Duration
	// Bubble says that nothing of the rig needs real time.
	Bubble bool
}

// Conformance runs all cases for lamps that are lit high and low, each on a rig
// of its own.
func Conformance(t *testing.T, rig func(t *testing.T, activeLow bool) Rig) {
	for _, polarity := range []struct {
		name      string
		activeLow bool
	}{{"active high", false}, {"active low", true}} {
		for _, c := range []struct {
			name  string
			needs func(Rig) bool
			run   func(t *testing.T, r *running)
		}{
			{"found free", always, free},
			{"first level and steady colours", always, colours},
			{"blinking", always, blinking},
			{"told once, shown again after a brown-out", func(r Rig) bool { return r.BrownOut != nil && r.Lit != nil }, brownOut},
			{"dark at the end and given back", always, end},
			{"dark after a death", always, death},
			{"pins that are not there or used twice", always, wrong},
		} {
			t.Run(polarity.name+"/"+c.name, func(t *testing.T) {
				r := rig(t, polarity.activeLow)
				if !c.needs(r) {
					t.Skip("this rig cannot do that")
				}
				if !r.Bubble {
					c.run(t, &running{r, tower(r, polarity.activeLow)})
					return
				}
				synctest.Test(t, func(t *testing.T) { // a rig of the bubble's own
					r := rig(t, polarity.activeLow)
					c.run(t, &running{r, tower(r, polarity.activeLow)})
				})
			})
		}
	}
}

func always(Rig) bool { return true }

func (r Rig) settle() time.Duration { return cmp.Or(r.Settle, settle) }

func tower(r Rig, activeLow bool) lamp.Tower {
	return lamp.Tower{Name: "trial", ActiveLow: activeLow,
		Pins: map[lamp.Colour]string{lamp.Red: r.Pins[0], lamp.Amber: r.Pins[1], lamp.Green: r.Pins[2]}}
}

type running struct {
	Rig
	tower lamp.Tower
}

// start runs lamps that show s first; the function ends them.
func (r *running) start(t *testing.T, s lamp.Signal) (*lamp.Lamps, func() error) {
	t.Helper()
	l, err := lamp.New([]lamp.Tower{r.tower}, r.Open, nil, func(s lamp.State) {
		if s.Err != nil {
			t.Errorf("lamps fail: %v", s.Err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	show(t, l, s)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	<-l.Ready()
	return l, func() error {
		cancel()
		return <-ended
	}
}

func show(t *testing.T, l *lamp.Lamps, s lamp.Signal) {
	t.Helper()
	if err := l.Set("trial", s); err != nil {
		t.Fatal(err)
	}
}

// want compares what is lit a moment later: red, amber, green.
func (r *running) want(t *testing.T, after time.Duration, what string, lit [3]bool) {
	t.Helper()
	<-time.After(after)
	if r.Lit == nil {
		return
	}
	if got := r.Lit(); got != lit {
		t.Errorf("%s: lit (red amber green) %v, want %v", what, got, lit)
	}
}

// becomes waits until that is lit: how long a blinking lamp takes to it is not judged
// here, since a busy machine may be late with the lamp and with looking at it.
func (r *running) becomes(t *testing.T, what string, lit [3]bool) {
	t.Helper()
	if r.Lit == nil {
		<-time.After(lamp.BlinkHalf)
		return
	}
	var got [3]bool
	for end := time.Now().Add(40 * lamp.BlinkHalf); time.Now().Before(end); <-time.After(lamp.BlinkHalf / 20) {
		if got = r.Lit(); got == lit {
			return
		}
	}
	t.Errorf("%s: lit (red amber green) %v, want %v", what, got, lit)
}

func ended(t *testing.T, stop func() error) {
	t.Helper()
	if err := stop(); err != nil {
		t.Errorf("Run: %v", err)
	}
}

func free(t *testing.T, r *running) {
	if findings := lamp.Check([]lamp.Tower{r.tower}, r.Open); len(findings) > 0 {
		t.Errorf("Check: %v", findings)
	}
	r.want(t, r.settle(), "after Check", [3]bool{})
}

func colours(t *testing.T, r *running) {
	l, stop := r.start(t, lamp.Signal{Colour: lamp.Green})
	r.want(t, r.settle(), "first", [3]bool{false, false, true})
	if r.Glitches != nil && r.Glitches() != 0 {
		t.Errorf("%d glitches at the start", r.Glitches())
	}
	for _, c := range []struct {
		colour lamp.Colour
		lit    [3]bool
	}{{lamp.Red, [3]bool{true}}, {lamp.Amber, [3]bool{false, true}}, {lamp.Blue, [3]bool{false, true, true}}, {lamp.Dark, [3]bool{}}} {
		show(t, l, lamp.Signal{Colour: c.colour})
		r.want(t, r.settle(), c.colour.String(), c.lit)
	}
	ended(t, stop)
}

func blinking(t *testing.T, r *running) {
	l, stop := r.start(t, lamp.Signal{})
	show(t, l, lamp.Signal{Colour: lamp.Red, Blink: true})
	r.becomes(t, "first half", [3]bool{true})
	r.becomes(t, "second half", [3]bool{})
	r.becomes(t, "lit again", [3]bool{true})
	ended(t, stop)
}

func brownOut(t *testing.T, r *running) {
	_, stop := r.start(t, lamp.Signal{Colour: lamp.Red})
	r.BrownOut()
	r.want(t, lamp.AssertEvery+r.settle(), "after a brown-out", [3]bool{true})
	ended(t, stop)
}

func end(t *testing.T, r *running) {
	for range 2 { // the second start shows that the pins were given back
		_, stop := r.start(t, lamp.Signal{Colour: lamp.Amber})
		r.want(t, r.settle(), "lit", [3]bool{false, true})
		ended(t, stop)
		r.want(t, r.settle(), "at the end", [3]bool{})
	}
}

// death leaves pins driven, as a killed daemon may, and darkens them.
func death(t *testing.T, r *running) {
	p, err := r.Open(r.Pins[0], r.tower.ActiveLow)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Out(true); err != nil {
		t.Fatal(err)
	}
	r.want(t, r.settle(), "lit", [3]bool{true})
	open := r.Open
	if r.Die != nil {
		open = r.Die()
		r.want(t, r.settle(), "after the death", [3]bool{true})
	} else if err := p.Halt(); err != nil { // as the kernel resets a dead process's lines
		t.Fatal(err)
	}
	if err := lamp.TurnDark([]lamp.Tower{r.tower}, open); err != nil {
		t.Error(err)
	}
	r.want(t, r.settle(), "after TurnDark", [3]bool{})
}

func wrong(t *testing.T, r *running) {
	if _, err := r.Open("no such pin", false); !errors.Is(err, lamp.ErrNoPin) {
		t.Errorf("a pin that does not exist: %v", err)
	}
	p, err := r.Open(r.Pins[0], false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Open(r.Pins[0], false); !errors.Is(err, lamp.ErrTwice) {
		t.Errorf("a pin opened twice: %v", err)
	}
	if err := p.Halt(); err != nil {
		t.Error(err)
	}
}
