package officeapp

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"baylight/cmd/internal/officeapp/natstest"
	"baylight/cmd/internal/settings"
	"baylight/kiosk"
	"baylight/sync/backoffice/ledger/pgledger/pgtest"
	"baylight/sync/link"
	"baylight/sync/wire"
)

// TestNATS: boards and three offices on one PostgreSQL, each at a node of a NATS
// cluster of its own choice. A node is ended like by a power cut while they work,
// and comes back; then another, together with an office. Nothing is lost, nothing
// counts twice, and whoever comes to any node then hears what stands: what is
// retained there, and what the next event says again where NATS did not keep it.
func TestNATS(t *testing.T) {
	if os.Getenv("BAYLIGHT_NATS") == "" {
		t.Skip("make nats: a cluster takes a minute or two")
	}
	server := pgtest.Start(t)
	cluster := natstest.Start(t)
	var gates []string
	for i := range cluster.Nodes {
		gates = append(gates, cluster.Gate(t, i).Addr)
	}
	g := newGroup(8, gates...)
	g.kind.NATS, g.real = true, len(g.names)
	program := built(t)
	one := g.office(t, program, server, "one")
	g.office(t, program, server, "two")
	g.office(t, program, server, "three")
	book := ledgerOf(t, server)
	seen := thirdParty(t, "during", gates[2])
	for i, s := range g.boards {
		s.does = func(seq uint64) kiosk.Payload {
			if seq == 1 {
				return &kiosk.CheckedIn{Visit: visitOf(i), Ticket: "A001", Purpose: "fault", Language: "zh-CN", Means: "keyed"}
			}
			return &kiosk.Accepted{Visit: visitOf(i), Adviser: fmt.Sprintf("a%d", seq%7)}
		}
	}
	g.run(t)
	g.settled(t)
	phase := func(what string) {
		delays := g.play(t, 25)
		slices.Sort(delays)
		t.Logf("%s: receipts p50 %v, worst %v of %d events", what, delays[len(delays)/2].Round(time.Millisecond), delays[len(delays)-1].Round(time.Millisecond), len(delays))
	}
	phase("all well")
	cluster.Nodes[0].Kill()
	phase("a node is gone")
	cluster.Nodes[0].Start()
	phase("it is back")
	cluster.Nodes[1].Kill()
	must(t, one.Process.Kill())
	_ = one.Wait() // it was killed
	moved := g.moved(t, book, "two", "three")
	phase("another node and an office are gone")
	t.Logf("the office's stores had moved after %v", (<-moved).Round(time.Millisecond))
	cluster.Nodes[1].Start()
	phase("the node is back")
	g.check(t, server)
	for i := range cluster.Nodes {
		g.standsOn(t, thirdParty(t, fmt.Sprint("after", i), cluster.Nodes[i].Addr), book.ID())
	}
	g.lost(t, cluster, seen)
}

// visitOf is the visit that board i checks in.
func visitOf(i int) string { return fmt.Sprintf("0A7B%06d", i) }

// nudgeAfter is how long a watcher waits for what is retained before the board
// concerned records another event.
const nudgeAfter = 10 * time.Second

// standsOn waits until what is retained on a node is what it has to be. A receipt
// or a visit that a node does not have is said again with the board's next event
// (CLUSTER.md): that much is promised, and no more than that is asked for.
func (g *group) standsOn(t *testing.T, w *watcher, ledger string) {
	t.Helper()
	for i, s := range g.boards {
		w.nudge = func(topic string) {
			t.Logf("%s: %s is not what it has to be after %v; the board records another event", w.name, topic, nudgeAfter)
			s.append(t, 1)
		}
		topics, err := wire.NewKiosk(s.store, s.name)
		must(t, err)
		visit, err := topics.Store().Visit(visitOf(i))
		must(t, err)
		w.await(t, topics.Receipt(), func(b []byte) bool {
			r, err := wire.DecodeReceipt(b)
			e, ok := r.Find(s.epoch)
			return err == nil && ok && r.Ledger == ledger && e.Through == s.Head()
		})
		w.await(t, visit, func(b []byte) bool { return len(b) > 0 })
		w.nudge = nil // what follows is said again when connections are made anew
		w.await(t, topics.Conn(), func(b []byte) bool { c, err := wire.DecodeConn(b); return err == nil && c.State == wire.Ready })
		w.await(t, topics.Store().Office(), func(b []byte) bool {
			o, err := wire.DecodeOffice(b)
			return err == nil && o.State == wire.Ready && o.Ledger == ledger
		})
		w.await(t, topics.Store().Visits(), func(b []byte) bool { return len(b) > 0 })
		w.await(t, topics.Store().Setup(), func(b []byte) bool { return len(b) > 0 })
	}
}

