package scanner

import (
	"bytes"
	"fmt"
	"time"
)

// Zebra's Simple Serial Interface: bytes and opcodes of its programmer's guide.
const (
	ssiHeader   = 4 // length, opcode, source, status
	ssiChecksum = 2
	ssiHost     = 0x04 // message source; the scanner's is 00

	ssiRetransmit = 0x01 // status: sent again
	ssiContinues  = 0x02 // status: more packets of this message follow

	ssiAck    = 0xD0
	ssiNak    = 0xD1
	ssiData   = 0xF3 // DECODE_DATA: a code type and text
	ssiBeep   = 0xE6
	ssiResend = 0x01 // cause of a NAK: checksum

	ssiGoodBeep = 0x00 // one short high
	ssiBadBeep  = 0x12 // four long low
)

// ssiOpcodes are what a scanner sends; anything else is no packet.
var ssiOpcodes = []byte{ssiAck, ssiNak, ssiData, 0xF6, 0xF5, 0xA4, 0xA6, 0xB0, 0xB1, 0xB4, 0xC6, 0xD4}

// ssiTypes are code types that have a name of ours.
var ssiTypes = map[byte]string{
	0x01: "code39", 0x02: "codabar", 0x03: "code128", 0x06: "itf", 0x07: "code93", 0x08: "ean", 0x09: "ean",
	0x0A: "ean", 0x0B: "ean", 0x0F: "code128", 0x11: "pdf417", 0x13: "code39", 0x1B: "datamatrix", 0x1C: "qr",
	0x2D: "aztec",
}

// ssiPacket makes a packet to the scanner.
func ssiPacket(opcode byte, data ...byte) []byte {
	p := append([]byte{byte(ssiHeader + len(data)), opcode, ssiHost, 0}, data...)
	sum := ssiSum(p)
	return append(p, byte(sum>>8), byte(sum))
}

// ssiSum is the two's complement of the sum of all bytes.
func ssiSum(p []byte) uint16 {
	var sum uint16
	for _, b := range p {
		sum -= uint16(b)
	}
	return sum
}

// packets cuts SSI packets out of a byte stream, joins those of one message and
// collects what is to be answered. What is no packet is passed over a byte at a
// time, so that a whole packet behind noise is found. Noise is reported once the
// wire has been silent for a second without a message, which is the time a
// scanner has to send again what it was refused.
type packets struct {
	buf     []byte // at most one packet not yet whole
	noise   []byte // passed over since the last message, at most MaxRaw
	broken  bool   // part of it looked like a packet: ask for it again
	text    []byte // of a message not yet whole
	kind    byte
	open    bool
	tooLong bool
	last    []byte // the packet taken last, for recognising it when sent again
	replies []byte
	quiet   time.Duration
}

func (s *packets) feed(p []byte, emit func(Scan)) {
	s.quiet = 0
	for len(p) > 0 { // in bites, so that buf stays below two packets
		n := min(len(p), 256)
		s.buf, p = append(s.buf, p[:n]...), p[n:]
		s.cut(false, emit)
	}
	s.refuse()
}

// cut takes whole packets off the front of buf. Unless it is final, a packet
// that may still become whole stays.
func (s *packets) cut(final bool, emit func(Scan)) {
	for len(s.buf) > 0 {
		n, whole := ssiLength(s.buf)
		switch {
		case n > 0 && whole && ssiSum(s.buf[:n-ssiChecksum]) == uint16(s.buf[n-2])<<8|uint16(s.buf[n-1]):
			s.take(s.buf[:n-ssiChecksum], emit)
			s.buf = append(s.buf[:0], s.buf[n:]...)
		case n > 0 && !whole && !final:
			return
		default:
			s.broken = s.broken || n > 0 && len(s.buf) > 2
			if len(s.noise) < MaxRaw {
				s.noise = append(s.noise, s.buf[0])
			}
			s.buf = append(s.buf[:0], s.buf[1:]...)
		}
	}
}

// ssiLength gives the length of the packet that p begins with, checksum
// included; 0 if it begins with none.
func ssiLength(p []byte) (n int, whole bool) {
	if p[0] < ssiHeader ||
		len(p) > 1 && bytes.IndexByte(ssiOpcodes, p[1]) < 0 ||
		len(p) > 2 && p[2] != 0 {
		return 0, false
	}
	n = int(p[0]) + ssiChecksum
	return n, len(p) >= n
}

func (s *packets) take(p []byte, emit func(Scan)) {
	opcode, status, data := p[1], p[3], p[ssiHeader:]
	if opcode == ssiAck || opcode == ssiNak {
		return // answers to our beeps
	}
	s.broken = false
	s.replies = append(s.replies, ssiPacket(ssiAck)...)
	same := len(p) == len(s.last) && bytes.Equal(p[:3], s.last[:3]) && bytes.Equal(data, s.last[ssiHeader:])
	if status&ssiRetransmit != 0 && same {
		return // our ACK was lost
	}
	s.last = append(s.last[:0], p...)
	if opcode != ssiData || len(data) == 0 {
		return
	}
	kind := data[0]
	switch {
	case !s.open:
		s.kind, s.text, s.tooLong, s.open = kind, append(s.text[:0], data[1:]...), false, true
	case kind == s.kind && kind < ' ': // some models repeat the type, which is no text
		s.join(data[1:])
	default:
		s.join(data)
	}
	if status&ssiContinues == 0 {
		s.finish(emit)
	}
}

func (s *packets) join(p []byte) {
	if len(s.text)+len(p) > MaxFrame {
		s.tooLong = true
		return
	}
	s.text = append(s.text, p...)
}

// finish gives a message.
func (s *packets) finish(emit func(Scan)) {
	s.open, s.noise = false, s.noise[:0]
	text := bytes.TrimRight(s.text, "\r\n\t") // a suffix configured on top
	if s.tooLong {
		emit(malformed(text, fmt.Sprintf("message longer than %d bytes", MaxFrame)))
		return
	}
	if len(text) == 0 {
		return
	}
	scan := parse(text)
	if scan.Symbology == "" {
		if scan.Symbology = ssiTypes[s.kind]; scan.Symbology == "" {
			scan.Symbology = fmt.Sprintf("ssi:%02x", s.kind)
		}
	}
	emit(scan)
}

// refuse asks for a broken packet again, once.
func (s *packets) refuse() {
	if s.broken {
		s.replies = append(s.replies, ssiPacket(ssiNak, ssiResend)...)
		s.broken = false
	}
}

func (s *packets) silent(gap time.Duration, emit func(Scan)) {
	s.quiet = min(s.quiet+gap, staleTime)
	s.cut(true, emit)
	s.refuse()
	if s.quiet < staleTime {
		return
	}
	if s.open {
		s.open = false
		emit(malformed(s.text, "message left without its last packet"))
	}
	if len(s.noise) > 0 {
		emit(malformed(s.noise, "bytes that are no packet"))
		s.noise = s.noise[:0]
	}
}
