package task

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"testing"
	"time"
)

// systemd hears of progress as often as there was some, and of nothing else.
func TestWatchdog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "3000")
	ctx, cancel := context.WithCancel(t.Context())
	asked, good := 0, 0
	dog, ok := Watchdog(slog.New(slog.DiscardHandler), func(context.Context) error {
		if asked++; asked == 20 {
			cancel()
		}
		if asked%2 == 0 {
			return errors.New("it stands still")
		}
		good++
		return nil
	})
	if !ok {
		t.Fatal("no watchdog, though systemd asks for one")
	}
	if err := dog.Run(ctx); err != nil {
		t.Fatal(err)
	}
	heard := 0
	if err := notify("the end"); err != nil {
		t.Fatal(err)
	}
	for b := make([]byte, 64); ; heard++ {
		n, err := l.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		if string(b[:n]) == "the end" {
			break
		}
		if string(b[:n]) != "WATCHDOG=1" {
			t.Errorf("systemd was told %q", b[:n])
		}
	}
	if heard != good || good != 10 {
		t.Errorf("systemd was told %d times of %d in which there was progress", heard, good)
	}
}

func TestWatchdogSpan(t *testing.T) {
	for _, c := range []struct {
		usec, pid string
		want      time.Duration
	}{{"60000000", "", time.Minute}, {"", "", 0}, {"0", "", 0}, {"-5", "", 0}, {"soon", "", 0}, {"60000000", "1", 0}} {
		if got := watchdogSpan(c.usec, c.pid); got != c.want {
			t.Errorf("%q for process %q: %v, want %v", c.usec, c.pid, got, c.want)
		}
	}
}
