// Package printertest is the contract of device/printer as tests, for any printer
// at the other end: the pretend one, a printer of an emulated board, or a real
// one, which prints a few short tickets on paper:
//
//	BAYLIGHT_PRINTER=/dev/usb/lp0 go test ./device/printer -run Conformance -v
//	BAYLIGHT_PRINTER=tcp:192.0.2.7:9100 …
//	BAYLIGHT_PRINTER=serial:/dev/ttyUSB0:19200 …
//
// Time is real time. Conformance starts what it needs and has joined it when it
// returns.
package printertest

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"baylight/device/line"
	"baylight/device/line/linetest"
	"baylight/device/printer"
)

// Fault is what a rig's printer can be made to suffer from.
type Fault uint8

// The faults.
const (
	Well        Fault = iota
	PaperOut          // prints nothing
	CoverOpen         // prints nothing
	Offline           // prints nothing
	NearEnd           // prints
	Mute              // prints, answers nothing
	WrongStatus       // prints, answers status with bytes that are none
	HalfAnswer        // prints, breaks its reports off
	Garbage           // prints, sends noise around its answers
)

// Rig is a printer under trial.
type Rig struct {
	// New makes the driver on the rig's wire.
	New func(cfg printer.Config) *printer.Printer
	// Ticket gives each ticket as it is cut. Without it, somebody looks.
	Ticket <-chan []byte
	// Fault makes the printer suffer.
	Fault func(Fault)
	// Unplug and Replug cut the printer off and put it back.
	Unplug, Replug func() error
	// Reply and Recovery bound an answer and the return of a printer that can
	// suffer; 0: 300 ms and [linetest.Recovery]. An emulated board is slower.
	Reply, Recovery time.Duration
}

// Open makes a driver from a printer's name as in BAYLIGHT_PRINTER.
func Open(t *testing.T, name string) func(cfg printer.Config) *printer.Printer {
	t.Helper()
	kind, rest, _ := strings.Cut(name, ":")
	switch {
	case strings.HasPrefix(name, "/"):
		return func(cfg printer.Config) *printer.Printer { return printer.NewUSB(name, cfg) }
	case kind == "tcp":
		return func(cfg printer.Config) *printer.Printer { return printer.NewTCP(rest, cfg) }
	case kind == "serial":
		device, rate, _ := strings.Cut(rest, ":")
		baud, err := strconv.Atoi(rate)
		if err == nil {
			return func(cfg printer.Config) *printer.Printer {
				return printer.NewSerial(line.Config{Device: device, Baud: baud, Flow: line.FlowRTSCTS}, cfg)
			}
		}
	}
	t.Fatalf("printer %q: want /dev/usb/lp0, tcp:host:port or serial:/dev/…:baud", name)
	return nil
}

// Conformance runs all cases, each on a printer of its own.
func Conformance(t *testing.T, rig func(t *testing.T) Rig) {
	faults := func(r Rig) bool { return r.Fault != nil && r.Ticket != nil }
	for _, c := range []struct {
		name  string
		needs func(Rig) bool
		run   func(t *testing.T, r *running)
	}{
		{"a ticket comes out", func(Rig) bool { return true }, ticket},
		{"hostile text is harmless", func(r Rig) bool { return r.Ticket != nil }, hostile},
		{"what keeps it from printing", faults, stalled},
		{"near its end it prints", faults, nearEnd},
		{"mute from the beginning it prints", faults, silent},
		{"mute later it gets no ticket", faults, mute},
		{"an answer that is none", faults, wrongStatus},
		{"half a report confirms nothing", faults, halfAnswer},
		{"noise around answers", faults, garbage},
		{"unplugged and back", func(r Rig) bool { return r.Unplug != nil && r.Ticket != nil }, replug},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := rig(t)
			if !c.needs(r) {
				t.Skip("this rig cannot do that")
			}
			c.run(t, &running{Rig: r, states: make(chan printer.State, 64)})
		})
	}
}

type running struct {
	Rig
	*printer.Printer
	states chan printer.State
	id     uint32
}

