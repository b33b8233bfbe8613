package natstest

import (
	"net"
	"sync"
	"testing"
)

// Gate passes connections to the first of its nodes that takes them.
type Gate struct {
	Addr string // host:port

	to   []string
	l    net.Listener
	work sync.WaitGroup

	mu    sync.Mutex
	shut  bool
	conns []net.Conn
}

// Gate is an address that leads to a node, and to the ones after it while that
// one takes no connections. It lasts as long as the test.
func (c *Cluster) Gate(tb testing.TB, prefers int) *Gate {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	g := &Gate{Addr: l.Addr().String(), l: l}
	for i := range c.Nodes {
		g.to = append(g.to, c.Nodes[(prefers+i)%len(c.Nodes)].Addr)
	}
	g.work.Go(g.accept)
	tb.Cleanup(func() { g.Shut(); _ = l.Close(); g.work.Wait() })
	return g
}

// Shut cuts what goes through and lets nothing through until Open.
func (g *Gate) Shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = true
	for _, c := range g.conns {
		_ = c.Close()
	}
	g.conns = nil
}

// Open lets connections through again.
func (g *Gate) Open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = false
}

func (g *Gate) accept() {
	for {
		c, err := g.l.Accept()
		if err != nil {
			return
		}
		up := g.dial()
		if up == nil || !g.keep(c, up) {
			_ = c.Close()
			continue
		}
		for _, way := range [][2]net.Conn{{c, up}, {up, c}} {
			g.work.Go(func() {
				_, _ = way[0].(*net.TCPConn).ReadFrom(way[1]) // either end may go at any time
				_, _ = way[0].Close(), way[1].Close()
			})
		}
	}
}

func (g *Gate) dial() net.Conn {
	for _, addr := range g.to {
		if up, err := net.Dial("tcp", addr); err == nil {
			return up
		}
	}
	return nil
}

// keep remembers a pair to be cut; false if the gate is shut.
func (g *Gate) keep(c, up net.Conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut {
		_ = up.Close()
		return false
	}
	g.conns = append(g.conns, c, up)
	return true
}
