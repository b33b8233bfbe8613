// Package brokertest is a broker that misbehaves on purpose, for tests of what
// stands on the other end of the line. It speaks just enough MQTT 3.1.1 to
// take connections, subscriptions and messages; it hands messages on only if
// Faults.Deliver says so, and never sends one again. Its goroutines have ended
// when Close returns.
package brokertest

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// Faults say how the broker misbehaves.
type Faults struct {
	NeverAck bool // PUBLISH is read, PUBACK is never sent
	AckTwice bool // every PUBACK is sent two times
	// AckBackwards messages are acknowledged together, the last one first; 0: each by itself.
	AckBackwards int
	Mute         bool   // nothing is ever answered, not even CONNECT
	Deaf         bool   // nothing is read after the first subscription
	DropAfter    int    // the connection is cut after this many PUBLISH packets; 0: never
	RefuseCode   byte   // return code of CONNACK; 0 accepts
	RefuseSubs   int    // of so many SUBSCRIBE packets the first filter is refused
	Inject       []byte // bytes sent to the client after each SUBACK

	Deliver   bool          // messages are handed to subscribers, at QoS 1, and retained ones are kept
	LoseEach  int           // each so-manieth message that is not retained is acknowledged and handed to nobody; 0: none
	Twice     bool          // every message is handed over two times
	Reorder   bool          // a message is handed over behind the one that follows it, if one does soon
	CutsEvery time.Duration // all connections are cut so often; 0: never
}

// Publish is a PUBLISH packet as it came in.
type Publish struct {
	Conn    int // number of the connection, from 1
	Topic   string
	Payload []byte
}

// Broker is a running faulty broker.
type Broker struct {
	faults Faults
	l      net.Listener
	wg     sync.WaitGroup
	quit   chan struct{}
	seen   chan Publish
	acks   chan uint16

	mu       sync.Mutex
	conns    map[net.Conn]bool
	count    int
	subs     map[net.Conn]*subscriber
	retained map[string][]byte
	passed   int // messages not retained

	asked      map[string]byte // QoS by filter
	subscribes int             // SUBSCRIBE packets
}

// Start starts a faulty broker on a free loopback port.
func Start(f Faults) (*Broker, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start faulty broker: %w", err)
	}
	return Serve(l, f), nil
}

// Serve starts a faulty broker on a listener, which it owns from then on.
func Serve(l net.Listener, f Faults) *Broker {
	b := &Broker{faults: f, l: l, quit: make(chan struct{}), conns: make(map[net.Conn]bool),
		seen: make(chan Publish, 1<<16), acks: make(chan uint16, 1<<10), subs: make(map[net.Conn]*subscriber), retained: make(map[string][]byte),
		asked: make(map[string]byte)}
	b.wg.Go(b.accept)
	if f.CutsEvery > 0 {
		b.wg.Go(b.cutting)
	}
	return b
}

// URL is the broker's address.
func (b *Broker) URL() string { return "mqtt://" + b.l.Addr().String() }

// Seen gets every PUBLISH packet that was read, up to 65,536 of them.
func (b *Broker) Seen() <-chan Publish { return b.seen }

// Acks gets the packet identifier of every PUBACK that was read, up to 1,024.
func (b *Broker) Acks() <-chan uint16 { return b.acks }

// Connections is how many connections were accepted so far.
func (b *Broker) Connections() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.count
}

// Close ends everything.
func (b *Broker) Close() {
	_ = b.l.Close()
	close(b.quit)
	b.Cut()
	b.wg.Wait()
}

// Cut ends all present connections.
func (b *Broker) Cut() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for c := range b.conns {
		_ = c.Close()
	}
}

func (b *Broker) cutting() {
	tick := time.NewTicker(b.faults.CutsEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			b.Cut()
		case <-b.quit:
			return
		}
	}
}

