// Command board runs the real kioskd, cross-built for arm64, on emulated boards,
// then the conformance suites of the device packages on the drivers of such
// boards, and prints what held: one line a case and "N passed, N failed" at the end. It
// exits with 1 if a case failed. "make board" prepares what it needs and calls it.
//
//	prepare    Debian's kernel, kioskd, guest and the suites, into a cache folder
//	guest      the init program inside: a machine without opinions
//	agent      how the judge talks to it
//	emulator   QEMU from outside: pins to the single register write, wires, USB
//	disk       a disk whose cache a power cut empties
//	conform    the suites as tests inside, and how they speak to their far end
//	trial      the cases, and what they demand
//
// With -cuts it cuts the power of the machine instead, that many times, while the
// daemon records scans on a real file system ("make powercut").
//
// What is real: Debian's kernel, its drivers of GPIO, UART, xhci and FTDI, and
// the daemon as a store runs it. What is not: time (an emulated processor is
// some thirty times slower, so figures are printed and only bounded loosely),
// electricity (pull resistors are assumed where nobody drives a pin), and udev in
// all cases but its own (the guest keeps the stable names itself, from the
// kernel's uevents).
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"baylight/firmware-config/board/trial"
)

// within bounds the whole run without power cuts.
const within = 25 * time.Minute

// perCut is what each power cut adds to that.
const perCut = time.Minute

func main() {
	files := flag.String("files", ".cache/board", "what prepare made")
	only := flag.String("only", "", "pi, clock, usb, udev, card, conform, conform-pi or conform-usb: one of the boards, or those of the conformance suites; all by default")
	cuts := flag.Int("cuts", 0, "cut the power that many times, instead of all other cases")
	seed := flag.Uint64("seed", rand.Uint64(), "of where the power is cut, and of what a cut leaves on the disk")
	nice := flag.Int("nice", 10, "how much the emulator gives way to other programs")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, within+time.Duration(*cuts)*perCut)
	defer cancel()
	t := &trial.Trial{Files: *files, Out: os.Stdout, Nice: *nice}
	if *cuts > 0 {
		t.Power(ctx, *cuts, *seed)
	} else {
		boards(ctx, t, *only)
	}
	fmt.Printf("%d passed, %d failed\n", t.Passed, t.Failed)
	if t.Failed > 0 || t.Passed == 0 {
		os.Exit(1)
	}
}

// boards runs the cases on those boards whose names begin with only.
func boards(ctx context.Context, t *trial.Trial, only string) {
	for _, b := range []struct {
		name string
		run  func(context.Context)
	}{{"pi", t.Pi}, {"clock", t.Clock}, {"usb", t.USB}, {"udev", t.Udev}, {"card", t.Card}, {"conform-pi", t.ConformPi}, {"conform-usb", t.ConformUSB}} {
		if only == "" || only == b.name || strings.HasPrefix(b.name, only+"-") {
			b.run(ctx)
		}
	}
}
