package backoffice

import (
	"context"
	"sync"
)

// Bounds of what waits to be committed, and of one transaction.
const (
	maxQueued     = 8 << 20 // bytes
	maxBatch      = 1000    // messages
	maxBatchBytes = 4 << 20
)

// Message is one message from the broker. Ack, if not nil, is called once the
// message is committed.
type Message struct {
	Topic   string
	Payload []byte
	Ack     func()
}

// queue holds messages until the next transaction. It is bounded in bytes;
// whoever puts more waits.
type queue struct {
	mu    sync.Mutex
	items []*parsed
	bytes int
	some  chan struct{} // capacity 1: there are items
	room  chan struct{} // capacity 1: there may be room
}

func newQueue() *queue { return &queue{some: make(chan struct{}, 1), room: make(chan struct{}, 1)} }

func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items)
}

// put waits for room and adds m.
func (q *queue) put(ctx context.Context, m *parsed) error {
	size := len(m.Payload) + len(m.Topic)
	for {
		q.mu.Lock()
		if len(q.items) == 0 || q.bytes+size <= maxQueued {
			q.items = append(q.items, m)
			q.bytes += size
			q.mu.Unlock()
			poke(q.some)
			poke(q.room) // another may fit too
			return nil
		}
		q.mu.Unlock()
		select {
		case <-q.room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// take waits for messages and gives as many as make one transaction.
func (q *queue) take(ctx context.Context) ([]*parsed, error) {
	for {
		q.mu.Lock()
		if n, size := q.batch(); n > 0 {
			out := q.items[:n:n]
			if q.items = q.items[n:]; len(q.items) == 0 {
				q.items = nil
			}
			q.bytes -= size
			left := len(q.items)
			q.mu.Unlock()
			poke(q.room)
			if left > 0 {
				poke(q.some)
			}
			return out, nil
		}
		q.mu.Unlock()
		select {
		case <-q.some:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// batch is how many of the items make one transaction, and their size.
func (q *queue) batch() (n, size int) {
	for _, m := range q.items {
		more := len(m.Payload) + len(m.Topic)
		if n == maxBatch || n > 0 && size+more > maxBatchBytes {
			break
		}
		n, size = n+1, size+more
	}
	return n, size
}
