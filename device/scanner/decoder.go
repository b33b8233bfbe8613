package scanner

import (
	"bytes"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"
)

// Bounds on what the wire can make us hold or hand on.
const (
	// MaxFrame is the longest accepted text between terminators, in bytes, an AIM
	// identifier included. The largest QR code holds 2,953 bytes.
	MaxFrame = 4096
	// MaxRaw bounds the bytes kept of a malformed frame.
	MaxRaw = 256
)

const (
	idleGap   = 50 * time.Millisecond // ends a frame that has no terminator
	staleTime = time.Second           // makes a frame with one unfinished
)

const (
	tab = 0x09
	lf  = 0x0A
	cr  = 0x0D
	stx = 0x02
	etx = 0x03
	eot = 0x04
	fs  = 0x1C
)

// Terminator is how a scanner ends a frame. See the package comment for bytes.
type Terminator uint8

// The known terminators. CR and CRLF are read alike.
const (
	CR Terminator = iota
	CRLF
	LF
	TAB
	STXETX
	None // a gap in time
	SSI  // Zebra's packets, which are answered: see Decoder.Replies
)

const wantTerminator = "want cr, crlf, lf, tab, stx-etx, none or ssi"

var terminatorNames = []string{CR: "cr", CRLF: "crlf", LF: "lf", TAB: "tab", STXETX: "stx-etx", None: "none", SSI: "ssi"}

// String gives the name used in configuration files.
func (t Terminator) String() string {
	if int(t) < len(terminatorNames) {
		return terminatorNames[t]
	}
	return fmt.Sprintf("terminator(%d)", uint8(t))
}

// MarshalText gives the name used in configuration files.
func (t Terminator) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads cr, crlf, lf, tab, stx-etx, none or ssi; the empty text is cr.
func (t *Terminator) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*t = CR
		return nil
	}
	i := slices.Index(terminatorNames, string(text))
	if i < 0 {
		return fmt.Errorf("terminator %q: %s", text, wantTerminator)
	}
	*t = Terminator(i)
	return nil
}

// Scan is one frame, or the record of several.
type Scan struct {
	// Scanner is the configured name of the scanner; empty from a bare Decoder.
	Scanner string
	// Text is what the code says, without terminator and AIM identifier. It is
	// valid UTF-8 and not empty, without control characters but the separators
	// FS, GS, RS and US of a code with several fields (ISO/IEC 15434, GS1) and
	// the EOT at its end, unless Malformed is set: then it is the first MaxRaw
	// bytes as they came.
	Text string
	// Symbology is code39, code128, qr, datamatrix, … from the AIM identifier or
	// the SSI code type, "aim:" and the identifier's two characters or "ssi:" and
	// the type where unknown, else empty.
	Symbology string
	// Malformed says in words why Text is no code; empty for a good scan.
	Malformed string
	// Repeated is 0 for a scan; n > 0 stands for n more readings held back by the
	// rate limit, Text being the last of them.
	Repeated int
}

// Decoder cuts a byte stream into scans. The zero value reads CR; it is not safe
// for concurrent use.
type Decoder struct {
	term  Terminator
	frame []byte
	// lost: the frame's beginning was unusable and has been reported; bytes are
	// dropped up to its end.
	lost   bool
	inside bool // STX seen
	wasCR  bool // a CR ended the last frame: swallow a LF
	quiet  time.Duration

	packets packets // SSI only
}

// NewDecoder makes a decoder for frames ended by t.
func NewDecoder(t Terminator) *Decoder { return &Decoder{term: t} }

// Feed takes bytes as they came from the wire and calls emit for each frame that
// ends in them, in order. p is not kept.
func (d *Decoder) Feed(p []byte, emit func(Scan)) {
	if d.term == SSI {
		d.packets.feed(p, emit)
		return
	}
	d.quiet = 0
	for len(p) > 0 {
		p = d.run(p, emit)
	}
}

// run takes the plain bytes in front of p and one special byte, if any, and
// returns the rest.
func (d *Decoder) run(p []byte, emit func(Scan)) []byte {
	if d.wasCR {
		d.wasCR = false
		if p[0] == lf {
			return p[1:]
		}
	}
	n := d.special(p)
	if n < 0 {
		d.add(p, emit)
		return nil
	}
	d.add(p[:n], emit)
	switch c := p[n]; c {
	case stx:
		why := "bytes outside STX and ETX"
		if d.inside {
			why = "no ETX before the next STX"
		}
		d.cut(why, emit)
		d.inside = true
	case cr, lf:
		if d.term == STXETX { // between frames
			d.cut("bytes outside STX and ETX", emit)
			break
		}
		d.wasCR = c == cr
		if c == lf {
			d.frame = bytes.TrimSuffix(d.frame, []byte{cr})
		}
		d.end(emit)
	default:
		d.end(emit)
	}
	return p[n+1:]
}

