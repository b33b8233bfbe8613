package kioskapp

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"baylight/cmd/internal/task"
	"baylight/kiosk"
	"baylight/kiosk/floor"
	"baylight/sync/link"
	"baylight/sync/uplink"
	"baylight/sync/wire"
)

// keepEvery is how often what was heard of visits is written: a card wears, and
// the broker has it all still. Real time.
const keepEvery = time.Second

// lastWithin bounds what is still written at the end. Real time.
const lastWithin = 2 * time.Second

// listName is the file of the list; visits are named after their ids.
const listName = "open"

// visits is what the back office says of the visits of the whole store. It goes
// to the station as it comes, and a moment later to a folder beside the journal,
// a file each: a board that starts without network knows what it knew.
type visits struct {
	dir   string
	cal   kiosk.Calendar
	hear  func(context.Context, floor.News) error
	alarm func(uplink.Alarm)
	log   *slog.Logger

	mu    sync.Mutex
	kept  map[string][sha256.Size]byte // of what is in a file, or will be, by its name
	dirty map[string][]byte            // by name of the file; empty: to be deleted
	open  []string                     // the ids last listed
	wake  chan struct{}
}

// neighbours subscribes to the visits of the store and gives what was known of
// them when the board last ran.
func (a *app) neighbours() (known floor.News, err error) {
	v := &visits{dir: filepath.Join(a.set.Data, "visits"), cal: a.set.Store.Calendar, log: a.log, alarm: a.notices.add,
		hear: func(ctx context.Context, n floor.News) error { return a.station.Hear(ctx, n) },
		kept: map[string][sha256.Size]byte{}, dirty: map[string][]byte{}, wake: make(chan struct{}, 1)}
	if v.cal.Zone == nil {
		v.cal.Zone = time.UTC
	}
	if known, err = v.load(); err != nil {
		return known, err
	}
	store := a.topics.Store()
	a.link.Handle(store.Visits(), wire.QoS, v.heard)
	a.link.Handle(store.AllVisits(), wire.QoS, v.heard)
	a.tasks = append(a.tasks, task.Func("visits of the store", v.run))
	return known, nil
}

// load reads what was kept. A file that is not whole is left out: the broker has
// that visit still.
func (v *visits) load() (n floor.News, err error) {
	if err := os.MkdirAll(v.dir, 0o700); err != nil {
		return n, fmt.Errorf("make folder for visits: %w", err)
	}
	files, err := filepath.Glob(filepath.Join(v.dir, "*.json"))
	if err != nil {
		return n, fmt.Errorf("list visits: %w", err)
	}
	for _, path := range files[:min(len(files), floor.MaxElsewhere+1)] {
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		raw, err := os.ReadFile(path)
		if err != nil {
			return n, fmt.Errorf("read visit: %w", err)
		}
		one, err := v.read(name, raw)
		if err != nil {
			v.log.Warn("a visit kept on disk is not readable, the back office sends it again", "file", path, "error", err)
			continue
		}
		v.kept[name] = sha256.Sum256(raw)
		n.Visits = append(n.Visits, one.Visits...)
		if one.Listing != nil {
			n.Listing, v.open = one.Listing, one.Listing.Open
		}
	}
	return n, nil
}

// read reads the message that is kept under a name.
func (v *visits) read(name string, payload []byte) (n floor.News, err error) {
	if name == listName {
		l, err := wire.DecodeVisits(payload)
		if err != nil {
			return n, err
		}
		n.Listing = &floor.Listing{Open: l.Visits, Seen: seen(l.Seen), Complete: l.LeftOut == 0}
		return n, nil
	}
	w, err := wire.DecodeVisit(payload)
	if err != nil {
		return n, err
	}
	if w.Visit != name {
		return n, fmt.Errorf("the state of visit %s came as that of %s", w.Visit, name)
	}
	e := floor.Elsewhere{Visit: w.Visit, Seen: seen(w.Seen), Size: len(payload)}
	if e.Events, err = w.Past(); err != nil {
		return n, err
	}
	if len(e.Events) == 0 {
		e.State = w.State(v.cal)
	}
	if w.Risk != nil {
		e.Risk = &floor.Risk{P: float64(w.Risk.P), At: w.Risk.At}
	}
	n.Visits = []floor.Elsewhere{e}
	return n, nil
}

func seen(in []wire.Seen) (out []floor.Seen) {
	for _, s := range in {
		out = append(out, floor.Seen{Source: s.Source, Epoch: s.Epoch, Through: s.Through})
	}
	return out
}

