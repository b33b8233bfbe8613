package journal

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"baylight/kiosk"
)

const source = "/stores/sh-pudong/kiosks/k1"

// at is the moment of the n-th event of these tests.
func at(n uint64) kiosk.Moment {
	m := kiosk.Moment{Wall: time.Date(2026, 11, 21, 9, 0, 0, 0, time.FixedZone("", 8*3600)), Boot: "7e0d2b7c", Clock: kiosk.Synced}
	return m.Add(time.Duration(n) * time.Second)
}

// events makes n events after a sequence; every third has a person part.
func events(epoch string, after uint64, n int) []kiosk.Event {
	out := make([]kiosk.Event, n)
	for i := range out {
		seq := after + uint64(i) + 1
		e := kiosk.Event{Source: source, Epoch: epoch, Seq: seq, Moment: at(seq)}
		switch seq % 3 {
		case 0:
			person, digest, err := kiosk.Person{Salt: "00ff", Text: fmt.Sprint("乱码 ", seq)}.Encode()
			if err != nil {
				panic(err)
			}
			e.Person = person
			e.Data = &kiosk.ScanRejected{Bay: "b1", Meta: kiosk.Meta{Reason: "unknown", PersonDigest: digest}}
		case 1:
			e.Data = &kiosk.BadgeScanned{Bay: "b1", Person: fmt.Sprint("t", seq)}
		default:
			e.Data = &kiosk.Passed{Visit: "A1B2C3D4E5", Inspector: "t07"}
		}
		out[i] = e
	}
	return out
}

func openAt(t testing.TB, path string) *Journal {
	t.Helper()
	j, err := Open(path, Options{Source: source})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return j
}

func fresh(t testing.TB) *Journal { return openAt(t, filepath.Join(t.TempDir(), "journal.db")) }

func appendN(t testing.TB, j *Journal, n int) []kiosk.Event {
	t.Helper()
	es := events(j.Epoch(), j.Head(), n)
	if err := j.Append(es); err != nil {
		t.Fatal(err)
	}
	return es
}

func replayed(t testing.TB, j *Journal, after uint64) []kiosk.Event {
	t.Helper()
	var out []kiosk.Event
	if err := j.Replay(after, func(e kiosk.Event) error { out = append(out, e); return nil }); err != nil {
		t.Fatal(err)
	}
	return out
}

// same holds two runs of events against each other by their bytes and person parts.
func same(t testing.TB, got, want []kiosk.Event) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d events, want %d", len(got), len(want))
	}
	for i := range want {
		g, err := kiosk.Encode(got[i])
		if err != nil {
			t.Fatal(err)
		}
		w, err := kiosk.Encode(want[i])
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(g, w) || !bytes.Equal(got[i].Person, want[i].Person) {
			t.Fatalf("event %d is\n%s %s\nwant\n%s %s", i, g, got[i].Person, w, want[i].Person)
		}
	}
}

func TestAppendReopenReplay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "board 1#?.db")
	j := openAt(t, path)
	epoch := j.Epoch()
	if len(epoch) != 36 || j.Head() != 0 || j.HeadHash() != (kiosk.Hash{}) || len(replayed(t, j, 0)) != 0 {
		t.Fatalf("new journal: epoch %q, head %d %s", epoch, j.Head(), j.HeadHash())
	}
	var want []kiosk.Event
	for _, n := range []int{1, 3, 700, 1} {
		want = append(want, appendN(t, j, n)...)
	}
	for i, e := range want {
		prev := kiosk.Hash{}
		if i > 0 {
			b, err := kiosk.Encode(want[i-1])
			if err != nil {
				t.Fatal(err)
			}
			prev = kiosk.HashOf(b)
		}
		if e.Prev != prev {
			t.Fatalf("event %d has prev %s, want %s", e.Seq, e.Prev, prev)
		}
	}
	head := j.HeadHash()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	if _, err := os.Stat(path + "-wal"); !os.IsNotExist(err) {
		t.Errorf("the write-ahead log is left after Close: %v", err)
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("journal has mode %v, %v", st.Mode(), err)
	}

	j = openAt(t, path)
	if j.Epoch() != epoch || j.Head() != 705 || j.HeadHash() != head || j.Source() != source {
		t.Fatalf("reopened: epoch %s, head %d %s", j.Epoch(), j.Head(), j.HeadHash())
	}
	same(t, replayed(t, j, 0), want)
	same(t, replayed(t, j, 300), want[300:])
	same(t, replayed(t, j, 705), nil)
	if err := j.Replay(706, func(kiosk.Event) error { return nil }); err == nil {
		t.Error("a replay from beyond the head is silent")
	}
	appendN(t, j, 2)
}

