package link

import (
	"context"
	"errors"
	"fmt"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// ErrNotConnected is the error of a message that could not be handed to a
// connection, because there is none.
var ErrNotConnected = errors.New("not connected to the broker")

// ErrLost is the error of a message whose connection ended before the broker
// acknowledged it. The broker may have it all the same.
var ErrLost = errors.New("connection ended before the broker acknowledged")

// Session is one connection, from its birth message to its end.
type Session struct {
	number uint64
	client mqtt.Client
	conn   *guarded
	joined chan struct{} // closed when paho's workers have ended after a loss
	cause  error         // why, valid after joined

	outgoing chan *Token // room for some, so that publisher and sender need not take turns
}

// ahead is how many messages may wait for the sender.
const ahead = 64

// Number is the session's number; later sessions have higher ones.
func (s *Session) Number() uint64 { return s.number }

// Over is closed when the connection has ended.
func (s *Session) Over() <-chan struct{} { return s.conn.gone }

// Drop ends the connection, as if it had broken; the Link makes a new one.
func (s *Session) Drop() { _ = s.conn.Conn.SetReadDeadline(time.Unix(1, 0)) }

// Publish hands one message to the connection, in the order of calls made by
// one goroutine. It blocks while the socket is full, for WriteTimeout at most.
// The payload must not be changed afterwards.
func (s *Session) Publish(topic string, qos byte, retain bool, payload []byte) *Token {
	select {
	case <-s.conn.gone:
		return &Token{err: ErrNotConnected}
	default:
	}
	t := &Token{topic: topic, qos: qos, retain: retain, payload: payload, handed: make(chan struct{}), gone: s.conn.gone}
	select {
	case s.outgoing <- t:
		return t
	case <-s.conn.gone:
		return &Token{err: ErrNotConnected}
	}
}

// send calls paho's Publish, which notices only after WriteTimeout that its
// connection is gone, so that nobody else has to wait for it. Behind a message
// that paho gave up none is sent: what comes on a connection has no holes.
func (s *Session) send() {
	for {
		select {
		case t := <-s.outgoing:
			t.t = s.client.Publish(t.topic, t.qos, t.retain, t.payload)
			t.payload = nil
			close(t.handed)
			if failed(t.t) {
				s.Drop()
				return
			}
		case <-s.conn.gone:
			return
		}
	}
}

// failed reports that a message will never be sent.
func failed(t mqtt.Token) bool {
	select {
	case <-t.Done():
		return t.Error() != nil
	default:
		return false
	}
}

// Token is the fate of one published message.
type Token struct {
	topic   string
	qos     byte
	retain  bool
	payload []byte
	handed  chan struct{} // closed when the sender has given it to paho; then t is set
	t       mqtt.Token
	gone    <-chan struct{} // closed when the connection has ended
	err     error           // set if the message was never taken
}

// Wait returns nil if this very connection brought the broker's acknowledgement
// (at QoS 0: if the message was written), an error as soon as that cannot
// happen any more, or ctx's error.
func (t *Token) Wait(ctx context.Context) error {
	if t.err != nil {
		return t.err
	}
	select {
	case <-t.handed:
	case <-t.gone:
		return t.last()
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-t.t.Done():
		return t.result()
	default:
	}
	select {
	case <-t.t.Done():
		return t.result()
	case <-t.gone:
		return t.last()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// last is what can be said when the connection has ended. paho may never
// complete a message that it took after it cleared its table.
func (t *Token) last() error {
	select {
	case <-t.handed:
	default:
		return ErrLost
	}
	select {
	case <-t.t.Done():
		return t.result()
	default:
		return ErrLost
	}
}

func (t *Token) result() error {
	if err := t.t.Error(); err != nil {
		return fmt.Errorf("%w: %w", ErrLost, err)
	}
	return nil
}

// Message is one message from the broker.
type Message struct {
	Session  uint64 // number of the connection that brought it
	Topic    string
	Payload  []byte
	Retained bool // it stood on the broker before the subscription
	ack      func()
}

// Ack acknowledges the message to the broker. Only handlers registered with
// HandleAck call it; calling it again, or after the connection ended, does nothing.
func (m Message) Ack() {
	if m.ack != nil {
		m.ack()
	}
}
