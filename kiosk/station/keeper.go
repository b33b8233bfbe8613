package station

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/floor"
)

// The two snapshots of a journal: the latest, with which a start begins, and
// that at the end of what was pruned, with which a full fold begins.
const (
	latest = "snapshot"
	base   = "base"
)

// restored is the state of the first of the named snapshots that can be used and
// the event after which it is one, or a new state and "".
func restored(cfg floor.Config, s Snapshots, epoch string, log *slog.Logger, names ...string) (st *floor.State, from string, seq uint64) {
	for _, name := range names {
		if s == nil {
			break
		}
		from, seq, b, ok := s.Snapshot(name)
		if !ok {
			continue
		}
		st, err := floor.Restore(cfg, epoch, b)
		if err == nil {
			return st, from, seq
		}
		log.Warn("a snapshot is not used", "name", name, "why", err)
	}
	return floor.New(cfg, epoch), "", 0
}

// Memory is what a Keeper needs of the journal.
type Memory interface {
	Snapshots
	Epoch() string
	Head() uint64
	Replay(after uint64, fn func(kiosk.Event) error) error
	Cursor(name string) (uint64, error)
	// SetSnapshot keeps a state under a name. It must not hold up an append.
	SetSnapshot(name, epoch string, seq uint64, state []byte) error
	DropSnapshot(name string) error
	// Watch gives a signal after events became durable.
	Watch() (signal <-chan struct{}, stop func())
}

// KeeperConfig is what a Keeper is made of.
type KeeperConfig struct {
	Floor   floor.Config
	Journal Memory
	Clock   Clock
	// Prune drops what is old, but nothing from the first of the needed events
	// on, nor what comes after done in the current epoch. It calls settle with the
	// last event that will go before the first one does. nil: nothing is dropped.
	Prune func(ctx context.Context, now time.Time, done uint64, needed []string, settle func(epoch string, seq uint64) error) (uint64, error)
	// Refold is called after a snapshot was found wrong and replaced; see [Station.Refold].
	Refold func(ctx context.Context) error
	Every  uint64                               // events between two snapshots; 0: 1,000
	After  func(time.Duration) <-chan time.Time // real time, for pauses; nil: time.After
	Log    *slog.Logger
}

// Keeper is a task that keeps a journal short to start from: every thousand
// events it makes a snapshot of the state, from the snapshot before and the
// events since, on its own goroutine and with a state of its own, so that no scan
// waits for it. Once after the start and then every day it holds the latest
// snapshot against the fold of all events, and has dropped what is old.
type Keeper struct {
	cfg   KeeperConfig
	log   *slog.Logger
	ready chan struct{}
	wrong atomic.Pointer[string]

	work  sync.Mutex // held while snapshots are read and made anew
	epoch string     // of the last snapshot, or try
	seq   uint64
}

// Pauses of a Keeper: none of its work is urgent.
const (
	settleIn    = time.Minute    // after the start
	daily       = 24 * time.Hour // between two checks
	restEvents  = 256            // between two rests
	restFactor  = 3              // how many times longer it rests than it worked
	everyEvents = 1000
)

// NewKeeper makes the task.
func NewKeeper(cfg KeeperConfig) *Keeper {
	if cfg.Every == 0 {
		cfg.Every = everyEvents
	}
	if cfg.After == nil {
		cfg.After = time.After
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Keeper{cfg: cfg, log: cfg.Log, ready: make(chan struct{})}
}

// String names the task.
func (k *Keeper) String() string { return "snapshots" }

// Ready is closed when Run has begun; nobody needs to wait for a snapshot.
func (k *Keeper) Ready() <-chan struct{} { return k.ready }

// Alarm says that a snapshot was found wrong since the start, "" if none was.
func (k *Keeper) Alarm() string {
	if p := k.wrong.Load(); p != nil {
		return *p
	}
	return ""
}

// Run works until ctx ends. Whatever fails is logged and tried again: a board
// without snapshots only starts more slowly.
func (k *Keeper) Run(ctx context.Context) error {
	signal, stop := k.cfg.Journal.Watch()
	defer stop()
	close(k.ready)
	if epoch, seq, _, ok := k.cfg.Journal.Snapshot(latest); ok {
		k.epoch, k.seq = epoch, seq
	}
	due := k.cfg.After(settleIn)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-signal:
			k.report(ctx, "make a snapshot", k.alone(ctx, k.follow))
		case <-due:
			k.report(ctx, "make a snapshot", k.alone(ctx, k.follow))
			k.report(ctx, "check the snapshot", k.alone(ctx, k.check))
			k.report(ctx, "drop old events", k.alone(ctx, k.prune))
			due = k.cfg.After(daily)
		}
	}
}

func (k *Keeper) report(ctx context.Context, what string, err error) {
	if err != nil && ctx.Err() == nil {
		k.log.Warn("the journal is not kept short", "what", what, "error", err)
	}
}

