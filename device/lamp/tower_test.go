package lamp

import (
	"strings"
	"testing"
)

var all = []Colour{White, Green, Amber, Red, Blue}

// towers are all towers of two to five lamps, their pins named by colour.
func towers() []Tower {
	var out []Tower
	for set := range lights(1 << (Blue + 1)) {
		t := Tower{Name: "t", Pins: map[Colour]string{}}
		for _, c := range all {
			if set.has(c) {
				t.Pins[c] = c.String()
			}
		}
		if !set.has(Dark) && len(t.Pins) >= 2 {
			out = append(out, t)
		}
	}
	return out
}

func TestEveryColourShowsSomethingOnEveryTower(t *testing.T) {
	ts := towers()
	if len(ts) != 26 {
		t.Fatalf("%d towers, want 26", len(ts))
	}
	for _, tw := range ts {
		shown := map[Colour]pattern{}
		for _, c := range all {
			p := tw.pattern(Signal{Colour: c})
			shown[c] = p
			if p.lit == 0 {
				t.Errorf("%v shows nothing for %s", tw.colours(), c)
			}
			for _, l := range all {
				if p.lit.has(l) && tw.Pins[l] == "" {
					t.Errorf("%v lights %s, which it has not", tw.colours(), l)
				}
			}
			if !tw.pattern(Signal{Colour: c, Blink: true}).blink {
				t.Errorf("%v does not blink for %s", tw.colours(), c)
			}
		}
		if p := tw.pattern(Signal{}); p.lit != 0 {
			t.Errorf("%v lights %v for dark", tw.colours(), p)
		}
		for _, c := range all {
			if c != Red && shown[c] == shown[Red] {
				t.Errorf("%v: red looks like %s", tw.colours(), c)
			}
			if tw.Pins[c] != "" && shown[c] != (pattern{lit: of(c)}) {
				t.Errorf("%v has a lamp for %s and shows %v", tw.colours(), c, shown[c])
			}
		}
		if rag := tw.Pins[Red] != "" && tw.Pins[Amber] != "" && tw.Pins[Green] != ""; !rag {
			continue
		}
		different := map[pattern]bool{}
		for _, p := range shown {
			different[p] = true
		}
		if want := min(len(tw.Pins)+1, 5); len(different) != want {
			t.Errorf("%v shows %d different patterns, want %d", tw.colours(), len(different), want)
		}
	}
}

// The table of the package doc.
func TestUsualTowers(t *testing.T) {
	for lamps, want := range map[string][5]string{
		"red amber green":                 {"green", "green", "amber", "red", "green+amber"},
		"red amber green white":           {"white", "green", "amber", "red", "white+green"},
		"red amber green blue":            {"green+blue", "green", "amber", "red", "blue"},
		"red green":                       {"green", "green", "green+red", "red", "green~"},
		"white green amber red blue":      {"white", "green", "amber", "red", "blue"},
		"red white":                       {"white", "white", "white+red", "red", "white~"},
		"amber blue":                      {"blue", "amber+blue", "amber", "amber+blue~", "blue"},
		"white green":                     {"white", "green", "green~", "white+green~", "white+green"},
		"white amber red":                 {"white", "white", "amber", "red", "white+amber"},
		"green blue":                      {"green+blue", "green", "green~", "green+blue~", "blue"},
		"red blue":                        {"blue", "blue", "red+blue", "red", "blue"},
		"amber red":                       {"amber", "amber", "amber", "red", "amber~"},
		"white green amber blue (no red)": {"white", "green", "amber", "green+amber~", "blue"},
	} {
		tw := Tower{Pins: map[Colour]string{}}
		for _, name := range strings.Fields(strings.TrimSuffix(lamps, "(no red)")) {
			c, err := ParseColour(name)
			if err != nil {
				t.Fatal(err)
			}
			tw.Pins[c] = name
		}
		for i, c := range all {
			p := tw.pattern(Signal{Colour: c})
			var lit []string
			for _, l := range all {
				if p.lit.has(l) {
					lit = append(lit, l.String())
				}
			}
			got := strings.Join(lit, "+")
			if p.blink {
				got += "~"
			}
			if got != want[i] {
				t.Errorf("tower %s shows %s for %s, want %s", lamps, got, c, want[i])
			}
		}
	}
}

func TestDecode(t *testing.T) {
	for _, activeLow := range []bool{false, true} {
		for _, tw := range towers() {
			tw.ActiveLow = activeLow
			for _, c := range append([]Colour{Dark}, all...) {
				p := tw.pattern(Signal{Colour: c})
				high := map[string]bool{}
				for l, pin := range tw.Pins {
					high[pin] = p.lit.has(l) != activeLow
				}
				got := tw.Decode(high)
				if got.Blink || tw.pattern(got).lit != p.lit {
					t.Errorf("%v, active low %v: %s decodes as %s", tw.colours(), activeLow, c, got)
				}
				if (tw.Pins[c] != "" || c == Dark) && got.Colour != c {
					t.Errorf("%v, active low %v: its own %s decodes as %s", tw.colours(), activeLow, c, got)
				}
			}
		}
	}
	five := towers()[25]
	if got := five.Decode(map[string]bool{"red": true, "green": true}); got != (Signal{}) {
		t.Errorf("red and green on five lamps decode as %s", got)
	}
}

func TestColours(t *testing.T) {
	for _, c := range append([]Colour{Dark}, all...) {
		if got, err := ParseColour(c.String()); got != c || err != nil {
			t.Errorf("ParseColour(%s) = %s, %v", c, got, err)
		}
	}
	if _, err := ParseColour("purple"); err == nil || !strings.Contains(err.Error(), `"purple"`) {
		t.Errorf("ParseColour(purple): %v", err)
	}
	for s, want := range map[Signal]string{{}: "dark", {Red, true}: "red blinking", {Green, false}: "green", {Dark, true}: "dark", {Colour(9), false}: "lamp.Colour(9)"} {
		if s.String() != want {
			t.Errorf("%#v prints %q, want %q", s, s, want)
		}
	}
}
