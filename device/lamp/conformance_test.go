package lamp_test

import (
	"os"
	"strings"
	"testing"

	"baylight/device/lamp"
	"baylight/device/lamp/conformtest"
	"baylight/device/lamp/lamptest"
)

func TestConformanceOnThePretendBoard(t *testing.T) {
	conformtest.Conformance(t, func(_ *testing.T, activeLow bool) conformtest.Rig {
		names := [3]string{"GPIO17", "GPIO27", "GPIO22"}
		b := lamptest.New(nil, names[:]...)
		return conformtest.Rig{Open: b.Open, Pins: names, Glitches: b.Glitches, BrownOut: b.Forget, Bubble: true,
			Lit: func() (lit [3]bool) {
				for i, n := range names {
					high, open := b.Levels()[n]
					lit[i] = open && high != activeLow
				}
				return lit
			}}
	})
}

func TestConformanceOnPretendExpanders(t *testing.T) {
	conformtest.Conformance(t, func(_ *testing.T, activeLow bool) conformtest.Rig {
		bus := lamptest.NewBus()
		bus.MCP23017(0x20)
		bus.PCA9555(0x21)
		at := [3]struct {
			chip uint16
			bit  int
		}{{0x20, 0}, {0x20, 15}, {0x21, 8}}
		return conformtest.Rig{Open: lamp.OpenExpanders(bus.Open), BrownOut: func() { bus.BrownOut(true) }, Bubble: true,
			Die:  func() lamp.Opener { return lamp.OpenExpanders(bus.Open) },
			Pins: [3]string{"mcp23017:1:0x20:A0", "mcp23017:1:0x20:B7", "pca9555:1:0x21:P10"},
			Lit: func() (lit [3]bool) {
				for i, p := range at {
					o := bus.Outputs(p.chip)
					lit[i] = o.Pins>>p.bit&1 == 1 && (o.High>>p.bit&1 == 1) != activeLow
				}
				return lit
			}}
	})
}

// Real pins; somebody looks at the lamps.
func TestConformanceOnHardware(t *testing.T) {
	names := strings.Split(os.Getenv("BAYLIGHT_LAMPS"), ",")
	if len(names) != 3 {
		t.Skip("NOT RUN on real hardware: BAYLIGHT_LAMPS is not set to three pins; see conformtest")
	}
	conformtest.Conformance(t, func(t *testing.T, _ bool) conformtest.Rig {
		open, err := lamp.OpenHost()
		if err != nil {
			t.Fatal(err)
		}
		return conformtest.Rig{Open: open, Pins: [3]string(names)}
	})
}
