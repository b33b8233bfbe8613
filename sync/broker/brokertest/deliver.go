package brokertest

import (
	"encoding/binary"
	"net"
	"strings"
	"sync"
	"time"
)

// subscriber is a connection with subscriptions.
type subscriber struct {
	mu      sync.Mutex // also of writing to conn
	conn    net.Conn
	filters []string
	next    uint16 // last packet identifier
	held    []byte // a packet that waits for the one behind it
}

// late is how long a message that is to be handed over out of order waits for another.
const late = 20 * time.Millisecond

// reply writes an answer, apart from messages.
func (b *Broker) reply(c net.Conn, packet []byte) error {
	b.mu.Lock()
	s := b.subs[c]
	b.mu.Unlock()
	if s != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
	}
	_, err := c.Write(packet)
	return err
}

// subscribe notes the filters of a SUBSCRIBE packet and hands over what is retained.
func (b *Broker) subscribe(c net.Conn, filters []filter) {
	if !b.faults.Deliver {
		return
	}
	b.mu.Lock()
	s := b.subs[c]
	if s == nil {
		s = &subscriber{conn: c}
		b.subs[c] = s
	}
	for _, f := range filters {
		if f.code != refused {
			s.filters = append(s.filters, f.name)
		}
	}
	old := make(map[string][]byte)
	for topic, payload := range b.retained {
		old[topic] = payload
	}
	b.mu.Unlock()
	for topic, payload := range old {
		if s.wants(topic) {
			s.hand(topic, payload, true, Faults{})
		}
	}
}

// pass hands a message to whoever subscribed.
func (b *Broker) pass(topic string, payload []byte, retain bool) {
	if !b.faults.Deliver {
		return
	}
	b.mu.Lock()
	if retain {
		b.retained[topic] = payload
	} else if b.passed++; b.faults.LoseEach > 0 && b.passed%b.faults.LoseEach == 0 {
		b.mu.Unlock()
		return
	}
	var to []*subscriber
	for _, s := range b.subs {
		if s.wants(topic) {
			to = append(to, s)
		}
	}
	b.mu.Unlock()
	for _, s := range to {
		s.hand(topic, payload, false, b.faults)
	}
}

// wants matches a topic as MQTT does.
func (s *subscriber) wants(topic string) bool {
	for _, f := range s.filters {
		if matches(strings.Split(f, "/"), strings.Split(topic, "/")) {
			return true
		}
	}
	return false
}

func matches(filter, topic []string) bool {
	for i, level := range filter {
		if level == "#" {
			return true
		}
		if i >= len(topic) || level != "+" && level != topic[i] {
			return false
		}
	}
	return len(filter) == len(topic)
}

// hand writes a PUBLISH packet. A failure shows when the connection is read.
func (s *subscriber) hand(topic string, payload []byte, retained bool, f Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	times := 1
	if f.Twice {
		times = 2
	}
	for range times {
		if s.next++; s.next == 0 {
			s.next = 1
		}
		packet := encode(topic, payload, retained, s.next)
		if f.Reorder && s.held == nil {
			s.held = packet
			time.AfterFunc(late, s.release)
			continue
		}
		_, _ = s.conn.Write(packet)
		_, _ = s.conn.Write(s.held)
		s.held = nil
	}
}

// release hands over a message behind which none came.
func (s *subscriber) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = s.conn.Write(s.held)
	s.held = nil
}

func encode(topic string, payload []byte, retained bool, id uint16) []byte {
	out := []byte{0x32}
	if retained {
		out[0] |= 1
	}
	out = binary.AppendUvarint(out, uint64(2+len(topic)+2+len(payload))) // MQTT's remaining length has the same form
	out = binary.BigEndian.AppendUint16(out, uint16(len(topic)))
	out = append(out, topic...)
	out = binary.BigEndian.AppendUint16(out, id)
	return append(out, payload...)
}
