package station

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"baylight/kiosk"
	"baylight/kiosk/floor"
	"baylight/kiosk/ticket"
	"baylight/kiosk/words"
)

// Journal keeps events durably.
type Journal interface {
	Epoch() string
	// Append commits the events or, on an error, may or may not have done so.
	Append([]kiosk.Event) error
	// Replay calls fn for each event after a sequence number, in order.
	Replay(after uint64, fn func(kiosk.Event) error) error
	Cursor(name string) (uint64, error)
	SetCursor(name string, v uint64) error
}

// Lamps are the lamps of the bays. Set is state, not a queue: the last one wins.
type Lamps interface {
	Set(bay string, l Lamp)
}

// Lamp is what a bay's lamp shows. Colour is white, green, amber, red, blue or
// "" for dark.
type Lamp struct {
	Colour string
	Blink  bool
}

// Printer prints one document and says how far it got. An error means that
// nothing left the printer and the document can be tried again.
type Printer interface {
	Print(ctx context.Context, d ticket.Document) (floor.PrintOutcome, error)
}

// Clock is shop time.
type Clock interface {
	Now() kiosk.Moment
	// Alarm fires once, d of shop time from now.
	Alarm(d time.Duration) (<-chan struct{}, func())
}

// Config is what a station is made of.
type Config struct {
	Floor   floor.Config
	Version string
	Title   string // of the store, as people read it
	KeyID   string // names the store's key in the tickets' QR codes
	Journal Journal
	Clock   Clock
	Lamps   Lamps                           // nil: none
	Printer Printer                         // nil: none
	Name    string                          // of the printer, in events
	Beep    func(scanner string, good bool) // the scanner sounds the result; nil: it cannot
	// NewID makes the id of an input that came without one. Random in
	// production; the demo makes it from what came in and when.
	NewID func(in floor.Input, now kiosk.Moment) string
	Log   *slog.Logger
}

// ErrNotRecorded is returned for an input whose events could not be committed.
var ErrNotRecorded = errors.New("not recorded")

// maxBatch is how many inputs one commit takes at most.
const maxBatch = 256

// Station is one running kiosk. Make it with New.
type Station struct {
	cfg   Config
	log   *slog.Logger
	in    chan request
	look  chan func(*floor.State, kiosk.Moment)
	ready chan struct{}
	wake  chan struct{} // the paper has something to read

	state   *floor.State
	devices map[string]bool // device → up, as last recorded
	printed map[string]uint64

	version atomic.Uint64 // grows with every change

	head   atomic.Uint64 // the last durable event
	read   atomic.Uint64 // the last event whose paper is done
	broken atomic.Pointer[string]

	mu   sync.Mutex
	said map[string]Said // last reply by place
	subs map[chan struct{}]bool
}

// Said is the last reply at a place.
type Said struct {
	N     uint64 // grows with each reply at the place
	Reply floor.Reply
	Real  time.Time // real time: how long it stays on a screen is for people, not for the shop
}

type request struct {
	in   floor.Input
	done chan<- result // nil: nobody waits
}

type result struct {
	reply floor.Reply
	err   error
}

// New makes a station; Run starts it.
func New(cfg Config) *Station {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Station{
		cfg: cfg, log: cfg.Log, in: make(chan request, maxBatch), look: make(chan func(*floor.State, kiosk.Moment)),
		ready: make(chan struct{}), wake: make(chan struct{}, 1), devices: map[string]bool{}, printed: map[string]uint64{},
		said: map[string]Said{}, subs: map[chan struct{}]bool{},
	}
}

// String names the task.
func (s *Station) String() string { return "station " + s.cfg.Floor.Board }

// Ready is closed when the journal was replayed and the start is recorded.
func (s *Station) Ready() <-chan struct{} { return s.ready }

// Run replays the journal and works until ctx ends. It returns an error only if
// the journal cannot be read: without it nothing here can be trusted.
func (s *Station) Run(ctx context.Context) error {
	if err := s.rebuild(); err != nil {
		return err
	}
	if res := s.commit([]request{{in: floor.Start{Version: s.cfg.Version}}}); res != nil {
		return fmt.Errorf("record the start: %w", res)
	}
	close(s.ready)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.loop(ctx) })
	g.Go(func() error { return s.paper(ctx) })
	return g.Wait()
}

func (s *Station) loop(ctx context.Context) error {
	tick, stop := s.cfg.Clock.Alarm(time.Second)
	defer func() { stop() }()
	for {
		select {
		case <-ctx.Done():
			return nil
		case r := <-s.in:
			if err := s.commit(s.drain(r)); err != nil && !errors.Is(err, ErrNotRecorded) {
				return err
			}
		case f := <-s.look:
			f(s.state, s.cfg.Clock.Now())
		case <-tick:
			tick, stop = s.cfg.Clock.Alarm(time.Second)
			s.light()
			s.changed()
		}
	}
}

