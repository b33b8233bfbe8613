package mosquitto

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"baylight/sync/identity"
	"baylight/sync/link"
	"baylight/sync/link/linktest"
)

// site is an authority and a real broker with the configuration that we ship.
type site struct {
	*identity.Authority
	t      testing.TB
	cfg    identity.Config
	broker string // mqtts://…
	real   *linktest.Mosquitto
	mu     sync.Mutex
	at     time.Time
}

func (s *site) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at
}

func (s *site) set(t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at = t
}

// newSite makes one. The port of its enrolment server is taken before it is known.
func newSite(t testing.TB) *site {
	t.Helper()
	s := &site{t: t, at: time.Now()}
	dir := t.TempDir()
	at, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.cfg = identity.Config{Dir: filepath.Join(dir, "ca"), BrokerDir: dir, Address: at.Addr().String(), Broker: "mqtts://127.0.0.1", Stores: []string{"s1", "s2"}, Now: s.now}
	if s.Authority, err = identity.Open(s.cfg); err != nil {
		t.Fatal(err)
	}
	web := s.Server(t.Context())
	var done sync.WaitGroup
	done.Go(func() { _ = web.Serve(tls.NewListener(at, s.ServerTLS())) })
	t.Cleanup(func() { _ = web.Close(); done.Wait() })
	if err := s.Publish(); err != nil {
		t.Fatal(err)
	}
	s.real = linktest.StartShipped(t, "baylight.conf", dir)
	s.broker = "mqtts://" + s.real.Addr
	return s
}

// until waits for something that another process does.
func (s *site) until(what string, done func() bool) {
	s.t.Helper()
	for limit := time.Now().Add(30 * time.Second); !done(); {
		if time.Now().After(limit) {
			s.t.Fatalf("waited in vain until %s", what)
		}
		<-time.After(10 * time.Millisecond)
	}
}

// enrol enrols a board and gives the settings of its connections.
func (s *site) enrol(store, kiosk string) func() (*tls.Config, error) {
	s.t.Helper()
	code, _, err := s.Invite(store, kiosk)
	if err != nil {
		s.t.Fatal(err)
	}
	path := filepath.Join(s.t.TempDir(), "identity.pem")
	if _, err := identity.Enrol(s.t.Context(), identity.Enrolment{Office: s.cfg.Address, Code: code}, path); err != nil {
		s.t.Fatal(err)
	}
	return identity.NewBoard(identity.BoardConfig{Path: path, Trust: func() identity.Trust { return identity.Trust{Now: time.Now(), Trusted: true} }}).TLS
}

func (s *site) officeOf(store string) func() (*tls.Config, error) {
	return func() (*tls.Config, error) { return s.OfficeTLS(store) }
}

// client is one connection that hears what it is sent.
type client struct {
	*link.Link
	t    testing.TB
	last uint64 // number of the last connection that ended

	mu    sync.Mutex
	heard []string // topic and payload
	news  chan struct{}
}

