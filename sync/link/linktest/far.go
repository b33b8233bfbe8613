package linktest

import (
	"net"
	"sync"
	"testing"
	"time"
)

// Far is an address that leads to addr with a delay each way, as a distant
// broker has. It lasts as long as the test.
func Far(tb testing.TB, addr string, oneWay time.Duration) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	f := &far{addr: addr, delay: oneWay, l: l, quit: make(chan struct{})}
	f.work.Go(f.accept)
	tb.Cleanup(func() {
		close(f.quit)
		_ = l.Close()
		f.mu.Lock()
		for _, c := range f.conns {
			_ = c.Close()
		}
		f.mu.Unlock()
		f.work.Wait()
	})
	return l.Addr().String()
}

type far struct {
	addr  string
	delay time.Duration
	l     net.Listener
	quit  chan struct{}
	work  sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn
}

func (f *far) accept() {
	for {
		c, err := f.l.Accept()
		if err != nil {
			return
		}
		up, err := net.Dial("tcp", f.addr)
		if err != nil {
			_ = c.Close()
			continue
		}
		f.mu.Lock()
		f.conns = append(f.conns, c, up)
		f.mu.Unlock()
		f.work.Go(func() { f.carry(up, c) })
		f.work.Go(func() { f.carry(c, up) })
	}
}

// piece is what was read at once, and when it may arrive.
type piece struct {
	bytes []byte
	due   time.Time
}

// carry moves bytes one way. As many are under way as the delay asks for: up to
// 4,096 pieces.
func (f *far) carry(to, from net.Conn) {
	way := make(chan piece, 4096)
	f.work.Go(func() {
		defer close(way)
		for {
			b := make([]byte, 16<<10)
			n, err := from.Read(b)
			if err != nil {
				return
			}
			select {
			case way <- piece{b[:n], time.Now().Add(f.delay)}:
			case <-f.quit:
				return
			}
		}
	})
	defer to.Close()
	for p := range way {
		select {
		case <-time.After(time.Until(p.due)):
		case <-f.quit:
		}
		if _, err := to.Write(p.bytes); err != nil {
			_ = from.Close()
		}
	}
}
