package link

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"baylight/sync/broker"
	"baylight/sync/broker/brokertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// quick is a configuration for loopback.
func quick(url string) Config {
	return Config{Broker: url, ClientID: "test", Min: time.Millisecond, Max: 20 * time.Millisecond}
}

// start runs a link until the test ends or stop is called.
func start(t *testing.T, cfg Config, with func(*Link)) (l *Link, stop func()) {
	t.Helper()
	l, err := New(cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	if with != nil {
		with(l)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	stopped := false
	stop = func() {
		cancel()
		if !stopped {
			stopped = true
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	}
	t.Cleanup(stop)
	return l, stop
}

func next(t *testing.T, l *Link, after uint64) *Session {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	s, err := l.Next(ctx, after)
	if err != nil {
		t.Fatalf("no connection: %v (%+v)", err, l.Status())
	}
	return s
}

func startBroker(t *testing.T, addr string) *broker.Broker {
	t.Helper()
	b, err := broker.Start(broker.Config{Addr: addr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

func startFaulty(t *testing.T, f brokertest.Faults) *brokertest.Broker {
	t.Helper()
	b, err := brokertest.Start(f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

func presence() *Presence {
	say := func(state string) func(uint64) []byte {
		return func(n uint64) []byte { return fmt.Appendf(nil, "%s %d", state, n) }
	}
	return &Presence{Topic: "conn", Birth: say("ready"), Lost: say("lost"), Bye: say("bye")}
}

// watch subscribes a second client to everything. A broker may send a retained
// message twice, live and as retained, so repetitions are left out.
func watch(t *testing.T, url string) <-chan string {
	t.Helper()
	got := make(chan string, 1024)
	cfg := quick(url)
	cfg.ClientID = "watcher"
	last := ""
	l, _ := start(t, cfg, func(l *Link) {
		l.Handle("#", 1, func(_ context.Context, m Message) {
			if text := m.Topic + " " + string(m.Payload); text != last {
				last = text
				got <- text
			}
		})
	})
	next(t, l, 0)
	return got
}

func TestPresence(t *testing.T) {
	b := startBroker(t, "")
	got := watch(t, b.URL())
	cfg := quick(b.URL())
	cfg.Presence, cfg.FirstSession = presence(), 40
	l, stop := start(t, cfg, nil)
	s := next(t, l, 0)
	if st := l.Status(); !st.Up || st.Session != 40 || s.Number() != 40 {
		t.Errorf("status %+v of session %d", st, s.Number())
	}
	if m := <-got; m != "conn ready 40" {
		t.Errorf("birth %q", m)
	}
	if err := s.conn.Conn.(*net.TCPConn).CloseWrite(); err != nil { // no DISCONNECT before the end
		t.Fatal(err)
	}
	s = next(t, l, 40)
	seen := []string{<-got, <-got}
	if strings.Join(seen, ",") != "conn lost 40,conn ready 41" && strings.Join(seen, ",") != "conn ready 41,conn lost 40" {
		t.Errorf("after a loss %q", seen)
	}
	stop()
	if m := <-got; m != "conn bye 41" {
		t.Errorf("leave %q", m)
	}
	if err := s.Publish("x", 1, false, nil).Wait(t.Context()); !errors.Is(err, ErrNotConnected) {
		t.Errorf("publishing after the end gives %v", err)
	}
	if err := l.Publish("x", 1, false, nil).Wait(t.Context()); !errors.Is(err, ErrNotConnected) {
		t.Errorf("publishing without a connection gives %v", err)
	}
}

func TestAnnounce(t *testing.T) {
	b := startBroker(t, "")
	got := watch(t, b.URL())
	cfg := quick(b.URL())
	cfg.Presence, cfg.FirstSession = presence(), 40
	l, stop := start(t, cfg, nil)
	l.Announce(39) // not this connection
	s := next(t, l, 0)
	l.Announce(39)
	l.Announce(41)
	if m := <-got; m != "conn ready 40" {
		t.Errorf("birth %q", m)
	}
	if err := s.Publish("conn", 1, true, []byte("lost 39")).Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.Announce(40)
	if seen := []string{<-got, <-got}; strings.Join(seen, ",") != "conn lost 39,conn ready 40" {
		t.Errorf("after a late will %q", seen)
	}
	stop()
	l.Announce(40)
	if m := <-got; m != "conn bye 40" {
		t.Errorf("leave %q", m)
	}
}

func TestSubscriptionsAndSessionsComeBack(t *testing.T) {
	b := startBroker(t, "")
	got := make(chan string, 16)
	l, _ := start(t, quick(b.URL()), func(l *Link) {
		l.Handle("a/+", 1, func(_ context.Context, m Message) { got <- string(m.Payload) })
		// Publishing in a handler must not deadlock.
		l.Handle("b/+", 1, func(_ context.Context, m Message) { l.Publish("a/2", 1, false, []byte("answer")) })
	})
	for n, s := uint64(0), (*Session)(nil); n < 3; n++ {
		s = next(t, l, n)
		if err := s.Publish("a/1", 1, false, []byte("one")).Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := s.Publish("b/1", 1, false, nil).Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		if a, b := <-got, <-got; a != "one" || b != "answer" {
			t.Errorf("session %d got %q, %q", s.Number(), a, b)
		}
		_ = b.Close()
		<-s.Over()
		b = startBroker(t, b.Addr())
	}
}

func TestNoPubackNoSuccess(t *testing.T) {
	b := startFaulty(t, brokertest.Faults{NeverAck: true})
	l, _ := start(t, quick(b.URL()), nil)
	s := next(t, l, 0)
	tokens := []*Token{s.Publish("a", 1, false, []byte("1")), s.Publish("a", 1, false, []byte("2"))}
	<-b.Seen()
	<-b.Seen()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := tokens[0].Wait(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("a message the broker only read is reported as %v", err)
	}
	b.Cut()
	for _, tok := range tokens {
		if err := tok.Wait(t.Context()); !errors.Is(err, ErrLost) {
			t.Errorf("a message never acknowledged is reported as %v", err)
		}
	}
	// A later connection does not make it good.
	next(t, l, s.Number())
	if err := tokens[0].Wait(t.Context()); !errors.Is(err, ErrLost) {
		t.Errorf("after reconnecting it is reported as %v", err)
	}
}

func TestDeadLinkIsNoticed(t *testing.T) {
	t.Run("busy", func(t *testing.T) {
		t.Parallel()
		b := startFaulty(t, brokertest.Faults{Deaf: true})
		cfg := quick(b.URL())
		cfg.WriteTimeout = 100 * time.Millisecond
		l, _ := start(t, cfg, func(l *Link) { l.Handle("x", 1, func(context.Context, Message) {}) })
		s := next(t, l, 0)
		chunk := make([]byte, 1<<18)
		for range 1000 { // far more than socket buffers hold
			if err := s.Publish("a", 0, false, chunk).Wait(t.Context()); err != nil {
				<-s.Over()
				return
			}
		}
		t.Error("a peer that reads nothing took 250 MB")
	})
	t.Run("idle", func(t *testing.T) {
		t.Parallel()
		b := startFaulty(t, brokertest.Faults{Deaf: true})
		cfg := quick(b.URL())
		cfg.KeepAlive, cfg.PingTimeout = time.Second, 300*time.Millisecond
		l, _ := start(t, cfg, func(l *Link) { l.Handle("x", 1, func(context.Context, Message) {}) })
		s := next(t, l, 0)
		<-s.Over()
	})
	t.Run("waiting for acknowledgements", func(t *testing.T) {
		t.Parallel()
		b := startFaulty(t, brokertest.Faults{Deaf: true})
		cfg := quick(b.URL())
		cfg.KeepAlive, cfg.PingTimeout = time.Second, 300*time.Millisecond
		l, _ := start(t, cfg, func(l *Link) { l.Handle("x", 1, func(context.Context, Message) {}) })
		s := next(t, l, 0)
		if err := s.Publish("a", 1, false, []byte("x")).Wait(t.Context()); !errors.Is(err, ErrLost) {
			t.Errorf("a message to a peer that reads nothing: %v", err)
		}
	})
	// The same with the constants that a board has.
	t.Run("within ten seconds", func(t *testing.T) {
		cfg := Config{Broker: "mqtt://h", ClientID: "x"}
		if _, _, err := cfg.complete(); err != nil {
			t.Fatal(err)
		}
		if cfg.silence() > 10*time.Second {
			t.Errorf("a dead link is given up after %v", cfg.silence())
		}
		if cfg.WriteTimeout > 10*time.Second {
			t.Errorf("a busy dead link is given up after %v", cfg.WriteTimeout)
		}
	})
}

func TestBrokerThatDoesNotAnswer(t *testing.T) {
	b := startFaulty(t, brokertest.Faults{Mute: true})
	cfg := quick(b.URL())
	cfg.ConnectTimeout = 50 * time.Millisecond
	l, stop := start(t, cfg, nil)
	<-l.Ready()
	if st := l.Status(); st.Up || st.Failures == 0 || st.Err == nil {
		t.Errorf("status %+v", st)
	}
	stop()
	if b.Connections() == 0 {
		t.Error("nobody tried to connect")
	}
}

func TestBrokerThatRefuses(t *testing.T) {
	b := startFaulty(t, brokertest.Faults{RefuseCode: 5})
	l, _ := start(t, quick(b.URL()), nil)
	<-l.Ready()
	if st := l.Status(); st.Err == nil || !strings.Contains(st.Err.Error(), "not Authorized") || !strings.Contains(st.Err.Error(), `"test"`) {
		t.Errorf("status %+v does not say who is refused and why", st)
	}
}

// A cluster that has just lost a node refuses subscriptions for a while. Whoever
// went on without them would be deaf until the next connection.
func TestRefusedSubscriptionIsAskedForAgain(t *testing.T) {
	b := startFaulty(t, brokertest.Faults{RefuseSubs: 3, Deliver: true})
	got := make(chan Message, 1)
	l, _ := start(t, quick(b.URL()), func(l *Link) { l.Handle("x/+", 1, func(_ context.Context, m Message) { got <- m }) })
	s := next(t, l, 0)
	if err := s.Publish("x/y", 1, true, []byte("stands")).Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	select {
	case m := <-got:
		if m.Session != 1 || string(m.Payload) != "stands" {
			t.Errorf("got %+v", m)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("nothing is heard")
	}
	if n := b.Connections(); n != 1 {
		t.Errorf("%d connections were made, one was good", n)
	}
}

// A subscription that is never granted costs nothing else, and ends with its session.
func TestRefusedForGood(t *testing.T) {
	b := startFaulty(t, brokertest.Faults{RefuseSubs: 1 << 30})
	l, stop := start(t, quick(b.URL()), func(l *Link) { l.Handle("x/+", 1, func(context.Context, Message) {}) })
	for n := range uint64(3) {
		s := next(t, l, n)
		if err := s.Publish("y", 1, false, []byte("z")).Wait(t.Context()); err != nil {
			t.Error(err)
		}
		b.Cut()
		<-s.Over()
	}
	stop()
}

// A connection that is renewed is not told as lost, and what is retained comes again.
func TestRenewed(t *testing.T) {
	b := startBroker(t, "")
	other := quick(b.URL())
	other.ClientID = "other"
	l, _ := start(t, other, nil)
	if err := next(t, l, 0).Publish("stands", 1, true, []byte("x")).Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	seen := watch(t, b.URL())
	if m := <-seen; m != "stands x" {
		t.Fatalf("%q stands on the broker", m)
	}
	cfg := quick(b.URL())
	cfg.Presence, cfg.Renew = presence(), 100*time.Millisecond
	got := make(chan Message, 16)
	start(t, cfg, func(l *Link) { l.Handle("stands", 1, func(_ context.Context, m Message) { got <- m }) })
	for n := 1; n <= 4; {
		if m := <-seen; m == fmt.Sprintf("conn ready %d", n) {
			n++
		} else if m != "stands x" {
			t.Fatalf("connection %d is told as %q", n, m)
		}
	}
	for m := range got {
		if m.Session >= 3 && m.Retained { // the first ones may have ended before it came
			break
		}
	}
}

func TestLasts(t *testing.T) {
	half := func(n int64) int64 { return n / 2 }
	for _, c := range []struct {
		renew time.Duration
		calm  int
		want  time.Duration
	}{{0, 0, 0}, {0, 9, 0}, {100 * time.Second, 0, 1500 * time.Millisecond}, {100 * time.Second, 1, 6 * time.Second}, {100 * time.Second, 2, 24 * time.Second},
		{100 * time.Second, 3, 75 * time.Second}, {100 * time.Second, 1 << 40, 75 * time.Second}} {
		cfg := Config{Renew: c.renew}
		if got := cfg.lasts(c.calm, half).Round(time.Millisecond); got != c.want {
			t.Errorf("renewed every %v, %d times made again: it lasts %v, want %v", c.renew, c.calm, got, c.want)
		}
	}
}

func TestSubscribesAtQoS0(t *testing.T) {
	b := startFaulty(t, brokertest.Faults{})
	cfg := quick(b.URL())
	cfg.QoS0 = true
	l, _ := start(t, cfg, func(l *Link) {
		l.Handle("x", 1, func(context.Context, Message) {})
		l.HandleAck("y", 1, func(context.Context, Message) {})
	})
	next(t, l, 0)
	for _, filter := range []string{"x", "y"} {
		if qos, ok := b.Asked(filter); qos != 0 || !ok {
			t.Errorf("%s is asked for at QoS %d (%v), want 0", filter, qos, ok)
		}
	}
}

func TestBrokerThatDropsEveryConnection(t *testing.T) {
	b := startFaulty(t, brokertest.Faults{DropAfter: 1})
	cfg := quick(b.URL())
	cfg.Presence = presence()
	l, _ := start(t, cfg, nil)
	for n := uint64(0); n < 5; n++ {
		s := next(t, l, n)
		<-s.Over()
	}
	for n := 1; n <= 5; n++ {
		if p := <-b.Seen(); string(p.Payload) != fmt.Sprintf("ready %d", n) || p.Conn != n {
			t.Errorf("connection %d began with %q", p.Conn, p.Payload)
		}
	}
}

// A message of 2 MiB, as a broker without a limit has it retained, is passed over
// and acknowledged; what comes behind it is heard, on the same connection.
func TestHugeMessageIsPassedOver(t *testing.T) {
	huge := append([]byte{0x33, 0x80, 0x80, 0x80, 0x01, 0, 1, 'x', 0, 9}, bytes.Repeat([]byte("z"), 2<<20-5)...)
	b := startFaulty(t, brokertest.Faults{Inject: append(huge, 0x32, 6, 0, 1, 'x', 0, 8, 'y')})
	got := make(chan Message, 2)
	l, _ := start(t, quick(b.URL()), func(l *Link) { l.Handle("x", 1, func(_ context.Context, m Message) { got <- m }) })
	if m := <-got; string(m.Payload) != "y" || m.Session != next(t, l, 0).Number() {
		t.Errorf("got %d bytes on connection %d", len(m.Payload), m.Session)
	}
	if first, second := <-b.Acks(), <-b.Acks(); first != 9 || second != 8 || b.Connections() != 1 {
		t.Errorf("acknowledged %d and %d on %d connections", first, second, b.Connections())
	}
}

func TestHugePacketEndsTheConnection(t *testing.T) {
	// SUBACK with a remaining length of 2 MiB.
	b := startFaulty(t, brokertest.Faults{Inject: []byte{0x90, 0x80, 0x80, 0x80, 0x01, 0, 1, 'x'}})
	l, _ := start(t, quick(b.URL()), func(l *Link) { l.Handle("x", 1, func(context.Context, Message) {}) })
	s := next(t, l, 0)
	<-s.Over()
	<-s.joined
	if !errors.Is(s.cause, errTooLarge) {
		t.Errorf("ended because of %v", s.cause)
	}
}

func TestAcknowledgedByTheHandler(t *testing.T) {
	// PUBLISH at QoS 1, packet 7, topic x, payload y; then packet 8.
	b := startFaulty(t, brokertest.Faults{Inject: []byte{0x32, 6, 0, 1, 'x', 0, 7, 'y', 0x32, 6, 0, 1, 'x', 0, 8, 'z'}})
	got := make(chan Message, 2)
	start(t, quick(b.URL()), func(l *Link) { l.HandleAck("x", 1, func(_ context.Context, m Message) { got <- m }) })
	first, second := <-got, <-got
	if string(first.Payload) != "y" || string(second.Payload) != "z" {
		t.Fatalf("got %q, %q", first.Payload, second.Payload)
	}
	second.Ack()
	second.Ack()
	if id := <-b.Acks(); id != 8 {
		t.Errorf("packet %d was acknowledged, only 8 was committed", id)
	}
	first.Ack()
	if id := <-b.Acks(); id != 7 {
		t.Errorf("then packet %d", id)
	}
}

func TestConfigRefused(t *testing.T) {
	rows := []struct {
		change func(*Config)
		says   string
	}{
		{func(c *Config) { c.Broker = "" }, `"" is not mqtt://host:port`},
		{func(c *Config) { c.Broker = "localhost:1883" }, "localhost:1883"},
		{func(c *Config) { c.Broker = "http://localhost" }, "http://localhost"},
		{func(c *Config) { c.Broker = "mqtt://:1883" }, "host:port"},
		{func(c *Config) { c.Broker = "mqtt://u:secret@h:1883" }, "u:xxxxx@h"},
		{func(c *Config) { c.Broker = "mqtt://h:1883/path" }, "/path"},
		{func(c *Config) { c.ClientID = "" }, "client id"},
		{func(c *Config) { c.ClientID = strings.Repeat("x", 65) }, "client id"},
		{func(c *Config) { c.Presence = &Presence{Topic: "x"} }, "presence"},
		{func(c *Config) { c.Min = time.Hour }, "min 1h0m0s"},
		{func(c *Config) { c.KeepAlive = time.Millisecond }, "keep-alive 1ms"},
	}
	for _, r := range rows {
		cfg := quick("mqtt://localhost")
		r.change(&cfg)
		if _, err := New(cfg, nil); err == nil || !strings.Contains(err.Error(), r.says) {
			t.Errorf("error %v should say %q", err, r.says)
		}
	}
	l, err := New(Config{Broker: "mqtts://broker.example/", ClientID: "x"}, nil)
	if err != nil || l.String() != "link to broker.example:8883" || l.cfg.Max != 2*time.Minute {
		t.Errorf("New = %v, %v", l, err)
	}
}
