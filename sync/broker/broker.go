// Package broker is an MQTT broker inside the process, for the demo and for
// tests: a thin cover over mochi-mqtt without persistence, so that stopping it
// forgets everything, retained messages too. It lets everybody in and
// therefore listens on loopback addresses only; a store runs a real broker.
//
// Start returns when clients can connect. The broker's goroutines end soon
// after Close, which returns when the address is free again.
package broker

import (
	"fmt"
	"log/slog"
	"net"
	"sync"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"
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
	server *mochi.Server
	l      *listener
	once   sync.Once
	err    error
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
	if err := s.AddHook(&hook{see: cfg.Observe}, nil); err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("start broker: %w", err)
	}
	tracked := &listener{Listener: l, conns: make(map[net.Conn]bool)}
	if err := s.AddListener(listeners.NewNet("tcp", tracked)); err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("start broker: %w", err)
	}
	if err := s.Serve(); err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("start broker: %w", err)
	}
	return &Broker{server: s, l: tracked}, nil
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
		// mochi waits for ever for a client that comes while it closes.
		_ = b.l.Close()
		b.l.cut()
		if err := b.server.Close(); err != nil {
			b.err = fmt.Errorf("stop broker: %w", err)
		}
	})
	return b.err
}

// listener knows the connections it accepted.
type listener struct {
	net.Listener
	mu    sync.Mutex
	done  bool
	conns map[net.Conn]bool
}

// Accept waits for a connection and remembers it.
func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.done {
		_ = c.Close()
		return nil, net.ErrClosed
	}
	l.conns[c] = true
	return &conn{c, l}, nil
}

// cut ends every connection, and those that are still being accepted.
func (l *listener) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.done = true
	for c := range l.conns {
		_ = c.Close()
	}
}

// conn is forgotten when it is closed.
type conn struct {
	net.Conn
	l *listener
}

// Close ends the connection.
func (c *conn) Close() error {
	c.l.mu.Lock()
	delete(c.l.conns, c.Conn)
	c.l.mu.Unlock()
	return c.Conn.Close()
}

// hook lets everybody do everything and shows published messages to a function.
type hook struct {
	mochi.HookBase
	see func(client, topic string, payload []byte)
}

// ID names the hook.
func (h *hook) ID() string { return "open" }

// Provides says which calls the hook wants.
func (h *hook) Provides(b byte) bool {
	return b == mochi.OnConnectAuthenticate || b == mochi.OnACLCheck || b == mochi.OnPublished && h.see != nil
}

// OnConnectAuthenticate lets every client in.
func (h *hook) OnConnectAuthenticate(*mochi.Client, packets.Packet) bool { return true }

// OnACLCheck allows every topic.
func (h *hook) OnACLCheck(*mochi.Client, string, bool) bool { return true }

// OnPublished is called for every message that was taken in.
func (h *hook) OnPublished(cl *mochi.Client, pk packets.Packet) {
	h.see(cl.ID, pk.TopicName, pk.Payload)
}
