package paper

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"

	"baylight/device/printer"

	"github.com/boombuler/barcode/qr"
)

const (
	lineDots  = 30    // default line spacing, 1/6 inch
	edgeDots  = 24    // white above and below
	knifeDots = 80    // from the head to the knife
	maxDots   = 24000 // 3 m of paper
)

// ErrTooLong is the error of a job that takes more than 3 m of paper.
var ErrTooLong = errors.New("more than 3 m of paper")

// Render draws a job on paper of the given width. As a printer does, it passes
// over commands it does not know and leaves out codes that are too wide. The
// image has three colours: paper, ink and the line of a cut. The only error of
// a job is [ErrTooLong].
func Render(job []byte, width printer.Width) (image.Image, error) {
	f, err := face()
	if err != nil {
		return nil, err
	}
	if width != printer.Width80 {
		width = printer.Width58
	}
	h := head{font: f, width: int(width)}
	h.reset()
	for _, op := range parse(job) {
		if h.do(op); h.y > maxDots {
			break
		}
	}
	if h.flush(); h.y > maxDots {
		return nil, fmt.Errorf("render paper: %w", ErrTooLong)
	}
	return h.image(), nil
}

// WritePNG draws a job as [Render] does and writes it as a PNG.
func WritePNG(w io.Writer, job []byte, width printer.Width) error {
	img, err := Render(job, width)
	if err != nil {
		return err
	}
	if err := png.Encode(w, img); err != nil {
		return fmt.Errorf("write paper: %w", err)
	}
	return nil
}

// A head is the printer while it prints: its settings, the line it collects
// and the paper that has come out, one byte a dot.
type head struct {
	font  font
	width int
	ink   []byte
	y     int // dots of paper that have passed the head

	settings
	line      []cell
	lineWidth int
	stored    []byte // QR text
}

// settings are what ESC @ brings back.
type settings struct {
	align, bold         int
	size, hanziSize     int
	hanzi               bool
	barHeight, barWidth int
	barText             int
	qrModule, qrLevel   int
}

// A cell is a character in the line buffer.
type cell struct {
	rows          []byte
	dots          int
	scaleX, scale int
	bold          bool
}

func (h *head) reset() {
	h.settings = settings{barHeight: 162, barWidth: 3, qrModule: 3, qrLevel: '0'}
	h.line, h.lineWidth, h.stored = nil, 0, nil
}

func (h *head) do(op Op) {
	switch op.Kind {
	case Init:
		h.reset()
	case Text:
		h.text(op.Data)
	case LineFeed:
		h.feedLine()
	case Feed:
		h.flush()
		h.feed(op.N * lineDots)
	case Cut:
		h.flush()
		if op.N >= 65 {
			h.feed(knifeDots)
		}
		h.cutLine()
	case Barcode:
		h.flush()
		h.barcode(op)
	case QRStore:
		h.stored = op.Data
	case QRPrint:
		h.flush()
		h.qr()
	default:
		h.set(op)
	}
}

func (h *head) set(op Op) {
	switch op.Kind {
	case Align:
		h.align = op.N % 48
	case Bold:
		h.bold = op.N & 1
	case Size:
		h.size, h.hanziSize = op.N, op.N
	case HanziSize:
		h.hanziSize = op.N
	case HanziOn, HanziOff:
		h.hanzi = op.Kind == HanziOn
	case BarHeight:
		h.barHeight = op.N
	case BarWidth:
		h.barWidth = op.N
	case BarText:
		h.barText = op.N % 48
	case QRModule:
		h.qrModule = op.N
	case QRLevel:
		h.qrLevel = op.N
	}
}

// text puts characters into the line buffer; a full line is printed.
func (h *head) text(p []byte) {
	for _, c := range characters(p, h.hanzi) {
		if h.y > maxDots {
			return
		}
		size := h.size
		if c.wide() {
			size = h.hanziSize
		}
		rows, dots := h.font.bitmap(c)
		k := cell{rows, dots, size>>4&7 + 1, size&7 + 1, h.bold == 1}
		if h.lineWidth+k.dots*k.scaleX > h.width {
			h.flush()
		}
		h.line = append(h.line, k)
		h.lineWidth += k.dots * k.scaleX
	}
}

// feedLine prints the line buffer, or moves on by a line where it is empty.
func (h *head) feedLine() {
	if len(h.line) == 0 {
		h.feed(lineDots)
		return
	}
	h.flush()
}

