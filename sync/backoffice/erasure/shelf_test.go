package erasure_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"baylight/sync/backoffice"
	"baylight/sync/backoffice/ledger"
	"baylight/sync/backoffice/ledger/memledger"
	"baylight/sync/backoffice/ledger/pgledger"
	"baylight/sync/backoffice/ledger/pgledger/pgtest"
)

// shelf is a kind of ledger under test, empty at the beginning.
type shelf interface {
	open(t fataler) (l backoffice.Ledger, close func())
	backup(t fataler)       // keeps a copy
	restore(t fataler) bool // makes the copy the ledger; false: it cannot
	holds(t fataler, salt string) bool
}

// onShelves checks a property of every kind of ledger, so many times unless the
// flag says otherwise; a server's takes a good deal longer.
func onShelves(tb *testing.T, times int, property func(t *rapid.T, tb testing.TB, s shelf, dir string)) {
	check := func(tb *testing.T, times int, s func(dir string) shelf) {
		if n := flag.Lookup("rapid.checks"); n != nil && n.Value.String() == n.DefValue {
			must(tb, n.Value.Set(strconv.Itoa(times)))
			defer func() { must(tb, n.Value.Set(n.DefValue)) }()
		}
		rapid.Check(tb, func(t *rapid.T) {
			dir, err := os.MkdirTemp("", "erasing")
			must(t, err)
			defer os.RemoveAll(dir)
			property(t, tb, s(dir), dir)
		})
	}
	tb.Run("SQLite", func(tb *testing.T) { check(tb, times, func(dir string) shelf { return file(dir) }) })
	tb.Run("memory", func(tb *testing.T) { check(tb, times, func(string) shelf { return &memory{} }) })
	tb.Run("PostgreSQL", func(tb *testing.T) {
		s := pgtest.Start(tb)
		begun := false
		check(tb, 8, func(string) shelf {
			if begun {
				s.Empty()
			}
			begun = true
			return server{s}
		})
	})
}

// file is the ledger in SQLite, in a folder.
type file string

func (f file) path() string { return filepath.Join(string(f), "ledger.db") }

func (f file) open(t fataler) (backoffice.Ledger, func()) {
	l, err := ledger.Open(f.path())
	must(t, err)
	return l, func() { must(t, l.Close()) }
}

func (f file) backup(t fataler) {
	must(t, ledger.Backup(context.Background(), f.path(), filepath.Join(string(f), "before.db")))
}

func (f file) restore(t fataler) bool {
	for _, ext := range []string{"", "-wal", "-shm"} {
		_ = os.Remove(f.path() + ext) // some are not there
	}
	before := filepath.Join(string(f), "before.db")
	must(t, ledger.Restore(context.Background(), before, f.path()))
	must(t, os.Remove(before))
	return true
}

// holds looks into the files.
func (f file) holds(t fataler, salt string) bool {
	for _, name := range []string{"ledger.db", "ledger.db-wal"} {
		b, err := os.ReadFile(filepath.Join(string(f), name))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte(salt)) {
			return true
		}
	}
	return false
}

// memory is the ledger in memory.
type memory struct{ l *memledger.Ledger }

func (m *memory) open(fataler) (backoffice.Ledger, func()) {
	if m.l == nil {
		m.l = memledger.New("mem")
	}
	return m.l, func() {}
}

func (m *memory) backup(fataler)             {}
func (m *memory) restore(fataler) bool       { return false }
func (m *memory) holds(fataler, string) bool { return false }

// server is the ledger in PostgreSQL. What lies in free space, logs and archives
// of a server is its own affair.
type server struct{ *pgtest.Server }

func (s server) open(t fataler) (backoffice.Ledger, func()) {
	l, err := pgledger.Open(context.Background(), pgledger.Config{URL: s.URL()})
	must(t, err)
	return l, l.Close
}

func (s server) backup(fataler) { s.Keep() }

func (s server) restore(t fataler) bool {
	s.Bring()
	_, err := pgledger.Renew(context.Background(), pgledger.Config{URL: s.URL()})
	must(t, err)
	return true
}

func (s server) holds(fataler, string) bool { return false }
