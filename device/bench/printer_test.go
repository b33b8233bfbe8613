package bench

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

// host opens a pretend device's port as plain software would.
func host(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if err := f.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return f
}

func newPrinter(t *testing.T) *Printer {
	t.Helper()
	p, err := NewPrinter(filepath.Join(t.TempDir(), "printer"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func write(t *testing.T, f *os.File, b string) {
	t.Helper()
	if _, err := f.WriteString(b); err != nil {
		t.Fatal(err)
	}
}

func wantReply(t *testing.T, f *os.File, want string) {
	t.Helper()
	got := make([]byte, 0, len(want))
	for len(got) < len(want) {
		n, err := f.Read(got[len(got):cap(got)])
		if err != nil {
			t.Fatalf("after reply % x: %v, want % x", got, err, want)
		}
		got = got[:len(got)+n]
	}
	if string(got) != want {
		t.Fatalf("reply % x, want % x", got, want)
	}
}

func ticketFrom(t *testing.T, p *Printer) string {
	t.Helper()
	select {
	case b := <-p.Done():
		return string(b)
	case <-time.After(10 * time.Second):
		t.Fatal("no ticket came out")
	}
	return ""
}

// Every element of the drivers' subset, with bytes in its data that look like a
// status request, a cut and a request for completion.
var elements = []string{
	"plain text\n", "\xb1\xb1\xbe\xa9", "\x1b@", "\x1ba\x01", "\x1bE\x01", "\x1b!\x30", "\x1d!\x11", "\x1c&\xc4\xe3\xba\xc3\x1c.",
	"\x1c!\x0c", "\x1cW\x01", "\x1bt\xff", "\x1bd\x03", "\x1dh\x50", "\x1dw\x02", "\x1dH\x02", "\x1bp\x00\x10\x04",
	"\x1dkI\x08{B\x10\x04\x01\x1dV\x00", "\x1dk\x04V0A7\x00",
	"\x1d(k\x0b\x001P0\x10\x04\x01\x1dVB\x00\x1d", "\x1d(k\x03\x001Q0",
	"\x1dv0\x00\x02\x00\x05\x00\x10\x04\x01\x1dV\x00\x1d(H\x06", "\x1b*\x00\x03\x00\x10\x04\x01", "\x1bD\x08\x10\x00",
}

func TestDataIsNotMistakenForCommands(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.SampledFrom(elements), 0, 20).Draw(t, "ticket")
		want := strings.Join(parts, "") + rapid.SampledFrom([]string{"\x1dVB\x00", "\x1dV\x00", "\x1dV1", "\x1dVA\x10"}).Draw(t, "cut")
		rest := []byte(want)
		p := &Printer{done: make(chan []byte, keepTickets), wire: wire{path: "none"}}
		for len(rest) > 0 {
			n := rapid.IntRange(1, len(rest)).Draw(t, "piece")
			p.receive(rest[:n])
			rest = rest[n:]
		}
		if len(p.tickets) != 1 || string(p.tickets[0]) != want {
			t.Fatalf("tickets %q, want one: %q", p.tickets, want)
		}
		if len(p.pending) != 0 || len(p.queue) != 0 {
			t.Fatalf("left over: %q, %d elements", p.pending, len(p.queue))
		}
	})
}

func TestTicketsStatusAndCompletion(t *testing.T) {
	p := newPrinter(t)
	h := host(t, p.Path())
	write(t, h, "\x10\x04\x01")
	wantReply(t, h, "\x12")
	write(t, h, "\x1b@one\n\x10\x04\x04\x1dVB\x00\x1d(H\x06\x00000042")
	wantReply(t, h, "\x12\x37\x220042\x00")
	if got, want := ticketFrom(t, p), "\x1b@one\n\x1dVB\x00"; got != want {
		t.Errorf("ticket %q, want %q", got, want)
	}
	for _, c := range []struct {
		name   string
		faults PrinterFaults
		want   string // status 1 to 4
	}{
		{"well", PrinterFaults{}, "\x12\x12\x12\x12"},
		{"paper near its end", PrinterFaults{NearEnd: true}, "\x12\x12\x12\x1e"},
		{"paper out", PrinterFaults{PaperOut: true}, "\x1a\x32\x12\x7e"},
		{"cover open", PrinterFaults{CoverOpen: true}, "\x1a\x16\x12\x12"},
		{"offline", PrinterFaults{Offline: true}, "\x1a\x12\x12\x12"},
	} {
		p.SetFaults(c.faults)
		write(t, h, "\x10\x04\x01\x10\x04\x02\x10\x04\x03\x10\x04\x04")
		wantReply(t, h, c.want)
	}
}

func TestPaperOutHoldsTheTicketAndItsConfirmation(t *testing.T) {
	p := newPrinter(t)
	h := host(t, p.Path())
	p.SetFaults(PrinterFaults{PaperOut: true})
	write(t, h, "one\x1dV\x00\x1d(H\x06\x00000007\x10\x04\x04")
	wantReply(t, h, "\x7e") // status is answered, completion is not
	if p.Cut() != 0 {
		t.Fatal("a ticket came out without paper")
	}
	p.SetFaults(PrinterFaults{})
	wantReply(t, h, "\x37\x220007\x00")
	if got := ticketFrom(t, p); got != "one\x1dV\x00" {
		t.Errorf("ticket %q", got)
	}
}

func TestMutePrinterPrints(t *testing.T) {
	p := newPrinter(t)
	h := host(t, p.Path())
	p.SetFaults(PrinterFaults{Mute: true})
	write(t, h, "\x10\x04\x01one\x1dV\x00\x1d(H\x06\x00000007")
	if got := ticketFrom(t, p); got != "one\x1dV\x00" {
		t.Errorf("ticket %q", got)
	}
	p.SetFaults(PrinterFaults{})
	write(t, h, "\x10\x04\x01")
	wantReply(t, h, "\x12") // and nothing of before
}

