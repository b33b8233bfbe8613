package link

import (
	"context"
	"errors"
	"sync/atomic"
)

// ErrNotConnected is the error of a message that could not be handed to a
// connection, because there is none.
var ErrNotConnected = errors.New("not connected to the broker")

// ErrLost is the error of a message whose connection ended before the broker
// acknowledged it. The broker may have it all the same.
var ErrLost = errors.New("connection ended before the broker acknowledged")

// lane holds the messages of a connection that wait for a PUBACK, in the order
// of their numbers, which go round from ownIDs to 65,535.
type lane struct {
	ring  []*Token // nil where the PUBACK came before that of an older one
	first int      // index of the oldest
	n     int
	id    int // number of the oldest, less ownIDs
}

// maxOpen is how many messages can wait: there are no more numbers.
const maxOpen = 1<<16 - ownIDs

func (l *lane) full() bool { return l.n == maxOpen }

// add takes a message unless the lane is full, and numbers it.
func (l *lane) add(t *Token) uint16 {
	if l.n == len(l.ring) {
		ring := make([]*Token, max(64, 2*l.n))
		copy(ring[copy(ring, l.ring[l.first:]):], l.ring[:l.first])
		l.ring, l.first = ring, 0
	}
	l.ring[(l.first+l.n)%len(l.ring)] = t
	l.n++
	return uint16(ownIDs + (l.id+l.n-1)%maxOpen)
}

// ack completes a message; what is not waited for is ignored.
func (l *lane) ack(id uint16) {
	if id < ownIDs {
		return
	}
	i := (int(id) - ownIDs - l.id + maxOpen) % maxOpen
	if i >= l.n {
		return
	}
	at := &l.ring[(l.first+i)%len(l.ring)]
	if *at == nil {
		return
	}
	(*at).complete()
	*at = nil
	for l.n > 0 && l.ring[l.first] == nil {
		l.first, l.n, l.id = (l.first+1)%len(l.ring), l.n-1, (l.id+1)%maxOpen
	}
}

// Token is the fate of one published message.
type Token struct {
	acked atomic.Bool
	conn  *guarded      // nil: the message was never taken
	done  chan struct{} // closed when acked; made for whoever has to wait, under conn.mu
	err   error         // why it was never taken
}

// complete notes the acknowledgement; it is called under conn.mu.
func (t *Token) complete() {
	t.acked.Store(true)
	if t.done != nil {
		close(t.done)
	}
}

// Wait returns nil if this very connection brought the broker's acknowledgement
// (at QoS 0: if the message was taken for writing), an error as soon as that
// cannot happen any more, or ctx's error.
func (t *Token) Wait(ctx context.Context) error {
	if t.conn == nil {
		return t.err
	}
	if t.acked.Load() {
		return nil
	}
	select {
	case <-t.conn.completion(t):
		return nil
	case <-t.conn.gone:
		if t.acked.Load() {
			return nil
		}
		return ErrLost
	case <-ctx.Done():
		return ctx.Err()
	}
}
