package booking

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"baylight/sync/backoffice"
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

// Papers is where bookings are kept; a backoffice.Ledger is one.
type Papers interface {
	Papers(ctx context.Context, store, kind string) ([]backoffice.Paper, uint64, error)
	KeepPapers(ctx context.Context, store, kind string, was uint64, papers []backoffice.Paper) (uint64, error)
}

// Kind is what papers of bookings are called: one a day, named by it, with what
// boards are told as its bytes (wire.Bookings).
const Kind = "bookings"

// Config is what a Book is made of.
type Config struct {
	Store  string
	Papers Papers
	Key    []byte // the store's key
	Zone   *time.Location
	Now    func() time.Time // the store's time
	Link   Link
	Log    *slog.Logger // nil discards
}

// Book keeps the bookings of one store and has them retained on its broker. It is
// a task: Run it once.
type Book struct {
	Config
	topics wire.Store
	wake   chan struct{}
	ready  chan struct{}
	keep   sync.Mutex // one who keeps at a time

	mu       sync.Mutex
	days     map[string][]byte // payloads by day
	revision uint64            // of the papers that days are
}

// Open reads what was kept.
func Open(ctx context.Context, c Config) (*Book, error) {
	topics, err := wire.NewStore(c.Store)
	if err != nil {
		return nil, fmt.Errorf("open bookings: %w", err)
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	b := &Book{Config: c, topics: topics, wake: make(chan struct{}, 1), ready: make(chan struct{})}
	if err := b.Refresh(ctx); err != nil {
		return nil, fmt.Errorf("open bookings: %w", err)
	}
	return b, nil
}

// Refresh reads again what was kept, also by others: by the office that had the
// store before, or by who erased a person.
func (b *Book) Refresh(ctx context.Context) error {
	papers, revision, err := b.Papers.Papers(ctx, b.Store, Kind)
	if err != nil {
		return err
	}
	days := map[string][]byte{}
	for _, p := range papers {
		if d, err := wire.DecodeBookings(p.Bytes); err != nil || d.Day != p.Name {
			b.Log.Error("bookings of a day are damaged: import that day again", "store", b.Store, "day", p.Name, "error", err)
			continue
		}
		days[p.Name] = p.Bytes
	}
	b.apply(days, revision)
	return nil
}

// apply makes days what the book says, unless it knows something later.
func (b *Book) apply(days map[string][]byte, revision uint64) {
	b.mu.Lock()
	if b.days == nil || revision > b.revision {
		b.days, b.revision = days, revision
	}
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// patient is how long somebody waits for bookings to be kept.
const patient = 30 * time.Second

// change keeps days beside those that are there; one without a payload goes.
func (b *Book) change(ctx context.Context, days map[string][]byte) error {
	b.keep.Lock()
	defer b.keep.Unlock()
	var papers []backoffice.Paper
	for _, day := range slices.Sorted(maps.Keys(days)) {
		papers = append(papers, backoffice.Paper{Name: day, At: b.Now(), Bytes: days[day]})
	}
	for ctx.Err() == nil {
		b.mu.Lock()
		next, was := maps.Clone(b.days), b.revision
		b.mu.Unlock()
		revision, err := b.Papers.KeepPapers(ctx, b.Store, Kind, was, papers)
		if errors.Is(err, backoffice.ErrPapers) { // another office had the store, or a copy was tried again
			if err := b.Refresh(ctx); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		for day, payload := range days {
			if next[day] = payload; payload == nil {
				delete(next, day)
			}
		}
		b.apply(next, revision)
		return nil
	}
	return ctx.Err()
}

// Import takes what a dealer's system exported: each day in it is replaced. It
// returns how many bookings each day has now, and the columns it ignored. With
// Faults, which say what lines are wrong, or ErrNotHeld of the back office, nothing
// was changed. It goes on if whoever asked has left.
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
	ctx, cancel := context.WithTimeout(context.Background(), patient)
	defer cancel()
	if err := b.change(ctx, payloads); err != nil {
		return nil, ignored, fmt.Errorf("import bookings: %w", err)
	}
	return counts, ignored, nil
}

func lineOn(entries []Entry, day string, zone *time.Location) int {
	i := slices.IndexFunc(entries, func(e Entry) bool { return e.At.In(zone).Format(time.DateOnly) == day })
	return entries[max(i, 0)].Line
}

func (b *Book) today() string { return b.Now().In(b.Zone).Format(time.DateOnly) }

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

// publish sends what the broker does not have, empties what is over, and then
// keeps it no longer.
func (b *Book) publish(ctx context.Context, published map[string]string) {
	b.mu.Lock()
	days := maps.Clone(b.days)
	b.mu.Unlock()
	over := map[string][]byte{}
	for day, payload := range days {
		if day < b.today() {
			payload = nil
			over[day] = nil
		}
		if last, ok := published[day]; ok && last == string(payload) {
			continue
		}
		topic, err := b.topics.Bookings(day)
		if err != nil {
			continue // a paper's name was checked
		}
		wait, cancel := context.WithTimeout(ctx, 10*time.Second)
		err = b.Link.Publish(topic, wire.QoS, true, payload).Wait(wait)
		cancel()
		if err != nil {
			return // the next look tries again
		}
		published[day] = string(payload)
	}
	if len(over) == 0 {
		return
	}
	wait, cancel := context.WithTimeout(ctx, patient)
	defer cancel()
	if err := b.change(wait, over); err != nil && ctx.Err() == nil && !errors.Is(err, backoffice.ErrNotHeld) {
		b.Log.Warn("bookings that are over cannot be dropped; it is tried again", "store", b.Store, "error", err)
	}
}
