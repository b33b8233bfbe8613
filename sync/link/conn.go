package link

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"
)

// errDropped ends a connection that its user gave up.
var errDropped = errors.New("given up")

// guarded is the connection below paho, and the lane beside paho: it writes
// messages itself and takes their PUBACKs out of what comes in. It bounds every
// write in time, every packet read in size and the broker's silence, and tells
// at once when it has ended. What paho and the lane write is gathered.
type guarded struct {
	net.Conn
	writeTimeout time.Duration
	silence      time.Duration // the longest that a living broker says nothing

	// Of Read alone, which one goroutine calls.
	sifter sifter
	in     []byte // what is read at once
	kept   []byte // what was read and is paho's
	pass   []byte // the part of kept that paho has not taken
	acks   []uint16
	ended  error                        // what comes behind pass
	over   func(topic string, size int) // is told of each message that was passed over; nil: nobody is
	heard  bool                         // the broker has said something: its silence counts from now on

	once sync.Once
	gone chan struct{} // closed when the connection has ended
	idle chan struct{} // closed when flush has ended

	mu      sync.Mutex
	change  sync.Cond // of what follows
	out     []byte    // not yet written; at most maxGathered and one packet
	lane    lane
	failed  error // why it ended by itself
	closing bool
}

const (
	// maxGathered is how many bytes wait for the socket before Write does.
	maxGathered = 64 << 10
	// maxPiece is how many bytes have writeTimeout to get into the socket: a slow
	// line is no dead one.
	maxPiece = 16 << 10
	// readSize is what is read at once, some 4,000 PUBACKs.
	readSize = 16 << 10
	// lastWords bounds what is written after Close: paho's DISCONNECT comes just before it.
	lastWords = 100 * time.Millisecond
)

func guard(c net.Conn, writeTimeout, silence time.Duration, maxPacket int) *guarded {
	g := &guarded{Conn: c, writeTimeout: writeTimeout, silence: silence, sifter: sifter{max: maxPacket}, in: make([]byte, readSize),
		gone: make(chan struct{}), idle: make(chan struct{})}
	g.change.L = &g.mu
	g.sifter.told = func(o *oversize) {
		if o.due() {
			g.puback(o.id)
		}
		if g.over != nil {
			g.over(string(o.topic), o.size)
		}
	}
	go g.flush() // joined by Close
	return g
}

// Write takes a packet of paho's and returns; it waits while too many bytes
// wait before it.
func (g *guarded) Write(b []byte) (int, error) {
	err := g.put(false, func(out []byte) []byte { return append(out, b...) })
	if err != nil {
		return 0, err
	}
	return len(b), nil
}

// publish takes a message, at QoS 0 or 1.
func (g *guarded) publish(topic string, qos byte, retain bool, payload []byte) *Token {
	if err := checkPublish(topic, qos, payload); err != nil {
		return &Token{err: err}
	}
	t := &Token{conn: g}
	err := g.put(qos > 0, func(out []byte) []byte {
		var id uint16
		if qos == 0 {
			t.complete()
		} else {
			id = g.lane.add(t)
		}
		return appendPublish(out, topic, qos, retain, id, payload)
	})
	if err != nil {
		return &Token{err: fmt.Errorf("%w: %w", ErrNotConnected, err)}
	}
	return t
}

// puback acknowledges a message that came in. It does not wait for room: what
// came in is bounded, and who writes little must not stop who reads.
func (g *guarded) puback(id uint16) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.failed == nil && !g.closing {
		g.out = appendPuback(g.out, id)
		g.change.Broadcast()
	}
}

// put appends to what is to be written, as soon as there is room, and a packet
// number if one is needed.
func (g *guarded) put(numbered bool, encode func(out []byte) []byte) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	for (len(g.out) >= maxGathered || numbered && g.lane.full()) && g.failed == nil && !g.closing {
		g.change.Wait()
	}
	if g.failed != nil {
		return g.failed
	}
	if g.closing {
		return net.ErrClosed
	}
	g.out = encode(g.out)
	g.change.Broadcast()
	return nil
}

// flush writes what was gathered.
func (g *guarded) flush() {
	defer close(g.idle)
	var rest, spare []byte
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.failed == nil {
		if len(rest) == 0 {
			if len(g.out) == 0 {
				if g.closing {
					return
				}
				g.change.Wait()
				continue
			}
			rest = g.out
			g.out, spare = spare[:0], rest
			if cap(spare) > 2*maxGathered { // one huge message is no reason to keep its room
				spare = nil
			}
			g.change.Broadcast()
		}
		within := g.writeTimeout
		if g.closing {
			within = lastWords
		}
		piece := rest[:min(len(rest), maxPiece)]
		rest = rest[len(piece):]
		g.mu.Unlock()
		err := g.Conn.SetWriteDeadline(time.Now().Add(within))
		if err == nil {
			_, err = g.Conn.Write(piece)
		}
		g.mu.Lock()
		if err != nil {
			g.fail(err)
		}
	}
}

// SetWriteDeadline does nothing: flush sets its own.
func (g *guarded) SetWriteDeadline(time.Time) error { return nil }

// SetDeadline bounds reading only.
func (g *guarded) SetDeadline(t time.Time) error { return g.Conn.SetReadDeadline(t) }

// Read gives what is paho's and completes the messages whose PUBACKs lie between.
func (g *guarded) Read(b []byte) (int, error) {
	for len(g.pass) == 0 {
		if g.ended != nil {
			return 0, g.lost(g.ended)
		}
		if g.heard {
			_ = g.Conn.SetReadDeadline(time.Now().Add(g.silence)) // fails if reading does
		}
		n, err := g.Conn.Read(g.in)
		if n > 0 {
			g.heard = true
			g.ended = g.take(g.in[:n])
		}
		if err != nil {
			g.ended = err
		}
	}
	n := copy(b, g.pass)
	g.pass = g.pass[n:]
	return n, nil
}

// take divides what was read.
func (g *guarded) take(b []byte) (err error) {
	g.kept, g.acks, err = g.sifter.sift(b, g.kept[:0], g.acks[:0])
	g.pass = g.kept
	if len(g.acks) > 0 {
		g.mu.Lock()
		full := g.lane.full()
		for _, id := range g.acks {
			g.lane.ack(id)
		}
		if full {
			g.change.Broadcast()
		}
		g.mu.Unlock()
	}
	return err
}

// lost is what paho is told when reading failed. What it closed itself, it
// knows; every other end has to have another name than "closed", which paho passes over.
func (g *guarded) lost(err error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.heard && errors.Is(err, os.ErrDeadlineExceeded) {
		err = fmt.Errorf("the broker says nothing for %v: %w", g.silence, err)
	}
	if g.closing {
		return err
	}
	g.fail(err)
	return g.failed
}

// drop ends the connection as if it had broken.
func (g *guarded) drop(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.fail(err)
}

// fail ends the connection; the first reason is kept. It is called under mu.
func (g *guarded) fail(err error) {
	if g.failed == nil {
		g.failed = err
	}
	g.once.Do(func() { close(g.gone) })
	g.change.Broadcast()
	raw := g.Conn
	if t, ok := raw.(*tls.Conn); ok {
		raw = t.NetConn() // TLS would take its leave first, for up to five seconds
	}
	_ = raw.Close() // the reader ends with it
}

// completion is closed when a message is acknowledged.
func (g *guarded) completion(t *Token) <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	if t.done == nil {
		t.done = make(chan struct{})
		if t.acked.Load() {
			close(t.done)
		}
	}
	return t.done
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
