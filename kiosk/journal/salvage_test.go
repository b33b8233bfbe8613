package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"baylight/kiosk"
)

var night = time.Date(2026, 11, 22, 1, 2, 3, 0, time.UTC)

func salvaging(t testing.TB, path string) *Journal {
	t.Helper()
	j, err := Open(path, Options{Source: source, Salvage: true, Now: func() time.Time { return night }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return j
}

// firsts are the events under their first names, and the others.
func firsts(t testing.TB, j *Journal) (out, again []kiosk.Event) {
	t.Helper()
	for _, e := range replayed(t, j, 0) {
		if e.Was == "" {
			out = append(out, e)
		} else {
			again = append(again, e)
		}
	}
	return out, again
}

// checkSalvage holds the rules of a salvage: every event that is there is one of
// want, unchanged; each that is missing lies in a lost range or beyond all that
// is known; what the back office had no receipt for is in the new epoch.
func checkSalvage(t *testing.T, j *Journal, want []kiosk.Event, through uint64) (kept int) {
	t.Helper()
	got, again := firsts(t, j)
	r, ok := j.Salvaged()
	if !ok || r.Kept != uint64(len(got)) || r.Again != uint64(len(again)) {
		t.Fatalf("report %+v, %v; %d events and %d again are there", r, ok, len(got), len(again))
	}
	have, erased := map[uint64]bool{}, map[uint64]bool{}
	for _, e := range got {
		if p := want[e.Seq-1].Person; len(p) > 0 && len(e.Person) == 0 {
			erased[e.Seq] = true
			e.Person = p
		}
		same(t, []kiosk.Event{e}, want[e.Seq-1:e.Seq])
		have[e.Seq] = true
	}
	if r.Persons != uint64(len(erased)) {
		t.Fatalf("%d person parts are called lost, %d are", r.Persons, len(erased))
	}
	for _, l := range r.Lost {
		for seq := l.From; seq <= l.To; seq++ {
			if have[seq] || l.Epoch != want[0].Epoch {
				t.Fatalf("%v is called lost, and %d is there", l, seq)
			}
			have[seq] = true
		}
	}
	for _, e := range again {
		_, seq, err := kiosk.ParseEventID(e.Was)
		if err != nil || seq <= through || e.Epoch != j.Epoch() {
			t.Fatalf("%s re-records %s: %v", e.ID(), e.Was, err)
		}
		b, err := kiosk.Encode(want[seq-1])
		if err != nil || e.WasHash != kiosk.HashOf(b).String() || e.Moment != want[seq-1].Moment || !erased[seq] && !bytes.Equal(e.Person, want[seq-1].Person) {
			t.Fatalf("%s re-records %s wrongly: %v", e.ID(), e.Was, err)
		}
	}
	for seq := uint64(1); seq <= uint64(len(want)); seq++ {
		if !have[seq] && len(have) > int(seq) {
			t.Fatalf("event %d is neither there nor called lost: %v", seq, r.Lost)
		}
	}
	return len(got)
}

func leaf(t *testing.T, path string, pos int) (page int) {
	t.Helper()
	c, err := newCarver(path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	if err := c.scan(func(at place, row carved) {
		if row.pos == int64(pos) {
			page = int(at.page)
		}
	}); err != nil || page == 0 {
		t.Fatalf("event %d is on page %d, %v", pos, page, err)
	}
	return page
}

func TestSalvage(t *testing.T) {
	zero := func(from, to int) func([]byte) []byte {
		return func(b []byte) []byte { clear(b[from:to]); return b }
	}
	page := func(pos int) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			p := leaf(t, path, pos)
			edit(zero((p-1)*4096, p*4096))(t, path)
		}
	}
	for _, c := range []struct {
		name string
		harm func(*testing.T, string)
		kept int // at least
		lost int // ranges
	}{
		{"a row", run("UPDATE events SET bytes = x'00' WHERE pos = 150"), 299, 1},
		{"two rows missing", run("DELETE FROM events WHERE pos IN (20, 200)"), 298, 2},
		{"the first row", run("DELETE FROM events WHERE pos = 1"), 299, 1},
		{"the last row", run("DELETE FROM events WHERE pos = 300"), 299, 1},
		{"a page", page(150), 280, 1},
		{"the first page", edit(zero(0, 4096)), 290, 0},
		{"the first sector", edit(zero(0, 512)), 300, 0},
		{"half the file", edit(func(b []byte) []byte { return b[:len(b)/2] }), 100, 1},
		{"the end", edit(func(b []byte) []byte { return b[:len(b)-4096] }), 270, -1},
		{"nothing in it", edit(func([]byte) []byte { return nil }), 0, 0},
		{"only zeros", edit(zero(0, 4096*8)), 0, -1},
		{"no tables", run("DROP TABLE cursors; DROP TABLE receipts; DROP TABLE epochs"), 290, 0},
		{"another's bytes", run("UPDATE events SET (bytes, hash) = (SELECT bytes, hash FROM events WHERE pos = 20) WHERE pos = 200"), 299, 1},
		{"an epoch's name", run("UPDATE epochs SET epoch = 'x'"), 300, 0},
		{"a person part", run(`UPDATE events SET person = CAST('{"salt":""}' AS BLOB) WHERE pos = 300`), 300, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			j := fresh(t)
			path, old := j.path, j.Epoch()
			want := appendN(t, j, 300)
			if err := errors.Join(j.SetReceipt(Receipt{"A", 1, 290}), j.SetCursor("paper", 300), j.Close()); err != nil {
				t.Fatal(err)
			}
			c.harm(t, path)
			bad := contents(t, path)
			j = salvaging(t, path)
			r, _ := j.Salvaged()
			if !bytes.Equal(contents(t, r.SetAside), bad) || r.SetAside != path+".aside-20261122T010203Z" || !errors.Is(r.Why, ErrDamaged) {
				t.Errorf("set aside as %s because of %v", r.SetAside, r.Why)
			}
			if got := checkSalvage(t, j, want, 0); got < c.kept || c.lost >= 0 && len(r.Lost) != c.lost || j.Epoch() == old {
				t.Errorf("kept %d, want at least %d; lost %v, want %d; epoch %s after %s", got, c.kept, r.Lost, c.lost, j.Epoch(), old)
			}
			appendN(t, j, 5)
			j = openAgain(t, j)
			if _, ok := j.Salvaged(); ok || j.Head() != r.Again+5 {
				t.Errorf("opened again it is salvaged again: %v, head %d", ok, j.Head())
			}
		})
	}
}

