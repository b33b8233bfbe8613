package paper

import (
	"fmt"
	"strings"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// Kind is what an [Op] does.
type Kind string

// The kinds of operation, with what N and Data hold.
const (
	Init      Kind = "reset"
	Text      Kind = "text"       // Data: the characters' bytes
	LineFeed  Kind = "line feed"  //
	Align     Kind = "align"      // N: 0 left, 1 centre, 2 right
	Bold      Kind = "bold"       // N: 0 or 1
	Size      Kind = "size"       // N: (width-1)<<4 | (height-1)
	HanziOn   Kind = "hanzi on"   //
	HanziOff  Kind = "hanzi off"  //
	HanziSize Kind = "hanzi size" // N: as Size
	BarHeight Kind = "bar height" // N: dots
	BarWidth  Kind = "bar width"  // N: dots a module
	BarText   Kind = "bar text"   // N: 0 none, 1 above, 2 below, 3 both
	Barcode   Kind = "bar code"   // N: system, Data: its data
	QRModel   Kind = "qr model"   // N: 49 or 50
	QRModule  Kind = "qr module"  // N: dots a module
	QRLevel   Kind = "qr level"   // N: 48 to 51 for L, M, Q, H
	QRStore   Kind = "qr store"   // Data: the text
	QRPrint   Kind = "qr print"   //
	Feed      Kind = "feed"       // N: lines
	Cut       Kind = "cut"        // N: how
	Report    Kind = "report"     // Data: the four bytes of GS ( H 48
	Status    Kind = "status"     // N: the n of DLE EOT
	Unknown   Kind = "unknown"    // Data: the bytes passed over
)

// An Op is one command or one run of characters.
type Op struct {
	Kind Kind
	At   int // offset of its first byte
	N    int
	Data []byte // part of the job, not a copy
}

const (
	lf  = 0x0a
	cr  = 0x0d
	dle = 0x10
	esc = 0x1b
	fs  = 0x1c
	gs  = 0x1d
)

// Parse reads a whole job. A command that package printer never sends, or one
// cut short, is an error that gives its place and bytes.
func Parse(job []byte) ([]Op, error) {
	ops := parse(job)
	for _, op := range ops {
		if op.Kind == Unknown {
			return nil, fmt.Errorf("parse paper: unknown or incomplete command % x at byte %d of %d",
				op.Data[:min(len(op.Data), 8)], op.At, len(job))
		}
	}
	return ops, nil
}

// PlainText returns the characters of a job as they are printed, each line
// ended by a newline; codes are left out. Errors are those of [Parse].
func PlainText(job []byte) (string, error) {
	ops, err := Parse(job)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	hanzi := false
	for _, op := range ops {
		switch op.Kind {
		case HanziOn:
			hanzi = true
		case HanziOff, Init:
			hanzi = false
		case LineFeed:
			out.WriteByte('\n')
		case Text:
			for _, c := range characters(op.Data, hanzi) {
				out.WriteString(c.text())
			}
		}
	}
	return out.String(), nil
}

func parse(job []byte) []Op {
	var ops []Op
	for at := 0; at < len(job); {
		op, n := next(job[at:])
		op.At = at
		ops = append(ops, op)
		at += n
	}
	return ops
}

// next reads the first operation of p and says how long it is, at least 1.
func next(p []byte) (Op, int) {
	switch p[0] {
	case lf:
		return Op{Kind: LineFeed}, 1
	case esc, fs, gs, dle:
		if len(p) < 2 {
			return unknown(p, 1)
		}
		return command(p)
	}
	n := 0
	for n < len(p) && p[n] >= ' ' && p[n] != 0x7f {
		n++
	}
	if n == 0 {
		return unknown(p, 1)
	}
	return Op{Kind: Text, Data: p[:n]}, n
}

func unknown(p []byte, n int) (Op, int) {
	n = min(n, len(p))
	return Op{Kind: Unknown, Data: p[:n]}, n
}

// simple are the commands of two bytes and, where true, one argument.
var simple = map[[2]byte]struct {
	kind     Kind
	argument bool
}{
	{esc, '@'}:  {Init, false},
	{esc, 'a'}:  {Align, true},
	{esc, 'E'}:  {Bold, true},
	{esc, 'd'}:  {Feed, true},
	{fs, '&'}:   {HanziOn, false},
	{fs, '.'}:   {HanziOff, false},
	{gs, '!'}:   {Size, true},
	{gs, 'h'}:   {BarHeight, true},
	{gs, 'w'}:   {BarWidth, true},
	{gs, 'H'}:   {BarText, true},
	{dle, 0x04}: {Status, true},
}

func command(p []byte) (Op, int) {
	if c, ok := simple[[2]byte{p[0], p[1]}]; ok {
		if !c.argument {
			return Op{Kind: c.kind}, 2
		}
		if len(p) < 3 {
			return unknown(p, 3)
		}
		return Op{Kind: c.kind, N: int(p[2])}, 3
	}
	switch [2]byte{p[0], p[1]} {
	case [2]byte{fs, '!'}, [2]byte{fs, 'W'}:
		return hanziSize(p)
	case [2]byte{gs, 'k'}:
		return barcode(p)
	case [2]byte{gs, 'V'}:
		return cut(p)
	case [2]byte{gs, '('}:
		return long(p)
	}
	return unknown(p, 2)
}

func hanziSize(p []byte) (Op, int) {
	if len(p) < 3 {
		return unknown(p, 3)
	}
	n := 0
	switch {
	case p[1] == 'W' && p[2]&1 != 0:
		n = 0x11
	case p[1] == '!':
		n = int(p[2]&0x04)<<2 | int(p[2]&0x08)>>3
	}
	return Op{Kind: HanziSize, N: n}, 3
}

// barcode reads GS k m n d1…dn, the form with a length.
func barcode(p []byte) (Op, int) {
	if len(p) < 4 || p[2] < 65 || len(p) < 4+int(p[3]) {
		return unknown(p, 4)
	}
	n := 4 + int(p[3])
	return Op{Kind: Barcode, N: int(p[2]), Data: p[4:n]}, n
}

func cut(p []byte) (Op, int) {
	switch {
	case len(p) >= 4 && (p[2] == 65 || p[2] == 66):
		return Op{Kind: Cut, N: int(p[2])}, 4
	case len(p) >= 3 && (p[2]&^1 == 0 || p[2]&^1 == 48):
		return Op{Kind: Cut, N: int(p[2])}, 3
	}
	return unknown(p, 3)
}

// long reads GS ( x pL pH and its data.
func long(p []byte) (Op, int) {
	if len(p) < 5 {
		return unknown(p, 5)
	}
	n := 5 + int(p[3]) + int(p[4])<<8
	if len(p) < n {
		return unknown(p, 5)
	}
	data := p[5:n]
	switch {
	case p[2] == 'H' && len(data) == 6 && data[0] == 48 && data[1] == 48:
		return Op{Kind: Report, Data: data[2:]}, n
	case p[2] == 'k' && len(data) >= 3 && data[0] == '1':
		if op, ok := qrOp(data[1], data[2:]); ok {
			return op, n
		}
	}
	return unknown(p, n)
}

func qrOp(function byte, data []byte) (Op, bool) {
	switch {
	case function == 'A' && len(data) == 2:
		return Op{Kind: QRModel, N: int(data[0])}, true
	case function == 'C' && len(data) == 1:
		return Op{Kind: QRModule, N: int(data[0])}, true
	case function == 'E' && len(data) == 1:
		return Op{Kind: QRLevel, N: int(data[0])}, true
	case function == 'P' && len(data) > 1 && data[0] == '0':
		return Op{Kind: QRStore, Data: data[1:]}, true
	case function == 'Q' && len(data) == 1:
		return Op{Kind: QRPrint}, true
	}
	return Op{}, false
}

// A character is ASCII (below 0x80) or the two bytes of a hanzi; 0 is one the
// printer has no glyph for.
type character uint16

func (c character) wide() bool { return c == 0 || c >= 0x80 }

func (c character) text() string {
	if c == 0 {
		return "□"
	}
	if c < 0x80 {
		return string(rune(c))
	}
	s, err := simplifiedchinese.GB18030.NewDecoder().Bytes([]byte{byte(c >> 8), byte(c)})
	if err != nil {
		return "□"
	}
	return string(s)
}

// characters divides bytes into characters. Outside hanzi mode a byte above
// ASCII depends on the printer's code page: it counts as one without a glyph.
func characters(p []byte, hanzi bool) []character {
	var out []character
	for len(p) > 0 {
		n, c := 1, character(0)
		switch {
		case p[0] < 0x80:
			c = character(p[0])
		case !hanzi || len(p) < 2 || p[0] == 0x80 || p[0] == 0xff:
		case p[1] >= 0x40 && p[1] < 0xff:
			n, c = 2, character(p[0])<<8|character(p[1])
		case p[1] >= '0' && p[1] <= '9': // the four-byte part of GB 18030
			n = min(4, len(p))
		}
		out = append(out, c)
		p = p[n:]
	}
	return out
}
