package officeapp

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"baylight/cmd/internal/task"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/booking"
	"baylight/sync/backoffice/ledger/pgledger"
	"baylight/sync/backoffice/roster"
	"baylight/sync/identity"
	"baylight/sync/link"
	"baylight/sync/wire"
)

// storeLine is the link of a store to those that only publish: the one of the present
// lease, or one that is never connected.
type storeLine struct{ now atomic.Pointer[link.Link] }

// newLine makes one that stands at a link.
func newLine(l *link.Link) *storeLine {
	s := &storeLine{}
	s.now.Store(l)
	return s
}

// Status is that of the present link.
func (s *storeLine) Status() link.Status { return s.now.Load().Status() }

// Publish goes the way of the present link.
func (s *storeLine) Publish(topic string, qos byte, retain bool, payload []byte) *link.Token {
	return s.now.Load().Publish(topic, qos, retain, payload)
}

// errLapsed keeps a link from connecting under a lease that may have run out: it
// would throw out whoever has the store now.
var errLapsed = errors.New("the lease of the store may have run out")

// connections are the links of an office to the broker, one for each store.
type connections struct {
	o      Options
	office *backoffice.Office
	shelf  *shelf
	leases *pgledger.Office // nil: every store is the office's own
	lines  map[string]*storeLine
	books  bookings
	rolls  rosters

	authority *identity.Authority // nil: none
}

// holds says whether a store is the office's, as far as it can tell without asking.
func (c *connections) holds(store string) bool {
	return c.shelf.shared == nil || c.leases != nil && c.leases.Holds(store)
}

func (c *connections) config(store string) link.Config {
	set := c.o.Settings
	topics, _ := wire.NewStore(store) // the settings' names are good
	cfg := link.Config{
		Broker: set.MQTT.URL, ClientID: topics.ClientID(),
		Credentials: func() (string, string, error) {
			if !c.holds(store) {
				return "", "", errLapsed
			}
			return set.MQTT.User, set.MQTT.Password, nil
		},
		TLS: c.brokerTLS(store),
		Min: c.o.ReconnectMin, Max: c.o.ReconnectMax,
	}
	set.MQTT.Tune(&cfg)
	return cfg
}

// open gives the link of a store, and what has to run for it.
func (c *connections) open(store string) (*storeLine, []task.Task, error) {
	if c.shelf.shared == nil {
		l, err := c.office.Connect(store, c.config(store), c.o.Log)
		if err != nil {
			return nil, nil, err
		}
		c.lines[store] = newLine(l)
		return c.lines[store], []task.Task{l}, nil
	}
	idle, err := link.New(c.config(store), nil) // it is never run
	if err != nil {
		return nil, nil, err
	}
	c.lines[store] = newLine(idle)
	return c.lines[store], nil, nil
}

// join takes part in dividing the stores, if the ledger is shared.
func (c *connections) join(ctx context.Context) ([]task.Task, error) {
	if c.shelf.shared == nil {
		return nil, nil
	}
	set := c.o.Settings
	var names []string
	for _, s := range set.Stores {
		names = append(names, s.Name)
	}
	var err error
	c.leases, err = c.shelf.shared.Join(ctx, pgledger.OfficeConfig{Name: c.shelf.name, URL: set.HTTP.Listen,
		Stores: names, Tend: c.tend, Log: c.o.Log})
	if err != nil {
		return nil, err
	}
	return []task.Task{c.leases, &follower{c: c, ready: make(chan struct{})}}, nil
}

// tend answers for a store until ctx ends; what fails is tried again. What the
// office before kept of the store is read first: boards are told that.
func (c *connections) tend(ctx context.Context, store string, term uint64) {
	idle := c.lines[store].now.Load()
	defer c.lines[store].now.Store(idle)
	for ctx.Err() == nil {
		err := errors.Join(c.books[store].Refresh(ctx), c.rolls[store].Refresh(ctx))
		if err == nil {
			err = c.office.Tend(ctx, store, term, c.config(store), c.o.Log, func(l *link.Link) { c.lines[store].now.Store(l) })
		}
		if ctx.Err() != nil {
			return
		}
		c.o.Log.Error("a store is not answered for; trying again", "store", store, "err", err)
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
	}
}

// followEvery is how often an office looks what others keep of stores.
const followEvery = 2 * time.Second

// follower keeps what an office knows of bookings and staff at what the offices
// that have the stores keep, so that every office shows it and lets the same people in.
type follower struct {
	c     *connections
	ready chan struct{}
	upTo  uint64 // revision of what is known; at first everything is read once more
}

// String names the task.
func (f *follower) String() string { return "papers of other offices" }

// Ready is closed once Run has begun.
func (f *follower) Ready() <-chan struct{} { return f.ready }

// Run follows until ctx ends.
func (f *follower) Run(ctx context.Context) error {
	close(f.ready)
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := f.look(ctx); err != nil && ctx.Err() == nil {
				f.c.o.Log.Warn("bookings and staff cannot be read; it is tried again", "err", err)
			}
		case <-ctx.Done():
			return nil
		}
	}
}

func (f *follower) look(ctx context.Context) error {
	changed, err := f.c.shelf.PapersSince(ctx, f.upTo)
	if err != nil {
		return err
	}
	var failed error // what cannot be read is tried again, and keeps no other store from being read
	for _, p := range changed {
		var err error
		if book := f.c.books[p.Store]; book != nil && p.Kind == booking.Kind {
			err = book.Refresh(ctx)
		}
		if roll := f.c.rolls[p.Store]; roll != nil && p.Kind == roster.Kind {
			err = roll.Refresh(ctx)
		}
		if failed = errors.Join(failed, err); failed == nil {
			f.upTo = p.Revision
		}
	}
	return failed
}