func TestReplayEndsWithItsCallersError(t *testing.T) {
	j := fresh(t)
	appendN(t, j, 5)
	stop := errors.New("stop")
	var seen int
	err := j.Replay(0, func(e kiosk.Event) error {
		if seen++; e.Seq == 3 {
			return stop
		}
		return nil
	})
	if err != stop || seen != 3 {
		t.Errorf("Replay = %v after %d events", err, seen)
	}
}

func TestReadAndHash(t *testing.T) {
	j := fresh(t)
	want := appendN(t, j, 10)
	rows, err := j.Read(3, 4)
	if err != nil || len(rows) != 4 {
		t.Fatalf("Read = %d rows, %v", len(rows), err)
	}
	for i, r := range rows {
		e := want[3+i]
		b, err := kiosk.Encode(e)
		if err != nil {
			t.Fatal(err)
		}
		if r.Seq != e.Seq || r.Type != e.Type() || !bytes.Equal(r.Bytes, b) || !bytes.Equal(r.Person, e.Person) || r.Hash != kiosk.HashOf(b) {
			t.Errorf("row %d is %+v", i, r)
		}
		if h, ok, err := j.Hash(r.Seq); h != r.Hash || !ok || err != nil {
			t.Errorf("Hash(%d) = %s, %v, %v", r.Seq, h, ok, err)
		}
	}
	for _, c := range []struct {
		after uint64
		limit int
		want  int
	}{{0, 100, 10}, {9, 5, 1}, {10, 5, 0}, {11, 5, 0}, {0, 0, 0}, {1<<64 - 1, 1, 0}, {1<<63 - 1, 1, 0}} {
		if rows, err := j.Read(c.after, c.limit); len(rows) != c.want || err != nil {
			t.Errorf("Read(%d, %d) = %d rows, %v", c.after, c.limit, len(rows), err)
		}
	}
	for _, seq := range []uint64{0, 11, 1 << 63, 1<<64 - 1} {
		if _, ok, err := j.Hash(seq); ok || err != nil {
			t.Errorf("Hash(%d) = %v, %v", seq, ok, err)
		}
	}
}

func TestAppendRefuses(t *testing.T) {
	j := fresh(t)
	appendN(t, j, 2)
	rows := []struct {
		name string
		harm func(es []kiosk.Event)
		says string
		seq  bool
	}{
		{"hole", func(es []kiosk.Event) { es[0].Seq = 4 }, "goes on with", true},
		{"again", func(es []kiosk.Event) { es[0].Seq = 2 }, "goes on with", true},
		{"hole inside", func(es []kiosk.Event) { es[2].Seq = 6 }, "goes on with", true},
		{"other epoch", func(es []kiosk.Event) { es[1].Epoch = "x" }, "goes on with", true},
		{"other source", func(es []kiosk.Event) { es[1].Source = "/stores/x/kiosks/k2" }, "source is", false},
		{"no data", func(es []kiosk.Event) { es[1].Data = nil }, "no data", false},
		{"no clock", func(es []kiosk.Event) { es[2].Moment.Clock = "" }, "clock", false},
		{"unknown type", func(es []kiosk.Event) { es[1].Data = &kiosk.Unknown{Of: "baylight.tyre.weighed.v2"} }, "tyre.weighed", false},
		{"year", func(es []kiosk.Event) { es[1].Moment.Wall = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }, "year 10000", false},
		{"before boot", func(es []kiosk.Event) { es[1].Moment.Up = -time.Second }, "since boot", false},
		{"no person part", func(es []kiosk.Event) { es[0].Person = nil }, "missing", false},
		{"digest", func(es []kiosk.Event) { es[0].Person = []byte(`{"salt":"1"}`) }, "digest", false},
		{"huge", func(es []kiosk.Event) { es[1].Data.Common().Reason = strings.Repeat("x", kiosk.MaxEventBytes) }, "at most", false},
	}
	for _, r := range rows {
		for _, n := range []int{3, 300} { // the last of many is looked at when others are stored
			es := events(j.Epoch(), 2, n)
			r.harm(es[n-3:])
			err := j.Append(es)
			var se *SequenceError
			var ee *EventError
			if err == nil || !strings.Contains(err.Error(), r.says) || errors.As(err, &se) != r.seq || errors.As(err, &ee) == r.seq {
				t.Errorf("%s, %d events: %v", r.name, n, err)
			}
			if j.Head() != 2 || len(replayed(t, j, 0)) != 2 {
				t.Fatalf("%s, %d events: head is %d after a refusal", r.name, n, j.Head())
			}
		}
	}
	if err := j.Append(nil); err != nil {
		t.Errorf("nothing to append: %v", err)
	}
	appendN(t, j, 3)
}

