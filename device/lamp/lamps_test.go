package lamp_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"baylight/device/lamp"
	"baylight/device/lamp/lamptest"

	"periph.io/x/conn/v3/gpio"
)

// bay is a tower with all five lamps; its pins are the first letters of the
// colours behind its name: "b1w", "b1g" …
func bay(name string, activeLow bool) lamp.Tower {
	return lamp.Tower{Name: name, ActiveLow: activeLow, Pins: map[lamp.Colour]string{
		lamp.White: name + "w", lamp.Green: name + "g", lamp.Amber: name + "a", lamp.Red: name + "r", lamp.Blue: name + "b"}}
}

// run starts the lamps inside a synctest bubble; the function ends them and
// gives what Run returned.
func run(t *testing.T, l *lamp.Lamps) func() error {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	<-l.Ready()
	return func() error {
		cancel()
		return <-done
	}
}

func newLamps(t *testing.T, open lamp.Opener, onState func(lamp.State), towers ...lamp.Tower) *lamp.Lamps {
	t.Helper()
	l, err := lamp.New(towers, open, nil, onState)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func set(t *testing.T, l *lamp.Lamps, tower string, c lamp.Colour, blink bool) {
	t.Helper()
	if err := l.Set(tower, lamp.Signal{Colour: c, Blink: blink}); err != nil {
		t.Fatal(err)
	}
}

// edges prints the board's edges with their times since start.
func edges(b *lamptest.Board, start time.Time) string {
	var out []string
	all := b.Edges() // towers do not wait for one another: sorted by name where the time is the same
	slices.SortStableFunc(all, func(x, y lamptest.Edge) int {
		return cmp.Or(x.At.Compare(y.At), strings.Compare(x.Pin[:min(2, len(x.Pin))], y.Pin[:min(2, len(y.Pin))]))
	})
	for _, e := range all {
		level := "low"
		if e.High {
			level = "high"
		}
		out = append(out, fmt.Sprintf("%v %s %s", e.At.Sub(start), e.Pin, level))
	}
	return strings.Join(out, ", ")
}

func TestFirstLevelWithoutAGlitch(t *testing.T) {
	for _, activeLow := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			b, start := lamptest.New(nil), time.Now()
			l := newLamps(t, b.Open, nil, bay("b1", activeLow))
			if len(b.Edges()) != 0 {
				t.Errorf("New drove pins: %s", edges(b, start))
			}
			set(t, l, "b1", lamp.Green, false)
			stop := run(t, l)
			level := map[bool]string{false: "high", true: "low"}[activeLow]
			if got, want := edges(b, start), "0s b1g "+level; got != want {
				t.Errorf("active low %v: edges %s, want %s", activeLow, got, want)
			}
			if b.Glitches() != 0 {
				t.Errorf("%d glitches", b.Glitches())
			}
			if err := stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

// flickering drives the other level first, as periph's gpioioctl does where a
// line is requested before its level is set.
type flickering struct {
	gpio.PinOut
	driven bool
}

func (f *flickering) Out(l gpio.Level) error {
	if !f.driven {
		f.driven = true
		if err := f.PinOut.Out(!l); err != nil {
			return err
		}
	}
	return f.PinOut.Out(l)
}

func TestAFlickeringPinIsCountedAsAGlitch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := lamptest.New(nil)
		open := func(name string, activeLow bool) (gpio.PinOut, error) {
			p, err := b.Open(name, activeLow)
			return &flickering{PinOut: p}, err
		}
		l := newLamps(t, open, nil, bay("b1", true))
		stop := run(t, l)
		if b.Glitches() != 5 {
			t.Errorf("%d glitches of five flickering pins", b.Glitches())
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestTheLastSetWins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tower := bay("b1", false)
		b := lamptest.New(nil)
		l := newLamps(t, b.Open, nil, tower)
		stop := run(t, l)
		for i := range 1000 {
			set(t, l, "b1", lamp.White+lamp.Colour(i%5), i%2 == 0)
		}
		set(t, l, "b1", lamp.Blue, false)
		synctest.Wait()
		if got := tower.Decode(b.Levels()); got.Colour != lamp.Blue {
			t.Errorf("shows %s", got)
		}
		n := len(b.Edges())
		<-time.After(time.Hour)
		if len(b.Edges()) != n {
			t.Errorf("%d edges in an hour of steady blue", len(b.Edges())-n)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestASignalIsShownAtOnceAndOffBeforeOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := lamptest.New(nil)
		l := newLamps(t, b.Open, nil, bay("b1", false), bay("b2", false))
		stop := run(t, l)
		<-time.After(1234 * time.Millisecond)
		start := time.Now()
		set(t, l, "b2", lamp.White, false)
		<-time.After(100 * time.Millisecond)
		set(t, l, "b2", lamp.Green, false)
		set(t, l, "b1", lamp.Amber, false)
		synctest.Wait()
		if got, want := edges(b, start), "0s b2w high, 100ms b1a high, 100ms b2w low, 100ms b2g high"; got != want {
			t.Errorf("edges %s, want %s", got, want)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestBlinking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := lamptest.New(nil)
		l := newLamps(t, b.Open, nil, lamp.Tower{Name: "b1", Pins: map[lamp.Colour]string{lamp.Red: "r", lamp.Green: "g"}})
		stop := run(t, l)
		<-time.After(300 * time.Millisecond)
		start := time.Now()
		set(t, l, "b1", lamp.Red, true)
		<-time.After(1100 * time.Millisecond)
		set(t, l, "b1", lamp.Red, true) // the same again does not start anew
		<-time.After(500 * time.Millisecond)
		if got, want := edges(b, start), "0s r high, 500ms r low, 1s r high, 1.5s r low"; got != want {
			t.Errorf("edges %s, want %s", got, want)
		}
		set(t, l, "b1", lamp.Amber, true) // both lamps, blinking together, lit at once
		<-time.After(550 * time.Millisecond)
		if got, want := edges(b, start), "0s r high, 500ms r low, 1s r high, 1.5s r low, "+
			"1.6s g high, 1.6s r high, 2.1s g low, 2.1s r low"; got != want {
			t.Errorf("edges %s, want %s", got, want)
		}
		set(t, l, "b1", lamp.Red, false)
		<-time.After(time.Minute)
		if n := len(b.Edges()); n != 9 {
			t.Errorf("%d edges, want 9: it goes on blinking", n)
		}
		if b.Glitches() != 0 {
			t.Errorf("%d glitches", b.Glitches())
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestLampsAreAssertedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tower := bay("b1", true)
		b := lamptest.New(nil)
		l := newLamps(t, b.Open, nil, tower)
		set(t, l, "b1", lamp.Red, false)
		stop := run(t, l)
		<-time.After(10 * time.Minute)
		b.Forget()
		if got := tower.Decode(b.Levels()); got.Colour != lamp.Dark {
			t.Fatalf("after a brown-out it shows %s", got)
		}
		<-time.After(lamp.AssertEvery)
		synctest.Wait()
		if got := tower.Decode(b.Levels()); got.Colour != lamp.Red {
			t.Errorf("%s after a brown-out it shows %s", lamp.AssertEvery, got)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestTowersAreDarkAtTheEnd(t *testing.T) {
	for _, activeLow := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			seen := map[string]bool{}
			b := lamptest.New(func(pin string, high bool) { seen[pin] = high })
			l := newLamps(t, b.Open, nil, bay("b1", activeLow), bay("b2", activeLow))
			stop := run(t, l)
			set(t, l, "b1", lamp.Green, false)
			set(t, l, "b2", lamp.Red, true)
			synctest.Wait()
			if seen["b1g"] == activeLow || seen["b2r"] == activeLow {
				t.Fatalf("not lit: %v", seen)
			}
			if err := stop(); err != nil {
				t.Error(err)
			}
			if len(seen) != 10 {
				t.Errorf("the observer heard of %d pins, want 10", len(seen))
			}
			for pin, high := range seen {
				if high != activeLow {
					t.Errorf("active low %v: pin %s high %v after the end", activeLow, pin, high)
				}
			}
			if _, err := b.Open("b1g", activeLow); err != nil {
				t.Errorf("the pins were not given back: %v", err)
			}
			if err := l.Set("b1", lamp.Signal{Colour: lamp.Red}); err != nil {
				t.Errorf("Set after the end: %v", err)
			}
		})
	}
}

func TestAPinThatFailsStopsNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		var states []lamp.State
		b1, b2 := bay("b1", false), bay("b2", false)
		b := lamptest.New(nil)
		b.Busy("b1g", "spi0 CS1")
		l, err := lamp.New([]lamp.Tower{b1, b2}, b.Open, slog.New(slog.NewTextHandler(&log, nil)),
			func(s lamp.State) { states = append(states, s) })
		if err != nil {
			t.Fatal(err)
		}
		stop := run(t, l)
		set(t, l, "b1", lamp.Green, false)
		set(t, l, "b2", lamp.Green, false)
		synctest.Wait()
		if got := b2.Decode(b.Levels()); got.Colour != lamp.Green {
			t.Errorf("the other tower shows %s", got)
		}
		<-time.After(time.Hour)
		b.Busy("b1g", "")
		<-time.After(lamp.AssertEvery)
		synctest.Wait()
		if got := b1.Decode(b.Levels()); got.Colour != lamp.Green {
			t.Errorf("a pin that became free shows %s", got)
		}
		brownOut := errors.New("remote I/O error")
		b.Break("b2r", brownOut)
		<-time.After(time.Minute)
		b.Break("b2r", nil)
		<-time.After(lamp.AssertEvery)
		if err := stop(); err != nil {
			t.Error(err)
		}
		var got []string
		for _, s := range states {
			got = append(got, fmt.Sprintf("%s %v", s.Tower, s.Err))
		}
		slices.SortStableFunc(states[:2], func(a, b lamp.State) int { return strings.Compare(a.Tower, b.Tower) }) // towers do not wait for one another
		slices.Sort(got[:2])
		if want := []string{"b1 pin b1g: busy, held by spi0 CS1", "b2 <nil>", "b1 <nil>", "b2 pin b2r: remote I/O error", "b2 <nil>"}; !slices.Equal(got, want) {
			t.Errorf("states %q, want %q", got, want)
		}
		if !errors.Is(states[0].Err, lamp.ErrBusy) || !errors.Is(states[3].Err, brownOut) {
			t.Errorf("causes are lost: %v", states)
		}
		if n := strings.Count(log.String(), "\n"); n != 4 {
			t.Errorf("%d log lines for two losses and two returns:\n%s", n, &log)
		}
	})
}

// A tower whose driver hangs, as on a stuck bus, delays no other, nor Ready for
// more than two seconds.
func TestATowerThatHangsDelaysNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b1, b2 := bay("b1", false), bay("b2", false)
		b, start := lamptest.New(nil), time.Now()
		free := make(chan struct{})
		b.Hang("b1g", free)
		l := newLamps(t, b.Open, nil, b1, b2)
		stop := run(t, l)
		if d := time.Since(start); d != 2*time.Second {
			t.Errorf("ready after %v, want 2s", d)
		}
		began := len(b.Edges())
		set(t, l, "b1", lamp.Red, false)
		set(t, l, "b2", lamp.Red, true)
		<-time.After(1100 * time.Millisecond)
		if got := edges(b, start); len(b.Edges())-began != 3 {
			t.Errorf("edges %s, want three of b2r", got)
		}
		close(free)
		b.Hang("b1g", nil)
		synctest.Wait()
		if got := b1.Decode(b.Levels()); got.Colour != lamp.Red {
			t.Errorf("freed, the tower shows %s", got)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestCheckNamesEveryPinThatCannotBeHad(t *testing.T) {
	b := lamptest.New(nil, "b1w", "b1g", "b1a", "b1r", "b1b", "b2w", "b2g", "b2a", "b2r")
	b.Busy("b1g", "spi0 CS1")
	b.Break("b1r", errors.New("remote I/O error"))
	wrong := lamp.Tower{Name: "b3", Pins: map[lamp.Colour]string{lamp.Red: "b1w"}}
	var got []string
	for _, err := range lamp.Check([]lamp.Tower{bay("b1", true), bay("b2", true), wrong}, b.Open) {
		got = append(got, err.Error())
	}
	want := []string{"tower b1 green: pin b1g: busy, held by spi0 CS1", "tower b1 red: pin b1r: remote I/O error",
		"tower b2 blue: pin b2b: no such pin", "tower b3: 1 lamps, a tower has 2 to 5"}
	if !slices.Equal(got, want) {
		t.Errorf("Check: %q, want %q", got, want)
	}
	if len(b.Edges()) != 0 {
		t.Errorf("Check drove pins: %v", b.Edges())
	}
	if _, err := b.Open("b1w", true); err != nil {
		t.Errorf("Check did not give the pins back: %v", err)
	}
	b.Busy("b1g", "")
	b.Break("b1r", nil)
	if err := lamp.Check([]lamp.Tower{{Name: "b1", Pins: map[lamp.Colour]string{lamp.Red: "b1r", lamp.Green: "b1g"}}}, b.Open); err != nil {
		t.Errorf("Check of pins that are free: %v", err)
	}
}

func TestTheEndNamesAPinItCouldNotDarken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := lamptest.New(nil)
		b.Busy("b2g", "somebody") // never ours: nothing to say at the end
		l := newLamps(t, b.Open, nil, bay("b1", false), bay("b2", false))
		stop := run(t, l)
		set(t, l, "b1", lamp.Red, false)
		synctest.Wait()
		b.Break("b1r", errors.New("no such device"))
		err := stop()
		if err == nil || err.Error() != "darken tower b1: pin b1r: no such device" {
			t.Errorf("Run: %v", err)
		}
	})
}

