package kioskapp

import (
	"context"
	"fmt"
	"iter"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"baylight/device/printer"
	"baylight/kiosk"
	"baylight/kiosk/journal"
	"baylight/kiosk/promtext"
)

// Results of a scan, for people who look at many boards.
const (
	scanAccepted    = "accepted"
	scanRefused     = "refused"      // the shop's rules say no, and so does the scanner
	scanNotRecorded = "not_recorded" // it could not be made durable
	scanRepeated    = "repeated"     // read again while it was held under the scanner
)

func scanResults() []string {
	return []string{scanAccepted, scanRefused, scanNotRecorded, scanRepeated}
}

// meters count what nobody else keeps. They may be used by several goroutines.
type meters struct {
	first    uint64 // number of the link's first connection
	epochs   atomic.Uint64
	receipt  atomic.Int64 // when the cursor last moved, in ns since began; 0 never
	failures atomic.Uint64
	commits  *promtext.Histogram

	mu    sync.Mutex
	scans map[string]map[string]uint64 // scanner → result
}

func newMeters() *meters {
	const ms = time.Millisecond
	return &meters{scans: map[string]map[string]uint64{},
		commits: promtext.NewHistogram(ms, 2*ms, 5*ms, 10*ms, 25*ms, 50*ms, 100*ms, 250*ms, 500*ms, time.Second, 2500*ms, 10*time.Second)}
}

func (m *meters) scan(scanner, result string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.scans[scanner] == nil {
		m.scans[scanner] = map[string]uint64{}
	}
	m.scans[scanner][result]++
}

// countScan counts what a scanner was answered. What was typed at a screen comes
// under "screen": only names of the configuration become labels.
func (a *app) countScan(name string, good bool) {
	result := scanRefused
	switch {
	case good:
		result = scanAccepted
	case a.station.Broken() != "":
		result = scanNotRecorded
	}
	if a.devices.scanners[name] == nil {
		name = "screen"
	}
	a.meters.scan(name, result)
}

// renew begins another epoch under the running station, and counts it.
func (a *app) renew(ctx context.Context, begin func() error) error {
	err := a.station.Renew(ctx, begin)
	if err == nil {
		a.meters.epochs.Add(1)
	}
	return err
}

// timed is the journal with a watch on how long an event takes to be durable.
type timed struct {
	*journal.Journal
	m *meters
}

// AppendSeq appends, and counts how long that took from the first event on, or
// that it failed.
func (t timed) AppendSeq(groups iter.Seq[[]kiosk.Event]) error {
	var began time.Time
	err := t.Journal.AppendSeq(func(yield func([]kiosk.Event) bool) {
		for events := range groups {
			if began.IsZero() && len(events) > 0 {
				began = time.Now()
			}
			if !yield(events) {
				return
			}
		}
	})
	switch {
	case err != nil:
		t.m.failures.Add(1)
	case !began.IsZero():
		t.m.commits.Observe(time.Since(began))
	}
	return err
}

// metrics adds to /metrics what the screens do not know. Labels are names of the
// configuration and words of this program: nothing personal, nothing unbounded.
func (a *app) metrics(w *promtext.Writer) {
	a.scanMetrics(w)
	a.meters.commits.Write(w, "baylight_journal_commit_seconds", "How long it took until events were durable.")
	w.One("baylight_journal_commit_failures_total", promtext.Counter, "Commits that failed; nothing of them was acknowledged.", float64(a.meters.failures.Load()))
	w.One("baylight_journal_damaged", promtext.Gauge, "1 if damage was found in the journal since the start, or was salvaged at it.", promtext.Bit(a.damaged()))
	w.One("baylight_epoch_changes_total", promtext.Counter, "New epochs begun because this journal did not match the back office.", float64(a.meters.epochs.Load()))
	a.networkMetrics(w)
	w.Family("baylight_printer_state", promtext.Gauge, "1 for the printer's present state.")
	if p := a.set.Printer; p != nil {
		now := a.printerCause(p.Name)
		for _, c := range printer.Causes() {
			w.Value("baylight_printer_state", promtext.Bit(c == now), "printer", p.Name, "state", string(c))
		}
	}
	free, size, _ := room(a.set.Data)
	w.One("baylight_disk_free_bytes", promtext.Gauge, "Free on the disk of the journal.", float64(free))
	w.One("baylight_disk_size_bytes", promtext.Gauge, "Size of that disk.", float64(size))
	w.One("baylight_disk_reserve_used", promtext.Gauge, "1 once the disk was full and the reserve is given up.", promtext.Bit(a.journal.Low()))
	a.clockMetrics(w)
	w.One("baylight_alarms_active", promtext.Gauge, "What the journal, the clock and the uplink say a person must look at.", float64(len(a.journalAlarms())+len(a.clockAlarms())+len(a.notices.texts())))
	w.One("process_start_time_seconds", promtext.Gauge, "When the daemon started, in seconds since 1970 by the system's clock.", float64(a.began.Unix()))
	if rss, ok := resident("/proc/self/statm"); ok {
		w.One("process_resident_memory_bytes", promtext.Gauge, "Resident memory, file pages included.", float64(rss))
	}
}

