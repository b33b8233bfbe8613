package ledger_test

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/ledger"
	"baylight/sync/backoffice/ledger/ledgertest"
)

var _ backoffice.Checker = (*ledger.Ledger)(nil)

// TestDamaged: bytes that changed in the file are told by the place of their event.
func TestDamaged(t *testing.T) {
	const place = ` WHERE epoch = ? AND source = ? AND seq = ?`
	ledgertest.Damaged(t, open, ledgertest.Harm{
		Bytes: func(t testing.TB, dir string, e backoffice.Entry, bytes, hash []byte) {
			edit(t, ledgerIn(dir), `UPDATE events SET bytes = ?, hash = coalesce(?, hash)`+place, bytes, hash, e.Event.Epoch, e.Event.Source, int64(e.Event.Seq))
		},
		Delete: func(t testing.TB, dir string, e backoffice.Entry) {
			edit(t, ledgerIn(dir), `DELETE FROM events`+place, e.Event.Epoch, e.Event.Source, int64(e.Event.Seq))
		},
	})
}

// edit changes one row of a ledger behind its back.
func edit(t testing.TB, path, query string, args ...any) {
	t.Helper()
	if n, err := change(t, path, query, args...).RowsAffected(); n != 1 || err != nil {
		t.Fatalf("%s: %d rows (%v)", query, n, err)
	}
}

func change(t testing.TB, path, query string, args ...any) sql.Result {
	t.Helper()
	db, err := sql.Open("sqlite3", (&url.URL{Scheme: "file", Path: path}).String())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	res, err := db.Exec(query, args...)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// ledgerOf is a ledger of 40 events in two pages or more, closed.
func ledgerOf(t *testing.T) (path string, all []backoffice.Entry) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "l.db")
	b := ledgertest.NewBoard(t, "sh-pudong", "k1", "e1")
	for i := range 40 {
		all = append(all, b.CheckIn(fmt.Sprintf("V%02d", i)))
	}
	with(t, path, func(l *ledger.Ledger) { take(t, l, all...) })
	return path, all
}

func with(t *testing.T, path string, f func(*ledger.Ledger)) {
	t.Helper()
	l, err := ledger.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}()
	f(l)
}

func take(t *testing.T, l *ledger.Ledger, entries ...backoffice.Entry) backoffice.Outcome {
	t.Helper()
	out, err := l.Commit(t.Context(), backoffice.Batch{Entries: entries})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// rot changes one byte of an event in the raw file, as a disk would: SQLite reads
// the page as before.
func rot(t *testing.T, path string, e backoffice.Entry) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(raw, e.Bytes)
	if at < 0 {
		t.Fatal("the event is not in one piece in the file")
	}
	raw[at+len(e.Bytes)-20] ^= 4
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestRot: a byte that changed in the raw file is nothing to SQLite. Sound tells
// it, a backup of it is refused and not kept, and so is the restoring of one.
func TestRot(t *testing.T) {
	path, all := ledgerOf(t)
	to := filepath.Join(t.TempDir(), "backup.db")
	sound := func() (said string) {
		with(t, path, func(l *ledger.Ledger) {
			var err error
			if said, err = l.Sound(t.Context()); err != nil {
				t.Error(err)
			}
		})
		return said
	}
	if said := sound(); said != "ok" {
		t.Fatalf("a sound ledger says %q", said)
	}
	rot(t, path, all[16])
	const named = `store "sh-pudong", source "/stores/sh-pudong/kiosks/k1", epoch "e1", sequence 17, position 17: its bytes are not those that came`
	if said := sound(); !strings.HasPrefix(said, named) || strings.Contains(said, "\n") {
		t.Errorf("the ledger says %q, want %q", said, named)
	}
	err := ledger.Backup(t.Context(), path, to)
	var damage *backoffice.DamageError
	if !errors.As(err, &damage) || len(damage.Found) != 1 || damage.Found[0].Seq != 17 {
		t.Errorf("the backup of it: %v", err)
	}
	for _, want := range []string{path, named, "the copy is not kept", "resend", "restore"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the backup of it: %v, want %q", err, want)
		}
	}
	if _, err := os.Stat(to); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the copy: %v", err)
	}
	restored := filepath.Join(t.TempDir(), "restored.db")
	err = ledger.Restore(t.Context(), path, restored)
	if err == nil || !strings.Contains(err.Error(), named) || !strings.Contains(err.Error(), "take the backup before it") {
		t.Errorf("restored: %v", err)
	}
	if _, err := os.Stat(restored); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what is restored from it: %v", err)
	}
}

