package station

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/floor"
	"baylight/kiosk/ticket"
)

// Journal keeps events durably. Its methods are called from two goroutines.
type Journal interface {
	Epoch() string
	// AppendSeq commits all events that a sequence gives when it ends or, on an
	// error, may or may not have done so. It runs the sequence on its caller's
	// goroutine, has nothing of a group any more when it returns, and does nothing
	// if there is no event.
	AppendSeq(iter.Seq[[]kiosk.Event]) error
	// Replay calls fn for each event after a sequence number, in order; after 0
	// those of earlier epochs come first. fn may take its time.
	Replay(after uint64, fn func(kiosk.Event) error) error
	// Cursor is a durable position in the epoch, 0 if it was never set.
	Cursor(name string) (uint64, error)
	// SetCursor sets one or, on an error, may or may not have done so.
	SetCursor(name string, v uint64) error
}

// Snapshots are what a journal keeps besides events: states of the floor, and
// the events after one of them.
type Snapshots interface {
	// Snapshot is the state kept under a name ("snapshot", the latest, or "base",
	// that of what was pruned) and the event after which it is one; false: none.
	Snapshot(name string) (epoch string, seq uint64, state []byte, ok bool)
	// ReplayFrom calls fn for each event after one of any epoch, in order.
	ReplayFrom(epoch string, seq uint64, fn func(kiosk.Event) error) error
}

// Lamps are the lamps of the bays. Set is state, not a queue: the last one wins.
// It is called on the station's goroutine: it must not wait, nor call the station.
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
	Floor     floor.Config
	Version   string
	Title     string // of the store, as people read it
	KeyID     string // names the store's key in the tickets' QR codes
	Journal   Journal
	Snapshots Snapshots  // of the same journal; nil: every start folds all events
	Known     floor.News // what the board knew of the store's visits when it last ran
	Clock     Clock
	Lamps     Lamps                           // nil: none
	Printer   Printer                         // nil: none
	Name      string                          // of the printer, in events
	Beep      func(scanner string, good bool) // the scanner sounds the result, without waiting; nil: it cannot
	// NewID makes the id of a scan that came without one; nil: a random one. The
	// demo makes it from what came in and when.
	NewID func(in floor.Input, now kiosk.Moment) string
	// Burst is called before a large batch, and what it gives when no further one
	// follows; nil: nothing is. kioskd leaves garbage lying meanwhile.
	Burst func() (over func())
	Log   *slog.Logger
}

// ErrNotRecorded is returned for an input whose events could not be committed.
var ErrNotRecorded = errors.New("not recorded")

// maxBatch is how many inputs one commit takes at most.
const maxBatch = 1024

// largeBatch is from how many inputs on a batch is announced to Config.Burst.
const largeBatch = 128

// Station is one running kiosk. Make it with New.
type Station struct {
	cfg   Config
	log   *slog.Logger
	in    chan request
	look  chan func(*floor.State, kiosk.Moment)
	tasks chan func() error // run by the loop; an error ends the station
	renew chan renewal
	ready chan struct{}
	ended chan struct{} // nothing is taken any more
	wake  chan struct{} // the paper has something to read
	back  chan struct{} // the printer is back

	// What follows belongs to the loop.
	state    *floor.State
	told     map[string]floor.Device // device → as it last was
	outcomes map[string]outcome      // document → what became of it
	settled  uint64                  // outcomes up to here are not kept
	over     func()                  // ends the burst; nil: there is none

	// Memory of a batch, empty between two.
	reqs    []request
	replies []floor.Reply
	events  []kiosk.Event

	version atomic.Uint64 // grows with every change
	head    atomic.Uint64 // the last durable event
	asks    atomic.Uint64 // no durable event after this one asks for paper
	read    atomic.Uint64 // the last event whose paper is done
	folded  atomic.Uint64 // the last event of this epoch that a rebuilding has come to
	broken  atomic.Pointer[string]

	mu   sync.Mutex
	said map[string]Said // last reply by place
	subs map[chan struct{}]bool
}

// Said is the last reply to a scan at a place.
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
		tasks: make(chan func() error), renew: make(chan renewal),
		ready: make(chan struct{}), ended: make(chan struct{}), wake: make(chan struct{}, 1), back: make(chan struct{}, 1),
		told: map[string]floor.Device{}, outcomes: map[string]outcome{},
		said: map[string]Said{}, subs: map[chan struct{}]bool{},
	}
}

