package emulator

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"sync"
)

// Scanner is a pretend barcode scanner at the far end of a wire: it sends text
// and CR, and hears Honeywell's result beeps (ESC 7 , good; ESC 8 , bad). It
// has one goroutine, which ends with the wire.
type Scanner struct {
	wire  net.Conn
	beeps chan bool
	ended chan struct{}

	mu sync.Mutex
}

// NewScanner puts a scanner on a wire.
func NewScanner(wire net.Conn) *Scanner {
	s := &Scanner{wire: wire, beeps: make(chan bool, 1024), ended: make(chan struct{})}
	go s.listen()
	return s
}

func (s *Scanner) listen() {
	defer close(s.ended)
	in := bufio.NewReader(s.wire)
	var last [3]byte
	for {
		b, err := in.ReadByte()
		if err != nil {
			return
		}
		last = [3]byte{last[1], last[2], b}
		if string(last[:]) == "\x1b7," || string(last[:]) == "\x1b8," {
			select {
			case s.beeps <- last[1] == '7':
			default: // nobody has asked for a thousand of them
			}
		}
	}
}

// Close waits for the goroutine of a wire that is closed.
func (s *Scanner) Close() {
	s.wire.Close()
	<-s.ended
}

// Send puts bytes on the wire.
func (s *Scanner) Send(b string) error {
	_, err := io.WriteString(s.wire, b)
	return err
}

// Beep waits for the next result; what was heard before counts too.
func (s *Scanner) Beep(ctx context.Context) (good bool, err error) {
	select {
	case good := <-s.beeps:
		return good, nil
	case <-s.ended:
		return false, fmt.Errorf("wait for the beep: %w", io.ErrClosedPipe)
	case <-ctx.Done():
		return false, fmt.Errorf("wait for the beep: %w", ctx.Err())
	}
}

// Scan reads a code and waits for its result. Results of earlier readings that
// have come in are forgotten.
func (s *Scanner) Scan(ctx context.Context, text string) (good bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.beeps) > 0 {
		<-s.beeps
	}
	if err := s.Send(text + "\r"); err != nil {
		return false, fmt.Errorf("scan %q: %w", text, err)
	}
	if good, err = s.Beep(ctx); err != nil {
		return false, fmt.Errorf("scan %q: %w", text, err)
	}
	return good, nil
}
