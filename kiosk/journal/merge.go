package journal

import (
	"context"
	"iter"
	"slices"

	"baylight/kiosk"
)

// origin is where an event was recorded first: the epoch's place among those of
// the file, and the sequence. An epoch that is not known lies before all.
type origin struct {
	epoch int
	seq   uint64
}

func (p origin) before(q origin) bool {
	return p.epoch < q.epoch || p.epoch == q.epoch && p.seq < q.seq
}

func (l *layout) origin(id string) origin {
	name, seq, err := kiosk.ParseEventID(id)
	if err != nil {
		return origin{-1, 0}
	}
	return origin{slices.IndexFunc(l.epochs, func(e epoch) bool { return e.name == name }), seq}
}

// stream is one of the parts that are merged, with the event that is next in it.
type stream struct {
	next func() (kiosk.Event, error, bool)
	stop func()
	e    kiosk.Event
	at   origin
}

// merge is every event of some parts as it is to be recorded again, with Was and
// WasHash of its first place, in the order of these places as far as each part
// has that order. After an error nothing follows.
func (j *Journal) merge(ctx context.Context, l *layout, parts []span) iter.Seq2[kiosk.Event, error] {
	return func(yield func(kiosk.Event, error) bool) {
		var open []*stream
		defer func() {
			for _, s := range open {
				s.stop()
			}
		}()
		advance := func(s *stream) (more bool, err error) {
			if s.e, err, more = s.next(); more && err == nil {
				s.at = l.origin(s.e.Was)
			}
			return more, err
		}
		for _, p := range parts {
			s := &stream{}
			s.next, s.stop = iter.Pull2(j.copies(ctx, l, p))
			open = append(open, s)
			if more, err := advance(s); err != nil {
				yield(s.e, err)
				return
			} else if !more {
				open = open[:len(open)-1]
			}
		}
		for len(open) > 0 {
			first := 0
			for i, s := range open {
				if s.at.before(open[first].at) {
					first = i
				}
			}
			s := open[first]
			if !yield(s.e, nil) {
				return
			}
			if more, err := advance(s); err != nil {
				yield(s.e, err)
				return
			} else if !more {
				open = slices.Delete(open, first, first+1)
			}
		}
	}
}

// copies is one part, each event with the first place that it was recorded at.
func (j *Journal) copies(ctx context.Context, l *layout, p span) iter.Seq2[kiosk.Event, error] {
	return func(yield func(kiosk.Event, error) bool) {
		old, known := l.find(p.epoch)
		if !known && p.to == 0 || p.after == p.to { // an epoch without events has no origin
			return
		}
		err := j.replay(ctx, l, old, p.after, p.to, func(r Row, e kiosk.Event) error {
			if e.Was == "" { // what is recorded a third time still re-records the first
				e.Was, e.WasHash = e.ID(), r.Hash.String()
			}
			if !yield(e, nil) {
				return errEnough
			}
			return nil
		})
		if err != nil && err != errEnough {
			yield(kiosk.Event{}, err)
		}
	}
}
