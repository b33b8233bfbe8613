package officeapp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"

	"baylight/cmd/internal/settings"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/ledger"
	"baylight/sync/backoffice/ledger/pgledger"
	"baylight/sync/backoffice/takeover"
)

// shelf is the ledger of an office and what goes with its being open.
type shelf struct {
	backoffice.Ledger
	shared *pgledger.Ledger // nil: it is a file of this office's own
	name   string           // of this office among those that share it, "" if it is alone
	close  func() error
	renew  func(context.Context) error           // gives it a new id, once closed
	sound  func(context.Context) (string, error) // reads a file through: "ok", or what is wrong
}

// openShelf opens the ledger that the settings name.
func openShelf(ctx context.Context, set *settings.Office) (*shelf, error) {
	if set.Ledger.Postgres != "" {
		c := postgres(set)
		book, err := pgledger.Open(ctx, c)
		if err != nil {
			return nil, fmt.Errorf("ledger.postgres: %w", err)
		}
		return &shelf{Ledger: book, shared: book, name: nameOf(set), close: func() error { book.Close(); return nil },
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
	return &shelf{Ledger: book, sound: book.Sound, close: func() error { return errors.Join(book.Close(), held.Close()) },
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

// nameOf is what an office is called among those that share a ledger.
func nameOf(set *settings.Office) string {
	host, _ := os.Hostname() // without one the address will do
	return cmp.Or(set.Ledger.Name, host, set.HTTP.Listen)
}

// takeOver brings into the ledger what earlier versions kept in files.
func (s *shelf) takeOver(ctx context.Context, set *settings.Office, log *slog.Logger) error {
	c := takeover.Config{Ledger: s, Dir: set.Data, Log: log}
	for _, one := range set.Stores {
		c.Stores = append(c.Stores, one.Name)
	}
	return takeover.Run(ctx, c)
}

// KeepPapers is that of the ledger. If another office has the store, it says which.
func (s *shelf) KeepPapers(ctx context.Context, store, kind string, was uint64, papers []backoffice.Paper) (uint64, error) {
	revision, err := s.Ledger.KeepPapers(ctx, store, kind, was, papers)
	if s.shared != nil && errors.Is(err, backoffice.ErrNotHeld) {
		return 0, s.elsewhere(ctx, store)
	}
	return revision, err
}

// elsewhere says which office has a store, as an error.
func (s *shelf) elsewhere(ctx context.Context, store string) error {
	leases, err := s.shared.Leases(ctx)
	i := slices.IndexFunc(leases, func(l pgledger.Lease) bool { return l.Store == store && l.Office != "" })
	if err != nil || i < 0 {
		return fmt.Errorf("%w, which is not known yet: try again in a few seconds", backoffice.ErrNotHeld)
	}
	return &backoffice.Elsewhere{Office: leases[i].Office, URL: leases[i].URL}
}
