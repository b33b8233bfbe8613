package kpi

import (
	"fmt"
	"slices"
	"time"

	"baylight/kiosk"
)

// Bits of a fact's second byte.
const (
	bitOrdered = 1 << iota
	bitUncertain
	bitRework
	bitRepaired
	bitStages
	bitNano // instants in nanoseconds; in milliseconds otherwise
)

// clock writes and reads instants as distances from the one before.
type clock struct {
	unit int64
	last int64
}

func (c *clock) write(w *writer, t Instant) {
	if t == 0 {
		w.uint(0)
		return
	}
	n := int64(t) / c.unit
	d := n - c.last // fits: see lastInstant
	c.last = n
	w.uint((uint64(d)<<1 ^ uint64(d>>63)) + 1)
}

func (c *clock) read(r *reader) Instant {
	u := r.uint()
	if u == 0 {
		return 0
	}
	u--
	c.last += int64(u>>1) ^ -int64(u&1)
	if bound := int64(lastInstant) / c.unit; c.last > bound || c.last < -bound || c.last == 0 {
		r.fail()
		return 0
	}
	return Instant(c.last * c.unit)
}

// Append makes the fact's bytes behind b.
func (f *Fact) Append(b []byte) []byte {
	w := writer{append(b, FactVersion)}
	c := clock{unit: int64(time.Millisecond)}
	var bits uint64
	for i, on := range [...]bool{f.Ordered, f.Uncertain, f.Rework != nil, f.Repaired, f.Stages != nil, !f.milli()} { // as the bits above
		bits |= uint64(one(on)) << i
	}
	if bits&bitNano != 0 {
		c.unit = 1
	}
	w.uint(bits)
	for _, s := range [...]string{f.Visit, f.Ticket, f.Adviser, f.Order, f.Inspector} {
		w.text(s)
	}
	w.key(f.Vehicle)
	w.word(f.Outcome)
	for _, t := range [...]Instant{f.Arrived, f.Accepted, f.Signed, f.Cancelled, f.Passed, f.Washed, f.Delivered, f.Ended} {
		c.write(&w, t)
	}
	w.uint(uint64(f.Corrections))
	w.uint(uint64(f.Failures))
	w.uint(uint64(f.Binding))
	w.uint(uint64(len(f.Promises)))
	for i := range f.Promises {
		p := &f.Promises[i]
		c.write(&w, p.Due)
		c.write(&w, p.Recorded)
		w.word(p.Reason)
		w.bool(p.Consent)
	}
	w.uint(uint64(len(f.Items)))
	for i := range f.Items {
		it := &f.Items[i]
		w.int(int64(it.No))
		w.text(it.Code)
		w.word(string(it.Category))
		w.word(it.Payer)
		w.int(int64(it.Standard))
	}
	f.appendRest(&w, &c)
	return w.b
}

func (f *Fact) appendRest(w *writer, c *clock) {
	w.uint(uint64(len(f.Jobs)))
	for i := range f.Jobs {
		j := &f.Jobs[i]
		w.text(j.Technician)
		w.int(int64(j.Item))
		c.write(w, j.Finished)
		c.write(w, j.Limit)
		w.bool(j.Unclosed)
		w.uint(uint64(len(j.Spans)))
		for k := range j.Spans {
			s := &j.Spans[k]
			c.write(w, s.From)
			c.write(w, s.To)
			w.word(s.Reason)
			w.text(s.Bay)
			w.bool(s.Parallel)
		}
	}
	w.uint(uint64(len(f.Flags)))
	for _, fl := range f.Flags {
		w.word(string(fl))
	}
	if f.Rework != nil {
		w.text(f.Rework.Earlier)
		w.texts(f.Rework.Items)
		w.text(f.Rework.By)
		c.write(w, f.Rework.At)
	}
	w.uint(uint64(len(f.Declined)))
	for _, d := range f.Declined {
		w.word(d.Proposal)
		w.texts(d.Items)
	}
	w.uint(uint64(len(f.Attendance)))
	for i := range f.Attendance {
		a := &f.Attendance[i]
		w.text(a.Technician)
		c.write(w, a.From)
		c.write(w, a.To)
	}
	if f.Repaired {
		w.int(int64(f.Gross))
		w.int(int64(f.Net))
	}
	if f.Stages != nil {
		w.uint(uint64(len(f.Stages)))
		for _, p := range f.Stages {
			w.word(string(p.Stage))
			w.int(p.MS)
		}
	}
}

