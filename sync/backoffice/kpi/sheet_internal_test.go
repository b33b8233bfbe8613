package kpi

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestHistogramOverflows: more durations of one length than a place counts are
// counted all the same, and so are lengths far away.
func TestHistogramOverflows(t *testing.T) {
	var h histogram
	for _, b := range []bin{{7, math.MaxInt32}, {7, math.MaxInt32}, {7, math.MaxInt32}, {300, 2}, {301, 40_000}, {301, 40_000}, {-5000, 1}, {7, math.MaxInt32}, {-3, math.MaxInt32}, {1 << 40, 3}} {
		var w writer
		w.list([]bin{b})
		r := reader{s: string(w.b)}
		if h.read(&r); r.end("list") != nil {
			t.Fatalf("%v is not read", b)
		}
	}
	want := []bin{{-5000, 1}, {-3, math.MaxInt32}, {7, 4 * math.MaxInt32}, {300, 2}, {301, 80_000}, {1 << 40, 3}}
	if got := h.bins(); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestTold: what a row is told of durations has the number and the percentiles of all of them.
func TestTold(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var h histogram
		for range rapid.IntRange(0, 4).Draw(rt, "lists") {
			all := map[int64]int64{}
			for range rapid.IntRange(0, 30).Draw(rt, "bins") {
				all[rapid.Int64Range(-3, 600).Draw(rt, "minutes")] += rapid.SampledFrom([]int64{1, 1, 2, 90, 1000, 70_000}).Draw(rt, "n")
			}
			if rapid.IntRange(0, 9).Draw(rt, "far") == 0 {
				all[9000] = 5
			}
			var list []bin
			for minutes, n := range all {
				list = append(list, bin{minutes, n})
			}
			var w writer
			w.list(sortedBins(list))
			r := reader{s: string(w.b)}
			if h.read(&r); r.end("list") != nil {
				rt.Fatalf("%v is not read", list)
			}
		}
		all, told := h.bins(), h.told()
		if size(all) != size(told) || size(all) != h.n {
			rt.Fatalf("%d durations, told of %d, counted %d", size(all), size(told), h.n)
		}
		for _, p := range percentiles {
			want, got := rank(all, size(all), p), rank(told, size(told), p)
			if (want == nil) != (got == nil) || want != nil && *want != *got {
				rt.Fatalf("percentile %d of %v is told as %v", p, all, told)
			}
		}
	})
}
