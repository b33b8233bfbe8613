// Package scannertest is the contract of device/scanner as tests, for any scanner
// at the other end: the pretend one, a bare pty, a port of an emulated board, or
// a real scanner in somebody's hand:
//
//	BAYLIGHT_SCANNER=/dev/ttyUSB0 go test ./device/scanner -run Conformance -v
//
// (with BAYLIGHT_SCANNER_TERMINATOR for another ending than CR). Time is real
// time. Conformance starts what it needs and has joined it when it returns.
package scannertest

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"baylight/device/line"
	"baylight/device/line/linetest"
	"baylight/device/scanner"
)

// Rig is a scanner under trial.
type Rig struct {
	// Config is the scanner's; Name is set here.
	Config scanner.Config
	// Send puts bytes on the wire. Without it, a person scans.
	Send func(p []byte) error
	// Received gives what the scanner got, in any pieces.
	Received <-chan []byte
	// Unplug and Replug pull the scanner out and put it back under the same name.
	Unplug, Replug func() error
}

// Frame is how a scanner with that terminator sends text.
func Frame(term scanner.Terminator, text string) []byte {
	switch term {
	case scanner.CRLF:
		return []byte(text + "\r\n")
	case scanner.LF:
		return []byte(text + "\n")
	case scanner.TAB:
		return []byte(text + "\t")
	case scanner.STXETX:
		return []byte("\x02" + text + "\x03")
	case scanner.None:
		return []byte(text)
	case scanner.SSI: // DECODE_DATA of a Code 128
		p := append([]byte{byte(5 + len(text)), 0xF3, 0, 0, 3}, text...)
		var sum uint16
		for _, b := range p {
			sum -= uint16(b)
		}
		return append(p, byte(sum>>8), byte(sum))
	}
	return []byte(text + "\r")
}

// ssiAck is the answer to a packet.
const ssiAck = "\x04\xd0\x04\x00\xff\x28"

// aVIN is made up; its check digit holds.
const aVIN = "LSVAA4182E2184931"

// Conformance runs all cases with all terminators, each on a rig of its own. rig
// sets the terminator it was asked for, or skips one it cannot do.
func Conformance(t *testing.T, rig func(t *testing.T, term scanner.Terminator) Rig) {
	for _, term := range []scanner.Terminator{scanner.CR, scanner.CRLF, scanner.LF, scanner.TAB, scanner.STXETX, scanner.None, scanner.SSI} {
		t.Run(term.String(), func(t *testing.T) {
			for _, c := range []struct {
				name  string
				needs func(Rig) bool
				run   func(t *testing.T, r *running)
			}{
				{"a code, whole and in pieces", sends, codes},
				{"an identifier and fields", sends, fields},
				{"noise, then a code", sends, noise},
				{"unplugged in a code and back", func(r Rig) bool { return sends(r) && r.Unplug != nil }, replug},
				{"the result is heard", func(r Rig) bool { return sends(r) && r.Received != nil }, beeps},
				{"a person scans", func(r Rig) bool { return !sends(r) }, person},
			} {
				t.Run(c.name, func(t *testing.T) {
					r := rig(t, term)
					if !c.needs(r) {
						t.Skip("this rig cannot do that")
					}
					c.run(t, start(t, r))
				})
			}
		})
	}
}

func sends(r Rig) bool { return r.Send != nil }

type running struct {
	Rig
	*scanner.Scanner
	scans  chan scanner.Scan
	states chan line.State
}

func start(t *testing.T, rig Rig) *running {
	t.Helper()
	r := &running{Rig: rig, scans: make(chan scanner.Scan, 1024), states: make(chan line.State, 64)}
	cfg := rig.Config
	cfg.Name = "trial"
	r.Scanner = scanner.New(cfg, slog.New(slog.NewTextHandler(t.Output(), nil)),
		func(s scanner.Scan) { r.scans <- s }, func(s line.State) { r.states <- s })
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		if err := r.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(func() { cancel(); done.Wait() })
	r.until(t, true)
	return r
}

func (r *running) until(t *testing.T, up bool) {
	t.Helper()
	select {
	case s := <-r.states:
		if s.Up != up {
			t.Fatalf("state %+v, want up %v", s, up)
		}
	case <-time.After(linetest.Patience):
		t.Fatalf("not up %v: %+v", up, r.State())
	}
}

