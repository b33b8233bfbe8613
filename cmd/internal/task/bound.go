package task

import (
	"log/slog"
	"net"
	"sync"
	"time"

	"baylight/kiosk/staff"
)

// What one server keeps open. A browser opens six at most; whoever opens more
// than a neighbourhood of browsers would is closed again at once, so that the
// others find room. This machine's own connections (a kiosk's screen) have room
// of their own.
const (
	MaxConns   = 512 // in all, from beyond this machine; and as many from it
	MaxAddress = 128 // from one address, or one IPv6 network
	Takes      = 30 * time.Second
)

// Bound makes a listener that keeps to MaxConns and MaxAddress, and whose
// connections end when the other side takes nothing of what is written for
// Takes. Streams and long answers may last as long as they move.
func Bound(l net.Listener, log *slog.Logger) net.Listener {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &bound{Listener: l, log: log, from: map[string]int{}}
}

// here names this machine's own connections.
const here = "this machine"

type bound struct {
	net.Listener
	log *slog.Logger

	mu     sync.Mutex
	all    int // from beyond this machine
	from   map[string]int
	turned int // closed again since it was last said
	said   time.Time
}

// Accept waits for the next connection that there is room for.
func (b *bound) Accept() (net.Conn, error) {
	for {
		c, err := b.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from := origin(c.RemoteAddr())
		if b.enter(from) {
			return &conn{Conn: c, leave: sync.OnceFunc(func() { b.leave(from) })}, nil
		}
		_ = c.Close() // nothing was said on it
	}
}

// origin is where a connection comes from.
func origin(a net.Addr) string {
	tcp, ok := a.(*net.TCPAddr)
	if !ok || tcp.IP.IsLoopback() {
		return here
	}
	return staff.Network(tcp.IP.String())
}

func (b *bound) enter(from string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	full := b.all >= MaxConns || b.from[from] >= MaxAddress
	if from == here {
		full = b.from[from] >= MaxConns
	}
	if full {
		b.turned++
		if now := time.Now(); now.Sub(b.said) >= time.Minute {
			b.log.Warn("too many connections: some were closed at once", "from", from, "of_it", b.from[from], "of_others", b.all-b.from[from], "closed", b.turned)
			b.turned, b.said = 0, now
		}
		return false
	}
	b.from[from]++
	if from != here {
		b.all++
	}
	return true
}

func (b *bound) leave(from string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.from[from]--; b.from[from] == 0 {
		delete(b.from, from)
	}
	if from != here {
		b.all--
	}
}

// conn gives every write a time of its own, within the limit that was set, if any.
type conn struct {
	net.Conn
	leave func()

	mu    sync.Mutex
	limit time.Time
}

// SetDeadline sets both limits.
func (c *conn) SetDeadline(t time.Time) error {
	if err := c.SetWriteDeadline(t); err != nil {
		return err
	}
	return c.SetReadDeadline(t)
}

// SetWriteDeadline sets the limit of all writes.
func (c *conn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	c.limit = t
	c.mu.Unlock()
	return c.Conn.SetWriteDeadline(t)
}

// Write writes in pieces; each has to be taken in time.
func (c *conn) Write(p []byte) (n int, err error) {
	for {
		piece := p[n:min(len(p), n+64<<10)]
		c.mu.Lock()
		until := time.Now().Add(Takes)
		if !c.limit.IsZero() && c.limit.Before(until) {
			until = c.limit
		}
		err := c.Conn.SetWriteDeadline(until)
		c.mu.Unlock()
		if err != nil {
			return n, err
		}
		m, err := c.Conn.Write(piece)
		if n += m; err != nil || n >= len(p) {
			return n, err
		}
	}
}

// Close makes room.
func (c *conn) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
