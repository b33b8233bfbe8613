package link

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// errTooLarge ends a connection on which a packet above the limit arrives that is
// no message.
var errTooLarge = errors.New("packet is too large")

// Packet numbers from ownIDs on are the lane's. paho counts its own up from 1
// and needs one for each subscription call, that is one for a connection.
const ownIDs = 1 << 10

// First bytes of MQTT packets.
const (
	packetPublish = 3 << 4
	packetPuback  = 4 << 4
)

// MQTT's bounds of a topic and of what follows a packet's length.
const (
	maxTopic     = 1<<16 - 1
	maxRemaining = 1<<28 - 1
)

// checkPublish says why a message does not fit into a packet.
func checkPublish(topic string, qos byte, payload []byte) error {
	switch {
	case qos > 1:
		return fmt.Errorf("publish to %q: quality of service is %d, at most 1 is spoken here", topic, qos)
	case topic == "" || len(topic) > maxTopic:
		return fmt.Errorf("publish: a topic has %d bytes, 1 to %d are allowed", len(topic), maxTopic)
	case len(payload) > maxRemaining-maxTopic-4:
		return fmt.Errorf("publish to %q: %d bytes are more than a packet holds", topic, len(payload))
	}
	return nil
}

// appendPublish appends a PUBLISH packet; id counts from QoS 1 on.
func appendPublish(out []byte, topic string, qos byte, retain bool, id uint16, payload []byte) []byte {
	n := 2 + len(topic) + len(payload)
	first := byte(packetPublish) | qos<<1
	if qos > 0 {
		n += 2
	}
	if retain {
		first |= 1
	}
	out = binary.AppendUvarint(append(out, first), uint64(n)) // MQTT's remaining length has the same form
	out = binary.BigEndian.AppendUint16(out, uint16(len(topic)))
	out = append(out, topic...)
	if qos > 0 {
		out = binary.BigEndian.AppendUint16(out, id)
	}
	return append(out, payload...)
}

// appendPuback appends the acknowledgement of a message that came in.
func appendPuback(out []byte, id uint16) []byte {
	return append(out, packetPuback, 2, byte(id>>8), byte(id))
}

// sifter divides what the broker sends: the lane's PUBACKs are taken out, messages
// above max are passed over, all other bytes are passed on as they are. It refuses
// other packets above max, whose length paho would believe.
type sifter struct {
	max  int
	body int               // bytes to come of a packet that is passed on
	head [5]byte           // first bytes of a packet whose fate is not settled
	n    int               // how many of them
	over *oversize         // a message that is passed over, nil if none is
	told func(o *oversize) // is told of each when it is over; nil: nobody is
}

// sift appends to pass what is not the lane's and to acks the numbers that are.
func (s *sifter) sift(b, pass []byte, acks []uint16) ([]byte, []uint16, error) {
	for len(b) > 0 {
		if s.body > 0 {
			n := min(s.body, len(b))
			pass, b, s.body = append(pass, b[:n]...), b[n:], s.body-n
			continue
		}
		if s.over != nil {
			if b = s.over.take(b); s.over.left == 0 {
				if s.told != nil {
					s.told(s.over)
				}
				s.over = nil
			}
			continue
		}
		s.head[s.n], b = b[0], b[1:]
		s.n++
		whole, err := s.look()
		if err != nil {
			return pass, acks, err
		}
		if !whole {
			continue
		}
		if id := binary.BigEndian.Uint16(s.head[2:]); s.puback() && id >= ownIDs {
			acks = append(acks, id)
		} else if s.over == nil {
			pass = append(pass, s.head[:s.n]...)
		}
		s.n = 0
	}
	return pass, acks, nil
}

// puback reports whether what was seen is the beginning of a PUBACK.
func (s *sifter) puback() bool { return s.n >= 2 && s.head[0] == packetPuback && s.head[1] == 2 }

// look reports whether enough was seen to settle a packet's fate, and then how
// much of it is to come: a type byte, the remaining length in one to four bytes
// of seven bits, then that many bytes.
func (s *sifter) look() (settled bool, err error) {
	if s.puback() {
		return s.n == 4, nil
	}
	if s.n < 2 || s.head[s.n-1] >= 0x80 && s.n < len(s.head) {
		return false, nil
	}
	size := 0
	for i := range s.n - 1 {
		size |= int(s.head[1+i]&0x7f) << (7 * i)
	}
	if size > s.max && s.head[s.n-1] < 0x80 && s.head[0]&0xf0 == packetPublish {
		s.over = begin(s.head[0], size)
		return true, nil
	}
	if size > s.max || s.head[s.n-1] >= 0x80 {
		return false, fmt.Errorf("read packet: %w, at most %d bytes are allowed", errTooLarge, s.max)
	}
	s.body = size
	return true, nil
}
