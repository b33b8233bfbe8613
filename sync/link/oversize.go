package link

// maxNamed is how much of an oversized message's topic is kept, to say whose it was.
const maxNamed = 200

// oversize is a message above the limit that is passed over while it comes in. To
// end the connection instead would end each one after it, too: what is retained
// comes again with every subscription.
type oversize struct {
	size  int // bytes after the packet's length
	qos   byte
	left  int // bytes to come
	seen  int // bytes of topic and packet number that were looked at
	named int // bytes of the topic
	topic []byte
	id    uint16
}

// begin starts to pass a message over.
func begin(first byte, size int) *oversize {
	return &oversize{size: size, left: size, qos: first >> 1 & 3}
}

// take takes what is the message's off b, and gives the rest.
func (o *oversize) take(b []byte) []byte {
	mine := b[:min(o.left, len(b))]
	o.left -= len(mine)
	for _, c := range mine {
		switch at := o.seen - 2; {
		case at < 0:
			o.named = o.named<<8 | int(c)
		case at < o.named:
			if len(o.topic) < maxNamed {
				o.topic = append(o.topic, c)
			}
		case at < o.named+2 && o.qos > 0:
			o.id = o.id<<8 | uint16(c)
		default:
			return b[len(mine):]
		}
		o.seen++
	}
	return b[len(mine):]
}

// due says whether the broker waits for its acknowledgement.
func (o *oversize) due() bool { return o.qos == 1 && o.id != 0 }