// start runs the driver. Waits are short: the rigs are fast, and a real printer
// is only asked to print.
func (r *running) start(t *testing.T) {
	t.Helper()
	cfg := printer.Config{Name: "trial", Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
		OnState: func(s printer.State) { r.states <- s }, Poll: 100 * time.Millisecond}
	if r.Fault != nil {
		cfg.Reply = cmp.Or(r.Rig.Reply, 300*time.Millisecond)
		cfg.Done = max(time.Second, 2*cfg.Reply)
	}
	r.Printer = r.New(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		if err := r.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(func() { cancel(); done.Wait() })
	r.until(t, func(s printer.State) bool { return s.Up })
}

func (r *running) until(t *testing.T, want func(printer.State) bool) {
	t.Helper()
	for limit := time.After(linetest.Patience); ; {
		select {
		case s := <-r.states:
			if want(s) {
				return
			}
		case <-limit:
			t.Fatalf("the state never came; it is %+v", r.State())
		}
	}
}

func (r *running) print(t *testing.T) (printer.Outcome, []byte, error) {
	t.Helper()
	r.id++
	p := printer.NewPaper(printer.Width58)
	p.Text(fmt.Sprintf("测试 test %d", r.id))
	p.QR("V0A7")
	p.Code128("V0A7")
	p.Cut()
	out, err := r.Print(t.Context(), printer.Job{ID: r.id, Bytes: p.Bytes()})
	return out, p.Bytes(), err
}

// comes prints and wants one of the outcomes and the very bytes on paper.
func (r *running) comes(t *testing.T, outcomes ...printer.Outcome) {
	t.Helper()
	out, sent, err := r.print(t)
	ok := false
	for _, want := range outcomes {
		ok = ok || out == want
	}
	if !ok || err != nil {
		t.Fatalf("%v, %v; want %v", out, err, outcomes)
	}
	if r.Ticket == nil {
		fmt.Printf("printertest: ticket %d: %v\n", r.id, out)
		return
	}
	select {
	case got := <-r.Ticket:
		if !bytes.Equal(bytes.TrimLeft(got, "\x00"), sent) {
			t.Errorf("on paper % x\nsent     % x", got, sent)
		}
	case <-time.After(linetest.Patience):
		t.Fatal("no ticket came out")
	}
}

// refused wants a job to be turned down with advice, and nothing on paper.
func (r *running) refused(t *testing.T, advice string) {
	t.Helper()
	out, _, err := r.print(t)
	if out != printer.NotSent || err == nil || !strings.Contains(err.Error(), advice) {
		t.Fatalf("%v, %v; want an error with %q", out, err, advice)
	}
	select {
	case got := <-r.Ticket:
		t.Errorf("a ticket came out: % x", got)
	default:
	}
}

func ticket(t *testing.T, r *running) {
	r.start(t)
	outcomes := []printer.Outcome{printer.Confirmed}
	if r.Ticket == nil {
		outcomes = append(outcomes, printer.Sent) // a real model may give no answer
	}
	for range 2 {
		r.comes(t, outcomes...)
	}
}

func hostile(t *testing.T, r *running) {
	r.start(t)
	p := printer.NewPaper(printer.Width80)
	p.Text("\x1b@\x1dV\x00\x10\x04\x01\x1b=\x02\u202eevil\u0085\x7f")
	p.QR("\x10\x04\x01\x1dV\x00")
	p.Cut()
	r.id++
	if out, err := r.Print(t.Context(), printer.Job{ID: r.id, Bytes: p.Bytes()}); out != printer.Confirmed || err != nil {
		t.Fatalf("%v, %v", out, err)
	}
	if got := <-r.Ticket; !bytes.Equal(got, p.Bytes()) {
		t.Errorf("the text cut or changed the ticket: % x", got)
	}
}

func stalled(t *testing.T, r *running) {
	r.start(t)
	for _, c := range []struct {
		fault  Fault
		advice string
	}{{PaperOut, "new roll"}, {CoverOpen, "close it"}, {Offline, "ONLINE"}} {
		r.Fault(c.fault)
		r.until(t, func(s printer.State) bool { return !s.Up && strings.Contains(s.Reason, c.advice) })
		r.refused(t, c.advice)
		r.Fault(Well)
		r.until(t, func(s printer.State) bool { return s.Up })
		r.comes(t, printer.Confirmed)
	}
}

func nearEnd(t *testing.T, r *running) {
	r.Fault(NearEnd)
	r.start(t)
	r.until(t, func(s printer.State) bool { return s.Up && s.Reason != "" })
	r.comes(t, printer.Confirmed)
}

func silent(t *testing.T, r *running) {
	r.Fault(Mute)
	r.start(t)
	r.comes(t, printer.Sent)
	r.comes(t, printer.Sent)
}

func mute(t *testing.T, r *running) {
	r.start(t)
	r.comes(t, printer.Confirmed)
	r.Fault(Mute)
	r.refused(t, "does not answer")
	r.Fault(Well)
	r.until(t, func(s printer.State) bool { return !s.Up })
	r.until(t, func(s printer.State) bool { return s.Up })
	r.comes(t, printer.Confirmed)
}

// wrongStatus is as good as no answer.
func wrongStatus(t *testing.T, r *running) {
	r.start(t)
	r.comes(t, printer.Confirmed)
	r.Fault(WrongStatus)
	r.refused(t, "does not answer")
}

func halfAnswer(t *testing.T, r *running) {
	r.start(t)
	r.comes(t, printer.Confirmed)
	r.Fault(HalfAnswer)
	r.comes(t, printer.Unknown)
	r.Fault(Well)
	r.comes(t, printer.Confirmed)
}

// garbage may hide an answer, never make one up.
func garbage(t *testing.T, r *running) {
	r.start(t)
	r.Fault(Garbage)
	r.comes(t, printer.Confirmed, printer.Unknown, printer.Sent)
	r.Fault(Well)
	r.comes(t, printer.Confirmed)
}

func replug(t *testing.T, r *running) {
	r.start(t)
	r.comes(t, printer.Confirmed)
	if err := r.Unplug(); err != nil {
		t.Fatal(err)
	}
	r.until(t, func(s printer.State) bool { return !s.Up })
	r.refused(t, "not connected")
	if err := r.Replug(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	r.until(t, func(s printer.State) bool { return s.Up })
	if took := time.Since(began); took > cmp.Or(r.Recovery, linetest.Recovery) {
		t.Errorf("back after %v", took)
	}
	r.comes(t, printer.Confirmed)
}
