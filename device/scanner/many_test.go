package scanner_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"baylight/device/bench"
	"baylight/device/line"
	"baylight/device/scanner"

	"golang.org/x/sys/unix"
)

// TestThirtyTwoScanners lets 32 scanners read ten different codes a second each,
// with the default limit: none is lost, doubled or out of order, and memory stays
// as it is. BAYLIGHT_SOAK=10m is the figure; without it, 20 s (2 s with -short).
func TestThirtyTwoScanners(t *testing.T) {
	const scanners, gap = 32, 100 * time.Millisecond
	length := 20 * time.Second
	if testing.Short() {
		length = 2 * time.Second
	}
	if v := os.Getenv("BAYLIGHT_SOAK"); v != "" {
		var err error
		if length, err = time.ParseDuration(v); err != nil {
			t.Fatal(err)
		}
	}
	codes := int(length / gap)
	ctx, stop := context.WithCancel(context.Background())
	var tasks, hands sync.WaitGroup
	defer tasks.Wait()
	defer stop()
	taken := make(chan time.Duration, scanners*codes) // from the last byte sent to onScan
	for n := range scanners {
		p, err := bench.NewPort(filepath.Join(t.TempDir(), "scanner"), func([]byte) {})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		})
		scans, up := make(chan scanner.Scan, 64), make(chan line.State, 64)
		s := scanner.New(scanner.Config{Name: strconv.Itoa(n), Line: line.Config{Device: p.Path()}}, nil,
			func(s scanner.Scan) { scans <- s }, func(s line.State) { up <- s })
		tasks.Go(func() {
			if err := s.Run(ctx); err != nil {
				t.Error(err)
			}
		})
		if st := <-up; !st.Up {
			t.Fatalf("scanner %d: %+v", n, st)
		}
		hands.Go(func() {
			<-time.After(gap * time.Duration(n) / scanners) // not all at the same moment
			tick := time.NewTicker(gap)
			defer tick.Stop()
			for i := range codes {
				text := fmt.Sprintf("V0%02d-%012d", n, i)
				sent := time.Now()
				if err := p.Send([]byte(text + "\r")); err != nil {
					t.Error(err)
					return
				}
				select {
				case got := <-scans:
					if got.Text != text || got.Malformed != "" || got.Repeated != 0 {
						t.Errorf("scanner %d: got %+v, want %s", n, got, text)
						return
					}
				case <-time.After(10 * time.Second):
					t.Errorf("scanner %d: %s never came", n, text)
					return
				}
				taken <- time.Since(sent)
				<-tick.C
			}
			if len(scans) > 0 {
				t.Errorf("scanner %d: %d scans too many", n, len(scans))
			}
		})
	}
	began, cpu := time.Now(), cpuTime(t)
	<-time.After(length / 4) // all is warm
	early := rss(t)
	hands.Wait()
	late := rss(t)
	all := make([]time.Duration, 0, len(taken))
	for len(taken) > 0 {
		all = append(all, <-taken)
	}
	if len(all) != scanners*codes && !t.Failed() {
		t.Errorf("%d codes came, want %d", len(all), scanners*codes)
	}
	if grown := late - early; grown > 16<<20 && !raceDetector {
		t.Errorf("memory grew from %d to %d KiB", early>>10, late>>10)
	}
	slices.Sort(all)
	t.Logf("%d codes in %v, none lost; median %v, p99 %v; resident %d KiB, later %d KiB; %.1f %% of a core, senders included",
		len(all), time.Since(began).Round(time.Second), all[len(all)/2], all[len(all)*99/100], early>>10, late>>10,
		100*(cpuTime(t)-cpu).Seconds()/time.Since(began).Seconds())
}

// rss is the memory that is in use, in bytes.
func rss(t *testing.T) int {
	t.Helper()
	debug.FreeOSMemory()
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(b))[1])
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
