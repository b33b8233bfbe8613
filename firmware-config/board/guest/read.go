package main

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"baylight/device/lamp"
	"baylight/firmware-config/board/agent"
	"baylight/kiosk/journal"
)

// page is how many events are read at once.
const page = 500

// events reads the journal at path, whose every commit and hash is checked on
// the way by the journal itself.
func events(path, source string) (list []agent.Event, err error) {
	j, err := journal.Open(path, journal.Options{Source: source})
	if err != nil {
		return nil, err
	}
	defer j.Close()
	for after := uint64(0); ; {
		rows, err := j.Read(after, page)
		if err != nil || len(rows) == 0 {
			return list, err
		}
		for _, r := range rows {
			x, err := brief(r.Type, r.Bytes)
			if err != nil {
				return nil, err
			}
			list = append(list, x)
			after = r.Seq
		}
	}
}

// hold drives a pin low and keeps it.
func (w *worker) hold(name string) error {
	open, err := lamp.OpenHost()
	if err != nil {
		return err
	}
	p, err := open(name, false)
	if err != nil {
		return err
	}
	w.held = p
	return p.Out(false)
}

func (w *worker) release() error {
	if w.held == nil {
		return fmt.Errorf("no pin is held")
	}
	err := w.held.Halt()
	w.held = nil
	return err
}

// logs are what the daemon wrote and what the kernel said.
func logs() (string, error) {
	said, err := os.ReadFile(daemonLog)
	if err != nil && !os.IsNotExist(err) {
		return "", err
	}
	buf := make([]byte, 64<<10)
	n, err := unix.Klogctl(unix.SYSLOG_ACTION_READ_ALL, buf)
	if err != nil {
		return "", fmt.Errorf("read the kernel's messages: %w", err)
	}
	return tail(buf[max(0, n-16<<10):n]) + "\n--- daemon ---\n" + tail(said), nil
}
