package printer_test

import (
	"path/filepath"
	"testing"

	"baylight/device/bench"
	"baylight/device/line"
	"baylight/device/line/linetest"
	"baylight/device/printer"
	"baylight/device/printer/printertest"
)

// The pretend printer is at the other end of a pty.
func TestConformanceOnThePretendPrinter(t *testing.T) {
	printertest.Conformance(t, func(t *testing.T) printertest.Rig {
		t.Parallel()
		b, err := bench.NewPrinter(filepath.Join(t.TempDir(), "printer"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := b.Close(); err != nil {
				t.Error(err)
			}
		})
		return printertest.Rig{
			New: func(cfg printer.Config) *printer.Printer {
				return printer.NewSerial(line.Config{Device: b.Path(), Baud: 115200}, cfg)
			},
			Ticket: b.Done(),
			Fault: func(f printertest.Fault) {
				b.SetFaults(map[printertest.Fault]bench.PrinterFaults{
					printertest.PaperOut: {PaperOut: true}, printertest.CoverOpen: {CoverOpen: true},
					printertest.Offline: {Offline: true}, printertest.NearEnd: {NearEnd: true},
					printertest.Mute: {Mute: true}, printertest.WrongStatus: {WrongStatus: true},
					printertest.HalfAnswer: {HalfAnswer: true}, printertest.Garbage: {Garbage: true},
				}[f])
			},
			Unplug: b.Unplug, Replug: b.Replug,
		}
	})
}

// A real printer, with paper.
func TestConformanceOnHardware(t *testing.T) {
	name := linetest.Hardware(t, "BAYLIGHT_PRINTER")
	printertest.Conformance(t, func(t *testing.T) printertest.Rig {
		return printertest.Rig{New: printertest.Open(t, name)}
	})
}
