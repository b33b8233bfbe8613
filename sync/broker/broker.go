// Package broker is an MQTT broker inside the process, for the demo and for
// tests: a thin cover over mochi-mqtt without persistence, so that stopping it
// forgets everything, retained messages too. It lets everybody in and
// therefore listens on loopback addresses only; a store runs a real broker.
//
// Start returns when clients can connect. When Close returns, the goroutines of
// the broker and of its clients have ended and the address is free again.
package broker

import (
	"fmt"
	"log/slog"
	"maps"
	"net"
	"sync"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// Config says where to listen.
type Config struct {
	Addr string // loopback host:port; port 0 picks a free one; empty means 127.0.0.1:0
	// Observe is called for every message a client publishes, in the goroutine
	// that serves that client; nil: nobody watches. payload must not be kept.
	Observe func(client, topic string, payload []byte)
	Log     *slog.Logger // nil discards
}

// Broker is a running broker.
type Broker struct {
	server  *mochi.Server
	l       net.Listener
	clients sync.WaitGroup
	once    sync.Once
	err     error

	index retained

	mu     sync.Mutex
	conns  map[net.Conn]chan struct{} // closed when nothing of the connection is left
	named  map[string]net.Conn        // the last connection by client id
	closed bool
}

// limits keep one client from filling the process's memory.
const (
	maxPacket  = 1 << 20
	maxPending = 16 << 10 // messages waiting for one subscriber; more are dropped
)

// Start starts a broker.
func Start(cfg Config) (*Broker, error) {
	if cfg.Addr == "" {
		cfg.Addr = "127.0.0.1:0"
	}
	if err := checkLoopback(cfg.Addr); err != nil {
		return nil, fmt.Errorf("start broker: %w", err)
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	l, err := net.Listen("tcp", cfg.Addr)
	if err != nil {
		return nil, fmt.Errorf("start broker: %w", err)
	}
	caps := mochi.NewDefaultServerCapabilities()
	caps.MaximumPacketSize = maxPacket
	caps.MaximumClientWritesPending = maxPending
	caps.MaximumInflight = maxPending
	s := mochi.New(&mochi.Options{Logger: cfg.Log, Capabilities: caps})
	b := &Broker{server: s, l: l, conns: make(map[net.Conn]chan struct{}), named: make(map[string]net.Conn)}
	if err := s.AddHook(&hook{see: cfg.Observe, name: b.name, index: &b.index}, nil); err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("start broker: %w", err)
	}
	if err := s.Serve(); err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("start broker: %w", err)
	}
	b.clients.Go(b.accept)
	return b, nil
}

func checkLoopback(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("read address: %w", err)
	}
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	return fmt.Errorf("address %q is not on loopback, and this broker lets everybody in", addr)
}

// Addr is the address as host:port, for a restart in the same place.
func (b *Broker) Addr() string { return b.l.Addr().String() }

// URL is the address as link.Config.Broker takes it.
func (b *Broker) URL() string { return "mqtt://" + b.Addr() }

// Close ends all connections and forgets everything. Closing again does nothing.
func (b *Broker) Close() error {
	b.once.Do(func() {
		_ = b.l.Close()
		b.cut()
		b.clients.Wait()
		if err := b.server.Close(); err != nil {
			b.err = fmt.Errorf("stop broker: %w", err)
		}
	})
	return b.err
}

// accept serves clients. mochi's own listeners can deadlock when they close
// while clients come or go, so the broker does not use them.
func (b *Broker) accept() {
	for {
		wire, err := b.l.Accept()
		if err != nil {
			return
		}
		c := &conn{Conn: wire, index: &b.index}
		gone, ok := b.enter(c)
		if !ok {
			_ = c.Close()
			return
		}
		b.clients.Go(func() {
			// The error tells how the client left, which is its own affair.
			_ = b.server.EstablishConnection("tcp", c)
			_ = c.Close()
			c.release()
			b.leave(c)
			close(gone)
		})
	}
}

func (b *Broker) enter(c net.Conn) (gone chan struct{}, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	gone = make(chan struct{})
	if !b.closed {
		b.conns[c] = gone
	}
	return gone, !b.closed
}

func (b *Broker) leave(c net.Conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.conns, c)
	maps.DeleteFunc(b.named, func(_ string, n net.Conn) bool { return n == c })
}

// name tells who a connection is. An older one of the same name is cut and
// waited for: mochi, when it tidies up after it, would take away subscriptions
// that the younger one has just made, for it knows both by their name alone.
func (b *Broker) name(id string, c net.Conn) {
	b.mu.Lock()
	old := b.named[id]
	gone := b.conns[old]
	b.named[id] = c
	b.mu.Unlock()
	if old == nil || gone == nil {
		return
	}
	_ = old.Close()
	<-gone
}

func (b *Broker) cut() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	for c := range b.conns {
		_ = c.Close()
	}
}

// hook lets everybody do everything and shows published messages to a function.
type hook struct {
	mochi.HookBase
	see  func(client, topic string, payload []byte)
	name func(id string, c net.Conn)

	index *retained
}

// ID names the hook.
func (h *hook) ID() string { return "open" }

// Provides says which calls the hook wants.
func (h *hook) Provides(b byte) bool {
	switch b {
	case mochi.OnConnect, mochi.OnConnectAuthenticate, mochi.OnACLCheck, mochi.OnPacketRead, mochi.OnSubscribe, mochi.OnPublish, mochi.OnWill, mochi.OnRetainMessage:
		return true
	case mochi.OnPublished:
		return h.see != nil
	}
	return false
}

// OnConnect is called when a client has said its name, before it is anybody to the broker.
func (h *hook) OnConnect(cl *mochi.Client, _ packets.Packet) error {
	h.name(cl.ID, cl.Net.Conn)
	return nil
}

// OnConnectAuthenticate lets every client in.
func (h *hook) OnConnectAuthenticate(*mochi.Client, packets.Packet) bool { return true }

// OnACLCheck allows every topic.
func (h *hook) OnACLCheck(*mochi.Client, string, bool) bool { return true }

// OnPublished is called for every message that was taken in.
func (h *hook) OnPublished(cl *mochi.Client, pk packets.Packet) {
	h.see(cl.ID, pk.TopicName, pk.Payload)
}