// special gives the index of the first byte of p that bounds a frame, or -1.
func (d *Decoder) special(p []byte) int {
	switch d.term {
	case CR, CRLF:
		return bytes.IndexByte(p, cr)
	case LF:
		return bytes.IndexByte(p, lf)
	case TAB:
		return bytes.IndexByte(p, tab)
	case STXETX:
		if d.inside {
			return bytes.IndexAny(p, "\x02\x03")
		}
		return bytes.IndexAny(p, "\x02\r\n")
	}
	return -1
}

func (d *Decoder) add(p []byte, emit func(Scan)) {
	if d.lost {
		return
	}
	room := MaxFrame - len(d.frame)
	d.frame = append(d.frame, p[:min(room, len(p))]...)
	if len(p) > room {
		d.report(fmt.Sprintf("no end of frame within %d bytes", MaxFrame), emit)
		d.lost = true
	}
}

// Silent says that the wire has been silent for another gap. It ends a frame
// without terminator, and gives up one that has been left unfinished.
func (d *Decoder) Silent(gap time.Duration, emit func(Scan)) {
	if d.term == SSI {
		d.packets.silent(gap, emit)
		return
	}
	d.quiet = min(d.quiet+gap, staleTime) // saturates
	switch {
	case d.term == None && d.quiet >= idleGap:
		d.end(emit)
	case d.term != None && d.quiet >= staleTime && (len(d.frame) > 0 || d.lost || d.inside):
		d.cut(fmt.Sprintf("frame left without its end (%s)", d.term), emit)
		d.inside = false
	}
}

// Replies gives what has to be sent to the scanner since the last call: SSI
// packets are acknowledged, or asked for again. Other scanners want nothing. It
// is at most as long as what was fed, and a few bytes.
func (d *Decoder) Replies() []byte {
	r := d.packets.replies
	d.packets.replies = nil
	return r
}

// Reset forgets a frame begun: the wire was lost, its rest will not come.
func (d *Decoder) Reset() { *d = Decoder{term: d.term, frame: d.frame[:0]} }

// cut drops a frame that cannot be whole; what it held is reported once.
func (d *Decoder) cut(why string, emit func(Scan)) {
	if len(d.frame) > 0 && !d.lost {
		d.report(why, emit)
	}
	d.frame, d.lost = d.frame[:0], false
}

func (d *Decoder) end(emit func(Scan)) {
	if len(d.frame) > 0 && !d.lost {
		emit(parse(d.frame))
	}
	d.frame, d.lost, d.inside = d.frame[:0], false, false
}

func (d *Decoder) report(why string, emit func(Scan)) {
	emit(malformed(d.frame, why))
	d.frame = d.frame[:0]
}

func malformed(raw []byte, why string) Scan {
	return Scan{Text: string(raw[:min(len(raw), MaxRaw)]), Malformed: why}
}

func parse(frame []byte) Scan {
	text, symbology := stripAIM(frame)
	s := Scan{Text: string(text), Symbology: symbology}
	switch {
	case len(bytes.Trim(text, "\x04\x1c\x1d\x1e\x1f")) == 0:
		s = malformed(frame, "nothing but an AIM identifier or separators")
	case !utf8.Valid(text):
		s = malformed(frame, "not UTF-8 text")
	case bytes.ContainsFunc(bytes.TrimSuffix(text, []byte{eot}), isControl):
		s = malformed(frame, "control characters in the text")
	}
	s.Symbology = symbology
	return s
}

// isControl tells control characters; FS, GS, RS and US separate fields.
func isControl(r rune) bool { return r < fs || r >= 0x7F && r < 0xA0 }

// Code characters of ISO/IEC 15424 that name one symbology whatever the modifier.
var aimCodes = map[byte]string{
	'A': "code39", 'C': "code128", 'E': "ean", 'F': "codabar", 'G': "code93",
	'I': "itf", 'L': "pdf417", 'Q': "qr", 'd': "datamatrix", 'z': "aztec",
}

// stripAIM takes "]", a code letter and a modifier off the front of a frame.
func stripAIM(frame []byte) (text []byte, symbology string) {
	if len(frame) < 3 || frame[0] != ']' || !isLetter(frame[1]) || !isModifier(frame[2]) {
		return frame, ""
	}
	name, known := aimCodes[frame[1]]
	if !known {
		name = "aim:" + string(frame[1:3])
	}
	return frame[3:], name
}

func isLetter(c byte) bool { return c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' }

func isModifier(c byte) bool { return c >= '0' && c <= '9' || isLetter(c) }