func TestUnplugLosesTheTicketBegun(t *testing.T) {
	p := newPrinter(t)
	h := host(t, p.Path())
	p.SetFaults(PrinterFaults{CoverOpen: true})
	write(t, h, "never printed\x1dV\x00\x10\x04\x01")
	wantReply(t, h, "\x1a")
	if err := p.Unplug(); err != nil {
		t.Fatal(err)
	}
	if n, err := h.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("host read %d, %v on an unplugged printer", n, err)
	}
	if _, err := os.Lstat(p.Path()); !os.IsNotExist(err) {
		t.Errorf("path is still there: %v", err)
	}
	p.SetFaults(PrinterFaults{})
	if err := p.Replug(); err != nil {
		t.Fatal(err)
	}
	h = host(t, p.Path())
	write(t, h, "two\x1dV\x00")
	if got := ticketFrom(t, p); got != "two\x1dV\x00" || p.Cut() != 1 {
		t.Errorf("ticket %q, %d cut", got, p.Cut())
	}
}

// The host may close its end at any time: what it sent is printed, and the next
// host is served.
func TestHostsComeAndGo(t *testing.T) {
	p := newPrinter(t)
	for i := range 20 {
		h := host(t, p.Path())
		want := strings.Repeat("x", 100*i) + "\x1dV\x00"
		write(t, h, want)
		h.Close()
		if got := ticketFrom(t, p); got != want {
			t.Fatalf("ticket %d: %d bytes, want %d", i, len(got), len(want))
		}
	}
}

func TestMemoryIsBounded(t *testing.T) {
	p := &Printer{done: make(chan []byte, keepTickets), wire: wire{path: "none"}, plugged: true}
	for range 3 * keepTickets {
		p.receive([]byte("x\x1dV\x00"))
	}
	if len(p.Tickets()) != keepTickets || len(p.Done()) != keepTickets || p.Cut() != 3*keepTickets {
		t.Errorf("%d tickets kept, %d waiting, %d cut", len(p.Tickets()), len(p.Done()), p.Cut())
	}
	// A raster that promises 4 GB, then an uncut roll.
	p.receive([]byte("\x1dv0\x00\xff\xff\xff\xff"))
	chunk := bytes.Repeat([]byte("0123456789abcde\n"), 4096)
	for range 100 {
		p.receive(chunk)
		if len(p.pending) > printerBuffer+len(chunk) || len(p.ticket) > printerBuffer {
			t.Fatalf("%d bytes pending, %d of a ticket", len(p.pending), len(p.ticket))
		}
	}
	p.receive([]byte("\x1dV\x00"))
	if p.Cut() != 3*keepTickets+1 {
		t.Error("the printer did not find back to commands")
	}
}

func TestStalledPrinterStopsReading(t *testing.T) {
	p := newPrinter(t)
	h := host(t, p.Path())
	p.SetFaults(PrinterFaults{Offline: true})
	job, n := bytes.Repeat([]byte("x"), 2*printerBuffer), 0
	for tries := 0; n < printerBuffer && tries < 100; tries++ { // a busy machine takes its time
		if err := h.SetDeadline(time.Now().Add(300 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		m, err := h.Write(job[n:])
		n += m
		if !os.IsTimeout(err) {
			t.Fatalf("wrote %d bytes, %v; want a full buffer and then no more", n, err)
		}
	}
	if n < printerBuffer {
		t.Fatalf("wrote %d bytes, want a full buffer", n)
	}
	p.SetFaults(PrinterFaults{})
	if err := h.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	write(t, h, "\x1dV\x00")
	if got := ticketFrom(t, p); len(got) < printerBuffer {
		t.Errorf("ticket of %d bytes, want all that was taken", len(got))
	}
}

func TestSlowReaderTakesItsTime(t *testing.T) {
	p := newPrinter(t)
	h := host(t, p.Path())
	p.SetFaults(PrinterFaults{SlowReader: true})
	began := time.Now()
	for range 2 {
		write(t, h, strings.Repeat("x", slowRate/5)+"\x1dV\x00")
		ticketFrom(t, p)
	}
	// The first ticket is out when it has been read; the second only after the
	// time that the first one's bytes take.
	if took := time.Since(began); took < time.Second/5 {
		t.Errorf("two tickets of %d bytes in %v", slowRate/5, took)
	}
}

func TestPathOfSomethingElseIsLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := NewPrinter(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("printer in place of a file: %v", err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "mine" {
		t.Errorf("file is now %q, %v", b, err)
	}
}

// FuzzPrinter: no bytes make the parser run on, stall or lose a byte.
func FuzzPrinter(f *testing.F) {
	f.Add([]byte(strings.Join(elements, "")))
	f.Add([]byte("\x1dv0\x00\xff\xff\xff\xff\x10\x04"))
	f.Add([]byte("\x1dV\x1d(\x1b*!\xff"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		total := 0
		for rest := stream; len(rest) > 0; {
			n, _ := next(rest)
			if n < 0 || n > len(rest) {
				t.Fatalf("element of %d bytes out of %d: % x", n, len(rest), rest[:min(16, len(rest))])
			}
			if n == 0 {
				break
			}
			total += n
			rest = rest[n:]
		}
		p := &Printer{done: make(chan []byte, keepTickets), wire: wire{path: "none"}, plugged: true}
		for i := range stream {
			p.receive(stream[i : i+1])
		}
		if len(p.pending) != len(stream)-total {
			t.Fatalf("bytewise %d bytes are pending, at once %d", len(p.pending), len(stream)-total)
		}
	})
}
