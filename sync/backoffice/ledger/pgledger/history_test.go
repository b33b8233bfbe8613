package pgledger_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/figures"
	"baylight/sync/backoffice/kpi"
	"baylight/sync/backoffice/ledger/ledgertest"
	"baylight/sync/backoffice/ledger/pgledger"
	"baylight/sync/backoffice/ledger/pgledger/pgtest"
)

// BenchmarkHistory asks for the figures of a month of one store out of a long
// history and, in turns, out of a short one of 100,000 events or a hundredth of it,
// whichever is more. The long one has BAYLIGHT_HISTORY_EVENTS events, 200,000
// without. With BAYLIGHT_HISTORY_DIR the cluster is kept there, in a folder pg. Beside the time that passes, which is others' as well, it takes the
// processor time of the asking thread and of the server.
func BenchmarkHistory(b *testing.B) {
	long := 200_000
	if s := os.Getenv("BAYLIGHT_HISTORY_EVENTS"); s != "" {
		var err error
		if long, err = strconv.Atoi(s); err != nil {
			b.Fatal(err)
		}
	}
	asOffice(b)
	server := historyServer(b)
	short, far := fill(b, server, max(100_000, long/100)), fill(b, server, long)
	for b.Loop() {
		for _, by := range []kpi.By{kpi.ByNone, kpi.ByDay, kpi.ByAdviser, kpi.ByTechnician} {
			name := "month-" + string(by)
			compare(b, server, name, 300, short, far, func(h *history, from time.Time) {
				_, err := h.Figures(b.Context(), store, figures.Query{From: from, To: from.AddDate(0, 0, 30), By: by})
				must(b, err)
			})
		}
		compare(b, server, "drill-down", 50, short, far, func(h *history, from time.Time) {
			facts, _, err := h.Behind(b.Context(), store, figures.Query{From: from, To: from.AddDate(0, 0, 30)}, "", "on_time", kpi.Late, kpi.Headline())
			if err != nil || len(facts) == 0 {
				b.Fatalf("%d visits (%v)", len(facts), err)
			}
			if rows, err := h.ledger.Visit(b.Context(), store, facts[0].Visit); err != nil || len(rows) != ledgertest.FillEvents {
				b.Fatalf("%d events (%v)", len(rows), err)
			}
		})
		naive(b, far)
	}
}

// history is a full ledger, folded.
type history struct {
	*figures.Folder
	ledger *pgledger.Ledger
	end    time.Time
}

// asOffice collects garbage as backofficed does, unless GOGC says otherwise.
func asOffice(b *testing.B) {
	b.Helper()
	if os.Getenv("GOGC") == "" {
		was := debug.SetGCPercent(300)
		b.Cleanup(func() { debug.SetGCPercent(was) })
	}
}

func historyServer(b *testing.B) *pgtest.Server {
	b.Helper()
	if dir := os.Getenv("BAYLIGHT_HISTORY_DIR"); dir != "" {
		return pgtest.In(b, filepath.Join(dir, "pg"))
	}
	return pgtest.Start(b)
}

// fill fills a ledger, unless it was kept, and folds it. What was filled in part
// is filled on: an event that is there already changes nothing.
func fill(b *testing.B, s *pgtest.Server, events int) *history {
	b.Helper()
	l := open(b, pgledger.Config{URL: s.URL(), Schema: fmt.Sprintf("history_%d", events)})
	const day = ledgertest.FillVisits * ledgertest.FillEvents
	h := &history{ledger: l, end: ledgertest.FillFrom.AddDate(0, 0, (events+day-1)/day)}
	at, err := l.Position(b.Context())
	must(b, err)
	if at < uint64(events) {
		began, served := time.Now(), s.Processor()
		h.end = ledgertest.Fill(b, l, store, events)
		b.Logf("%d events committed in %v, %v of processors for each", events, time.Since(began).Round(time.Second), (s.Processor()-served)/time.Duration(events))
	}
	h.Folder, err = figures.New(figures.Config{Ledger: l, Now: func() time.Time { return h.end.Add(24 * time.Hour) },
		Stores: []backoffice.Store{{Name: store, Calendar: kiosk.ShanghaiWeek(ledgertest.FillFrom.Location())}}})
	must(b, err)
	began, served := time.Now(), s.Processor()
	must(b, h.Fold(b.Context(), store))
	b.Logf("%d events folded in %v, %v of processors for each", events, time.Since(began).Round(time.Second), (s.Processor()-served)/time.Duration(events))
	if at < uint64(events) {
		s.Exec(`VACUUM ANALYZE`)
	}
	return h
}

