package station

import (
	"context"
	"crypto/rand"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/floor"
	"baylight/kiosk/ticket"
	"baylight/kiosk/words"
)

// commit decides a batch, makes it durable and lets its results be seen. Until
// the journal says that the batch is durable, nobody but this goroutine can see
// the state: View runs here as well, between two batches.
func (s *Station) commit(reqs []request) error {
	replies := s.room(len(reqs))
	defer s.leave(reqs, replies)
	failed, err := s.record(s.decide(reqs, replies, s.cfg.Clock.Now()))
	if err != nil {
		return err
	}
	if failed != nil {
		for i := range replies {
			replies[i] = floor.Reply{Message: words.Say("station.not_recorded"), Place: replies[i].Place}
		}
	}
	// Lamps and screens come before the replies: who was answered finds all of
	// it as it is now.
	s.light()
	s.mu.Lock()
	now := time.Now()
	for i, r := range reqs {
		s.say(r, &replies[i], now)
	}
	s.mu.Unlock()
	s.changed()
	for i, r := range reqs {
		s.release(r, replies[i], failed)
	}
	signal(s.wake)
	return failed
}

// room is memory for the replies to a batch and for its events.
func (s *Station) room(n int) []floor.Reply {
	if cap(s.replies) < n {
		s.replies, s.events = make([]floor.Reply, n), make([]kiosk.Event, 0, n)
	}
	return s.replies[:n]
}

// leave empties the memory of a batch, in which there may be names, for the next:
// nobody has any of it now, not the journal either.
func (s *Station) leave(reqs []request, replies []floor.Reply) {
	clear(reqs)
	clear(replies)
	clear(s.events)
	s.events = s.events[:0]
}

// decide lets the floor decide a batch, in memory, and gives the events of each
// input. All of it happens at one moment. Who takes no more of them has failed:
// then the rest is decided for where its replies belong.
func (s *Station) decide(reqs []request, replies []floor.Reply, now kiosk.Moment) iter.Seq[[]kiosk.Event] {
	return func(yield func([]kiosk.Event) bool) {
		more := true
		for i, r := range reqs {
			in := s.complete(r.in, now)
			if s.known(in) {
				replies[i] = floor.Reply{Good: true}
				continue
			}
			var events []kiosk.Event
			events, replies[i] = s.state.StepIn(s.events[len(s.events):], in, now)
			s.events = s.events[:min(len(s.events)+len(events), cap(s.events))] // more of them lie elsewhere
			for i := range events {
				s.note(&events[i])
			}
			more = more && yield(events)
		}
	}
}

// record makes events durable. failed says why that could not be done; the state
// is then what the journal has. err says that the journal cannot be read either.
func (s *Station) record(groups iter.Seq[[]kiosk.Event]) (failed, err error) {
	before := s.state.Next()
	if err := s.cfg.Journal.AppendSeq(groups); err != nil {
		why := err.Error()
		if s.Broken() != why {
			s.log.Error("nothing can be recorded", "events", s.state.Next()-before, "error", err)
		}
		s.broken.Store(&why)
		return fmt.Errorf("%w: %w", ErrNotRecorded, err), s.rebuild(context.Background())
	}
	if next := s.state.Next(); next > before {
		s.recovered()
		s.head.Store(next - 1)
	}
	return nil, nil
}

func (s *Station) recovered() {
	if s.broken.Swap(nil) != nil {
		s.log.Info("events can be recorded again")
	}
}