func (a *app) scanMetrics(w *promtext.Writer) {
	w.Family("baylight_scans_total", promtext.Counter, "Codes read, by what they were answered.")
	a.meters.mu.Lock()
	defer a.meters.mu.Unlock()
	for _, s := range a.set.Scanners {
		for _, result := range scanResults() {
			w.Value("baylight_scans_total", float64(a.meters.scans[s.Name][result]), "scanner", s.Name, "result", result)
		}
	}
	for _, result := range scanResults() {
		if n := a.meters.scans["screen"][result]; n > 0 {
			w.Value("baylight_scans_total", float64(n), "scanner", "screen", "result", result)
		}
	}
}

func (a *app) networkMetrics(w *promtext.Writer) {
	conn, up := a.link.Status(), a.uplink.Status()
	made := uint64(0)
	if conn.Session >= a.meters.first {
		made = conn.Session - a.meters.first + 1
	}
	w.One("baylight_broker_connections_total", promtext.Counter, "Connections to the broker that were made.", float64(made))
	w.One("baylight_broker_failed_attempts", promtext.Gauge, "Attempts to connect that failed since the last connection.", float64(conn.Failures))
	w.One("baylight_office_ready", promtext.Gauge, "1 while the back office takes events.", promtext.Bit(up.Office))
	w.One("baylight_events_sent_total", promtext.Counter, "Events handed to the broker, resends included.", float64(up.Sent))
	w.One("baylight_events_unacknowledged", promtext.Gauge, "Messages that the broker has not acknowledged.", float64(up.Unacked))
	w.Family("baylight_receipt_age_seconds", promtext.Gauge, "Since a receipt last moved the cursor; absent before the first of this run.")
	if last := a.meters.receipt.Load(); last > 0 {
		w.Value("baylight_receipt_age_seconds", (time.Since(a.began) - time.Duration(last)).Seconds())
	}
}

func (a *app) clockMetrics(w *promtext.Writer) {
	s := a.times.Status()
	w.Family("baylight_clock_quality", promtext.Gauge, "1 for how far the clock can be trusted.")
	for _, q := range []kiosk.Quality{kiosk.Synced, kiosk.Holdover, kiosk.Unset} {
		w.Value("baylight_clock_quality", promtext.Bit(s.Quality == q), "quality", string(q))
	}
	w.Family("baylight_clock_error_seconds", promtext.Gauge, "How far the clock may be off by now; absent without a source, when nobody knows.")
	if s.Source != "" {
		w.Value("baylight_clock_error_seconds", s.Error.Seconds())
	}
	w.One("baylight_clock_confirmed_age_seconds", promtext.Gauge, "Since the source last confirmed the time, or since boot without one.", s.Age.Seconds())
	w.One("baylight_clock_jump_seconds", promtext.Gauge, "How far the system's clock is away if it jumped and is not followed, else 0.", s.Jump.Seconds())
}

// printerCause is the printer's state as a word.
func (a *app) printerCause(name string) printer.Cause {
	for _, d := range a.devices.list() {
		if d.Name == name {
			return printer.State{Up: d.Up, Reason: d.Reason}.Cause()
		}
	}
	return printer.Failing
}

func (a *app) damaged() bool {
	_, salvaged := a.journal.Salvaged()
	return salvaged || a.journal.Damage() != nil
}

// room is what is free on the disk of a folder, and its size, in bytes.
func room(dir string) (free, size uint64, err error) {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return 0, 0, fmt.Errorf("look at the disk of %s: %w", dir, err)
	}
	return fs.Bavail * uint64(fs.Bsize), fs.Blocks * uint64(fs.Bsize), nil
}

// resident is the resident memory of a process in bytes, from its statm.
func resident(statm string) (bytes uint64, ok bool) {
	b, err := os.ReadFile(statm)
	if err != nil {
		return 0, false
	}
	var size, pages uint64
	if n, _ := fmt.Sscan(strings.TrimSpace(string(b)), &size, &pages); n != 2 {
		return 0, false
	}
	return pages * uint64(os.Getpagesize()), true
}
