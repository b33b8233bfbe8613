package journal

import (
	"errors"
	"math"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"baylight/kiosk"
)

// The n-th event of these tests is recorded n seconds after nine o'clock.
var later = at(0).Wall.Add(200 * 24 * time.Hour)

// prune drops what is older than before, up to an event that is needed, "" if none is.
func prune(t testing.TB, j *Journal, before time.Time, needed string) (uint64, error) {
	r := Retention{Before: before, Now: later, Done: math.MaxUint64}
	if needed != "" {
		r.Needed = []string{needed}
	}
	return j.Prune(t.Context(), r)
}

func TestPrune(t *testing.T) {
	for _, c := range []struct {
		name            string
		through, before uint64 // receipted, and older than this second
		needed          uint64
		want            uint64
	}{
		{"old and receipted", 80, 60, 0, 59},
		{"not receipted", 40, 60, 0, 40},
		{"needed", 80, 60, 31, 30},
		{"needed first", 80, 60, 1, 0},
		{"everything but the last", 100, 5000, 0, 99},
		{"nothing old", 80, 0, 0, 0},
		{"nothing receipted", 0, 60, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			j := fresh(t)
			want := appendN(t, j, 100)
			must(t, j.SetReceipt(Receipt{"A", 1, c.through}))
			needed := ""
			if c.needed > 0 {
				needed = kiosk.EventID(j.Epoch(), c.needed)
			}
			for _, wanted := range []uint64{c.want, 0} { // and the second time nothing
				if n, err := prune(t, j, at(c.before).Wall, needed); n != wanted || err != nil {
					t.Fatalf("dropped %d, %v, want %d", n, err, wanted)
				}
			}
			anchor := kiosk.Hash{}
			if c.want > 0 {
				anchor = want[c.want].Prev
			}
			for range 2 {
				same(t, replayed(t, j, 0), want[c.want:])
				rows, err := j.Read(0, 1000)
				if err != nil || len(rows) != len(want)-int(c.want) || rows[0].Seq != c.want+1 {
					t.Fatalf("Read: %d rows, %v", len(rows), err)
				}
				if h, ok, err := j.Hash(c.want); h != anchor || ok != (c.want > 0) || err != nil {
					t.Errorf("hash of the anchor: %s, %v, %v", h, ok, err)
				}
				if c.want > 1 {
					if _, ok, err := j.Hash(c.want - 1); ok || err != nil {
						t.Errorf("hash before the anchor: %v, %v", ok, err)
					}
				}
				want = append(want, appendN(t, j, 2)...)
				j = openAgain(t, j)
			}
		})
	}
}

func TestPruneRefusals(t *testing.T) {
	j := fresh(t)
	appendN(t, j, 5)
	must(t, j.SetReceipt(Receipt{"A", 1, 5}))
	if n, err := prune(t, j, later.Add(-Keep+time.Second), ""); n != 0 || err == nil {
		t.Errorf("what is 90 days old less a second: dropped %d, %v", n, err)
	}
	for _, needed := range []string{"x", "other-3"} {
		if n, err := prune(t, j, at(60).Wall, needed); n != 0 || err == nil {
			t.Errorf("needed %q: dropped %d, %v", needed, n, err)
		}
	}
}

// TestPruneClock: an event of a clock that was not set goes by those after it.
func TestPruneClock(t *testing.T) {
	j := fresh(t)
	es := events(j.Epoch(), 0, 9)
	for i, year := range []int{2026, 1970, 2026, 1970, 2030, 1970, 2026, 2026, 2026} {
		es[i].Moment.Wall = time.Date(year, 11, 21, 9, 0, 0, 0, time.UTC)
		if year == 1970 {
			es[i].Moment.Clock = kiosk.Unset
		}
	}
	must(t, errors.Join(j.Append(es), j.SetReceipt(Receipt{"A", 1, 9})))
	if n, err := prune(t, j, time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), ""); n != 3 || err != nil {
		t.Errorf("dropped %d, %v, want 3: the fourth may be of 2030", n, err)
	}
}

