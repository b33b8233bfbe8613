package backoffice

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"baylight/kiosk"
	"baylight/kiosk/staff"
	"baylight/sync/wire"
)

// Config is what an Office is made of.
type Config struct {
	Stores []Store
	Ledger Ledger
	Now    func() time.Time // shop time; time.Now if nil
	Log    *slog.Logger     // nil discards
	// ReceiptEvery is the least time between two receipts to one board, so that
	// a busy board is told once for many events; 20 ms if 0, at most 200 ms.
	ReceiptEvery time.Duration
	// VisitsEvery is the least time between two rounds of showing open visits to
	// the boards; 200 ms if 0.
	VisitsEvery time.Duration
	// Risks estimates how likely the promises of a store's open visits are missed,
	// by visit; the boards are told with the visits. nil: they go by their own rule.
	Risks func(store string, open []*kiosk.Visit, now time.Time) map[string]wire.Risk
	// RisksEvery is how often Risks is asked without an event; 1 min if 0.
	RisksEvery time.Duration
	// Leased says that stores are answered for only while Tend runs, because other
	// offices share the ledger.
	Leased bool
	// Synced says whether Now comes from a synchronised clock; nil: it does not.
	// It is told to boards that ask for the time.
	Synced func() bool
	// Erasures keeps requests to be forgotten; nil: none are taken.
	Erasures Erasures
	// Forgotten is called after an erasure took bookings of a store out of the
	// ledger: who knows them reads them again. nil: nobody.
	Forgotten func(ctx context.Context, store string) error
	// Aged writes down that person parts were removed by their age: how many, of
	// visits that ended before when, and how many as old ones were kept. nil: nobody does.
	Aged func(store string, before time.Time, removed, held int) error
}

// Store is one store the office answers for.
type Store struct {
	Name     string // as in topics
	Title    string // as people call it; Name if empty
	Key      []byte // for keyed hashes; only erasing needs it
	Calendar kiosk.Calendar
	Staff    *staff.Directory // nil: nobody
	Bays     []string         // in the order of the yard; others are shown once something happened in them

	PersonDays int // person parts go so long after their visit ended; 0: they stay

	BayNames map[string]string // bays as people call them, by id; the id where there is none
}

// Office takes events in and answers for them. It is a task: Run it once.
type Office struct {
	cfg    Config
	log    *slog.Logger
	queue  *queue
	boot   string
	begun  time.Time
	ready  chan struct{}
	rooms  map[string]*room
	older  chan error // capacity 1: ErrOlder
	record sync.Mutex // one event of the office at a time

	epochsOf *together[string, []wire.Epoch] // nil: the ledger is asked for each
	movedOf  *together[Since, Moved]

	mu       sync.Mutex
	watchers map[chan struct{}]bool
	refused  atomic.Bool // see Refused
	counts   Counts
	commits  Commits
	alarms   []Alarm
}

// room is what the office keeps for one store.
type room struct {
	Store
	setups  setups
	keeping sync.Mutex // one setup at a time
	line    Line
	wake    chan struct{} // capacity 1: something is due to be sent
	own     atomic.Bool   // an event of the office may not be published yet
	term    atomic.Uint64 // under which receipts are written; 0: another office has the store

	mu     sync.Mutex
	due    map[string]bool // sources whose receipt changed
	owing  time.Time       // since when a receipt is due and not acknowledged; zero: none is
	kiosks map[string]*Kiosk
	found  map[string]bool      // visits that stand retained on the broker
	asked  map[string]time.Time // when each board last asked for the time

	came      atomic.Int64  // events taken in
	moved     chan struct{} // capacity 1: open visits may have changed
	questions chan question // for the time
	erasing   erasing
}

// Counts is what happened since the office was started.
type Counts struct {
	Messages, Events, Duplicates, Conflicts, Rejected uint64
	Batches, Retries, Receipts                        uint64
}

// Alarm is something that a person must look at.
type Alarm struct {
	At   time.Time
	Text string
}

// maxAlarms is how many are remembered; the ledger keeps the evidence of all.
const maxAlarms = 100

// Kiosk is what a board last said about itself.
type Kiosk struct {
	Name   string
	Conn   wire.Conn   // zero: nothing was heard
	Health wire.Health // zero: nothing was heard
	Heard  time.Time   // when health last came, by the office's clock
}

