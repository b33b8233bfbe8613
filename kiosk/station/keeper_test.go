package station_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"baylight/kiosk"
	"baylight/kiosk/floor"
	"baylight/kiosk/journal"
	"baylight/kiosk/station"
)

// counted is a journal that counts what is folded after a snapshot.
type counted struct {
	*journal.Journal
	starts, events atomic.Int64
	earlier        atomic.Int64 // events read by other ways that are in the snapshot

	mark    uint64 // up to here neither the snapshot nor the paper needs an event
	follows int64  // how many come behind it
}

// count begins to count at a journal that nobody uses yet.
func count(t *testing.T, j *journal.Journal) *counted {
	t.Helper()
	c := &counted{Journal: j}
	paper, err := j.Cursor("paper")
	if err != nil {
		t.Fatal(err)
	}
	if epoch, seq, _, ok := j.Snapshot(journal.Latest); ok && epoch == j.Epoch() {
		c.mark = min(seq, paper) // what became of documents is in no snapshot
	}
	c.follows = int64(j.Head() - c.mark)
	return c
}

func (c *counted) Replay(after uint64, fn func(kiosk.Event) error) error {
	return c.Journal.Replay(after, func(e kiosk.Event) error {
		if e.Seq <= c.mark {
			c.earlier.Add(1)
		}
		return fn(e)
	})
}

func (c *counted) ReplayFrom(epoch string, seq uint64, fn func(kiosk.Event) error) error {
	c.starts.Add(1)
	return c.Journal.ReplayFrom(epoch, seq, func(e kiosk.Event) error { c.events.Add(1); return fn(e) })
}

// began says whether the station began with a snapshot, and holds that it then
// read what follows it and nothing else, which is no more than comes between two.
func (c *counted) began(t *testing.T) bool {
	t.Helper()
	if c.starts.Load() == 0 {
		return false
	}
	if n := c.events.Load(); n != c.follows || n > 20 { // one is made every ten
		t.Errorf("%d events were folded after the snapshot, %d follow it, at most 20 are to", n, c.follows)
	}
	if n := c.earlier.Load(); n > 0 {
		t.Errorf("%d events that are in the snapshot were read all the same", n)
	}
	return true
}

// kept is a kiosk whose keeper rests only when the test says so.
type kept struct {
	*station.Station
	t      *testing.T
	path   string
	cfg    floor.Config
	j      *counted
	clock  *wall
	keeper *station.Keeper
	due    chan time.Time // a signal: the keeper's daily work is due
	asked  chan time.Duration
	stop   func()
	n      int
}

func newKept(t *testing.T) *kept {
	k := &kept{t: t, path: filepath.Join(t.TempDir(), "journal.db"), cfg: floorConfig(), clock: &wall{}}
	m := morning
	k.clock.at.Store(&m)
	return k
}

// start starts station and keeper; end ends them.
func (k *kept) start() {
	k.t.Helper()
	j, err := journal.Open(k.path, journal.Options{Source: kiosk.KioskSource("sh-pudong", "k1")})
	if err != nil {
		k.t.Fatal(err)
	}
	k.j = count(k.t, j)
	k.due, k.asked = make(chan time.Time), make(chan time.Duration, 100)
	k.Station = station.New(station.Config{Floor: k.cfg, Journal: k.j, Snapshots: k.j, Clock: k.clock})
	k.keeper = station.NewKeeper(station.KeeperConfig{Floor: k.cfg, Journal: k.j.Journal, Clock: k.clock, Every: 10, Refold: k.Refold,
		After: func(d time.Duration) <-chan time.Time {
			if d < time.Second { // rest between two looks
				done := make(chan time.Time)
				close(done)
				return done
			}
			k.asked <- d
			return k.due
		},
		Prune: func(ctx context.Context, now time.Time, done uint64, needed []string, settle func(string, uint64) error) (uint64, error) {
			return j.Prune(ctx, journal.Retention{Before: now.Add(-journal.Keep), Now: now, Done: done, Needed: needed, Settle: settle})
		}})
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 2)
	go func() { ran <- k.Run(ctx) }()
	<-k.Ready()
	go func() { ran <- k.keeper.Run(ctx) }()
	<-k.keeper.Ready()
	<-k.asked
	k.stop = func() {
		cancel()
		for range 2 {
			if err := <-ran; err != nil {
				k.t.Error(err)
			}
		}
		if err := j.Close(); err != nil {
			k.t.Error(err)
		}
	}
}