// lost holds that a board whose line is cut is told of by its will, also where
// another node is listened to, and that it is back after that.
func (g *group) lost(t *testing.T, cluster *natstest.Cluster, seen *watcher) {
	t.Helper()
	gate := cluster.Gate(t, 0)
	topics, err := wire.NewKiosk(g.names[0], "k9")
	must(t, err)
	say := func(state wire.State) func(uint64) []byte {
		return func(session uint64) []byte {
			b, _ := wire.Conn{State: state, Session: session, Epoch: "epoch-k9", Version: "test"}.Encode()
			return b
		}
	}
	l, err := link.New(link.Config{Broker: "mqtt://" + gate.Addr, ClientID: topics.ClientID(),
		Presence: &link.Presence{Topic: topics.Conn(), Birth: say(wire.Ready), Lost: say(wire.Lost), Bye: say(wire.Disconnected)}}, nil)
	must(t, err)
	running(t, l)
	is := func(state wire.State, session uint64) func(b []byte) bool {
		return func(b []byte) bool {
			c, err := wire.DecodeConn(b)
			return err == nil && c.State == state && c.Session == session
		}
	}
	seen.await(t, topics.Conn(), is(wire.Ready, 1))
	gate.Shut()
	seen.await(t, topics.Conn(), is(wire.Lost, 1))
	gate.Open()
	seen.await(t, topics.Conn(), is(wire.Ready, 2))
}

// running runs a link until the test ends.
func running(t *testing.T, l *link.Link) {
	ctx, cancel := context.WithCancel(context.Background())
	var task sync.WaitGroup
	task.Go(func() { _ = l.Run(ctx) })
	t.Cleanup(func() { cancel(); task.Wait() })
}

// watcher is a third party that listens to what is retained.
type watcher struct {
	name    string
	changed chan struct{}
	nudge   func(topic string) // called while what is awaited does not come; nil: nothing is done

	mu   sync.Mutex
	last map[string][]byte // by topic
}

// thirdParty listens at an address of the broker.
func thirdParty(t *testing.T, name, addr string) *watcher {
	t.Helper()
	w := &watcher{name: name, changed: make(chan struct{}, 1), last: map[string][]byte{}}
	cfg := link.Config{Broker: "mqtt://" + addr, ClientID: "third-party-" + name}
	settings.MQTT{NATS: true}.Tune(&cfg) // subscribes again from time to time, as CLUSTER.md tells third parties
	l, err := link.New(cfg, nil)
	must(t, err)
	for _, filter := range []string{"conn", "receipt"} {
		l.Handle(wire.Prefix+"+/+/"+filter, wire.QoS, w.heard)
	}
	for _, filter := range []string{"office", "setup", "visits", "visits/+"} {
		l.Handle(wire.Prefix+"+/"+filter, wire.QoS, w.heard)
	}
	running(t, l)
	return w
}

func (w *watcher) heard(_ context.Context, m link.Message) {
	w.mu.Lock()
	w.last[m.Topic] = m.Payload
	w.mu.Unlock()
	select {
	case w.changed <- struct{}{}:
	default:
	}
}

// await waits until what was last heard on a topic is right.
func (w *watcher) await(t *testing.T, topic string, right func(payload []byte) bool) {
	t.Helper()
	limit := time.After(5 * time.Minute) // everything is said again 18 to 36 s after an outage, and once more 1 to 3 minutes later
	slow := time.NewTicker(nudgeAfter)
	defer slow.Stop()
	for {
		w.mu.Lock()
		b := w.last[topic]
		w.mu.Unlock()
		if b != nil && right(b) {
			return
		}
		select {
		case <-w.changed:
		case <-slow.C:
			if w.nudge != nil {
				w.nudge(topic)
			}
		case <-limit:
			w.mu.Lock()
			defer w.mu.Unlock()
			t.Fatalf("%s: on %s stands %.300q; heard of %d topics", w.name, topic, b, len(w.last))
		}
	}
}
