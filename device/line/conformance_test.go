package line_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"baylight/device/bench"
	"baylight/device/line"
	"baylight/device/line/linetest"

	"github.com/creack/pty"
)

func TestConformanceOnThePretendPort(t *testing.T) {
	linetest.Conformance(t, func(t *testing.T) linetest.Rig {
		got := make(chan []byte, 64)
		p, err := bench.NewPort(filepath.Join(t.TempDir(), "port"), func(b []byte) { got <- bytes.Clone(b) })
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		})
		return linetest.Rig{Config: line.Config{Device: p.Path()}, Send: p.Send, Received: got, Unplug: p.Unplug, Replug: p.Replug}
	})
}

// A bare pty, with nothing of ours at its other end: the line has to make it raw
// by itself.
func TestConformanceOnAPty(t *testing.T) {
	linetest.Conformance(t, func(t *testing.T) linetest.Rig {
		path := filepath.Join(t.TempDir(), "port")
		master := plugPty(t, path)
		t.Cleanup(func() { _ = master.Close() }) // may be unplugged
		return linetest.Rig{
			Config: line.Config{Device: path},
			Send:   func(p []byte) error { _, err := master.Write(p); return err },
			Unplug: func() error { return errors.Join(os.Remove(path), master.Close()) },
			Replug: func() error { master = plugPty(t, path); return nil },
		}
	})
}

func plugPty(t *testing.T, path string) *os.File {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Symlink(slave.Name(), path), slave.Close()); err != nil {
		t.Fatal(err)
	}
	return master
}

// A real adapter with TXD and RXD joined.
func TestConformanceOnHardware(t *testing.T) {
	path := linetest.Hardware(t, "BAYLIGHT_LOOP")
	linetest.Conformance(t, func(*testing.T) linetest.Rig {
		return linetest.Rig{Config: line.Config{Device: path, Baud: 115200}, Loop: true}
	})
}
