package bench

import (
	"bytes"
	"context"
	"fmt"
	"sync"
)

// Ack is the business result that came back to a scanner as a beep.
type Ack uint8

// The results.
const (
	AckNone Ack = iota
	AckGood     // ESC 7 ,
	AckBad      // ESC 8 ,
)

// String gives the result in a word.
func (a Ack) String() string { return [...]string{"none", "good", "bad"}[min(a, AckBad)] }

// ScannerFault is what a pretend scanner does wrong.
type ScannerFault uint8

// The faults; each lasts until another is set.
const (
	ScannerWell    ScannerFault = iota
	ScannerSilent               // reads, and sends nothing
	ScannerGarbage              // sends noise bytes in place of the text
	ScannerHalf                 // sends the first half of the text and no terminator
)

// Scanner is a pretend barcode scanner that sends text and CR and understands
// Honeywell's result beeps.
type Scanner struct {
	wire wire

	mu    sync.Mutex
	fault ScannerFault
	tail  []byte   // of a beep command not yet whole
	acks  chan Ack // results not yet asked for; the oldest are forgotten
	turn  chan struct{}
}

// NewScanner plugs a scanner in under the symlink path.
func NewScanner(path string) (*Scanner, error) {
	path, err := cleanPath(path)
	if err != nil {
		return nil, fmt.Errorf("new scanner: %w", err)
	}
	s := &Scanner{acks: make(chan Ack, 64), turn: make(chan struct{}, 1)}
	s.wire = wire{path: path, receive: s.receive, pace: func(int, <-chan struct{}) {}}
	if err := s.wire.plug(); err != nil {
		return nil, err
	}
	return s, nil
}

// Path is the stable name of the scanner's port.
func (s *Scanner) Path() string { return s.wire.path }

// SetFault makes the scanner fail from now on, or be well again.
func (s *Scanner) SetFault(f ScannerFault) {
	s.mu.Lock()
	s.fault = f
	s.mu.Unlock()
}

// Scan sends text as a reading and waits for the result to come back as a beep,
// or for ctx. Scans from several goroutines take turns. A result that belongs to
// an earlier reading and arrived before this one was sent is forgotten.
func (s *Scanner) Scan(ctx context.Context, text string) (Ack, error) {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return AckNone, fmt.Errorf("scan %q: %w", text, ctx.Err())
	}
	for len(s.acks) > 0 {
		<-s.acks
	}
	if p := s.bytes(text); len(p) > 0 {
		if err := s.wire.send(p); err != nil {
			return AckNone, fmt.Errorf("scan %q: %w", text, err)
		}
	}
	select {
	case a := <-s.acks:
		return a, nil
	case <-ctx.Done():
		return AckNone, fmt.Errorf("scan %q: no result came back: %w", text, ctx.Err())
	}
}

func (s *Scanner) bytes(text string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch s.fault {
	case ScannerSilent:
		return nil
	case ScannerGarbage:
		return append(bytes.Repeat([]byte{0xFF, 0x00, 0x80}, 4), '\r')
	case ScannerHalf:
		return []byte(text)[:len(text)/2]
	}
	return append([]byte(text), '\r')
}

// Send puts bytes on the wire as they are, without waiting for a result.
func (s *Scanner) Send(p []byte) error { return s.wire.send(p) }

// Acks gives the results that no Scan waited for, for a caller that uses Send.
func (s *Scanner) Acks() <-chan Ack { return s.acks }

// Unplug pulls the scanner out: its port hangs up and its path vanishes.
func (s *Scanner) Unplug() error { return s.wire.unplug() }

// Replug plugs it in again under the same path, as another port.
func (s *Scanner) Replug() error { return s.wire.plug() }

// Close unplugs the scanner for good and joins its goroutine.
func (s *Scanner) Close() error { return s.wire.unplug() }

// receive finds result beeps among the bytes from the host.
func (s *Scanner) receive(p []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tail = append(s.tail, p...)
	for {
		i := bytes.IndexByte(s.tail, 0x1B)
		if i < 0 {
			s.tail = s.tail[:0]
			return
		}
		s.tail = s.tail[i:]
		if len(s.tail) < 3 {
			return
		}
		switch string(s.tail[:3]) {
		case "\x1b7,":
			s.ack(AckGood)
			s.tail = s.tail[3:]
		case "\x1b8,":
			s.ack(AckBad)
			s.tail = s.tail[3:]
		default:
			s.tail = s.tail[1:]
		}
	}
}

func (s *Scanner) ack(a Ack) {
	for {
		select {
		case s.acks <- a:
			return
		default:
		}
		select {
		case <-s.acks:
		default:
		}
	}
}