// behind records n more events while nobody makes a snapshot of them.
func (k *kept) behind(n int) {
	k.t.Helper()
	j, err := journal.Open(k.path, journal.Options{Source: kiosk.KioskSource("sh-pudong", "k1")})
	if err != nil {
		k.t.Fatal(err)
	}
	for range n {
		e := kiosk.Event{Source: j.Source(), Epoch: j.Epoch(), Seq: j.Head() + 1, Moment: k.clock.Now(), Data: &kiosk.DeviceDown{Device: "printer"}}
		if err := j.Append([]kiosk.Event{e}); err != nil {
			k.t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		k.t.Fatal(err)
	}
}

// check lets the keeper do its daily work and waits for its end.
func (k *kept) check() {
	k.due <- time.Time{}
	<-k.asked
}

func (k *kept) do(in floor.Input) floor.Reply {
	k.t.Helper()
	k.clock.add(4 * time.Second)
	r, err := k.Do(context.Background(), in)
	if err != nil {
		k.t.Fatal(err)
	}
	return r
}

// work is a visit that goes through a bay; it makes more than ten events.
func (k *kept) work(deliver bool) string {
	k.t.Helper()
	k.n++
	id := fmt.Sprintf("round-%d", k.n)
	visit := k.do(floor.CheckIn{ID: id, Plate: fmt.Sprintf("沪A%05d", k.n)}).Visit
	k.do(floor.Sign{ID: id + "s", By: "a1", Visit: visit, Items: []kiosk.Item{{Code: "oil", Category: kiosk.Maintenance, Payer: "customer", StandardMinutes: 30}}})
	for _, text := range []string{badge("t1"), card(visit), action(kiosk.PauseParts), card(visit), action(kiosk.Finish), badge("q1"), action(kiosk.PassCard)} {
		k.do(floor.Scan{Scanner: "sb1", Text: text, Symbology: "code128"})
	}
	if deliver {
		k.do(floor.Call{ID: id + "c", By: "a1", Visit: visit, Place: "cashier"})
		k.do(floor.Deliver{ID: id + "d", By: "a1", Visit: visit})
	}
	return visit
}

// state is what the station has, as bytes.
func (k *kept) state() (b []byte) {
	k.t.Helper()
	if err := k.View(context.Background(), func(s *floor.State, _ kiosk.Moment) {
		var err error
		if b, err = s.Snapshot(); err != nil {
			k.t.Error(err)
		}
	}); err != nil {
		k.t.Fatal(err)
	}
	return b
}

// full is the fold of all events, from the base on if there is one.
func (k *kept) full() []byte {
	k.t.Helper()
	st := floor.New(k.cfg, k.j.Epoch())
	fold := func(e kiosk.Event) error { st.Replay(e); return nil }
	var err error
	if epoch, seq, b, ok := k.j.Snapshot(journal.Base); ok {
		if st, err = floor.Restore(k.cfg, k.j.Epoch(), b); err == nil {
			err = k.j.Journal.ReplayFrom(epoch, seq, fold)
		}
	} else {
		err = k.j.Journal.Replay(0, fold)
	}
	if err != nil {
		k.t.Fatal(err)
	}
	b, err := st.Snapshot()
	if err != nil {
		k.t.Fatal(err)
	}
	return b
}

func (k *kept) same() {
	k.t.Helper()
	if a, b := k.state(), k.full(); !bytes.Equal(a, b) {
		k.t.Fatalf("the station has another state than the full fold:\n%s", cmp.Diff(string(a), string(b)))
	}
}

// right holds the latest snapshot and the events after it against the full fold.
func (k *kept) right() {
	k.t.Helper()
	epoch, seq, b, ok := k.j.Snapshot(journal.Latest)
	if !ok {
		k.t.Fatal("no snapshot")
	}
	st, err := floor.Restore(k.cfg, k.j.Epoch(), b)
	if err != nil {
		k.t.Fatal(err)
	}
	if err := k.j.Journal.ReplayFrom(epoch, seq, func(e kiosk.Event) error { st.Replay(e); return nil }); err != nil {
		k.t.Fatal(err)
	}
	got, err := st.Snapshot()
	if want := k.full(); err != nil || !bytes.Equal(got, want) {
		k.t.Fatalf("snapshot and fold is not the full fold, %v:\n%s", err, cmp.Diff(string(want), string(got)))
	}
}

// TestStartFromSnapshot: a start folds what came after the snapshot and has the
// state that all events make; also after an epoch began, and with a snapshot
// that cannot be used.
func TestStartFromSnapshot(t *testing.T) {
	k := newKept(t)
	k.start()
	for range 5 {
		k.work(true)
	}
	k.check()
	_, seq, _, ok := k.j.Snapshot(journal.Latest)
	if head := k.j.Head(); !ok || seq+10 <= head {
		t.Fatalf("at %d the snapshot is of %d, %v", head, seq, ok)
	}
	k.work(false)
	k.same()
	k.stop()
	k.behind(3)

	k.start()
	if !k.j.began(t) || k.j.follows < 3 {
		t.Errorf("the start did not begin with the snapshot and the %d events behind it", k.j.follows)
	}
	k.same()
	if _, err := k.j.BeginEpoch("a test", k.j.Head()-7); err != nil {
		t.Fatal(err)
	}
	if err := k.Refold(context.Background()); err != nil {
		t.Fatal(err)
	}
	k.same()
	k.work(false)
	k.check()
	if epoch, _, _, ok := k.j.Snapshot(journal.Latest); !ok || epoch != k.j.Epoch() || k.keeper.Alarm() != "" {
		t.Errorf("in the new epoch the snapshot is of %q, alarm %q", epoch, k.keeper.Alarm())
	}
	k.same()
	k.stop()

	k.cfg.Scanners["sb1"] = "b3" // other settings: the snapshot is of no use
	k.start()
	if k.j.began(t) {
		t.Error("with other settings the start began with the snapshot")
	}
	k.same()
	k.check()
	if k.keeper.Alarm() != "" {
		t.Errorf("other settings: %s", k.keeper.Alarm())
	}
	k.stop()
	k.start()
	if !k.j.began(t) {
		t.Error("the check made no snapshot for the other settings")
	}
	k.same()
	k.stop()
}

// TestWrongSnapshot: a snapshot that is not what the events say is found, told,
// replaced, and the station has the right state again.
func TestWrongSnapshot(t *testing.T) {
	k := newKept(t)
	k.start()
	visit := k.work(false)
	k.work(true)
	k.check()
	epoch, seq, state, ok := k.j.Snapshot(journal.Latest)
	if !ok {
		t.Fatal("no snapshot")
	}
	wrong := bytes.ReplaceAll(state, []byte(`"b1"`), []byte(`"b2"`))
	if bytes.Equal(wrong, state) {
		t.Fatal("nothing to make wrong")
	}
	if err := k.j.SetSnapshot(journal.Latest, epoch, seq, wrong); err != nil {
		t.Fatal(err)
	}
	k.stop()
	k.start()
	if bytes.Equal(k.state(), k.full()) {
		t.Fatal("the wrong snapshot was not used")
	}
	k.check()
	if k.keeper.Alarm() == "" {
		t.Error("no alarm")
	}
	k.same()
	k.right()
	if r := k.do(floor.Call{ID: "after", By: "a1", Visit: visit, Place: "cashier"}); !r.Good {
		t.Errorf("afterwards: %+v", r)
	}
	k.stop()
}

// TestRetention: what is old, receipted and printed goes; the state stays what
// all events made; what an open visit, a call for help or a lost device rests on
// stays, and so does what the back office has no receipt for.
func TestRetention(t *testing.T) {
	k := newKept(t)
	k.start()
	for range 4 {
		k.work(true)
	}
	open := k.work(false)
	first := k.j.Head()
	k.do(floor.CallHelp{ID: "help", Place: "b3"})
	for i := range 75 {
		k.clock.add(48 * time.Hour)
		k.work(true)
		if i%30 == 0 { // nobody fetches the car, and nobody forgets it
			k.do(floor.Call{ID: fmt.Sprint("where-", i), By: "a1", Visit: open, Place: "cashier"})
		}
	}
	k.check()
	k.same()
	if rows, err := k.j.Read(0, 1); err != nil || rows[0].Seq != 1 {
		t.Fatalf("dropped without a receipt: %v, %v", rows, err)
	}
	receipt := journal.Receipt{Ledger: "ledger", Term: 1, Through: k.j.Head()}
	if err := k.j.SetReceipt(receipt); err != nil {
		t.Fatal(err)
	}
	m := k.clock.Now()
	m.Clock = kiosk.Holdover
	k.clock.at.Store(&m)
	k.check()
	if rows, err := k.j.Read(0, 1); err != nil || rows[0].Seq != 1 {
		t.Fatalf("dropped by a clock that is not sure: %v, %v", rows, err)
	}
	m.Clock = kiosk.Synced
	k.clock.at.Store(&m)
	k.check()
	rows, err := k.j.Read(0, 1)
	if err != nil || rows[0].Seq == 1 || rows[0].Seq >= first {
		t.Fatalf("the journal begins with %d, %v; an open visit's events are before %d", rows[0].Seq, err, first)
	}
	if _, seq, _, ok := k.j.Snapshot(journal.Base); !ok || seq != rows[0].Seq-1 {
		t.Errorf("the base is of %d, %v", seq, ok)
	}
	k.same()
	k.do(floor.Close{ID: "at last", By: "a1", Visit: open, Outcome: "left"})
	k.do(floor.ClearHelp{ID: "here", By: "s1", Place: "b3"})
	for range 5 { // and what is kept of an ended visit goes after two days
		k.clock.add(24 * time.Hour)
		k.work(true)
	}
	k.check()
	rows, err = k.j.Read(0, math.MaxInt32)
	if err != nil || rows[0].Seq <= first {
		t.Fatalf("the journal begins with %d, %v, after the visit was closed", rows[0].Seq, err)
	}
	oldest, err := kiosk.Decode(rows[0].Bytes)
	if age := k.clock.Now().Wall.Sub(oldest.Moment.Wall); err != nil || age > journal.Keep || age < journal.Keep-48*time.Hour {
		t.Errorf("the oldest event is %s old, %v", age, err)
	}
	k.same()
	k.stop()
	k.start()
	k.same()
	if k.keeper.Alarm() != "" {
		t.Error(k.keeper.Alarm())
	}
	k.stop()
}
