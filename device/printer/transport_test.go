package printer

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"baylight/device/line"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// run starts a driver; states are handed over one by one.
func run(t *testing.T, start func(Config) *Printer) (p *Printer, states <-chan State) {
	t.Helper()
	ch := make(chan State, 100)
	p = start(Config{Name: t.Name(), OnState: func(s State) { ch <- s }})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return p, ch
}

// until waits for a state.
func until(t *testing.T, states <-chan State, want func(State) bool) State {
	t.Helper()
	limit := time.After(20 * time.Second)
	for {
		select {
		case s := <-states:
			if want(s) {
				return s
			}
		case <-limit:
			t.Fatal("the state never came")
		}
	}
}

func up(s State) bool   { return s.Up }
func down(s State) bool { return !s.Up }

// attach plays a printer on a connection until it ends.
func attach(c io.ReadWriter) *model {
	m := &model{answer: func(b []byte) { c.Write(b) }}
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := c.Read(buf)
			m.receive(buf[:n])
			if err != nil {
				return
			}
		}
	}()
	return m
}

func confirmed(t *testing.T, p *Printer, m *model, id uint32) {
	t.Helper()
	job := ticketJob(id)
	if got, err := p.Print(t.Context(), job); got != Confirmed || err != nil {
		t.Fatalf("%v, %v; want %v", got, err, Confirmed)
	}
	if !bytes.Equal(m.printed(), job.Bytes) {
		t.Errorf("printed % x", m.printed())
	}
}

func TestTCP(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	p, states := run(t, func(cfg Config) *Printer { return NewTCP(listener.Addr().String(), cfg) })
	for id := range uint32(2) {
		c, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		until(t, states, up)
		confirmed(t, p, attach(c), id)
		c.Close() // as a printer does that is switched off and on
		until(t, states, down)
	}
	listener.Close()
}

func TestTCPNobodyThere(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	p, states := run(t, func(cfg Config) *Printer { return NewTCP(address, cfg) })
	<-p.Ready()
	if s := until(t, states, down); !strings.Contains(s.Reason, "refused") {
		t.Errorf("reason %q", s.Reason)
	}
	if got, err := p.Print(t.Context(), ticketJob(1)); got != NotSent || err == nil {
		t.Errorf("%v, %v", got, err)
	}
}

// openPTY gives a raw tty: our side and the path of the driver's side.
func openPTY(t *testing.T) (ours *os.File, path string) {
	t.Helper()
	ours, theirs, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ours.Close(); theirs.Close() })
	raw, err := unix.IoctlGetTermios(int(theirs.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	raw.Iflag, raw.Oflag = 0, 0
	raw.Lflag &^= unix.ECHO | unix.ICANON | unix.ISIG | unix.IEXTEN
	if err := unix.IoctlSetTermios(int(theirs.Fd()), unix.TCSETS, raw); err != nil {
		t.Fatal(err)
	}
	return ours, theirs.Name()
}

// TestUSB uses a tty in place of /dev/usb/lp0: both are character devices that
// are written, read and polled.
func TestUSB(t *testing.T) {
	ours, path := openPTY(t)
	m := attach(ours)
	p, states := run(t, func(cfg Config) *Printer {
		cfg.Poll = 100 * time.Millisecond // its failure tells that the tty is gone
		return NewUSB(path, cfg)
	})
	until(t, states, up)
	confirmed(t, p, m, 1)
	ours.Close()
	until(t, states, down)
	if got, err := p.Print(t.Context(), ticketJob(2)); got != NotSent || err == nil {
		t.Errorf("unplugged: %v, %v", got, err)
	}
}

func TestUSBNotThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lp0")
	_, states := run(t, func(cfg Config) *Printer { return NewUSB(path, cfg) })
	if s := until(t, states, down); !strings.Contains(s.Reason, path) {
		t.Errorf("reason %q does not name %s", s.Reason, path)
	}
}

func TestSerial(t *testing.T) {
	ours, path := openPTY(t)
	m := attach(ours)
	p, states := run(t, func(cfg Config) *Printer {
		return NewSerial(line.Config{Device: path, Baud: 115200}, cfg)
	})
	until(t, states, up)
	confirmed(t, p, m, 1)
	m.set(func(m *model) { m.cond.paperOut = true })
	if got, err := p.Print(t.Context(), ticketJob(2)); got != NotSent || err == nil || !strings.Contains(err.Error(), "new roll") {
		t.Errorf("without paper: %v, %v", got, err)
	}
	m.set(func(m *model) { m.cond.paperOut = false })
	ours.Close()
	until(t, states, func(s State) bool { return !s.Up && !strings.Contains(s.Reason, "paper") })
}

func TestSerialConfigurationError(t *testing.T) {
	p := NewSerial(line.Config{Device: "ttyS0"}, Config{})
	if err := p.Run(t.Context()); err == nil {
		t.Error("a device that is no absolute path was accepted")
	}
}

// TestSerialErrors: only a line that took no byte at all may say so.
func TestSerialErrors(t *testing.T) {
	_, path := openPTY(t) // nobody reads
	s := &serial{line.New(line.Config{Device: path}, nil, func([]byte) {}, nil)}
	if err := s.Write(t.Context(), []byte("x")); !errors.Is(err, ErrNotSent) {
		t.Errorf("line not open: %v, want %v", err, ErrNotSent)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	<-s.Ready()
	short, stop := context.WithTimeout(ctx, 100*time.Millisecond)
	defer stop()
	if err := s.Write(short, make([]byte, 1<<20)); err == nil || errors.Is(err, ErrNotSent) {
		t.Errorf("line full in the middle: %v, want an error that admits to some bytes", err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
