package printer

import "strings"

// Width is a paper width, as its number of dots.
type Width int

// The two widths of ticket paper.
const (
	Width58 Width = 384
	Width80 Width = 576
)

const (
	columnDots = 12   // width of an ASCII character
	maxSize    = 8    // largest factor of GS !
	maxFeed    = 255  // largest count of ESC d
	maxLine    = 1024 // runes of one Text; the rest is cut off with …
	barHeight  = 80   // dots: 10 mm
	barModule  = 3    // widest module in dots; wider only wastes paper
	barQuiet   = 10   // modules of white each side of a Code 128
	qrModule   = 6    // widest module in dots
	qrQuiet    = 8    // modules of white, both sides together
)

// Columns is the number of columns of a width.
func (w Width) Columns() int { return int(w) / columnDots }

// A Builder collects the ESC/POS bytes of one document. Whatever text it is
// given, the bytes hold no other commands than its own. It is not for use by
// several goroutines.
type Builder struct {
	width Width
	size  int // width factor in force
	buf   []byte
}

// NewPaper begins a document on paper of the given width. A width that is not
// one of the two is taken as the narrow one, on which everything fits.
func NewPaper(width Width) *Builder {
	if width != Width80 {
		width = Width58
	}
	return &Builder{width: width, size: 1, buf: []byte{esc, '@'}}
}

const (
	lf  = 0x0a
	dle = 0x10
	esc = 0x1b
	fs  = 0x1c
	gs  = 0x1d
)

// Bytes returns the document so far. The slice is the caller's to keep.
func (b *Builder) Bytes() []byte { return append([]byte(nil), b.buf...) }

// Columns is the number of columns at size 1: 32 or 48.
func (b *Builder) Columns() int { return b.width.Columns() }

// Align sets where lines, bar codes and QR codes stand: 0 left, 1 centre,
// 2 right. Anything else is left.
func (b *Builder) Align(a int) {
	if a < 0 || a > 2 {
		a = 0
	}
	b.put(esc, 'a', byte(a))
}

// Size sets the magnification of text, 1 to 8 each way; values outside are
// brought to the nearest. FS ! goes first: where GS ! magnifies hanzi as well,
// the later command decides; where it does not, hanzi are doubled at least.
func (b *Builder) Size(w, h int) {
	w, h = min(max(w, 1), maxSize), min(max(h, 1), maxSize)
	b.size = w
	var double byte
	if w > 1 {
		double |= 0x04
	}
	if h > 1 {
		double |= 0x08
	}
	b.put(fs, '!', double)
	b.put(gs, '!', byte((w-1)<<4|(h-1)))
}

// Bold turns bold type on or off.
func (b *Builder) Bold(on bool) {
	var n byte
	if on {
		n = 1
	}
	b.put(esc, 'E', n)
}

// Text prints one line, cleaned as [Clean] does. A line too long for the paper
// at the present size goes on in the next, broken at a space where there is
// one in the second half. More than 1024 characters are cut off.
func (b *Builder) Text(s string) {
	runes := []rune(Clean(s))
	if len(runes) > maxLine {
		runes = append(runes[:maxLine-1], '…')
	}
	for {
		line, rest := wrap(runes, b.Columns()/b.size)
		b.line(line)
		if len(rest) == 0 {
			return
		}
		runes = rest
	}
}

// line sends clean characters and the end of the line; runs of hanzi stand
// between FS & and FS . so that no byte of theirs is read in a code page.
func (b *Builder) line(runes []rune) {
	hanzi := false
	for _, r := range runes {
		two := r >= 0x80
		if two && !hanzi {
			b.put(fs, '&')
		}
		if !two && hanzi {
			b.put(fs, '.')
		}
		hanzi = two
		b.buf = appendRune(b.buf, r)
	}
	if hanzi {
		b.put(fs, '.')
	}
	b.put(lf)
}

// Rule prints a line of dashes as wide as the paper.
func (b *Builder) Rule() { b.Text(strings.Repeat("-", b.Columns()/b.size)) }

// Code128 prints a bar code with its text below. The modules are as wide as
// fits, 2 or 3 dots. A text that no Code 128 can hold, or that does not fit
// the paper at 2 dots, is printed as text, so that nothing is lost.
func (b *Builder) Code128(s string) {
	data, modules, ok := code128(s)
	module := barModule
	for ok && module > 2 && (modules+2*barQuiet)*module > int(b.width) {
		module--
	}
	// At the narrowest the paper's own margin is the white beside the code.
	if !ok || modules*module > int(b.width) {
		b.Text(s)
		return
	}
	b.put(gs, 'h', barHeight)
	b.put(gs, 'w', byte(module))
	b.put(gs, 'H', 2)
	b.put(gs, 'k', 73, byte(len(data)))
	b.buf = append(b.buf, data...)
}

// QR prints a QR code, error correction M, control characters removed. A text
// of more than 504 bytes is printed as text: it would be too fine to scan.
func (b *Builder) QR(s string) {
	s = qrText(s)
	modules := qrModules(len(s))
	if s == "" || modules == 0 {
		b.Text(s)
		return
	}
	module := min(qrModule, int(b.width)/(modules+qrQuiet))
	n := len(s) + 3
	b.Feed(1) // the white a reader needs above, and below
	b.put(gs, '(', 'k', 4, 0, '1', 'A', '2', 0)
	b.put(gs, '(', 'k', 3, 0, '1', 'C', byte(module))
	b.put(gs, '(', 'k', 3, 0, '1', 'E', '1')
	b.put(gs, '(', 'k', byte(n), byte(n>>8), '1', 'P', '0')
	b.buf = append(b.buf, s...)
	b.put(gs, '(', 'k', 3, 0, '1', 'Q', '0')
	b.Feed(1)
}

// Feed moves the paper n lines on, at most 255; none for n below 1.
func (b *Builder) Feed(n int) {
	if n > 0 {
		b.put(esc, 'd', byte(min(n, maxFeed)))
	}
}

// Cut feeds the last line past the knife and cuts.
func (b *Builder) Cut() { b.put(gs, 'V', 66, 0) }

func (b *Builder) put(p ...byte) { b.buf = append(b.buf, p...) }
