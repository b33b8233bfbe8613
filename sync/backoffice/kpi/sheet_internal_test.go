package kpi

import (
	"math"
	"slices"
	"testing"
)

// TestHistogramOverflows: more durations of one length than a place counts are
// counted all the same, and so are lengths far away.
func TestHistogramOverflows(t *testing.T) {
	var h histogram
	for _, b := range []bin{{7, math.MaxInt32}, {7, math.MaxInt32}, {7, math.MaxInt32}, {300, 2}, {-5000, 1}, {7, math.MaxInt32}, {-3, math.MaxInt32}, {1 << 40, 3}} {
		var w writer
		w.list([]bin{b})
		r := reader{s: string(w.b)}
		if h.read(&r); r.end("list") != nil {
			t.Fatalf("%v is not read", b)
		}
	}
	want := []bin{{-5000, 1}, {-3, math.MaxInt32}, {7, 4 * math.MaxInt32}, {300, 2}, {1 << 40, 3}}
	if got := h.bins(); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
