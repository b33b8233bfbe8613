package printer

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// Missing stands for a character the printer has no glyph for.
const Missing = '□'

// twins are characters outside the printer's set that look like one inside.
var twins = map[rune]rune{
	'\u00a0': ' ', '\u2002': ' ', '\u2003': ' ', '\u2009': ' ', '\u202f': ' ',
	'•': '·', '‧': '·', '・': '·', '¥': '￥', '‑': '-', '−': '-',
}

// Clean returns the characters of s as they appear on paper: white space of
// any kind as a space; invisible characters that steer the direction or the
// joining of text gone; control characters, broken UTF-8 and whatever is
// outside the two-byte part of GB 18030-2000 as □. The result is ASCII and
// two-byte characters only, and Clean leaves it as it is.
func Clean(s string) string {
	var out strings.Builder
	out.Grow(len(s))
	for _, r := range s {
		if t, ok := twins[r]; ok {
			r = t
		}
		switch {
		case r == '\t' || r == '\n' || r == '\r' || r == '\u2028' || r == '\u2029':
			out.WriteByte(' ')
		case r >= ' ' && r <= '~':
			out.WriteByte(byte(r))
		case unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Variation_Selector, r):
		case twoBytes(r):
			out.WriteRune(r)
		default:
			out.WriteRune(Missing)
		}
	}
	return out.String()
}

// twoBytes reports whether r has a two-byte code that every GB 18030 printer
// knows: not in the user-defined areas, whose glyphs are the printer's own.
func twoBytes(r rune) bool {
	return r >= 0x80 && r != utf8.RuneError && !unicode.Is(unicode.Co, r) && len(appendRune(nil, r)) == 2
}

// appendRune appends the GB 18030 code of r, or nothing if it has none.
func appendRune(p []byte, r rune) []byte {
	if r < utf8.RuneSelf {
		return append(p, byte(r))
	}
	var source, code [utf8.UTFMax]byte
	n := utf8.EncodeRune(source[:], r)
	n, _, err := simplifiedchinese.GB18030.NewEncoder().Transformer.Transform(code[:], source[:n], true)
	if err != nil {
		return p
	}
	return append(p, code[:n]...)
}

// columns is the width of a clean rune.
func columns(r rune) int {
	if r < utf8.RuneSelf {
		return 1
	}
	return 2
}

// closing are the marks that do not begin a line.
const closing = "，。、；：！？）】》」』”’,.;:!?)"

// wrap takes the first line of at most width columns off the runes. A break
// inside a word moves to a space in the second half of the line, if any. The
// spaces at the break are dropped. The rest begins the next line.
func wrap(runes []rune, width int) (line, rest []rune) {
	used, end := 0, 0
	for end < len(runes) && used+columns(runes[end]) <= width {
		used += columns(runes[end])
		end++
	}
	if end == 0 || end == len(runes) {
		return runes, nil
	}
	if end > 1 && strings.ContainsRune(closing, runes[end]) {
		end-- // a line does not begin with it: it takes a character along
	}
	if ascii(runes[end-1]) && ascii(runes[end]) {
		for i := end - 1; i > end/2; i-- {
			if runes[i] == ' ' {
				end = i + 1
				break
			}
		}
	}
	line, rest = runes[:end], runes[end:]
	for len(rest) > 0 && rest[0] == ' ' {
		rest = rest[1:]
	}
	return []rune(strings.TrimRight(string(line), " ")), rest
}

func ascii(r rune) bool { return r > ' ' && r < utf8.RuneSelf }

// qrText removes what a printer might obey inside the data of a QR code.
func qrText(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
}

// qrBytes holds how many bytes QR versions 1 to 17 take at error correction M
// (ISO/IEC 18004, table 7).
var qrBytes = [...]int{14, 26, 42, 62, 84, 106, 122, 152, 180, 213, 251, 287, 331, 362, 412, 450, 504}

// qrModules is the number of modules along a side for n bytes, 0 if too many.
func qrModules(n int) int {
	for i, room := range qrBytes {
		if n <= room {
			return 21 + 4*i
		}
	}
	return 0
}
