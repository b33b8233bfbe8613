package rebuild

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"baylight/cmd/internal/crashstates/record"
	"baylight/cmd/internal/crashstates/replay"
	"baylight/sync/backoffice/ledger"
)

// TestCrashStates: whatever a power cut leaves in the middle of folding opens,
// holds what was committed, and comes to the figures of an undisturbed rebuild.
func TestCrashStates(t *testing.T) {
	states, err := strconv.Atoi(cmp.Or(os.Getenv("BAYLIGHT_CRASH_STATES"), "12"))
	if err != nil {
		t.Fatal(err)
	}
	seed := rand.Uint64()
	r := newRecording(t)
	t.Logf("recorded: %d changes of files, %d syncs, %d batches committed; seed %d", len(r.ops), len(r.syncs()), len(r.batches), seed)
	v := r.judge(t, states, seed, states)
	t.Log(v)
	if len(v.bad) > 0 || v.kept != states {
		t.Errorf("%d of %d states hold what they must", v.kept, states)
	}
	if v.middle == 0 || v.unsynced == 0 {
		t.Error("no state is in the middle of folding, or none has anything that was not synced: nothing was tried")
	}
	ops := r.ops
	for _, without := range []struct {
		what string
		op   func(record.Op) bool
	}{
		{"any sync", func(op record.Op) bool { return op.Path != "." }},
		{"those of the log", func(op record.Op) bool { return strings.HasSuffix(op.Path, "-wal") }},
	} {
		r.ops = slices.Clone(ops)
		for i, op := range r.ops {
			if op.Kind == record.Sync && without.op(op) {
				r.ops[i] = record.Op{Kind: record.Sync, Path: "nothing"}
			}
		}
		v := r.judge(t, enough, seed, 3)
		t.Logf("without %s: %s", without.what, v)
		if len(v.bad) == 0 {
			t.Errorf("a ledger without %s is not found out in %d states", without.what, v.kept)
		}
	}
}

// enough states to find out a ledger that does not wait for the disk.
const enough = 100

// verdicts count states.
type verdicts struct {
	kept     int
	middle   int // of them, in the middle of folding
	whole    int // of them, with what is kept true for some position
	unsynced int // with something that was not synced
	bad      []string
}

func (v *verdicts) String() string {
	s := fmt.Sprintf("states: kept %d, of which %d in the middle of folding and %d folded; bad %d; %d with unsynced writes", v.kept, v.middle, v.whole, len(v.bad), v.unsynced)
	for _, b := range v.bad[:min(len(v.bad), 3)] {
		s += "\n  " + b
	}
	return s
}

// syncs are their places.
func (r *recording) syncs() (at []int) {
	for i, op := range r.ops {
		if op.Kind == record.Sync {
			at = append(at, i)
		}
	}
	return at
}

// places chooses n moments, in order, each before the change of that number and
// after the first batch: every second one is during a sync.
func (r *recording) places(n int, rnd *rand.Rand) (at []int) {
	first := r.told[0].at
	syncs := slices.DeleteFunc(r.syncs(), func(at int) bool { return at < first })
	for i := range n {
		if i%2 == 0 {
			at = append(at, syncs[rnd.IntN(len(syncs))])
		} else {
			at = append(at, first+rnd.IntN(len(r.ops)+1-first))
		}
	}
	slices.Sort(at)
	return at
}

// judge makes n states and judges them, or ends after so many bad ones.
func (r *recording) judge(t *testing.T, n int, seed uint64, most int) *verdicts {
	t.Helper()
	v, m, rnd, done := &verdicts{}, replay.New(), rand.New(rand.NewPCG(seed, 1)), 0
	for _, at := range r.places(n, rnd) {
		for ; done < at; done++ {
			m.Do(r.ops[done])
		}
		committed := 0
		for _, told := range r.told {
			if told.at <= at {
				committed = told.batches
			}
		}
		pending := m.Pending()
		dir := t.TempDir()
		for name, b := range m.Cut(rnd) {
			if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		middle, whole, err := r.holds(t.Context(), filepath.Join(dir, file), committed)
		if err != nil {
			if v.bad = append(v.bad, fmt.Sprintf("cut before change %d: %v", at, err)); len(v.bad) >= most {
				return v
			}
		} else {
			v.kept++
		}
		if pending > 0 {
			v.unsynced++
		}
		if middle {
			v.middle++
		}
		if whole {
			v.whole++
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	return v
}

// holds judges a ledger's file after so many batches were committed.
func (r *recording) holds(ctx context.Context, path string, committed int) (middle, whole bool, err error) {
	l, err := ledger.Open(path)
	if err != nil {
		return false, false, err
	}
	defer l.Close()
	has, err := r.has(ctx, l)
	if err != nil {
		return false, false, err
	}
	if has < committed {
		return false, false, fmt.Errorf("lost: it has %d batches, and %d were committed", has, committed)
	}
	is, err := l.Folded(ctx, store)
	if err != nil {
		return false, false, err
	}
	middle, whole = is.Round > 0 && is.Through == 0, is.Through > 0
	f, err := folder(l)
	if err != nil {
		return middle, whole, err
	}
	got, err := answers(ctx, f) // folds what is stale, from where it stands
	if err != nil {
		return middle, whole, err
	}
	if got != r.want[has] {
		return middle, whole, fmt.Errorf("after %d batches (in the middle: %t) figures are\n%.2000s\nundisturbed they are\n%.2000s", has, middle, got, r.want[has])
	}
	report, err := f.Verify(ctx, store)
	if err != nil {
		return middle, whole, err
	}
	if len(report.Differences) > 0 {
		return middle, whole, fmt.Errorf("after %d batches (in the middle: %t) a verification finds %d differences, the first: %s", has, middle, len(report.Differences)+report.More, report.Differences[0])
	}
	if says, err := l.Sound(ctx); err != nil || says != "ok" {
		return middle, whole, fmt.Errorf("the file is %q (%w)", says, err)
	}
	return middle, whole, nil
}

// has is how many batches a ledger holds: all of their events, in their order,
// and no others.
func (r *recording) has(ctx context.Context, l *ledger.Ledger) (batches int, err error) {
	const page = 1000
	var after uint64
	n := 0 // events of the next batch
	for {
		rows, err := l.Events(ctx, store, after, page)
		if err != nil {
			return 0, err
		}
		for _, row := range rows {
			if batches == len(r.batches) || string(row.Bytes) != string(r.batches[batches][n]) {
				return 0, fmt.Errorf("another event stands at %d, the %d. of batch %d", row.Position, n+1, batches+1)
			}
			after = row.Position
			if n++; n == len(r.batches[batches]) {
				batches, n = batches+1, 0
			}
		}
		if len(rows) < page {
			if n > 0 {
				return 0, fmt.Errorf("of batch %d there are %d events of %d", batches+1, n, len(r.batches[batches]))
			}
			return batches, nil
		}
	}
}
