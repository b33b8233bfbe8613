package lamp_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"baylight/device/lamp"
	"baylight/device/lamp/lamptest"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/i2c/i2ctest"
)

func mustOpen(t *testing.T, open lamp.Opener, name string, activeLow bool) gpio.PinOut {
	t.Helper()
	p, err := open(name, activeLow)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func drive(t *testing.T, p gpio.PinOut, l gpio.Level) {
	t.Helper()
	if err := p.Out(l); err != nil {
		t.Fatal(err)
	}
}

// The bytes on the wire: latches before directions, pins that were not driven
// stay inputs, and every Out writes everything again.
func TestExpanderBytes(t *testing.T) {
	for _, c := range []struct {
		name string
		pins [2]string // the second is active low
		ops  []i2ctest.IO
	}{
		{"MCP23017", [2]string{"mcp23017:1:0x20:A3", "mcp23017:1:0x20:B7"}, []i2ctest.IO{
			{Addr: 0x20, W: []byte{0x05, 0}}, {Addr: 0x20, W: []byte{0x0A, 0}},
			{Addr: 0x20, W: []byte{0x14, 0x08, 0x00}}, {Addr: 0x20, W: []byte{0x00, 0xF7, 0xFF}},
			{Addr: 0x20, W: []byte{0x05, 0}}, {Addr: 0x20, W: []byte{0x0A, 0}},
			{Addr: 0x20, W: []byte{0x14, 0x08, 0x80}}, {Addr: 0x20, W: []byte{0x00, 0xF7, 0x7F}},
			{Addr: 0x20, W: []byte{0x05, 0}}, {Addr: 0x20, W: []byte{0x0A, 0}},
			{Addr: 0x20, W: []byte{0x14, 0x08, 0x80}}, {Addr: 0x20, W: []byte{0x00, 0xFF, 0x7F}},
		}},
		{"PCA9555", [2]string{"pca9555:1:0x27:P00", "pca9555:1:39:P17"}, []i2ctest.IO{
			{Addr: 0x27, W: []byte{0x02, 0x01, 0x00}}, {Addr: 0x27, W: []byte{0x06, 0xFE, 0xFF}},
			{Addr: 0x27, W: []byte{0x02, 0x01, 0x80}}, {Addr: 0x27, W: []byte{0x06, 0xFE, 0x7F}},
			{Addr: 0x27, W: []byte{0x02, 0x01, 0x80}}, {Addr: 0x27, W: []byte{0x06, 0xFF, 0x7F}},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			bus := &i2ctest.Playback{Ops: c.ops, DontPanic: true}
			open := lamp.OpenExpanders(func(n int) (i2c.BusCloser, error) {
				if n != 1 {
					t.Errorf("bus %d was opened", n)
				}
				return bus, nil
			})
			high, low := mustOpen(t, open, c.pins[0], false), mustOpen(t, open, c.pins[1], true)
			drive(t, high, gpio.High)
			drive(t, low, gpio.Low)
			if err := high.Halt(); err != nil {
				t.Error(err)
			}
			if bus.Count != len(bus.Ops) {
				t.Errorf("%d of %d transactions", bus.Count, len(bus.Ops))
			}
		})
	}
}

func TestExpanderPinNames(t *testing.T) {
	open := lamp.OpenExpanders(lamptest.NewBus().Open)
	mustOpen(t, open, "mcp23017:1:0x20:A0", false)
	for name, want := range map[string]string{
		"mcp23017:1:0x20":     "names are like mcp23017:1:0x20:A3",
		"mcp23018:1:0x20:A0":  "names are like",
		"mcp23017:x:0x20:A0":  `bus "x": want a number`,
		"mcp23017:-1:0x20:A0": `bus "-1": want a number`,
		"mcp23017:1:0x28:A0":  `address "0x28": want 0x20 to 0x27`,
		"mcp23017:1:zz:A0":    `address "zz"`,
		"mcp23017:1:0x21:A8":  `pin "A8": a mcp23017 has A0 to A7 and B0 to B7`,
		"mcp23017:1:0x21:P00": `pin "P00"`,
		"pca9555:1:0x21:P20":  `pin "P20": a pca9555 has P00 to P07 and P10 to P17`,
		"pca9555:1:0x20:P00":  "pin mcp23017:1:0x20:A0 makes the chip at 0x20 a mcp23017",
	} {
		if _, err := open(name, false); !errors.Is(err, lamp.ErrNoPin) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
	if _, err := open("mcp23017:1:32:A0", false); !errors.Is(err, lamp.ErrTwice) || !strings.Contains(err.Error(), "mcp23017:1:0x20:A0") {
		t.Errorf("a pin by another spelling: %v", err)
	}
}

// expanderTower has three lamps on an MCP23017 at 0x20 and one on a PCA9555 at 0x21.
func expanderTower(activeLow bool) lamp.Tower {
	return lamp.Tower{Name: "b1", ActiveLow: activeLow, Pins: map[lamp.Colour]string{
		lamp.Green: "mcp23017:1:0x20:A0", lamp.Amber: "mcp23017:1:0x20:A1", lamp.Red: "mcp23017:1:0x20:B7", lamp.White: "pca9555:1:0x21:P10"}}
}

// A pin becomes an output with its level, and a chip that forgot is what it was
// within one assertion, even with its registers in another order.
func TestExpanderFirstLevelAndBrownOut(t *testing.T) {
	for _, activeLow := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			bus := lamptest.NewBus()
			bus.MCP23017(0x20)
			bus.PCA9555(0x21)
			l := newLamps(t, lamp.OpenExpanders(bus.Open), nil, expanderTower(activeLow))
			set(t, l, "b1", lamp.Red, false)
			stop := run(t, l)
			want, dark := lamptest.Outputs{Pins: 0x8003, High: 0x8000}, uint16(0)
			if activeLow {
				want.High, dark = 0x0003, 0x8003
			}
			for _, h := range bus.History(0x20) {
				if wrong := (h.High ^ want.High) & h.Pins; wrong != 0 {
					t.Errorf("active low %v: on the way pins %04x were high, %04x were wrong", activeLow, h.High, wrong)
				}
			}
			for _, bank := range []bool{false, true} {
				bus.BrownOut(bank)
				<-time.After(lamp.AssertEvery)
				synctest.Wait()
				if got := bus.Outputs(0x20); got != want {
					t.Errorf("active low %v, bank %v: after a brown-out %04x, want %04x", activeLow, bank, got, want)
				}
				if got := bus.Outputs(0x21).Pins; got != 0x100 {
					t.Errorf("the other chip drives %04x", got)
				}
			}
			before := len(bus.History(0x20)) - 1
			if err := stop(); err != nil {
				t.Error(err)
			}
			h := bus.History(0x20)[before:]
			for i := 1; i < len(h); i++ {
				left := h[i-1].Pins &^ h[i].Pins
				if lit := (h[i-1].High ^ dark) & left; lit != 0 {
					t.Errorf("active low %v: pins %04x were let go while lit", activeLow, lit)
				}
			}
			if got := h[len(h)-1]; got.Pins != 0 {
				t.Errorf("outputs %04x at the end", got.Pins)
			}
		})
	}
}

func TestExpanderThatIsAwayComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := lamptest.NewBus()
		bus.PCA9555(0x21)
		var states []string
		l := newLamps(t, lamp.OpenExpanders(bus.Open), func(s lamp.State) {
			if s.Err == nil {
				states = append(states, "well")
				return
			}
			states = append(states, s.Err.Error())
		}, expanderTower(false))
		stop := run(t, l)
		bus.MCP23017(0x20)
		set(t, l, "b1", lamp.Green, false)
		<-time.After(lamp.AssertEvery)
		synctest.Wait()
		if got := bus.Outputs(0x20); got != (lamptest.Outputs{Pins: 0x8003, High: 0x0001}) {
			t.Errorf("it shows %04x", got)
		}
		if len(states) != 2 || !strings.Contains(states[0], "pin mcp23017:1:0x20:A0: expander at 0x20 of pretend bus: no chip answers") || states[1] != "well" {
			t.Errorf("states %q", states)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// What was never there is no trouble at the end.
func TestExpanderThatIsNeverThereEndsInPeace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLamps(t, lamp.OpenExpanders(lamptest.NewBus().Open), nil, expanderTower(true))
		stop := run(t, l)
		if err := stop(); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

// A bus that hangs is waited for once in a while, not at each pin.
func TestAStuckBusIsNotWaitedForAtEachPin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := lamptest.NewBus()
		bus.MCP23017(0x20)
		open := lamp.OpenExpanders(bus.Open)
		bus.Stuck(time.Second)
		a, b := mustOpen(t, open, "mcp23017:1:0x20:A0", false), mustOpen(t, open, "mcp23017:1:0x20:A1", false)
		start := time.Now()
		for _, p := range []gpio.PinOut{a, b, a, b} {
			if err := p.Out(gpio.High); err == nil || !strings.Contains(err.Error(), "timed out") {
				t.Errorf("Out on a stuck bus: %v", err)
			}
		}
		if d := time.Since(start); d != time.Second {
			t.Errorf("four pins took %v, want the one time-out", d)
		}
		bus.Stuck(0)
		<-time.After(2 * time.Second)
		drive(t, a, gpio.High)
		if got := bus.Outputs(0x20); got != (lamptest.Outputs{Pins: 3, High: 3}) {
			t.Errorf("afterwards %04x", got)
		}
	})
}

func TestCheckLooksAtExpandersWithoutDriving(t *testing.T) {
	bus := lamptest.NewBus()
	bus.MCP23017(0x20)
	findings := lamp.Check([]lamp.Tower{expanderTower(false)}, lamp.OpenExpanders(bus.Open))
	if len(findings) != 1 || !strings.Contains(findings[0].Error(), "tower b1 white: pin pca9555:1:0x21:P10: expander at 0x21") {
		t.Errorf("findings %v", findings)
	}
	if h := bus.History(0x20); len(h) != 1 {
		t.Errorf("Check changed the chip: %04x", h)
	}
}

// FuzzPinNames: no name panics, and what opens is a pin of the chip it names.
func FuzzPinNames(f *testing.F) {
	for _, s := range []string{"mcp23017:1:0x20:A3", "pca9555:1:0x21:P07", "gpiochip0:17", "mcp23017::::", "pca9555:1:0b100000:P17"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		p, err := lamp.OpenExpanders(lamptest.NewBus().Open)(name, false)
		if err != nil {
			if !errors.Is(err, lamp.ErrNoPin) {
				t.Fatal(err)
			}
			return
		}
		if n := p.Number(); n < 0 || n > 15 || p.Name() != name {
			t.Fatalf("%q opened as %s, number %d", name, p.Name(), n)
		}
	})
}
