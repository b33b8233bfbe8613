package kpi

import (
	"cmp"
	"fmt"
	"math"
	"math/bits"
	"slices"
)

// Sheet makes the rows of a period out of kept tallies as [Rows] does, but adds
// them up as their bytes are read: no tally is made of each. It is for all rows
// but those by day, which are of one tally each.
type Sheet struct {
	by By
	p  Period
	of map[string]*sums
}

// NewSheet is a sheet of a period of whole store-local days without any tally.
func NewSheet(by By, p Period) *Sheet {
	s := &Sheet{by, p, map[string]*sums{}}
	if by == ByNone {
		s.of[""] = &sums{}
	}
	return s
}

// Add adds the bytes of the tally kept for a group of the sheet's kind on a day
// of its period. It keeps nothing of b. A sheet that was given bytes that are no
// tally's is of no use any more.
func (s *Sheet) Add(key string, b []byte) error {
	of := s.of[key]
	if of == nil {
		of = &sums{}
		s.of[key] = of
	}
	return of.add(b)
}

// Rows are the rows of what was added, by key.
func (s *Sheet) Rows() (rows []Row) {
	ms, open := s.p.opening()
	p := s.p
	p.opened = &opened{ms, open}
	for key, of := range s.of {
		t := of.tally()
		rows = append(rows, t.row(s.by, key, p, of.vehicles.n))
	}
	slices.SortFunc(rows, func(a, b Row) int { return cmp.Compare(a.Key, b.Key) })
	return rows
}

// sums is what several tallies of a group add up to. Reworks are left out: rows
// count them only.
type sums struct {
	n        [numbers]int64
	lists    [lists]histogram
	by       [maps_]counts
	listsBy  [listsBy][]keyedHistogram
	vehicles distinct
	sets     [sets][]string // without vehicles
}

type keyedHistogram struct {
	key string
	of  histogram
}

// add reads what [Tally.Append] made.
func (s *sums) add(b []byte) error {
	r := reader{s: string(b)}
	if err := r.version("tally"); err != nil {
		return err
	}
	r.skipReworks()
	next := uint64(0)
	for range r.size(2) {
		i, n := r.uint(), r.int()
		if i < next || i >= numbers { // each stands there once
			r.fail()
			break
		}
		s.n[i] += n
		next = i + 1
	}
	for i := range s.lists {
		s.lists[i].read(&r)
	}
	for i := range s.by {
		s.by[i].read(&r)
	}
	for i := range s.listsBy {
		s.listsBy[i] = readHistograms(s.listsBy[i], &r)
	}
	for i := range s.sets {
		n := r.size(1)
		if i == sVehicles {
			s.vehicles.expect(n)
		}
		at := 0
		for range n {
			key, set := r.text(), s.sets[i]
			switch {
			case i == sVehicles:
				s.vehicles.add(key)
			case at < len(set) && set[at] == key: // as most: days have the same ones
				at++
			default:
				if to, found := slices.BinarySearch(set, key); !found {
					at, s.sets[i] = to+1, slices.Insert(set, to, key)
				} else {
					at = to + 1
				}
			}
		}
	}
	if err := r.end("tally"); err != nil {
		return fmt.Errorf("add up: %w", err)
	}
	return nil
}

// tally is the sums as a tally without its vehicles, for a row: of lengths it has
// what rows tell.
func (s *sums) tally() (t Tally) {
	t.n, t.by, t.sets = s.n, s.by, s.sets
	for i := range s.lists {
		t.lists[i] = s.lists[i].told()
	}
	for i := range s.listsBy {
		for k := range s.listsBy[i] {
			h := &s.listsBy[i][k]
			t.listsBy[i] = append(t.listsBy[i], keyedBins{h.key, h.of.told()})
		}
	}
	return t
}

// read adds counts as [Tally.Append] writes them: by key, mostly the same ones.
func (c *counts) read(r *reader) {
	at := 0
	for range r.size(2) {
		key, n := r.word(), r.int()
		for at < len(*c) && (*c)[at].key != key && (*c)[at].key < key { // words are told to be the same at once
			at++
		}
		if at == len(*c) || (*c)[at].key != key {
			at = c.place(key)
			*c = slices.Insert(*c, at, counted{key: key})
		}
		(*c)[at].n += n
	}
}

func readHistograms(all []keyedHistogram, r *reader) []keyedHistogram {
	at := 0
	for range r.size(2) {
		key := r.word()
		for at < len(all) && all[at].key != key && all[at].key < key {
			at++
		}
		if at == len(all) || all[at].key != key {
			at, _ = slices.BinarySearchFunc(all, key, func(h keyedHistogram, key string) int { return cmp.Compare(h.key, key) })
			all = slices.Insert(all, at, keyedHistogram{key: key})
		}
		all[at].of.read(r)
	}
	return all
}

// histogram counts durations of each length in whole minutes, short ones by
// place.
type histogram struct {
	n      int64 // all
	least  int64 // that the first of counts is of
	counts []uint16
	far    []bin // beyond widest, and what is too many for counts
}

