package booking

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"baylight/sync/link"
	"baylight/sync/wire"
)

// lookEvery is how often a Book looks whether the connection is another one or
// the day has changed.
const lookEvery = 2 * time.Second

// Link is the connection to a store's broker; *link.Link is one.
type Link interface {
	Status() link.Status
	Publish(topic string, qos byte, retain bool, payload []byte) *link.Token
}

// Config is what a Book is made of.
type Config struct {
	Store string
	Dir   string // for its files; made if it is not there
	Key   []byte // the store's key
	Zone  *time.Location
	Now   func() time.Time // the store's time
	Link  Link
	Log   *slog.Logger // nil discards
}

// Book keeps the bookings of one store and has them retained on its broker.
type Book struct {
	Config
	topics wire.Store
	wake   chan struct{}
	ready  chan struct{}

	mu   sync.Mutex
	days map[string][]byte // payloads by day; empty: to be emptied on the broker
}

// Open reads what was kept.
func Open(c Config) (*Book, error) {
	topics, err := wire.NewStore(c.Store)
	if err != nil {
		return nil, fmt.Errorf("open bookings: %w", err)
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("open bookings: %w", err)
	}
	b := &Book{Config: c, topics: topics, wake: make(chan struct{}, 1), ready: make(chan struct{}), days: map[string][]byte{}}
	files, err := filepath.Glob(filepath.Join(c.Dir, "*.json"))
	if err != nil {
		return nil, fmt.Errorf("open bookings: %w", err)
	}
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("open bookings: %w", err)
		}
		d, err := wire.DecodeBookings(raw)
		if err != nil || d.Day+".json" != filepath.Base(name) {
			c.Log.Error("a file of bookings is damaged: import that day again", "file", name, "error", err)
			continue
		}
		b.days[d.Day] = raw
	}
	return b, nil
}

// Import takes what a dealer's system exported: each day in it is replaced. It
// returns how many bookings each day has now, and the columns it ignored. With
// an error nothing was changed; Faults say which lines are wrong.
func (b *Book) Import(raw []byte) (counts map[string]int, ignored []string, err error) {
	entries, ignored, err := Read(raw, b.Zone)
	if err != nil {
		return nil, ignored, err
	}
	days, err := Days(entries, b.Key, b.Zone)
	if err != nil {
		return nil, ignored, err
	}
	payloads, counts := map[string][]byte{}, map[string]int{}
	for day, d := range days {
		if day < b.today() {
			return nil, ignored, Faults{{lineOn(entries, day, b.Zone), "time", fmt.Sprintf("%s is over", day)}}
		}
		if payloads[day], err = d.Encode(); err != nil {
			return nil, ignored, err
		}
		counts[day] = len(d.Bookings)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, day := range slices.Sorted(maps.Keys(payloads)) {
		if err := b.keep(day, payloads[day]); err != nil {
			return nil, ignored, err
		}
		b.days[day] = payloads[day]
	}
	select {
	case b.wake <- struct{}{}:
	default:
	}
	return counts, ignored, nil
}

func lineOn(entries []Entry, day string, zone *time.Location) int {
	i := slices.IndexFunc(entries, func(e Entry) bool { return e.At.In(zone).Format(time.DateOnly) == day })
	return entries[max(i, 0)].Line
}

func (b *Book) today() string { return b.Now().In(b.Zone).Format(time.DateOnly) }

// keep writes a day's file so that a power cut leaves the old one or the new one.
func (b *Book) keep(day string, payload []byte) error {
	path := filepath.Join(b.Dir, day+".json")
	f, err := os.OpenFile(path+".part", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err == nil {
		_, err = f.Write(payload)
		err = errors.Join(err, f.Sync(), f.Close())
	}
	if err == nil {
		err = os.Rename(path+".part", path)
	}
	if err == nil {
		var d *os.File
		if d, err = os.Open(b.Dir); err == nil {
			err = errors.Join(d.Sync(), d.Close())
		}
	}
	if err != nil {
		return fmt.Errorf("keep bookings of %s: %w", day, err)
	}
	return nil
}

// String names the task.
func (b *Book) String() string { return "bookings of " + b.Store }

// Ready is closed once Run has begun: what is imported while there is no broker
// is published when there is one.
func (b *Book) Ready() <-chan struct{} { return b.ready }

// Run keeps the broker at what the book says, until ctx ends.
func (b *Book) Run(ctx context.Context) error {
	close(b.ready)
	published := map[string]string{}
	session := uint64(0)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		if st := b.Link.Status(); st.Up {
			if st.Session != session {
				session = st.Session
				clear(published)
			}
			b.publish(ctx, published)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-b.wake:
		}
	}
}

// publish sends what the broker does not have, and empties what is over.
func (b *Book) publish(ctx context.Context, published map[string]string) {
	b.mu.Lock()
	days := maps.Clone(b.days)
	b.mu.Unlock()
	for day, payload := range days {
		if day < b.today() {
			payload = nil
		}
		if last, ok := published[day]; ok && last == string(payload) {
			continue
		}
		topic, err := b.topics.Bookings(day)
		if err != nil {
			continue // a file's name was checked
		}
		wait, cancel := context.WithTimeout(ctx, 10*time.Second)
		err = b.Link.Publish(topic, wire.QoS, true, payload).Wait(wait)
		cancel()
		if err != nil {
			return // the next look tries again
		}
		published[day] = string(payload)
		if payload == nil {
			b.forget(day)
		}
	}
}

// forget deletes a day that is over and is emptied on the broker.
func (b *Book) forget(day string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := os.Remove(filepath.Join(b.Dir, day+".json")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		b.Log.Warn("old bookings", "day", day, "error", err)
		return
	}
	delete(b.days, day)
}
