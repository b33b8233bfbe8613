package link

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"
)

// Handler takes one message. ctx ends when the Link stops.
type Handler func(ctx context.Context, m Message)

type route struct {
	qos    byte
	manual bool
	fn     Handler
}

// Link keeps one connection to a broker alive.
type Link struct {
	cfg    Config
	secure bool
	addr   string
	log    *slog.Logger
	routes map[string]route
	order  []string // of the routes, as they were handled
	ready  chan struct{}

	mu      sync.Mutex
	now     *Session      // nil while there is no connection
	changed chan struct{} // closed and replaced when now changes
	status  Status
}

// Status is how the link is.
type Status struct {
	Up       bool
	Session  uint64 // number of the last connection, 0 if there was none
	Failures int    // attempts since the last connection that did not succeed
	Err      error  // why the last connection ended or the last attempt failed
}

// New makes a Link; Run makes it live. log may be nil.
func New(cfg Config, log *slog.Logger) (*Link, error) {
	secure, addr, err := cfg.complete()
	if err != nil {
		return nil, fmt.Errorf("make link: %w", err)
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Link{cfg: cfg, secure: secure, addr: addr, log: log, routes: make(map[string]route),
		ready: make(chan struct{}), changed: make(chan struct{})}, nil
}

// Handle subscribes fn to a filter at every connection. A message is
// acknowledged when fn has returned. It must be called before Run, once for a
// filter; filters must not overlap. Filters are subscribed in the order of the
// calls, those with wildcards after all others (see asked).
func (l *Link) Handle(filter string, qos byte, fn Handler) {
	l.handle(filter, route{qos: qos, fn: fn})
}

// HandleAck is Handle for handlers that call Message.Ack themselves, after a
// commit for instance.
func (l *Link) HandleAck(filter string, qos byte, fn Handler) {
	l.handle(filter, route{qos: qos, fn: fn, manual: true})
}

func (l *Link) handle(filter string, r route) {
	l.routes[filter], l.order = r, append(l.order, filter)
}

// String names the task.
func (l *Link) String() string { return "link to " + l.addr }

// Ready is closed when the first attempt to connect has ended, well or not: a
// board works without a broker.
func (l *Link) Ready() <-chan struct{} { return l.ready }

// Status tells how the link is.
func (l *Link) Status() Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.status
}

// Next waits for a connection whose number is above after and returns it. It
// fails only when ctx ends.
func (l *Link) Next(ctx context.Context, after uint64) (*Session, error) {
	for {
		l.mu.Lock()
		s, changed := l.now, l.changed
		l.mu.Unlock()
		if s != nil && s.number > after {
			return s, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Publish hands one message to the present connection. Without one the token
// has failed already.
func (l *Link) Publish(topic string, qos byte, retain bool, payload []byte) *Token {
	l.mu.Lock()
	s := l.now
	l.mu.Unlock()
	if s == nil {
		return &Token{err: ErrNotConnected}
	}
	return s.Publish(topic, qos, retain, payload)
}

// Announce publishes the birth message of the connection of the given number once
// more, if that one still stands: the retained will of an earlier one has taken its place.
func (l *Link) Announce(session uint64) {
	l.mu.Lock()
	s := l.now
	l.mu.Unlock()
	if p := l.cfg.Presence; s != nil && s.number == session && p != nil {
		s.Publish(p.Topic, 1, true, p.Birth(session))
	}
}

// Run keeps the connection alive until ctx ends, then takes leave of the
// broker. It is called once and returns nil.
func (l *Link) Run(ctx context.Context) error {
	box := newInbox(ctx)
	var dispatcher sync.WaitGroup
	dispatcher.Go(box.dispatch)
	defer dispatcher.Wait()

	number, tries := l.cfg.FirstSession, 0
	calm := 0 // connections left to be made again, since the last that ended by itself
	for ctx.Err() == nil {
		s, err := l.connect(ctx, number, box)
		l.settle(s, err)
		if err == nil {
			number++
			began := time.Now()
			if calm++; l.attend(ctx, s, l.cfg.lasts(calm-1, rand.Int64N)) {
				calm = 0
			}
			if time.Since(began) >= ceiling(tries, l.cfg.Min, l.cfg.Max) {
				tries = 0
			}
		}
		pause(ctx, jitter(ceiling(tries, l.cfg.Min, l.cfg.Max), rand.Int64N))
		tries++
	}
	return nil
}

// settle makes the outcome of an attempt known.
func (l *Link) settle(s *Session, err error) {
	l.mu.Lock()
	if err != nil {
		l.status.Failures++
		l.status.Err = err
	} else {
		l.status = Status{Up: true, Session: s.number}
		l.now = s
		close(l.changed)
		l.changed = make(chan struct{})
	}
	failures := l.status.Failures
	l.mu.Unlock()
	select {
	case <-l.ready:
	default:
		close(l.ready)
	}
	switch {
	case err == nil:
		l.log.Info("broker connected", "broker", l.addr, "session", s.number)
	case failures == 1:
		l.log.Warn("broker cannot be reached, trying on", "broker", l.addr, "err", err)
	default:
		l.log.Debug("broker cannot be reached", "broker", l.addr, "failures", failures, "err", err)
	}
}

// attend stays with a session until it is over, ctx ends or it has lasted (0: for
// ever), and joins what belongs to it. It says whether the session was lost.
func (l *Link) attend(ctx context.Context, s *Session, lasts time.Duration) (lost bool) {
	var more sync.WaitGroup
	more.Go(func() { l.insist(ctx, s) })
	defer more.Wait()
	var renew <-chan time.Time
	if lasts > 0 {
		t := time.NewTimer(lasts)
		defer t.Stop()
		renew = t.C
	}
	select {
	case <-s.Over():
		cause := errors.New("its workers do not end")
		select {
		case <-s.joined:
			cause = s.cause
		case <-time.After(l.cfg.ConnectTimeout):
		}
		l.leave(cause)
		l.log.Warn("broker connection ended", "broker", l.addr, "session", s.number, "err", cause)
		return true
	case <-renew:
		l.leave(nil)
		s.close(nil)
		l.log.Debug("broker connection is made again", "broker", l.addr, "session", s.number)
	case <-ctx.Done():
		l.leave(nil)
		s.close(l.cfg.Presence)
		l.log.Info("broker connection closed", "broker", l.addr, "session", s.number)
	}
	return false
}

func (l *Link) leave(cause error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now = nil
	l.status.Up = false
	l.status.Err = cause
}

// ceiling is the longest pause after the given number of attempts in a row.
func ceiling(tries int, lo, hi time.Duration) time.Duration {
	for ; tries > 0 && lo < hi; tries-- {
		lo *= 2
	}
	return min(lo, hi)
}

// lasts is how long a connection may last that was made again calm times since one
// was lost; 0: for ever.
func (c *Config) lasts(calm int, random func(n int64) int64) time.Duration {
	least := min(c.Renew/2, c.Renew/100<<min(2*calm, 6))
	return least + jitter(least, random)
}

// jitter is a random pause below the ceiling.
func jitter(ceiling time.Duration, random func(n int64) int64) time.Duration {
	return time.Duration(random(int64(ceiling) + 1))
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
