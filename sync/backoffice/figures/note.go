package figures

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/kpi"
)

// noteVersion is of the bytes a note is kept in, and of what is made of events.
const noteVersion = 1

// note is what is kept of one visit: its work as recorded, what overlaps mean
// for it, and its fact as folded with them.
type note struct {
	stretches []byte // as encoded: they are compared more often than read
	cuts      []byte
	fact      []byte
}

func (n note) bytes() []byte {
	b := make([]byte, 0, 8+len(n.stretches)+len(n.cuts)+len(n.fact))
	b = append(b, noteVersion)
	b = binary.AppendUvarint(b, uint64(len(n.stretches)))
	b = append(b, n.stretches...)
	b = binary.AppendUvarint(b, uint64(len(n.cuts)))
	b = append(b, n.cuts...)
	return append(b, n.fact...)
}

// readNote reads the bytes of a note and keeps them.
func readNote(visit string, b []byte) (n note, err error) {
	r := reader{b: b}
	if v := r.byte(); v != noteVersion {
		return n, fmt.Errorf("read what is kept of visit %s: version %d instead of %d", visit, v, noteVersion)
	}
	n.stretches, n.cuts = r.bytes(), r.bytes()
	n.fact = r.b
	if r.bad {
		return n, fmt.Errorf("read what is kept of visit %s: %w", visit, errShort)
	}
	return n, nil
}

func (n note) factOf(visit string) (kpi.Fact, error) {
	f, err := kpi.DecodeFact(n.fact)
	if err != nil {
		return f, fmt.Errorf("read what is kept of visit %s: %w", visit, err)
	}
	return f, nil
}

var errShort = errors.New("it ends early")

// reader reads what writer wrote; after the first mistake it reads zeros.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.b, r.bad = nil, true
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) bytes() []byte {
	n := r.uvarint()
	if n > uint64(len(r.b)) {
		r.b, r.bad = nil, true
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) text() string { return string(r.bytes()) }

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.bad = true
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

func (r *reader) time() time.Time {
	s, ns := int64(r.uvarint()), int64(r.uvarint())
	if s == 0 && ns == 0 {
		return time.Time{}
	}
	return time.Unix(s, ns-1)
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(b, 0, 0)
	}
	return binary.AppendUvarint(binary.AppendUvarint(b, uint64(t.Unix())), uint64(t.Nanosecond())+1)
}

func appendJob(b []byte, j kiosk.Job, source string) []byte {
	b = appendText(appendText(b, j.Bay), j.Technician)
	return appendText(binary.AppendUvarint(b, uint64(j.Item)), source)
}

func (r *reader) job(visit string) (j kiosk.Job, source string) {
	j = kiosk.Job{Visit: visit, Bay: r.text(), Technician: r.text(), Item: int(r.uvarint())}
	return j, r.text()
}

func appendStretches(b []byte, all []backoffice.Stretch) []byte {
	b = slices.Grow(b, 64*len(all))
	for _, s := range all {
		b = appendTime(appendTime(appendJob(b, s.Job, s.Source), s.From), s.To)
		if s.Parallel {
			b = append(b, 1)
		} else {
			b = append(b, 0)
		}
	}
	return b
}

func readStretches(visit string, b []byte) (all []backoffice.Stretch, err error) {
	for r := (reader{b: b}); len(r.b) > 0; {
		var s backoffice.Stretch
		s.Job, s.Source = r.job(visit)
		s.From, s.To, s.Parallel = r.time(), r.time(), r.byte() == 1
		if all = append(all, s); r.bad {
			return nil, fmt.Errorf("read the work of visit %s: %w", visit, errShort)
		}
	}
	return all, nil
}

// appendCuts writes cuts in their order: the fold depends on it.
func appendCuts(b []byte, all []backoffice.Cut) []byte {
	for _, c := range all {
		b = appendTime(appendJob(b, c.Job, c.Source), c.At)
	}
	return b
}

func readCuts(visit string, b []byte) (all []backoffice.Cut, err error) {
	for r := (reader{b: b}); len(r.b) > 0; {
		var c backoffice.Cut
		c.Job, c.Source = r.job(visit)
		c.At = r.time()
		if all = append(all, c); r.bad {
			return nil, fmt.Errorf("read the overlaps of visit %s: %w", visit, errShort)
		}
	}
	return all, nil
}

// Keys under which facts are found, besides backoffice.KeyOpen.
const (
	keyOrder   = "order:"
	keyVehicle = "vehicle:"
	keyTicket  = "ticket:" // its number, and the year of the arrival
)

// ticketYears is how many years a ticket is looked for.
const ticketYears = 12

func yearOf(year int) string {
	if year < 1000 || year > 9999 {
		return fmt.Sprintf(" %04d", year)
	}
	return " " + strconv.Itoa(year)
}

// keep makes what the ledger keeps of a visit, but for when.
func keep(n note, f *kpi.Fact, stretches []backoffice.Stretch, cal kiosk.Calendar) backoffice.Fact {
	out := backoffice.Fact{Visit: f.Visit, Bytes: n.bytes(), Days: f.Days(cal)}
	var from, to time.Time // of the day last looked at
	for _, s := range stretches {
		if !s.From.Before(from) && s.To.Before(to) {
			continue
		}
		from, to = dayOf(cal, s.From)
		for day := range daysOf(cal, s.From, s.To) {
			if i, found := slices.BinarySearch(out.Days, day); !found {
				out.Days = slices.Insert(out.Days, i, day)
			}
		}
	}
	if f.Open() {
		out.Keys = append(out.Keys, backoffice.KeyOpen)
	}
	if f.Order != "" {
		out.Keys = append(out.Keys, keyOrder+f.Order)
	}
	if f.Vehicle != "" {
		out.Keys = append(out.Keys, keyVehicle+f.Vehicle)
	}
	if f.Ticket != "" {
		out.Keys = append(out.Keys, keyTicket+strings.ToLower(f.Ticket)+yearOf(f.Arrived.In(cal.Zone).Year()))
	}
	return out
}

// dueAfter is f.Due in whole milliseconds, not before it has come.
func dueAfter(f *kpi.Fact, now time.Time) time.Time {
	t := f.Due(now)
	if whole := t.Truncate(time.Millisecond); !whole.Equal(t) {
		return whole.Add(time.Millisecond)
	}
	return t
}

// dayOf is the store-local day of a time, from one midnight to the next; both zero
// where clocks are put forward at midnight.
func dayOf(cal kiosk.Calendar, t time.Time) (from, to time.Time) {
	from = cal.Midnight(t)
	if from.Day() != t.In(cal.Zone).Day() {
		return time.Time{}, time.Time{}
	}
	return from, cal.Midnight(from.Add(36 * time.Hour))
}

// daysOf are the store-local days from one time to another, both included.
func daysOf(cal kiosk.Calendar, from, to time.Time) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for day := cal.Midnight(from); !day.After(to); day = cal.Midnight(day.Add(36 * time.Hour)) {
			if !yield(cal.Day(day)) {
				return
			}
		}
	}
}