// naive computes a month by day from the events of all visits.
func naive(b *testing.B, h *history) {
	b.Helper()
	cal, from, began := kiosk.ShanghaiWeek(ledgertest.FillFrom.Location()), h.months()[0], time.Now()
	in := kpi.Input{Calendar: cal, From: from, To: from.AddDate(0, 0, 30), Now: h.end.Add(24 * time.Hour)}
	var next backoffice.Cursor
	for {
		stale, err := h.ledger.Stale(b.Context(), store, next, 1000)
		must(b, err)
		if len(stale) == 0 {
			break
		}
		next = stale[len(stale)-1]
		var names []string
		for _, c := range stale {
			names = append(names, c.Visit)
		}
		must(b, h.ledger.VisitsAt(b.Context(), store, names, 1<<63-1, func(_ string, events []kiosk.Event) error {
			if v := backoffice.Fold(events, cal); v.Arrived.Before(in.To) {
				in.Visits = append(in.Visits, v)
			}
			return nil
		}))
	}
	rows := kpi.Compute(in, kpi.ByDay)
	b.ReportMetric(float64(time.Since(began).Milliseconds()), "naive-ms")
	a, err := h.Figures(b.Context(), store, figures.Query{From: in.From, To: in.To, By: kpi.ByDay})
	must(b, err)
	if got, want := told(b, a.Rows), told(b, rows); got != want {
		b.Fatalf("the naive scan says something else:\n%s\n%s", got, want)
	}
}

// months are thirty days each, over the whole history.
func (h *history) months() (out []time.Time) {
	for t := ledgertest.FillFrom; t.AddDate(0, 0, 30).Before(h.end); t = t.AddDate(0, 0, 1) {
		out = append(out, t)
	}
	return out
}

// compare asks both histories in turns, twice: at first the server has to read the
// pages of the long one (first-x/short), then it has them, as one that has run for
// a while.
func compare(b *testing.B, s *pgtest.Server, what string, times int, short, far *history, ask func(*history, time.Time)) {
	b.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	b.ReportMetric(inTurns(b, s, times, short, far, ask).ratio(), what+"-first-x/short")
	t := inTurns(b, s, times, short, far, ask)
	b.ReportMetric(percentile(t.passed, 50), what+"-p50-ms")
	b.ReportMetric(percentile(t.passed, 99), what+"-p99-ms")
	for n, of := range []string{"short-", ""} {
		b.ReportMetric(percentile(t.asking[n], 50), what+"-p50-cpu-"+of+"ms")
		b.ReportMetric(percentile(t.serving[n], 50), what+"-p50-server-"+of+"ms")
	}
	b.ReportMetric(percentile(t.asking[1], 99), what+"-p99-cpu-ms")
	b.ReportMetric(percentile(t.serving[1], 99), what+"-p99-server-ms")
	b.ReportMetric(t.ratio(), what+"-x/short")
}

// turns is what questions took, of the short history and of the long one.
type turns struct {
	passed          []time.Duration // of the long one
	asking, serving [2][]time.Duration
}

// ratio is that of the processor time of both ends, at the median.
func (t *turns) ratio() float64 {
	return (percentile(t.asking[1], 50) + percentile(t.serving[1], 50)) / (percentile(t.asking[0], 50) + percentile(t.serving[0], 50))
}

func inTurns(b *testing.B, s *pgtest.Server, times int, short, far *history, ask func(*history, time.Time)) *turns {
	b.Helper()
	t := &turns{}
	months := [2][]time.Time{short.months(), far.months()} // made once: making them empties the processor's caches
	for i := range times {
		for n, h := range []*history{short, far} {
			from, began, thread, served := months[n][i*7919%len(months[n])], time.Now(), ofThread(b), s.Served()
			ask(h, from)
			t.asking[n] = append(t.asking[n], ofThread(b)-thread)
			t.serving[n] = append(t.serving[n], s.Served()-served)
			if h == far {
				t.passed = append(t.passed, time.Since(began))
			}
		}
	}
	return t
}

func ofThread(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	must(b, syscall.Getrusage(1, &u)) // RUSAGE_THREAD
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// percentile is by nearest rank, in milliseconds.
func percentile(all []time.Duration, p int) float64 {
	slices.Sort(all)
	return float64(all[(len(all)*p+99)/100-1].Microseconds()) / 1000
}

// told is a whole answer, as others get it.
func told(b *testing.B, rows []kpi.Row) string {
	b.Helper()
	out, err := json.Marshal(rows)
	must(b, err)
	return string(out)
}
