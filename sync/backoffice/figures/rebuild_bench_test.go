package figures_test

import (
	"testing"
	"time"
)

// BenchmarkRebuild folds a history from the beginning, again and again; it is
// made before the clock runs. cpu-µs is of the whole process, for each event.
func BenchmarkRebuild(b *testing.B) {
	asOffice(b)
	events := historyEvents(b)
	h := openHistory(b, historyDir(b), events)
	n, began, used := 0, time.Now(), ofProcess(b)
	for b.Loop() {
		if err := h.Rebuild(b.Context(), store); err != nil {
			b.Fatal(err)
		}
		n += events
	}
	b.ReportMetric(float64(n)/time.Since(began).Seconds(), "events/s")
	b.ReportMetric(float64((ofProcess(b)-used).Nanoseconds())/1000/float64(n), "cpu-µs/event")
}
