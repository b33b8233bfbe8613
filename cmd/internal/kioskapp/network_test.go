package kioskapp_test

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"baylight/kiosk"
	"baylight/sync/broker"
	"baylight/sync/link"
	"baylight/sync/wire"
)

// listener is a third party on the broker, and an office if it is asked to be one.
type listener struct {
	t      *testing.T
	broker *broker.Broker
	link   *link.Link

	mu       sync.Mutex
	messages []link.Message
	office   bool
	through  uint64 // receipted
	hash     kiosk.Hash
}

// listen starts a broker with a subscriber of everything the store says.
func listen(t *testing.T) *listener {
	t.Helper()
	b, err := broker.Start(broker.Config{})
	must(t, err)
	t.Cleanup(func() { check(t, b.Close()) })
	l := &listener{t: t, broker: b}
	l.link, err = link.New(link.Config{Broker: b.URL(), ClientID: "listener", Min: time.Millisecond, Max: 20 * time.Millisecond}, nil)
	must(t, err)
	l.link.Handle(wire.Prefix+store+"/k1/#", wire.QoS, l.hear)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { check(t, l.link.Run(ctx)) })
	t.Cleanup(func() { cancel(); running.Wait() })
	soon, end := context.WithTimeout(t.Context(), patience)
	defer end()
	_, err = l.link.Next(soon, 0)
	must(t, err)
	return l
}

func (l *listener) hear(_ context.Context, m link.Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	m.Payload = bytes.Clone(m.Payload)
	l.messages = append(l.messages, m)
	if l.office && strings.Contains(m.Topic, "/k1/event/") {
		l.receipt(m.Payload)
	}
}

// receipt counts an event that continues the sequence and says so.
func (l *listener) receipt(b []byte) {
	e, err := kiosk.Decode(b)
	if err != nil {
		l.t.Errorf("event on the wire: %v", err)
		return
	}
	if e.Seq != l.through+1 {
		return
	}
	l.through, l.hash = e.Seq, kiosk.HashOf(b)
	r, err := wire.Receipt{Ledger: "ledger-1", Term: 1, Epochs: []wire.Epoch{{Epoch: e.Epoch, Through: l.through, Hash: l.hash}}}.Encode()
	check(l.t, err)
	l.link.Publish(wire.Prefix+store+"/k1/receipt", wire.QoS, true, r)
}

// beOffice says on the store's topic that an office is there, and sends receipts from now on.
func (l *listener) beOffice() {
	l.t.Helper()
	l.mu.Lock()
	l.office = true
	l.mu.Unlock()
	b, err := wire.Office{State: wire.Ready, Session: 1, Ledger: "ledger-1"}.Encode()
	must(l.t, err)
	l.link.Publish(wire.Prefix+store+"/office", wire.QoS, true, b)
}

// heard are the payloads on the topics that end or go on as told, in order.
func (l *listener) heard(part string) (out [][]byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range l.messages {
		if strings.HasPrefix(m.Topic, wire.Prefix+store+"/k1/"+part) {
			out = append(out, m.Payload)
		}
	}
	return out
}

// events are the distinct events heard, in the order of their first coming.
func (l *listener) events() (out [][]byte) {
	seen := map[string]bool{}
	for _, b := range l.heard("event/") {
		if !seen[string(b)] {
			seen[string(b)] = true
			out = append(out, b)
		}
	}
	return out
}

// conns are the connection states heard.
func (l *listener) conns() (out []wire.Conn) {
	for _, b := range l.heard("conn") {
		c, err := wire.DecodeConn(b)
		check(l.t, err)
		out = append(out, c)
	}
	return out
}
