package station

import (
	"context"
	"crypto/rand"
	"errors"
	"maps"

	"baylight/kiosk"
	"baylight/kiosk/floor"
)

// ErrStopped is returned once the station has ended.
var ErrStopped = errors.New("the station has stopped")

// Do hands an input over and waits until its events are durable. When it
// returns, lamps, View, Said and Version show them. Errors: ErrNotRecorded, with
// the reply to show; ErrStopped; the cause of ctx, after which the input may
// still be acted upon.
func (s *Station) Do(ctx context.Context, in floor.Input) (floor.Reply, error) {
	done := make(chan result, 1)
	if err := s.put(ctx, request{in, done}); err != nil {
		return floor.Reply{}, err
	}
	select {
	case r := <-done:
		return r.reply, r.err
	case <-ctx.Done():
		return floor.Reply{}, context.Cause(ctx)
	case <-s.ended:
	}
	select {
	case r := <-done: // among the last that were answered
		return r.reply, r.err
	default:
		return floor.Reply{}, ErrStopped
	}
}

// put queues a request. It waits while the queue is full.
func (s *Station) put(ctx context.Context, r request) error {
	select {
	case <-s.ended:
		return ErrStopped
	default:
	}
	select {
	case s.in <- r:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-s.ended:
		return ErrStopped
	}
}

// Scan hands a scan over without waiting for its result: the scanner beeps it.
// It blocks while the queue is full, so that the wire's buffer holds what comes
// faster than it can be recorded. A scan that comes after the end is not taken,
// and not acknowledged either.
func (s *Station) Scan(ctx context.Context, in floor.Scan) {
	if in.ID == "" && s.cfg.NewID == nil {
		in.ID = rand.Text() // here, and not by the loop, for which others wait
	}
	_ = s.put(ctx, request{in: in}) // what was not taken is never acknowledged
}

// Device says that a device was lost or is back. Nothing is recorded for a
// device that is as it was; what could not be recorded is tried again each second.
func (s *Station) Device(ctx context.Context, name string, up bool, reason string) {
	_ = s.put(ctx, request{in: floor.Device{Name: name, Up: up, Reason: reason}}) // at the end it no longer matters
}

// View calls f on the station's own goroutine, between two batches, with the
// state as it is durable. f must be quick, keep nothing of the state but visits,
// and not call the station. Errors: ErrStopped, the cause of ctx.
func (s *Station) View(ctx context.Context, f func(st *floor.State, now kiosk.Moment)) error {
	done := make(chan struct{})
	select {
	case s.look <- func(st *floor.State, now kiosk.Moment) { defer close(done); f(st, now) }:
		<-done
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-s.ended:
		return ErrStopped
	}
}

// Hear takes what the back office says of the visits of the store. When it
// returns, lamps and View show it. Errors: what could not be taken, joined;
// ErrStopped, the cause of ctx.
func (s *Station) Hear(ctx context.Context, n floor.News) error {
	var refused error
	err := s.View(ctx, func(st *floor.State, now kiosk.Moment) {
		refused = st.Take(n, now)
		s.light()
		s.changed()
	})
	return errors.Join(err, refused)
}

// Said gives the last reply to a scan at each place.
func (s *Station) Said() map[string]Said {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.said)
}

// Version grows with every change of what View shows: after each batch and with
// each second of shop time.
func (s *Station) Version() uint64 { return s.version.Load() }

// PaperBehind is how many durable events the paper has not yet looked at or is
// printing for: 0 when everything that was asked for was given to the printer
// and what became of it is recorded. An input counts before Do returns.
func (s *Station) PaperBehind() uint64 {
	head := s.head.Load()
	return head - min(s.read.Load(), head) // the paper may read an event a moment before the head moves
}

// Broken says why nothing can be recorded at present, "" if all is well.
func (s *Station) Broken() string {
	if why := s.broken.Load(); why != nil {
		return *why
	}
	return ""
}

// Subscribe gives a channel that receives after changes. One signal may stand
// for several changes; there is always one after the last, so who reads the
// state after a signal never stays behind. cancel ends it; the channel is never
// closed.
func (s *Station) Subscribe() (changes <-chan struct{}, cancel func()) {
	c := make(chan struct{}, 1)
	s.mu.Lock()
	s.subs[c] = true
	s.mu.Unlock()
	return c, func() {
		s.mu.Lock()
		delete(s.subs, c)
		s.mu.Unlock()
	}
}

func (s *Station) changed() {
	s.version.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.subs {
		signal(c)
	}
}

// Refold makes the state anew from the journal, as after a failed commit: the
// snapshot it began with was found to be wrong. If that cannot be done the state
// stays as it is.
func (s *Station) Refold(ctx context.Context) error {
	var err error
	if stopped := s.View(ctx, func(*floor.State, kiosk.Moment) {
		if err = s.rebuild(ctx); err == nil {
			s.light()
			s.changed()
		}
	}); stopped != nil {
		return stopped
	}
	return err
}
