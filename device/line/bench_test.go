package line

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// BenchmarkCPU gives the share of one core that a line takes, in per cent, while
// its device is absent, and while it is there and silent.
func BenchmarkCPU(b *testing.B) {
	b.Run("absent", func(b *testing.B) {
		dir := b.TempDir()
		measureCPU(b, func(i int) string { return filepath.Join(dir, fmt.Sprint(i)) })
	})
	b.Run("silent", func(b *testing.B) {
		measureCPU(b, func(int) string {
			master, slave, err := pty.Open()
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { master.Close(); slave.Close() })
			return slave.Name()
		})
	})
}

func measureCPU(b *testing.B, device func(i int) string) {
	const lines, window = 16, 5 * time.Second
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	for i := range lines {
		l := New(Config{Device: device(i)}, nil, func([]byte) {}, nil)
		running.Go(func() { _ = l.Run(ctx) })
		<-l.Ready()
	}
	var used time.Duration
	n := 0
	for b.Loop() {
		before := cpu(b)
		<-time.After(window)
		used += cpu(b) - before
		n++
	}
	b.ReportMetric(100*used.Seconds()/(float64(n)*window.Seconds()*lines), "%core/line")
}

func cpu(b *testing.B) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
