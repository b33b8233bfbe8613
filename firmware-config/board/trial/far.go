package trial

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	pretend "baylight/device/bench"
	"baylight/firmware-config/board/conform"
	"baylight/firmware-config/board/emulator"
)

// farEnd is what is outside while the conformance suites run inside: it plugs
// adapters in, is the device behind them, and looks at the pins. What comes in
// on its line is done in turn, on the goroutine of serve.
type farEnd struct {
	*bench
	socket int // of the USB controller
	dir    string

	writing sync.Mutex
	line    net.Conn

	dev   *farDevice // nil: none is plugged in
	pins  [3]int
	low   bool
	since time.Time
}

// adapterID is the serial number of the adapter that is plugged in and out.
const adapterID = "trial"

// adapterName is its stable name inside.
const adapterName = "/dev/serial/by-id/usb-QEMU_QEMU_USB_SERIAL_" + adapterID + "-if00-port0"

// farDevice is one adapter, with what is behind it.
type farDevice struct {
	n       int
	wire    net.Conn
	printer *pretend.Printer
	port    *os.File // the printer's, whose other end is its own
	copies  sync.WaitGroup
	answers sync.WaitGroup
	over    chan struct{}
}

// serve does what the tests ask for until the line ends or stop is called.
func (b *bench) serve(line net.Conn, socket int) (stop func() error, err error) {
	dir, err := os.MkdirTemp("", "farend")
	if err != nil {
		return nil, fmt.Errorf("make folder: %w", err)
	}
	f := &farEnd{bench: b, socket: socket, dir: dir, line: line}
	ended := make(chan error, 1)
	go func() { ended <- conform.Read(line, f.take) }()
	return func() error {
		err := line.SetReadDeadline(time.Now())
		if served := <-ended; !errors.Is(served, os.ErrDeadlineExceeded) {
			err = errors.Join(err, served)
		}
		return errors.Join(err, line.SetReadDeadline(time.Time{}), f.unplug(), os.RemoveAll(dir))
	}, nil
}

func (f *farEnd) tell(m conform.Message) {
	f.writing.Lock()
	defer f.writing.Unlock()
	// A guest that is gone shows elsewhere.
	_ = conform.Write(f.line, m)
}

// take does one thing and answers.
func (f *farEnd) take(q conform.Message) {
	a := conform.Message{N: q.N}
	if err := f.do(q, &a); err != nil {
		a.Err = err.Error()
	}
	if q.N == 0 && a.Err != "" {
		a.Do = conform.Trouble
	}
	if q.N > 0 || a.Do != "" {
		f.tell(a)
	}
}

func (f *farEnd) do(q conform.Message, a *conform.Message) error {
	switch q.Do {
	case conform.Hello:
		return f.unplug()
	case conform.Plug:
		return f.plug(q.Device, q.Printer)
	case conform.Unplug:
		return f.unplug()
	case conform.Send:
		if f.dev == nil {
			return errors.New("send: nothing is plugged in")
		}
		_, err := f.dev.wire.Write(q.Bytes)
		return err
	case conform.Fault:
		if f.dev == nil || f.dev.printer == nil || q.Faults == nil {
			return errors.New("fault: no printer, or none named")
		}
		f.dev.printer.SetFaults(*q.Faults)
		return nil
	case conform.Lamps:
		f.pins, f.low, f.since = q.Pins, q.Low, time.Now()
		return nil
	case conform.Lit:
		return f.look(a)
	}
	return fmt.Errorf("%q is nothing that can be asked", q.Do)
}

// plug plugs an adapter in, and puts a device behind it.
func (f *farEnd) plug(n int, printer bool) error {
	if f.dev != nil {
		return errors.New("plug: one is plugged in already")
	}
	d := &farDevice{n: n, over: make(chan struct{})}
	var err error
	if printer {
		if d.printer, err = pretend.NewPrinter(filepath.Join(f.dir, "printer")); err != nil {
			return err
		}
		if d.port, err = os.OpenFile(d.printer.Path(), unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0); err != nil {
			return errors.Join(err, d.printer.Close())
		}
	}
	if d.wire, err = f.machine.Plug(f.ctx, adapterID, f.socket); err != nil {
		if printer {
			err = errors.Join(err, d.port.Close(), d.printer.Close())
		}
		return err
	}
	f.dev = d
	d.copies.Go(func() { pass(d.wire.Read, func(p []byte) { f.got(d, p) }) })
	if printer {
		d.answers.Go(func() { pass(d.port.Read, func(p []byte) { _, _ = d.wire.Write(p) }) }) // an adapter pulled out takes nothing
		d.copies.Go(func() {
			for {
				select {
				case p := <-d.printer.Done():
					f.tell(conform.Message{Do: conform.Ticket, Device: d.n, Bytes: p})
				case <-d.over:
					return
				}
			}
		})
	}
	return nil
}

// pass reads until it fails.
func pass(read func([]byte) (int, error), take func([]byte)) {
	buf := make([]byte, 4096)
	for {
		n, err := read(buf)
		if n > 0 {
			take(buf[:n])
		}
		if err != nil {
			return
		}
	}
}

// got takes what the guest sent to the device.
func (f *farEnd) got(d *farDevice, p []byte) {
	if d.printer == nil {
		f.tell(conform.Message{Do: conform.Got, Device: d.n, Bytes: p})
		return
	}
	_, _ = d.port.Write(p) // a printer pulled out takes nothing
}

// unplug pulls the adapter out, if there is one. The device falls silent first:
// nothing may reach an adapter that is being removed.
func (f *farEnd) unplug() (err error) {
	d := f.dev
	if d == nil {
		return nil
	}
	f.dev = nil
	if d.printer != nil {
		err = d.printer.Close()
		d.answers.Wait()
	}
	close(d.over)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(f.ctx), patience)
	defer cancel()
	err = errors.Join(err, f.machine.Unplug(ctx, adapterID, d.wire))
	d.copies.Wait()
	if d.port != nil {
		err = errors.Join(err, d.port.Close())
	}
	return err
}

// look reads the lamps from the pins' registers, and the glitches from the trace.
func (f *farEnd) look(a *conform.Message) error {
	now, err := f.machine.Pins(f.ctx)
	if err != nil {
		return err
	}
	h, err := f.machine.Watch.Since(f.since)
	if err != nil {
		return err
	}
	for i, pin := range f.pins {
		a.Lit[i] = lit(now[pin], f.low)
		a.Glitches += glitches(h, pin, f.low)
	}
	return nil
}

// lit says whether a lamp is lit at that level; a pin that nobody drives is
// pulled to dark by its resistor.
func lit(l emulator.Level, low bool) bool {
	return l == emulator.High && !low || l == emulator.Low && low
}

// moment is too short for a lamp that somebody wanted to be lit: no case shows a
// colour for less than 100 ms.
const moment = 50 * time.Millisecond

// glitches counts how often a pin was lit for no more than a moment.
func glitches(h emulator.History, pin int, low bool) (n int) {
	var since time.Time
	was := false
	for _, c := range h {
		is := lit(c.Pins[pin], low)
		switch {
		case is && !was:
			since = c.At
		case was && !is && c.At.Sub(since) < moment:
			n++
		}
		was = is
	}
	return n
}
