package journal

import (
	"errors"
	"os"
	"testing"

	"baylight/kiosk"
)

// TestBurstCorrectsItself: an event of a burst that corrects another of the same
// burst carries the hash of that one's bytes, however far back it is.
func TestBurstCorrectsItself(t *testing.T) {
	j := fresh(t)
	appendN(t, j, 5)
	es := events(j.Epoch(), 5, 500)
	for at, corrected := range map[int]uint64{3: 2, 40: 10, 300: 6, 499: 504} {
		es[at].Person, es[at].Data = nil, &kiosk.Voided{Event: kiosk.EventID(j.Epoch(), corrected)}
	}
	es[200].Person, es[200].Data = nil, &kiosk.Voided{Event: kiosk.EventID(j.Epoch(), 400)} // to come: nothing to pin
	must(t, j.Append(es))
	rows, err := j.Read(0, 1000)
	must(t, err)
	pinned := 0
	for _, e := range replayed(t, j, 0) {
		v, ok := e.Data.(*kiosk.Voided)
		if !ok {
			continue
		}
		_, seq, err := kiosk.ParseEventID(v.Event)
		must(t, err)
		want := ""
		if seq < e.Seq {
			want = rows[seq-1].Hash.String()
			pinned++
		}
		if v.EventHash != want {
			t.Errorf("event %d corrects %d with hash %q, want %q", e.Seq, seq, v.EventHash, want)
		}
	}
	if pinned != 4 {
		t.Errorf("%d corrections are pinned, want 4", pinned)
	}
}

// TestLogIsMovedAfterwards: a long write-ahead log is moved into the database
// behind the append that made it long, as far as no reader is in the way.
func TestLogIsMovedAfterwards(t *testing.T) {
	j := fresh(t)
	size := func() int64 {
		st, err := os.Stat(j.path)
		must(t, err)
		return st.Size()
	}
	reader, err := j.readers.Conn(t.Context())
	must(t, err)
	defer reader.Close()
	_, err = reader.ExecContext(t.Context(), "BEGIN; SELECT count(*) FROM events")
	must(t, err)
	before, n := size(), 0
	for j.logged < longLog {
		appendN(t, j, 1000)
		n += 1000
		j.background.Wait()
	}
	if size() > before+limitLog/100 {
		t.Errorf("the database has grown from %d to %d bytes while it was read as it was", before, size())
	}
	_, err = reader.ExecContext(t.Context(), "COMMIT")
	must(t, err)
	appendN(t, j, 1)
	j.background.Wait()
	if j.logged >= longLog || size() < longLog/2 {
		t.Errorf("%d bytes in the log, %d in the database", j.logged, size())
	}
	if got := len(replayed(t, openAgain(t, j), 0)); got != n+1 {
		t.Errorf("%d events, want %d", got, n+1)
	}
}

// TestCloseDuringCheckpoint: closing waits for what runs behind, and a checkpoint
// that comes too late does nothing.
func TestCloseDuringCheckpoint(t *testing.T) {
	for range 5 {
		j := fresh(t)
		j.logged = longLog
		appendN(t, j, 100)
		must(t, j.Close())
		j.background.Wait()
		if err := j.Append(events(j.Epoch(), 100, 1)); !errors.Is(err, ErrClosed) {
			t.Errorf("append to a closed journal: %v", err)
		}
	}
}
