package link

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// errTooLarge ends a connection on which a packet above the limit arrives.
var errTooLarge = errors.New("packet is too large")

// guarded is a connection that bounds every write in time and every packet
// read in size, and tells at once when it has been closed. paho bounds only
// its PUBLISH writes, allocates whatever a packet's length says, and reports a
// loss only after its workers have ended. It also reads a packet in three
// system calls and writes each with one of its own: here both are gathered.
type guarded struct {
	net.Conn
	writeTimeout time.Duration
	frames       framer
	in           *bufio.Reader
	once         sync.Once
	gone         chan struct{} // closed at the first Close
	idle         chan struct{} // closed when flush has ended

	mu      sync.Mutex
	change  sync.Cond // of what follows
	out     []byte    // not yet written; at most maxGathered and one packet
	failed  error     // of writing
	closing bool
}

// maxGathered is how many bytes wait for the socket before Write does.
const maxGathered = 64 << 10

// lastWords bounds what is written after Close: paho's DISCONNECT comes just before it.
const lastWords = 100 * time.Millisecond

func guard(c net.Conn, writeTimeout time.Duration, maxPacket int) *guarded {
	g := &guarded{Conn: c, writeTimeout: writeTimeout, frames: framer{max: maxPacket}, in: bufio.NewReaderSize(c, 16<<10),
		gone: make(chan struct{}), idle: make(chan struct{})}
	g.change.L = &g.mu
	go g.flush() // joined by Close
	return g
}

// Write takes bytes and returns; it waits while too many wait before them.
func (g *guarded) Write(b []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for len(g.out) >= maxGathered && g.failed == nil && !g.closing {
		g.change.Wait()
	}
	if g.closing && g.failed == nil {
		return 0, net.ErrClosed
	}
	if g.failed != nil {
		return 0, g.failed
	}
	g.out = append(g.out, b...)
	g.change.Broadcast()
	return len(b), nil
}

// flush writes what was gathered, all of it at once.
func (g *guarded) flush() {
	defer close(g.idle)
	var spare []byte
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.failed == nil {
		if len(g.out) == 0 {
			if g.closing {
				return
			}
			g.change.Wait()
			continue
		}
		b, within := g.out, g.writeTimeout
		if g.closing {
			within = lastWords
		}
		g.out = spare[:0]
		g.mu.Unlock()
		err := g.Conn.SetWriteDeadline(time.Now().Add(within))
		if err == nil {
			_, err = g.Conn.Write(b)
		}
		if err != nil {
			_ = g.Conn.Close() // the reader ends with it
		}
		spare = b
		g.mu.Lock()
		g.failed = err
		g.change.Broadcast()
	}
}

// SetWriteDeadline does nothing: flush sets its own.
func (g *guarded) SetWriteDeadline(time.Time) error { return nil }

// SetDeadline bounds reading only.
func (g *guarded) SetDeadline(t time.Time) error { return g.Conn.SetReadDeadline(t) }

func (g *guarded) Read(b []byte) (int, error) {
	n, err := g.in.Read(b)
	if ferr := g.frames.pass(b[:n]); ferr != nil {
		return 0, ferr
	}
	return n, err
}

// Close ends the connection after what was written before it, if that is quick.
func (g *guarded) Close() error {
	g.once.Do(func() { close(g.gone) })
	g.mu.Lock()
	g.closing = true
	g.change.Broadcast()
	g.mu.Unlock()
	_ = g.Conn.SetWriteDeadline(time.Now().Add(lastWords)) // of a write that is under way
	<-g.idle
	return g.Conn.Close()
}

// framer follows the boundaries of MQTT packets: one type byte, the remaining
// length in one to four bytes of seven bits, then that many bytes.
type framer struct {
	max   int
	body  int // bytes left of the present packet
	size  int // remaining length read so far
	shift int
	head  bool // the type byte has been seen, the length is being read
}

// pass accounts for bytes read from the wire.
func (f *framer) pass(b []byte) error {
	for len(b) > 0 {
		switch {
		case f.body > 0:
			n := min(f.body, len(b))
			f.body -= n
			b = b[n:]
		case !f.head:
			f.head, f.size, f.shift = true, 0, 0
			b = b[1:]
		default:
			f.size |= int(b[0]&0x7f) << f.shift
			f.shift += 7
			if f.size > f.max || f.shift > 28 {
				return fmt.Errorf("read packet: %w, at most %d bytes are allowed", errTooLarge, f.max)
			}
			if b[0] < 0x80 {
				f.body, f.head = f.size, false
			}
			b = b[1:]
		}
	}
	return nil
}
