package backoffice_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/ledger/ledgertest"
	"baylight/sync/broker"
	"baylight/sync/link"
	"baylight/sync/uplink"
	"baylight/sync/wire"
)

// memory is a journal that a board's uplink reads.
type memory struct {
	mu       sync.Mutex
	board    *ledgertest.Board
	rows     []uplink.Row
	mark     uplink.Mark
	appended chan struct{}
	marked   chan struct{}
}

func newMemory(t *testing.T) *memory {
	return &memory{board: ledgertest.NewBoard(t, store, "k1", "e1"), appended: make(chan struct{}, 1), marked: make(chan struct{}, 1)}
}

func (m *memory) Epoch() string             { return "e1" }
func (m *memory) Knows(epoch string) bool   { return epoch == "e1" }
func (m *memory) Owns(e string) bool        { return m.Knows(e) }
func (m *memory) Appended() <-chan struct{} { return m.appended }
func (m *memory) Receipted() (uplink.Mark, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.mark, nil
}

func (m *memory) Head() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return uint64(len(m.rows))
}

func (m *memory) Read(after uint64, limit int) ([]uplink.Row, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	rest := m.rows[min(after, uint64(len(m.rows))):]
	return rest[:min(limit, len(rest))], nil
}

func (m *memory) Hash(seq uint64) (kiosk.Hash, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if seq == 0 || seq > uint64(len(m.rows)) {
		return kiosk.Hash{}, false, nil
	}
	return kiosk.HashOf(m.rows[seq-1].Bytes), true, nil
}

func (m *memory) SetReceipted(k uplink.Mark) error {
	m.mu.Lock()
	m.mark = k
	m.mu.Unlock()
	select {
	case m.marked <- struct{}{}:
	default:
	}
	return nil
}

func (m *memory) Supersede(context.Context, uplink.Rift) error {
	return errors.New("this board has one history")
}

// add appends n check-ins; every third has a person part.
func (m *memory) add(n int) {
	m.mu.Lock()
	for range n {
		var row uplink.Row
		id := fmt.Sprintf("V%d", len(m.rows))
		if len(m.rows)%3 == 0 {
			e, p := m.board.WithPerson(id)
			row = uplink.Row{Bytes: e.Bytes, Person: p.Bytes}
		} else {
			row = uplink.Row{Bytes: m.board.CheckIn(id).Bytes}
		}
		row.Seq, row.Type = uint64(len(m.rows)+1), "visit.checked_in"
		m.rows = append(m.rows, row)
	}
	m.mu.Unlock()
	select {
	case m.appended <- struct{}{}:
	default:
	}
}

// settled waits until a ledger receipted everything.
func (m *memory) settled(t *testing.T, ledger string) {
	t.Helper()
	timeout := time.After(30 * time.Second)
	for {
		m.mu.Lock()
		k, n := m.mark, uint64(len(m.rows))
		m.mu.Unlock()
		if k.Ledger == ledger && k.Through == n {
			return
		}
		select {
		case <-m.marked:
		case <-timeout:
			t.Fatalf("the board stands at %+v of %d", k, n)
		}
	}
}

func startOffice(t *testing.T, url string, l backoffice.Ledger) (*backoffice.Office, func()) {
	t.Helper()
	o, err := backoffice.New(backoffice.Config{Ledger: l, Stores: []backoffice.Store{{Name: store, Calendar: kiosk.ShanghaiWeek(zone)}}})
	if err != nil {
		t.Fatal(err)
	}
	up, err := o.Connect(store, link.Config{Broker: url, ClientID: "office", Min: time.Millisecond, Max: 10 * time.Millisecond}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return o, run(t, up, o)
}

// TestBoardToOffice drives a real uplink over a real broker: a first office, an
// outage, a broker that forgot everything, and an office that was restored
// empty. Each time every event is there once.
func TestBoardToOffice(t *testing.T) {
	b, err := broker.Start(broker.Config{})
	if err != nil {
		t.Fatal(err)
	}
	addr := b.Addr()
	names, err := wire.NewKiosk(store, "k1")
	if err != nil {
		t.Fatal(err)
	}
	say := func(state wire.State) func(uint64) []byte {
		return func(session uint64) []byte {
			b, err := wire.Conn{State: state, Session: session, Epoch: "e1", Version: "test"}.Encode()
			if err != nil {
				t.Error(err)
			}
			return b
		}
	}
	conn, err := link.New(link.Config{Broker: b.URL(), ClientID: "k1", Min: time.Millisecond, Max: 10 * time.Millisecond,
		Presence: &link.Presence{Topic: names.Conn(), Birth: say(wire.Ready), Lost: say(wire.Lost), Bye: say(wire.Disconnected)}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	journal := newMemory(t)
	up, err := uplink.New(uplink.Config{Kiosk: names, Progress: 500 * time.Millisecond}, journal, conn, nil)
	if err != nil {
		t.Fatal(err)
	}
	run(t, conn, up)
	first := openLedger(t)
	_, stop := startOffice(t, b.URL(), first)
	journal.add(700)
	journal.settled(t, first.ID())

	stop() // an outage of the office
	journal.add(300)
	_, stop = startOffice(t, b.URL(), first)
	journal.settled(t, first.ID())

	if err := b.Close(); err != nil { // the broker forgets
		t.Fatal(err)
	}
	journal.add(300)
	if b, err = broker.Start(broker.Config{Addr: addr}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	journal.settled(t, first.ID())
	whole(t, first, journal)

	stop()
	restored := openLedger(t)
	_, stop = startOffice(t, b.URL(), restored)
	journal.settled(t, restored.ID())
	whole(t, restored, journal)
	stop()
}

// whole checks that a ledger has every event of the journal once, byte by byte.
func whole(t *testing.T, l backoffice.Ledger, m *memory) {
	t.Helper()
	rows, err := l.Events(context.Background(), store, 0, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, r := range rows {
		got[string(r.Bytes)]++
		if r.Person == "missing" {
			t.Errorf("position %d lacks its person part", r.Position)
		}
	}
	for _, r := range m.rows {
		if got[string(r.Bytes)] != 1 {
			t.Errorf("event %d is there %d times", r.Seq, got[string(r.Bytes)])
		}
	}
	if len(rows) != len(m.rows) {
		t.Errorf("%d events in the ledger, %d in the journal", len(rows), len(m.rows))
	}
}
