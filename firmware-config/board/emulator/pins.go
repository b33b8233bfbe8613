package emulator

import (
	"fmt"
	"time"
)

// gpioBase is where a Raspberry Pi 3 has its GPIO block.
const gpioBase = 0x3f200000

// Pins of the block.
const pinCount = 54

// Level is what a pin does to the wire.
type Level uint8

// What pins do.
const (
	Floating Level = iota // an input: the pull resistor decides
	Low                   // driven low
	High                  // driven high
	Other                 // belongs to another device of the chip
)

// String is the level in a word.
func (l Level) String() string { return [...]string{"floating", "low", "high", "other"}[l&3] }

// Pins is what every pin does at one moment.
type Pins [pinCount]Level

// registers are those of the GPIO block that decide what pins do.
type registers struct {
	function [6]uint32
	driven   [2]uint32 // the level an output has, or will have
}

// write takes one write to the block; offsets that decide nothing are passed over.
func (r *registers) write(offset, value uint32) {
	switch {
	case offset <= 0x14 && offset%4 == 0:
		r.function[offset/4] = value
	case offset == 0x1c || offset == 0x20:
		r.driven[(offset-0x1c)/4] |= value
	case offset == 0x28 || offset == 0x2c:
		r.driven[(offset-0x28)/4] &^= value
	}
}

func (r *registers) pins() (p Pins) {
	for n := range p {
		switch f := r.function[n/10] >> (3 * (n % 10)) & 7; {
		case f > 1:
			p[n] = Other
		case f == 0:
			p[n] = Floating
		case r.driven[n/32]>>(n%32)&1 == 1:
			p[n] = High
		default:
			p[n] = Low
		}
	}
	return p
}

// Change is a moment at which pins changed.
type Change struct {
	At   time.Time
	Pins Pins
}

// History is what pins did in some span of time: the state at its beginning,
// then every change. It is never empty.
type History []Change

// Of lists what one pin did, without repetitions.
func (h History) Of(pin int) (levels []Level) {
	for _, c := range h {
		if l := c.Pins[pin]; len(levels) == 0 || levels[len(levels)-1] != l {
			levels = append(levels, l)
		}
	}
	return levels
}

// Last is the latest state.
func (h History) Last() Pins { return h[len(h)-1].Pins }

// First is the first moment at which ok holds.
func (h History) First(ok func(Pins) bool) (time.Time, bool) {
	for _, c := range h {
		if ok(c.Pins) {
			return c.At, true
		}
	}
	return time.Time{}, false
}

// parseDump reads the words of the monitor's answer to "xp":
//
//	000000003f200000: 0x00000000 0x00000000 0x00000000 0x00000000
func parseDump(text string) (words []uint32, err error) {
	for line := range lines(text) {
		var at uint64
		var w [4]uint32
		n, _ := fmt.Sscanf(line, "%x: 0x%x 0x%x 0x%x 0x%x", &at, &w[0], &w[1], &w[2], &w[3]) // a short last line is no error
		words = append(words, w[:max(0, n-1)]...)
	}
	if len(words) == 0 {
		return nil, fmt.Errorf("read registers: no words in %.80q", text)
	}
	return words, nil
}
