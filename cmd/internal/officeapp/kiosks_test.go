package officeapp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/ledger"
	"baylight/sync/broker"
	"baylight/sync/link"
	"baylight/sync/uplink"
	"baylight/sync/wire"
)

// TestKiosksReconnect: a broker goes away under many boards and comes back with
// nothing. All of them find it again, everything arrives once. BAYLIGHT_KIOSKS=2000
// (make kiosks) does it with the real pauses of 1 s to 2 min; without it a hundred
// boards do it in a hundredth of the time.
func TestKiosksReconnect(t *testing.T) {
	n, scale := 100, time.Duration(100)
	if s := os.Getenv("BAYLIGHT_KIOSKS"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil || n < 1 {
			t.Fatalf("BAYLIGHT_KIOSKS is %q and must be a number of boards", s)
		}
		scale = 1
	}
	const before, during = 10, 20
	f := newFleet(t, n, scale)
	f.append(before)
	f.settled()
	f.door.shut()
	f.restart()
	f.append(during)
	began := time.Now()
	<-time.After(time.Minute / scale) // the outage: attempts fail, pauses grow
	f.door.open(f.broker.Addr())
	f.settled()
	took := time.Since(began)
	attempts := f.door.attempts(began, time.Second/scale)
	t.Logf("%d boards back after an outage of %v: all delivered %v after its begin; attempts in each %v: %v; most at once %d",
		n, time.Minute/scale, took, time.Second/scale, attempts, slices.Max(attempts))
	if scale == 1 && slices.Max(attempts[5:]) > n/5 {
		t.Errorf("%d of %d boards tried within one second", slices.Max(attempts[5:]), n)
	}
	f.check(before + during)
}

// fleet is many boards, a broker behind a door, and one real back office.
type fleet struct {
	t      *testing.T
	broker *broker.Broker
	door   *door
	book   *ledger.Ledger
	boards []*small
}

