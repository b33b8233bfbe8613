package station_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/floor"
	"baylight/kiosk/journal"
	"baylight/kiosk/station"
)

// yearOf appends n events of business days to a journal: every day sixty cars
// that are checked in, signed, worked on with a pause, passed and delivered.
func yearOf(b *testing.B, cfg floor.Config, j *journal.Journal, n uint64) {
	b.Helper()
	st, now, id := floor.New(cfg, j.Epoch()), morning, 0
	var batch []kiosk.Event
	do := func(in floor.Input) floor.Reply {
		now = now.Add(20 * time.Second)
		ev, r := st.Step(in, now)
		batch = append(batch, ev...)
		return r
	}
	next := func() string { id++; return fmt.Sprintf("in-%d", id) }
	for j.Head() < n {
		now = now.Add(24 * time.Hour).Add(-now.Wall.Sub(cfg.Calendar.Midnight(now.Wall)) + 9*time.Hour)
		do(floor.Start{Version: "1"})
		for car := range 60 {
			bay := fmt.Sprintf("b%d", 1+car%3)
			visit := do(floor.CheckIn{ID: next(), Plate: fmt.Sprintf("沪A%05d", id%100000)}).Visit
			do(floor.Sign{ID: next(), By: "a1", Visit: visit, Promise: now.Wall.Add(3 * time.Hour), Items: []kiosk.Item{
				{Code: "OIL", Category: kiosk.Maintenance, Payer: "customer", StandardMinutes: 30}, {Code: "BRK", Category: kiosk.Maintenance, Payer: "customer", StandardMinutes: 60}}})
			for range 5 {
				for _, text := range []string{badge("t1"), card(visit), action(kiosk.PauseParts), card(visit), action(kiosk.Finish)} {
					do(floor.Scan{ID: next(), Scanner: "s" + bay, Text: text, Symbology: "code128"})
				}
			}
			do(floor.Scan{ID: next(), Scanner: "s" + bay, Text: badge("q1"), Symbology: "code128"})
			do(floor.Scan{ID: next(), Scanner: "s" + bay, Text: action(kiosk.PassCard), Symbology: "code128"})
			do(floor.Deliver{ID: next(), By: "a1", Visit: visit})
		}
		if err := j.Append(batch); err != nil {
			b.Fatal(err)
		}
		batch = batch[:0]
	}
}

// BenchmarkStart starts a kiosk with a year of events, 600,000, of which the
// last day's were not verified yet and the last 999 are in no snapshot (as many
// as a kill at the worst moment leaves), and beside it one without a snapshot.
func BenchmarkStart(b *testing.B) {
	n := uint64(600_000)
	if testing.Short() {
		n = 20_000
	}
	cfg := floorConfig()
	path, source := filepath.Join(b.TempDir(), "journal.db"), kiosk.KioskSource(cfg.Store, cfg.Board)
	open := func() *journal.Journal {
		j, err := journal.Open(path, journal.Options{Source: source})
		if err != nil {
			b.Fatal(err)
		}
		return j
	}
	j := open()
	yearOf(b, cfg, j, n)
	head := j.Head()
	at := head - 999
	st := floor.New(cfg, j.Epoch())
	if err := j.Replay(0, func(e kiosk.Event) error {
		if e.Seq <= at {
			st.Replay(e)
		}
		return nil
	}); err != nil {
		b.Fatal(err)
	}
	t0 := time.Now()
	state, err := st.Snapshot()
	if err == nil {
		err = j.SetSnapshot(journal.Latest, j.Epoch(), at, state)
	}
	if err != nil {
		b.Fatal(err)
	}
	saved := time.Since(t0)
	for name, v := range map[string]uint64{"paper": at, "verified": head - 2000} {
		if err := j.SetCursor(name, v); err != nil {
			b.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		b.Fatal(err)
	}
	clock := &wall{}
	m := morning.Add(400 * 24 * time.Hour)
	clock.at.Store(&m)
	start := func(with bool) (opened, ready time.Duration) {
		t0 := time.Now()
		j := open()
		opened = time.Since(t0)
		sc := station.Config{Floor: cfg, Journal: j, Clock: clock}
		if with {
			sc.Snapshots = j
		}
		s := station.New(sc)
		ctx, cancel := context.WithCancel(context.Background())
		ran := make(chan error, 1)
		go func() { ran <- s.Run(ctx) }()
		<-s.Ready()
		ready = time.Since(t0)
		cancel()
		if err := <-ran; err != nil {
			b.Fatal(err)
		}
		if err := j.Close(); err != nil {
			b.Fatal(err)
		}
		return opened, ready
	}
	var opened, with, without time.Duration
	for b.Loop() {
		o, r := start(true)
		_, full := start(false)
		opened, with, without = opened+o, with+r, without+full
	}
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1e3 / float64(b.N) }
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(head), "events")
	b.ReportMetric(ms(opened), "open-ms")
	b.ReportMetric(ms(with), "start-ms")
	b.ReportMetric(ms(without), "start-without-ms")
	b.ReportMetric(without.Seconds()/with.Seconds(), "gain")
	b.ReportMetric(float64(len(state))/1e3, "snapshot-kB")
	b.ReportMetric(float64(saved.Microseconds())/1e3, "snapshot-ms")
}
