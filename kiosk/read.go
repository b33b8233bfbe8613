package kiosk

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// readData reads an event's data into p as appendData writes it: these members
// in this order, no white space, no escapes. ok is false for anything else; p is
// then half filled.
func readData(data string, p Payload) (ok bool) {
	l, ok := p.(listed)
	if !ok {
		return false
	}
	r := reader{in: data, plain: plain(data)}
	r.open("")
	l.members(&r)
	r.close()
	return r.ended()
}

// plain says whether b is printable ASCII without a backslash: then a string in
// it ends at the next quotation mark and needs no further look. It looks at eight
// bytes at a time, and decides once for 32.
func plain(s string) bool {
	for ; len(s) >= 32; s = s[32:] {
		if odd(s)|odd(s[8:])|odd(s[16:])|odd(s[24:]) != 0 {
			return false
		}
	}
	for ; len(s) >= 8; s = s[8:] {
		if odd(s) != 0 {
			return false
		}
	}
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= utf8.RuneSelf || c == '\\' {
			return false
		}
	}
	return true
}

// odd is zero if the first eight bytes of s are plain.
func odd(s string) uint64 {
	const each, high = 0x0101010101010101, 0x8080808080808080
	w := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56 // one load
	slash := w ^ each*'\\'
	return (w | (w - each*' ') | (slash-each)&^slash) & high
}

// reader takes members (see there) off its front, as writer writes them.
type reader struct {
	in    string
	at    int
	plain bool // in is plain
	comma bool // a comma stands before the next member
	not   bool // this is not for us
}

func (r *reader) ended() bool { return !r.not && r.at == len(r.in) }

// has takes s off the front if it is there.
func (r *reader) has(s string) bool {
	if r.not || !strings.HasPrefix(r.in[r.at:], s) {
		return false
	}
	r.at += len(s)
	return true
}

func (r *reader) expect(s string) { r.need(r.has(s)) }

func (r *reader) need(ok bool) { r.not = r.not || !ok }

// is takes a member's name off the front, if it is the one that comes next.
func (r *reader) is(name string) bool {
	at := r.at
	if r.comma {
		if at == len(r.in) || r.in[at] != ',' || r.not {
			return false
		}
		r.at++
	}
	rest := r.in[r.at:]
	if n := len(name); n > 0 {
		if len(rest) < n+3 || rest[0] != '"' || rest[1:n+1] != name || rest[n+1] != '"' || rest[n+2] != ':' {
			r.at = at
			return false
		}
		r.at += n + 3
	}
	r.comma = true
	return !r.not
}

// must is is for a member that has to be there.
func (r *reader) must(name string) bool {
	if !r.is(name) {
		r.not = true
	}
	return !r.not
}

// quoted takes a string without escapes.
func (r *reader) quoted() string {
	if r.at == len(r.in) || r.in[r.at] != '"' {
		r.not = true
		return ""
	}
	r.at++
	rest := r.in[r.at:]
	n := strings.IndexByte(rest, '"')
	if n < 0 {
		r.not = true
		return ""
	}
	r.at += n + 1
	if !r.plain && !unescaped(rest[:n]) {
		r.not = true
	}
	return rest[:n]
}

// until takes a string off the front and what comes behind it, its quotation mark
// first: the end of one member and the beginning of the next.
func (r *reader) until(then string) string {
	rest := r.in[r.at:]
	n := strings.IndexByte(rest, '"')
	if n < 0 || !strings.HasPrefix(rest[n:], then) {
		r.not = true
		return ""
	}
	r.at += n + len(then)
	return rest[:n]
}

// unescaped says whether s is UTF-8 and needs no escapes.
func unescaped(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] == '\\' {
			return false
		}
	}
	return utf8.ValidString(s)
}

func (r *reader) text(name string, v *string) {
	if r.must(name) {
		*v = r.quoted()
	}
}

func (r *reader) optText(name string, v *string) {
	if r.is(name) {
		*v = r.quoted()
	}
}

// digits takes a number as JSON has it: no plus, no leading zero.
func (r *reader) digits() string {
	i := r.at
	if i < len(r.in) && r.in[i] == '-' {
		i++
	}
	first := i
	for i < len(r.in) && r.in[i] >= '0' && r.in[i] <= '9' {
		i++
	}
	s := r.in[r.at:i]
	r.not = r.not || i == first || r.in[first] == '0' && i > first+1
	r.at = i
	return s
}

func (r *reader) integer(bits int) int64 {
	n, err := strconv.ParseInt(r.digits(), 10, bits)
	r.not = r.not || err != nil
	return n
}

func (r *reader) number(name string, v *int) {
	if r.must(name) {
		*v = int(r.integer(strconv.IntSize))
	}
}

func (r *reader) optNumber(name string, v *int) {
	if r.is(name) {
		*v = int(r.integer(strconv.IntSize))
	}
}

func (r *reader) millis(name string, v *int64) {
	if r.must(name) {
		*v = r.integer(64)
	}
}

func (r *reader) optMillis(name string, v *int64) {
	if r.is(name) {
		*v = r.integer(64)
	}
}

func (r *reader) sequence(name string, v *uint64) {
	if !r.must(name) {
		return
	}
	n, err := strconv.ParseUint(r.digits(), 10, 64)
	r.not = r.not || err != nil
	*v = n
}

func (r *reader) truth() bool {
	if r.has("true") {
		return true
	}
	r.expect("false")
	return false
}

func (r *reader) flag(name string, v *bool) {
	if r.must(name) {
		*v = r.truth()
	}
}

func (r *reader) optFlag(name string, v *bool) {
	if r.is(name) {
		*v = r.truth()
	}
}

func (r *reader) time(name string, v *time.Time) {
	if r.must(name) {
		r.instant(v)
	}
}

func (r *reader) optTime(name string, v **time.Time) {
	if r.is(name) {
		*v = new(time.Time)
		r.instant(*v)
	}
}

func (r *reader) instant(v *time.Time) {
	s := r.quoted()
	t, ok := readTime(s)
	if *v = t; !ok {
		r.not = r.not || v.UnmarshalText([]byte(s)) != nil
	}
}

func (r *reader) open(name string) {
	if r.must(name) {
		r.expect("{")
		r.comma = false
	}
}

func (r *reader) optOpen(name string, _ bool) bool {
	if !r.is(name) {
		return false
	}
	r.expect("{")
	r.comma = false
	return !r.not
}

func (r *reader) close() {
	r.expect("}")
	r.comma = true
}

func (r *reader) list(name string, _ int) bool { return r.must(name) && r.begin() }

func (r *reader) optList(name string, _ int) bool { return r.is(name) && r.begin() }

func (r *reader) begin() bool {
	r.expect("[")
	r.comma = false
	return !r.not
}

func (r *reader) more(_, _ int) bool {
	if r.has("]") {
		r.comma = true
		return false
	}
	return !r.not
}

func (r *reader) beyond() { r.not = true }
