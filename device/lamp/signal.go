package lamp

import (
	"fmt"
	"slices"
)

// Colour is the colour of a lamp or signal; the zero value is Dark.
type Colour int

// The colours.
const (
	Dark Colour = iota
	White
	Green
	Amber
	Red
	Blue
)

var colourNames = [...]string{"dark", "white", "green", "amber", "red", "blue"}

// String is the colour's name in lower case.
func (c Colour) String() string {
	if c < Dark || c > Blue {
		return fmt.Sprintf("lamp.Colour(%d)", int(c))
	}
	return colourNames[c]
}

// ParseColour reads a colour's name: dark, white, green, amber, red or blue.
func ParseColour(s string) (Colour, error) {
	if i := slices.Index(colourNames[:], s); i >= 0 {
		return Colour(i), nil
	}
	return Dark, fmt.Errorf("read colour: %q is not dark, white, green, amber, red or blue", s)
}

// Signal is what a tower shows; the zero value is dark.
type Signal struct {
	Colour Colour
	Blink  bool
}

// String is the signal in words: "red" or "red blinking".
func (s Signal) String() string {
	if s.Blink && s.Colour != Dark {
		return s.Colour.String() + " blinking"
	}
	return s.Colour.String()
}