func TestCursorsAndReceipts(t *testing.T) {
	j := fresh(t)
	appendN(t, j, 9)
	if v, err := j.Cursor("paper"); v != 0 || err != nil {
		t.Errorf("new cursor = %d, %v", v, err)
	}
	if _, ok, err := j.Receipt(); ok || err != nil {
		t.Errorf("receipt of a new journal: %v, %v", ok, err)
	}
	for _, v := range []uint64{7, 9, 3} {
		if err := j.SetCursor("paper", v); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.SetCursor("paper", 10); err == nil || !strings.Contains(err.Error(), "beyond the head, 9") {
		t.Errorf("cursor beyond the head: %v", err)
	}
	set := []Receipt{{"A", 1, 4}, {"A", 2, 8}, {"B", 7, 5}}
	for _, r := range set {
		if err := j.SetReceipt(r); err != nil {
			t.Fatal(err)
		}
		if got, ok, err := j.Receipt(); got != r || !ok || err != nil {
			t.Errorf("receipt is %+v, %v, %v, want %+v", got, ok, err, r)
		}
	}
	for _, r := range []Receipt{{"B", 8, 10}, {"", 8, 1}} {
		if err := j.SetReceipt(r); err == nil {
			t.Errorf("receipt %+v is accepted", r)
		}
	}
	path := j.path
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j = openAt(t, path)
	if v, err := j.Cursor("paper"); v != 3 || err != nil {
		t.Errorf("cursor after reopening = %d, %v", v, err)
	}
	if r, ok, err := j.Receipt(); r != set[2] || !ok || err != nil {
		t.Errorf("receipt after reopening = %+v, %v, %v", r, ok, err)
	}
	if left, err := j.LeftLedgers(); !reflect.DeepEqual(left, []string{"A"}) || err != nil {
		t.Errorf("left ledgers = %v, %v", left, err)
	}
	for n := range maxLeft {
		if err := j.SetReceipt(Receipt{Ledger: fmt.Sprint("C", n)}); err != nil {
			t.Fatal(err)
		}
	}
	if left, err := j.LeftLedgers(); len(left) != maxLeft || left[0] != "B" || left[maxLeft-1] != "C62" || err != nil {
		t.Errorf("after many, the left ledgers are %v, %v", left, err)
	}
	if !j.Knows(j.Epoch()) || j.Knows("x") {
		t.Error("Knows is wrong about epochs")
	}
}

// TestWhatIsAcceptedIsReadBack: whatever Append takes, Replay gives again.
func TestWhatIsAcceptedIsReadBack(t *testing.T) {
	j := fresh(t)
	text := rapid.OneOf(rapid.String(), rapid.StringN(0, 300, -1), rapid.SampledFrom([]string{"\xff\x00", "<&>\u2028", strings.Repeat("\xff", 90), "synced", "unset"}))
	rapid.Check(t, func(t *rapid.T) {
		year := rapid.IntRange(-2, 10001).Draw(t, "year")
		zone := time.FixedZone("", rapid.IntRange(-86399, 86399).Draw(t, "offset"))
		e := kiosk.Event{Source: source, Epoch: j.Epoch(), Seq: j.Head() + 1, Was: text.Draw(t, "was"), WasHash: text.Draw(t, "washash"),
			Moment: kiosk.Moment{Wall: time.Date(year, 12, 31, 23, 59, 59, 999_999_999, zone), Boot: text.Draw(t, "boot"),
				Up: time.Duration(rapid.Int64().Draw(t, "up")), Clock: kiosk.Quality(text.Draw(t, "clock"))}}
		data := rapid.SampledFrom(kiosk.Types()).Draw(t, "type")
		e.Data = kiosk.NewPayload(data)
		*e.Data.Common() = kiosk.Meta{Reason: text.Draw(t, "reason"), By: text.Draw(t, "by"), Flags: []kiosk.Flag{kiosk.Flag(text.Draw(t, "flag"))}}
		if rapid.Bool().Draw(t, "plain") {
			e.Moment.Boot, e.Moment.Clock, e.Moment.Up = "", kiosk.Holdover, e.Moment.Up.Abs()
		}
		if err := j.Append([]kiosk.Event{e}); err != nil {
			return
		}
		n := 0
		if err := j.Replay(e.Seq-1, func(got kiosk.Event) error { n++; return nil }); err != nil || n != 1 {
			t.Fatalf("%+v is accepted, and replaying it gives %d events, %v", e, n, err)
		}
	})
	if j.Head() == 0 {
		t.Error("nothing at all was accepted")
	}
}

func TestSeveralListen(t *testing.T) {
	j := fresh(t)
	const listeners, last = 4, 50
	var wg sync.WaitGroup
	for range listeners {
		ch, stop := j.Watch()
		wg.Go(func() {
			defer stop()
			for j.Head() < last {
				<-ch
			}
		})
	}
	for range last {
		appendN(t, j, 1)
	}
	wg.Wait()
	ch, stop := j.Watch()
	if err := j.SetCursor("outbox", 1); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ch:
		t.Error("a cursor is taken for an event")
	default:
	}
	stop()
	appendN(t, j, 1)
	if len(ch) > 0 || len(j.watchers) > 0 {
		t.Error("who has stopped watching is still told")
	}
}

