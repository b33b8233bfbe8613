package officeapp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"baylight/cmd/internal/settings"
	"baylight/cmd/internal/task"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/ledger"
	"baylight/sync/backoffice/ledger/pgledger"
	"baylight/sync/link"
)

// shelf is the ledger of an office and what goes with its being open.
type shelf struct {
	backoffice.Ledger
	shared *pgledger.Ledger // nil: it is a file of this office's own
	close  func() error
	renew  func(context.Context) error // gives it a new id, once closed
}

// openShelf opens the ledger that the settings name.
func openShelf(ctx context.Context, set *settings.Office) (*shelf, error) {
	if set.Ledger.Postgres != "" {
		c := postgres(set)
		book, err := pgledger.Open(ctx, c)
		if err != nil {
			return nil, fmt.Errorf("ledger.postgres: %w", err)
		}
		return &shelf{Ledger: book, shared: book, close: func() error { book.Close(); return nil },
			renew: func(ctx context.Context) error { _, err := pgledger.Renew(ctx, c); return err }}, nil
	}
	held, err := lock(LedgerPath(set))
	if err != nil {
		return nil, err
	}
	book, err := ledger.Open(LedgerPath(set))
	if err != nil {
		return nil, errors.Join(err, held.Close())
	}
	return &shelf{Ledger: book, close: func() error { return errors.Join(book.Close(), held.Close()) },
		renew: func(ctx context.Context) error { return ledger.Renew(ctx, LedgerPath(set)) }}, nil
}

// postgres is where the shared ledger is. The password is read again for every
// connection, so that it may be changed without a restart.
func postgres(set *settings.Office) pgledger.Config {
	c := pgledger.Config{URL: set.Ledger.Postgres, Partitions: set.Ledger.Partitions}
	if file := set.Ledger.PasswordFile; file != "" {
		c.Password = func() (string, error) { return settings.Secret(file) }
	}
	return c
}

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
}

func (c *connections) config(store string) link.Config {
	set := c.o.Settings
	return link.Config{
		Broker: set.MQTT.URL, ClientID: "backoffice." + store,
		Credentials: func() (string, string, error) {
			if c.leases != nil && !c.leases.Holds(store) {
				return "", "", errLapsed
			}
			return set.MQTT.User, set.MQTT.Password, nil
		},
		Min: c.o.ReconnectMin, Max: c.o.ReconnectMax,
	}
}

// open gives the link of a store, and what has to run for it.
func (c *connections) open(store string) (*storeLine, []task.Task, error) {
	if c.shelf.shared == nil {
		l, err := c.office.Connect(store, c.config(store), c.o.Log)
		if err != nil {
			return nil, nil, err
		}
		return newLine(l), []task.Task{l}, nil
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
	host, _ := os.Hostname() // without one the address will do
	var names []string
	for _, s := range set.Stores {
		names = append(names, s.Name)
	}
	var err error
	c.leases, err = c.shelf.shared.Join(ctx, pgledger.OfficeConfig{Name: cmp.Or(set.Ledger.Name, host, set.HTTP.Listen), URL: set.HTTP.Listen,
		Stores: names, Tend: c.tend, Log: c.o.Log})
	if err != nil {
		return nil, err
	}
	return []task.Task{c.leases}, nil
}

// tend answers for a store until ctx ends; what fails is tried again.
func (c *connections) tend(ctx context.Context, store string, term uint64) {
	idle := c.lines[store].now.Load()
	defer c.lines[store].now.Store(idle)
	for ctx.Err() == nil {
		err := c.office.Tend(ctx, store, term, c.config(store), c.o.Log, func(l *link.Link) { c.lines[store].now.Store(l) })
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
