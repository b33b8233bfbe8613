package figures

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/kpi"
)

// Config is what a Folder is made of.
type Config struct {
	Ledger backoffice.Ledger
	Stores []backoffice.Store
	Now    func() time.Time // shop time; time.Now if nil
	Every  time.Duration    // how often a Folder that runs looks for stale visits; 1 s if 0
	// CalendarAt is the calendar that was in force at a position: questions as of
	// it are reckoned with its hours. nil: the store's, always.
	CalendarAt func(ctx context.Context, store string, position uint64) (kiosk.Calendar, error)
	// Ours says which stores a Folder that runs looks at, where offices that share
	// a ledger divide them; nil: all. A question folds its store whoever has it.
	Ours func(store string) bool
	Step int          // visits folded in one step; 4,000 if 0
	Log  *slog.Logger // nil discards
}

// Folder keeps figures and answers from them. It may be used by many goroutines.
type Folder struct {
	cfg   Config
	log   *slog.Logger
	rooms map[string]*room
	ready chan struct{}
	chunk int // visits folded in one step
}

// room is what a Folder knows of one store. All else is in the ledger.
type room struct {
	backoffice.Store
	mark string
	then bool // reckons with another calendar than what is kept is made by

	mu    sync.RWMutex // held to fold, read-held to read what is folded
	at    uint64       // the position that what is kept is true for; with round,
	round uint64       // unless somebody else folded
	whole bool         // whether at holds
	now   time.Time    // that days were folded at
	next  time.Time    // when a fact is due; zero: none is

	open openCache
}

// Bounds of one step of folding.
const (
	chunk   = 4000 // visits
	dueMost = 500  // facts
	maxFold = 100  // times that a question folds again because somebody else folded
)

// New makes a Folder.
func New(cfg Config) (*Folder, error) {
	if cfg.Ledger == nil || len(cfg.Stores) == 0 {
		return nil, errors.New("make figures: a ledger and at least one store are needed")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	cfg.Every = cmp.Or(cfg.Every, time.Second)
	f := &Folder{cfg: cfg, log: cfg.Log, rooms: map[string]*room{}, ready: make(chan struct{}), chunk: cmp.Or(cfg.Step, chunk)}
	if f.log == nil {
		f.log = slog.New(slog.DiscardHandler)
	}
	for _, s := range cfg.Stores {
		f.rooms[s.Name] = &room{Store: s, mark: markOf(s.Calendar)}
	}
	return f, nil
}

// markOf names everything besides events that what is kept is made by. If it is
// another one, the store is folded from the beginning.
func markOf(cal kiosk.Calendar) string {
	h := sha256.New()
	fmt.Fprintf(h, "%d %d %s %v", noteVersion, kpi.FactVersion, cal.Zone, cal.Week)
	for _, day := range slices.Sorted(maps.Keys(cal.Days)) {
		fmt.Fprintf(h, " %q %v", day, cal.Days[day])
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:12])
}

func (f *Folder) room(store string) (*room, error) {
	if r := f.rooms[store]; r != nil {
		return r, nil
	}
	return nil, fmt.Errorf("read figures: store %.60q is not one of this back office", store)
}

// thenRoom is the room to answer a question as of a position in: r, or one with
// the calendar of then.
func (f *Folder) thenRoom(ctx context.Context, r *room, asOf *uint64) (*room, error) {
	if asOf == nil || f.cfg.CalendarAt == nil {
		return r, nil
	}
	cal, err := f.cfg.CalendarAt(ctx, r.Name, *asOf)
	if err != nil || markOf(cal) == r.mark {
		return r, err
	}
	then := &room{Store: r.Store, mark: markOf(cal), then: true}
	then.Calendar = cal
	return then, nil
}

// now is shop time in whole milliseconds, as answers state it.
func (f *Folder) now() time.Time { return f.cfg.Now().Truncate(time.Millisecond) }

// String names the task.
func (f *Folder) String() string { return "figures" }

// Ready is closed once every store was folded to where its ledger stood, of those
// that are ours.
func (f *Folder) Ready() <-chan struct{} { return f.ready }

// Run folds what became stale until ctx ends. What fails is tried again. A round
// that took long, because there are many stores or much comes in, is followed by
// a long pause: a question folds what is stale, so nobody waits for the next one.
func (f *Folder) Run(ctx context.Context) error {
	done := false
	for {
		failed, began := error(nil), time.Now()
		for _, s := range f.cfg.Stores {
			if f.cfg.Ours != nil && !f.cfg.Ours(s.Name) {
				continue
			}
			if err := f.Fold(ctx, s.Name); err != nil && ctx.Err() == nil {
				failed = err
			}
		}
		switch {
		case failed != nil:
			f.log.Warn("figures cannot be folded; they are tried again", "err", failed)
		case !done && ctx.Err() == nil:
			done = true
			close(f.ready)
		}
		select {
		case <-time.After(max(f.cfg.Every, min(pauseShare*time.Since(began), longestPause))):
		case <-ctx.Done():
			return nil
		}
	}
}

// A Folder that runs takes a fifth of the time, unless that would be too seldom.
const (
	pauseShare   = 4
	longestPause = 20 * time.Second
)

// Fold folds what is stale in a store, up to where its ledger stands now.
func (f *Folder) Fold(ctx context.Context, store string) error {
	r, err := f.room(store)
	if err != nil {
		return err
	}
	if fresh, err := f.fresh(ctx, r); fresh || err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return f.fold(ctx, r, nil, false)
}

// fresh says whether nothing came since the store was last folded.
func (f *Folder) fresh(ctx context.Context, r *room) (bool, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if !r.whole || !r.next.IsZero() && !r.next.After(f.now()) {
		return false, nil
	}
	at, err := f.cfg.Ledger.Position(ctx)
	return at == r.at, err
}

// folded folds what is stale and runs read while nothing is folded. read is
// given the position that what is kept is true for.
func (f *Folder) folded(ctx context.Context, store string, read func(r *room, at uint64) error) error {
	r, err := f.room(store)
	if err != nil {
		return err
	}
	for range maxFold {
		if err := f.Fold(ctx, store); err != nil {
			return err
		}
		if done, err := f.reading(ctx, r, read); done || err != nil {
			return err
		}
	}
	return fmt.Errorf("read figures of %s: %w all the time", store, backoffice.ErrFolded)
}

func (f *Folder) reading(ctx context.Context, r *room, read func(*room, uint64) error) (done bool, err error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	is, err := f.cfg.Ledger.Folded(ctx, r.Name)
	if err != nil || !r.whole || is.Round != r.round {
		return false, err
	}
	return true, read(r, r.at)
}

// Rebuild drops what is kept of a store and folds it from the beginning.
func (f *Folder) Rebuild(ctx context.Context, store string) error {
	r, err := f.room(store)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.whole = false
	s, err := f.sweep(ctx)
	if err != nil {
		return err
	}
	return f.fold(ctx, r, f.lookOut(ctx, r, backoffice.Cursor{}, s), true)
}
