// Command guest installs the packages on a real Debian with systemd, booted
// under QEMU, and tries what only systemd can show: that the units start in their
// sandbox, that a hung daemon is started again, that a power cut, an upgrade, a
// downgrade and a removal keep every scan. It prints one line a case and "N
// passed, N failed" at the end, and exits with 1 if a case failed. "make guest"
// prepares what it needs and calls it.
//
// The guest has two serial lines: a shell on the first, and on the second a
// pretend scanner, which the daemon reads as it reads any other.
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

// atMost bounds the whole run.
const atMost = 35 * time.Minute

func main() {
	files := flag.String("files", ".cache/guest", "what prepare made")
	arch := flag.String("arch", "amd64", "the guest's architecture, amd64 or arm64")
	old := flag.String("old", "", "the revision of which the older packages are, if not this one")
	nice := flag.Int("nice", 10, "how much the emulator gives way to other programs")
	flag.Parse()
	p, known := processors()[*arch]
	if !known {
		fmt.Fprintf(os.Stderr, "guest: no guest of %q is known: amd64 or arm64\n", *arch)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, atMost)
	defer cancel()
	t := &trial{files: *files, arch: *arch, old: *old, processor: p, nice: *nice}
	if err := t.run(ctx); err != nil {
		t.failed++
		fmt.Println("FAIL the trial could not go on:", err)
	}
	fmt.Printf("%d passed, %d failed\n", t.passed, t.failed)
	if t.failed > 0 || t.passed == 0 {
		os.Exit(1)
	}
}
