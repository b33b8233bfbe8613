package journal

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"baylight/kiosk"
)

// TestBackupWhileAppending: a copy made between appends is a prefix, verified,
// and one file.
func TestBackupWhileAppending(t *testing.T) {
	j := fresh(t)
	want := appendN(t, j, 1500)
	must(t, j.SetReceipt(Receipt{"A", 1, 1490}))
	stop, ended := make(chan struct{}), make(chan error)
	go func() {
		for {
			select {
			case <-stop:
				ended <- nil
				return
			default:
			}
			if err := j.Append(events(j.Epoch(), j.Head(), 3)); err != nil {
				ended <- err
				return
			}
		}
	}()
	copied := filepath.Join(t.TempDir(), "copy.db")
	c, err := j.Backup(t.Context(), copied)
	close(stop)
	must(t, errors.Join(err, <-ended))
	if c.Head < 1500 || c.Head > j.Head() || c.Events != c.Head || c.Epoch != j.Epoch() {
		t.Errorf("the copy has %v, the head is %d", c, j.Head())
	}
	if files, err := filepath.Glob(copied + "*"); err != nil || !slices.Equal(files, []string{copied}) {
		t.Errorf("files: %v, %v", files, err)
	}
	if _, err := j.Backup(t.Context(), copied); !errors.Is(err, os.ErrExist) {
		t.Errorf("a second backup to the same file: %v", err)
	}
	original := contents(t, copied)

	to := filepath.Join(t.TempDir(), "j.db")
	r, err := Restore(t.Context(), copied, to, Options{Source: source})
	must(t, err)
	s := openAt(t, to)
	got, again := firsts(t, s)
	same(t, got[:1500], want)
	if uint64(len(got)) != c.Events || uint64(len(again)) != c.Head-1490 || r.Epoch != s.Epoch() || s.Epoch() == c.Epoch || !s.Knows(c.Epoch) {
		t.Errorf("restored: %d events and %d again of %v, in epoch %s", len(got), len(again), c, s.Epoch())
	}
	if !bytes.Equal(contents(t, copied), original) {
		t.Error("the backup was written to")
	}
}

