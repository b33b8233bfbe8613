package link

import (
	"context"
	"sync/atomic"
)

// Bounds of what waits for handlers. They exceed what a broker sends without
// acknowledgement (MQTT brokers allow 20 to 1,024 messages), so that reading
// stops only under attack.
const (
	inboxMessages = 2048
	inboxBytes    = 8 << 20
)

// inbox hands messages from paho's goroutine to ours: publishing inside paho's
// handler can deadlock.
type inbox struct {
	ctx   context.Context
	items chan item
	bytes atomic.Int64
	freed chan struct{} // one signal after bytes went down
}

type item struct {
	route route
	msg   Message
}

func newInbox(ctx context.Context) *inbox {
	return &inbox{ctx: ctx, items: make(chan item, inboxMessages), freed: make(chan struct{}, 1)}
}

// push waits for room. It gives up, dropping the message unacknowledged, when
// the connection or the Link ends. Only one goroutine pushes at a time.
func (b *inbox) push(it item, gone <-chan struct{}) {
	for b.bytes.Load() > inboxBytes {
		select {
		case <-b.freed:
		case <-gone:
			return
		case <-b.ctx.Done():
			return
		}
	}
	b.bytes.Add(int64(len(it.msg.Payload)))
	select {
	case b.items <- it:
	case <-gone:
		b.bytes.Add(-int64(len(it.msg.Payload)))
	case <-b.ctx.Done():
	}
}

// dispatch calls handlers until the Link ends.
func (b *inbox) dispatch() {
	for {
		select {
		case <-b.ctx.Done():
			return
		case it := <-b.items:
			it.route.fn(b.ctx, it.msg)
			if !it.route.manual {
				it.msg.Ack()
			}
			b.bytes.Add(-int64(len(it.msg.Payload)))
			select {
			case b.freed <- struct{}{}:
			default:
			}
		}
	}
}
