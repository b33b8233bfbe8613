package printer

// What arrives from a printer, one message at a time.
type message struct {
	kind messageKind
	data [4]byte // statusByte: the first; autoStatus and done: all four
}

type messageKind uint8

const (
	statusByte messageKind = iota + 1 // answer to DLE EOT
	autoStatus                        // ASB
	pauseSending
	resumeSending
	done // answer to GS ( H
)

const (
	xon, xoff              = 0x11, 0x13
	blockHead, blockIsDone = 0x37, 0x22
	maxBlock               = 16 // bytes of a block we bear before we give it up
)

// A receiver tells the printer's messages apart by their fixed bits, whatever
// pieces they come in. Bytes that fit nothing are dropped; an interrupted
// message is given up.
type receiver struct {
	auto  []byte // ASB begun
	block []byte // response block begun, head included
}

// next takes one byte and reports the message it completes.
func (r *receiver) next(b byte) (m message, ok bool) {
	switch {
	case b == xon:
		return message{kind: resumeSending}, true
	case b == xoff:
		return message{kind: pauseSending}, true
	case len(r.block) > 0 && (b == 0 || b >= ' '):
		return r.inBlock(b)
	case b == blockHead:
		r.auto, r.block = nil, append(r.block[:0], b)
	case b&0x93 == 0x12:
		return message{statusByte, [4]byte{b}}, true
	case b&0x93 == 0x10:
		r.auto, r.block = append(r.auto[:0], b), nil
	case b&0x90 == 0 && len(r.auto) > 0:
		r.auto = append(r.auto, b)
		if len(r.auto) == 4 {
			m := message{autoStatus, [4]byte(r.auto)}
			r.auto = nil
			return m, true
		}
	default:
		r.auto, r.block = nil, nil
	}
	return message{}, false
}

// inBlock collects 37, a kind and its data up to 00.
func (r *receiver) inBlock(b byte) (message, bool) {
	if b != 0 {
		r.block = append(r.block, b)
		if len(r.block) > maxBlock {
			r.block = nil
		}
		return message{}, false
	}
	whole := r.block
	r.block = nil
	// Noise may have opened the block: what counts is how it ends. The names of
	// jobs do not contain 22.
	if at := len(whole) - 6; at >= 0 && whole[at] == blockHead && whole[at+1] == blockIsDone {
		return message{done, [4]byte(whole[at+2:])}, true
	}
	return message{}, false
}

// A condition is what the printer has said about itself.
type condition struct {
	offline, coverOpen, paperOut, stopped, nearEnd, cutter, failed bool
}

// answer takes the answer to DLE EOT n (Epson's bits, which others follow).
func (c *condition) answer(n, b byte) {
	switch n {
	case 1:
		c.offline = b&0x08 != 0
	case 2:
		c.coverOpen = b&0x04 != 0
		c.stopped = b&0x20 != 0
	case 3:
		c.cutter = b&0x08 != 0
		c.failed = b&0x64 != 0
	case 4:
		c.nearEnd = b&0x0c != 0
		c.paperOut = b&0x60 != 0
	}
}

// auto takes an automatic status.
func (c *condition) auto(b [4]byte) {
	*c = condition{
		offline:   b[0]&0x08 != 0,
		coverOpen: b[0]&0x20 != 0,
		cutter:    b[1]&0x08 != 0,
		failed:    b[1]&0x64 != 0,
		nearEnd:   b[2]&0x03 != 0,
		paperOut:  b[2]&0x0c != 0,
	}
}

// What a person reads of trouble that a person at the printer mends.
const (
	coverOpen = "cover is open: close it"
	paperOut  = "paper is out: put in a new roll"
	paperLow  = "paper is near its end"
)

// trouble says what keeps the printer from printing and what to do, or "".
func (c condition) trouble() string {
	switch {
	case c.coverOpen:
		return coverOpen
	case c.paperOut || c.stopped:
		return paperOut
	case c.cutter:
		return "cutter is jammed: open the cover, clear it, switch off and on"
	case c.failed:
		return "printer reports an error: switch it off and on, let it cool down"
	case c.offline:
		return "printer is offline: press its FEED or ONLINE button"
	}
	return ""
}