// heard takes a message. What cannot be right changes nothing and is told once.
func (v *visits) heard(ctx context.Context, m link.Message) {
	if err := v.take(ctx, m); err != nil && ctx.Err() == nil {
		v.log.Error("word of a visit refused", "topic", m.Topic, "error", err)
		v.alarm(uplink.Alarm{Kind: "visits", Text: err.Error()})
	}
}

func (v *visits) take(ctx context.Context, m link.Message) error {
	t, err := wire.ParseTopic(m.Topic)
	if err != nil || t.Kind != wire.KindVisits {
		return errors.Join(err, errors.New("no topic of visits"))
	}
	name := t.Name
	switch {
	case len(m.Payload) == 0 && name == "":
		return nil // somebody cleared the list; that ends nothing
	case len(m.Payload) == 0:
		v.keep(name, nil) // it ended; the list says so too
		return nil
	case name == "":
		name = listName
	}
	n, err := v.read(name, m.Payload)
	if err != nil {
		return err
	}
	if err := v.hear(ctx, n); err != nil {
		return err
	}
	if l := n.Listing; l == nil {
		v.keep(name, m.Payload)
	} else {
		if l.Complete {
			v.drop(l.Open)
		}
		if v.relisted(l.Open) {
			v.keep(name, m.Payload)
		}
	}
	return nil
}

// drop deletes the files of visits that are not open any more: their last word may
// have come while the board was off. If one of them is newer than the list, the
// next list has it, and it is kept again with the next word of it.
func (v *visits) drop(open []string) {
	v.mu.Lock()
	var over []string
	for name := range v.kept {
		if _, is := slices.BinarySearch(open, name); !is && name != listName {
			over = append(over, name)
		}
	}
	v.mu.Unlock()
	for _, name := range over {
		v.keep(name, nil)
	}
}

// relisted says whether other visits are open than before. How far the list has
// seen changes with every event and is not worth a write.
func (v *visits) relisted(open []string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	same := slices.Equal(v.open, open)
	v.open = open
	return !same
}

// keep has a message written, or a file deleted. A broker sends all it holds with
// every connection: what is in its file already costs the card nothing.
func (v *visits) keep(name string, payload []byte) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if sum := sha256.Sum256(payload); len(payload) == 0 {
		delete(v.kept, name)
	} else if v.kept[name] == sum {
		return
	} else {
		v.kept[name] = sum
	}
	v.dirty[name] = payload
	select {
	case v.wake <- struct{}{}:
	default: // it is awake
	}
}

// run writes what was heard until ctx ends, and what is left then.
func (v *visits) run(ctx context.Context) error {
	pause := time.NewTicker(keepEvery)
	defer pause.Stop()
	for {
		select {
		case <-ctx.Done():
			last, done := context.WithTimeout(context.WithoutCancel(ctx), lastWithin)
			defer done()
			v.flush(last)
			return nil
		case <-v.wake:
		}
		v.flush(ctx)
		select {
		case <-ctx.Done():
		case <-pause.C:
		}
	}
}

// flush writes what is dirty, until ctx ends. What cannot be written is gone at
// the next start without network, and that is all.
func (v *visits) flush(ctx context.Context) {
	var errs []error
	wrote := false
	for ctx.Err() == nil {
		name, payload, any := v.next()
		if !any {
			break
		}
		wrote = true
		if err := v.write(name, payload); err != nil {
			errs = append(errs, err)
			v.mu.Lock()
			delete(v.kept, name)
			v.mu.Unlock()
		}
	}
	if wrote {
		errs = append(errs, settle(v.dir))
	}
	if err := errors.Join(errs...); err != nil {
		v.log.Warn("visits of the store are not kept on disk", "error", err)
	}
}

// next takes one of what is dirty.
func (v *visits) next() (name string, payload []byte, any bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for name, payload = range v.dirty {
		delete(v.dirty, name)
		return name, payload, true
	}
	return "", nil, false
}

func (v *visits) write(name string, payload []byte) error {
	path := filepath.Join(v.dir, name+".json")
	if len(payload) > 0 {
		return replace(path, payload)
	}
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// replace writes a file so that a power cut leaves the old one or the new one,
// once its folder is settled.
func replace(path string, b []byte) error {
	f, err := os.OpenFile(path+".part", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(path+".part", path)
}

// settle makes a folder's own entries durable.
func settle(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
