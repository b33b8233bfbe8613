package task

import (
	"fmt"
	"io"
	"os"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Out is standard output for what people read and for JSON: see [Plain].
func Out() io.Writer { return Plain(os.Stdout) }

// Err is standard error likewise.
func Err() io.Writer { return Plain(os.Stderr) }

// Plain makes a writer that shows what a terminal would obey instead of letting
// it through: control characters (but tab and line feed), C1 controls and marks
// that turn or hide writing become \u and four digits, broken UTF-8 becomes �.
// Inside a string of JSON that is an escape, so JSON stays JSON. A character must
// not be divided between two writes.
func Plain(w io.Writer) io.Writer { return plain{w} }

type plain struct{ w io.Writer }

// Write writes p, and says that it wrote all of it if all came through.
func (p plain) Write(b []byte) (int, error) {
	out := make([]byte, 0, len(b))
	for rest := b; len(rest) > 0; {
		r, n := utf8.DecodeRune(rest)
		rest = rest[n:]
		switch {
		case r == '\n' || r == '\t' || unicode.IsPrint(r) || unicode.Is(unicode.Zs, r):
			out = utf8.AppendRune(out, r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
	}
	if _, err := p.w.Write(out); err != nil {
		return 0, err
	}
	return len(b), nil
}
