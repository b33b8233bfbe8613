package task

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"time"
)

// Watchdog is a Task that tells systemd that the program makes progress, three
// times in the span after which systemd restarts it (WatchdogSec). progress says
// why there is none; while it says so, or does not return, systemd is told
// nothing. Where systemd asks for no watchdog, ok is false.
func Watchdog(log *slog.Logger, progress func(context.Context) error) (t Task, ok bool) {
	span := watchdogSpan(os.Getenv("WATCHDOG_USEC"), os.Getenv("WATCHDOG_PID"))
	if span == 0 {
		return nil, false
	}
	return Func("watchdog", func(ctx context.Context) error {
		tick := time.NewTicker(span / 3)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
			}
			err := progress(ctx)
			if err == nil {
				err = notify("WATCHDOG=1")
			}
			if err != nil && ctx.Err() == nil {
				log.Error("no progress to report; the service manager will restart this", "error", err, "within", span)
			}
		}
	}), true
}

// watchdogSpan reads what systemd sets; 0 if it is not meant for this process.
func watchdogSpan(usec, pid string) time.Duration {
	n, err := strconv.ParseInt(usec, 10, 64)
	if err != nil || n <= 0 || cmp.Or(pid, fmt.Sprint(os.Getpid())) != fmt.Sprint(os.Getpid()) {
		return 0
	}
	return time.Duration(n) * time.Microsecond
}
