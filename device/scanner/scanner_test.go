package scanner_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"baylight/device/bench"
	"baylight/device/line"
	"baylight/device/scanner"
)

// rig is a real Scanner and a pretend one at the two ends of a pty.
type rig struct {
	*scanner.Scanner
	bench  *bench.Scanner
	scans  chan scanner.Scan
	states chan line.State
}

func start(t *testing.T, cfg scanner.Config) *rig {
	t.Helper()
	b, err := bench.NewScanner(filepath.Join(t.TempDir(), "scanner"))
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{bench: b, scans: make(chan scanner.Scan, 1024), states: make(chan line.State, 64)}
	cfg.Name, cfg.Line.Device = "bay3", b.Path()
	r.Scanner = scanner.New(cfg, slog.New(slog.NewTextHandler(t.Output(), nil)),
		func(s scanner.Scan) { r.scans <- s }, func(s line.State) { r.states <- s })
	ctx, stop := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		if err := r.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(func() {
		stop()
		done.Wait()
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	r.wantUp(t, true)
	return r
}

func (r *rig) wantUp(t *testing.T, up bool) {
	t.Helper()
	select {
	case s := <-r.states:
		if s.Up != up {
			t.Fatalf("state %+v, want up=%v", s, up)
		}
	case <-time.After(10 * time.Second):
		t.Fatalf("no state, want up=%v", up)
	}
}

func (r *rig) next(t *testing.T) scanner.Scan {
	t.Helper()
	select {
	case s := <-r.scans:
		return s
	case <-time.After(10 * time.Second):
		t.Fatal("no scan came")
	}
	return scanner.Scan{}
}

func (r *rig) want(t *testing.T, text string) {
	t.Helper()
	if s := r.next(t); s.Text != text || s.Malformed != "" || s.Repeated != 0 || s.Scanner != "bay3" {
		t.Fatalf("got %+v, want %q from bay3", s, text)
	}
}

func (r *rig) send(t *testing.T, bytes string) {
	t.Helper()
	if err := r.bench.Send([]byte(bytes)); err != nil {
		t.Fatal(err)
	}
}

func TestScanAndResultBeep(t *testing.T) {
	r := start(t, scanner.Config{Beep: scanner.BeepHoneywell})
	for _, want := range []bench.Ack{bench.AckGood, bench.AckBad} {
		var host sync.WaitGroup
		host.Go(func() {
			r.want(t, "LSVAA49J132047371")
			r.Beep(want == bench.AckGood)
		})
		ack, err := r.bench.Scan(t.Context(), "LSVAA49J132047371")
		host.Wait()
		if err != nil || ack != want {
			t.Errorf("scanner heard %v, %v; want %v", ack, err, want)
		}
	}
}

func TestUnplugInMidCodeAndComeBack(t *testing.T) {
	r := start(t, scanner.Config{})
	r.send(t, "V0A1\rLSVAA4")
	r.want(t, "V0A1")
	if err := r.bench.Unplug(); err != nil {
		t.Fatal(err)
	}
	r.wantUp(t, false)
	r.Beep(true) // for a scanner that is away: no error, nothing sent later
	if err := r.bench.Replug(); err != nil {
		t.Fatal(err)
	}
	r.wantUp(t, true)
	r.send(t, "V0A2\r")
	r.want(t, "V0A2")
	if got := r.State(); !got.Up || got.Reopens != 1 {
		t.Errorf("state %+v", got)
	}
}

func TestFaultsOfAScanner(t *testing.T) {
	r := start(t, scanner.Config{})
	for _, c := range []struct {
		fault bench.ScannerFault
		why   string
	}{{bench.ScannerGarbage, "not UTF-8"}, {bench.ScannerHalf, "without its end"}} {
		r.bench.SetFault(c.fault)
		ctx, cancel := context.WithCancel(t.Context())
		var hand sync.WaitGroup
		hand.Go(func() { _, _ = r.bench.Scan(ctx, "LSVAA49J132047371") }) // no beep is configured: only ctx ends it
		if s := r.next(t); !strings.Contains(s.Malformed, c.why) || s.Repeated != 0 {
			t.Errorf("fault %d: got %+v, want malformed %q", c.fault, s, c.why)
		}
		cancel()
		hand.Wait()
	}
	r.bench.SetFault(bench.ScannerWell)
	r.send(t, "V0A7\r")
	r.want(t, "V0A7")
}

func TestFrameWithoutTerminatorEndsBySilence(t *testing.T) {
	r := start(t, scanner.Config{Terminator: scanner.None})
	r.send(t, "LSVAA49J132047371")
	r.want(t, "LSVAA49J132047371")
}

func TestStuckScannerIsCounted(t *testing.T) {
	r := start(t, scanner.Config{Limit: 5})
	r.send(t, strings.Repeat("V0A7\r", 50))
	singles := 0
	for {
		s := r.next(t)
		if s.Text != "V0A7" {
			t.Fatalf("got %+v", s)
		}
		if s.Repeated > 0 {
			if singles+s.Repeated != 50 || singles != 5 {
				t.Errorf("%d scans and a record of %d, want 5 and 45", singles, s.Repeated)
			}
			return
		}
		singles++
	}
}

// Eight scanners at full speed, in pieces that fit no frame: every code comes,
// once and in order.
func TestManyScannersLoseNothing(t *testing.T) {
	const scanners, codes, piece = 8, 300, 13
	var all sync.WaitGroup
	for n := range scanners {
		r := start(t, scanner.Config{Limit: 1 << 20})
		var stream strings.Builder
		for i := range codes {
			fmt.Fprintf(&stream, "V0%d-%06d\r", n, i)
		}
		all.Go(func() {
			for rest := stream.String(); rest != ""; rest = rest[min(piece, len(rest)):] {
				if err := r.bench.Send([]byte(rest[:min(piece, len(rest))])); err != nil {
					t.Error(err)
					return
				}
			}
		})
		all.Go(func() {
			for i := range codes {
				want := fmt.Sprintf("V0%d-%06d", n, i)
				select {
				case s := <-r.scans:
					if s.Text != want || s.Malformed != "" {
						t.Errorf("scanner %d: got %+v, want %s", n, s, want)
						return
					}
				case <-time.After(10 * time.Second):
					t.Errorf("scanner %d: %s never came", n, want)
					return
				}
			}
		})
	}
	all.Wait()
}

func TestConfigSaysWhatIsWrong(t *testing.T) {
	good := line.Config{Device: "/dev/scanner"}
	for want, c := range map[string]scanner.Config{
		"scanner name is empty":              {Line: good},
		"terminator 77":                      {Name: "a", Line: good, Terminator: 77},
		"beep 9":                             {Name: "a", Line: good, Beep: 9},
		"beep ssi with terminator cr":        {Name: "a", Line: good, Beep: scanner.BeepSSI},
		"beep honeywell with terminator ssi": {Name: "a", Line: good, Beep: scanner.BeepHoneywell, Terminator: scanner.SSI},
		"limit -1":                           {Name: "a", Line: good, Limit: -1},
		"device is empty":                    {Name: "a"},
	} {
		err := scanner.New(c, nil, func(scanner.Scan) {}, nil).Run(t.Context())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", c, err, want)
		}
	}
}

// BenchmarkWireToScan measures what the software adds behind the last byte of an
// 18-byte frame, sent a byte at a time with the byte time of 9600 baud between
// (18.75 ms a frame). It reports the median.
func BenchmarkWireToScan(b *testing.B) {
	dev, err := bench.NewScanner(filepath.Join(b.TempDir(), "scanner"))
	if err != nil {
		b.Fatal(err)
	}
	defer dev.Close()
	came, up := make(chan time.Time, 1), make(chan struct{}, 1)
	s := scanner.New(scanner.Config{Name: "b", Line: line.Config{Device: dev.Path()}, Limit: 1 << 20}, nil,
		func(scanner.Scan) { came <- time.Now() }, func(line.State) { up <- struct{}{} })
	ctx, stop := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { _ = s.Run(ctx) })
	defer done.Wait()
	defer stop()
	<-up
	const byteTime = 10 * time.Second / 9600
	frame := fmt.Sprintf("%017d\r", 7)
	var added []time.Duration
	for b.Loop() {
		var last time.Time
		for i := range len(frame) {
			<-time.After(byteTime)
			last = time.Now()
			if err := dev.Send([]byte(frame[i : i+1])); err != nil {
				b.Fatal(err)
			}
		}
		added = append(added, (<-came).Sub(last))
	}
	slices.Sort(added)
	b.ReportMetric(float64(added[len(added)/2].Microseconds()), "µs-median")
	b.ReportMetric(float64(added[len(added)*99/100].Microseconds()), "µs-p99")
}
