package backoffice_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/ledger"
	"baylight/sync/backoffice/ledger/ledgertest"
	"baylight/sync/link"
	"baylight/sync/wire"
)

// opened opens a ledger until the test ends, or close is called.
func opened(t *testing.T, path string) (l *ledger.Ledger, close func()) {
	t.Helper()
	l, err := ledger.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	done := false
	close = func() {
		if !done {
			done = true
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	t.Cleanup(close)
	return l, close
}

// TestAnOlderLedgerIsNoticed: an older copy of the ledger's file finds its own
// higher receipts on the broker and gives up; under a new id the board sends
// again what it lacks, and everything counts once. A restored backup has its new
// id at once.
func TestAnOlderLedgerIsNoticed(t *testing.T) {
	dir := t.TempDir()
	path, copied, restored := filepath.Join(dir, "ledger.db"), filepath.Join(dir, "copy.db"), filepath.Join(dir, "restored.db")
	b := startBroker(t)
	l, closeLedger := opened(t, path)
	w, stop := wireUp(t, b, l)
	w.listens()
	k1 := ledgertest.NewBoard(t, store, "k1", "e1")
	events := []backoffice.Entry{k1.CheckIn(one), k1.CheckIn(two), k1.CheckIn("0A7A000003")}
	w.publish(t, "k1", events[0])
	w.wait(t, "e1", 1)
	if err := ledger.Backup(t.Context(), path, copied); err != nil { // the office is at work
		t.Fatal(err)
	}
	w.publish(t, "k1", events[1])
	w.publish(t, "k1", events[2])
	w.wait(t, "e1", 3)
	stop()
	closeLedger()

	older, closeOlder := opened(t, copied)
	if older.ID() != l.ID() {
		t.Fatal("the copy is no copy")
	}
	if err := runOffice(t, b.URL(), older); !errors.Is(err, backoffice.ErrOlder) {
		t.Errorf("an office on an older copy ends with %v", err)
	}
	closeOlder()
	if err := ledger.Restore(t.Context(), copied, restored); err != nil {
		t.Fatal(err)
	}
	if err := ledger.Renew(t.Context(), copied); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{copied, restored} {
		fresh, closeFresh := opened(t, path)
		if fresh.ID() == l.ID() {
			t.Errorf("%s has the old ledger's id", filepath.Base(path))
		}
		o, up := newOffice(t, b.URL(), fresh)
		w.Office = o
		stop := run(t, up, o)
		for s := range w.offices {
			if s.State == wire.Ready && s.Ledger == fresh.ID() {
				break
			}
		}
		for r := range w.receipts { // first of all, the board learns what is left
			if e, _ := r.Find("e1"); r.Ledger == fresh.ID() && e.Through == 1 && e.Hash == kiosk.HashOf(events[0].Bytes) {
				break
			}
		}
		for _, e := range events {
			w.publish(t, "k1", e)
		}
		w.wait(t, "e1", 3)
		if vs := recompute(t, w.Ledger()); len(vs) != 3 || w.Counts().Events != 2 || w.Counts().Duplicates != 1 {
			t.Errorf("%d visits, counts %+v", len(vs), w.Counts())
		}
		stop()
		closeFresh()
	}
}

// runOffice runs an office until it ends by itself.
func runOffice(t *testing.T, url string, l backoffice.Ledger) error {
	t.Helper()
	o, up := newOffice(t, url, l)
	stop := run(t, up)
	defer stop()
	return o.Run(context.Background())
}

func newOffice(t *testing.T, url string, l backoffice.Ledger) (*backoffice.Office, *link.Link) {
	t.Helper()
	o, err := backoffice.New(backoffice.Config{Ledger: l, Stores: []backoffice.Store{{Name: store, Calendar: kiosk.ShanghaiWeek(zone)}}})
	if err != nil {
		t.Fatal(err)
	}
	up, err := o.Connect(store, link.Config{Broker: url, ClientID: "office", Min: time.Millisecond}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return o, up
}

func TestRestoreRefuses(t *testing.T) {
	dir := t.TempDir()
	path, junk := filepath.Join(dir, "ledger.db"), filepath.Join(dir, "junk")
	_, closeLedger := opened(t, path)
	closeLedger()
	if err := os.WriteFile(junk, []byte("no database at all, but long enough to be read as one"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	for what, err := range map[string]error{
		"over a ledger that is there": ledger.Restore(ctx, path, path),
		"from no database":            ledger.Restore(ctx, junk, filepath.Join(dir, "new.db")),
		"from nothing":                ledger.Restore(ctx, filepath.Join(dir, "none"), filepath.Join(dir, "new.db")),
		"backup over a file":          ledger.Backup(ctx, path, junk),
	} {
		if err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "new.db")); err == nil {
		t.Error("a ledger was left by a restore that failed")
	}
}
