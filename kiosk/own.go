package kiosk

import (
	"strings"
	"time"
)

// decodeOwn reads an event as Encode writes it: these members in this order, no
// white space, no escapes, ASCII up to its data. ok is false for anything else,
// which says nothing about whether it is an event; e is then half filled.
func decodeOwn(s string, e *Event) (ok bool) {
	r := reader{in: s[:min(len(s), maxHead)]}
	if e.Data = r.head(e); e.Data == nil || r.not || r.at >= len(s)-1 || s[r.at] != '{' || s[len(s)-1] != '}' {
		return false
	}
	return understandString(e.Data, s[r.at:len(s)-1]) == nil
}

// maxHead is how far into an event its data must begin for decodeOwn.
const maxHead = 2048

// head takes an event up to its data, and makes an empty payload of its type: nil
// of one that is not known. Texts that are not held to anything are held to be plain.
func (r *reader) head(e *Event) Payload {
	r.expect(`{"specversion":"1.0","id":"`)
	names := r.at
	id := r.until(`","source":"`)
	e.Source = r.until(`","type":"baylight.`)
	typ := r.until(`",`)
	if r.has(`"subject":"`) {
		r.until(`",`)
	}
	r.need(plain(r.in[names:r.at]))
	r.expect(`"time":"`)
	wall, ok := readTime(r.until(`","datacontenttype":"application/json","dataschema":"` + schemaBefore))
	r.need(ok)
	r.expect(typ)
	r.expect(`","sequence":"00`)
	sequence := r.take(18)
	e.Seq, ok = natural(sequence)
	r.need(ok)
	r.expect(`","epoch":"`)
	e.Epoch = r.until(`","bootid":"`)
	r.need(e.Epoch != "" && len(e.Epoch) <= maxField && len(e.Source) <= maxField && strings.HasPrefix(e.Source, "/stores/"))
	epoch, seq, ok := cutLast(id)
	r.need(ok && epoch == e.Epoch && seq != "" && seq == strings.TrimLeft(sequence, "0"))
	boot := r.until(`","uptimems":"`)
	r.need(len(boot) <= maxField && plain(boot))
	up, ok := natural(r.until(`","clock":"`))
	r.need(ok && up < 1<<51)
	clock := Quality(r.until(`","prev":"`))
	r.need(clock == Synced || clock == Holdover || clock == Unset)
	e.Moment = Moment{Wall: wall, Boot: boot, Up: time.Duration(up) * time.Millisecond, Clock: clock}
	r.need(e.Prev.read(r.take(2 * len(e.Prev))))
	r.expect(`",`)
	if r.has(`"was":"`) {
		e.Was = r.until(`",`)
	}
	if r.has(`"washash":"`) {
		e.WasHash = r.until(`",`)
	}
	r.need(plain(e.Was) && plain(e.WasHash))
	r.expect(`"data":`)
	if t, v1 := strings.CutSuffix(typ, schemaAfter); v1 {
		return NewPayload(Type(t))
	}
	return nil
}

// take takes so many bytes off the front.
func (r *reader) take(n int) string {
	if r.not || n > len(r.in)-r.at {
		r.not = true
		return ""
	}
	r.at += n
	return r.in[r.at-n : r.at]
}

// natural reads a number of at most 18 digits.
func natural(s string) (n uint64, ok bool) {
	for i := range len(s) {
		d := s[i] - '0'
		if d > 9 {
			return 0, false
		}
		n = n*10 + uint64(d)
	}
	return n, s != "" && len(s) <= 18
}

// readTime reads a time to the second or to the millisecond as [time.Parse] reads
// it by RFC 3339; ok is false for anything else.
func readTime(s string) (t time.Time, ok bool) {
	const seconds = len("2006-01-02T15:04:05")
	if len(s) <= seconds || s[4] != '-' || s[7] != '-' || s[10] != 'T' || s[13] != ':' || s[16] != ':' {
		return t, false
	}
	year, month, day := 100*two(s)+two(s[2:]), two(s[5:]), two(s[8:])
	hour, minute, second := two(s[11:]), two(s[14:]), two(s[17:])
	ms, zone := uint64(0), s[seconds:]
	if len(zone) > len(".000") && zone[0] == '.' {
		if ms, ok = natural(zone[1:4]); !ok {
			return t, false
		}
		zone = zone[4:]
	}
	if year < 0 || month < 1 || month > 12 || day < 1 || day > 31 || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59 {
		return t, false
	}
	t = time.Date(year, time.Month(month), day, hour, minute, second, int(ms)*int(time.Millisecond), time.UTC)
	if day > 28 && t.Day() != day {
		return t, false
	}
	return inZone(t, zone)
}

// inZone is the instant at which a clock in a zone, Z or +hh:mm, shows what t
// shows, in that zone: the local one, if its clock shows that too.
func inZone(t time.Time, zone string) (at time.Time, ok bool) {
	if zone == "Z" {
		return t, true
	}
	if len(zone) != len("+00:00") || zone[0] != '+' && zone[0] != '-' || zone[3] != ':' {
		return t, false
	}
	hours, minutes := two(zone[1:]), two(zone[4:])
	offset := (hours*60 + minutes) * 60
	if zone[0] == '-' {
		offset = -offset
	}
	at = t.Add(-time.Duration(offset) * time.Second)
	if _, local := at.Local().Zone(); local == offset {
		at = at.Local()
	} else {
		at = at.In(time.FixedZone("", offset))
	}
	return at, hours >= 0 && hours <= 23 && minutes >= 0 && minutes <= 59
}

// two is what two digits say, far below zero if they are none.
func two(s string) int {
	tens, ones := s[0]-'0', s[1]-'0'
	if tens > 9 || ones > 9 {
		return -10_000
	}
	return 10*int(tens) + int(ones)
}

// read reads 64 hex digits.
func (h *Hash) read(s string) bool {
	if len(s) != 2*len(h) {
		return false
	}
	all := byte(0)
	for i := range h {
		high, low := hexDigit[s[2*i]], hexDigit[s[2*i+1]]
		all |= high | low
		h[i] = high<<4 | low
	}
	return all < 16
}

// hexDigit is what a hex digit says, 255 for any other byte.
var hexDigit = func() (of [256]byte) {
	for c := range of {
		of[c] = 255
	}
	for i, c := range "0123456789ABCDEF" {
		of[c], of[c|' '] = byte(i), byte(i)
	}
	return of
}()
