package journal

import (
	"fmt"

	"baylight/kiosk"
)

// intake takes the events of a sequence from its caller's goroutine. Those of a few
// are made into bytes there and then; of more, on a goroutine of its own, so that
// three things happen at once: the caller makes events, their bytes are made, and
// what was made before is stored.
type intake struct {
	j     *Journal
	b     *batch        // nil: no event yet; the write lock is held from the first one on
	err   error         // why nothing more is taken
	taken int           // events, until there is another goroutine
	next  chunk         // being filled
	turn  int           // of next
	spare [3]groups     // memory for the groups of a chunk: one is taken, one waits, one is filled
	given chan chunk    // nil: no other goroutine yet
	over  chan error    // what became of it all
	read  chan struct{} // a chunk that is waited for was taken
	why   error         // given was closed and nothing shall be stored
}

type groups [][]kiosk.Event

// chunk is a number of groups that change hands together.
type chunk struct {
	groups groups
	events int
	wait   bool // who gives it waits until it was taken
}

const chunkEvents = 32 // or more, if a group has more

// give is the yield of the sequence: it takes a group, and says whether more can be
// taken.
func (s *intake) give(events []kiosk.Event) bool {
	if s.err == nil && len(events) > 0 {
		s.err = s.add(events)
	}
	return s.err == nil
}

func (s *intake) add(events []kiosk.Event) error {
	if s.b == nil {
		if err := s.begin(); err != nil {
			return err
		}
	}
	if s.given == nil {
		if s.taken += len(events); s.taken <= firstRows {
			return s.b.take(events)
		}
		s.given, s.over, s.read = make(chan chunk, 1), make(chan error, 1), make(chan struct{}, 1)
		go func() { s.over <- s.take() }()
	}
	s.next.groups, s.next.events = append(s.next.groups, events), s.next.events+len(events)
	// A correction has yet to get the hash of what it means: its caller may look
	// at it again only then.
	for i := range events {
		s.next.wait = s.next.wait || kiosk.Corrects(events[i].Data) != ""
	}
	if s.next.wait || s.next.events >= chunkEvents {
		return s.pass()
	}
	return nil
}

// begin takes the write lock, which end gives back.
func (s *intake) begin() error {
	j := s.j
	j.write.Lock()
	err := j.ready()
	j.mu.Lock()
	s.b = j.batch(j.layout, j.layout.current(), j.head)
	j.mu.Unlock()
	return err
}

// pass hands what was given to the other goroutine, and begins a chunk.
func (s *intake) pass() error {
	c := s.next
	select {
	case s.given <- c:
	case err := <-s.over:
		s.over = nil
		return err
	}
	s.spare[s.turn%len(s.spare)] = c.groups
	s.turn++
	s.next = chunk{groups: s.spare[s.turn%len(s.spare)][:0]}
	if !c.wait {
		return nil
	}
	select {
	case <-s.read:
		return nil
	case err := <-s.over:
		s.over = nil
		return err
	}
}

// take makes the bytes of what is given, until its end or a failure.
func (s *intake) take() error {
	for c := range s.given {
		for _, events := range c.groups {
			if err := s.b.take(events); err != nil {
				return s.b.join(err)
			}
		}
		if c.wait {
			s.read <- struct{}{}
		}
	}
	if s.why != nil {
		return s.b.join(s.why)
	}
	return s.b.commit()
}

// commit makes all that was given durable.
func (s *intake) commit() error {
	if s.b == nil {
		return nil
	}
	if s.err == nil {
		s.err = s.finish()
	}
	if s.err != nil && s.b.head.seq < s.b.first {
		return fmt.Errorf("append events: %w", s.err)
	}
	if s.err != nil {
		return fmt.Errorf("append events %d to %d: %w", s.b.first, s.b.head.seq, s.err)
	}
	s.j.advance(s.b.layout, s.b.head)
	return nil
}

func (s *intake) finish() error {
	if s.given == nil {
		return s.b.commit()
	}
	if s.next.events > 0 {
		if err := s.pass(); err != nil {
			return err
		}
	}
	return s.join(nil)
}

// join waits until all is over, with a commit or, where there is a reason, without.
func (s *intake) join(why error) error {
	if s.over == nil {
		return why
	}
	s.why = why
	close(s.given)
	err := <-s.over
	s.over = nil
	return err
}

// end is called last: nothing is under way any more, and nothing is taken.
func (s *intake) end() {
	if s.b != nil {
		_ = s.join(errLeft) // only if it was left in the middle
		s.b.end()
		s.j.write.Unlock()
	}
	s.err = errLeft
}
