package hostile_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"baylight/cmd/internal/cmdtest"
	"baylight/cmd/internal/hostile"
	"baylight/cmd/internal/kioskapp"
	"baylight/cmd/internal/officeapp"
	"baylight/cmd/internal/settings"
	"baylight/device/bench"
	"baylight/kiosk"
	"baylight/kiosk/clock"
	"baylight/kiosk/staff"
	"baylight/kiosk/vin"
	"baylight/sync/broker/brokertest"
	"baylight/sync/link"
	"baylight/sync/wire"
)

const (
	patience = 30 * time.Second
	tag      = "0A7"
)

// store is a whole one: a real kiosk and a real back office in this process, on
// a broker that lets everybody in and everything through.
type store struct {
	*testing.T
	dir, kiosk, office string // folder, and addresses of the pages
	broker             *brokertest.Broker
	log                log
	clock              *clock.Lead
	ctx                context.Context
	running            sync.WaitGroup
}

// log is a buffer for several writers.
type log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newStore(t *testing.T) *store {
	t.Helper()
	s := &store{T: t, dir: t.TempDir(), kiosk: cmdtest.Address(t), office: cmdtest.Address(t)}
	var err error
	if s.broker, err = brokertest.Start(brokertest.Faults{Deliver: true}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.broker.Close)
	scanner, err := bench.NewScanner(filepath.Join(s.dir, "tty"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { scanner.Close() })
	const key = "0123456789abcdef0123456789abcdef"
	proof, err := staff.HashPIN([]byte(key), pin)
	if err != nil {
		t.Fatal(err)
	}
	people := "schema = 1\n[[person]]\nid = \"m01\"\nname = \"王\"\nroles = [\"manager\", \"adviser\"]\npin = \"" + proof + "\"\n"
	shared := fmt.Sprintf("name = %q\ntag = %q\nkey_file = \"store.key\"\n", shop, tag)
	for name, text := range map[string]string{
		"store.key": key, "staff.toml": people, "token": "a token of the office\n",
		"kiosk.toml": fmt.Sprintf("schema = 1\nstaff_file = \"staff.toml\"\n[store]\n%s[kiosk]\nname = \"k1\"\nletter = \"A\"\ndata = \"board\"\nsocket = \"kiosk.sock\"\n[http]\nlisten = %q\n[mqtt]\nurl = %q\n[[scanner]]\nname = \"front\"\nplace = \"reception\"\ndevice = %q\n[[bay]]\nid = \"b1\"\n",
			shared, s.kiosk, s.broker.URL(), scanner.Path()),
		"office.toml": fmt.Sprintf("schema = 1\nstaff_file = \"staff.toml\"\n[office]\ndata = \"office\"\ntoken_file = \"token\"\n[http]\nlisten = %q\n[mqtt]\nurl = %q\n[[store]]\n%s", s.office, s.broker.URL(), shared),
	} {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if s.clock, err = clock.NewLead(kiosk.Moment{Wall: time.Date(2026, 3, 2, 9, 0, 0, 0, zone), Boot: "boot-1", Up: time.Minute, Clock: kiosk.Synced}, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.clock.Close() })
	ctx, cancel := context.WithCancel(context.Background())
	s.ctx = ctx
	t.Cleanup(func() {
		cancel()
		s.running.Wait()
	})
	return s
}

// open starts office and kiosk and waits for both.
func (s *store) open() {
	s.Helper()
	s.openOffice()
	s.openKiosk()
}

func (s *store) openOffice() {
	s.Helper()
	office, err := settings.LoadOffice(filepath.Join(s.dir, "office.toml"))
	if err != nil {
		s.Fatal(err)
	}
	s.start(func(ready func()) error {
		return officeapp.Run(s.ctx, officeapp.Options{Settings: office, Version: "test", Log: slog.New(slog.NewTextHandler(&s.log, nil)), Clock: s.clock, Ready: ready, ReconnectMin: 2 * time.Millisecond, ReconnectMax: 20 * time.Millisecond})
	})
}

func (s *store) openKiosk() {
	s.Helper()
	board, err := settings.LoadKiosk(filepath.Join(s.dir, "kiosk.toml"))
	if err != nil {
		s.Fatal(err)
	}
	s.start(func(ready func()) error {
		return kioskapp.Run(s.ctx, kioskapp.Options{Settings: board, Version: "test", Log: slog.New(slog.NewTextHandler(&s.log, nil)), Clock: s.clock, NewID: kioskapp.RandomID, Ready: ready, ReconnectMin: 2 * time.Millisecond, ReconnectMax: 20 * time.Millisecond})
	})
}

func (s *store) start(run func(ready func()) error) {
	s.Helper()
	ready, done := make(chan struct{}), make(chan error, 1)
	s.running.Go(func() {
		err := run(sync.OnceFunc(func() { close(ready) }))
		if err != nil {
			s.Error(err)
		}
		done <- err
	})
	select {
	case <-ready:
	case err := <-done:
		s.Fatalf("it ended at its start: %v", err)
	case <-time.After(patience):
		s.Fatal("it is not ready")
	}
}

// tell publishes on topics what nobody should.
func (s *store) tell(retain bool, say map[string][]byte) {
	s.Helper()
	l, err := link.New(link.Config{Broker: s.broker.URL(), ClientID: "stranger", WriteTimeout: patience}, nil)
	if err != nil {
		s.Fatal(err)
	}
	ctx, cancel := context.WithCancel(s.ctx)
	var gone sync.WaitGroup
	gone.Go(func() { _ = l.Run(ctx) }) // ends with the context
	defer gone.Wait()
	defer cancel()
	if _, err := l.Next(s.ctx, 0); err != nil {
		s.Fatal(err)
	}
	var sent []*link.Token
	for topic, payload := range say {
		sent = append(sent, l.Publish(topic, wire.QoS, retain, payload))
	}
	within, end := context.WithTimeout(s.ctx, patience)
	defer end()
	for _, t := range sent {
		if err := t.Wait(within); err != nil {
			s.Fatalf("the broker does not take it: %v", err)
		}
	}
}

// topicsOf are all topics of the store that somebody listens to.
func topicsOf(t *testing.T) (out []string) {
	t.Helper()
	k, err := wire.NewKiosk(shop, "k1")
	if err != nil {
		t.Fatal(err)
	}
	st := k.Store()
	out = []string{st.Visits(), st.Setup(), st.Staff(), st.Erasures(), k.Person(), k.Receipt(), k.Time(), k.Health()}
	for _, build := range []func() (string, error){func() (string, error) { return st.Visit("SHPA138QZ2") }, func() (string, error) { return st.Bookings("2026-03-02") }, func() (string, error) { return k.Event("visit.checked_in") },
		func() (string, error) { return k.Cmd("call") }, func() (string, error) { return k.Cmd("announce") }, func() (string, error) { return k.Cmd("time") }, func() (string, error) { return k.Bay("b1") }} {
		topic, err := build()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, topic)
	}
	other := strings.Replace(k.Conn(), "/k1/", "/k9/", 1)
	return append(out, other, strings.Replace(other, "conn", "health", 1), strings.Replace(other, "conn", "event/x", 1))
}

