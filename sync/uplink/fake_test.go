package uplink

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"baylight/kiosk"
	"baylight/sync/broker"
	"baylight/sync/link"
	"baylight/sync/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const epoch = "0b7e2c1a-1111-4222-8333-944455566677"

func testKiosk() wire.Kiosk {
	k, err := wire.NewKiosk("s", "k1")
	if err != nil {
		panic(err)
	}
	return k
}

// journal is a Source in memory.
type journal struct {
	mu     sync.Mutex
	epoch  string
	old    []string
	others []string // of other journals
	rifts  []Rift
	rows   []Row  // seq i+1 at i
	gone   uint64 // of 1..gone no hash is known,
	known  uint64 // but of this one
	mark   Mark
	broken error
	signal chan struct{}
}

func newJournal() *journal { return &journal{epoch: epoch, signal: make(chan struct{}, 1)} }

// add appends n events; each third has a person part.
func (j *journal) add(n int) {
	j.mu.Lock()
	for range n {
		seq := uint64(len(j.rows) + 1)
		r := Row{Seq: seq, Type: "job.started", Bytes: fmt.Appendf(nil, `{"id":"%s-%d","epoch":%q,"sequence":"%020d"}`, j.epoch, seq, j.epoch, seq)}
		if seq%3 == 0 {
			r.Person = fmt.Appendf(nil, `{"salt":"%d"}`, seq)
		}
		j.rows = append(j.rows, r)
	}
	j.mu.Unlock()
	select {
	case j.signal <- struct{}{}:
	default:
	}
}

func (j *journal) lock() func() {
	j.mu.Lock()
	return j.mu.Unlock
}

func (j *journal) Epoch() string { defer j.lock()(); return j.epoch }
func (j *journal) Head() uint64  { defer j.lock()(); return uint64(len(j.rows)) }
func (j *journal) Knows(e string) bool {
	defer j.lock()()
	return e == j.epoch || slices.Contains(j.old, e) || slices.Contains(j.others, e)
}
func (j *journal) Owns(e string) bool {
	defer j.lock()()
	return e == j.epoch || slices.Contains(j.old, e)
}
func (j *journal) Appended() <-chan struct{} { return j.signal }

func (j *journal) Read(after uint64, limit int) ([]Row, error) {
	defer j.lock()()
	if j.broken != nil {
		return nil, j.broken
	}
	if after >= uint64(len(j.rows)) {
		return nil, nil
	}
	rows := j.rows[after:]
	return rows[:min(limit, len(rows))], nil
}

func (j *journal) Hash(seq uint64) (h kiosk.Hash, ok bool, err error) {
	defer j.lock()()
	if j.broken != nil {
		return h, false, j.broken
	}
	if seq <= j.gone && seq != j.known || seq < 1 || seq > uint64(len(j.rows)) {
		return h, false, nil
	}
	return kiosk.HashOf(j.rows[seq-1].Bytes), true, nil
}

func (j *journal) Receipted() (Mark, error) { defer j.lock()(); return j.mark, j.broken }

func (j *journal) SetReceipted(m Mark) error {
	defer j.lock()()
	if j.broken == nil {
		j.mark = m
	}
	return j.broken
}

// Supersede begins another epoch and records again what follows r.After.
func (j *journal) Supersede(_ context.Context, r Rift) error {
	defer j.lock()()
	if j.broken != nil {
		return j.broken
	}
	j.rifts = append(j.rifts, r)
	j.others = append(j.others, r.Others...)
	if r.Kind == Unknown && len(j.old) > 0 {
		return nil
	}
	again := j.rows[r.After:]
	j.old, j.rows = append(j.old, j.epoch), nil
	j.epoch = fmt.Sprintf("epoch-%d-%p", len(j.old), j)
	for i, row := range again {
		row.Bytes = bytes.ReplaceAll(row.Bytes, fmt.Appendf(nil, "%s-%d", j.old[len(j.old)-1], row.Seq), fmt.Appendf(nil, "%s-%d", j.epoch, i+1))
		row.Seq = uint64(i + 1)
		j.rows = append(j.rows, row)
	}
	select {
	case j.signal <- struct{}{}:
	default:
	}
	return nil
}

func (j *journal) breaks(err error) { defer j.lock()(); j.broken = err }

func (j *journal) marked() Mark { defer j.lock()(); return j.mark }

