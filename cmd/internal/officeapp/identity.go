package officeapp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"baylight/cmd/internal/settings"
	"baylight/cmd/internal/task"
	"baylight/kiosk/clock"
	"baylight/sync/identity"
)

// errNoIdentity is of an office that gives out no certificates.
var errNoIdentity = errors.New("this office gives out no certificates: [identity] is missing in its configuration (the example has one)")

// OpenAuthority opens the authority that signs the certificates of an office's
// boards, also while the back office runs. Error: also when the settings name none,
// and where the office shares its ledger and has none yet: making one is for the
// office itself, which asks the ledger first.
func OpenAuthority(set *settings.Office, now func() time.Time, log *slog.Logger) (*identity.Authority, error) {
	if set.Identity == nil {
		return nil, errNoIdentity
	}
	if set.Ledger.Postgres != "" {
		if _, err := identity.Fingerprint(set.Identity.Dir); err != nil {
			return nil, fmt.Errorf("open authority: %w; the back office makes it when it first runs, unless the database knows one", err)
		}
	}
	return openAuthority(set, now, log)
}

func openAuthority(set *settings.Office, now func() time.Time, log *slog.Logger) (*identity.Authority, error) {
	id := set.Identity
	c := identity.Config{Dir: id.Dir, BrokerDir: id.BrokerDir, Names: id.Names, Address: id.Address, Broker: id.Broker, Now: now, Built: clock.Built(), Log: log}
	for _, s := range set.Stores {
		c.Stores = append(c.Stores, s.Name)
	}
	return identity.Open(c)
}

// identify opens the authority and gives what has to run for it; nothing if the
// settings name none. Certificates are of real time, also where the shop's is another.
func (c *connections) identify(ctx context.Context) ([]task.Task, error) {
	set := c.o.Settings
	if set.Identity == nil {
		return nil, nil
	}
	a, err := c.shelf.ownAuthority(ctx, set, c.o.Log)
	if err != nil {
		return nil, err
	}
	l, err := a.Listen(set.Identity.Listen)
	if err != nil {
		return nil, fmt.Errorf("open %s for boards that enrol: %w", set.Identity.Listen, err)
	}
	c.authority = a
	return []task.Task{a, &task.Web{Name: "enrolment", Listener: l, Bounded: true, Handler: func(ctx context.Context) *http.Server { return a.Server(ctx) }}}, nil
}

// brokerTLS are the settings of an office's connections to its broker: with a
// certificate of its own authority, or as any other program on this machine.
func (c *connections) brokerTLS(store string) func() (*tls.Config, error) {
	if c.authority == nil || !strings.HasPrefix(c.o.Settings.MQTT.URL, "mqtts://") {
		return nil
	}
	return func() (*tls.Config, error) { return c.authority.OfficeTLS(store) }
}