// rebuild makes the state anew from the journal. Until it has ended, PaperBehind
// goes by the head that was there before.
func (s *Station) rebuild(ctx context.Context) error {
	epoch := s.cfg.Journal.Epoch()
	state, from, seq := restored(s.cfg.Floor, s.cfg.Snapshots, epoch, s.log, latest, base)
	clear(s.outcomes)
	fold := func(e kiosk.Event) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		s.note(&e)
		if e.Epoch == epoch {
			s.folded.Store(e.Seq)
		}
		if e.Epoch != from || e.Seq > seq { // the others are in the snapshot
			state.Replay(e)
		}
		return nil
	}
	var err error
	switch from {
	case "":
		err = s.cfg.Journal.Replay(0, fold)
	case epoch: // what became of documents is no part of the snapshot
		err = s.cfg.Snapshots.ReplayFrom(epoch, min(s.settled, seq), fold)
	default:
		err = s.cfg.Snapshots.ReplayFrom(from, seq, fold)
	}
	if err != nil {
		return fmt.Errorf("replay the journal: %w", err)
	}
	if s.state != nil { // what the office said is in no event
		state.Inherit(s.state)
	}
	s.state = state
	s.head.Store(state.Next() - 1)
	return nil
}

// maxDevice bounds the name of a device in bytes, as the floor does: what is
// recorded must be found again under the same name.
const maxDevice = 64

// complete gives a scan that came without an id its id, and notes how a device is.
func (s *Station) complete(in floor.Input, now kiosk.Moment) floor.Input {
	switch of := in.(type) {
	case floor.Scan:
		switch {
		case of.ID != "":
			return in
		case s.cfg.NewID != nil:
			of.ID = s.cfg.NewID(in, now)
		default:
			of.ID = rand.Text()
		}
		return of
	case floor.Device:
		of.Name = strings.ToValidUTF8(of.Name, "?")
		for len(of.Name) > maxDevice {
			of.Name = strings.ToValidUTF8(of.Name[:len(of.Name)-1], "")
		}
		s.told[of.Name] = of
		return of
	}
	return in
}

// known says whether an input only repeats what is already recorded of a device.
// A device that was never recorded is up.
func (s *Station) known(in floor.Input) bool {
	d, ok := in.(floor.Device)
	if !ok {
		return false
	}
	return d.Up == s.state.Device(d.Name)
}

// unrecorded are the devices whose last change a failed commit took back.
func (s *Station) unrecorded() (reqs []request) {
	for _, name := range slices.Sorted(maps.Keys(s.told)) {
		if !s.known(s.told[name]) {
			reqs = append(reqs, request{in: s.told[name]})
		}
	}
	return reqs
}

// note keeps what the station itself needs to know of an event.
func (s *Station) note(e *kiosk.Event) {
	if ticket.Asks(e.Data) && e.Epoch == s.cfg.Journal.Epoch() {
		s.asks.Store(max(s.asks.Load(), e.Seq))
	}
	switch d := e.Data.(type) {
	case *kiosk.DeviceUp:
		if d.Device == s.cfg.Name {
			signal(s.back)
		}
	case *kiosk.TicketSent:
		s.notePaper(e, d.Document, true)
	case *kiosk.TicketConfirmed:
		s.notePaper(e, d.Document, true)
	case *kiosk.TicketUnknown:
		s.notePaper(e, d.Document, false)
	}
}

// say keeps what is said to a scan at its place. Whoever typed is answered on
// the page where that was, and takes no other screen of the place away. s.mu is held.
func (s *Station) say(r request, reply *floor.Reply, now time.Time) {
	sc, ok := r.in.(floor.Scan)
	if !ok {
		return
	}
	if reply.Place == "" {
		reply.Place = s.cfg.Floor.Scanners[sc.Scanner]
	}
	if reply.Place == "" || reply.Message.Key == "" {
		return
	}
	s.said[reply.Place] = Said{N: s.said[reply.Place].N + 1, Reply: *reply, Real: now}
}

// release answers who waits for one input. Its events are durable, or failed
// says why not.
func (s *Station) release(r request, reply floor.Reply, failed error) {
	if sc, ok := r.in.(floor.Scan); ok && s.cfg.Beep != nil && sc.Repeated <= 1 {
		s.cfg.Beep(sc.Scanner, reply.Good)
	}
	if r.done != nil {
		r.done <- result{reply, failed}
	}
}

func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default: // one is under way
	}
}
