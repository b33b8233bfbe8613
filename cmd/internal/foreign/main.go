// Foreign runs the packaged programs on processors that this machine has not,
// under QEMU's user-mode emulation: the tool says its version, the kiosk starts,
// takes scans over real ttys, keeps them as events in SQLite and ends in order;
// where a back office is packaged it starts too, and receipts them all. armel is
// run on an ARM1176, as a Pi Zero has: an instruction newer than ARMv6 ends it.
//
//	foreign [-debs bin/deb] arm64 armhf armel
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	debs := flag.String("debs", "bin/deb", "where the packages are")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	failed := flag.NArg() == 0
	if failed {
		fmt.Fprintln(os.Stderr, "usage: foreign [-debs DIR] ARCH...")
	}
	for _, arch := range flag.Args() {
		began := time.Now()
		if err := try(ctx, *debs, arch); err != nil {
			fmt.Printf("FAIL  %s: %v\n", arch, err)
			failed = true
			continue
		}
		fmt.Printf("ok    %s: %d scans acknowledged, each an event in the journal; %.1f s\n", arch, scans, time.Since(began).Seconds())
	}
	if failed {
		os.Exit(1)
	}
}