// connect connects; filters are subscribed. It does not wait for success.
func (s *site) connect(settings func() (*tls.Config, error), will string, filters ...string) (c *client, stop func()) {
	s.t.Helper()
	cfg := link.Config{Broker: s.broker, ClientID: "any", TLS: settings, Min: time.Millisecond, Max: 5 * time.Millisecond}
	if will != "" {
		say := func(uint64) []byte { return []byte("will") }
		cfg.Presence = &link.Presence{Topic: will, Birth: say, Lost: say, Bye: say}
	}
	l, err := link.New(cfg, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	c = &client{Link: l, t: s.t, news: make(chan struct{}, 1)}
	for _, f := range filters {
		l.Handle(f, 1, c.hear)
	}
	ctx, cancel := context.WithCancel(s.t.Context())
	var done sync.WaitGroup
	done.Go(func() { _ = l.Run(ctx) })
	stop = func() { cancel(); done.Wait() }
	s.t.Cleanup(stop)
	<-l.Ready()
	return c, stop
}

func (c *client) hear(_ context.Context, m link.Message) {
	c.mu.Lock()
	c.heard = append(c.heard, m.Topic+"="+string(m.Payload))
	c.mu.Unlock()
	select {
	case c.news <- struct{}{}:
	default:
	}
}

// publish publishes what may be published, once or, if a connection ends under it, again.
func (c *client) publish(topic, payload string, retain bool) {
	c.t.Helper()
	for c.try(topic, payload, retain) != nil {
	}
}

// try publishes. Mosquitto acknowledges what it refuses, and ends the connection.
func (c *client) try(topic, payload string, retain bool) error {
	c.t.Helper()
	s, err := c.Next(c.t.Context(), c.last)
	if err != nil {
		c.t.Fatal(err)
	}
	err = s.Publish(topic, 1, retain, []byte(payload)).Wait(c.t.Context())
	if err != nil {
		c.last = s.Number()
	}
	return err
}

// forbidden publishes what may not be published: again if the connection ended
// for the one before.
func (c *client) forbidden(topic, payload string, retain bool) {
	for range 4 {
		if c.try(topic, payload, retain) == nil {
			return
		}
	}
}

// through waits for a message and gives everything heard before it.
func (c *client) through(message string) []string {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 30*time.Second)
	defer cancel()
	for {
		c.mu.Lock()
		i := slices.Index(c.heard, message)
		before := slices.Clone(c.heard[:max(i, 0)])
		c.mu.Unlock()
		if i >= 0 {
			return before
		}
		select {
		case <-c.news:
		case <-ctx.Done():
			c.t.Fatalf("never heard %s", message)
		}
	}
}

// topics are those of one board, with a + taken by something.
func topics(store, kiosk string) (out []string) {
	for _, x := range []string{"event/job.started", "person", "conn", "bay/b1", "health", "time", "receipt", "cmd/call", "other", "event/a/b"} {
		out = append(out, "baylight/v1/"+store+"/"+kiosk+"/"+x)
	}
	return out
}

func storeTopics(store string) (out []string) {
	for _, x := range []string{"office", "visits", "visits/0A7A000001", "setup", "staff", "bookings/2026-11-22", "erasures", "backoffice/event/event.voided", "visits/a/b"} {
		out = append(out, "baylight/v1/"+store+"/"+x)
	}
	return out
}

// everything is what there is besides what is another's topic.
func everything() (out []string) {
	for _, s := range []string{"s1", "s2"} {
		out = append(append(append(out, topics(s, "k1")...), topics(s, "k2")...), storeTopics(s)...)
	}
	return append(out, "baylight/v1/s1", "baylight/v2/s1/k1/event/x", "other")
}

// of is the office that may write a topic, nil if none.
func of(topic string, one, two *client) *client {
	switch {
	case strings.HasPrefix(topic, "baylight/v1/s1"):
		return one
	case strings.HasPrefix(topic, "baylight/v1/s2"):
		return two
	}
	return nil
}