// milli says whether every instant is a whole millisecond, as events have it.
func (f *Fact) milli() bool {
	all := []Instant{f.Arrived, f.Accepted, f.Signed, f.Cancelled, f.Passed, f.Washed, f.Delivered, f.Ended}
	for i := range f.Promises {
		all = append(all, f.Promises[i].Due, f.Promises[i].Recorded)
	}
	for i := range f.Jobs {
		all = append(all, f.Jobs[i].Finished, f.Jobs[i].Limit)
		for _, s := range f.Jobs[i].Spans {
			all = append(all, s.From, s.To)
		}
	}
	if f.Rework != nil {
		all = append(all, f.Rework.At)
	}
	for i := range f.Attendance {
		all = append(all, f.Attendance[i].From, f.Attendance[i].To)
	}
	return !slices.ContainsFunc(all, func(t Instant) bool { return t%Instant(time.Millisecond) != 0 })
}

// DecodeHead reads the beginning of a fact's bytes: all up to the promises. Items,
// jobs and what follows are left out ([Period.May]). It keeps nothing of b.
func DecodeHead(b []byte) (f Fact, err error) {
	r := reader{s: string(b)}
	if err := r.version("fact"); err != nil {
		return Fact{}, err
	}
	if f.readHead(&r); r.bad {
		return Fact{}, fmt.Errorf("read fact: %w", errBytes)
	}
	return f, nil
}

// readHead reads up to the promises.
func (f *Fact) readHead(r *reader) (c clock, bits uint64) {
	c = clock{unit: int64(time.Millisecond)}
	bits = r.uint()
	if bits&bitNano != 0 {
		c.unit = 1
	}
	f.Ordered, f.Uncertain, f.Repaired = bits&bitOrdered != 0, bits&bitUncertain != 0, bits&bitRepaired != 0
	for _, s := range [...]*string{&f.Visit, &f.Ticket, &f.Adviser, &f.Order, &f.Inspector} {
		*s = r.text()
	}
	f.Vehicle, f.Outcome = r.key(), r.word()
	for _, t := range [...]*Instant{&f.Arrived, &f.Accepted, &f.Signed, &f.Cancelled, &f.Passed, &f.Washed, &f.Delivered, &f.Ended} {
		*t = c.read(r)
	}
	f.Corrections, f.Failures, f.Binding = r.small(), r.small(), r.small()
	if n := r.size(4); n > 0 {
		f.Promises = make([]FactPromise, n)
	}
	for i := range f.Promises {
		f.Promises[i] = FactPromise{c.read(r), c.read(r), r.word(), r.bool()}
	}
	return c, bits
}

// DecodeFact reads the bytes of a fact. It keeps nothing of b.
func DecodeFact(b []byte) (f Fact, err error) {
	r := reader{s: string(b)}
	if err := r.version("fact"); err != nil {
		return Fact{}, err
	}
	c, bits := f.readHead(&r)
	if n := r.size(5); n > 0 {
		f.Items = make([]FactItem, n)
	}
	for i := range f.Items {
		f.Items[i] = FactItem{int(r.int()), r.text(), kiosk.Category(r.word()), r.word(), int(r.int())}
	}
	f.readRest(&r, &c, bits)
	if err := r.end("fact"); err != nil {
		return Fact{}, err
	}
	return f, nil
}

func (f *Fact) readRest(r *reader, c *clock, bits uint64) {
	if n := r.size(11); n > 0 {
		f.Jobs = make([]FactJob, n)
	}
	for i := range f.Jobs {
		j := &f.Jobs[i]
		j.Technician, j.Item, j.Finished, j.Limit, j.Unclosed = r.text(), int(r.int()), c.read(r), c.read(r), r.bool()
		n := r.size(5)
		if n == 0 { // a job has begun
			r.fail()
			f.Jobs = nil
			return
		}
		j.Spans = make([]FactSpan, n)
		for k := range j.Spans {
			j.Spans[k] = FactSpan{c.read(r), c.read(r), r.word(), r.text(), r.bool()}
		}
	}
	if n := r.size(1); n > 0 {
		f.Flags = make([]kiosk.Flag, n)
	}
	for i := range f.Flags {
		f.Flags[i] = kiosk.Flag(r.word())
	}
	if bits&bitRework != 0 {
		f.Rework = &FactRework{r.text(), r.texts(), r.text(), c.read(r)}
	}
	if n := r.size(2); n > 0 {
		f.Declined = make([]FactDeclined, n)
	}
	for i := range f.Declined {
		f.Declined[i] = FactDeclined{r.word(), r.texts()}
	}
	if n := r.size(3); n > 0 {
		f.Attendance = make([]FactAttendance, n)
	}
	for i := range f.Attendance {
		f.Attendance[i] = FactAttendance{r.text(), c.read(r), c.read(r)}
	}
	if f.Repaired {
		f.Gross, f.Net = time.Duration(r.int()), time.Duration(r.int())
	}
	if bits&bitStages != 0 {
		f.Stages = make([]StagePart, r.size(2))
		for i := range f.Stages {
			f.Stages[i] = StagePart{kiosk.Stage(r.word()), r.int()}
		}
	}
}
