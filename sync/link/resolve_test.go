package link

import (
	"context"
	"net"
	"sync/atomic"
	"testing"

	"baylight/sync/broker/brokertest"
)

// serveNames answers every question for an IPv4 address with the one it is told.
func serveNames(t *testing.T, address func() net.IP) (addr string) {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 512)
		for {
			n, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			_, _ = c.WriteTo(answer(b[:n], address()), from)
		}
	}()
	t.Cleanup(func() { _ = c.Close(); <-done })
	return c.LocalAddr().String()
}

// answer makes a DNS answer (RFC 1035, 4.1) of a question: an address where one
// of type A is asked for, none otherwise.
func answer(question []byte, ip net.IP) []byte {
	end := 12
	for end < len(question) && question[end] != 0 {
		end += int(question[end]) + 1
	}
	end += 5 // the root label, type and class
	if len(question) < end {
		return nil
	}
	out := append([]byte{}, question[:end]...)
	out[2], out[3] = 0x84, 0                      // an answer, with authority
	out[4], out[5], out[6], out[7] = 0, 1, 0, 0   // one question
	out[8], out[9], out[10], out[11] = 0, 0, 0, 0 // nothing else
	if kind := question[end-3]; kind == 1 {
		out[7] = 1
		out = append(out, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4) // the name asked for, A, IN, not to be kept, 4 bytes
		out = append(out, ip.To4()...)
	}
	return out
}

// TestNameIsLookedUpAnew: a store whose broker moves to another address.
func TestNameIsLookedUpAnew(t *testing.T) {
	var moved atomic.Bool
	names := serveNames(t, func() net.IP {
		if moved.Load() {
			return net.IPv4(127, 0, 0, 2)
		}
		return net.IPv4(127, 0, 0, 1)
	})
	was := net.DefaultResolver
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", names)
	}}
	t.Cleanup(func() { net.DefaultResolver = was })

	first := startFaulty(t, brokertest.Faults{})
	_, port, err := net.SplitHostPort(first.URL()[len("mqtt://"):])
	if err != nil {
		t.Fatal(err)
	}
	l2, err := net.Listen("tcp", "127.0.0.2:"+port)
	if err != nil {
		t.Skipf("this machine has no second loopback address: %v", err)
	}
	second := brokertest.Serve(l2, brokertest.Faults{})
	t.Cleanup(second.Close)

	l, _ := start(t, quick("mqtt://broker.store.test.:"+port), nil)
	s := next(t, l, 0)
	if first.Connections() == 0 || second.Connections() != 0 {
		t.Errorf("%d and %d connections", first.Connections(), second.Connections())
	}
	moved.Store(true)
	first.Cut()
	s = next(t, l, s.Number())
	if err := s.Publish("a", 1, false, []byte("x")).Wait(t.Context()); err != nil {
		t.Error(err)
	}
	if p := <-second.Seen(); p.Topic != "a" {
		t.Errorf("the second broker has %+v", p)
	}
}
