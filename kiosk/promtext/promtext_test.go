package promtext

import (
	"testing"
	"time"
)

func TestWriter(t *testing.T) {
	var w Writer
	w.One("a_total", Counter, "Of a.", 1500)
	w.Family("b", Gauge, "Of b.")
	w.Value("b", 0.25, "x", "1", "y", "q\"\\\nz")
	h := NewHistogram(time.Millisecond, 100*time.Millisecond)
	for _, d := range []time.Duration{time.Millisecond, 2 * time.Millisecond, time.Second} {
		h.Observe(d)
	}
	h.Write(&w, "c_seconds", "Of c.")
	w.Durations("d_seconds", "Of d.", []time.Duration{time.Second}, nil, 0, 0)
	const want = `# HELP a_total Of a.
# TYPE a_total counter
a_total 1500
# HELP b Of b.
# TYPE b gauge
b{x="1",y="q\"\\\nz"} 0.25
# HELP c_seconds Of c.
# TYPE c_seconds histogram
c_seconds_bucket{le="0.001"} 1
c_seconds_bucket{le="0.1"} 2
c_seconds_bucket{le="+Inf"} 3
c_seconds_sum 1.003
c_seconds_count 3
# HELP d_seconds Of d.
# TYPE d_seconds histogram
d_seconds_bucket{le="1"} 0
d_seconds_bucket{le="+Inf"} 0
d_seconds_sum 0
d_seconds_count 0
`
	if got := w.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if Bit(true) != 1 || Bit(false) != 0 {
		t.Error("bits")
	}
}