// TestDamagedRow: whoever reads a damaged event is told.
func TestDamagedRow(t *testing.T) {
	path, all := ledgerOf(t)
	rot(t, path, all[16])
	with(t, path, func(l *ledger.Ledger) {
		for i, want := range map[int]bool{15: false, 16: true} {
			id := all[i].Event.ID()
			if row, found, err := l.Event(t.Context(), "sh-pudong", id); !found || err != nil || row.Damaged != want {
				t.Errorf("%s: %+v %v (%v)", id, row, found, err)
			}
			if rows, err := l.Visit(t.Context(), "sh-pudong", fmt.Sprintf("V%02d", i)); err != nil || len(rows) != 1 || rows[0].Damaged != want {
				t.Errorf("its visit: %+v (%v)", rows, err)
			}
		}
	})
}

// TestMended: an event that comes again replaces bytes that are damaged, and
// nothing else changes.
func TestMended(t *testing.T) {
	path, all := ledgerOf(t)
	rot(t, path, all[16])
	with(t, path, func(l *ledger.Ledger) {
		out := take(t, l, all[15:18]...)
		if out.Duplicates != 3 || out.Added != 0 || out.Conflicts != 0 || out.Position != 40 || len(out.Problems) != 1 || !strings.Contains(out.Problems[0], all[16].Event.ID()) {
			t.Errorf("a damaged event comes again: %+v", out)
		}
		if out := take(t, l, all[15:18]...); len(out.Problems) != 0 {
			t.Errorf("it comes once more: %q", out.Problems)
		}
		if said, err := l.Sound(t.Context()); said != "ok" || err != nil {
			t.Errorf("the mended ledger says %q (%v)", said, err)
		}
		rows, err := l.Events(t.Context(), "sh-pudong", 16, 1)
		if err != nil || len(rows) != 1 || rows[0].Position != 17 || !bytes.Equal(rows[0].Bytes, all[16].Bytes) {
			t.Errorf("the mended event is %+v (%v)", rows, err)
		}
	})
	if err := ledger.Backup(t.Context(), path, filepath.Join(t.TempDir(), "backup.db")); err != nil {
		t.Error(err)
	}
}

// TestCutShort: a file that lost its end, or had it overwritten, is not backed up.
func TestCutShort(t *testing.T) {
	for name, harm := range map[string]func(raw []byte) []byte{
		"its last pages are gone": func(raw []byte) []byte { return raw[:len(raw)-3*4096] },
		"half a page is gone":     func(raw []byte) []byte { return raw[:len(raw)-2048] },
		"a page of it is all zero": func(raw []byte) []byte {
			at := bytes.LastIndex(raw, []byte(`"visit":"V20"`)) &^ 4095
			clear(raw[at : at+4096])
			return raw
		},
	} {
		t.Run(name, func(t *testing.T) {
			path, _ := ledgerOf(t)
			raw, err := os.ReadFile(path)
			if err == nil {
				err = os.WriteFile(path, harm(raw), 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			to := filepath.Join(t.TempDir(), "backup.db")
			if err := ledger.Backup(t.Context(), path, to); err == nil || !strings.Contains(err.Error(), path) {
				t.Errorf("the backup of it: %v", err)
			}
			if _, err := os.Stat(to); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the copy: %v", err)
			}
		})
	}
}

// TestOlderChains: what a program of version 1 took in has no seams noted, so its
// chains are not asked; a file of it has no table of them. Hashes are held all the same.
func TestOlderChains(t *testing.T) {
	path, all := ledgerOf(t)
	b, err := kiosk.Encode(kiosk.Event{Source: all[16].Event.Source, Epoch: "e1", Seq: 17, Moment: all[16].Event.Moment, Prev: all[16].Event.Prev, Data: &kiosk.Accepted{Visit: "V16", Adviser: "a"}})
	if err != nil {
		t.Fatal(err)
	}
	hash := kiosk.HashOf(b)
	edit(t, path, `UPDATE events SET bytes = ?, hash = ? WHERE n = 17`, b, hash[:])
	backup := func() error { return ledger.Backup(t.Context(), path, filepath.Join(t.TempDir(), "backup.db")) }
	if err := backup(); err == nil || !strings.Contains(err.Error(), "sequence 18, position 18: it does not follow") {
		t.Errorf("a broken chain: %v", err)
	}
	edit(t, path, `UPDATE meta SET value = '17' WHERE name = 'times_since'`)
	if err := backup(); err == nil || !strings.Contains(err.Error(), "sequence 18") {
		t.Errorf("a chain that broke after a program of version 1: %v", err)
	}
	edit(t, path, `UPDATE meta SET value = '18' WHERE name = 'times_since'`)
	if err := backup(); err != nil {
		t.Errorf("up to where a program of version 1 was: %v", err)
	}
	edit(t, path, `DELETE FROM meta WHERE name = 'times_since'`)
	change(t, path, `DROP TABLE seams`)
	if err := backup(); err != nil {
		t.Errorf("a file of version 1: %v", err)
	}
	edit(t, path, `UPDATE events SET bytes = x'00' WHERE n = 20`)
	if err := backup(); err == nil || !strings.Contains(err.Error(), "sequence 20") {
		t.Errorf("a damaged file of version 1: %v", err)
	}
}
