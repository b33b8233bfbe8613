package lamp

import (
	"errors"
	"fmt"
	"slices"
)

// Tower is a signal tower: a name and the pin of each lamp it has, two to five.
type Tower struct {
	Name      string
	Pins      map[Colour]string // pin names as the opener knows them: "GPIO17"
	ActiveLow bool              // a lamp is lit when its pin is low
}

// lights is a set of lamps, by colour.
type lights uint8

func of(cs ...Colour) (l lights) {
	for _, c := range cs {
		l |= 1 << c
	}
	return l
}

func (l lights) has(c Colour) bool { return l&(1<<c) != 0 }

// pattern is what a tower does for a signal.
type pattern struct {
	lit   lights
	blink bool
}

// substitutes are the patterns that stand for a colour, the best first; see the
// table of the package doc. Each list fits any tower of two lamps or more.
func substitutes(c Colour) []pattern {
	steady := func(cs ...Colour) pattern { return pattern{lit: of(cs...)} }
	blinking := func(cs ...Colour) pattern { return pattern{lit: of(cs...), blink: true} }
	switch c {
	case White:
		return []pattern{steady(White), steady(Green, Blue), steady(Green), steady(Blue), steady(Amber)}
	case Green:
		return []pattern{steady(Green), steady(White, Blue), steady(Amber, Blue), steady(White), steady(Blue), steady(Amber)}
	case Amber:
		return []pattern{steady(Amber), steady(Green, Red), steady(White, Red), steady(Blue, Red),
			blinking(Green), blinking(White), blinking(Blue)}
	case Red:
		return []pattern{steady(Red), blinking(Amber, Green), blinking(Amber, White), blinking(Amber, Blue),
			blinking(Green, Blue), blinking(Green, White), blinking(White, Blue)}
	case Blue:
		return []pattern{steady(Blue), steady(Green, White), steady(Green, Amber), steady(White, Amber),
			blinking(Green), blinking(White), blinking(Amber)}
	}
	return nil
}

// pattern is how the tower shows s.
func (t Tower) pattern(s Signal) pattern {
	var have lights
	for c := range t.Pins {
		have |= of(c)
	}
	for _, p := range substitutes(s.Colour) {
		if p.lit&^have == 0 {
			p.blink = p.blink || s.Blink
			return p
		}
	}
	return pattern{}
}

// Decode is the signal that a tower seems to show at one instant, from whether
// each pin is high. One lamp alone is its own colour; of several together, what
// is steady counts before what blinks. Blink is never set, for an instant does
// not blink. Lamps that make no signal together decode as Dark.
func (t Tower) Decode(high map[string]bool) Signal {
	var lit lights
	for c, pin := range t.Pins {
		if high[pin] != t.ActiveLow {
			lit |= of(c)
		}
	}
	cs := []Colour{White, Green, Amber, Red, Blue}
	for _, c := range cs {
		if lit == of(c) {
			return Signal{Colour: c}
		}
	}
	for _, blink := range []bool{false, true} {
		for _, c := range cs {
			if (pattern{lit, blink}) == t.pattern(Signal{Colour: c}) {
				return Signal{Colour: c}
			}
		}
	}
	return Signal{}
}

// colours are the tower's lamps in the order of the colours.
func (t Tower) colours() []Colour {
	var cs []Colour
	for c := range t.Pins {
		cs = append(cs, c)
	}
	slices.Sort(cs)
	return cs
}

// check names what is wrong with a tower by itself.
func (t Tower) check() error {
	var errs []error
	if t.Name == "" {
		errs = append(errs, errors.New("tower without a name"))
	}
	if n := len(t.Pins); n < 2 || n > 5 {
		errs = append(errs, fmt.Errorf("tower %s: %d lamps, a tower has 2 to 5", t.Name, n))
	}
	for _, c := range t.colours() {
		if c < White || c > Blue {
			errs = append(errs, fmt.Errorf("tower %s: %s is no colour of a lamp", t.Name, c))
		} else if t.Pins[c] == "" {
			errs = append(errs, fmt.Errorf("tower %s: no pin for %s", t.Name, c))
		}
	}
	return errors.Join(errs...)
}