// TestWrite: of every topic there is, a board writes its own and no other.
func TestWrite(t *testing.T) {
	s := newSite(t)
	k1 := s.enrol("s1", "k1")
	s.enrol("s1", "k2")
	s.enrol("s2", "k1")
	s.real.Reload()
	one, _ := s.connect(s.officeOf("s1"), "", "#")
	two, _ := s.connect(s.officeOf("s2"), "", "#")
	board, _ := s.connect(k1, "")
	var want []string
	for _, x := range []string{"event/job.started", "person", "conn", "bay/b1", "health", "time"} {
		want = append(want, "baylight/v1/s1/k1/"+x+"=board")
	}
	for _, topic := range everything() {
		for _, retain := range []bool{false, true} {
			if slices.Contains(want, topic+"=board") {
				board.publish(topic, "board", retain)
			} else {
				board.forbidden(topic, "board", retain)
			}
		}
	}
	board.publish("baylight/v1/s1/k1/health", "last", false)
	if got := slices.Compact(one.through("baylight/v1/s1/k1/health=last")); !slices.Equal(got, want) {
		t.Errorf("the store's office heard\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	two.publish("baylight/v1/s2/office", "last", false)
	if got := two.through("baylight/v1/s2/office=last"); len(got) > 0 {
		t.Errorf("another store's office heard %q", got)
	}
	// An office writes what is its store's, and nothing of another.
	for _, topic := range everything() {
		two.forbidden(topic, "office", false)
	}
	two.publish("baylight/v1/s2/office", "end", false)
	two.through("baylight/v1/s2/office=end")
	one.publish("baylight/v1/s1/office", "end", false)
	for _, m := range one.through("baylight/v1/s1/office=end") {
		if strings.HasSuffix(m, "=office") {
			t.Errorf("the office of s2 wrote %s", m)
		}
	}
}

// TestRead: whatever a board subscribes, it hears its own topics and its store's.
func TestRead(t *testing.T) {
	s := newSite(t)
	k1 := s.enrol("s1", "k1")
	s.enrol("s1", "k2")
	s.real.Reload()
	one, _ := s.connect(s.officeOf("s1"), "")
	two, _ := s.connect(s.officeOf("s2"), "")
	own := []string{"baylight/v1/s1/k1/conn", "baylight/v1/s1/k1/receipt", "baylight/v1/s1/k1/cmd/call"}
	own = append(own, storeTopics("s1")[:7]...)
	slices.Sort(own)
	for _, filters := range [][]string{{"#"}, {"baylight/#"}, {"baylight/v1/+/#"}, {"+/+/+/+/+/+", "+/+/+/+", "+/+/+/+/+"}, {"baylight/v1/s1/#", "baylight/v1/s2/#"}, everything(), {"$SYS/#", "$share/g/#"}} {
		t.Run(strings.ReplaceAll(fmt.Sprint(filters[:min(2, len(filters))]), "/", "|"), func(t *testing.T) {
			for i, topic := range everything() { // some stand retained on the broker, the others come live
				if c := of(topic, one, two); c != nil {
					c.publish(topic, "retained", i%2 == 0)
				}
			}
			board, stop := s.connect(k1, "", append(filters, "baylight/v1/s1/k1/cmd/identify")...)
			defer stop()
			if filters[0] == "#" { // the first after the reload: the broker has it when rights are there
				s.until("the list is read", func() bool {
					one.publish("baylight/v1/s1/setup", "retained", false)
					board.mu.Lock()
					defer board.mu.Unlock()
					return slices.Contains(board.heard, "baylight/v1/s1/setup=retained")
				})
			}
			for _, topic := range everything() {
				if c := of(topic, one, two); c != nil {
					c.publish(topic, "live", false)
				}
			}
			one.publish("baylight/v1/s1/k1/cmd/identify", "last", false)
			var live []string
			for _, m := range board.through("baylight/v1/s1/k1/cmd/identify=last") {
				topic, payload, _ := strings.Cut(m, "=")
				if !slices.Contains(own, topic) {
					t.Errorf("heard %s", m)
				}
				if payload == "live" {
					live = append(live, topic)
				}
			}
			slices.Sort(live)
			live = slices.Compact(live)
			if !strings.HasPrefix(filters[0], "$") && !strings.HasPrefix(filters[0], "+") && !slices.Equal(live, own) {
				t.Errorf("heard %q\nwant  %q", live, own)
			}
		})
	}
}

// TestWill: a board's will goes to its own topic, and to no other's.
func TestWill(t *testing.T) {
	s := newSite(t)
	k1 := s.enrol("s1", "k1")
	s.real.Reload()
	office, _ := s.connect(s.officeOf("s1"), "", "#")
	for _, topic := range []string{"baylight/v1/s1/k2/conn", "baylight/v1/s1/office", "baylight/v1/s1/k1/conn"} {
		board, stop := s.connect(k1, topic)
		if board.Status().Up {
			session, err := board.Next(t.Context(), 0)
			if err != nil {
				t.Fatal(err)
			}
			session.Drop()
		}
		stop()
	}
	for _, m := range office.through("baylight/v1/s1/k1/conn=will") {
		if m != "baylight/v1/s1/k1/conn=will" {
			t.Errorf("heard %s", m)
		}
	}
}

// TestClientID: who says another's client id throws nobody out.
func TestClientID(t *testing.T) {
	s := newSite(t)
	k1, k2 := s.enrol("s1", "k1"), s.enrol("s1", "k2")
	first, _ := s.connect(k1, "") // both say that they are "any"
	session, err := first.Next(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	second, _ := s.connect(k2, "")
	second.publish("baylight/v1/s1/k2/health", "x", false)
	first.publish("baylight/v1/s1/k1/health", "x", false)
	select {
	case <-session.Over():
		t.Error("the first board was thrown out")
	default:
	}
}

// TestWhoGetsIn: nobody without a certificate that holds.
func TestWhoGetsIn(t *testing.T) {
	s, other := newSite(t), newSite(t)
	good := s.enrol("s1", "k1")
	s.set(time.Now().AddDate(-2, 0, 0))
	expired := s.enrol("s1", "k2")
	s.set(time.Now().AddDate(0, 0, 3))
	early := s.enrol("s1", "k3")
	s.set(time.Now())
	strange := other.enrol("s1", "k1")
	with := func(base func() (*tls.Config, error), change func(*tls.Config)) func() (*tls.Config, error) {
		return func() (*tls.Config, error) {
			cfg, err := base()
			if err == nil {
				change(cfg)
			}
			return cfg, err
		}
	}
	server, err := tls.LoadX509KeyPair(filepath.Join(s.cfg.BrokerDir, identity.BrokerPair), filepath.Join(s.cfg.BrokerDir, identity.BrokerPair))
	if err != nil {
		t.Fatal(err)
	}
	mix, err := strange()
	if err != nil {
		t.Fatal(err)
	}
	rows := []struct {
		name     string
		settings func() (*tls.Config, error)
		in       bool
	}{
		{"a board", good, true},
		{"an office", s.officeOf("s1"), true},
		{"no certificate", with(good, func(c *tls.Config) { c.Certificates = nil }), false},
		{"an expired one", expired, false},
		{"one that has not begun", early, false},
		{"another authority's", with(good, func(c *tls.Config) { c.Certificates = mix.Certificates }), false},
		{"a server's", with(good, func(c *tls.Config) { c.Certificates = []tls.Certificate{server} }), false},
		{"TLS 1.1", with(good, func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }), false},
		{"a board of another authority, which does not believe the broker", strange, false},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			c, stop := s.connect(r.settings, "")
			defer stop()
			if st := c.Status(); st.Up != r.in {
				t.Errorf("connected: %v, want %v: %v", st.Up, r.in, st.Err)
			}
		})
	}
	plain := &site{t: t, broker: strings.Replace(s.broker, "mqtts:", "mqtt:", 1)}
	if c, _ := plain.connect(nil, ""); c.Status().Up {
		t.Error("connected without TLS")
	}
}

