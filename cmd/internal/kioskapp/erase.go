package kioskapp

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"baylight/cmd/internal/task"
	"baylight/kiosk"
	"baylight/kiosk/floor"
	"baylight/kiosk/journal"
	"baylight/sync/link"
	"baylight/sync/uplink"
	"baylight/sync/wire"
)

// erasuresRefused is an alarm: what the back office says of erasures cannot be
// right, or cannot be done yet.
const erasuresRefused uplink.Kind = "erasures"

// erasuresFile is beside staff and setup: a journal that is restored from a
// backup does not take it along, so that the next start applies it again.
const erasuresFile = "erasures.json"

// retryErasing is how long it waits after it could not erase. Real time.
const retryErasing = 30 * time.Second

// erasures is whom the back office says to forget: it is kept in a file, applied
// to journal, snapshots and the state at once, and at a start before anything is
// served, unless the journal says that it has been through it.
type erasures struct {
	a    *app
	path string
	wake chan struct{}

	one    sync.Mutex // one application at a time
	ageing *ageing    // read and changed while one is held

	mu      sync.Mutex
	list    []kiosk.Erasure
	applied int // how many of the list
}

// forget reads what was kept and subscribes. Call it after learn.
func (a *app) forget() error {
	x := &erasures{a: a, path: filepath.Join(a.told.dir, erasuresFile), wake: make(chan struct{}, 1)}
	a.erasures = x
	raw, err := os.ReadFile(x.path)
	if err == nil {
		var kept wire.Erasures
		if kept, err = wire.DecodeErasures(raw); err != nil {
			a.log.Warn("the kept erasures are not readable, the back office sends them again", "error", err)
		}
		x.list = kept.Erasures
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read erasures: %w", err)
	}
	if err := x.openAgeing(); err != nil {
		return err
	}
	a.link.Handle(a.topics.Store().Erasures(), wire.QoS, func(_ context.Context, m link.Message) { x.heard(m.Payload) })
	a.tasks = append(a.tasks, task.Func("erasures", x.run))
	return nil
}

// forgetFirst applies what was kept, before the station begins.
func (a *app) forgetFirst() error { return a.erasures.apply(context.Background(), false) }

// heard takes the list. What was heard once is never left out again: an emptied
// topic, or a shorter list, brings nobody back.
func (x *erasures) heard(payload []byte) {
	if len(payload) == 0 {
		return
	}
	in, err := wire.DecodeErasures(payload)
	if err == nil {
		err = x.take(in.Erasures)
	}
	if err != nil {
		x.a.log.Warn("refused what the back office says", "of", erasuresFile, "error", err)
		x.a.notices.add(uplink.Alarm{Kind: erasuresRefused, Text: err.Error()})
		return
	}
	select {
	case x.wake <- struct{}{}:
	default: // it is awake
	}
}

func (x *erasures) take(in []kiosk.Erasure) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	all := slices.Clone(x.list)
	for _, e := range in {
		e.By = ""
		if i := slices.IndexFunc(all, e.Same); i >= 0 {
			all[i] = e
		} else {
			all = append(all, e)
		}
	}
	slices.SortStableFunc(all, func(a, b kiosk.Erasure) int { return a.At.Compare(b.At) })
	raw, err := wire.Erasures{Erasures: all}.Encode()
	if err != nil {
		return err
	}
	if err := keepFile(x.path, raw); err != nil {
		return err
	}
	x.list = all
	return nil
}

// run applies what is heard until ctx ends, and tries again what could not be done.
func (x *erasures) run(ctx context.Context) error {
	for {
		var again <-chan time.Time
		if err := errors.Join(x.apply(ctx, true), x.age(ctx)); err != nil && ctx.Err() == nil {
			x.a.log.Error("person parts are not erased yet; it is tried again", "error", err)
			x.a.notices.add(uplink.Alarm{Kind: erasuresRefused, Text: err.Error()})
			again = time.After(retryErasing)
		} else {
			x.a.notices.clear(erasuresRefused)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-x.wake:
		case <-again:
		case <-time.After(ageEvery):
		}
	}
}