// New checks the configuration and makes an Office.
func New(cfg Config) (*Office, error) {
	if cfg.Ledger == nil || len(cfg.Stores) == 0 {
		return nil, errors.New("make back office: a ledger and at least one store are needed")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.ReceiptEvery < 0 || cfg.ReceiptEvery > 200*time.Millisecond {
		return nil, fmt.Errorf("make back office: receipts every %s, at most 200ms are allowed", cfg.ReceiptEvery)
	}
	cfg.ReceiptEvery = cmp.Or(cfg.ReceiptEvery, 20*time.Millisecond)
	cfg.VisitsEvery = cmp.Or(cfg.VisitsEvery, 200*time.Millisecond)
	cfg.RisksEvery = cmp.Or(cfg.RisksEvery, time.Minute)
	o := &Office{cfg: cfg, log: cfg.Log, queue: newQueue(), older: make(chan error, 1), boot: uuid.NewString(), begun: cfg.Now(), ready: make(chan struct{}),
		rooms: map[string]*room{}, watchers: map[chan struct{}]bool{}}
	if o.log == nil {
		o.log = slog.New(slog.DiscardHandler)
	}
	if many, ok := cfg.Ledger.(Many); ok {
		o.epochsOf = newTogether(many.EpochsOf)
		o.movedOf = newTogether(func(ctx context.Context, since []Since) (map[Since]Moved, error) {
			return many.MovedOf(ctx, since, maxReopened)
		})
	}
	for _, s := range cfg.Stores {
		if err := wire.CheckName(s.Name); err != nil {
			return nil, fmt.Errorf("make back office: store: %w", err)
		}
		if o.rooms[s.Name] != nil {
			return nil, fmt.Errorf("make back office: store %q stands twice", s.Name)
		}
		if s.Calendar.Zone == nil {
			return nil, fmt.Errorf("make back office: store %q has no time zone", s.Name)
		}
		s.Title = cmp.Or(s.Title, s.Name)
		if s.Staff == nil {
			s.Staff = staff.NewDirectory(nil)
		}
		o.rooms[s.Name] = &room{Store: s, wake: make(chan struct{}, 1), due: map[string]bool{}, kiosks: map[string]*Kiosk{}, found: map[string]bool{},
			asked: map[string]time.Time{}, moved: make(chan struct{}, 1), questions: make(chan question, maxQuestions),
			erasing: erasing{told: make(chan struct{}, 1), ageing: ageing{due: make(chan struct{}, 1)}}}
		if !cfg.Leased {
			o.rooms[s.Name].term.Store(Term)
		}
	}
	return o, nil
}

// String names the task.
func (o *Office) String() string { return "back office" }

// Ready is closed when messages are taken in.
func (o *Office) Ready() <-chan struct{} { return o.ready }

// Run takes messages in and sends receipts until ctx ends, or the ledger is
// found to be an older copy of itself (ErrOlder).
func (o *Office) Run(ctx context.Context) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var work sync.WaitGroup
	for _, r := range o.rooms {
		if r.line != nil && !o.cfg.Leased {
			work.Go(func() { o.send(ctx, r) })
		}
		if r.PersonDays > 0 {
			work.Go(func() { o.ages(ctx, r) })
		}
	}
	work.Go(func() { o.ingest(ctx) })
	close(o.ready)
	select {
	case err = <-o.older:
		o.alarm(err.Error())
		cancel()
	case <-ctx.Done():
	}
	work.Wait()
	return err
}

// Stores lists the stores, by name.
func (o *Office) Stores() (out []Store) {
	for _, r := range o.rooms {
		out = append(out, r.Store)
	}
	slices.SortFunc(out, func(a, b Store) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// Ledger is where the events are.
func (o *Office) Ledger() Ledger { return o.cfg.Ledger }

// Now is shop time.
func (o *Office) Now() time.Time { return o.cfg.Now() }

// ErrNoStore is returned for a store that the office does not answer for.
var ErrNoStore = errors.New("no such store")

func (o *Office) room(store string) (*room, error) {
	r := o.rooms[store]
	if r == nil {
		return nil, fmt.Errorf("find store %q: %w", store, ErrNoStore)
	}
	return r, nil
}

// Kiosks lists what the boards of a store said about themselves, by name.
func (o *Office) Kiosks(store string) (out []Kiosk, err error) {
	r, err := o.room(store)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, k := range r.kiosks {
		out = append(out, *k)
	}
	slices.SortFunc(out, func(a, b Kiosk) int { return cmp.Compare(a.Name, b.Name) })
	return out, nil
}

// Counts tells what happened since the start.
func (o *Office) Counts() Counts {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.counts
}

// Refused says whether the ledger took nothing the last time that messages were to
// be committed: they wait, and boards keep what they have.
func (o *Office) Refused() bool { return o.refused.Load() }

// Queued is how many messages wait to be committed.
func (o *Office) Queued() int { return o.queue.len() }

// Alarms lists the latest, newest first.
func (o *Office) Alarms() []Alarm {
	o.mu.Lock()
	defer o.mu.Unlock()
	out := slices.Clone(o.alarms)
	slices.Reverse(out)
	return out
}

func (o *Office) alarm(text string) {
	o.log.Warn("back office alarm", "what", text)
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.alarms) == maxAlarms {
		o.alarms = slices.Delete(o.alarms, 0, 1)
	}
	o.alarms = append(o.alarms, Alarm{At: o.cfg.Now(), Text: text})
}

// Watch gives a channel that holds a token whenever something was committed, or
// a board said something, since it was last read. Call stop when done.
func (o *Office) Watch() (changes <-chan struct{}, stop func()) {
	c := make(chan struct{}, 1)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.watchers[c] = true
	return c, func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		delete(o.watchers, c)
	}
}

func (o *Office) changed() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for c := range o.watchers {
		poke(c)
	}
}

// poke leaves a token unless one is there.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