// TestRevoked: a revoked board loses its rights on the connection that it has, and
// gets no other; the next card of the same board does.
func TestRevoked(t *testing.T) {
	s := newSite(t)
	stolen := s.enrol("s1", "k1")
	s.real.Reload()
	office, _ := s.connect(s.officeOf("s1"), "", "#")
	board, stop := s.connect(stolen, "")
	board.publish("baylight/v1/s1/k1/health", "before", false)
	office.through("baylight/v1/s1/k1/health=before")
	if n, err := s.Revoke("s1", "k1", "stolen"); err != nil || n != 1 {
		t.Fatalf("revoked %d, %v", n, err)
	}
	s.real.Reload()
	s.until("the broker refuses it", func() bool {
		c, end := s.connect(stolen, "")
		defer end()
		return !c.Status().Up
	})
	// The connection that stood when the broker was told (or made just before, by the loop above).
	if board.Status().Up {
		board.Publish("baylight/v1/s1/k1/health", 1, false, []byte("after"))
	}
	office.publish("baylight/v1/s1/office", "asked", false)
	for _, m := range office.through("baylight/v1/s1/office=asked") {
		if strings.HasSuffix(m, "=after") {
			t.Errorf("heard %s of a revoked board", m)
		}
	}
	stop()
	fresh := s.enrol("s1", "k1")
	s.real.Reload()
	again, _ := s.connect(fresh, "")
	s.until("the next card is heard", func() bool {
		again.publish("baylight/v1/s1/k1/health", "fresh", false)
		office.mu.Lock()
		defer office.mu.Unlock()
		return slices.Contains(office.heard, "baylight/v1/s1/k1/health=fresh")
	})
}

