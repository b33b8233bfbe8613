package line

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// Errors that callers may match.
var (
	// ErrDown: the line is not open; nothing was sent.
	ErrDown = errors.New("line is down")
	// ErrTimeout: the device did not take the bytes in time (XOFF, CTS, a full
	// buffer). What the driver still held has been thrown away.
	ErrTimeout = errors.New("device takes no more bytes")
	// ErrHeld: another process uses the port.
	ErrHeld = errors.New("port is in use")

	errHungUp = errors.New("unplugged or switched off (hang-up)")
	errDeaf   = errors.New("dead: reads end at once without data")
)

// WriteError is a Write that began and did not finish. Bytes counted in Sent
// were taken by the driver: they may or may not have reached the device.
type WriteError struct {
	Device   string
	Sent, Of int
	Err      error
}

// Error names the device and how far the write came.
func (e *WriteError) Error() string {
	return fmt.Sprintf("write %s: %d of %d bytes: %v", e.Device, e.Sent, e.Of, e.Err)
}

// Unwrap gives the cause: ErrTimeout, ErrDown, the context's or the system's error.
func (e *WriteError) Unwrap() error { return e.Err }

// State is what is known of a line.
type State struct {
	Up bool
	// Reason says in words why the line is down; empty while it is up.
	Reason string
	// Reopens counts how often the line came back after it had been up.
	Reopens int
}

// port is one opened device. Read is tarm's: (0, io.EOF) after the read
// time-out as well as on a dead device.
type port interface {
	Read(p []byte) (int, error)
	hungUp() bool
	write(ctx context.Context, p []byte, deadline time.Time) (int, error)
	unsent() int // bytes that the driver still holds; 0 also where it cannot say
	discardOutput()
	close()
}

// Line is a supervised serial line; it is a Task. Make it with New.
type Line struct {
	cfg     Config
	log     *slog.Logger
	onData  func([]byte)
	onState func(State)
	open    func(Config) (port, error)
	ready   chan struct{}
	writing chan struct{} // holds one token: one Write at a time
	turns   atomic.Uint64

	mu     sync.Mutex
	state  State
	opened bool  // has been up
	cause  error // of being down
	port   port  // nil while down
}

// New makes a line that Run will open. log and onState may be nil, onData not.
// Both run on the line's goroutine. onState is called after the first attempt
// to open and then whenever Up changes, but not when Run ends; State has the
// latest reason in between.
func New(cfg Config, log *slog.Logger, onData func(p []byte), onState func(State)) *Line {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if onState == nil {
		onState = func(State) {}
	}
	if cfg.OnIdle == nil {
		cfg.OnIdle = func() {}
	}
	return &Line{
		cfg:     cfg.withDefaults(),
		log:     log.With("device", cfg.Device),
		onData:  onData,
		onState: onState,
		open:    openTTY,
		ready:   make(chan struct{}),
		writing: make(chan struct{}, 1),
		state:   State{Reason: "not opened yet"},
	}
}

// String names the line for logs.
func (l *Line) String() string { return "line " + l.cfg.Device }

// Ready is closed after the first attempt to open, whether it succeeded or not:
// a dead device never stops the rest.
func (l *Line) Ready() <-chan struct{} { return l.ready }

// State gives the present state.
func (l *Line) State() State {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state
}

const (
	firstDelay = 50 * time.Millisecond
	maxDelay   = time.Second
	// A line that was up for less than this has not proved itself: the delays go
	// on growing, so a device that flaps does not make us spin.
	provenUp = time.Second
)

// Turns counts up as long as Run goes round, whether the line is up or not: at
// least once in ReadTimeout plus the longest pause before a new attempt to open (1 s).
func (l *Line) Turns() uint64 { return l.turns.Load() }

// Run opens the line and reads it until ctx ends, reopening for ever. It returns
// nil, or the configuration error that makes trying pointless; call it once.
// After ctx ends it returns within ReadTimeout plus the time the driver is given
// to send what it holds (0.5 s).
func (l *Line) Run(ctx context.Context) error {
	if err := l.cfg.Validate(); err != nil {
		l.setDown(err)
		l.signalReady()
		return fmt.Errorf("run line: %w", err)
	}
	delay := firstDelay
	for ctx.Err() == nil {
		l.turns.Add(1)
		p, err := l.open(l.cfg)
		if err == nil {
			began := time.Now()
			l.setUp(p)
			l.signalReady()
			err = l.pump(ctx, p)
			if time.Since(began) >= provenUp {
				delay = firstDelay
			}
			l.release(p)
		}
		if ctx.Err() != nil {
			break
		}
		l.setDown(err)
		l.signalReady()
		sleep(ctx, jitter(delay))
		delay = min(2*delay, maxDelay)
	}
	l.setStopped()
	l.signalReady()
	return nil
}