// TestSalvageReceipted: only what the back office has no receipt for is recorded
// again, and the lost ranges are told once.
func TestSalvageReceipted(t *testing.T) {
	j := fresh(t)
	path, old := j.path, j.Epoch()
	want := appendN(t, j, 50)
	if err := errors.Join(j.SetReceipt(Receipt{"A", 1, 30}), j.SetReceipt(Receipt{"B", 2, 40}), j.SetCursor("outbox", 50), j.Close()); err != nil {
		t.Fatal(err)
	}
	run("DELETE FROM events WHERE pos IN (10, 45, 50)")(t, path)
	j = salvaging(t, path)
	if kept := checkSalvage(t, j, want, 40); kept != 47 || j.Head() != 8 {
		t.Errorf("kept %d, recorded again %d", kept, j.Head())
	}
	lost := []Lost{{old, 10, 10}, {old, 45, 45}, {old, 50, 50}}
	if got, err := j.Lost(); err != nil || !slices.Equal(got, lost) {
		t.Fatalf("lost %v, %v", got, err)
	}
	if r, ok, err := j.Receipt(); r != (Receipt{"B", 2, 0}) || !ok || err != nil {
		t.Errorf("receipt %+v, %v, %v", r, ok, err)
	}
	if left, err := j.LeftLedgers(); !slices.Equal(left, []string{"A"}) || err != nil {
		t.Errorf("left ledgers %v, %v", left, err)
	}
	boom := errors.New("boom")
	for _, f := range []faults{{beforeCommit: func() error { return boom }}, {afterCommit: func() error { return boom }}} {
		before, err := j.Lost()
		if err != nil {
			t.Fatal(err)
		}
		j.faults = f
		err = j.Append([]kiosk.Event{named(j, before[0])})
		j.faults = faults{}
		if !errors.Is(err, boom) {
			t.Fatal(err)
		}
		after, err := j.Lost()
		if want := before[f.told():]; err != nil || !slices.Equal(after, want) {
			t.Errorf("lost %v, %v, want %v", after, err, want)
		}
	}
	for len(lost) > 1 {
		lost = lost[1:]
		got, err := j.Lost()
		if err != nil || !slices.Equal(got, lost) {
			t.Fatalf("lost %v, %v, want %v", got, err, lost)
		}
		if err := j.Append([]kiosk.Event{named(j, got[0])}); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := openAgain(t, j).Lost(); len(got) > 0 || err != nil {
		t.Errorf("all told, %v is left, %v", got, err)
	}
}

func (f faults) told() int {
	if f.afterCommit != nil {
		return 1
	}
	return 0
}

func named(j *Journal, l Lost) kiosk.Event {
	return kiosk.Event{Source: source, Epoch: j.Epoch(), Seq: j.Head() + 1, Moment: at(j.Head() + 1), Data: &kiosk.JournalLost{Epoch: l.Epoch, From: l.From, To: l.To}}
}

// TestSalvageTwice: what was destroyed before and told is not told again, and a
// third name still re-records the first.
func TestSalvageTwice(t *testing.T) {
	j := fresh(t)
	path := j.path
	want := appendN(t, j, 40)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	run("DELETE FROM events WHERE pos = 7")(t, path)
	j = salvaging(t, path)
	if first, again := firsts(t, j); len(first) != 39 || len(again) != 39 {
		t.Fatalf("%d events, %d again", len(first), len(again))
	}
	if err := j.Append([]kiosk.Event{named(j, Lost{want[0].Epoch, 7, 7})}); err != nil {
		t.Fatal(err)
	}
	second := j.Epoch()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	run("DELETE FROM events WHERE pos = 50")(t, path) // the tenth of the second epoch
	j = salvaging(t, path)
	r, _ := j.Salvaged()
	if !slices.Equal(r.Lost, []Lost{{second, 10, 10}}) || r.Kept != 39+39 {
		t.Errorf("report %+v", r)
	}
	got, again := firsts(t, j)
	if len(got) != 40 || len(again) != 38+39 { // the named range has no first name but its own
		t.Errorf("%d events, %d again", len(got), len(again))
	}
	for _, e := range again[:len(again)-1] {
		if !strings.HasPrefix(e.Was, want[0].Epoch) {
			t.Errorf("%s re-records %s", e.ID(), e.Was)
		}
	}
	if files, err := filepath.Glob(path + ".aside-*"); err != nil || len(files) != 2 {
		t.Errorf("set aside: %v, %v", files, err)
	}
	// What told of the first range is destroyed as well: it is to be named again.
	appendN(t, j, 1)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	run("DELETE FROM events WHERE type = 'journal.lost'")(t, path)
	j = salvaging(t, path)
	if lost, err := j.Lost(); err != nil || !slices.Contains(lost, Lost{want[0].Epoch, 7, 7}) {
		t.Errorf("to be named: %v, %v", lost, err)
	}
}

// TestSalvageLog: events that are only in the write-ahead log are found, also
// behind a damaged frame; what was not committed is not.
func TestSalvageLog(t *testing.T) {
	for _, c := range []struct {
		name string
		harm func(db, wal []byte) ([]byte, []byte)
		kept int
	}{
		{"log sound", func(db, wal []byte) ([]byte, []byte) { clear(db[:4096]); return db, wal }, 60},
		{"a frame", func(db, wal []byte) ([]byte, []byte) {
			clear(db[:4096])
			frame := 32 + 6*(24+4096)
			wal[frame+24+4000] ^= 1
			return db, wal
		}, 60},
		{"commit frame cut", func(db, wal []byte) ([]byte, []byte) {
			clear(db[:4096])
			return db, wal[:len(wal)-4096]
		}, 59},
		{"no database", func(_, wal []byte) ([]byte, []byte) { return nil, wal }, 60},
	} {
		t.Run(c.name, func(t *testing.T) {
			j := fresh(t)
			var want []kiosk.Event
			for range 60 {
				want = append(want, appendN(t, j, 1)...)
			}
			path := filepath.Join(t.TempDir(), "j.db")
			db, wal := c.harm(contents(t, j.path), contents(t, j.path+"-wal"))
			if db != nil {
				must(t, os.WriteFile(path, db, 0o600))
			}
			must(t, os.WriteFile(path+"-wal", wal, 0o600))
			s := salvaging(t, path)
			if kept := checkSalvage(t, s, want, 0); kept != c.kept {
				t.Errorf("kept %d, want %d", kept, c.kept)
			}
			r, _ := s.Salvaged()
			if !bytes.Equal(contents(t, r.SetAside+"-wal"), wal) {
				t.Error("the log is not set aside")
			}
		})
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestSalvageCutOff cuts a salvage off after each of its moves; the next Open
// goes on, with or without being told to salvage, and nothing is lost or done twice.
func TestSalvageCutOff(t *testing.T) {
	for cut := range 3 {
		j := fresh(t)
		want := appendN(t, j, 30)
		path := filepath.Join(t.TempDir(), "j.db")
		db, wal := contents(t, j.path), contents(t, j.path+"-wal")
		clear(db[:100])
		must(t, os.WriteFile(path, db, 0o600))
		must(t, os.WriteFile(path+"-wal", wal, 0o600))
		boom, n := errors.New("boom"), 0
		_, err := Open(path, Options{Source: source, Salvage: true, moves: func() error {
			if n++; n > cut {
				return boom
			}
			return nil
		}})
		if !errors.Is(err, boom) {
			t.Fatalf("cut %d: %v", cut, err)
		}
		s := openAt(t, path)
		got, again := firsts(t, s)
		same(t, got, want)
		aside, err := filepath.Glob(path + ".aside-*")
		if len(again) != 30 || err != nil || len(aside) != 2 {
			t.Errorf("cut %d: %d again, set aside %v, %v", cut, len(again), aside, err)
		}
		left, err := filepath.Glob(path + ".aside-*")
		if err != nil || len(left) != 2 || !bytes.Equal(contents(t, aside[0]), db) || !bytes.Equal(contents(t, aside[1]), wal) {
			t.Errorf("cut %d: the files are not as they were: %v, %v", cut, left, err)
		}
	}
}

// TestSuspicion: damage that a reader finds later is dealt with at the next Open.
func TestSuspicion(t *testing.T) {
	j := fresh(t)
	path := j.path
	want := appendN(t, j, 350)
	must(t, errors.Join(j.setVerified(j.Epoch(), 340), j.Close()))
	good := contents(t, path)
	run("UPDATE events SET bytes = x'00' WHERE pos = 8")(t, path)
	j = salvaging(t, path)
	if _, ok := j.Salvaged(); ok {
		t.Fatal("it looks at everything without a reason")
	}
	if err := j.Replay(0, func(kiosk.Event) error { return nil }); !errors.Is(err, ErrDamaged) {
		t.Fatal(err)
	}
	must(t, j.Close())
	if _, err := Open(path, Options{Source: source}); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "event 8") {
		t.Errorf("without salvage: %v", err)
	}
	bad := contents(t, path)
	must(t, os.WriteFile(path, good, 0o600)) // it was the cable
	must(t, openAt(t, path).Close())
	if _, err := os.Stat(path + suspectExt); !os.IsNotExist(err) {
		t.Errorf("the mark is left: %v", err)
	}
	must(t, os.WriteFile(path, bad, 0o600))
	must(t, os.WriteFile(path+suspectExt, nil, 0o600))
	if kept := checkSalvage(t, salvaging(t, path), want, 0); kept != len(want)-1 {
		t.Errorf("kept %d of %d", kept, len(want))
	}
}

// TestNotSalvaged: what is not a journal of this board is refused and stays.
func TestNotSalvaged(t *testing.T) {
	for _, c := range []struct {
		name string
		harm func(*testing.T, string)
		is   error
	}{
		{"text", edit(func([]byte) []byte { return []byte(strings.Repeat("not a journal\n", 100)) }), ErrForeign},
		{"other board", run("UPDATE meta SET value = '/stores/x/kiosks/k9' WHERE key = 'source'"), ErrForeign},
		{"newer", run("PRAGMA user_version = 9; UPDATE meta SET value = 8 WHERE key = 'min_reader'"), ErrTooNew},
	} {
		path := sound(t, 3)
		c.harm(t, path)
		before := contents(t, path)
		if _, err := Open(path, Options{Source: source, Salvage: true}); !errors.Is(err, c.is) || !bytes.Equal(contents(t, path), before) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	path := sound(t, 3)
	run("DELETE FROM meta")(t, path)
	before := contents(t, path)
	if _, err := Open(path, Options{Source: "/stores/x/kiosks/k9", Salvage: true}); !errors.Is(err, ErrForeign) || !bytes.Equal(contents(t, path), before) {
		t.Errorf("a damaged journal of another board: %v", err)
	}
}

// TestSalvageAnything turns bits and zeroes sectors at random: a salvage always
// succeeds, keeps only events that were there, and names the rest.
func TestSalvageAnything(t *testing.T) {
	j := fresh(t)
	want := appendN(t, j, 200)
	must(t, j.SetCursor("outbox", 200))
	must(t, j.Close())
	good := contents(t, j.path)
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(11, 0))
	salvaged, kept := 0, 0
	for i := range 24 {
		bad := bytes.Clone(good)
		for range 1 + r.IntN(3) {
			if at := r.IntN(len(bad)); i%2 == 0 {
				bad[at] ^= 1 << r.IntN(8)
			} else {
				clear(bad[at/512*512 : min(len(bad), at/512*512+512)])
			}
		}
		path := filepath.Join(dir, fmt.Sprint(i, ".db"))
		must(t, os.WriteFile(path, bad, 0o600))
		must(t, os.WriteFile(path+suspectExt, nil, 0o600))
		s, err := Open(path, Options{Source: source, Salvage: true})
		if errors.Is(err, ErrForeign) || errors.Is(err, ErrTooNew) {
			continue
		}
		if err != nil {
			t.Fatalf("round %d: %v", i, err)
		}
		if _, ok := s.Salvaged(); ok {
			salvaged++
			kept += checkSalvage(t, s, want, 0)
		}
		must(t, s.Close())
	}
	if salvaged < 12 || kept < salvaged*150 {
		t.Errorf("%d salvaged, %d kept of %d", salvaged, kept, salvaged*200)
	}
}

func FuzzCarve(f *testing.F) {
	j := fresh(f)
	es := events(j.Epoch(), 0, 5)
	es[4].Data = &kiosk.BadgeScanned{Bay: "b1", Person: strings.Repeat("long", 1500)}
	must(f, j.Append(es))
	wal := contents(f, j.path+"-wal")
	must(f, j.Close())
	db := contents(f, j.path)
	f.Add(db, wal)
	f.Add([]byte(nil), wal)
	f.Add(db[:6000], []byte(nil))
	loop := bytes.Clone(db)
	binary.BigEndian.PutUint32(loop[len(loop)-4096:], 3)
	f.Add(loop, wal[:40])
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, db, wal []byte) {
		path := filepath.Join(dir, "f.db")
		must(t, os.WriteFile(path, db, 0o600))
		must(t, os.WriteFile(path+"-wal", wal, 0o600))
		c, err := newCarver(path)
		must(t, err)
		defer c.close()
		must(t, c.scan(func(at place, row carved) {
			again, ok := c.read(at)
			if !ok || again.pos != row.pos || !bytes.Equal(again.bytes, row.bytes) || row.pos < 1 || len(row.bytes) > maxPayload {
				t.Errorf("row at %+v reads differently again: %+v, %+v", at, row, again)
			}
		}))
	})
}
