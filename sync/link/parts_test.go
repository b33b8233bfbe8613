package link

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http/httptest"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

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

// startSecure starts a broker behind TLS, and gives who signed for it.
func startSecure(t *testing.T) (b *brokertest.Broker, url string, roots *x509.CertPool) {
	t.Helper()
	web := httptest.NewTLSServer(nil)
	web.Close()
	roots = x509.NewCertPool()
	roots.AddCert(web.Certificate())
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b = brokertest.Serve(tls.NewListener(plain, &tls.Config{Certificates: web.TLS.Certificates}), brokertest.Faults{})
	t.Cleanup(b.Close)
	return b, "mqtts://" + plain.Addr().String(), roots
}

func TestTLSIsReadForEveryConnection(t *testing.T) {
	b, url, roots := startSecure(t)
	var tlsReads, passwordReads atomic.Int32
	cfg := quick(url)
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

// An event does not wait in the kernel for the broker to answer the one before it:
// the sockets that messages go through, plain and below TLS, have TCP_NODELAY.
func TestNoDelay(t *testing.T) {
	_, secure, roots := startSecure(t)
	for name, cfg := range map[string]Config{"plain": quick(startFaulty(t, brokertest.Faults{}).URL()), "TLS": quick(secure)} {
		cfg.TLS = func() (*tls.Config, error) { return &tls.Config{RootCAs: roots}, nil }
		l, _ := start(t, cfg, nil)
		conn := next(t, l, 0).conn.Conn
		if c, ok := conn.(*tls.Conn); ok {
			conn = c.NetConn()
		} else if name == "TLS" {
			t.Fatalf("the connection is a %T", conn)
		}
		raw, err := conn.(*net.TCPConn).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		var set int
		var asked error
		err = raw.Control(func(fd uintptr) {
			set, asked = syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_NODELAY)
		})
		if err := errors.Join(err, asked); err != nil || set == 0 {
			t.Errorf("%s: TCP_NODELAY is %d, %v", name, set, err)
		}
	}
}