// pump reads until the line dies (the reason is returned) or ctx ends.
func (l *Line) pump(ctx context.Context, p port) error {
	buf := make([]byte, 4096)
	early := 0
	for ctx.Err() == nil {
		l.turns.Add(1)
		began := time.Now()
		n, err := p.Read(buf)
		switch {
		case n > 0:
			early = 0
			l.onData(buf[:n])
		case p.hungUp():
			return errHungUp
		case err != nil && !errors.Is(err, io.EOF):
			return fmt.Errorf("read: %w", err)
		case time.Since(began) >= l.cfg.ReadTimeout/2:
			early = 0
			l.cfg.OnIdle()
		default:
			// Silence takes the whole time-out; an end of file at once is a dead
			// line even where poll cannot say so. One is forgiven.
			if early++; early > 1 {
				return errDeaf
			}
		}
	}
	return ctx.Err()
}

// Write sends p whole, in one piece as seen by other writers. It is bounded by
// ctx and by WriteTimeout beyond the bytes' own time. nil means that the driver
// took every byte, not that the device acted on it. While the line is down it
// fails at once with ErrDown; a write that began fails with a *WriteError.
func (l *Line) Write(ctx context.Context, p []byte) error {
	select {
	case l.writing <- struct{}{}:
		defer func() { <-l.writing }()
	case <-ctx.Done():
		return fmt.Errorf("write %s: %w", l.cfg.Device, ctx.Err())
	}
	l.mu.Lock()
	open, reason := l.port, l.state.Reason
	l.mu.Unlock()
	if open == nil {
		return fmt.Errorf("write %s: %w: %s", l.cfg.Device, ErrDown, reason)
	}
	n, err := open.write(ctx, p, time.Now().Add(l.cfg.writeBudget(len(p))))
	if err != nil {
		return &WriteError{Device: l.cfg.Device, Sent: n, Of: len(p), Err: err}
	}
	return nil
}

// drainStep is how often the driver is asked what it still holds.
const drainStep = 10 * time.Millisecond

// Drain waits until the driver has sent what it took, as far as it can say, at
// most for limit (0 asks once) and until ctx ends. What it has not sent then is
// thrown away, and the error, a *WriteError, matches ErrTimeout, or the context's
// error: a device behind CTS or XOFF that takes nothing is switched off or stuck,
// whatever Write said. On a line that is down it fails with ErrDown.
func (l *Line) Drain(ctx context.Context, limit time.Duration) error {
	select {
	case l.writing <- struct{}{}:
		defer func() { <-l.writing }()
	case <-ctx.Done():
		return fmt.Errorf("drain %s: %w", l.cfg.Device, ctx.Err())
	}
	for end := time.Now().Add(limit); ; {
		l.mu.Lock()
		open, reason := l.port, l.state.Reason
		l.mu.Unlock()
		if open == nil {
			return fmt.Errorf("drain %s: %w: %s", l.cfg.Device, ErrDown, reason)
		}
		held := open.unsent()
		if held == 0 {
			return nil
		}
		cause := ctx.Err()
		if cause == nil && !time.Now().Before(end) {
			cause = ErrTimeout
		}
		if cause != nil {
			open.discardOutput()
			return &WriteError{Device: l.cfg.Device, Of: held, Err: cause}
		}
		sleep(ctx, drainStep)
	}
}

func (l *Line) setUp(p port) {
	l.mu.Lock()
	if l.opened {
		l.state.Reopens++
	}
	l.opened, l.port, l.cause = true, p, nil
	l.state.Up, l.state.Reason = true, ""
	s := l.state
	l.mu.Unlock()
	l.log.Info("line up", "reopens", s.Reopens)
	l.onState(s)
}

// release takes the port away from writers, then closes it: always before the
// next open.
func (l *Line) release(p port) {
	l.mu.Lock()
	l.port = nil
	l.mu.Unlock()
	p.close()
}

func (l *Line) setDown(reason error) {
	l.mu.Lock()
	changed := l.state.Up || !l.isReady()
	if l.cause == nil || !sameHolder(l.cause, reason) {
		l.state.Reason = reason.Error()
	}
	l.state.Up, l.cause = false, reason
	s := l.state
	l.mu.Unlock()
	if !changed {
		return
	}
	l.log.Warn("line down", "reason", s.Reason)
	l.onState(s)
}

// setStopped tells nobody: that we stop is not the device's doing.
func (l *Line) setStopped() {
	l.mu.Lock()
	l.state.Up, l.state.Reason = false, "stopped"
	l.mu.Unlock()
	l.log.Info("line closed")
}

func (l *Line) isReady() bool {
	select {
	case <-l.ready:
		return true
	default:
		return false
	}
}

func (l *Line) signalReady() {
	if !l.isReady() {
		close(l.ready)
	}
}

// jitter spreads d over its upper half, so that lines that died together do not
// all try at the same moment.
func jitter(d time.Duration) time.Duration { return d/2 + rand.N(d/2) }

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