func (b *Broker) accept() {
	for {
		c, err := b.l.Accept()
		if err != nil {
			return
		}
		b.mu.Lock()
		b.conns[c] = true
		b.count++
		n := b.count
		b.mu.Unlock()
		b.wg.Go(func() {
			b.serve(c, n)
			_ = c.Close()
			b.mu.Lock()
			delete(b.conns, c)
			delete(b.subs, c)
			b.mu.Unlock()
		})
	}
}

// MQTT 3.1.1 packet types, in the high half of the first byte.
const (
	connect   = 1
	publish   = 3
	puback    = 4
	subscribe = 8
	pingreq   = 12
)

func (b *Broker) serve(c net.Conn, number int) {
	if b.faults.Mute {
		_, _ = io.Copy(io.Discard, c)
		return
	}
	r := bufio.NewReader(c)
	var acks []byte
	for published := 0; ; {
		first, body, err := readPacket(r)
		if err != nil {
			return
		}
		switch first >> 4 {
		case connect:
			_, err = c.Write([]byte{0x20, 2, 0, b.faults.RefuseCode})
		case subscribe:
			filters := b.asks(body)
			_, err = c.Write(append(suback(body, filters), b.faults.Inject...))
			b.subscribe(c, filters)
			if b.faults.Deaf {
				<-b.quit
				return
			}
		case publish:
			published++
			acks = append(b.take(first, body, number), acks...)
			if published%max(1, b.faults.AckBackwards) == 0 {
				err = b.reply(c, acks)
				acks = nil
			}
			if published == b.faults.DropAfter {
				return
			}
		case puback:
			select {
			case b.acks <- binary.BigEndian.Uint16(body):
			default:
			}
		case pingreq:
			err = b.reply(c, []byte{0xd0, 0})
		}
		if err != nil {
			return
		}
	}
}

func readPacket(r *bufio.Reader) (first byte, body []byte, err error) {
	if first, err = r.ReadByte(); err != nil {
		return
	}
	n, err := binary.ReadUvarint(r) // MQTT's remaining length has the same form
	if err != nil || n > 16<<20 {
		return first, nil, fmt.Errorf("read packet of %d bytes: %w", n, err)
	}
	body = make([]byte, n)
	_, err = io.ReadFull(r, body)
	return first, body, err
}

// filter is one of a SUBSCRIBE packet.
type filter struct {
	name string
	code byte // what the broker answers: the QoS asked for, or refused
}

const refused = 0x80

// asks reads a SUBSCRIBE packet and decides on it.
func (b *Broker) asks(body []byte) (out []filter) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for rest := body[2:]; len(rest) >= 3; {
		n := 2 + int(binary.BigEndian.Uint16(rest))
		f := filter{string(rest[2:n]), rest[n]}
		b.asked[f.name] = f.code
		if b.subscribes < b.faults.RefuseSubs && len(out) == 0 {
			f.code = refused
		}
		out = append(out, f)
		rest = rest[n+1:]
	}
	b.subscribes++
	return out
}

// Asked is the QoS at which a filter was last asked for; ok is false if it never was.
func (b *Broker) Asked(filter string) (qos byte, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	qos, ok = b.asked[filter]
	return qos, ok
}

// suback answers a SUBSCRIBE packet.
func suback(body []byte, filters []filter) []byte {
	out := []byte{0x90, byte(2 + len(filters)), body[0], body[1]}
	for _, f := range filters {
		out = append(out, f.code)
	}
	return out
}

// take hands a message on and gives what acknowledges it.
func (b *Broker) take(first byte, body []byte, number int) []byte {
	n := 2 + int(binary.BigEndian.Uint16(body))
	topic, rest := string(body[2:n]), body[n:]
	qos := first >> 1 & 3
	id := rest
	if qos > 0 {
		rest = rest[2:]
	}
	select {
	case b.seen <- Publish{number, topic, rest}:
	default:
	}
	b.pass(topic, rest, first&1 == 1)
	if qos == 0 || b.faults.NeverAck {
		return nil
	}
	ack := []byte{0x40, 2, id[0], id[1]}
	if b.faults.AckTwice {
		ack = append(ack, ack...)
	}
	return ack
}