// TestBrokerIsRenewed: the broker takes up its renewed certificate at a reload.
func TestBrokerIsRenewed(t *testing.T) {
	s := newSite(t)
	board := s.enrol("s1", "k1")
	serial := func() string {
		cfg, err := board()
		if err != nil {
			t.Fatal(err)
		}
		c, err := (&tls.Dialer{Config: cfg}).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.broker, "mqtts://"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber.String()
	}
	first := serial()
	if err := os.Remove(filepath.Join(s.cfg.BrokerDir, identity.BrokerPair)); err != nil {
		t.Fatal(err)
	}
	if err := s.Publish(); err != nil {
		t.Fatal(err)
	}
	s.real.Reload()
	s.until("the broker shows another certificate", func() bool { return serial() != first })
}

// TestBoardRenews: a running board renews its certificate and goes on with it on a
// connection of its own accord.
func TestBoardRenews(t *testing.T) {
	s := newSite(t)
	s.set(time.Now().AddDate(0, -9, 0)) // enrolled then: two thirds of the certificate's life are over
	code, _, err := s.Invite("s1", "k1")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "identity.pem")
	old, err := identity.Enrol(t.Context(), identity.Enrolment{Office: s.cfg.Address, Code: code}, path)
	if err != nil {
		t.Fatal(err)
	}
	s.set(time.Now())
	if err := s.Publish(); err != nil { // the broker's own was made nine months ago
		t.Fatal(err)
	}
	anew := make(chan struct{}, 1)
	b := identity.NewBoard(identity.BoardConfig{Path: path, Anew: func() { anew <- struct{}{} },
		Trust: func() identity.Trust { return identity.Trust{Now: time.Now(), Trusted: true} }})
	board, _ := s.connect(b.TLS, "")
	before, err := board.Next(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() { _ = b.Run(ctx) })
	defer func() { cancel(); done.Wait() }()
	<-anew
	before.Drop()
	if _, err := board.Next(t.Context(), before.Number()); err != nil {
		t.Fatal(err)
	}
	fresh, err := identity.Load(path)
	if err != nil || !fresh.Until().After(old.Until().AddDate(0, 8, 0)) {
		t.Errorf("renewed until %v, before %v: %v", fresh.Until(), old.Until(), err)
	}
	board.publish("baylight/v1/s1/k1/health", "x", false)
}

// TestExample: the list that is shown is the list that is written.
func TestExample(t *testing.T) {
	want := identity.ACL([]string{"sh-pudong"}, []identity.Enrolled{{Name: identity.Name{Store: "sh-pudong", Kiosk: "k1"}},
		{Name: identity.Name{Store: "sh-pudong", Kiosk: "k2"}, Revoked: time.Now()}})
	got, err := os.ReadFile("example.acl")
	if os.Getenv("UPDATE") != "" {
		err = os.WriteFile("example.acl", want, 0o644)
		got = want
	}
	if err != nil || string(got) != string(want) {
		t.Errorf("example.acl is not what is written: %v; UPDATE=1 go test writes it\n%s", err, want)
	}
}
