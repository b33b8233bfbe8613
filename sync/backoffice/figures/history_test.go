package figures_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/figures"
	"baylight/sync/backoffice/kpi"
	"baylight/sync/backoffice/ledger"
	"baylight/sync/backoffice/ledger/ledgertest"
)

// BenchmarkHistory asks for the figures of a month of one store out of a short
// history (100,000 events) and a long one, and rebuilds the long one. The long one
// has BAYLIGHT_HISTORY_EVENTS events, 200,000 without; make bench-history asks
// for 10,000,000. With BAYLIGHT_HISTORY_DIR the ledgers are kept there.
func BenchmarkHistory(b *testing.B) {
	long := 200_000
	if s := os.Getenv("BAYLIGHT_HISTORY_EVENTS"); s != "" {
		var err error
		if long, err = strconv.Atoi(s); err != nil {
			b.Fatal(err)
		}
	}
	dir := os.Getenv("BAYLIGHT_HISTORY_DIR")
	if dir == "" {
		dir = b.TempDir()
	}
	short, far := openHistory(b, dir, 100_000), openHistory(b, dir, long)
	for b.Loop() {
		began := time.Now()
		if err := far.Rebuild(b.Context(), store); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(long)/time.Since(began).Seconds(), "rebuilt-events/s")
		if err := short.Fold(b.Context(), store); err != nil {
			b.Fatal(err)
		}
		began = time.Now()
		naive := far.naive(b, far.months()[0])
		b.ReportMetric(float64(time.Since(began).Milliseconds()), "naive-ms")
		if got := far.figures(b, far.months()[0], kpi.ByDay); told(b, got) != told(b, naive) {
			b.Fatal("the naive scan says something else")
		}
		for _, by := range []kpi.By{kpi.ByNone, kpi.ByDay, kpi.ByAdviser, kpi.ByTechnician} {
			few, many := short.measure(b, by), far.measure(b, by)
			b.ReportMetric(many.p99, "month-"+string(by)+"-p99-ms")
			b.ReportMetric(many.p50/few.p50, "month-"+string(by)+"-x/100k")
		}
		behind := far.drill(b)
		b.ReportMetric(behind.p99, "drill-down-p99-ms")
		b.ReportMetric(behind.p50/short.drill(b).p50, "drill-down-x/100k")
	}
}

// history is a full ledger with its figures.
type history struct {
	*figures.Folder
	ledger *ledger.Ledger
	end    time.Time
}

func openHistory(b *testing.B, dir string, events int) *history {
	b.Helper()
	path := filepath.Join(dir, fmt.Sprintf("history-%d.db", events))
	_, err := os.Stat(path)
	l, opened := ledger.Open(path)
	if opened != nil {
		b.Fatal(opened)
	}
	b.Cleanup(func() { l.Close() })
	days := (events + ledgertest.FillVisits*ledgertest.FillEvents - 1) / (ledgertest.FillVisits * ledgertest.FillEvents)
	h := &history{ledger: l, end: ledgertest.FillFrom.AddDate(0, 0, days)}
	if err != nil {
		began := time.Now()
		h.end = ledgertest.Fill(b, l, store, events)
		b.Logf("%d events committed in %v", events, time.Since(began).Round(time.Second))
	}
	h.Folder, err = figures.New(figures.Config{Ledger: l, Now: func() time.Time { return h.end.Add(24 * time.Hour) }, Stores: []backoffice.Store{{Name: store, Calendar: cal}}})
	if err != nil {
		b.Fatal(err)
	}
	return h
}

// months are thirty days each, over the whole history.
func (h *history) months() (out []time.Time) {
	for t := ledgertest.FillFrom; t.AddDate(0, 0, 30).Before(h.end); t = t.AddDate(0, 0, 1) {
		out = append(out, t)
	}
	return out
}

type spread struct{ p50, p99 float64 } // ms

func spreadOf(all []time.Duration) spread {
	slices.Sort(all)
	at := func(p int) float64 { return float64(all[(len(all)-1)*p/100].Microseconds()) / 1000 }
	return spread{at(50), at(99)}
}

// measure asks for months all over the history.
func (h *history) measure(b *testing.B, by kpi.By) spread {
	b.Helper()
	months := h.months()
	var all []time.Duration
	for i := range 400 {
		began := time.Now()
		h.figures(b, months[i*7919%len(months)], by)
		all = append(all, time.Since(began))
	}
	return spreadOf(all)
}

func (h *history) figures(b *testing.B, from time.Time, by kpi.By) []kpi.Row {
	b.Helper()
	a, err := h.Figures(b.Context(), store, figures.Query{From: from, To: from.AddDate(0, 0, 30), By: by})
	if err != nil {
		b.Fatal(err)
	}
	return a.Rows
}

// drill goes from a month's figure to the orders behind it, and to the scans of one.
func (h *history) drill(b *testing.B) spread {
	b.Helper()
	months := h.months()
	var all []time.Duration
	for i := range 100 {
		from := months[i*7919%len(months)]
		began := time.Now()
		facts, _, err := h.Behind(b.Context(), store, figures.Query{From: from, To: from.AddDate(0, 0, 30)}, "", "on_time", kpi.Late, kpi.Headline())
		if err != nil || len(facts) == 0 {
			b.Fatalf("%d visits (%v)", len(facts), err)
		}
		if rows, err := h.ledger.Visit(b.Context(), store, facts[0].Visit); err != nil || len(rows) != ledgertest.FillEvents {
			b.Fatalf("%d events (%v)", len(rows), err)
		}
		all = append(all, time.Since(began))
	}
	return spreadOf(all)
}

// naive computes a month by day from the events of all visits.
func (h *history) naive(b *testing.B, from time.Time) []kpi.Row {
	b.Helper()
	at, err := h.ledger.Position(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	in := kpi.Input{Calendar: cal, From: from, To: from.AddDate(0, 0, 30), Now: h.end.Add(24 * time.Hour)}
	var next backoffice.Cursor
	for {
		stale, err := h.ledger.Stale(b.Context(), store, next, 1000)
		if err != nil {
			b.Fatal(err)
		}
		if len(stale) == 0 {
			return kpi.Compute(in, kpi.ByDay)
		}
		next = stale[len(stale)-1]
		var names []string
		for _, c := range stale {
			names = append(names, c.Visit)
		}
		if err := h.ledger.VisitsAt(b.Context(), store, names, at, func(_ string, events []kiosk.Event) error {
			if v := backoffice.Fold(events, cal); v.Arrived.Before(in.To) {
				in.Visits = append(in.Visits, v)
			}
			return nil
		}); err != nil {
			b.Fatal(err)
		}
	}
}
