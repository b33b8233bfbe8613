package station_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3"

	"baylight/kiosk"
	"baylight/kiosk/floor"
	"baylight/kiosk/journal"
	"baylight/kiosk/staff"
	"baylight/kiosk/station"
)

// bare is the least that a durable commit of some events costs: the rows of the
// journal with its settings on its disk, prepared, nothing decided or chained.
type bare struct {
	b                     *testing.B
	begin, insert, commit *sql.Stmt
	pos                   int64
}

func newBare(b *testing.B, path string) *bare {
	b.Helper()
	q := url.Values{"_journal_mode": {"WAL"}, "_synchronous": {"FULL"}}
	db, err := sql.Open("sqlite3", (&url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}).String())
	if err != nil {
		b.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	b.Cleanup(func() { db.Close() })
	if _, err := db.Exec(`CREATE TABLE events (pos INTEGER PRIMARY KEY, type TEXT NOT NULL, visit TEXT NOT NULL,
		bytes BLOB NOT NULL, person BLOB, hash BLOB NOT NULL CHECK (length(hash) = 32)) STRICT`); err != nil {
		b.Fatal(err)
	}
	var sync int
	if err := db.QueryRow("PRAGMA synchronous").Scan(&sync); err != nil || sync != 2 {
		b.Fatalf("synchronous is %d, %v", sync, err)
	}
	s := &bare{b: b}
	for stmt, text := range map[**sql.Stmt]string{&s.begin: "BEGIN IMMEDIATE", &s.commit: "COMMIT",
		&s.insert: "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)"} {
		if *stmt, err = db.Prepare(text); err != nil {
			b.Fatal(err)
		}
	}
	return s
}

func (s *bare) exec(stmt *sql.Stmt, args ...any) {
	if _, err := stmt.Exec(args...); err != nil {
		s.b.Fatal(err)
	}
}

// write commits rows as the journal stored them.
func (s *bare) write(rows []journal.Row) time.Duration {
	t0 := time.Now()
	s.exec(s.begin)
	for _, r := range rows {
		s.pos++
		s.exec(s.insert, s.pos, string(r.Type), "0A7A4K0001", r.Bytes, nil, r.Hash[:])
	}
	s.exec(s.commit)
	return time.Since(t0)
}

// wall is a clock that a benchmark sets; its alarms do not ring.
type wall struct{ at atomic.Pointer[kiosk.Moment] }

func (w *wall) Now() kiosk.Moment { return *w.at.Load() }

func (w *wall) Alarm(time.Duration) (<-chan struct{}, func()) { return nil, func() {} }

func (w *wall) add(d time.Duration) {
	m := w.Now().Add(d)
	w.at.Store(&m)
}

// decided keeps when the lamp of each bay was last decided.
type decided map[string]time.Time

func (d decided) Set(bay string, _ station.Lamp) { d[bay] = time.Now() }

// workshop is a kiosk with eight bays and their technicians, and sixty visits
// with signed orders.
type workshop struct {
	b       *testing.B
	s       *station.Station
	j       *journal.Journal
	clock   *wall
	lamps   decided
	visits  []string
	n       int
	endings []func()
}

const bays = 8

func newWorkshop(b *testing.B, path string) *workshop {
	b.Helper()
	cfg := floorConfig()
	cfg.Bays, cfg.Scanners = nil, map[string]string{}
	people := []staff.Person{{ID: "a1", Roles: []staff.Role{staff.Adviser}}}
	for i := range bays {
		bay := fmt.Sprintf("b%d", i)
		cfg.Bays = append(cfg.Bays, floor.Bay{ID: bay})
		cfg.Scanners["s"+bay] = bay
		people = append(people, staff.Person{ID: fmt.Sprintf("t%d", i), Badge: fmt.Sprintf("0A7A0000T%d", i), Roles: []staff.Role{staff.Technician}})
	}
	cfg.Staff = staff.NewDirectory(people)
	j, err := journal.Open(path, journal.Options{Source: kiosk.KioskSource(cfg.Store, cfg.Board)})
	if err != nil {
		b.Fatal(err)
	}
	w := &workshop{b: b, j: j, clock: &wall{}, lamps: decided{}}
	m := morning
	w.clock.at.Store(&m)
	w.s = station.New(station.Config{Floor: cfg, Journal: j, Clock: w.clock, Lamps: w.lamps, Burst: asKioskd(b)})
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- w.s.Run(ctx) }()
	w.endings = []func(){cancel, func() {
		if err := <-ran; err != nil {
			b.Error(err)
		}
	}, func() { j.Close() }}
	<-w.s.Ready()
	for i := range 60 {
		id := fmt.Sprintf("visit-%d", i)
		visit := w.do(floor.CheckIn{ID: id, Plate: fmt.Sprintf("沪A%05d", i)}).Visit
		w.do(floor.Sign{ID: id + "-order", By: "a1", Visit: visit, Promise: m.Wall.Add(8 * time.Hour), Items: []kiosk.Item{
			{Code: "OIL", Category: kiosk.Maintenance, Payer: "customer", StandardMinutes: 30}}})
		w.visits = append(w.visits, visit)
	}
	for i := range bays {
		w.do(floor.Scan{Scanner: fmt.Sprintf("sb%d", i), Text: badge(fmt.Sprintf("t%d", i))})
	}
	return w
}

