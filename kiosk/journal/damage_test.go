package journal

import (
	"bytes"
	"database/sql"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"baylight/kiosk"
)

// sound makes a closed journal of n events and returns its path.
func sound(t *testing.T, n int) string {
	t.Helper()
	j := fresh(t)
	appendN(t, j, n)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	return j.path
}

func contents(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func run(query string) func(*testing.T, string) {
	return func(t *testing.T, path string) {
		db, err := sql.Open("sqlite3", path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec(query); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func edit(change func(b []byte) []byte) func(*testing.T, string) {
	return func(t *testing.T, path string) {
		if err := os.WriteFile(path, change(contents(t, path)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// another puts the database of another program in the journal's place.
func another(t *testing.T, path string) {
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	run("CREATE TABLE events (id INTEGER PRIMARY KEY, what TEXT); INSERT INTO events (what) VALUES ('holiday'); PRAGMA user_version = 2")(t, path)
}

// TestNotAJournal holds that whatever is not a sound journal is refused in
// words and left as it is.
func TestNotAJournal(t *testing.T) {
	rows := []struct {
		name string
		harm func(*testing.T, string)
		is   error
		says string
	}{
		{"empty", edit(func(b []byte) []byte { return nil }), ErrDamaged, "shorter than its header"},
		{"a few bytes", edit(func(b []byte) []byte { return b[:60] }), ErrDamaged, "shorter than its header"},
		{"half", edit(func(b []byte) []byte { return b[:len(b)/2] }), ErrDamaged, "malformed"},
		{"a page short", edit(func(b []byte) []byte { return b[:len(b)-4096] }), ErrDamaged, "malformed"},
		{"text", edit(func(b []byte) []byte { return []byte(strings.Repeat("not a journal\n", 1000)) }), ErrForeign, "does not begin"},
		{"another program's", another, ErrForeign, "application id is 0x0"},
		{"first byte", edit(func(b []byte) []byte { b[0] ^= 1; return b }), ErrDamaged, "first bytes are not those"},
		{"rollback mode", run("PRAGMA journal_mode = DELETE"), ErrDamaged, "WAL mode"},
		{"other application", run("PRAGMA application_id = 7; PRAGMA wal_checkpoint(TRUNCATE)"), ErrForeign, "application id is 0x7"},
		{"other board", run("UPDATE meta SET value = '/stores/x/kiosks/k9' WHERE key = 'source'"), ErrForeign, "belongs to /stores/x/kiosks/k9"},
		{"no source", run("DELETE FROM meta WHERE key = 'source'"), ErrDamaged, "source"},
		{"newer", run("PRAGMA user_version = 9; UPDATE meta SET value = 8 WHERE key = 'min_reader'"), ErrTooNew, "at least 8, this one is 2"},
		{"no min_reader", run("DELETE FROM meta WHERE key = 'min_reader'"), ErrDamaged, "min_reader"},
		{"no epoch", run("DELETE FROM epochs"), ErrDamaged, "no epoch"},
		{"other epoch", run("UPDATE epochs SET epoch = 'x'"), ErrDamaged, "its bytes are those of"},
		{"base", run("UPDATE epochs SET base = 3"), ErrDamaged, "begins at 3"},
		{"no table", run("DROP TABLE events"), ErrDamaged, "no such table"},
		{"hole", run("DELETE FROM events WHERE pos = 150"), ErrDamaged, "event 150 is missing"},
		{"bytes", run("UPDATE events SET bytes = CAST(replace(CAST(bytes AS TEXT), 't07', 't08') AS BLOB) WHERE pos = 200"), ErrDamaged, "event 200 does not have the hash"},
		{"another's bytes", run("UPDATE events SET (bytes, hash) = (SELECT bytes, hash FROM events WHERE pos = 20) WHERE pos = 200"), ErrDamaged, "-20 of"},
		{"type", run("UPDATE events SET type = 'job.started' WHERE pos = 299"), ErrDamaged, "stored as job.started"},
		{"person part", run(`UPDATE events SET person = CAST('{"salt":""}' AS BLOB) WHERE pos = 300`), ErrDamaged, "digest"},
		{"reader beyond", run("INSERT INTO cursors SELECT epoch, 'outbox', 301 FROM epochs"), ErrDamaged, "the head is 300, and a reader was done with 301"},
		{"last row", run("UPDATE events SET hash = zeroblob(32) WHERE pos = 300"), ErrDamaged, "event 300"},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			path := sound(t, 300)
			r.harm(t, path)
			before := contents(t, path)
			j, err := Open(path, Options{Source: source})
			if err == nil {
				j.Close()
				t.Fatal("it is opened")
			}
			if !errors.Is(err, r.is) || !strings.Contains(err.Error(), r.says) || !strings.Contains(err.Error(), path) {
				t.Errorf("the error is %q, it should be %v and say %q", err, r.is, r.says)
			}
			if !bytes.Equal(contents(t, path), before) {
				t.Error("the file was written to")
			}
		})
	}
}

func TestOtherBoardInSource(t *testing.T) {
	if _, err := Open(sound(t, 1), Options{Source: "/stores/sh-pudong/kiosks/k2"}); !errors.Is(err, ErrForeign) {
		t.Errorf("the journal of another board: %v", err)
	}
	if _, err := Open(filepath.Join(t.TempDir(), "j.db"), Options{}); err == nil {
		t.Error("a journal of no board is created")
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none", "j.db"), Options{Source: source}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a journal in no folder: %v", err)
	}
}

// TestOldDamageIsFoundByReplay: what lies before the tail that Open verifies is
// found when it is read.
func TestOldDamageIsFoundByReplay(t *testing.T) {
	path := verified(t, 350)
	run("UPDATE events SET (bytes, hash) = (SELECT bytes, hash FROM events WHERE pos = 7) WHERE pos = 8")(t, path)
	j := openAt(t, path)
	if err := j.Replay(0, func(kiosk.Event) error { return nil }); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "event 8") {
		t.Errorf("Replay = %v", err)
	}
	run("UPDATE events SET bytes = x'00' WHERE pos = 8")(t, path)
	if _, err := j.Read(5, 10); !errors.Is(err, ErrDamaged) {
		t.Errorf("Read = %v", err)
	}
}

func TestLogWithoutDatabase(t *testing.T) {
	j := fresh(t)
	appendN(t, j, 3)
	dir := t.TempDir()
	path := filepath.Join(dir, "j.db")
	wal := contents(t, j.path+"-wal")
	if err := os.WriteFile(path+"-wal", wal, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, Options{Source: source}); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "j.db-wal") {
		t.Errorf("Open = %v", err)
	}
	if !bytes.Equal(contents(t, path+"-wal"), wal) {
		t.Error("the write-ahead log was written to")
	}
}

// TestRefusalKeepsTheLog: a journal that was not closed and is then refused
// keeps its write-ahead log byte for byte.
func TestRefusalKeepsTheLog(t *testing.T) {
	j := fresh(t)
	appendN(t, j, 30)
	path := filepath.Join(t.TempDir(), "j.db")
	for _, ext := range []string{"", "-wal"} {
		if err := os.WriteFile(path+ext, contents(t, j.path+ext), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	wal := contents(t, path+"-wal")
	if _, err := Open(path, Options{Source: "/stores/x/kiosks/k1"}); !errors.Is(err, ErrForeign) {
		t.Fatalf("Open = %v", err)
	}
	if !bytes.Equal(contents(t, path+"-wal"), wal) {
		t.Error("the write-ahead log was written to")
	}
	if got := openAt(t, path); got.Head() != 30 || len(wal) == 0 || len(contents(t, path+"-wal")) > 0 {
		t.Errorf("opened by its board, the head is %d and the log still has %d bytes", got.Head(), len(contents(t, path+"-wal")))
	}
}

func TestUnfinishedCreation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j.db")
	for _, f := range []string{path + ".new", path + ".new-wal", path + ".new-journal"} {
		if err := os.WriteFile(f, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	appendN(t, openAt(t, path), 3)
	if left, err := filepath.Glob(path + ".new*"); len(left) > 0 || err != nil {
		t.Errorf("left over: %v, %v", left, err)
	}
}

// TestBitFlips turns single bits over: either it is an error, or nothing of
// the events has changed.
func TestBitFlips(t *testing.T) {
	path := sound(t, 60)
	good := contents(t, path)
	j := openAt(t, path)
	want := replayed(t, j, 0)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(7, 0))
	found := 0
	for range 400 {
		bad := bytes.Clone(good)
		bit := r.IntN(len(bad) * 8)
		bad[bit/8] ^= 1 << (bit % 8)
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		var got []kiosk.Event
		j, err := Open(path, Options{Source: source})
		if err != nil {
			found++
			if !bytes.Equal(contents(t, path), bad) {
				t.Fatalf("bit %d: the file was written to", bit)
			}
			continue
		}
		err = j.Replay(0, func(e kiosk.Event) error { got = append(got, e); return nil })
		j.Close()
		if err != nil {
			found++
			continue
		}
		same(t, got, want)
	}
	if found < 150 {
		t.Errorf("only %d of 400 flipped bits were found", found)
	}
	t.Logf("%d of 400 flipped bits found, the others touch nothing that counts", found)
}

// TestCutAnywhere cuts the file short at random places: it is refused and left as
// it is, and what a salvage makes of it has only events that were there, in their
// order, and names as destroyed none that is there. (What was cut off at the end
// nothing here can name: the back office's receipt is then above the head.)
func TestCutAnywhere(t *testing.T) {
	path := sound(t, 150)
	j := openAt(t, path)
	want := map[string]string{}
	for _, r := range rows(t, j) {
		want[kiosk.EventID(j.Epoch(), r.Seq)] = string(r.Bytes)
	}
	must(t, j.SetCursor("outbox", 150))
	must(t, j.Close())
	good := contents(t, path)
	r := rand.New(rand.NewPCG(11, 0))
	for range 60 {
		for _, ext := range []string{"-wal", "-shm", suspectExt} {
			must(t, remove(path+ext))
		}
		bad := good[:r.IntN(len(good))]
		must(t, os.WriteFile(path, bad, 0o600))
		if j, err := Open(path, Options{Source: source}); err == nil {
			j.Close()
			t.Fatalf("cut after %d of %d bytes, and opened", len(bad), len(good))
		} else if !errors.Is(err, ErrDamaged) || !bytes.Equal(contents(t, path), bad) {
			t.Fatalf("cut after %d bytes: %v", len(bad), err)
		}
		j, err := Open(path, Options{Source: source, Salvage: true})
		if err != nil {
			t.Fatalf("cut after %d bytes, salvage: %v", len(bad), err)
		}
		kept := map[string]bool{}
		must(t, j.replayAll(t.Context(), 0, func(r Row, e kiosk.Event) error {
			id := e.ID()
			if b, ok := want[id]; ok && b == string(r.Bytes) {
				kept[id] = true
			} else if e.Was == "" || want[e.Was] == "" {
				t.Errorf("cut after %d bytes: %s was not there", len(bad), id)
			}
			return nil
		}))
		lost, err := j.Lost()
		must(t, err)
		for _, l := range lost {
			for seq := l.From; seq <= l.To; seq++ {
				if kept[kiosk.EventID(l.Epoch, seq)] {
					t.Errorf("cut after %d bytes: event %d is there and named as lost", len(bad), seq)
				}
			}
		}
		if cut := float64(len(bad)) / float64(len(good)); float64(len(kept)) < 150*(cut-0.5) {
			t.Errorf("cut after %d of %d bytes: only %d of 150 are kept", len(bad), len(good), len(kept))
		}
		must(t, j.Close())
	}
}

// rows are all rows of the current epoch.
func rows(t testing.TB, j *Journal) []Row {
	t.Helper()
	out, err := j.Read(0, 1<<20)
	must(t, err)
	return out
}

func TestSettingsAreReadBack(t *testing.T) {
	path := sound(t, 1)
	for _, c := range []struct{ query, says string }{
		{"PRAGMA synchronous = NORMAL", `synchronous is "1"`},
		{"PRAGMA mmap_size = 1048576", `mmap_size is "1048576"`},
		{"PRAGMA locking_mode = EXCLUSIVE", `locking_mode is "exclusive"`},
		{"PRAGMA journal_mode = DELETE", `journal_mode is "delete"`},
	} {
		db, err := sql.Open("sqlite3", dsn(path, "rw"))
		if err != nil {
			t.Fatal(err)
		}
		db.SetMaxOpenConns(1)
		if err := checkSettings(t.Context(), db); err != nil {
			t.Errorf("our own settings: %v", err)
		}
		if _, err := db.Exec(c.query); err != nil {
			t.Fatal(err)
		}
		if err := checkSettings(t.Context(), db); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.query, err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := checkSQLite("3.51.2", 3_051_002); err == nil {
		t.Error("sqlite 3.51.2 is accepted")
	}
}

// rolling is a sound journal of n events as another tool may leave it: whole, but
// no longer in WAL mode.
func rolling(t *testing.T, n int) string {
	t.Helper()
	path := sound(t, n)
	db, err := sql.Open("sqlite3", dsn(path, "rw"))
	must(t, err)
	_, err = db.Exec("PRAGMA journal_mode = DELETE")
	must(t, errors.Join(err, db.Close()))
	return path
}

// Who writes gets no connection whose settings do not hold: neither the first one,
// nor one that replaces another after a failed write, when meanwhile the file is
// not the one that Open looked at.
func TestNobodyWritesWithOtherSettings(t *testing.T) {
	const says = `pragma journal_mode is "delete" and must be "wal"`
	w, err := newWriter(t.Context(), rolling(t, 3))
	if err == nil || err.Error() != says {
		t.Errorf("a new connection: %v, want %s", err, says)
	}
	must(t, w.close())

	j := fresh(t)
	appendN(t, j, 3)
	must(t, os.Rename(rolling(t, 3), j.path))
	for _, ext := range []string{"-wal", "-shm"} {
		must(t, os.Remove(j.path+ext))
	}
	before := contents(t, j.path)
	boom := errors.New("boom")
	j.faults.beforeCommit = func() error { return boom }
	if err := j.Append(events(j.Epoch(), 3, 1)); !errors.Is(err, boom) {
		t.Fatalf("the append that is to fail: %v", err)
	}
	j.faults = faults{}
	for range 2 {
		if err := j.Append(events(j.Epoch(), 3, 1)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("an append after a reconnection: %v, want %s", err, says)
		}
	}
	if !bytes.Equal(contents(t, j.path), before) {
		t.Error("something was written")
	}
}

// A program that is linked with an SQLite that may lose commits opens no journal,
// and what it finds there stays as it is.
func TestDefectiveSQLiteOpensNothing(t *testing.T) {
	path := sound(t, 3)
	before := contents(t, path)
	old := func() (string, int, string) { return "3.51.2", 3_051_002, "" }
	j, err := Open(path, Options{Source: source, Salvage: true, sqlite: old})
	if err == nil {
		j.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "sqlite is 3.51.2, at least 3.51.3 is needed") {
		t.Errorf("Open = %v", err)
	}
	if !bytes.Equal(contents(t, path), before) {
		t.Error("the journal was changed")
	}
	if n := openAt(t, path).Head(); n != 3 {
		t.Errorf("a sound program finds %d events in it", n)
	}
}
