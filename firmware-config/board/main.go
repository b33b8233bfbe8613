// Command board runs the real kioskd, cross-built for arm64, on emulated boards
// and prints what held: one line a case and "N passed, N failed" at the end. It
// exits with 1 if a case failed. "make board" prepares what it needs and calls it.
//
//	prepare    Debian's kernel, kioskd and guest, into a cache folder
//	guest      the init program inside: a machine without opinions
//	agent      how the judge talks to it
//	emulator   QEMU from outside: pins to the single register write, wires, USB
//	trial      the cases, and what they demand
//
// What is real: Debian's kernel, its drivers of GPIO, UART, xhci and FTDI, and
// the daemon as a store runs it. What is not: time (an emulated processor is
// some thirty times slower, so figures are printed and only bounded loosely),
// electricity (pull resistors are assumed where nobody drives a pin), udev (the
// guest keeps the stable names itself, from the kernel's uevents).
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"baylight/firmware-config/board/trial"
)

// within bounds the whole run.
const within = 20 * time.Minute

func main() {
	files := flag.String("files", ".cache/board", "what prepare made")
	only := flag.String("only", "", "pi or usb: one of the boards; both by default")
	nice := flag.Int("nice", 10, "how much the emulator gives way to other programs")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	t := &trial.Trial{Files: *files, Out: os.Stdout, Nice: *nice}
	if *only != "usb" {
		t.Pi(ctx)
	}
	if *only != "pi" {
		t.USB(ctx)
	}
	fmt.Printf("%d passed, %d failed\n", t.Passed, t.Failed)
	if t.Failed > 0 || t.Passed == 0 {
		os.Exit(1)
	}
}