// drain takes what else is waiting, so that one commit serves all of it.
func (s *Station) drain(first request) []request {
	reqs := []request{first}
	for len(reqs) < maxBatch {
		select {
		case r := <-s.in:
			reqs = append(reqs, r)
		default:
			return reqs
		}
	}
	return reqs
}

// commit decides a batch, makes it durable and releases its replies.
func (s *Station) commit(reqs []request) error {
	var events []kiosk.Event
	replies := make([]floor.Reply, len(reqs))
	now := s.cfg.Clock.Now()
	for i, r := range reqs {
		if s.known(r.in) {
			replies[i] = floor.Reply{Good: true}
			continue
		}
		var evs []kiosk.Event
		evs, replies[i] = s.state.Step(s.named(r.in, now), now)
		for _, e := range evs {
			s.note(e)
		}
		events = append(events, evs...)
	}
	var failed error
	if len(events) > 0 {
		if err := s.cfg.Journal.Append(events); err != nil {
			failed = fmt.Errorf("%w: %w", ErrNotRecorded, err)
			why := err.Error()
			s.broken.Store(&why)
			s.log.Error("nothing was recorded", "events", len(events), "error", err)
			if err := s.rebuild(); err != nil {
				return err
			}
		} else {
			s.broken.Store(nil)
			s.head.Store(events[len(events)-1].Seq)
		}
	}
	for i, r := range reqs {
		if failed != nil {
			replies[i] = floor.Reply{Message: words.Say("station.not_recorded"), Place: replies[i].Place}
		}
		s.release(r, replies[i], failed)
	}
	s.light()
	s.changed()
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return failed
}

// named gives an input that came without an id its id.
func (s *Station) named(in floor.Input, now kiosk.Moment) floor.Input {
	if sc, ok := in.(floor.Scan); ok && sc.ID == "" {
		sc.ID = s.cfg.NewID(sc, now)
		return sc
	}
	return in
}

// known says whether an input only repeats what is already recorded of a device.
func (s *Station) known(in floor.Input) bool {
	d, ok := in.(floor.Device)
	if !ok {
		return false
	}
	up, seen := s.devices[d.Name]
	return up == d.Up && seen || !seen && d.Up
}

// note keeps what the station itself needs to know of an event.
func (s *Station) note(e kiosk.Event) {
	switch d := e.Data.(type) {
	case *kiosk.DeviceDown:
		s.devices[d.Device] = false
	case *kiosk.DeviceUp:
		s.devices[d.Device] = true
	case *kiosk.TicketSent:
		s.printed[d.Document] = e.Seq
	case *kiosk.TicketConfirmed:
		s.printed[d.Document] = e.Seq
	case *kiosk.TicketUnknown:
		s.printed[d.Document] = e.Seq
	}
}

// release lets the result of one input be seen. Its events are durable, or failed says why not.
func (s *Station) release(r request, reply floor.Reply, failed error) {
	if sc, ok := r.in.(floor.Scan); ok {
		if s.cfg.Beep != nil && sc.Repeated <= 1 {
			s.cfg.Beep(sc.Scanner, reply.Good && failed == nil)
		}
		if reply.Place == "" {
			reply.Place = s.cfg.Floor.Scanners[sc.Scanner]
		}
	}
	if reply.Place != "" && reply.Message.Key != "" {
		s.mu.Lock()
		s.said[reply.Place] = Said{N: s.said[reply.Place].N + 1, Reply: reply, Real: time.Now()}
		s.mu.Unlock()
	}
	if r.done != nil {
		r.done <- result{reply, failed}
	}
}

// rebuild makes the state anew from the journal.
func (s *Station) rebuild() error {
	s.state = floor.New(s.cfg.Floor, s.cfg.Journal.Epoch())
	clear(s.devices)
	clear(s.printed)
	err := s.cfg.Journal.Replay(0, func(e kiosk.Event) error {
		s.state.Replay(e)
		s.note(e)
		s.head.Store(e.Seq)
		return nil
	})
	if err != nil {
		return fmt.Errorf("replay the journal: %w", err)
	}
	return nil
}

// light asserts every lamp from the state.
func (s *Station) light() {
	if s.cfg.Lamps == nil {
		return
	}
	for _, b := range s.state.Bays(s.cfg.Clock.Now()) {
		s.cfg.Lamps.Set(b.Bay.ID, LampOf(b))
	}
}

// LampOf is the colour of a bay's state (DOMAIN §5).
func LampOf(b floor.BayView) Lamp {
	switch {
	case b.State == floor.LampHelp:
		return Lamp{Colour: "red", Blink: true}
	case b.Warn:
		return Lamp{Colour: "amber", Blink: true}
	}
	switch b.State {
	case floor.LampLate:
		return Lamp{Colour: "red"}
	case floor.LampWaiting, floor.LampRisk:
		return Lamp{Colour: "amber"}
	case floor.LampReady:
		return Lamp{Colour: "blue"}
	case floor.LampWorking:
		return Lamp{Colour: "green"}
	}
	return Lamp{Colour: "white"}
}