func TestNewNamesEverythingThatIsWrong(t *testing.T) {
	two := func(name, red, green string) lamp.Tower {
		return lamp.Tower{Name: name, Pins: map[lamp.Colour]string{lamp.Red: red, lamp.Green: green}}
	}
	for _, c := range []struct {
		name   string
		towers []lamp.Tower
		is     error
		want   string
	}{
		{"no such pin", []lamp.Tower{two("b1", "GPIO1", "GPIO99")}, lamp.ErrNoPin, "tower b1 green: pin GPIO99: no such pin"},
		{"used twice in a tower", []lamp.Tower{two("b1", "GPIO1", "GPIO1")}, lamp.ErrTwice, "tower b1 red: pin GPIO1: used twice, held by b1 green"},
		{"used twice by towers", []lamp.Tower{two("b1", "GPIO1", "GPIO2"), two("b2", "GPIO3", "GPIO2")}, lamp.ErrTwice, "tower b2 green: pin GPIO2: used twice, held by b1 green"},
		{"one name twice", []lamp.Tower{two("b1", "GPIO1", "GPIO2"), two("b1", "GPIO3", "GPIO4")}, nil, `two towers are named "b1"`},
		{"no name", []lamp.Tower{two("", "GPIO1", "GPIO2")}, nil, "tower without a name"},
		{"one lamp", []lamp.Tower{{Name: "b1", Pins: map[lamp.Colour]string{lamp.Red: "GPIO1"}}}, nil, "tower b1: 1 lamps, a tower has 2 to 5"},
		{"a lamp for dark", []lamp.Tower{{Name: "b1", Pins: map[lamp.Colour]string{lamp.Dark: "GPIO1", lamp.Red: "GPIO2"}}}, nil, "tower b1: dark is no colour of a lamp"},
		{"no pin", []lamp.Tower{two("b1", "", "GPIO1")}, nil, "tower b1: no pin for red"},
		{"all of it", []lamp.Tower{two("b1", "GPIO99", ""), two("b2", "GPIO98", "GPIO1")}, lamp.ErrNoPin, "tower b1: no pin for green\ntower b2 red: pin GPIO98"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := lamptest.New(nil, "GPIO1", "GPIO2", "GPIO3", "GPIO4")
			l, err := lamp.New(c.towers, b.Open, nil, nil)
			if l != nil || err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("New: %v, want …%s…", err, c.want)
			}
			if c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("%v is not %v", err, c.is)
			}
			if len(b.Edges()) != 0 {
				t.Error("it drove pins")
			}
			for _, pin := range []string{"GPIO1", "GPIO2", "GPIO3", "GPIO4"} {
				if _, err := b.Open(pin, false); err != nil {
					t.Errorf("not given back: %v", err)
				}
			}
		})
	}
}

