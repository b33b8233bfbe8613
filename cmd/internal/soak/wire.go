package main

import (
	"errors"
	"fmt"
	"sync"

	"baylight/cmd/internal/rig"
	"baylight/kiosk"
)

// window is how many events may be on their way without a receipt: what a
// reconnection may have to send again.
const window = 8192

// wire counts what the board publishes.
type wire struct {
	mu          sync.Mutex
	sent        map[string]bool // ids
	newest      uint64          // highest sequence so far
	connections map[int]*sent
	gone        bool // the back office is away
	missed      int  // events sent meanwhile
	total       int
	err         error
}

// sent is what one connection has sent.
type sent struct {
	events, again int
}

func newWire() *wire { return &wire{sent: map[string]bool{}, connections: map[int]*sent{}} }

// away is told when the back office goes and when it is back.
func (w *wire) away(gone bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gone = gone
}

// see gets every message that is published.
func (w *wire) see(connection int, _ string, payload []byte) {
	e, err := kiosk.Decode(payload)
	if err != nil || e.Source != rig.Source() {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.connections[connection]
	if c == nil {
		c = &sent{}
		w.connections[connection] = c
	}
	w.total++
	c.events++
	if w.gone {
		w.missed++
	}
	if w.sent[e.ID()] {
		c.again++
	}
	w.sent[e.ID()] = true
	if e.Seq > w.newest+1 && w.err == nil {
		w.err = fmt.Errorf("%w: out of order: event %d was sent when the newest so far was %d", errWrong, e.Seq, w.newest)
	}
	w.newest = max(w.newest, e.Seq)
	if c.again > window+w.missed {
		w.err = fmt.Errorf("%w: connection %d has sent %d events again", errWrong, connection, c.again)
	}
}

// errWrong says that something demanded does not hold.
var errWrong = errors.New("wrong")

// bounded says whether too much was sent again: in any one connection, and in all.
func (w *wire) bounded() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if most := window*len(w.connections) + w.missed; w.total-len(w.sent) > most {
		return fmt.Errorf("%w: %d events were sent again, at most %d are allowed", errWrong, w.total-len(w.sent), most)
	}
	return w.err
}

func (w *wire) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	most := 0
	for _, c := range w.connections {
		most = max(most, c.again)
	}
	return fmt.Sprintf("%d events in %d messages over %d connections, at most %d again in one, %d sent while the office was away",
		len(w.sent), w.total, len(w.connections), most, w.missed)
}
