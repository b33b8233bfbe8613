package kiosk

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// writer writes members (see there) as encoding/json does without HTML escaping.
type writer struct {
	out   []byte
	comma bool // something stands before the next member
	not   bool // this is not for us
}

// name begins a member, or an element if it is nameless.
func (w *writer) name(name string) {
	if w.comma {
		w.out = append(w.out, ',')
	}
	w.comma = true
	if name != "" {
		w.out = append(append(append(w.out, '"'), name...), '"', ':')
	}
}

func (w *writer) text(name string, v *string) {
	w.name(name)
	w.out = appendString(w.out, *v)
}

func (w *writer) optText(name string, v *string) {
	if *v != "" {
		w.text(name, v)
	}
}

func (w *writer) number(name string, v *int) {
	w.name(name)
	w.out = strconv.AppendInt(w.out, int64(*v), 10)
}

func (w *writer) optNumber(name string, v *int) {
	if *v != 0 {
		w.number(name, v)
	}
}

func (w *writer) millis(name string, v *int64) {
	w.name(name)
	w.out = strconv.AppendInt(w.out, *v, 10)
}

func (w *writer) optMillis(name string, v *int64) {
	if *v != 0 {
		w.millis(name, v)
	}
}

func (w *writer) sequence(name string, v *uint64) {
	w.name(name)
	w.out = strconv.AppendUint(w.out, *v, 10)
}

func (w *writer) flag(name string, v *bool) {
	w.name(name)
	w.out = strconv.AppendBool(w.out, *v)
}

func (w *writer) optFlag(name string, v *bool) {
	if *v {
		w.flag(name, v)
	}
}

func (w *writer) time(name string, v *time.Time) {
	w.name(name)
	out, err := v.AppendText(append(w.out, '"'))
	if err != nil { // a year or a zone that RFC 3339 cannot say
		w.not = true
		return
	}
	w.out = append(out, '"')
}

func (w *writer) optTime(name string, v **time.Time) {
	if *v != nil {
		w.time(name, *v)
	}
}

func (w *writer) open(name string) {
	w.name(name)
	w.out, w.comma = append(w.out, '{'), false
}

func (w *writer) optOpen(name string, there bool) bool {
	if there {
		w.open(name)
	}
	return there
}

func (w *writer) close() { w.out, w.comma = append(w.out, '}'), true }

func (w *writer) list(name string, n int) bool {
	w.name(name)
	if n < 0 {
		w.out = append(w.out, "null"...)
		return false
	}
	w.out, w.comma = append(w.out, '['), false
	return true
}

func (w *writer) optList(name string, n int) bool { return n > 0 && w.list(name, n) }

func (w *writer) more(i, n int) bool {
	if i < n {
		return true
	}
	w.out, w.comma = append(w.out, ']'), true
	return false
}

func (w *writer) beyond() { w.not = true }

// appendData appends the bytes of an event's data.
func appendData(p []byte, d Payload) ([]byte, error) {
	if l, ok := d.(listed); ok {
		w := writer{out: p}
		w.open("")
		l.members(&w)
		w.close()
		if !w.not {
			return w.out, nil
		}
	}
	b, err := marshal(d)
	return append(p, b...), err
}

// appendMember appends one more member of an object: a string in parts.
func appendMember(p []byte, name string, parts ...string) []byte {
	p = append(append(append(p, `,"`...), name...), `":"`...)
	for _, s := range parts {
		p = appendChars(p, s)
	}
	return append(p, '"')
}

// appendString appends a string as JSON.
func appendString(p []byte, s string) []byte {
	return append(appendChars(append(p, '"'), s), '"')
}

// appendChars appends a string as JSON without the quotes around it.
func appendChars(p []byte, s string) []byte {
	if plain(s) && strings.IndexByte(s, '"') < 0 {
		return append(p, s...)
	}
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' {
			return appendEscaped(p, s)
		}
	}
	if !utf8.ValidString(s) || strings.ContainsAny(s, "\u2028\u2029") {
		return appendEscaped(p, s)
	}
	return append(p, s...)
}

// appendEscaped is appendChars for what needs escapes.
func appendEscaped(p []byte, s string) []byte {
	quoted, err := marshal(s)
	if err != nil { // a string: it cannot fail
		return p
	}
	return append(p, quoted[1:len(quoted)-1]...)
}
