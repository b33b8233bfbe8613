package figures_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

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
	asOffice(b)
	long, dir := historyEvents(b), historyDir(b)
	short, far := openHistory(b, dir, 100_000), openHistory(b, dir, long)
	for b.Loop() {
		began, used := time.Now(), ofProcess(b)
		if err := far.Rebuild(b.Context(), store); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(long)/time.Since(began).Seconds(), "rebuilt-events/s")
		b.ReportMetric(float64((ofProcess(b)-used).Nanoseconds())/1000/float64(long), "rebuilt-cpu-µs/event")
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
			compare(b, "month-"+string(by), 400, short, far, func(h *history, from time.Time) { h.figures(b, from, by) })
		}
		compare(b, "drill-down", 100, short, far, func(h *history, from time.Time) { h.drill(b, from) })
	}
}

func historyEvents(b *testing.B) int {
	b.Helper()
	s := os.Getenv("BAYLIGHT_HISTORY_EVENTS")
	if s == "" {
		return 200_000
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		b.Fatal(err)
	}
	return n
}

func historyDir(b *testing.B) string {
	b.Helper()
	if dir := os.Getenv("BAYLIGHT_HISTORY_DIR"); dir != "" {
		return dir
	}
	return b.TempDir()
}

// compare asks both histories in turns. Beside the time that passes, which is
// others' as well, it takes that of the processor, of this thread alone: where a
// question is read by two, the ratio of what passed tells of both.
func compare(b *testing.B, what string, times int, short, far *history, ask func(*history, time.Time)) {
	b.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	months := [2][]time.Time{short.months(), far.months()} // made once: making them empties the processor's caches
	var passed, used [2][]time.Duration
	for i := range times {
		for n, h := range []*history{short, far} {
			from, began, before := months[n][i*7919%len(months[n])], time.Now(), processor(b)
			ask(h, from)
			used[n] = append(used[n], processor(b)-before)
			passed[n] = append(passed[n], time.Since(began))
		}
	}
	b.ReportMetric(percentile(passed[1], 99), what+"-p99-ms")
	b.ReportMetric(percentile(passed[1], 50)/percentile(passed[0], 50), what+"-passed-x/100k")
	b.ReportMetric(percentile(used[1], 99), what+"-p99-cpu-ms")
	b.ReportMetric(percentile(used[1], 50), what+"-p50-cpu-ms")
	b.ReportMetric(percentile(used[1], 50)/percentile(used[0], 50), what+"-x/100k")
}

// processor is the time that this thread was at work, ofProcess that of all. They
// are clocks: what getrusage tells moves in steps of milliseconds.
func processor(b *testing.B) time.Duration { return clock(b, unix.CLOCK_THREAD_CPUTIME_ID) }
func ofProcess(b *testing.B) time.Duration { return clock(b, unix.CLOCK_PROCESS_CPUTIME_ID) }

func clock(b *testing.B, id int32) time.Duration {
	b.Helper()
	var t unix.Timespec
	if err := unix.ClockGettime(id, &t); err != nil {
		b.Fatal(err)
	}
	return time.Duration(t.Nano())
}

// asOffice collects garbage as backofficed does, unless GOGC says otherwise.
func asOffice(b *testing.B) {
	b.Helper()
	if os.Getenv("GOGC") == "" {
		was := debug.SetGCPercent(300)
		b.Cleanup(func() { debug.SetGCPercent(was) })
	}
}

