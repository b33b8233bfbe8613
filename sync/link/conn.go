package link

import (
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
// loss only after its workers have ended.
type guarded struct {
	net.Conn
	writeTimeout time.Duration
	frames       framer
	once         sync.Once
	gone         chan struct{} // closed at the first Close
}

func guard(c net.Conn, writeTimeout time.Duration, maxPacket int) *guarded {
	return &guarded{Conn: c, writeTimeout: writeTimeout, frames: framer{max: maxPacket}, gone: make(chan struct{})}
}

func (g *guarded) Write(b []byte) (int, error) {
	if err := g.Conn.SetWriteDeadline(time.Now().Add(g.writeTimeout)); err != nil {
		return 0, err
	}
	return g.Conn.Write(b)
}

// SetWriteDeadline does nothing: Write sets its own.
func (g *guarded) SetWriteDeadline(time.Time) error { return nil }

// SetDeadline bounds reading only.
func (g *guarded) SetDeadline(t time.Time) error { return g.Conn.SetReadDeadline(t) }

func (g *guarded) Read(b []byte) (int, error) {
	n, err := g.Conn.Read(b)
	if ferr := g.frames.pass(b[:n]); ferr != nil {
		return 0, ferr
	}
	return n, err
}

func (g *guarded) Close() error {
	g.once.Do(func() { close(g.gone) })
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
