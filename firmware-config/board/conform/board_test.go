package conform

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"testing"
	"time"

	"baylight/device/bench"
	"baylight/device/lamp"
	"baylight/device/lamp/conformtest"
	"baylight/device/line"
	"baylight/device/line/linetest"
	"baylight/device/printer"
	"baylight/device/printer/printertest"
	"baylight/device/scanner"
	"baylight/device/scanner/scannertest"
)

// What the judge says about the board.
var (
	far  = flag.String("far", "", "the line to the far end")
	name = flag.String("name", "", "the stable name of the adapter that the far end plugs in")
	port = flag.String("port", "", "a port whose far end sends back what it gets")
)

// An emulated processor is some thirty times slower than a real one, and shares
// the machine with others.
const (
	recovery = 6 * time.Second
	settle   = 400 * time.Millisecond
	reply    = 1500 * time.Millisecond
	appear   = 20 * time.Second
)

// client is the one line to the far end that this program has.
var client = sync.OnceValues(func() (*Client, error) { return Open(*far) })

func farEnd(t *testing.T) *Client {
	t.Helper()
	if *far == "" {
		t.Skip("this is no emulated board: -far is not set; run make board")
	}
	c, err := client()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// adapter is a USB serial adapter that the far end plugs in and pulls out.
type adapter struct {
	*Client
	printer bool
	in      bool
	news    <-chan []byte
}

func plugged(t *testing.T, printer bool) *adapter {
	t.Helper()
	c := farEnd(t)
	a := &adapter{Client: c, printer: printer, news: c.Listen()}
	t.Cleanup(func() {
		if !a.in {
			return
		}
		if err := a.unplug(); err != nil {
			t.Error(err)
		}
	})
	if err := a.plug(); err != nil {
		t.Fatal(err)
	}
	return a
}

// plug returns when the adapter's name is there.
func (a *adapter) plug() error {
	if _, err := a.Do(Message{Do: Plug, Printer: a.printer}); err != nil {
		return err
	}
	a.in = true
	return named(true)
}

// unplug returns when its name is gone.
func (a *adapter) unplug() error {
	a.in = false
	if _, err := a.Do(Message{Do: Unplug}); err != nil {
		return err
	}
	return named(false)
}

// named waits until the adapter has its name, or has it no more.
func named(want bool) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for limit := time.After(appear); ; {
		_, err := os.Stat(*name)
		if (err == nil) == want && (err == nil || errors.Is(err, fs.ErrNotExist)) {
			return nil
		}
		select {
		case <-tick.C:
		case <-limit:
			return fmt.Errorf("%s is there: not %v within %v", *name, want, appear)
		}
	}
}

func (a *adapter) send(p []byte) error { return a.Tell(Message{Do: Send, Bytes: p}) }

func TestLine(t *testing.T) {
	farEnd(t)
	linetest.Conformance(t, func(t *testing.T) linetest.Rig {
		a := plugged(t, false)
		return linetest.Rig{Config: line.Config{Device: *name, Baud: 115200}, Recovery: recovery,
			Send: a.send, Received: a.news, Unplug: a.unplug, Replug: a.plug}
	})
}

// The board's own UART, which cannot be pulled out.
func TestLoop(t *testing.T) {
	if *port == "" {
		t.Skip("this is no emulated board: -port is not set; run make board")
	}
	linetest.Conformance(t, func(*testing.T) linetest.Rig {
		return linetest.Rig{Config: line.Config{Device: *port, Baud: 115200}, Loop: true}
	})
}

func TestScanner(t *testing.T) {
	farEnd(t)
	scannertest.Conformance(t, func(t *testing.T, term scanner.Terminator) scannertest.Rig {
		a := plugged(t, false)
		cfg := scanner.Config{Terminator: term, Beep: scanner.BeepHoneywell, Line: line.Config{Device: *name}}
		if term == scanner.SSI {
			cfg.Beep = scanner.BeepSSI
		}
		return scannertest.Rig{Config: cfg, Send: a.send, Received: a.news, Unplug: a.unplug, Replug: a.plug}
	})
}

// faults are what a pretend printer has to suffer from.
var faults = map[printertest.Fault]bench.PrinterFaults{
	printertest.PaperOut: {PaperOut: true}, printertest.CoverOpen: {CoverOpen: true},
	printertest.Offline: {Offline: true}, printertest.NearEnd: {NearEnd: true},
	printertest.Mute: {Mute: true}, printertest.WrongStatus: {WrongStatus: true},
	printertest.HalfAnswer: {HalfAnswer: true}, printertest.Garbage: {Garbage: true},
}

func TestPrinter(t *testing.T) {
	farEnd(t)
	printertest.Conformance(t, func(t *testing.T) printertest.Rig {
		a := plugged(t, true)
		return printertest.Rig{Ticket: a.news, Reply: reply, Recovery: recovery,
			New: func(cfg printer.Config) *printer.Printer {
				return printer.NewSerial(line.Config{Device: *name, Baud: 115200}, cfg)
			},
			Fault: func(f printertest.Fault) {
				what := faults[f]
				if _, err := a.Do(Message{Do: Fault, Faults: &what}); err != nil {
					t.Error(err)
				}
			},
			Unplug: a.unplug, Replug: a.plug}
	})
}

// Pins are named in each way, and numbered as the chip does.
func TestLamps(t *testing.T) {
	c := farEnd(t)
	ask := func(t *testing.T) Message {
		a, err := c.Do(Message{Do: Lit})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	conformtest.Conformance(t, func(t *testing.T, activeLow bool) conformtest.Rig {
		if _, err := c.Do(Message{Do: Lamps, Pins: [3]int{17, 27, 22}, Low: activeLow}); err != nil {
			t.Fatal(err)
		}
		open, err := lamp.OpenHost()
		if err != nil {
			t.Fatal(err)
		}
		return conformtest.Rig{Open: open, Pins: [3]string{"GPIO17", "P1_13", "gpiochip0:22"}, Settle: settle,
			Lit:      func() [3]bool { return ask(t).Lit },
			Glitches: func() int { return ask(t).Glitches }}
	})
}
