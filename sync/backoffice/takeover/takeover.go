// Package takeover brings into the ledger what earlier programs kept in files
// beside it: bookings, staff and the audit log.
//
//	audit/2026-11.jsonl        ─▶ lines of the trail
//	staff/{store}.json         ─▶ papers of staff: each person as changed last
//	bookings/{store}/{day}.json ─▶ papers of bookings: each day as imported last
//
// A file is renamed to ….taken-over once what it says is durable in the ledger,
// not before, and never deleted here. Taking over the same file again does no
// harm, so a power cut at any point loses nothing and doubles nothing: the next
// start goes on. Run it before the office takes part in the leases, so that files
// of stores that another office has are taken over as well; revisions keep the two
// from undoing each other's.
//
// It owns no goroutine and reads no clock.
package takeover

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"baylight/sync/backoffice"
	"baylight/sync/backoffice/audit"
	"baylight/sync/backoffice/booking"
	"baylight/sync/backoffice/roster"
	"baylight/sync/wire"
)

// Ledger is where it goes; a backoffice.Ledger is one.
type Ledger interface {
	Papers(ctx context.Context, store, kind string) ([]backoffice.Paper, uint64, error)
	KeepPapers(ctx context.Context, store, kind string, was uint64, papers []backoffice.Paper) (uint64, error)
	Append(ctx context.Context, lines []backoffice.TrailLine) error
}

// Config says what is taken over from where.
type Config struct {
	Ledger Ledger
	Dir    string   // the office's data folder
	Stores []string // files of others are left alone
	Log    *slog.Logger

	step func(what string) error // asked before each step of a test
}

// Suffix is what the name of a file that was taken over ends in, perhaps with a
// number after it.
const Suffix = ".taken-over"

// Run takes over what there is. A file that cannot be read is left where it is:
// with a warning if it is a day of bookings, else with an error.
func Run(ctx context.Context, c Config) error {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.step == nil {
		c.step = func(string) error { return nil }
	}
	if err := c.audit(ctx); err != nil {
		return fmt.Errorf("take over audit log: %w", err)
	}
	for _, s := range c.Stores {
		if err := c.staff(ctx, s); err != nil {
			return fmt.Errorf("take over staff of %s: %w", s, err)
		}
		if err := c.bookings(ctx, s); err != nil {
			return fmt.Errorf("take over bookings of %s: %w", s, err)
		}
	}
	return nil
}

// lines is how many are appended at a time.
const lines = 500

func (c Config) audit(ctx context.Context) error {
	files, err := filepath.Glob(filepath.Join(c.Dir, "audit", "????-??.jsonl"))
	if err != nil {
		return err
	}
	slices.Sort(files) // by month
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		for part := range slices.Chunk(audit.FromFile(filepath.Base(name), b), lines) {
			if err := c.step("append " + name); err != nil {
				return err
			}
			if err := c.Ledger.Append(ctx, part); err != nil {
				return err
			}
		}
		if err := c.aside(name); err != nil {
			return err
		}
	}
	return nil
}

func (c Config) staff(ctx context.Context, store string) error {
	name := filepath.Join(c.Dir, "staff", store+".json")
	b, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	if err := c.keep(ctx, store, roster.Kind, func(there map[string]backoffice.Paper) ([]backoffice.Paper, error) {
		merged, changed, err := roster.Merge(there[roster.Paper].Bytes, b)
		if err != nil || !changed {
			return nil, err
		}
		return []backoffice.Paper{{Name: roster.Paper, At: info.ModTime(), Bytes: merged}}, nil
	}); err != nil {
		return err
	}
	return c.aside(name)
}

func (c Config) bookings(ctx context.Context, store string) error {
	files, err := filepath.Glob(filepath.Join(c.Dir, "bookings", store, "*.json"))
	if err != nil || len(files) == 0 {
		return err
	}
	var days []backoffice.Paper
	var whole []string
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		info, err := os.Stat(name)
		if err != nil {
			return err
		}
		d, err := wire.DecodeBookings(b)
		if err != nil || d.Day+".json" != filepath.Base(name) {
			c.Log.Warn("a file of bookings is damaged and is left where it is: import that day again", "file", name, "err", err)
			continue
		}
		days, whole = append(days, backoffice.Paper{Name: d.Day, At: info.ModTime(), Bytes: b}), append(whole, name)
	}
	if err := c.keep(ctx, store, booking.Kind, func(there map[string]backoffice.Paper) (out []backoffice.Paper, err error) {
		for _, d := range days {
			if is, ok := there[d.Name]; !ok || d.At.UnixMilli() > is.At.UnixMilli() {
				out = append(out, d)
			}
		}
		return out, nil
	}); err != nil {
		return err
	}
	for _, name := range whole {
		if err := c.aside(name); err != nil {
			return err
		}
	}
	return nil
}

// keep keeps what f makes of the papers that are there, if anything.
func (c Config) keep(ctx context.Context, store, kind string, f func(there map[string]backoffice.Paper) ([]backoffice.Paper, error)) error {
	for {
		list, revision, err := c.Ledger.Papers(ctx, store, kind)
		if err != nil {
			return err
		}
		there := map[string]backoffice.Paper{}
		for _, p := range list {
			there[p.Name] = p
		}
		papers, err := f(there)
		if err != nil || len(papers) == 0 {
			return err
		}
		if err := c.step("keep " + kind + " of " + store); err != nil {
			return err
		}
		if _, err = c.Ledger.KeepPapers(ctx, store, kind, revision, papers); !errors.Is(err, backoffice.ErrPapers) {
			return err
		}
	}
}

// aside renames a file that was taken over, to a name that is free.
func (c Config) aside(name string) error {
	if err := c.step("rename " + name); err != nil {
		return err
	}
	to := name + Suffix
	for n := 2; ; n++ {
		if _, err := os.Lstat(to); errors.Is(err, fs.ErrNotExist) {
			break
		} else if err != nil {
			return err
		}
		to = fmt.Sprintf("%s%s-%d", name, Suffix, n)
	}
	if err := os.Rename(name, to); err != nil {
		return err
	}
	c.Log.Info("a file of an earlier version stands in the ledger now", "file", name, "kept", to)
	if err := c.step("settle " + name); err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(name))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
