package kpi

import (
	"cmp"
	"slices"
)

// bin is how many durations have a length in whole minutes, truncated. What is
// shown is truncated (DOMAIN §6), and truncation keeps the order: percentiles
// read off bins are exact.
type bin struct{ minutes, n int64 }

// appendMinutes adds a duration that is no shorter than those before it.
func appendMinutes(all []bin, minutes int64) []bin {
	if n := len(all); n > 0 && all[n-1].minutes == minutes {
		all[n-1].n++
		return all
	}
	return append(all, bin{minutes, 1})
}

func sortedBins(all []bin) []bin {
	slices.SortFunc(all, func(a, b bin) int { return cmp.Compare(a.minutes, b.minutes) })
	out := all[:0]
	for _, b := range all {
		if n := len(out); n > 0 && out[n-1].minutes == b.minutes {
			out[n-1].n += b.n
		} else {
			out = append(out, b)
		}
	}
	return out
}

// mergedBins adds a list of each tally up, in a new one.
func mergedBins(all []*Tally, of func(*Tally) []bin) []bin {
	n, least, most := 0, int64(0), int64(0)
	for _, o := range all {
		if l := of(o); len(l) > 0 {
			if n == 0 {
				least, most = l[0].minutes, l[len(l)-1].minutes
			}
			n, least, most = n+len(l), min(least, l[0].minutes), max(most, l[len(l)-1].minutes)
		}
	}
	if n == 0 {
		return nil
	}
	if farApart(least, most, n) {
		out := make([]bin, 0, n)
		for _, o := range all {
			out = append(out, of(o)...)
		}
		return sortedBins(out)
	}
	counts := make([]int64, most-least+1)
	for _, o := range all {
		for _, b := range of(o) {
			counts[b.minutes-least] += b.n
		}
	}
	return appendCounted(make([]bin, 0, min(n, len(counts))), counts, least)
}

// farApart says whether sorting n bins is less than counting all between.
func farApart(least, most int64, n int) bool {
	width := most - least
	return width < 0 || width > int64(16*n)
}

// appendCounted appends the bins of lengths from least on.
func appendCounted[C int64 | uint16](out []bin, counts []C, least int64) []bin {
	for i, c := range counts {
		if c > 0 {
			out = append(out, bin{least + int64(i), int64(c)})
		}
	}
	return out
}

// size is how many durations there are.
func size(all []bin) (n int64) {
	for _, b := range all {
		n += b.n
	}
	return n
}

// percentiles are those that rows tell, rising.
var percentiles = [...]int64{10, 50, 90}

// nearest is the place of the p-th percentile of n durations by nearest rank, from 1.
func nearest(p, n int64) int64 { return (p*n + 99) / 100 }

// rank is the p-th percentile of n durations, in whole minutes.
func rank(all []bin, n int64, p int64) *int64 {
	left := nearest(p, n)
	for i := range all {
		if left -= all[i].n; left <= 0 {
			minutes := all[i].minutes
			return &minutes
		}
	}
	return nil
}
