package journal

import (
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"baylight/kiosk"
)

// grouped gives events in groups of sizes that come again and again.
func grouped(es []kiosk.Event, sizes ...int) iter.Seq[[]kiosk.Event] {
	return func(yield func([]kiosk.Event) bool) {
		for i := 0; len(es) > 0; i++ {
			n := min(sizes[i%len(sizes)], len(es))
			if !yield(es[:n:n]) {
				return
			}
			es = es[n:]
		}
	}
}

// corrected are n events of which some correct others, most of them in the same run.
func corrected(epoch string, after uint64, n int) []kiosk.Event {
	es := events(epoch, after, n)
	for i := range es {
		if seq := es[i].Seq; seq%7 == 3 {
			es[i].Person, es[i].Data = nil, &kiosk.Voided{Event: kiosk.EventID(epoch, seq-seq%5)}
		}
	}
	return es
}

// TestSequenceIsOneAppend: however events are grouped, the rows are those of the
// same events appended at once, to the byte, and so is what the caller's have become.
func TestSequenceIsOneAppend(t *testing.T) {
	dir := t.TempDir()
	named := func(name string) *Journal {
		j, err := Open(filepath.Join(dir, name), Options{Source: source, NewEpoch: func() string { return "epoch" }, Ballast: -1})
		must(t, err)
		t.Cleanup(func() { j.Close() })
		return j
	}
	whole, grown := named("whole.db"), named("grown.db")
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.OneOf(rapid.IntRange(0, 20), rapid.IntRange(0, 400)).Draw(t, "n")
		sizes := append(rapid.SliceOfN(rapid.IntRange(0, 90), 0, 5).Draw(t, "sizes"), rapid.IntRange(1, 90).Draw(t, "size"))
		head := whole.Head()
		a, b := corrected("epoch", head, n), corrected("epoch", head, n)
		if err := errors.Join(whole.Append(a), grown.AppendSeq(grouped(b, sizes...))); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(a, b) {
			t.Fatal("the given events are not what Append makes of them")
		}
		want, err := whole.Read(head, n+1)
		if err != nil {
			t.Fatal(err)
		}
		got, err := grown.Read(head, n+1)
		if err != nil || len(got) != n || !reflect.DeepEqual(got, want) {
			t.Fatalf("%d of %d rows, or not the same: %v", len(got), n, err)
		}
	})
	same(t, replayed(t, grown, 0), replayed(t, whole, 0))
}

// TestSequenceEndsInAFailure: what happens at an event of a sequence leaves nothing
// of it, whether it was being stored already or not, and the sequence hears of it.
func TestSequenceEndsInAFailure(t *testing.T) {
	boom := errors.New("boom")
	for _, at := range []int{0, 1, 7, 8, 9, 70, 300} {
		for what, do := range map[string]func(e *kiosk.Event){
			"a gap":      func(e *kiosk.Event) { e.Seq++ },
			"a bad time": func(e *kiosk.Event) { e.Moment.Up = -1 },
			"a panic":    func(*kiosk.Event) { panic(boom) },
			"an exit":    func(*kiosk.Event) { runtime.Goexit() },
		} {
			t.Run(fmt.Sprintf("%s at %d", what, at), func(t *testing.T) {
				j := fresh(t)
				want := appendN(t, j, 3)
				es, asked := corrected(j.Epoch(), 3, 1000), 0
				var err error
				over, caught := make(chan struct{}), any(nil)
				go func() {
					defer close(over)
					defer func() { caught = recover() }()
					err = j.AppendSeq(func(yield func([]kiosk.Event) bool) {
						for i := range es {
							if asked = i; i == at {
								do(&es[i])
							}
							if !yield(es[i : i+1]) {
								return
							}
						}
					})
				}()
				<-over
				for i := range es { // the race detector sees who else is still at it
					es[i].Seq = 0
				}
				var se *SequenceError
				var ee *EventError
				refused := errors.As(err, &se) || errors.As(err, &ee)
				if left := what == "a panic" || what == "an exit"; refused == left || (caught == boom) != (what == "a panic") {
					t.Errorf("error %v, panic %v", err, caught)
				}
				if asked > at+4*chunkEvents || j.Head() != 3 { // what is under way between the goroutines
					t.Errorf("it went on to %d of %d, the head is %d", asked, len(es), j.Head())
				}
				same(t, replayed(t, j, 0), want)
				want = append(want, appendN(t, j, 100)...)
				same(t, replayed(t, openAgain(t, j), 0), want)
			})
		}
	}
}

