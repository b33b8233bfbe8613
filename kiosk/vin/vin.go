package vin

import (
	"fmt"
	"log/slog"
	"strings"
)

// Length is the number of characters of a VIN (ISO 3779).
const Length = 17

// minDistinct is the fewest different characters a believable VIN has: WMI,
// model, year, plant and serial number never draw on three characters only,
// while a stuck key or a test label does.
const minDistinct = 4

// maxText bounds what Parse looks at, in bytes; full-width forms take 3 each.
const maxText = 256

// VIN is a checked vehicle identification number: 17 capital letters and
// digits without I, O, Q. It prints masked; string(v) is the whole.
type VIN string

// String is the masked VIN, see [MaskVIN].
func (v VIN) String() string { return MaskVIN(v) }

// LogValue keeps the VIN out of logs.
func (v VIN) LogValue() slog.Value { return slog.StringValue(MaskVIN(v)) }

// MaskVIN shows the last four characters only: "••••4931". It is what logs,
// tickets and customers' screens may show.
func MaskVIN(v VIN) string { return "••••" + tail(string(v), 4) }

// Kind says what to do with a VIN that could be read.
type Kind int

// The kinds of finding.
const (
	OK       Kind = iota // the check digit holds
	Advisory             // it fails where it is not compulsory: accept, tell
	Confirm              // it fails where it is compulsory: a person has to confirm
)

// String is the kind in a word.
func (k Kind) String() string {
	switch k {
	case OK:
		return "ok"
	case Advisory:
		return "advisory"
	case Confirm:
		return "confirm"
	}
	return fmt.Sprintf("vin.Kind(%d)", int(k))
}

// Finding is what was found about a readable VIN.
type Finding struct {
	Kind     Kind
	Want     byte // the check digit the other 16 characters ask for: 0–9 or X
	Got      byte // the character at position 9
	Stripped bool // a Code 39 label's leading I was left out
}

// LengthError says that a text has not 17 characters.
type LengthError struct{ Got int }

// Error states the length.
func (e *LengthError) Error() string {
	return fmt.Sprintf("read vin: %d characters, a VIN has %d", e.Got, Length)
}

// LetterError names a character that no VIN contains.
type LetterError struct {
	Pos  int // from 1
	Rune rune
}

// Error names position and character.
func (e *LetterError) Error() string {
	switch e.Rune {
	case 'I', 'O', 'Q':
		return fmt.Sprintf("read vin: letter %c at position %d: a VIN has no I, O or Q", e.Rune, e.Pos)
	}
	return fmt.Sprintf("read vin: %q at position %d: a VIN has digits and letters only", e.Rune, e.Pos)
}

// RepeatError says that a text has the form of a VIN but nearly one character only.
type RepeatError struct{ Distinct int }

// Error states how few characters differ.
func (e *RepeatError) Error() string {
	return fmt.Sprintf("read vin: only %d different characters, a VIN has at least %d", e.Distinct, minDistinct)
}

// Parse reads one VIN from a scan or from what a person typed. The error is a
// *[LengthError], *[LetterError] or *[RepeatError]. A text with other fields
// around the VIN is for [Candidates].
func Parse(text string) (VIN, Finding, error) {
	if len(text) > maxText {
		return "", Finding{}, &LengthError{Got: len(text)}
	}
	rs := []rune(strings.TrimSpace(fold(text)))
	if len(rs) == Length+1 && rs[0] == 'I' {
		if v, f, err := parse(rs[1:]); err == nil {
			f.Stripped = true
			return v, f, nil
		}
	}
	return parse(rs)
}

func parse(rs []rune) (VIN, Finding, error) {
	if len(rs) != Length {
		return "", Finding{}, &LengthError{Got: len(rs)}
	}
	seen := map[rune]bool{}
	for i, r := range rs {
		if !letter(r) {
			return "", Finding{}, &LetterError{Pos: i + 1, Rune: r}
		}
		seen[r] = true
	}
	if len(seen) < minDistinct {
		return "", Finding{}, &RepeatError{Distinct: len(seen)}
	}
	v := VIN(string(rs))
	f := Finding{Want: CheckDigit(v), Got: v[8]}
	switch {
	case f.Want == f.Got:
		f.Kind = OK
	case v[0] == 'L' || v[0] >= '1' && v[0] <= '5':
		f.Kind = Confirm
	default:
		f.Kind = Advisory
	}
	return v, f, nil
}

// letter reports whether r may stand in a VIN.
func letter(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' && r != 'I' && r != 'O' && r != 'Q'
}

// values are the numbers that ISO 3779 gives the letters A–Z (I, O, Q never occur).
const values = "12345678.12345.7.923456789"

// weights are those of the 17 positions; the check digit itself weighs nothing.
var weights = [Length]int{8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2}

// CheckDigit is the character that position 9 of v should have: the weighted
// sum of the other positions modulo 11, with X for 10. v has [Length] letters
// and digits as Parse returns them.
func CheckDigit(v VIN) byte {
	sum := 0
	for i := range Length {
		c := v[i]
		if c >= 'A' {
			c = values[c-'A']
		}
		sum += int(c-'0') * weights[i]
	}
	if sum %= 11; sum < 10 {
		return byte('0' + sum)
	}
	return 'X'
}

// fold turns full-width forms into ASCII and letters into capitals.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '！' && r <= '～':
			r -= '！' - '!'
		case r == '\u3000' || r == '\u00a0':
			r = ' '
		}
		if r >= 'a' && r <= 'z' {
			r -= 'a' - 'A'
		}
		return r
	}, s)
}

// tail is the last n runes of s.
func tail(s string, n int) string {
	rs := []rune(s)
	return string(rs[max(0, len(rs)-n):])
}