func TestWithoutGPIO(t *testing.T) {
	none := func(string, bool) (gpio.PinOut, error) { return nil, lamp.ErrNoGPIO }
	if _, err := lamp.New([]lamp.Tower{bay("b1", false)}, none, nil, nil); !errors.Is(err, lamp.ErrNoGPIO) {
		t.Errorf("New: %v", err)
	}
}

func TestSetRefuses(t *testing.T) {
	l := newLamps(t, lamptest.New(nil).Open, nil, bay("b1", false))
	if err := l.Set("b2", lamp.Signal{Colour: lamp.Red}); err == nil || !strings.Contains(err.Error(), `"b2"`) {
		t.Errorf("unknown tower: %v", err)
	}
	if err := l.Set("b1", lamp.Signal{Colour: 9}); err == nil || !strings.Contains(err.Error(), "Colour(9)") {
		t.Errorf("unknown colour: %v", err)
	}
}

func TestTurnDark(t *testing.T) {
	seen := map[string]bool{}
	b := lamptest.New(func(pin string, high bool) { seen[pin] = high }, "r1", "g1", "r2")
	err := lamp.TurnDark([]lamp.Tower{
		{Name: "b1", ActiveLow: true, Pins: map[lamp.Colour]string{lamp.Red: "r1", lamp.Green: "g1"}},
		{Name: "b2", Pins: map[lamp.Colour]string{lamp.Red: "r2", lamp.Green: "g2"}},
	}, b.Open)
	if !errors.Is(err, lamp.ErrNoPin) || !strings.Contains(err.Error(), "g2") {
		t.Errorf("TurnDark: %v", err)
	}
	if len(seen) != 3 || !seen["r1"] || !seen["g1"] || seen["r2"] {
		t.Errorf("pins told: %v", seen)
	}
	b.Busy("r1", "baylight")
	err = lamp.TurnDark([]lamp.Tower{{Name: "b1", Pins: map[lamp.Colour]string{lamp.Red: "r1", lamp.Green: "g1"}}}, b.Open)
	if err == nil || err.Error() != "darken tower b1: pin r1: busy, held by baylight" {
		t.Errorf("TurnDark of a busy pin: %v", err)
	}
}
