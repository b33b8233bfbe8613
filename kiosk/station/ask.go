package station

import (
	"context"
	"errors"
	"maps"

	"baylight/kiosk"
	"baylight/kiosk/floor"
)

// ErrStopped is returned once the station has ended.
var ErrStopped = errors.New("the station has stopped")

// Do hands an input over and waits until its events are durable.
func (s *Station) Do(ctx context.Context, in floor.Input) (floor.Reply, error) {
	done := make(chan result, 1)
	select {
	case s.in <- request{in, done}:
	case <-ctx.Done():
		return floor.Reply{}, context.Cause(ctx)
	}
	select {
	case r := <-done:
		return r.reply, r.err
	case <-ctx.Done():
		return floor.Reply{}, context.Cause(ctx)
	}
}

// Scan hands a scan over without waiting for its result: the scanner beeps it.
// It blocks while the queue is full, so that the wire's buffer holds what comes
// faster than it can be recorded.
func (s *Station) Scan(ctx context.Context, in floor.Scan) {
	select {
	case s.in <- request{in: in}:
	case <-ctx.Done():
	}
}

// Device records that a device was lost or is back. Nothing is recorded for a
// device that is as it was.
func (s *Station) Device(ctx context.Context, name string, up bool, reason string) {
	select {
	case s.in <- request{in: floor.Device{Name: name, Up: up, Reason: reason}}:
	case <-ctx.Done():
	}
}

// View calls f on the station's own goroutine, between two batches, with the
// state as it is durable. f must be quick and keep nothing of the state.
func (s *Station) View(ctx context.Context, f func(st *floor.State, now kiosk.Moment)) error {
	done := make(chan struct{})
	select {
	case s.look <- func(st *floor.State, now kiosk.Moment) { defer close(done); f(st, now) }:
		<-done
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Said gives the last reply at each place.
func (s *Station) Said() map[string]Said {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.said)
}

// Version grows with every change of what View shows.
func (s *Station) Version() uint64 { return s.version.Load() }

// PaperBehind is how many durable events the paper has not yet looked at or is
// printing for: 0 when everything that was asked for is on paper.
func (s *Station) PaperBehind() uint64 { return s.head.Load() - min(s.read.Load(), s.head.Load()) }

// Broken says why nothing can be recorded at present, "" if all is well.
func (s *Station) Broken() string {
	if why := s.broken.Load(); why != nil {
		return *why
	}
	return ""
}

// Subscribe gives a channel that receives after each change; a slow reader
// misses none but the last. cancel ends it.
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
		select {
		case c <- struct{}{}:
		default:
		}
	}
}