// asKioskd collects garbage as kioskd does, unless GOGC says otherwise.
func asKioskd(b *testing.B) (burst func() (over func())) {
	if os.Getenv("GOGC") != "" {
		return nil
	}
	was := debug.SetGCPercent(30)
	b.Cleanup(func() { debug.SetGCPercent(was) })
	return func() func() {
		debug.SetGCPercent(200)
		return func() { debug.SetGCPercent(30) }
	}
}

func (w *workshop) end() {
	for _, f := range w.endings {
		f()
	}
}

func (w *workshop) do(in floor.Input) floor.Reply {
	r, err := w.s.Do(context.Background(), in)
	if err != nil || !r.Good {
		w.b.Fatalf("%T: %+v, %v", in, r, err)
	}
	return r
}

// next is the next scan of a day: bay after bay a job card, then bay after bay
// FINISH.
func (w *workshop) next() (in floor.Scan, bay string) {
	i := w.n
	w.n++
	bay = fmt.Sprintf("b%d", i%bays)
	in = floor.Scan{Scanner: "s" + bay, Text: card(w.visits[(i/(2*bays)*bays+i%bays)%len(w.visits)]), Symbology: "code128"}
	if i/bays%2 == 1 {
		in.Text = action(kiosk.Finish)
	}
	return in, bay
}

// BenchmarkScanToLamp plays days of 1,000 scans in eight bays: from the moment a
// scan is handed over until its event is durable and its bay's lamp decided.
// Each is followed by one bare commit of the very rows it made.
func BenchmarkScanToLamp(b *testing.B) {
	var ours, bares []time.Duration
	for b.Loop() {
		dir := b.TempDir()
		w := newWorkshop(b, filepath.Join(dir, "journal.db"))
		floorless := newBare(b, filepath.Join(dir, "bare.db"))
		for range 1000 {
			w.clock.add(4 * time.Second)
			in, bay := w.next()
			head := w.j.Head()
			t0 := time.Now()
			w.do(in)
			ours = append(ours, w.lamps[bay].Sub(t0))
			rows, err := w.j.Read(head, 10)
			if err != nil || len(rows) == 0 {
				b.Fatalf("a scan made %d events, %v", len(rows), err)
			}
			bares = append(bares, floorless.write(rows))
		}
		w.end()
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(mean(ours)/1e3, "mean-µs")
	b.ReportMetric(mean(bares)/1e3, "bare-mean-µs")
	b.ReportMetric(mean(ours)/mean(bares), "mean-ratio")
	b.ReportMetric(percentile(ours, 50)/percentile(bares, 50), "p50-ratio")
	b.ReportMetric(percentile(ours, 99)/percentile(bares, 99), "p99-ratio")
}

// BenchmarkBurst queues a thousand scans at once, beside a thousand scans one by
// one and the bare commits of the same rows one by one. The gains are the medians
// of the rounds.
func BenchmarkBurst(b *testing.B) {
	const burst = 1000
	var all, ones, busy time.Duration
	var gains, overBare []float64
	for b.Loop() {
		var queued, single, bares time.Duration
		dir := b.TempDir()
		w := newWorkshop(b, filepath.Join(dir, "journal.db"))
		floorless := newBare(b, filepath.Join(dir, "bare.db"))
		for range burst {
			w.clock.add(4 * time.Second)
			in, _ := w.next()
			head := w.j.Head()
			t0 := time.Now()
			w.do(in)
			single += time.Since(t0)
			rows, err := w.j.Read(head, 10)
			if err != nil {
				b.Fatal(err)
			}
			bares += floorless.write(rows)
		}
		w.clock.add(time.Minute)
		head := w.j.Head()
		before := processor(b)
		t0 := time.Now()
		for range burst - 1 {
			in, _ := w.next()
			w.s.Scan(context.Background(), in)
		}
		in, _ := w.next()
		w.do(in)
		queued += time.Since(t0)
		busy += processor(b) - before
		if made := w.j.Head() - head; made < burst {
			b.Fatalf("%d scans made %d events", burst, made)
		}
		w.end()
		all, ones = all+queued, ones+single
		gains, overBare = append(gains, single.Seconds()/queued.Seconds()), append(overBare, bares.Seconds()/queued.Seconds())
	}
	n := float64(burst * b.N)
	slices.Sort(gains)
	slices.Sort(overBare)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(n/all.Seconds(), "burst-scans/s")
	b.ReportMetric(n/ones.Seconds(), "single-scans/s")
	b.ReportMetric(float64(busy.Nanoseconds())/n, "burst-cpu-ns/scan")
	b.ReportMetric(gains[len(gains)/2], "gain")
	b.ReportMetric(overBare[len(overBare)/2], "gain-over-bare")
}

// processor is the processor time this program has had: other work on the machine
// changes it less than the time that goes by.
func processor(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func mean(d []time.Duration) float64 {
	var sum time.Duration
	for _, v := range d {
		sum += v
	}
	return float64(sum) / float64(len(d))
}

func percentile(d []time.Duration, p int) float64 {
	slices.Sort(d)
	return float64(d[min(len(d)-1, len(d)*p/100)])
}
