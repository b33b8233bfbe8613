// Command baylight-synced tells the daemons whether the kernel's clock is
// synchronised, which their sandbox does not let them ask: it keeps a marker
// below /run. It is run by baylight-synced.service and takes no arguments; it is
// nothing for people, who have timedatectl.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"baylight/kiosk/clock/syncmark"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	ticker := time.NewTicker(syncmark.Every)
	err := syncmark.Keep(ctx, syncmark.File, unix.Adjtimex, ticker.C)
	ticker.Stop()
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "baylight-synced:", err)
		os.Exit(1)
	}
}