// widest bounds the lengths that have a place, nearly three days; mostPlaced how
// many of a length are counted there.
const (
	widest     = 4096
	mostPlaced = math.MaxUint16
)

// read adds a list as writer.list writes it.
func (h *histogram) read(r *reader) {
	size := r.size(2)
	if size == 0 {
		return
	}
	minutes := r.int()
	for n := uint64(r.small()); ; {
		if n == 0 {
			r.fail()
			return
		}
		h.n += int64(n)
		if at := uint64(minutes - h.least); at < uint64(len(h.counts)) && n <= uint64(mostPlaced-h.counts[at]) {
			h.counts[at] += uint16(n)
		} else {
			h.widen(minutes, int64(n))
		}
		if size--; size == 0 {
			return
		}
		var step uint64
		if pair := r.s[r.at:]; len(pair) >= 2 && pair[0]|pair[1] < 0x80 { // as most
			step, n = uint64(pair[0]), uint64(pair[1])
			r.at += 2
		} else {
			step, n = r.uint(), uint64(r.small())
		}
		next := minutes + int64(step)
		if next <= minutes {
			r.fail()
			return
		}
		minutes = next
	}
}

// widen adds a length that has no place yet, or no more room there.
func (h *histogram) widen(minutes, n int64) {
	placed := uint64(minutes-h.least) < uint64(len(h.counts))
	if minutes < -widest || minutes > widest || placed || n > mostPlaced {
		h.far = append(h.far, bin{minutes, n})
		return
	}
	const step = 256 // most lengths of most lists, from the first on
	size := int64(len(h.counts))
	least, end := minutes&^(step-1), minutes|(step-1)+1
	switch {
	case size == 0:
		h.least = least
	case least < h.least: // twice as many, at least
		least, end = min(least, h.least-size), h.least+size
	default:
		least, end = h.least, max(end, h.least+2*size)
	}
	counts := make([]uint16, end-least)
	copy(counts[h.least-least:], h.counts)
	counts[minutes-least] += uint16(n)
	h.least, h.counts = least, counts
}

// bins are the lengths in order.
func (h *histogram) bins() []bin {
	some := 0
	for _, c := range h.counts {
		if c != 0 {
			some++
		}
	}
	if some += len(h.far); some == 0 {
		return nil
	}
	out := appendCounted(make([]bin, 0, some), h.counts, h.least)
	if len(h.far) > 0 {
		out = sortedBins(append(out, h.far...))
	}
	return out
}

// told are a few bins as many durations as h has, with the same percentiles that
// rows tell: for each the length it is, of all between it and the one before.
func (h *histogram) told() []bin {
	if len(h.far) > 0 {
		return h.bins()
	}
	if h.n == 0 {
		return nil
	}
	out, sum, before := make([]bin, 0, len(percentiles)+1), int64(0), int64(0)
	next := 0
	for i, c := range h.counts {
		if sum += int64(c); sum < nearest(percentiles[next], h.n) {
			continue
		}
		out = append(out, bin{h.least + int64(i), sum - before})
		before = sum
		for next < len(percentiles) && sum >= nearest(percentiles[next], h.n) {
			next++
		}
		if next == len(percentiles) {
			break
		}
	}
	if before < h.n { // the rest is longer, nobody asks how long
		out = append(out, bin{out[len(out)-1].minutes + 1, h.n - before})
	}
	return out
}

// distinct counts different fingerprints.
type distinct struct {
	n      int
	slots  [][2]uint64 // open addressing; zeros are empty
	taken  int
	others map[string]bool // all zeros, or of another length
}

// expect makes room for a month of days like the first one, with so many each.
func (d *distinct) expect(n int) {
	if d.slots == nil && n > 0 {
		d.slots = make([][2]uint64, 1<<bits.Len(uint(64*min(n, 1024)-1)))
	}
}

func (d *distinct) add(s string) {
	if len(s) != 16 {
		d.other(s)
		return
	}
	k := [2]uint64{word(s), word(s[8:])}
	if k == [2]uint64{} {
		d.other(s)
		return
	}
	if 2*(d.taken+1) > len(d.slots) {
		was := d.slots
		d.slots, d.taken = make([][2]uint64, max(256, 4*len(was))), 0
		for _, old := range was {
			if old != [2]uint64{} {
				d.place(old)
			}
		}
	}
	if d.place(k) {
		d.n++
	}
}

// place finds room for a key; it says whether it is new.
func (d *distinct) place(k [2]uint64) bool {
	const golden = 0x9e3779b97f4a7c15
	mask := uint64(len(d.slots) - 1)
	for i := (k[0] ^ k[1]) * golden >> 32 & mask; ; i = (i + 1) & mask {
		switch d.slots[i] {
		case k:
			return false
		case [2]uint64{}:
			d.slots[i] = k
			d.taken++
			return true
		}
	}
}

func (d *distinct) other(s string) {
	if !d.others[s] {
		if d.others == nil {
			d.others = map[string]bool{}
		}
		d.others[s] = true
		d.n++
	}
}

// word is the first eight bytes of a string.
func word(s string) uint64 {
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56 // one load
}
