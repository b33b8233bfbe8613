package kpi

import (
	"cmp"
	"slices"
	"time"
)

// bin is how many durations have a length in whole minutes, truncated. What is
// shown is truncated (DOMAIN §6), and truncation keeps the order: percentiles
// read off bins are exact.
type bin struct{ minutes, n int64 }

func binOf(ms int64) bin { return bin{ms / time.Minute.Milliseconds(), 1} }

// compactBins sorts bins and puts those of one length together.
func compactBins(all []bin) []bin {
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
func mergedBins(all []Tally, of func(*Tally) []bin) []bin {
	n, least, most := 0, int64(0), int64(0)
	for i := range all {
		if l := of(&all[i]); len(l) > 0 {
			if n == 0 {
				least, most = l[0].minutes, l[len(l)-1].minutes
			}
			n, least, most = n+len(l), min(least, l[0].minutes), max(most, l[len(l)-1].minutes)
		}
	}
	if n == 0 {
		return nil
	}
	if width := most - least; width < 0 || width > int64(16*n) { // far apart: sort
		out := make([]bin, 0, n)
		for i := range all {
			out = append(out, of(&all[i])...)
		}
		return compactBins(out)
	}
	counts := make([]int64, most-least+1)
	for i := range all {
		for _, b := range of(&all[i]) {
			counts[b.minutes-least] += b.n
		}
	}
	out := make([]bin, 0, min(n, len(counts)))
	for i, c := range counts {
		if c > 0 {
			out = append(out, bin{least + int64(i), c})
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

// rank is the p-th percentile of n durations by nearest rank, in whole minutes.
func rank(all []bin, n int64, p int64) *int64 {
	at := (p*n + 99) / 100
	for _, b := range all {
		if at -= b.n; at <= 0 {
			return &b.minutes
		}
	}
	return nil
}
