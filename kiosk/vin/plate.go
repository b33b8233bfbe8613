package vin

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"unicode"
)

// Plate is a number plate in normal form: province character, capital letters
// and digits without separators, "粤B12345". It prints masked; string(p) is the
// whole.
type Plate string

// String is the masked plate, see [Mask].
func (p Plate) String() string { return Mask(p) }

// LogValue keeps the plate out of logs.
func (p Plate) LogValue() slog.Value { return slog.StringValue(Mask(p)) }

// Form is the form of a plate.
type Form int

// The forms of plates (GA 36).
const (
	Unusual  Form = iota // none of the others: accepted, with a warning
	Ordinary             // province, letter, 5 letters or digits: 粤B12345
	SmallNEV             // new energy, up to 4.5 t: letter of the energy first: 粤BD12345
	LargeNEV             // new energy, larger: D or F last: 粤B12345D
	Special              // last character 挂 学 警 港 澳 领 使 试 超: 粤B1234学
	Diplomat             // 使 and six digits: 使014578
)

// Bounds of a plate.
const (
	minPlate  = 4   // characters in normal form: fewer are a slip of the hand
	maxPlate  = 10  // characters in normal form
	plateText = 128 // bytes of input
)

var formNames = [...]string{"unusual", "ordinary", "small new energy", "large new energy", "special", "diplomatic"}

// String is the form in words.
func (f Form) String() string {
	if f < 0 || int(f) >= len(formNames) {
		return fmt.Sprintf("vin.Form(%d)", int(f))
	}
	return formNames[f]
}

// What stands where on a plate (GA 36-2018).
const (
	provinces = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
	lasts     = "挂学警港澳领使试超"
	smallNEV  = "DABCEFGHJK" // D A B C E electric, F G H J K other new energy
	largeNEV  = "DF"
)

// ErrPlateLength says that a text is too short or too long for any plate.
var ErrPlateLength = errors.New("read plate: a plate has 4 to 10 characters")

// PlateLetterError names a character that is on no plate.
type PlateLetterError struct {
	Pos  int // from 1, separators not counted
	Rune rune
}

// Error names position and character.
func (e *PlateLetterError) Error() string {
	return fmt.Sprintf("read plate: %q at position %d: a plate has letters, digits and Chinese characters only", e.Rune, e.Pos)
}

// ParsePlate brings a typed or scanned plate into normal form: full-width forms
// become ASCII, letters capitals; blanks, dots and hyphens go. What is no known
// Chinese form is accepted as [Unusual], which callers show as a warning; so a
// scanner's text should count as a plate only if it is not Unusual. The error
// is [ErrPlateLength] or a *[PlateLetterError].
func ParsePlate(text string) (Plate, Form, error) {
	if len(text) > plateText {
		return "", Unusual, ErrPlateLength
	}
	rs := []rune(strings.Map(dropSeparator, fold(text)))
	for i, r := range rs {
		if notAlnum(r) && !unicode.Is(unicode.Han, r) {
			return "", Unusual, &PlateLetterError{Pos: i + 1, Rune: r}
		}
	}
	if len(rs) < minPlate || len(rs) > maxPlate {
		return "", Unusual, ErrPlateLength
	}
	return Plate(string(rs)), form(rs), nil
}

// dropSeparator leaves out what people and printers put between the parts of a
// plate: blanks, middle dots, hyphens.
func dropSeparator(r rune) rune {
	if unicode.IsSpace(r) || strings.ContainsRune("·•・‧∙⋅●.-‐‑‒–—−_", r) {
		return -1
	}
	return r
}

func form(rs []rune) Form {
	n := len(rs)
	if rs[0] == '使' && n == 7 && all(rs[1:], digit) {
		return Diplomat
	}
	if !strings.ContainsRune(provinces, rs[0]) || !capital(rs[1]) {
		return Unusual
	}
	serial := rs[2:]
	switch len(serial) {
	case 5:
		last := serial[4]
		switch {
		case all(serial, plateChar):
			return Ordinary
		case all(serial[:4], plateChar) && strings.ContainsRune(lasts, last):
			return Special
		}
	case 6:
		switch {
		case strings.ContainsRune(smallNEV, serial[0]) && plateChar(serial[1]) && all(serial[2:], digit):
			return SmallNEV
		case all(serial[:5], digit) && strings.ContainsRune(largeNEV, serial[5]):
			return LargeNEV
		}
	}
	return Unusual
}

func all(rs []rune, ok func(rune) bool) bool {
	for _, r := range rs {
		if !ok(r) {
			return false
		}
	}
	return true
}

func digit(r rune) bool { return r >= '0' && r <= '9' }

// capital is a letter as plates use it: I and O would read as digits.
func capital(r rune) bool { return r >= 'A' && r <= 'Z' && r != 'I' && r != 'O' }

func plateChar(r rune) bool { return digit(r) || capital(r) }

// Mask is the plate as a customer's screen and a ticket may show it (DOMAIN
// §8): the first two and the last three characters, a bullet for each between,
// "粤B••345". A plate of six characters or fewer keeps its first and last only.
func Mask(p Plate) string {
	rs := []rune(string(p))
	first, last := 2, 3
	if len(rs) <= first+last+1 {
		first, last = 1, 1
	}
	if len(rs) <= first+last {
		return strings.Repeat("•", len(rs))
	}
	return string(rs[:first]) + strings.Repeat("•", len(rs)-first-last) + string(rs[len(rs)-last:])
}
