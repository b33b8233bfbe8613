package officeapp

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net/http"
	"time"

	"baylight/cmd/internal/settings"
	"baylight/kiosk/staff"
	"baylight/sync/backoffice/dashboard"
	"baylight/sync/backoffice/roster"
	"baylight/sync/backoffice/transfer"
	"baylight/sync/wire"
)

// rosters are who works in the stores, by their names.
type rosters map[string]*roster.Roster

// open makes the roster of one store.
func (all rosters) open(ctx context.Context, c *connections, people *staff.Directory, s settings.Store, l *storeLine, door *staff.Door) (*roster.Roster, error) {
	o, office := c.o, c.office
	r, err := roster.Open(ctx, roster.Config{Store: s.Name, Tag: s.Tag, Key: s.Key, Ledger: office.Ledger().ID(), Setup: settings.SetupOf(s), People: people, Seed: o.Settings.Staff,
		Papers: c.shelf, Office: c.shelf.name, Mine: func() bool { return c.holds(s.Name) }, SignOut: door.SignOutPerson, Random: draw,
		Now: func() time.Time { return o.Clock.Now().Wall },
		Keep: func(ctx context.Context, setup wire.Setup, by, why string) error {
			return office.KeepSetup(ctx, s.Name, setup, by, why)
		},
		Link: l, Log: o.Log})
	if err == nil {
		all[s.Name] = r
	}
	return r, err
}

func draw() uint32 {
	var b [4]byte
	_, _ = rand.Read(b[:]) // it never fails
	return binary.BigEndian.Uint32(b[:])
}

// handler answers GET and POST /api/v1/staff.
func (all rosters) handler(f front) http.Handler {
	may := func(r *http.Request) (by string, status int, why string) {
		if f.token(r) {
			return "", 0, ""
		}
		by, err := f.who(r, staff.Manager)
		if refused := (*transfer.Refused)(nil); errors.As(err, &refused) {
			return "", refused.Status, refused.Detail
		}
		return by, 0, ""
	}
	return roster.Handler(may, func(store string) *roster.Roster {
		if store == "" && len(all) == 1 {
			store = f.set.Stores[0].Name
		}
		return all[store]
	})
}

// page is the roster of a store for the dashboard's page, nil if there is none.
func (all rosters) page(store string) dashboard.Roster {
	if r := all[store]; r != nil {
		return r
	}
	return nil
}
