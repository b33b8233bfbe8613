package task

import (
	"fmt"
	"log/slog"
	"net"
	"os"
)

// TellReady is NotifyReady for [Run]: that systemd could not be told ends nothing,
// since it will notice by itself.
func TellReady(log *slog.Logger) func() {
	return func() {
		if err := NotifyReady(); err != nil {
			log.Error("the service manager does not know that this is ready", "error", err)
		}
	}
}

// NotifyReady tells systemd that the service is up (Type=notify). Started by
// anything else it does nothing.
func NotifyReady() error { return notify("READY=1") }

func notify(state string) error {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return nil
	}
	if path[0] == '@' { // an abstract socket
		path = "\x00" + path[1:]
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("tell systemd: %w", err)
	}
	defer c.Close()
	if _, err := c.Write([]byte(state)); err != nil {
		return fmt.Errorf("tell systemd: %w", err)
	}
	return nil
}