// flush prints the line buffer, characters standing on one base line.
func (h *head) flush() {
	if len(h.line) == 0 {
		return
	}
	height := 0
	for _, k := range h.line {
		height = max(height, k.scale*glyphRows)
	}
	x, y := h.left(h.lineWidth), h.y
	h.feed(max(height, lineDots))
	for _, k := range h.line {
		h.draw(k, x, y+height-k.scale*glyphRows)
		x += k.dots * k.scaleX
	}
	h.line, h.lineWidth = nil, 0
}

func (h *head) draw(k cell, x, y int) {
	stride := len(k.rows) / glyphRows
	for i, bits := range k.rows {
		for bit := range 8 {
			if bits&(0x80>>bit) == 0 {
				continue
			}
			left := x + (i%stride*8+bit)*k.scaleX
			wide := k.scaleX
			if k.bold {
				wide++
			}
			h.fill(left, y+i/stride*k.scale, wide, k.scale, 1)
		}
	}
}

// left is where something of the given width begins.
func (h *head) left(dots int) int {
	switch h.align {
	case 1:
		return (h.width - dots) / 2
	case 2:
		return h.width - dots
	}
	return 0
}

// feed moves the paper on. Beyond the longest paper only the count goes on.
func (h *head) feed(dots int) {
	h.y += dots
	if h.y <= maxDots {
		h.ink = append(h.ink, make([]byte, dots*h.width)...)
	}
}

// fill blackens dots that have passed the head, clipped at the paper's edge.
func (h *head) fill(x, y, wide, high int, ink byte) {
	for row := y; row < y+high && (row+1)*h.width <= len(h.ink); row++ {
		for col := max(x, 0); col < min(x+wide, h.width); col++ {
			h.ink[row*h.width+col] = ink
		}
	}
}

func (h *head) cutLine() {
	y := h.y
	h.feed(2)
	for x := 0; x < h.width; x += 12 {
		h.fill(x, y, 6, 2, 2)
	}
	h.feed(edgeDots)
}

func (h *head) barcode(op Op) {
	if op.N != 73 {
		return
	}
	bars, text, ok := code128Modules(op.Data)
	wide := len(bars) * h.barWidth
	if !ok || wide == 0 || wide > h.width || h.barHeight == 0 {
		return
	}
	if h.barText&1 != 0 {
		h.caption(text, wide)
	}
	x, y := h.left(wide), h.y
	h.feed(h.barHeight)
	for i, black := range bars {
		if black {
			h.fill(x+i*h.barWidth, y, h.barWidth, h.barHeight, 1)
		}
	}
	if h.barText&2 != 0 {
		h.caption(text, wide)
	}
}

// caption prints a bar code's text in the middle of its width, at size 1.
func (h *head) caption(text string, wide int) {
	x := h.left(wide) + (wide-len(text)*cellDots)/2
	y := h.y
	h.feed(lineDots)
	for i := range len(text) {
		rows, dots := h.font.bitmap(character(text[i]))
		h.draw(cell{rows, dots, 1, 1, false}, x, y+4)
		x += dots
	}
}

func (h *head) qr() {
	levels := []qr.ErrorCorrectionLevel{qr.L, qr.M, qr.Q, qr.H}
	if len(h.stored) == 0 || h.qrLevel < '0' || h.qrLevel > '3' || h.qrModule < 1 || h.qrModule > 16 {
		return
	}
	code, err := qr.Encode(string(h.stored), levels[h.qrLevel-'0'], qr.Auto)
	if err != nil {
		return // too much for any version: a printer prints nothing
	}
	size := code.Bounds().Dx()
	wide := size * h.qrModule
	if wide > h.width {
		return
	}
	x, y := h.left(wide), h.y
	h.feed(wide)
	for row := range size {
		for col := range size {
			if r, _, _, _ := code.At(col, row).RGBA(); r == 0 {
				h.fill(x+col*h.qrModule, y+row*h.qrModule, h.qrModule, h.qrModule, 1)
			}
		}
	}
}

// image lays the printed dots on paper of its full width.
func (h *head) image() image.Image {
	margin := 40
	if h.width == int(printer.Width80) {
		margin = 32
	}
	img := image.NewPaletted(image.Rect(0, 0, h.width+2*margin, h.y+2*edgeDots), color.Palette{
		color.Gray{Y: 255}, color.Gray{Y: 0}, color.Gray{Y: 160},
	})
	for y := range h.y {
		copy(img.Pix[(y+edgeDots)*img.Stride+margin:], h.ink[y*h.width:(y+1)*h.width])
	}
	return img
}
