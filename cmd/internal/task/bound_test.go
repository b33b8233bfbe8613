package task_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"baylight/cmd/internal/task"
)

// far is a listener to which connections come from any address.
type far struct {
	conns chan net.Conn
	once  sync.Once
	ended chan struct{}
}

func newFar() *far { return &far{conns: make(chan net.Conn), ended: make(chan struct{})} }

func (f *far) Accept() (net.Conn, error) {
	select {
	case c := <-f.conns:
		return c, nil
	case <-f.ended:
		return nil, net.ErrClosed
	}
}
func (f *far) Close() error   { f.once.Do(func() { close(f.ended) }); return nil }
func (f *far) Addr() net.Addr { return &net.TCPAddr{} }

// dial connects from an address and says whether the connection was kept.
func (f *far) dial(t *testing.T, ip string, accepted <-chan net.Conn) net.Conn {
	t.Helper()
	ours, theirs := net.Pipe()
	f.conns <- &from{theirs, &net.TCPAddr{IP: net.ParseIP(ip), Port: 4711}}
	synctest.Wait()
	select {
	case c := <-accepted:
		return c
	default:
	}
	if _, err := ours.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("from %s: %v, want it closed", ip, err)
	}
	return nil
}

type from struct {
	net.Conn
	a net.Addr
}

func (f *from) RemoteAddr() net.Addr { return f.a }

// TestBound: whoever opens connections without end gets so many and no more; all
// others get in, this machine even if the world is full, and room comes back.
func TestBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said bytes.Buffer
		world := newFar()
		l := task.Bound(world, slog.New(slog.NewTextHandler(&said, nil)))
		accepted := make(chan net.Conn)
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					close(accepted)
					return
				}
				accepted <- c
			}
		}()
		var first net.Conn
		for i := range task.MaxAddress + 50 {
			c := world.dial(t, "2001:db8::"+string("123456789abcdef"[i%15]), accepted)
			if (c != nil) != (i < task.MaxAddress) {
				t.Fatalf("connection %d from one network: kept %v", i, c != nil)
			}
			if i == 0 {
				first = c
			}
		}
		if world.dial(t, "10.0.0.1", accepted) == nil || world.dial(t, "127.0.0.1", accepted) == nil {
			t.Error("others do not get in")
		}
		if first.Close() != nil || world.dial(t, "2001:db8::1", accepted) == nil || world.dial(t, "2001:db8::1", accepted) != nil {
			t.Error("one that ended makes room for one")
		}
		for i := range task.MaxConns {
			world.dial(t, net.IPv4(10, 1, byte(i), 1).String(), accepted)
		}
		if world.dial(t, "10.2.0.1", accepted) != nil || world.dial(t, "127.0.0.1", accepted) == nil {
			t.Error("a full house takes one more, or not this machine's")
		}
		if n := strings.Count(said.String(), "too many connections"); n != 1 {
			t.Errorf("said %d times: %s", n, said.String())
		}
		l.Close()
		<-accepted
	})
}

// TestTakesNothing: who reads nothing is left, who reads slowly is not.
func TestTakesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world := newFar()
		l := task.Bound(world, nil)
		ours, theirs := net.Pipe()
		go func() { world.conns <- &from{theirs, &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1)}} }()
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.SetDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() {
			_, err := c.Write(make([]byte, 10*64<<10))
			done <- err
		}()
		began := time.Now()
		for range 10 {
			time.Sleep(task.Takes - time.Second)
			if _, err := io.ReadFull(ours, make([]byte, 64<<10)); err != nil {
				t.Fatalf("a slow reader was left: %v", err)
			}
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took < 5*task.Takes {
			t.Errorf("it took %s", took)
		}
		if _, err := c.Write([]byte("nobody reads")); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("who takes nothing: %v", err)
		}
		if err := c.SetWriteDeadline(time.Now().Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		began = time.Now()
		if _, err := c.Write([]byte("nobody reads")); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("within the server's own limit: %v after %s", err, time.Since(began))
		}
		c.Close()
		l.Close()
	})
}