// task runs something until the test ends or stop is called.
func task(t testing.TB, run func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// board is an uplink on its own link.
type board struct {
	*Uplink
	link   *link.Link
	alarms chan Alarm
	stop   func()
}

func linkTo(t testing.TB, url, id string) *link.Link {
	t.Helper()
	// A machine that is busy must not look like a dead link.
	l, err := link.New(link.Config{Broker: url, ClientID: id, Min: time.Millisecond, Max: 20 * time.Millisecond, KeepAlive: time.Minute, PingTimeout: time.Minute}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func startBoard(t testing.TB, url string, j *journal, change func(*Config)) *board {
	t.Helper()
	b := &board{link: linkTo(t, url, "board"), alarms: make(chan Alarm, 64)}
	cfg := Config{Kiosk: testKiosk(), Alarm: func(a Alarm) { b.alarms <- a }}
	if change != nil {
		change(&cfg)
	}
	var err error
	if b.Uplink, err = New(cfg, j, b.link, nil); err != nil {
		t.Fatal(err)
	}
	stopLink := task(t, b.link.Run)
	stopUplink := task(t, b.Run)
	b.stop = func() { stopUplink(); stopLink() }
	<-b.Ready()
	return b
}

func startBroker(t testing.TB, addr string) *broker.Broker {
	t.Helper()
	b, err := broker.Start(broker.Config{Addr: addr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

// until waits until f is true, asking again whenever something may have changed.
func until(t testing.TB, what string, changed <-chan struct{}, f func() bool) {
	t.Helper()
	limit := time.NewTimer(2 * time.Minute)
	defer limit.Stop()
	for !f() {
		select {
		case <-changed:
		case <-limit.C:
			t.Fatalf("%s: not within two minutes", what)
		}
	}
}

// office receives events as a back office does, in memory, and writes receipts.
type office struct {
	mu      sync.Mutex
	state   wire.Office
	has     map[uint64][]byte
	person  map[uint64][]byte
	order   []uint64 // sequences as they came
	hash    map[uint64]kiosk.Hash
	through uint64
	high    uint64
	refuse  func(seq uint64) bool // events it pretends never came
	changed chan struct{}
	link    *link.Link
	stop    func()
}

// startOffice subscribes, and then declares the office ready.
func startOffice(t testing.TB, url string, state wire.Office, change func(*office)) *office {
	t.Helper()
	o := &office{state: state, has: make(map[uint64][]byte), person: make(map[uint64][]byte), hash: make(map[uint64]kiosk.Hash),
		changed: make(chan struct{}, 1), link: linkTo(t, url, "office")}
	if change != nil {
		change(o)
	}
	k := testKiosk()
	o.link.Handle(k.Store().AllEvents(), 1, o.event)
	o.link.Handle(k.Store().AllPersons(), 1, o.personPart)
	stopLink := task(t, o.link.Run)
	stopBirths := task(t, o.births)
	o.stop = func() { stopBirths(); stopLink() }
	return o
}

// births says ready at each connection.
func (o *office) births(ctx context.Context) error {
	for n := uint64(0); ; {
		s, err := o.link.Next(ctx, n)
		if err != nil {
			return nil
		}
		n = s.Number()
		o.mu.Lock()
		o.state.Session += n
		b, err := o.state.Encode()
		o.mu.Unlock()
		if err != nil {
			return err
		}
		s.Publish(testKiosk().Store().Office(), 1, true, b)
	}
}

func (o *office) event(_ context.Context, m link.Message) {
	var seq uint64
	if _, err := fmt.Sscanf(string(m.Payload), `{"id":"`+epoch+`-%d"`, &seq); err != nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.refuse != nil && o.refuse(seq) {
		return
	}
	o.order = append(o.order, seq)
	o.has[seq], o.hash[seq] = m.Payload, kiosk.HashOf(m.Payload)
	o.high = max(o.high, seq)
	o.count()
}

func (o *office) personPart(_ context.Context, m link.Message) {
	p, err := wire.DecodePersonPart(m.Payload)
	if err != nil {
		return
	}
	_, seq, _ := kiosk.ParseEventID(p.ID)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.person[seq] = p.Person
	o.count()
}

// count extends the contiguous prefix and writes a receipt when something came.
func (o *office) count() {
	before := o.through
	for {
		seq := o.through + 1
		if o.has[seq] == nil || seq%3 == 0 && o.person[seq] == nil {
			break
		}
		o.through = seq
	}
	if o.through/100 != before/100 || o.through == o.high || o.through == before {
		o.write(o.receipt())
	}
	select {
	case o.changed <- struct{}{}:
	default:
	}
}

func (o *office) receipt() wire.Receipt {
	e := wire.Epoch{Epoch: epoch, Through: o.through, Hash: o.hash[o.through]}
	if o.has[o.through+1] == nil && o.high > o.through {
		g := wire.Gap{First: o.through + 1, Last: o.through + 1}
		for g.Last < o.high && o.has[g.Last+1] == nil {
			g.Last++
		}
		e.Gaps = append(e.Gaps, g)
	}
	return wire.Receipt{Ledger: o.state.Ledger, Term: 1, Epochs: []wire.Epoch{e}}
}

func (o *office) write(r wire.Receipt) {
	b, err := r.Encode()
	if err != nil {
		panic(err)
	}
	o.link.Publish(testKiosk().Receipt(), 1, true, b)
}

func (o *office) got() (through uint64, count int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.through, len(o.order)
}