// TestBackupOfDamage: a journal that is not sound has no backup.
func TestBackupOfDamage(t *testing.T) {
	j := openAt(t, verified(t, 320))
	if _, err := j.writer.conn.ExecContext(t.Context(), "UPDATE events SET bytes = x'00' WHERE pos = 9"); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if _, err := j.Backup(t.Context(), filepath.Join(dir, "copy.db")); !errors.Is(err, ErrDamaged) {
		t.Errorf("Backup = %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := j.Backup(gone, filepath.Join(dir, "copy.db")); !errors.Is(err, context.Canceled) {
		t.Errorf("Backup = %v", err)
	}
	if left, err := os.ReadDir(dir); len(left) > 0 || err != nil {
		t.Errorf("left: %v, %v", left, err)
	}
}

// TestRestoreOver: a journal in the way is set aside, one at work is refused,
// and a backup that is not sound changes nothing.
func TestRestoreOver(t *testing.T) {
	j := fresh(t)
	appendN(t, j, 20)
	copied := filepath.Join(t.TempDir(), "copy.db")
	_, err := j.Backup(t.Context(), copied)
	must(t, err)
	appendN(t, j, 7)
	o := Options{Source: source}
	if _, err := Restore(t.Context(), copied, j.path, o); !errors.Is(err, ErrInUse) {
		t.Errorf("over a journal at work: %v", err)
	}
	if _, err := Restore(t.Context(), j.path, filepath.Join(t.TempDir(), "j.db"), o); err == nil {
		t.Error("a journal at work is taken for a backup")
	}
	must(t, j.Close())
	before := contents(t, j.path)
	bad := bytes.Clone(contents(t, copied))
	clear(bad[len(bad)-5000:])
	must(t, os.WriteFile(copied+"2", bad, 0o600))
	if _, err := Restore(t.Context(), copied+"2", j.path, o); !errors.Is(err, ErrDamaged) || !bytes.Equal(contents(t, j.path), before) {
		t.Errorf("a damaged backup: %v", err)
	}
	if _, err := Restore(t.Context(), copied, j.path, Options{Source: "/stores/x/kiosks/k9"}); !errors.Is(err, ErrForeign) || !bytes.Equal(contents(t, j.path), before) {
		t.Errorf("the backup of another board: %v", err)
	}
	_, err = Restore(t.Context(), copied, j.path, o)
	must(t, err)
	aside, err := filepath.Glob(j.path + asideExt + "*")
	must(t, err)
	if len(aside) != 1 || !bytes.Equal(contents(t, aside[0]), before) {
		t.Errorf("set aside: %v", aside)
	}
	s := openAt(t, j.path)
	got, again := firsts(t, s)
	if len(got) != 20 || len(again) != 20 {
		t.Errorf("%d events, %d again", len(got), len(again))
	}
}

// TestBeginEpoch: what the back office has no receipt for is recorded again, in
// one commit that is there or not.
func TestBeginEpoch(t *testing.T) {
	boom := errors.New("boom")
	for name, f := range map[string]faults{"": {}, "before": {beforeCommit: func() error { return boom }}, "after": {afterCommit: func() error { return boom }}} {
		t.Run(name, func(t *testing.T) {
			j := fresh(t)
			old, want := j.Epoch(), appendN(t, j, 600)
			must(t, errors.Join(j.SetReceipt(Receipt{"A", 3, 100}), j.SetCursor("paper", 600)))
			ch, stop := j.Watch()
			defer stop()
			j.faults = f
			next, err := j.BeginEpoch("rolled back", 100)
			j.faults = faults{}
			if (name == "") != (err == nil) {
				t.Fatal(err)
			}
			for range 2 {
				got, again := firsts(t, j)
				same(t, got, want)
				if name == "before" {
					if j.Epoch() != old || j.Head() != 600 || len(again) > 0 {
						t.Fatalf("epoch %s, head %d, %d again", j.Epoch(), j.Head(), len(again))
					}
				} else if j.Epoch() == old || name == "" && j.Epoch() != next || !j.Knows(old) || j.Head() != 500 || len(again) != 500 || again[0].Was != want[100].ID() {
					t.Fatalf("epoch %s (%s), head %d, %d again", j.Epoch(), next, j.Head(), len(again))
				} else if r, ok, err := j.Receipt(); r != (Receipt{"A", 3, 0}) || !ok || err != nil {
					t.Fatalf("receipt %+v, %v", r, err)
				}
				j = openAgain(t, j)
			}
			select {
			case <-ch:
			default:
				if name != "before" {
					t.Error("nobody is told")
				}
			}
			head := j.Head()
			more := appendN(t, j, 3)
			same(t, replayed(t, openAgain(t, j), head), more)
		})
	}
}

// TestEmptyEpochs: epochs that end without an event are still known.
func TestEmptyEpochs(t *testing.T) {
	j := fresh(t)
	names := []string{j.Epoch()}
	begin := func() {
		n, err := j.BeginEpoch("test", j.Head())
		must(t, err)
		names = append(names, n)
	}
	begin()
	begin()
	want := appendN(t, j, 3)
	begin()
	begin()
	want = append(want, appendN(t, j, 2)...)
	for range 2 {
		same(t, replayed(t, j, 0), want)
		for _, n := range names {
			if !j.Knows(n) {
				t.Errorf("%s is not known", n)
			}
		}
		if j.Epoch() != names[4] || j.Head() != 2 || j.Knows("x") {
			t.Errorf("epoch %s, head %d", j.Epoch(), j.Head())
		}
		j = openAgain(t, j)
	}
	if _, err := j.BeginEpoch("test", 99); err == nil || j.Epoch() != names[4] {
		t.Errorf("an epoch is begun after a sequence that is not there: %s, %v", j.Epoch(), err)
	}
	again := openAgain(t, j)
	again.newEpoch = func() string { return names[0] }
	if _, err := again.BeginEpoch("test", 0); err == nil {
		t.Error("an epoch of a known name is begun")
	}
}

// TestEpochsWhileReading: readers see one epoch or the other, whole.
func TestEpochsWhileReading(t *testing.T) {
	j := fresh(t)
	appendN(t, j, 20)
	ended := make(chan error)
	go func() {
		for range 20 {
			if _, err := j.BeginEpoch("test", j.Head()-min(j.Head(), 5)); err != nil {
				ended <- err
				return
			}
			if err := j.Append(events(j.Epoch(), j.Head(), 2)); err != nil {
				ended <- err
				return
			}
		}
		close(ended)
	}()
	for {
		_, err := j.Read(0, 100)
		_, _, err2 := j.Hash(j.Head())
		err3 := j.Replay(0, func(kiosk.Event) error { return nil })
		must(t, errors.Join(err, err2, err3))
		select {
		case err := <-ended:
			must(t, err)
			return
		default:
		}
	}
}