// outbox is what the kiosk says over its tool's socket.
type outbox struct {
	Connected, Office    bool
	Head, Through, Depth uint64
}

// tool asks the kiosk over its socket.
func (s *store) tool(path string, form url.Values, into any) {
	s.Helper()
	c := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(s.dir, "kiosk.sock"))
	}}}
	res, err := c.Get("http://kiosk" + path)
	if form != nil {
		res, err = c.PostForm("http://kiosk"+path, form)
	}
	if err != nil {
		s.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(into); err != nil {
		s.Fatal(err)
	}
}

// works scans a car in and waits until the office has receipted all of it.
func (s *store) works(car string) {
	s.Helper()
	var before, after outbox
	var said kioskapp.Answer
	s.tool("/outbox", nil, &before)
	s.tool("/scan", url.Values{"text": {car}}, &said)
	if !said.Good {
		s.Errorf("the scan is refused: %s", said.Message)
	}
	for until := time.Now().Add(patience); ; {
		s.tool("/outbox", nil, &after)
		if after.Head > before.Head && after.Through == after.Head {
			return
		}
		if time.Now().After(until) {
			s.Fatalf("the office does not receipt: %+v", after)
		}
	}
}

// says waits until the log has it: what is retained may come after a scan.
func (s *store) says(what *regexp.Regexp) {
	s.Helper()
	var idle outbox
	for until := time.Now().Add(patience); !what.MatchString(s.log.String()); s.tool("/outbox", nil, &idle) {
		if time.Now().After(until) {
			s.Fatalf("the log does not say %s", what)
		}
	}
}

// TestRetainedJunk: every topic holds what is no message when the store opens,
// the largest 10 MB; it opens, works, goes on when more comes, and says what it refused.
func TestRetainedJunk(t *testing.T) {
	s := newStore(t)
	all := topicsOf(t)
	huge, junk := map[string][]byte{}, map[string][]byte{}
	texts := values()
	for i, topic := range all {
		junk[topic] = []byte(texts[i*13%len(texts)])
		if len(junk[topic]) == 0 {
			junk[topic] = hostile.Deep(20_000)
		}
		switch {
		case i%4 == 0, strings.HasSuffix(topic, "/receipt"), strings.HasSuffix(topic, "/staff"):
			huge[topic] = hostile.Huge()
			delete(junk, topic)
		}
	}
	s.tell(true, huge)
	s.tell(true, junk)
	refused := func(topic string) {
		t.Helper()
		s.says(regexp.MustCompile("too large and was passed over.*topic=[^ ]*" + topic + " "))
	}
	s.openKiosk()
	refused("/staff")
	refused("/receipt")
	s.openOffice() // it puts its own in their place
	refused("/person")
	s.works("LSVAA4182E2184931")
	s.flood(all, texts)
	car := []byte("LSVAA4182E2184932")
	car[8] = vin.CheckDigit(vin.VIN(car))
	s.works(string(car))
	if strings.Contains(s.log.String(), "panic") {
		t.Error(s.log.String())
	}
}

// flood publishes each text on some topics, live.
func (s *store) flood(all, texts []string) {
	s.Helper()
	for i := range all {
		say := map[string][]byte{}
		for j, topic := range all {
			if x := texts[(i*len(all)+j)%len(texts)]; x != "" {
				say[topic] = []byte(x)
			}
		}
		s.tell(false, say)
	}
}

// browser is a client of a real server, with cookies.
func (s *store) browser() *http.Client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.Fatal(err)
	}
	return &http.Client{Jar: jar, Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// ask sends a request with a head of its own.
func (s *store) ask(c *http.Client, method, address string, head map[string]string, body io.Reader) (int, http.Header, string) {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), method, address, body)
	if err != nil {
		s.Fatal(err)
	}
	for k, v := range head {
		if k == "Host" {
			r.Host = v
		} else {
			r.Header.Set(k, v)
		}
	}
	res, err := c.Do(r)
	if err != nil {
		s.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		s.Fatal(err)
	}
	return res.StatusCode, res.Header, string(b)
}
