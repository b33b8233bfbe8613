package scanner_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"baylight/device/bench"
	"baylight/device/line"
	"baylight/device/line/linetest"
	"baylight/device/scanner"
	"baylight/device/scanner/scannertest"

	"github.com/creack/pty"
)

// configFor is a scanner with that terminator and the beep that goes with it.
func configFor(path string, term scanner.Terminator) scanner.Config {
	c := scanner.Config{Terminator: term, Beep: scanner.BeepHoneywell, Line: line.Config{Device: path}}
	if term == scanner.SSI {
		c.Beep = scanner.BeepSSI
	}
	return c
}

func TestConformanceOnThePretendPort(t *testing.T) {
	scannertest.Conformance(t, func(t *testing.T, term scanner.Terminator) scannertest.Rig {
		t.Parallel()
		got := make(chan []byte, 64)
		p, err := bench.NewPort(filepath.Join(t.TempDir(), "scanner"), func(b []byte) { got <- bytes.Clone(b) })
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		})
		return scannertest.Rig{Config: configFor(p.Path(), term), Send: p.Send, Received: got, Unplug: p.Unplug, Replug: p.Replug}
	})
}

func TestConformanceOnAPty(t *testing.T) {
	scannertest.Conformance(t, func(t *testing.T, term scanner.Terminator) scannertest.Rig {
		if term != scanner.CR && term != scanner.SSI {
			t.Skip("the other terminators are tried on the pretend port, which is a pty too")
		}
		t.Parallel()
		path := filepath.Join(t.TempDir(), "scanner")
		master := plugPty(t, path)
		t.Cleanup(func() { _ = master.Close() }) // may be unplugged
		return scannertest.Rig{
			Config: configFor(path, term),
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

// A real scanner in somebody's hand.
func TestConformanceOnHardware(t *testing.T) {
	path := linetest.Hardware(t, "BAYLIGHT_SCANNER")
	var want scanner.Terminator
	if err := want.UnmarshalText([]byte(os.Getenv("BAYLIGHT_SCANNER_TERMINATOR"))); err != nil {
		t.Fatal(err)
	}
	scannertest.Conformance(t, func(t *testing.T, term scanner.Terminator) scannertest.Rig {
		if term != want {
			t.Skip("the scanner is set to " + want.String())
		}
		return scannertest.Rig{Config: configFor(path, term)}
	})
}
