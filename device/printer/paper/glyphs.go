package paper

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/binary"
	"fmt"
	"io"
	"sync"
)

//go:embed glyphs.bin.gz
var packed []byte

const (
	glyphRows = 24
	cellDots  = 12 // width of an ASCII character
)

// missing is the code of □, drawn for whatever has no glyph.
const missing character = 0xa1f5

// A font holds bitmaps of 24 rows, 2 bytes a row for ASCII and 3 for hanzi.
type font map[character][]byte

// face is the unpacked font, the same for all who ask.
var face = sync.OnceValues(func() (font, error) { return unpack(packed) })

func unpack(packed []byte) (font, error) {
	zip, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("unpack glyphs: %w", err)
	}
	data, err := io.ReadAll(io.LimitReader(zip, 4<<20))
	if err != nil {
		return nil, fmt.Errorf("unpack glyphs: %w", err)
	}
	if len(data) < 2 {
		return nil, fmt.Errorf("unpack glyphs: %d bytes", len(data))
	}
	n := int(binary.BigEndian.Uint16(data))
	codes, bitmaps := data[2:], data[min(2+2*n, len(data)):]
	f := make(font, n)
	for i := range n {
		code := character(0)
		if len(codes) >= 2*i+2 {
			code = character(binary.BigEndian.Uint16(codes[2*i:]))
		}
		size := 2 * glyphRows
		if code.wide() {
			size = 3 * glyphRows
		}
		if len(bitmaps) < size {
			return nil, fmt.Errorf("unpack glyphs: ends in glyph %d of %d", i, n)
		}
		f[code], bitmaps = bitmaps[:size], bitmaps[size:]
	}
	return f, nil
}

// bitmap returns the rows of c and its width in dots.
func (f font) bitmap(c character) (rows []byte, dots int) {
	rows, ok := f[c]
	if !ok {
		c = missing
		rows = f[c]
	}
	if c.wide() {
		return rows, 2 * cellDots
	}
	return rows, cellDots
}
