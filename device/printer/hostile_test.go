package printer_test

import (
	"bytes"
	"strings"
	"testing"

	"baylight/device/printer"
	"baylight/device/printer/paper"
)

// FuzzHostileText: text from anywhere, as text and in both codes, gives a
// stream that an independent parser reads as our own commands only, with the
// cleaned text in it and nothing a printer obeys at once.
func FuzzHostileText(f *testing.F) {
	for _, s := range []string{
		"plain", "车牌 粤B·12345", "\x1b@\x1dV\x00\x1cC\x01", "\x10\x04\x01\x10\x14\x01\x03\x01",
		"\x1c.\x1c&\x1b", "a\xb3", "\xb3\xb5\x1b\x70", "1604160516201604", "{C\x10\x04", "\u202e\u2066\u0085\u2028",
		strings.Repeat("长", 2000), "\x1d(k\x03\x001Q0", "12345678{A\x00",
	} {
		f.Add(s, true, uint8(1))
		f.Add(s, false, uint8(8))
	}
	f.Fuzz(func(t *testing.T, s string, broad bool, size uint8) {
		width := printer.Width58
		if broad {
			width = printer.Width80
		}
		factor := int(size%8) + 1
		b := printer.NewPaper(width)
		b.Size(factor, factor)
		b.Text(s)
		text := b.Bytes()
		checkText(t, text, s, b.Columns()/factor)

		b.Code128(s)
		b.QR(s)
		b.Cut()
		ops, err := paper.Parse(b.Bytes())
		if err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		if last := ops[len(ops)-1]; last.Kind != paper.Cut {
			t.Fatalf("%q: last comes %v, not our cut", s, last.Kind)
		}
		for _, op := range ops {
			if op.Kind == paper.Barcode && strings.ContainsAny(s, "\x10\x1b\x1c\x1d") {
				t.Fatalf("%q became a bar code", s)
			}
		}
		for _, bad := range []string{"\x10\x04", "\x10\x05", "\x10\x14", "\x1cC", "\x1bp"} {
			if bytes.Contains(b.Bytes(), []byte(bad)) {
				t.Fatalf("%q: the stream holds % x", s, bad)
			}
		}
	})
}

// checkText compares what a printer would print with the cleaned text, spaces
// apart: those at the end of a line are dropped.
func checkText(t *testing.T, job []byte, s string, columns int) {
	t.Helper()
	got, err := paper.PlainText(job)
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	for line := range strings.Lines(got) {
		wide := 0
		for _, r := range strings.TrimSuffix(line, "\n") {
			wide++
			if r >= 0x80 {
				wide++
			}
		}
		if wide > columns {
			t.Fatalf("%q: line %q takes %d of %d columns", s, line, wide, columns)
		}
	}
	runes := []rune(printer.Clean(s))
	if len(runes) > 1024 {
		runes = append(runes[:1023], '…')
	}
	bare := func(s string) string {
		return strings.NewReplacer(" ", "", "\n", "").Replace(s)
	}
	if bare(got) != bare(string(runes)) {
		t.Fatalf("%q printed as %q, want %q", s, got, string(runes))
	}
}