// percentile is by nearest rank, in milliseconds.
func percentile(all []time.Duration, p int) float64 {
	slices.Sort(all)
	return float64(all[(len(all)*p+99)/100-1].Microseconds()) / 1000
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
	} else if at, err := l.Position(b.Context()); err != nil || at < uint64(events) {
		b.Fatalf("%s holds %d events of %d (%v): its filling was cut short, delete it", path, at, events, err)
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

func (h *history) figures(b *testing.B, from time.Time, by kpi.By) []kpi.Row {
	b.Helper()
	a, err := h.Figures(b.Context(), store, figures.Query{From: from, To: from.AddDate(0, 0, 30), By: by})
	if err != nil {
		b.Fatal(err)
	}
	return a.Rows
}

// drill goes from a month's figure to the orders behind it, and to the scans of one.
func (h *history) drill(b *testing.B, from time.Time) {
	b.Helper()
	facts, _, err := h.Behind(b.Context(), store, figures.Query{From: from, To: from.AddDate(0, 0, 30)}, "", "on_time", kpi.Late, kpi.Headline())
	if err != nil || len(facts) == 0 {
		b.Fatalf("%d visits (%v)", len(facts), err)
	}
	if rows, err := h.ledger.Visit(b.Context(), store, facts[0].Visit); err != nil || len(rows) != ledgertest.FillEvents {
		b.Fatalf("%d events (%v)", len(rows), err)
	}
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

// tape keeps what is committed, to commit it again.
type tape struct {
	backoffice.Ledger
	batches []backoffice.Batch
}

func (t *tape) Commit(_ context.Context, b backoffice.Batch) (backoffice.Outcome, error) {
	for part := range slices.Chunk(b.Entries, 1000) {
		t.batches = append(t.batches, backoffice.Batch{At: b.At, Entries: part})
	}
	return backoffice.Outcome{}, nil
}

const foldingEvents = 60 * ledgertest.FillVisits * ledgertest.FillEvents

// BenchmarkIngestFolding commits sixty full days in groups of at most a thousand
// events, alone and with a Folder at work beside it, as in a back office, which in
// the end has folded all; x/alone is the ratio of the times, in turns, and
// x/alone-cpu that of the processor time: what is left where no second processor
// is free.
func BenchmarkIngestFolding(b *testing.B) {
	asOffice(b)
	var days tape
	ledgertest.Fill(b, &days, store, foldingEvents)
	var alone, beside, aloneUsed, besideUsed time.Duration
	commit := func(dir, name string, meanwhile func(*ledger.Ledger) (done func())) (passed, used time.Duration) {
		l, err := ledger.Open(filepath.Join(dir, name))
		if err != nil {
			b.Fatal(err)
		}
		defer l.Close()
		done := meanwhile(l)
		began, before := time.Now(), ofProcess(b)
		for _, batch := range days.batches {
			if _, err := l.Commit(b.Context(), batch); err != nil {
				b.Fatal(err)
			}
		}
		done()
		return time.Since(began), ofProcess(b) - before
	}
	n := 0
	for b.Loop() {
		dir := b.TempDir()
		passed, used := commit(dir, "alone.db", func(*ledger.Ledger) func() { return func() {} })
		alone, aloneUsed = alone+passed, aloneUsed+used
		passed, used = commit(dir, "beside.db", func(l *ledger.Ledger) func() {
			f, err := figures.New(figures.Config{Ledger: l, Stores: []backoffice.Store{{Name: store, Calendar: cal}}})
			if err != nil {
				b.Fatal(err)
			}
			ctx, cancel := context.WithCancel(b.Context())
			ended := make(chan error, 1)
			go func() { ended <- f.Run(ctx) }()
			return func() {
				if err := f.Fold(ctx, store); err != nil {
					b.Error(err)
				}
				cancel()
				if err := <-ended; err != nil {
					b.Error(err)
				}
			}
		})
		beside, besideUsed = beside+passed, besideUsed+used
		n += foldingEvents
	}
	b.ReportMetric(float64(n)/alone.Seconds(), "alone/s")
	b.ReportMetric(float64(n)/beside.Seconds(), "folding/s")
	b.ReportMetric(alone.Seconds()/beside.Seconds(), "x/alone")
	b.ReportMetric(aloneUsed.Seconds()/besideUsed.Seconds(), "x/alone-cpu")
}