// TestPruneFaultPairs: a commit that fails took its part of the events or not.
func TestPruneFaultPairs(t *testing.T) {
	boom := func() error { return errors.New("boom") }
	for _, c := range []struct {
		faults faults
		gone   int
	}{{faults{beforeCommit: boom}, 0}, {faults{afterCommit: boom}, pruneRows}} {
		j := fresh(t)
		want := appendN(t, j, pruneRows+500)
		must(t, j.SetReceipt(Receipt{"A", 1, pruneRows + 400}))
		j.faults = c.faults
		if n, err := prune(t, j, at(9000).Wall, ""); n != 0 || err == nil {
			t.Fatalf("dropped %d, %v", n, err)
		}
		j.faults = faults{}
		same(t, replayed(t, j, 0), want[c.gone:])
		if n, err := prune(t, j, at(9000).Wall, ""); int(n)+c.gone != pruneRows+400 || err != nil {
			t.Errorf("then dropped %d, %v", n, err)
		}
		same(t, replayed(t, openAgain(t, j), 0), want[pruneRows+400:])
	}
}

// TestPruneEpochs: what an ended epoch had no receipt for stays until the same
// events have one in the new epoch.
func TestPruneEpochs(t *testing.T) {
	j := fresh(t)
	first := j.Epoch()
	want := appendN(t, j, 50)
	must(t, j.SetReceipt(Receipt{"A", 1, 40}))
	_, err := j.BeginEpoch("test", 40)
	must(t, err)
	want = append(want, replayed(t, j, 0)[50:]...)
	want = append(want, appendN(t, j, 5)...)
	prune := func(want uint64) {
		t.Helper()
		if n, err := prune(t, j, at(9000).Wall, ""); n != want || err != nil {
			t.Fatalf("dropped %d, %v, want %d", n, err, want)
		}
	}
	prune(0)
	must(t, j.SetReceipt(Receipt{"A", 2, 9}))
	prune(0)
	must(t, j.SetReceipt(Receipt{"A", 2, 12}))
	prune(62)
	for range 2 {
		same(t, replayed(t, j, 0), want[62:])
		if !j.Knows(first) || j.Head() != 15 {
			t.Errorf("head %d", j.Head())
		}
		j = openAgain(t, j)
	}
}

// TestPruneAndSalvage: what was pruned is not called lost afterwards, and a
// backup of what is left can be restored.
func TestPruneAndSalvage(t *testing.T) {
	j := fresh(t)
	path := j.path
	want := appendN(t, j, 200)
	must(t, j.SetReceipt(Receipt{"A", 1, 150}))
	if n, err := prune(t, j, at(100).Wall, ""); n != 99 || err != nil {
		t.Fatal(n, err)
	}
	copied, to := filepath.Join(t.TempDir(), "copy.db"), filepath.Join(t.TempDir(), "j.db")
	_, err := j.Backup(t.Context(), copied)
	must(t, err)
	_, err = Restore(t.Context(), copied, to, Options{Source: source})
	must(t, err)
	got, again := firsts(t, openAt(t, to))
	same(t, got, want[99:])
	if len(again) != 50 {
		t.Errorf("%d again", len(again))
	}
	must(t, j.Close())
	run("DELETE FROM events WHERE pos = 120")(t, path)
	s := salvaging(t, path)
	r, _ := s.Salvaged()
	if !slices.Equal(r.Lost, []Lost{{want[0].Epoch, 120, 120}}) || r.Kept != 100 {
		t.Errorf("report %+v", r)
	}
}

// TestPruneWhileReading: readers pass over what goes while they read.
func TestPruneWhileReading(t *testing.T) {
	j := fresh(t)
	const n = 2 * pruneRows
	want := appendN(t, j, n)
	must(t, j.SetReceipt(Receipt{"A", 1, n}))
	ended := make(chan error, 1)
	go func() {
		for before := uint64(50); before <= n; before += 50 {
			if _, err := prune(t, j, at(before).Wall, ""); err != nil {
				ended <- err
				return
			}
		}
		ended <- nil
	}()
	for reading := true; reading; {
		last := uint64(0)
		err := j.Replay(0, func(e kiosk.Event) error {
			if e.Seq <= last {
				t.Errorf("event %d after %d", e.Seq, last)
			}
			last = e.Seq
			return nil
		})
		_, err2 := j.Read(0, 300)
		_, _, err3 := j.Hash(uint64(len(want)) / 2)
		must(t, errors.Join(err, err2, err3, j.Damage()))
		if last != n {
			t.Errorf("the replay ended with %d", last)
		}
		select {
		case err := <-ended:
			must(t, err)
			reading = false
		default:
		}
	}
}
