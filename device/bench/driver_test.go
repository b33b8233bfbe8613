package bench_test

import (
	"bytes"
	"context"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"baylight/device/bench"
	"baylight/device/line"
	"baylight/device/printer"
)

// The real driver prints on the pretend printer over a pty, through its faults.
func TestDriverOnThePretendPrinter(t *testing.T) {
	b, err := bench.NewPrinter(filepath.Join(t.TempDir(), "printer"))
	if err != nil {
		t.Fatal(err)
	}
	states := make(chan printer.State, 64)
	p := printer.NewSerial(line.Config{Device: b.Path()}, printer.Config{
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)), OnState: func(s printer.State) { states <- s }, Poll: 100 * time.Millisecond})
	ctx, stop := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		if err := p.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	defer func() {
		stop()
		done.Wait()
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}()
	wait := func(up bool) {
		t.Helper()
		for deadline := time.After(10 * time.Second); ; {
			select {
			case s := <-states:
				if s.Up == up {
					return
				}
			case <-deadline:
				t.Fatalf("printer never up=%v, says %+v", up, p.State())
			}
		}
	}
	wait(true)
	paper := printer.NewPaper(576)
	paper.Text("取号 A007")
	paper.QR("V0A7")
	paper.Code128("V0A7")
	paper.Cut()
	prints := func(id uint32) {
		t.Helper()
		outcome, err := p.Print(t.Context(), printer.Job{ID: id, Bytes: paper.Bytes()})
		if outcome != printer.Confirmed || err != nil {
			t.Fatalf("job %d: %v, %v; want it confirmed", id, outcome, err)
		}
		if got := <-b.Done(); !bytes.Equal(bytes.TrimLeft(got, "\x00"), paper.Bytes()) {
			t.Errorf("job %d came out as % x", id, got)
		}
	}
	prints(1)
	b.SetFaults(bench.PrinterFaults{Garbage: true}) // status answers come through, reports may not
	if outcome, err := p.Print(t.Context(), printer.Job{ID: 9, Bytes: paper.Bytes()}); outcome == printer.NotSent || err != nil {
		t.Errorf("job with noise on the line: %v, %v", outcome, err)
	}
	<-b.Done()
	b.SetFaults(bench.PrinterFaults{})
	b.SetFaults(bench.PrinterFaults{PaperOut: true})
	wait(false)
	if outcome, err := p.Print(t.Context(), printer.Job{ID: 2, Bytes: paper.Bytes()}); outcome != printer.NotSent || err == nil {
		t.Errorf("job without paper: %v, %v", outcome, err)
	}
	b.SetFaults(bench.PrinterFaults{NearEnd: true})
	wait(true)
	prints(3)
	if err := b.Unplug(); err != nil {
		t.Fatal(err)
	}
	wait(false)
	if err := b.Replug(); err != nil {
		t.Fatal(err)
	}
	wait(true)
	prints(4)
	if b.Cut() != 4 {
		t.Errorf("%d tickets, want 4", b.Cut())
	}
}
