package journal

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"baylight/kiosk"
)

// keep sets a snapshot after an event of the current epoch.
func keep(t testing.TB, j *Journal, seq uint64, state string) {
	t.Helper()
	must(t, j.SetSnapshot(Latest, j.Epoch(), seq, []byte(state)))
}

// kept is the latest snapshot's state, "" if there is none that can be used.
func kept(j *Journal) string {
	_, _, b, _ := j.Snapshot(Latest)
	return string(b)
}

func TestSnapshot(t *testing.T) {
	j := fresh(t)
	want := appendN(t, j, 20)
	if kept(j) != "" {
		t.Fatal("a snapshot of nothing")
	}
	keep(t, j, 7, "seven\nand more")
	must(t, j.SetSnapshot(Base, j.Epoch(), 3, []byte{0}))
	for range 2 {
		epoch, seq, state, ok := j.Snapshot(Latest)
		if !ok || epoch != j.Epoch() || seq != 7 || string(state) != "seven\nand more" {
			t.Fatalf("%q %d %q %v", epoch, seq, state, ok)
		}
		var rest []kiosk.Event
		must(t, j.ReplayFrom(epoch, seq, func(e kiosk.Event) error { rest = append(rest, e); return nil }))
		same(t, rest, want[7:])
		j = openAgain(t, j)
	}
	keep(t, j, 9, "nine")
	if _, seq, _, _ := j.Snapshot(Latest); seq != 9 {
		t.Errorf("the latest is of %d", seq)
	}
	for name, err := range map[string]error{
		"an event that is not here": j.SetSnapshot(Latest, j.Epoch(), 21, []byte("x")),
		"no event":                  j.SetSnapshot(Latest, j.Epoch(), 0, []byte("x")),
		"an epoch that is not here": j.SetSnapshot(Latest, "other", 1, []byte("x")),
		"nothing":                   j.SetSnapshot(Latest, j.Epoch(), 1, nil),
		"a name that is not one":    j.SetSnapshot("db-wal", j.Epoch(), 1, []byte("x")),
		"replay of another epoch":   j.ReplayFrom("other", 1, func(kiosk.Event) error { return nil }),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if kept(j) != "nine" {
		t.Error("a refusal changed the snapshot")
	}
	must(t, j.DropSnapshot(Latest))
	must(t, j.DropSnapshot(Latest))
	if kept(j) != "" {
		t.Error("dropped, and still there")
	}
}

// TestSnapshotEpochs: a snapshot of an ended epoch is still one, and what came
// after it goes on in the next epoch; one of another history is not used.
func TestSnapshotEpochs(t *testing.T) {
	j := fresh(t)
	appendN(t, j, 10)
	copied := filepath.Join(t.TempDir(), "copy.db")
	if _, err := j.Backup(t.Context(), copied); err != nil {
		t.Fatal(err)
	}
	keep(t, j, 6, "six")
	first := j.Epoch()
	if _, err := j.BeginEpoch("a test", 8); err != nil {
		t.Fatal(err)
	}
	appendN(t, j, 3)
	n, from := 0, map[string]int{}
	must(t, j.ReplayFrom(first, 6, func(e kiosk.Event) error { n++; from[e.Epoch]++; return nil }))
	if kept(j) != "six" || from[first] != 4 || from[j.Epoch()] != 5 {
		t.Errorf("state %q, then %v", kept(j), from)
	}
	keep(t, j, 4, "later")

	// The same board's file of an hour ago comes back, with the snapshot of now.
	back := openAt(t, copied)
	b, err := os.ReadFile(j.path + "." + Latest)
	if err != nil {
		t.Fatal(err)
	}
	must(t, os.WriteFile(copied+"."+Latest, b, 0o600))
	if kept(back) != "" {
		t.Error("a snapshot of an epoch that is not here was used")
	}
	keep(t, back, 10, "ten")
	b, err = os.ReadFile(copied + "." + Latest)
	if err != nil {
		t.Fatal(err)
	}
	twin := openAt(t, filepath.Join(t.TempDir(), "twin.db")) // same names, other events
	must(t, func() error {
		twin.newEpoch = func() string { return back.Epoch() }
		_, err := twin.BeginEpoch("twin", 0)
		return err
	}())
	es := events(twin.Epoch(), 0, 10)
	es[4].Moment.Up++
	es[4].Data = &kiosk.Passed{Visit: "A1B2C3D4E5", Inspector: "t08"}
	must(t, twin.Append(es))
	must(t, os.WriteFile(twin.path+"."+Latest, b, 0o600))
	if kept(twin) != "" {
		t.Error("a snapshot of another history was used")
	}
}

// TestSnapshotDamage: whatever stands in the file, it is the state that was kept
// or none.
func TestSnapshotDamage(t *testing.T) {
	j := fresh(t)
	appendN(t, j, 5)
	keep(t, j, 5, string(bytes.Repeat([]byte("state "), 500)))
	path := j.path + "." + Latest
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("rights %v, %v: it holds what people have said", st.Mode(), err)
	}
	bad := func(what string, b []byte) {
		t.Helper()
		must(t, os.WriteFile(path, b, 0o600))
		if kept(j) != "" {
			t.Errorf("%s: used", what)
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		b := bytes.Clone(whole)
		b[r.IntN(len(b))] ^= 1 << r.IntN(8)
		bad("a turned bit", b)
	}
	for n := range 100 {
		bad("cut short", whole[:len(whole)*n/100])
	}
	bad("longer", append(bytes.Clone(whole), 0))
	bad("empty", nil)
	must(t, os.Remove(path))
	must(t, os.Mkdir(path, 0o700))
	if kept(j) != "" {
		t.Error("a folder: used")
	}
	must(t, os.Remove(path))
	must(t, os.WriteFile(path, whole, 0o600))
	if kept(j) == "" {
		t.Error("the whole file is not used")
	}
}

// TestSnapshotAndPrune: what was pruned is no event to begin after, but for the
// last of it.
func TestSnapshotAndPrune(t *testing.T) {
	j := fresh(t)
	appendN(t, j, 50)
	must(t, j.SetReceipt(Receipt{"A", 1, 50}))
	keep(t, j, 20, "twenty")
	var settled []uint64
	r := Retention{Before: at(31).Wall, Now: later, Done: 45, Settle: func(epoch string, seq uint64) error {
		if rows, err := j.Read(0, 1); err != nil || rows[0].Seq > seq {
			t.Errorf("dropped before it was settled: %v, %v", rows, err)
		}
		settled = append(settled, seq)
		return j.SetSnapshot(Base, epoch, seq, []byte("base"))
	}}
	if n, err := j.Prune(t.Context(), r); n != 30 || err != nil || len(settled) != 1 || settled[0] != 30 {
		t.Fatalf("dropped %d, %v, settled %v", n, err, settled)
	}
	if kept(j) != "" {
		t.Error("a snapshot in the middle of what was pruned was used")
	}
	if _, seq, _, ok := j.Snapshot(Base); !ok || seq != 30 {
		t.Errorf("the base is of %d, %v", seq, ok)
	}
	r.Before, r.Done = at(100).Wall, 35
	if n, err := j.Prune(t.Context(), r); n != 5 || err != nil {
		t.Errorf("up to what others are done with: %d, %v", n, err)
	}
	r.Done, r.Settle = 50, func(string, uint64) error { return errors.New("no") }
	if n, err := j.Prune(t.Context(), r); n != 0 || err == nil {
		t.Errorf("not settled: dropped %d, %v", n, err)
	}
	r.Settle, r.Needed = nil, []string{kiosk.EventID(j.Epoch(), 44), kiosk.EventID(j.Epoch(), 41)}
	if n, err := j.Prune(t.Context(), r); n != 5 || err != nil {
		t.Errorf("up to the first of two that are needed: %d, %v", n, err)
	}
}

// TestSalvageDropsSnapshots: what was made of destroyed events is no state of
// those that are left.
func TestSalvageDropsSnapshots(t *testing.T) {
	j := fresh(t)
	appendN(t, j, 50)
	keep(t, j, 40, "forty")
	must(t, j.SetSnapshot(Base, j.Epoch(), 3, []byte("three")))
	path := j.path
	must(t, j.Close())
	must(t, os.Truncate(path, 3*4096))
	j, err := Open(path, Options{Source: source, Salvage: true})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	if _, ok := j.Salvaged(); !ok {
		t.Fatal("not salvaged")
	}
	for _, name := range []string{Latest, Base} {
		if _, err := os.Lstat(path + "." + name); err == nil {
			t.Errorf("%s is still there", name)
		}
	}
}

// TestSnapshotLeavesRoom: a snapshot that would come near to the end of the disk
// is not written, and the one that is there stays.
func TestSnapshotLeavesRoom(t *testing.T) {
	j := fresh(t)
	appendN(t, j, 5)
	keep(t, j, 4, "four")
	var s syscall.Statfs_t
	must(t, syscall.Statfs(j.path, &s))
	j.ballast = int64(s.Blocks) * s.Bsize
	if err := j.SetSnapshot(Latest, j.Epoch(), 5, []byte("five")); !errors.Is(err, ErrFull) {
		t.Errorf("near the end of the disk: %v", err)
	}
	j.ballast = 0
	if kept(j) != "four" {
		t.Errorf("the one before is %q", kept(j))
	}
	left, err := filepath.Glob(j.path + ".*" + newExt)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