func newFleet(t *testing.T, n int, scale time.Duration) *fleet {
	t.Helper()
	f := &fleet{t: t, door: newDoor(t)}
	f.restart()
	f.door.open(f.broker.Addr())
	var err error
	if f.book, err = ledger.Open(filepath.Join(t.TempDir(), "ledger.db")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var tasks sync.WaitGroup
	t.Cleanup(func() { cancel(); tasks.Wait(); _ = f.book.Close() })
	start := func(run func(context.Context) error) {
		tasks.Go(func() {
			if err := run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	office, err := backoffice.New(backoffice.Config{Ledger: f.book, Stores: []backoffice.Store{{Name: store, Calendar: kiosk.ShanghaiWeek(time.UTC)}}})
	if err != nil {
		t.Fatal(err)
	}
	min, max := time.Second/scale, 2*time.Minute/scale
	desk, err := office.Connect(store, link.Config{Broker: f.door.url(), ClientID: "office", Min: min, Max: 4 * min}, nil)
	if err != nil {
		t.Fatal(err)
	}
	start(office.Run)
	start(desk.Run)
	for i := range n {
		s := newSmall(fmt.Sprintf("k%d", i))
		topics, err := wire.NewKiosk(store, s.name)
		if err != nil {
			t.Fatal(err)
		}
		say := func(state wire.State) func(uint64) []byte {
			return func(session uint64) []byte {
				b, _ := wire.Conn{State: state, Session: session, Epoch: s.epoch, Version: "test"}.Encode()
				return b
			}
		}
		l, err := link.New(link.Config{Broker: f.door.url(), ClientID: topics.ClientID(), Min: min, Max: max,
			Presence: &link.Presence{Topic: topics.Conn(), Birth: say(wire.Ready), Lost: say(wire.Lost), Bye: say(wire.Disconnected)}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		u, err := uplink.New(uplink.Config{Kiosk: topics}, s, l, nil)
		if err != nil {
			t.Fatal(err)
		}
		start(l.Run)
		start(u.Run)
		f.boards = append(f.boards, s)
	}
	return f
}

// restart puts a broker that knows nothing in the place of the one that runs.
func (f *fleet) restart() {
	f.t.Helper()
	if f.broker != nil {
		_ = f.broker.Close()
	}
	var err error
	if f.broker, err = broker.Start(broker.Config{}); err != nil {
		f.t.Fatal(err)
	}
	b := f.broker
	f.t.Cleanup(func() { _ = b.Close() })
}

func (f *fleet) append(n int) {
	for _, s := range f.boards {
		s.append(f.t, n)
	}
}

// settled waits until every board has the receipt of its last event.
func (f *fleet) settled() {
	f.t.Helper()
	limit := time.After(15 * time.Minute)
	for i, s := range f.boards {
		for !s.done() {
			select {
			case <-s.marked:
			case <-limit:
				f.t.Fatalf("board %d stands at %+v", i, s.state())
			}
		}
	}
}

// check holds that the ledger has each event of each board, and counts it once.
func (f *fleet) check(each int) {
	f.t.Helper()
	sources, err := f.book.Sources(f.t.Context(), store)
	if err != nil {
		f.t.Fatal(err)
	}
	has := map[string]wire.Epoch{}
	for _, s := range sources {
		epochs, err := f.book.Epochs(f.t.Context(), s.Source)
		if err != nil {
			f.t.Fatal(err)
		}
		for _, e := range epochs {
			has[e.Epoch] = e
		}
	}
	for _, s := range f.boards {
		e := has[s.epoch]
		if want, _, _ := s.Hash(uint64(each)); e.Through != uint64(each) || e.Hash != want || len(e.Gaps) > 0 {
			f.t.Errorf("board %s: the ledger has %+v, want %d events", s.name, e, each)
		}
	}
}

// door counts who comes, and lets them through while it is open.
type door struct {
	l    net.Listener
	work sync.WaitGroup

	mu    sync.Mutex
	to    string
	conns []net.Conn
	came  []time.Time
}

func newDoor(t *testing.T) *door {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &door{l: l}
	d.work.Go(d.accept)
	t.Cleanup(func() { _ = l.Close(); d.shut(); d.work.Wait() })
	return d
}

func (d *door) url() string { return "mqtt://" + d.l.Addr().String() }

func (d *door) open(addr string) { d.mu.Lock(); defer d.mu.Unlock(); d.to = addr }

func (d *door) shut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.to = ""
	for _, c := range d.conns {
		_ = c.Close()
	}
	d.conns = nil
}

func (d *door) accept() {
	for {
		c, err := d.l.Accept()
		if err != nil {
			return
		}
		d.mu.Lock()
		d.came = append(d.came, time.Now())
		to := d.to
		d.mu.Unlock()
		up, err := net.Dial("tcp", to)
		if to == "" || err != nil {
			_ = c.Close()
			continue
		}
		d.mu.Lock()
		d.conns = append(d.conns, c, up)
		if d.to == "" {
			_, _ = c.Close(), up.Close()
		}
		d.mu.Unlock()
		for _, way := range [][2]net.Conn{{c, up}, {up, c}} {
			d.work.Go(func() {
				_, _ = way[0].(*net.TCPConn).ReadFrom(way[1]) // either end may go at any time
				_, _ = way[0].Close(), way[1].Close()
			})
		}
	}
}

// attempts are how many came in each step since a time.
func (d *door) attempts(since time.Time, step time.Duration) []int {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := make([]int, 6)
	for _, at := range d.came {
		if i := int(at.Sub(since) / step); i >= 0 {
			for len(out) <= i {
				out = append(out, 0)
			}
			out[i]++
		}
	}
	return out
}

// small is the journal of a board in memory.
type small struct {
	store, name, epoch string
	appended           chan struct{}
	marked             chan struct{}

	mu   sync.Mutex
	rows []uplink.Row
	prev kiosk.Hash
	mark uplink.Mark

	does   func(seq uint64) kiosk.Payload // what is recorded; nil: the same every time
	since  []time.Time                    // when each event was recorded
	delays []time.Duration                // how long events waited for their receipt
}

func newSmall(name string) *small {
	return &small{store: store, name: name, epoch: "epoch-of-" + name, appended: make(chan struct{}, 1), marked: make(chan struct{}, 1)}
}

func (s *small) append(t *testing.T, n int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for range n {
		seq := uint64(len(s.rows) + 1)
		at := fleetDay.Add(time.Duration(seq) * time.Second)
		e := kiosk.Event{Source: kiosk.KioskSource(s.store, s.name), Epoch: s.epoch, Seq: seq, Prev: s.prev,
			Moment: kiosk.Moment{Wall: at, Boot: "boot", Up: time.Duration(seq) * time.Second, Clock: kiosk.Synced},
			Data:   &kiosk.Started{Job: kiosk.Job{Visit: "0A7A000000", Bay: "b3", Technician: "t07"}}}
		if s.does != nil {
			e.Data = s.does(seq)
		}
		b, err := kiosk.Encode(e)
		if err != nil {
			t.Fatal(err)
		}
		s.prev = kiosk.HashOf(b)
		s.since = append(s.since, time.Now())
		s.rows = append(s.rows, uplink.Row{Seq: seq, Type: string(e.Type()), Bytes: b})
	}
	select {
	case s.appended <- struct{}{}:
	default:
	}
}

func (s *small) lock() func() { s.mu.Lock(); return s.mu.Unlock }

func (s *small) state() uplink.Mark              { defer s.lock()(); return s.mark }
func (s *small) done() bool                      { defer s.lock()(); return s.mark.Through == uint64(len(s.rows)) }
func (s *small) Epoch() string                   { return s.epoch }
func (s *small) Knows(e string) bool             { return e == s.epoch }
func (s *small) Owns(e string) bool              { return e == s.epoch }
func (s *small) Head() uint64                    { defer s.lock()(); return uint64(len(s.rows)) }
func (s *small) Appended() <-chan struct{}       { return s.appended }
func (s *small) Receipted() (uplink.Mark, error) { return s.state(), nil }

func (s *small) Supersede(context.Context, uplink.Rift) error {
	return errors.New("no board was copied")
}

func (s *small) Read(after uint64, limit int) ([]uplink.Row, error) {
	defer s.lock()()
	rows := s.rows[min(after, uint64(len(s.rows))):]
	return slices.Clone(rows[:min(limit, len(rows))]), nil
}

func (s *small) Hash(seq uint64) (kiosk.Hash, bool, error) {
	defer s.lock()()
	if seq < 1 || seq > uint64(len(s.rows)) {
		return kiosk.Hash{}, false, nil
	}
	return kiosk.HashOf(s.rows[seq-1].Bytes), true, nil
}

func (s *small) SetReceipted(m uplink.Mark) error {
	defer s.lock()()
	for seq := s.mark.Through; seq < min(m.Through, uint64(len(s.since))); seq++ {
		s.delays = append(s.delays, time.Since(s.since[seq]))
	}
	s.mark = m
	select {
	case s.marked <- struct{}{}:
	default:
	}
	return nil
}
