package backoffice_test

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/ledger"
	"baylight/sync/wire"
)

const store = "sh-pudong"

var zone = time.FixedZone("CST", 8*3600)

// shop is an office over a real ledger, and the verbs of the tests.
type shop struct {
	testing.TB
	*backoffice.Office
	ledger backoffice.Ledger
	line   *line
	stop   func()
}

// line is a broker seen from the office. Each publication is offered to fail
// first; what was let through stands in sent.
type line struct {
	mu       sync.Mutex
	session  uint64
	next     chan struct{} // closed and replaced with each session
	sent     []sent
	news     chan struct{} // capacity 1
	failWith func(n int, topic string) (err error, arrives bool)
	n        int
}

type sent struct {
	topic   string
	payload []byte
}

func newLine() *line {
	return &line{session: 1, next: make(chan struct{}), news: make(chan struct{}, 1)}
}

func (l *line) Publish(_ context.Context, topic string, _ bool, payload []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.n++
	if l.failWith != nil {
		if err, arrives := l.failWith(l.n, topic); err != nil {
			if arrives {
				l.sent = append(l.sent, sent{topic, payload})
			}
			l.renew() // a failed publication ends its connection
			return err
		}
	}
	l.sent = append(l.sent, sent{topic, payload})
	select {
	case l.news <- struct{}{}:
	default:
	}
	return nil
}

func (l *line) renew() {
	l.session++
	close(l.next)
	l.next = make(chan struct{})
}

func (l *line) Next(ctx context.Context, after uint64) (uint64, error) {
	for {
		l.mu.Lock()
		n, next := l.session, l.next
		l.mu.Unlock()
		if n > after {
			return n, nil
		}
		select {
		case <-next:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// last is the last payload on a topic.
func (l *line) last(topic string) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := len(l.sent) - 1; i >= 0; i-- {
		if l.sent[i].topic == topic {
			return l.sent[i].payload
		}
	}
	return nil
}

func openLedger(t testing.TB) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(filepath.Join(t.TempDir(), "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func newShop(t testing.TB, wrap func(backoffice.Ledger) backoffice.Ledger) *shop {
	t.Helper()
	s := &shop{TB: t, ledger: openLedger(t), line: newLine()}
	if wrap != nil {
		s.ledger = wrap(s.ledger)
	}
	o, err := backoffice.New(backoffice.Config{Ledger: s.ledger, ReceiptEvery: time.Millisecond,
		Now:    func() time.Time { return time.Date(2026, 11, 3, 12, 0, 0, 0, zone) },
		Stores: []backoffice.Store{{Name: store, Calendar: kiosk.ShanghaiWeek(zone)}}})
	if err != nil {
		t.Fatal(err)
	}
	s.Office = o
	if err := o.Attach(store, s.line); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- o.Run(ctx) }()
	s.stop = func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(func() { s.stop() })
	return s
}

// send gives one message and waits until it is acknowledged.
func (s *shop) send(topic string, payload []byte) {
	s.Helper()
	acked := make(chan struct{})
	if err := s.Take(context.Background(), backoffice.Message{Topic: topic, Payload: payload, Ack: func() { close(acked) }}); err != nil {
		s.Fatal(err)
	}
	<-acked
}

func (s *shop) event(e backoffice.Entry) {
	s.Helper()
	s.send(wire.Prefix+store+"/k1/event/"+string(e.Event.Type()), e.Bytes)
}

func (s *shop) person(id string, part []byte) {
	s.Helper()
	b, err := wire.PersonPart{ID: id, Person: part}.Encode()
	if err != nil {
		s.Fatal(err)
	}
	s.send(wire.Prefix+store+"/k1/person", b)
}

// receipt waits for one that is as wanted, "through gaps".
func (s *shop) receipt(epoch, want string) wire.Receipt {
	s.Helper()
	timeout := time.After(10 * time.Second)
	got := ""
	for {
		if b := s.line.last(wire.Prefix + store + "/k1/receipt"); b != nil {
			r, err := wire.DecodeReceipt(b)
			if err != nil {
				s.Fatal(err)
			}
			e, _ := r.Find(epoch)
			if got = fmt.Sprint(e.Through, e.Gaps); got == want {
				return r
			}
		}
		select {
		case <-s.line.news:
		case <-timeout:
			s.Fatalf("no receipt says %s; the last says %s", want, got)
		}
	}
}

func (s *shop) visits() (ids []string) {
	s.Helper()
	for _, v := range recompute(s, s.ledger) {
		ids = append(ids, v.ID)
	}
	return ids
}

func (s *shop) rejected() (reasons []string) {
	s.Helper()
	rs, err := s.ledger.Rejected(context.Background(), store, 100)
	if err != nil {
		s.Fatal(err)
	}
	for _, r := range rs {
		reasons = append(reasons, r.Reason)
	}
	return reasons
}

// recompute folds the visits as they stand.
func recompute(t testing.TB, l backoffice.Ledger) []*kiosk.Visit {
	t.Helper()
	vs, err := backoffice.Recompute(context.Background(), l, store, math.MaxInt64, kiosk.ShanghaiWeek(zone))
	if err != nil {
		t.Fatal(err)
	}
	return vs
}
