package printer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

const (
	firstDelay  = 50 * time.Millisecond
	localDelay  = time.Second     // longest wait before a USB printer is tried again
	remoteDelay = 5 * time.Second // the same over TCP
	provenUp    = time.Second     // a connection that ends sooner lengthens the wait
	writeLimit  = 10 * time.Second
	emptyRead   = 100 * time.Millisecond
)

// NewUSB makes a printer on a USB line printer device such as /dev/usb/lp0,
// best by a udev symlink. The user needs the group lp.
func NewUSB(path string, cfg Config) *Printer {
	return newStream(cfg, &stream{
		name:    path,
		longest: localDelay,
		open: func(context.Context) (conn, error) {
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			switch {
			case errors.Is(err, os.ErrPermission):
				return nil, fmt.Errorf("%w: add the user to the group of the device (lp)", err)
			case errors.Is(err, syscall.EBUSY):
				return nil, fmt.Errorf("%w: another program holds it (CUPS?)", err)
			case err != nil:
				return nil, err
			}
			return f, nil
		},
	})
}

// NewTCP makes a printer that listens on TCP, address as host:port (printers
// use port 9100).
func NewTCP(address string, cfg Config) *Printer {
	dialer := &net.Dialer{Timeout: 3 * time.Second}
	return newStream(cfg, &stream{
		name:    address,
		longest: remoteDelay,
		counts:  true,
		open: func(ctx context.Context) (conn, error) {
			return dialer.DialContext(ctx, "tcp", address)
		},
	})
}

func newStream(cfg Config, s *stream) *Printer {
	p := New(cfg, s)
	p.link = State{Reason: "not opened yet"}
	s.input, s.link, s.ready = p.Input, p.Link, make(chan struct{})
	p.task = s
	return p
}

type conn interface {
	io.ReadWriteCloser
	SetWriteDeadline(time.Time) error
}

// A stream keeps a connection open, for ever, with back-off and jitter.
type stream struct {
	name    string
	longest time.Duration // between two attempts
	counts  bool          // Write's count is exact, and a read of nothing is the end
	open    func(context.Context) (conn, error)
	input   func([]byte)
	link    func(up bool, reason string)
	ready   chan struct{}

	mu   sync.Mutex
	conn conn // nil while down
}

// Ready is closed after the first attempt.
func (s *stream) Ready() <-chan struct{} { return s.ready }

// Run connects and reads until ctx ends; it returns nil.
func (s *stream) Run(ctx context.Context) error {
	first := sync.OnceFunc(func() { close(s.ready) })
	delay := firstDelay
	for ctx.Err() == nil {
		c, err := s.open(ctx)
		opened := time.Now()
		if err == nil {
			s.set(c)
			s.link(true, "")
			first()
			err = s.read(ctx, c)
			s.set(nil)
		}
		if ctx.Err() != nil {
			break
		}
		s.link(false, err.Error())
		first()
		if time.Since(opened) > provenUp {
			delay = firstDelay
		}
		pause(ctx, delay/2+rand.N(delay/2))
		delay = min(2*delay, s.longest)
	}
	first()
	return nil
}

func (s *stream) set(c conn) {
	s.mu.Lock()
	s.conn = c
	s.mu.Unlock()
}

// read hands over what comes until the connection ends, and closes it.
func (s *stream) read(ctx context.Context, c conn) error {
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer c.Close()
	defer stop()
	buf := make([]byte, 256)
	for {
		n, err := c.Read(buf)
		if n > 0 {
			s.input(buf[:n])
		}
		switch {
		case !s.counts && (errors.Is(err, io.EOF) || errors.Is(err, syscall.EINVAL)):
			// The line printer driver ends a read that has no data, and refuses
			// to read a one-way printer; one that is gone is another error.
			pause(ctx, emptyRead)
		case errors.Is(err, io.EOF):
			return errors.New("printer closed the connection")
		case err != nil:
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// Write sends p within 10 s and within ctx.
func (s *stream) Write(ctx context.Context, p []byte) error {
	s.mu.Lock()
	c := s.conn
	s.mu.Unlock()
	if c == nil {
		return fmt.Errorf("write %s: %w: it is down", s.name, ErrNotSent)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("write %s: %w: %w", s.name, ErrNotSent, err)
	}
	if err := c.SetWriteDeadline(time.Now().Add(writeLimit)); err != nil {
		return fmt.Errorf("write %s: %w: %w", s.name, ErrNotSent, err)
	}
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		_ = c.SetWriteDeadline(time.Unix(1, 0)) // fails only on a closed connection, which ends the write too
	})
	n, err := c.Write(p)
	if !stop() {
		<-stopped
	}
	if err == nil {
		return nil
	}
	late := errors.Is(err, os.ErrDeadlineExceeded)
	if !late {
		c.Close() // the reader notices and connects anew
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	if n == 0 && (s.counts || late) {
		err = fmt.Errorf("%w: %w", ErrNotSent, err)
	}
	return fmt.Errorf("write %s: %d of %d bytes: %w", s.name, n, len(p), err)
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
