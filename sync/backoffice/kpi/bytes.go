package kpi

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
)

// errBytes is what is wrong with bytes that are not ours.
var errBytes = errors.New("bytes are cut short or damaged")

// writer makes the bytes of facts and tallies. Whole numbers are varints, texts
// have their length before them.
type writer struct{ b []byte }

func (w *writer) uint(n uint64) { w.b = binary.AppendUvarint(w.b, n) }
func (w *writer) int(n int64)   { w.b = binary.AppendVarint(w.b, n) }

func (w *writer) text(s string) {
	w.uint(uint64(len(s)))
	w.b = append(w.b, s...)
}

// key writes a text that is mostly 64 hex digits (a keyed VIN) in half the room.
func (w *writer) key(s string) {
	if raw, err := hex.DecodeString(s); err == nil && len(raw) == 32 && hex.EncodeToString(raw) == s {
		w.uint(0)
		w.b = append(w.b, raw...)
		return
	}
	w.uint(uint64(len(s)) + 1)
	w.b = append(w.b, s...)
}

// reader reads what writer made. The first error stays; after it everything is
// zero. Texts share the memory of the one string they were read from.
type reader struct {
	s   string
	at  int
	bad bool
}

func (r *reader) uint() uint64 {
	if r.at < len(r.s) && r.s[r.at] < 0x80 { // as most
		r.at++
		return uint64(r.s[r.at-1])
	}
	return r.long()
}

// long reads a number of several bytes.
func (r *reader) long() uint64 {
	var n uint64
	for i := 0; i < len(r.s)-r.at && i < binary.MaxVarintLen64; i++ {
		c := r.s[r.at+i]
		if c < 0x80 {
			if i == binary.MaxVarintLen64-1 && c > 1 {
				break
			}
			n |= uint64(c) << (7 * i)
			r.at += i + 1
			return n
		}
		n |= uint64(c&0x7f) << (7 * i)
	}
	r.fail()
	return 0
}

func (r *reader) int() int64 {
	u := r.uint()
	return int64(u>>1) ^ -int64(u&1)
}

func (r *reader) fail() { r.at, r.bad = len(r.s), true }

// left is how many bytes are left.
func (r *reader) left() int { return len(r.s) - r.at }

// size reads how many things follow, each at least min bytes long.
func (r *reader) size(min int) int {
	n := r.uint()
	if n > uint64(r.left()/min) {
		r.fail()
		return 0
	}
	return int(n)
}

// small reads a number that is not negative and fits the figures' counts.
func (r *reader) small() int {
	n := r.uint()
	if n > math.MaxInt32 {
		r.fail()
		return 0
	}
	return int(n)
}

func (r *reader) take(n int) (s string) {
	if n > r.left() {
		r.fail()
		return ""
	}
	r.at += n
	return r.s[r.at-n : r.at]
}

func (r *reader) text() string { return r.take(r.size(1)) }

func (r *reader) key() string {
	switch n := r.uint(); {
	case n == 0:
		raw := r.take(32)
		var out [64]byte
		for i := range len(raw) {
			out[2*i], out[2*i+1] = digits[raw[i]>>4], digits[raw[i]&15]
		}
		return string(out[:2*len(raw)])
	case n-1 > uint64(r.left()):
		r.fail()
		return ""
	default:
		return r.take(int(n - 1))
	}
}

const digits = "0123456789abcdef"

// version reads the first byte.
func (r *reader) version(what string) error {
	if v := r.take(1); r.bad || v[0] != FactVersion {
		return fmt.Errorf("read %s: version %x is not %d", what, v, FactVersion)
	}
	return nil
}

// end says whether all went well and nothing is left over.
func (r *reader) end(what string) error {
	if r.bad || r.left() > 0 {
		return fmt.Errorf("read %s: %w", what, errBytes)
	}
	return nil
}

func (w *writer) bool(on bool) {
	if on {
		w.b = append(w.b, 1)
	} else {
		w.b = append(w.b, 0)
	}
}

func (r *reader) bool() bool {
	s := r.take(1)
	if r.bad || s[0] > 1 {
		r.fail()
		return false
	}
	return s[0] == 1
}

func (w *writer) texts(all []string) {
	w.uint(uint64(len(all)))
	for _, s := range all {
		w.text(s)
	}
}

func (r *reader) texts() []string {
	n := r.size(1)
	if n == 0 {
		return nil
	}
	all := make([]string, n)
	for i := range all {
		all[i] = r.text()
	}
	return all
}

// word writes one of the words that facts use all the time as its number, any
// other text as it is. The order of the words is for ever.
func (w *writer) word(s string) {
	n := numberOf[s]
	if w.uint(n); n == 0 {
		w.text(s)
	}
}

// numberOf is the number of a word.
var numberOf = func() map[string]uint64 {
	out := make(map[string]uint64, len(vocabulary))
	for i, s := range vocabulary {
		if out[s] == 0 { // the first that is the same
			out[s] = uint64(i + 1)
		}
	}
	return out
}()

func (r *reader) word() string {
	switch n := r.uint(); {
	case n == 0:
		return r.text()
	case n > uint64(len(vocabulary)):
		r.fail()
		return ""
	default:
		return vocabulary[n-1]
	}
}

var vocabulary = [...]string{"",
	"authority", "parts", "other", "break", "switched",
	"added_items", "workshop_load", "customer_request",
	"no_order", "left", "duplicate",
	"free_maintenance", "warranty", "maintenance", "minor", "major", "accident", "rework",
	"customer", "manufacturer", "store", "campaign",
	"wrong_bay", "not_checked_in", "unknown_visit", "no_badge", "other_technician", "not_inspector",
	"inspector_is_technician", "work_open", "not_inspected", "after_delivery", "second_order", "overlap", "clock_uncertain",
	"washed", "passed", "working", "paused_authority", "paused_parts", "paused_other", "paused_break", "paused_switched",
	"waiting_inspection", "waiting_bay", "reception", "waiting_adviser",
}