// markOf stands for a list in the journal.
func markOf(list []kiosk.Erasure) string {
	if len(list) == 0 {
		return ""
	}
	h := sha256.New()
	for _, e := range list {
		fmt.Fprintf(h, "%s %d %d %d\n", e.Vehicle, e.At.UnixNano(), len(e.Visits), len(e.Plates))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// apply erases what the list covers, unless the journal has been through it. live
// says that the station runs and has to forget as well.
func (x *erasures) apply(ctx context.Context, live bool) error {
	x.one.Lock()
	defer x.one.Unlock()
	x.mu.Lock()
	list := slices.Clone(x.list)
	x.mu.Unlock()
	mark := markOf(list)
	done, err := x.a.journal.Erased()
	if err != nil {
		return err
	}
	if done != mark {
		if err := x.erase(ctx, list, live); err != nil {
			return err
		}
		if err := x.a.journal.SetErased(mark); err != nil {
			return err
		}
	}
	x.mu.Lock()
	x.applied = len(list)
	x.mu.Unlock()
	return nil
}

// erase removes what a list covers: from the journal, then from what was made of
// it. What fails can be done again from the beginning.
func (x *erasures) erase(ctx context.Context, list []kiosk.Erasure, live bool) error {
	j := x.a.journal
	what := kiosk.NewEraser(x.a.set.Store.Key, list)
	if err := j.Parts(ctx, func(p journal.Personal) error {
		what.See(&p.Event, p.Visit, p.Person)
		return ctx.Err()
	}); err != nil {
		return err
	}
	var positions []uint64
	salts := map[string]bool{}
	if err := j.Parts(ctx, func(p journal.Personal) error {
		if len(p.Person) > 0 && what.Covers(p.Visit, p.Event.ID()) {
			positions = append(positions, p.Pos)
			journal.Salts(salts, p.Person)
		}
		return ctx.Err()
	}); err != nil {
		return err
	}
	words := what.Visits()
	for _, e := range list {
		words = append(words, e.Vehicle)
	}
	n, err := x.remove(ctx, positions, salts, what.Covers, words, live)
	if err != nil {
		return err
	}
	x.a.log.Info("person parts erased", "requests", len(list), "parts", n)
	return nil
}

// remove removes parts from the journal, its snapshots and, if live, from the
// state, and databases that were set aside in which one of the words stands; and
// sees to it that nothing of them is left in the files.
func (x *erasures) remove(ctx context.Context, positions []uint64, salts map[string]bool, covers floor.Covers, words []string, live bool) (n int, err error) {
	j := x.a.journal
	if n, err = j.Erase(ctx, positions); err != nil {
		return n, err
	}
	if err := x.a.keeper.Erase(covers); err != nil {
		return n, err
	}
	if live {
		if err := x.a.station.Erase(ctx, covers); err != nil {
			return n, err
		}
	}
	dropped, err := j.DropAside(ctx, words)
	if err != nil {
		return n, err
	}
	if len(dropped) > 0 {
		x.a.log.Info("databases that were set aside are removed", "files", len(dropped))
	}
	return n, x.settle(ctx, salts)
}

// settle sees to it that nothing of the erased parts is left in the files.
func (x *erasures) settle(ctx context.Context, salts map[string]bool) error {
	err := x.a.journal.Settled(ctx)
	for tries := 0; err != nil && tries < 20; tries++ { // a reader is in the way
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
		err = x.a.journal.Settled(ctx)
	}
	if err != nil || len(salts) == 0 {
		return err
	}
	left, err := x.a.journal.Left(ctx, salts)
	if err == nil && left {
		err = errors.New("bytes of erased person parts are still in the journal's file")
	}
	return err
}

// done is how many requests have been applied.
func (x *erasures) done() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.applied
}
