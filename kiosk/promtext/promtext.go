// Package promtext writes Prometheus' text format, version 0.0.4:
//
//	# HELP baylight_outbox_depth Events without receipt from the back office.
//	# TYPE baylight_outbox_depth gauge
//	baylight_outbox_depth 3
//
// It is these few lines and not prometheus/client_golang because both daemons
// tell what others keep anyway: a registry would hold copies of it, for a dozen
// more modules and, on a board, two megabytes. Durations are written in seconds.
// Nothing here starts a goroutine or reads a clock.
package promtext

import (
	"bytes"
	"strconv"
	"strings"
	"sync"
	"time"
)

// ContentType is what an answer in this format says it is.
const ContentType = "text/plain; version=0.0.4; charset=utf-8"

// The kinds of metric.
const (
	Counter   = "counter"
	Gauge     = "gauge"
	histogram = "histogram"
)

// Writer writes families of metrics. The zero Writer is empty and ready.
type Writer struct{ bytes.Buffer }

// Family begins a family; its values come next. help is one line.
func (w *Writer) Family(name, kind, help string) {
	w.WriteString("# HELP " + name + " " + help + "\n# TYPE " + name + " " + kind + "\n")
}

// Value writes one line; labels are names and values in turn. Values may hold
// anything.
func (w *Writer) Value(name string, v float64, labels ...string) {
	w.WriteString(name)
	for i := 0; i+1 < len(labels); i += 2 {
		if i == 0 {
			w.WriteByte('{')
		} else {
			w.WriteByte(',')
		}
		w.WriteString(labels[i] + `="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(labels[i+1]) + `"`)
	}
	if len(labels) > 1 {
		w.WriteByte('}')
	}
	w.WriteString(" " + strconv.FormatFloat(v, 'g', -1, 64) + "\n")
}

// One writes a family of one value without labels.
func (w *Writer) One(name, kind, help string, v float64) {
	w.Family(name, kind, help)
	w.Value(name, v)
}

// Durations writes a histogram; name ends in _seconds. counts are of durations up
// to the bound of the same place, each with those before it.
func (w *Writer) Durations(name, help string, bounds []time.Duration, counts []uint64, n uint64, sum time.Duration) {
	w.Family(name, histogram, help)
	for i, most := range bounds {
		count := uint64(0)
		if i < len(counts) {
			count = counts[i]
		}
		w.Value(name+"_bucket", float64(count), "le", strconv.FormatFloat(most.Seconds(), 'g', -1, 64))
	}
	w.Value(name+"_bucket", float64(n), "le", "+Inf")
	w.Value(name+"_sum", sum.Seconds())
	w.Value(name+"_count", float64(n))
}

// Bit is 1 for true and 0 for false.
func Bit(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// Histogram counts durations. It may be used by several goroutines.
type Histogram struct {
	bounds []time.Duration

	mu     sync.Mutex
	counts []uint64 // of each bound, with those before it
	n      uint64
	sum    time.Duration
}

// NewHistogram counts by these bounds, which rise.
func NewHistogram(bounds ...time.Duration) *Histogram {
	return &Histogram{bounds: bounds, counts: make([]uint64, len(bounds))}
}

// Observe counts one duration.
func (h *Histogram) Observe(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.n, h.sum = h.n+1, h.sum+d
	for i, most := range h.bounds {
		if d <= most {
			h.counts[i]++
		}
	}
}

// Write writes what was counted as a family.
func (h *Histogram) Write(w *Writer, name, help string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	w.Durations(name, help, h.bounds, h.counts, h.n, h.sum)
}