func TestErasedPersonPart(t *testing.T) {
	j := fresh(t)
	es := events(j.Epoch(), 0, 3)
	es[2].Person, es[2].Was = nil, "old-3" // re-recorded after it was erased
	if err := j.Append(es); err != nil {
		t.Fatal(err)
	}
	rows, err := j.Read(0, 3)
	if err != nil || rows[0].Person != nil || rows[2].Person == nil || len(rows[2].Person) != 0 {
		t.Errorf("person parts are %q and %q, %v", rows[0].Person, rows[2].Person, err)
	}
	if got := replayed(t, j, 2); got[0].Person != nil {
		t.Errorf("replayed with person part %q", got[0].Person)
	}
}

func TestReadWhileAppending(t *testing.T) {
	j := fresh(t)
	const last = 300
	var wg sync.WaitGroup
	for range 3 {
		ch, stop := j.Watch()
		wg.Go(func() {
			defer stop()
			var seen uint64
			for seen < last {
				rows, err := j.Read(seen, 50)
				if err != nil {
					t.Error(err)
					return
				}
				for _, r := range rows {
					if seen++; r.Seq != seen {
						t.Errorf("row %d after %d", r.Seq, seen-1)
					}
				}
				if len(rows) == 0 {
					<-ch
				}
			}
		})
	}
	wg.Go(func() {
		for n := range uint64(20) {
			if err := j.SetCursor("outbox", min(n, j.Head())); err != nil {
				t.Error(err)
			}
			if err := j.Replay(0, func(kiosk.Event) error { return nil }); err != nil {
				t.Error(err)
			}
		}
	})
	for j.Head() < last {
		appendN(t, j, 3)
	}
	wg.Wait()
	if n := len(replayed(t, j, 0)); n != last {
		t.Errorf("%d events after all, want %d", n, last)
	}
}

func TestClosed(t *testing.T) {
	j := fresh(t)
	appendN(t, j, 1)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	_, readErr := j.Read(0, 1)
	_, _, hashErr := j.Hash(1)
	_, cursorErr := j.Cursor("x")
	_, _, receiptErr := j.Receipt()
	for what, err := range map[string]error{
		"Append": j.Append(events(j.Epoch(), 1, 1)), "Read": readErr, "Hash": hashErr, "Cursor": cursorErr,
		"SetCursor": j.SetCursor("x", 1), "Receipt": receiptErr, "SetReceipt": j.SetReceipt(Receipt{Ledger: "A"}),
		"Replay": j.Replay(0, func(kiosk.Event) error { return nil }),
	} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s after Close: %v", what, err)
		}
	}
}
