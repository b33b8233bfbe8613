package station

import (
	"context"

	"baylight/kiosk"
)

// renewal is a change of the journal under the station's feet.
type renewal struct {
	begin func() error
	done  chan error
}

// Renew calls begin, which may begin another epoch of the journal, while the
// station stands still, and folds the journal again. Inputs that come meanwhile
// wait. It returns begin's error; ErrStopped; the cause of ctx.
func (s *Station) Renew(ctx context.Context, begin func() error) error {
	r := renewal{begin, make(chan error, 1)}
	select {
	case s.renew <- r:
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-s.ended:
		return ErrStopped
	}
	select {
	case err := <-r.done:
		return err
	case <-s.ended:
	}
	select {
	case err := <-r.done:
		return err
	default:
		return ErrStopped
	}
}

// papers runs the press until ctx ends; a renewal takes its place for a while,
// since the paper's marks are of one epoch.
func (s *Station) papers(ctx context.Context, p *press) {
	for ctx.Err() == nil {
		during, stop := context.WithCancel(ctx)
		asked := make(chan renewal, 1)
		joined := make(chan struct{})
		go func() {
			defer close(joined)
			defer stop()
			select {
			case r := <-s.renew:
				asked <- r
			case <-during.Done():
			}
		}()
		p.run(during)
		stop()
		<-joined
		select {
		case r := <-asked:
			p = s.renewed(p, r)
		default:
		}
	}
}

// renewed does a renewal on the loop, between two batches, and gives the press
// that goes on.
func (s *Station) renewed(p *press, r renewal) *press {
	next, done := p, make(chan struct{})
	work := func() error {
		defer close(done)
		epoch := s.cfg.Journal.Epoch()
		err := r.begin()
		defer func() { r.done <- err }()
		if s.cfg.Journal.Epoch() == epoch {
			return nil
		}
		s.settled = 0
		s.read.Store(0)
		s.asks.Store(0)
		if again := s.rebuild(context.Background()); again != nil {
			err = again
			return again
		}
		next = &press{s: s, owed: p.untouched(), owedOf: epoch}
		s.light()
		s.changed()
		return nil
	}
	select {
	case s.tasks <- work:
		<-done
	case <-s.ended:
	}
	return next
}

// untouched is the last event of the present epoch whose paper needs no more work.
func (p *press) untouched() uint64 {
	if p.begun > p.done && p.part == 0 {
		return max(p.done, p.begun-1) // nothing of it left the printer
	}
	return max(p.done, p.begun)
}

// asking is an event as it asks for paper; false if it does not. One that was
// recorded again asked under its first name; only what stood before the printer
// when its epoch ended is still owed.
func (p *press) asking(e kiosk.Event) (kiosk.Event, bool) {
	if e.Was == "" {
		return e, true
	}
	epoch, seq, err := kiosk.ParseEventID(e.Was)
	e.Epoch, e.Seq, e.Was = epoch, seq, ""
	return e, err == nil && epoch == p.owedOf && seq > p.owed
}