// TestSequenceFillsTheDisk: storing fails while the sequence goes on; it is told long
// before its end.
func TestSequenceFillsTheDisk(t *testing.T) {
	j := fresh(t)
	want := appendN(t, j, 50)
	_, err := j.writer.conn.ExecContext(t.Context(), "PRAGMA max_page_count = 1") // SQLite: no less than the file has
	must(t, err)
	const n = 20_000
	es, given := events(j.Epoch(), 50, n), 0
	err = j.AppendSeq(func(yield func([]kiosk.Event) bool) {
		for some := range slices.Chunk(es, 3) {
			if !yield(some) {
				return
			}
			given += len(some)
		}
	})
	if !errors.Is(err, ErrFull) || given >= n {
		t.Fatalf("%v after %d events", err, given)
	}
	same(t, replayed(t, j, 0), want)
	must(t, j.AppendSeq(grouped(es, 100, 3))) // there is room again
	same(t, replayed(t, openAgain(t, j), 0), append(want, es...))
}

// TestSequenceFaultPairs: the one commit of a long sequence fails, and did or did
// not persist.
func TestSequenceFaultPairs(t *testing.T) {
	boom := errors.New("boom")
	fail := func() error { return boom }
	for persists, f := range map[int]faults{0: {beforeCommit: fail}, 500: {afterCommit: fail}} {
		j := fresh(t)
		want := appendN(t, j, 3)
		es := corrected(j.Epoch(), 3, 500)
		j.faults = f
		if err := j.AppendSeq(grouped(es, 2, 0, 1)); !errors.Is(err, boom) {
			t.Fatalf("error %v", err)
		}
		j.faults = faults{}
		want = append(want, es[:persists]...)
		if j.Head() != uint64(len(want)) {
			t.Errorf("head is %d, want %d", j.Head(), len(want))
		}
		want = append(want, appendN(t, j, 2)...)
		same(t, replayed(t, openAgain(t, j), 0), want)
	}
}

// TestEmptySequence: a sequence without an event commits nothing and waits for
// nobody.
func TestEmptySequence(t *testing.T) {
	j := fresh(t)
	appendN(t, j, 1)
	j.faults.beforeCommit = func() error { t.Error("something is committed"); return nil }
	j.write.Lock()
	ran := false
	for _, empty := range []iter.Seq[[]kiosk.Event]{
		func(func([]kiosk.Event) bool) { ran = true },
		func(yield func([]kiosk.Event) bool) { _ = yield(nil) && yield([]kiosk.Event{}) },
	} {
		must(t, j.AppendSeq(empty))
	}
	j.write.Unlock()
	if !ran || j.Head() != 1 {
		t.Errorf("ran %t, the head is %d", ran, j.Head())
	}
	j.faults = faults{}
}

// TestReadWhileASequenceGoesOn: its events are seen all at once, when it has ended.
func TestReadWhileASequenceGoesOn(t *testing.T) {
	j := fresh(t)
	want := appendN(t, j, 5)
	es, i := events(j.Epoch(), 5, 300), 0
	must(t, j.AppendSeq(func(yield func([]kiosk.Event) bool) {
		for ; i < len(es) && yield(es[i:i+1]); i++ {
			if i%50 == 0 {
				same(t, replayed(t, j, 0), want)
			}
		}
	}))
	same(t, replayed(t, j, 0), append(want, es...))
}
