package broker

import (
	"net"
	"sync"
	"sync/atomic"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// retained keeps mochi's index of retained messages from being read while it is
// written: mochi 2.7.9 writes a message's place under a lock that its readers do
// not take. A reader is a client that subscribes, from its SUBSCRIBE until it
// reads on; a writer is one that publishes a retained message or leaves a will.
// Both are seen by hooks, on the goroutine that serves the client.
type retained struct {
	mu      sync.RWMutex
	writing atomic.Bool
}

// conn is a client's connection, which knows whether its client reads the index.
type conn struct {
	net.Conn
	index   *retained
	reading atomic.Bool
}

// Read ends the reading of the index: the SUBSCRIBE before it is done.
func (c *conn) Read(p []byte) (int, error) {
	c.release()
	return c.Conn.Read(p)
}

func (c *conn) release() {
	if c.reading.CompareAndSwap(true, false) {
		c.index.mu.RUnlock()
	}
}

// release ends the reading of a client.
func release(cl *mochi.Client) {
	if c, ok := cl.Net.Conn.(*conn); ok {
		c.release()
	}
}

func (r *retained) lock() {
	r.mu.Lock()
	r.writing.Store(true)
}

// OnPacketRead is called when a client has read the next packet.
func (h *hook) OnPacketRead(cl *mochi.Client, pk packets.Packet) (packets.Packet, error) {
	release(cl)
	return pk, nil
}

// OnSubscribe is called before a client is shown what is retained.
func (h *hook) OnSubscribe(cl *mochi.Client, pk packets.Packet) packets.Packet {
	if c, ok := cl.Net.Conn.(*conn); ok {
		h.index.mu.RLock()
		c.reading.Store(true)
	}
	return pk
}

// OnPublish is called before a message is retained.
func (h *hook) OnPublish(_ *mochi.Client, pk packets.Packet) (packets.Packet, error) {
	if pk.FixedHeader.Retain {
		h.index.lock()
	}
	return pk, nil
}

// OnWill is called before a will is retained.
func (h *hook) OnWill(cl *mochi.Client, will mochi.Will) (mochi.Will, error) {
	if release(cl); will.Retain {
		h.index.lock()
	}
	return will, nil
}

// OnRetainMessage is called when a message has been retained.
func (h *hook) OnRetainMessage(*mochi.Client, packets.Packet, int64) {
	if h.index.writing.CompareAndSwap(true, false) {
		h.index.mu.Unlock()
	}
}
