// Package wiretap stands between MQTT clients and a broker and tells what the
// clients publish. It copies bytes as they are; a connection ends on both sides
// when either side ends it, and while the broker is away nobody gets through.
//
// MQTT 3.1.1, 2.2 and 3.3: a packet is type and flags (1 byte), length (1 to 4
// bytes, 7 bits each, lowest first), body; a PUBLISH (type 3) has a topic (length:2
// and text), with QoS above 0 a packet id:2, then the payload.
//
// Tap owns one goroutine that accepts and two for each connection; Close joins them.
package wiretap

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
)

// Tap listens in the broker's place.
type Tap struct {
	l       net.Listener
	broker  string
	see     func(connection int, topic string, payload []byte)
	running sync.WaitGroup

	mu     sync.Mutex
	conns  map[net.Conn]bool
	count  int
	closed bool
}

// Start listens at addr for clients of the broker at broker. see gets every
// message that a client publishes before the broker does, with a number that
// each connection has of its own; several connections call it at the same time.
// The payload must not be kept.
func Start(addr, broker string, see func(connection int, topic string, payload []byte)) (*Tap, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("tap the broker's line: %w", err)
	}
	t := &Tap{l: l, broker: broker, see: see, conns: map[net.Conn]bool{}}
	t.running.Go(t.accept)
	return t, nil
}

// Close ends all connections.
func (t *Tap) Close() error {
	t.mu.Lock()
	t.closed = true
	err := t.l.Close()
	for c := range t.conns {
		c.Close()
	}
	t.mu.Unlock()
	t.running.Wait()
	return err
}

func (t *Tap) accept() {
	for {
		c, err := t.l.Accept()
		if err != nil {
			return
		}
		b, err := net.Dial("tcp", t.broker)
		if err != nil {
			c.Close()
			continue
		}
		n, ok := t.enter(c, b)
		if !ok {
			return
		}
		t.running.Go(func() {
			_, _ = io.Copy(c, b) // an end is an end, however it comes
			t.leave(c, b)
		})
		t.running.Go(func() {
			_ = copyPackets(b, c, func(topic string, payload []byte) { t.see(n, topic, payload) })
			t.leave(c, b)
		})
	}
}

func (t *Tap) enter(c, b net.Conn) (n int, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		c.Close()
		b.Close()
		return 0, false
	}
	t.conns[c], t.conns[b] = true, true
	t.count++
	return t.count, true
}

func (t *Tap) leave(c, b net.Conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, x := range []net.Conn{c, b} {
		x.Close()
		delete(t.conns, x)
	}
}

// maxPacket bounds what is held in memory.
const maxPacket = 1 << 20

var errPacket = errors.New("not a packet of MQTT 3.1.1")

// copyPackets copies packet by packet and shows what is published first.
func copyPackets(to io.Writer, from io.Reader, see func(topic string, payload []byte)) error {
	in := bufio.NewReaderSize(from, 64<<10)
	for {
		packet, head, err := read(in)
		if err != nil {
			return err
		}
		if packet[0]>>4 == 3 {
			topic, payload, err := publish(packet[0], packet[head:])
			if err != nil {
				return err
			}
			see(topic, payload)
		}
		if _, err := to.Write(packet); err != nil {
			return err
		}
	}
}

// read reads one packet whose body begins at head.
func read(in *bufio.Reader) (packet []byte, head int, err error) {
	first, err := in.ReadByte()
	if err != nil {
		return nil, 0, err
	}
	packet = []byte{first}
	length := 0
	for i := 0; ; i++ {
		b, err := in.ReadByte()
		if err != nil {
			return nil, 0, err
		}
		packet = append(packet, b)
		length |= int(b&0x7f) << (7 * i)
		if b&0x80 == 0 {
			break
		}
		if i == 3 {
			return nil, 0, errPacket
		}
	}
	if length > maxPacket {
		return nil, 0, fmt.Errorf("%w: %d bytes", errPacket, length)
	}
	head = len(packet)
	packet = append(packet, make([]byte, length)...)
	_, err = io.ReadFull(in, packet[head:])
	return packet, head, err
}

// publish takes a PUBLISH apart.
func publish(first byte, body []byte) (topic string, payload []byte, err error) {
	if len(body) < 2 {
		return "", nil, errPacket
	}
	n := int(body[0])<<8 | int(body[1])
	rest := 2 + n
	if first&6 != 0 {
		rest += 2
	}
	if len(body) < rest {
		return "", nil, errPacket
	}
	return string(body[2 : 2+n]), body[rest:], nil
}