func (r *running) next(t *testing.T) scanner.Scan {
	t.Helper()
	select {
	case s := <-r.scans:
		return s
	case <-time.After(linetest.Patience):
		t.Fatal("no scan came")
	}
	return scanner.Scan{}
}

func (r *running) want(t *testing.T, text string) scanner.Scan {
	t.Helper()
	s := r.next(t)
	if s.Text != text || s.Malformed != "" || s.Repeated != 0 || s.Scanner != "trial" {
		t.Fatalf("got %+v, want %q", s, text)
	}
	return s
}

func (r *running) send(t *testing.T, p []byte) {
	t.Helper()
	if err := r.Send(p); err != nil {
		t.Fatal(err)
	}
}

func (r *running) frame(text string) []byte { return Frame(r.Config.Terminator, text) }

func codes(t *testing.T, r *running) {
	r.send(t, r.frame(aVIN))
	r.want(t, aVIN)
	f := r.frame("京A·12345") // UTF-8, cut within a character
	r.send(t, f[:2])
	r.send(t, f[2:])
	r.want(t, "京A·12345")
	n := 5
	if r.Config.Terminator == scanner.None {
		n = 1 // the next begins only after a silence
	}
	var all []byte
	for i := range n {
		all = append(all, r.frame(fmt.Sprintf("V0A%d", i))...)
	}
	r.send(t, all)
	for i := range n {
		r.want(t, fmt.Sprintf("V0A%d", i))
	}
}

func fields(t *testing.T, r *running) {
	const text = "[)>\x1e06\x1dI" + aVIN + "\x1dP8R0\x1e\x04"
	r.send(t, r.frame("]d1"+text))
	if s := r.want(t, text); s.Symbology != "datamatrix" {
		t.Errorf("symbology %q", s.Symbology)
	}
}

// noise may be reported, once, but never as a code, and the next code is read.
func noise(t *testing.T, r *running) {
	r.send(t, []byte{0xFF, 0x00, 0x80, 0xFE})
	reported := false
	select {
	case s := <-r.scans: // given up after a second
		if s.Malformed == "" {
			t.Fatalf("noise passes as %+v", s)
		}
		reported = true
	case <-time.After(linetest.Patience):
	}
	if !reported {
		t.Error("noise was not reported")
	}
	r.send(t, r.frame("V0A7"))
	r.want(t, "V0A7")
}

func replug(t *testing.T, r *running) {
	f := r.frame(aVIN)
	r.send(t, r.frame("V0A1"))
	r.want(t, "V0A1")
	if r.Config.Terminator != scanner.None { // half a code is a code there
		r.send(t, f[:len(f)/2])
	}
	if err := r.Unplug(); err != nil {
		t.Fatal(err)
	}
	r.until(t, false)
	if err := r.Replug(); err != nil {
		t.Fatal(err)
	}
	r.until(t, true)
	r.send(t, f)
	r.want(t, aVIN)
}

func beeps(t *testing.T, r *running) {
	good := string(r.Config.Beep.Command(true))
	if good == "" {
		t.Skip("no beep is configured")
	}
	r.send(t, r.frame("V0A7"))
	r.want(t, "V0A7")
	r.Beep(true)
	want := good
	if r.Config.Terminator == scanner.SSI {
		want = ssiAck + good
	}
	for got := ""; got != want; {
		select {
		case p := <-r.Received:
			got += string(p)
		case <-time.After(linetest.Patience):
			t.Fatalf("the scanner got % x, want % x", got, want)
		}
		if !strings.HasPrefix(want, got) {
			t.Fatalf("the scanner got % x, want % x", got, want)
		}
	}
}

// person waits a minute for a reading.
func person(t *testing.T, r *running) {
	fmt.Println("scannertest: scan any code now")
	select {
	case s := <-r.scans:
		if s.Malformed != "" {
			t.Errorf("%q (% x): %s; is the terminator %s right?", s.Text, s.Text, s.Malformed, r.Config.Terminator)
		}
		fmt.Printf("scannertest: %d bytes, symbology %q\n", len(s.Text), s.Symbology)
		r.Beep(true)
	case <-time.After(time.Minute):
		t.Error("no code was scanned within a minute")
	}
}