// String names the task.
func (s *Station) String() string { return "station " + s.cfg.Floor.Board }

// Ready is closed when the journal was replayed, the start is recorded and the
// lamps are lit.
func (s *Station) Ready() <-chan struct{} { return s.ready }

// Folded is how far a start has come: the last event of the present epoch that it
// has folded, 0 if there is none yet. The journal's head is where it goes.
func (s *Station) Folded() uint64 { return s.folded.Load() }

// Run replays the journal and works until ctx ends; it is called once. It
// returns an error only if the journal cannot be read, or the start not be
// recorded: without that nothing here can be trusted.
func (s *Station) Run(ctx context.Context) error {
	p, err := s.begin(ctx)
	if err != nil {
		close(s.ended)
		if ctx.Err() != nil { // years of events without a snapshot take minutes
			return nil
		}
		return err
	}
	close(s.ready)
	// The loop ends after the paper, so that what became of a document printed
	// at the very end is recorded.
	loopCtx, endLoop := context.WithCancel(context.WithoutCancel(ctx))
	paperCtx, endPaper := context.WithCancel(ctx)
	defer endPaper()
	joined := make(chan struct{})
	go func() {
		defer close(joined)
		defer endLoop()
		s.papers(paperCtx, p)
	}()
	err = s.loop(loopCtx)
	close(s.ended)
	endPaper()
	<-joined
	return err
}

// begin is what comes before anything is taken.
func (s *Station) begin(ctx context.Context) (*press, error) {
	p, err := s.newPress()
	if err != nil {
		return nil, err
	}
	s.settled = p.done
	s.read.Store(p.done)
	if err := s.rebuild(ctx); err != nil {
		return nil, err
	}
	s.state.Take(s.cfg.Known, s.cfg.Clock.Now()) // what cannot be taken was not known either
	s.cfg.Known = floor.News{}
	if err := s.commit([]request{{in: floor.Start{Version: s.cfg.Version}}}); err != nil {
		return nil, fmt.Errorf("record the start: %w", err)
	}
	return p, nil
}

// tick is how often, in shop time, lamps are asserted anew.
const tick = time.Second

func (s *Station) loop(ctx context.Context) error {
	alarm, stop := s.cfg.Clock.Alarm(tick)
	defer func() { stop() }()
	defer s.lull(0)
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case r := <-s.in:
			err = s.commit(s.busy(s.drain(r)))
		case f := <-s.look:
			f(s.state, s.cfg.Clock.Now())
		case f := <-s.tasks:
			err = f()
		case <-alarm:
			alarm, stop = s.cfg.Clock.Alarm(tick)
			err = s.onTick()
		}
		if err != nil && !errors.Is(err, ErrNotRecorded) {
			return err
		}
		s.lull(len(s.in))
	}
}

// busy announces a large batch, unless the burst goes on that it belongs to.
func (s *Station) busy(reqs []request) []request {
	if len(reqs) >= largeBatch && s.over == nil && s.cfg.Burst != nil {
		s.over = s.cfg.Burst()
	}
	return reqs
}

// lull ends a burst when too few inputs wait for another large batch.
func (s *Station) lull(waiting int) {
	if s.over != nil && waiting < largeBatch {
		s.over()
		s.over = nil
	}
}

// alive is a cursor that is only written to find out whether that works.
const alive = "station_alive"

// onTick lets time show. While nothing can be recorded it tries whether that has
// passed, and what could not be recorded of a device is tried again.
func (s *Station) onTick() error {
	if s.Broken() != "" && s.cfg.Journal.SetCursor(alive, s.head.Load()) == nil {
		s.recovered()
	}
	if reqs := s.unrecorded(); len(reqs) > 0 {
		return s.commit(reqs)
	}
	s.light()
	s.changed()
	return nil
}

// drain takes what else is waiting, so that one commit serves all of it.
func (s *Station) drain(first request) []request {
	s.reqs = append(s.reqs[:0], first)
	for len(s.reqs) < maxBatch {
		select {
		case r := <-s.in:
			s.reqs = append(s.reqs, r)
		default:
			return s.reqs
		}
	}
	return s.reqs
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