// follow makes a snapshot if enough has happened since the last one.
func (k *Keeper) follow(ctx context.Context) error {
	epoch, head := k.cfg.Journal.Epoch(), k.cfg.Journal.Head()
	if head == 0 || epoch == k.epoch && head < k.seq+k.cfg.Every {
		return nil
	}
	k.epoch, k.seq = epoch, head // also if it fails: the next try has time
	st, from, seq := restored(k.cfg.Floor, k.cfg.Journal, epoch, k.log, latest, base)
	if err := k.fold(ctx, st, from, seq, nil); err != nil {
		return err
	}
	return k.save(latest, st)
}

// errThere ends a replay that has come to where it was going.
var errThere = errors.New("there")

// fold folds the events after one into a state, those up to another, nil: all.
// It takes a quarter of one core at most and holds nothing while it rests.
func (k *Keeper) fold(ctx context.Context, st *floor.State, from string, seq uint64, until *position) error {
	if until != nil && from == until.epoch && seq == until.seq {
		return nil
	}
	n, start := 0, time.Now()
	fn := func(e kiosk.Event) error {
		st.Replay(e)
		if until != nil && e.Epoch == until.epoch && e.Seq == until.seq {
			return errThere
		}
		if n++; n%restEvents != 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-k.cfg.After(restFactor * time.Since(start)):
		}
		start = time.Now()
		return nil
	}
	var err error
	if from == "" {
		err = k.cfg.Journal.Replay(0, fn)
	} else {
		err = k.cfg.Journal.ReplayFrom(from, seq, fn)
	}
	switch {
	case err == nil && until != nil:
		return fmt.Errorf("event %s is not among those that follow %s", kiosk.EventID(until.epoch, until.seq), kiosk.EventID(from, seq))
	case errors.Is(err, errThere):
		return nil
	}
	return err
}

// position is an event.
type position struct {
	epoch string
	seq   uint64
}

// save keeps a state, unless another epoch began while it was made.
func (k *Keeper) save(name string, st *floor.State) error {
	epoch, seq := st.At()
	if seq == 0 || name == latest && epoch != k.cfg.Journal.Epoch() {
		return nil
	}
	b, err := st.Snapshot()
	if err != nil {
		return err
	}
	if err := k.cfg.Journal.SetSnapshot(name, epoch, seq, b); err != nil {
		return err
	}
	k.log.Info("snapshot kept", "name", name, "epoch", epoch, "after", seq, "bytes", len(b))
	return nil
}

// check folds everything up to the latest snapshot and compares, byte by byte.
// One that is wrong is replaced by the right one, and the station told.
func (k *Keeper) check(ctx context.Context) error {
	epoch, seq, have, ok := k.cfg.Journal.Snapshot(latest)
	if !ok {
		return nil
	}
	st, from, begun := restored(k.cfg.Floor, k.cfg.Journal, epoch, k.log, base)
	if err := k.fold(ctx, st, from, begun, &position{epoch, seq}); err != nil {
		return err
	}
	want, err := st.Snapshot()
	if err != nil || bytes.Equal(have, want) {
		return err
	}
	if _, err := floor.Restore(k.cfg.Floor, epoch, have); err != nil {
		return k.save(latest, st) // of other settings: nobody uses it
	}
	why := fmt.Sprintf("the snapshot after event %s was not what the events say; it was discarded", kiosk.EventID(epoch, seq))
	k.wrong.Store(&why)
	k.log.Error("a snapshot was wrong", "after", kiosk.EventID(epoch, seq), "bytes", len(have), "right", len(want))
	if err := errors.Join(k.cfg.Journal.DropSnapshot(latest), k.save(latest, st)); err != nil {
		return err
	}
	if k.cfg.Refold == nil {
		return nil
	}
	return k.cfg.Refold(ctx)
}

// prune drops what is old, if the clock can be trusted. Before anything goes the
// state at the last event that will is kept.
func (k *Keeper) prune(ctx context.Context) error {
	now := k.cfg.Clock.Now()
	if k.cfg.Prune == nil || now.Clock != kiosk.Synced {
		return nil
	}
	epoch, _, b, ok := k.cfg.Journal.Snapshot(latest)
	if !ok {
		return nil
	}
	st, err := floor.Restore(k.cfg.Floor, epoch, b)
	if err != nil {
		return err
	}
	done, err := k.cfg.Journal.Cursor(paperDone)
	if err != nil {
		return err
	}
	_, err = k.cfg.Prune(ctx, now.Wall, done, st.Needed(), func(epoch string, seq uint64) error {
		st, from, begun := restored(k.cfg.Floor, k.cfg.Journal, epoch, k.log, base)
		if err := k.fold(ctx, st, from, begun, &position{epoch, seq}); err != nil {
			return err
		}
		return k.save(base, st)
	})
	return err
}
