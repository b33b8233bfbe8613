package link

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"pgregory.net/rapid"

	"baylight/sync/broker/brokertest"
)

func TestCeiling(t *testing.T) {
	rows := []struct {
		tries int
		want  time.Duration
	}{{0, time.Second}, {1, 2 * time.Second}, {4, 16 * time.Second}, {6, 64 * time.Second}, {7, 2 * time.Minute}, {1000, 2 * time.Minute}}
	for _, r := range rows {
		if got := ceiling(r.tries, time.Second, 2*time.Minute); got != r.want {
			t.Errorf("after %d tries %v, want %v", r.tries, got, r.want)
		}
	}
	if lo := jitter(time.Second, func(int64) int64 { return 0 }); lo != 0 {
		t.Errorf("the shortest pause is %v", lo)
	}
	if hi := jitter(time.Second, func(n int64) int64 { return n - 1 }); hi != time.Second {
		t.Errorf("the longest pause is %v", hi)
	}
}

// frame is a packet of n bytes after the length.
func frame(n int) []byte {
	b := []byte{0x30}
	for v := n; ; {
		c := byte(v & 0x7f)
		if v >>= 7; v > 0 {
			b = append(b, c|0x80)
			continue
		}
		return append(append(b, c), make([]byte, n)...)
	}
}

func TestFramer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const limit = 40_000
		sizes := rapid.SliceOfN(rapid.SampledFrom([]int{0, 1, 127, 128, 16383, 16384, limit, limit + 1, 3_000_000}), 1, 6).Draw(t, "sizes")
		var stream []byte
		tooLarge := false
		for _, n := range sizes {
			tooLarge = tooLarge || n > limit
			stream = append(stream, frame(min(n, limit+1))...)
		}
		f := framer{max: limit}
		var err error
		for len(stream) > 0 && err == nil {
			n := rapid.IntRange(1, min(len(stream), 9000)).Draw(t, "cut")
			err = f.pass(stream[:n])
			stream = stream[n:]
		}
		if errors.Is(err, errTooLarge) != tooLarge {
			t.Fatalf("%v gives %v", sizes, err)
		}
	})
}

func FuzzFramer(f *testing.F) {
	f.Add([]byte{0x30, 0x80, 0x80, 0x01, 1}, uint8(3))
	f.Add([]byte{0x30, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, uint8(1))
	f.Add(frame(300), uint8(2))
	f.Fuzz(func(t *testing.T, b []byte, cut uint8) {
		whole, parts := framer{max: 1000}, framer{max: 1000}
		want := whole.pass(b)
		var got error
		for rest := b; len(rest) > 0 && got == nil; {
			n := min(int(cut)+1, len(rest))
			got = parts.pass(rest[:n])
			rest = rest[n:]
		}
		if (want == nil) != (got == nil) {
			t.Errorf("read at once %v, in parts %v", want, got)
		}
		if want == nil && (whole != parts || whole.body > 1000) {
			t.Errorf("read at once %+v, in parts %+v", whole, parts)
		}
	})
}

func TestTLSIsReadForEveryConnection(t *testing.T) {
	web := httptest.NewTLSServer(nil)
	web.Close()
	roots := x509.NewCertPool()
	roots.AddCert(web.Certificate())
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := brokertest.Serve(tls.NewListener(plain, &tls.Config{Certificates: web.TLS.Certificates}), brokertest.Faults{})
	t.Cleanup(b.Close)
	var tlsReads, passwordReads atomic.Int32
	cfg := quick("mqtts://" + plain.Addr().String())
	cfg.TLS = func() (*tls.Config, error) {
		tlsReads.Add(1)
		return &tls.Config{RootCAs: roots}, nil
	}
	cfg.Credentials = func() (string, string, error) {
		if passwordReads.Add(1) == 1 {
			return "", "", errors.New("file is gone")
		}
		return "u", "p", nil
	}
	l, _ := start(t, cfg, nil)
	<-l.Ready()
	s := next(t, l, 0)
	if err := s.Publish("a", 1, false, []byte("x")).Wait(t.Context()); err != nil {
		t.Error(err)
	}
	b.Cut()
	next(t, l, s.Number())
	if n := tlsReads.Load(); n < 3 {
		t.Errorf("settings were read %d times for three attempts", n)
	}
}

// client is paho as far as a sender asks it; it gives up the message "2", as
// paho does when its workers are held up.
type client struct {
	mqtt.Client
	took []string
}

func (c *client) Publish(_ string, _ byte, _ bool, payload any) mqtt.Token {
	text := string(payload.([]byte))
	c.took = append(c.took, text)
	if text == "2" {
		return &fate{err: errors.New("gave up")}
	}
	return &fate{}
}

type fate struct {
	mqtt.Token
	err error
}

func (f *fate) Error() error { return f.err }

func (f *fate) Done() <-chan struct{} {
	done := make(chan struct{})
	close(done)
	return done
}

func TestNothingIsSentBehindAMessageThatWasGivenUp(t *testing.T) {
	ours, theirs := net.Pipe()
	c := &client{}
	s := &Session{client: c, conn: guard(ours, time.Minute, 1<<20), outgoing: make(chan *Token, ahead)}
	sent := make(chan struct{})
	go func() { defer close(sent); s.send() }()
	for _, text := range []string{"1", "2"} {
		s.Publish("a", 1, false, []byte(text))
	}
	<-sent
	if _, err := s.conn.Read(make([]byte, 1)); err == nil {
		t.Error("the connection goes on")
	}
	_ = s.conn.Close()
	if err := s.Publish("a", 1, false, []byte("3")).Wait(t.Context()); !errors.Is(err, ErrNotConnected) {
		t.Errorf("a message behind it gives %v", err)
	}
	_ = theirs.Close()
	if len(c.took) != 2 {
		t.Errorf("sent %q", c.took)
	}
}
