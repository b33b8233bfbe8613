package link

import (
	"context"
	"errors"
	"fmt"
	"sync"
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

	mu       sync.Mutex // held by whoever publishes
	outgoing chan packet
	handed   chan mqtt.Token // the answer to outgoing
}

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
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.conn.gone:
		return &Token{err: ErrNotConnected}
	default:
	}
	select {
	case s.outgoing <- packet{topic, qos, retain, payload}:
	case <-s.conn.gone:
		return &Token{err: ErrNotConnected}
	}
	select {
	case t := <-s.handed:
		return s.token(t)
	case <-s.conn.gone:
		return &Token{err: ErrLost}
	}
}

// token makes sure that a token ends: paho may have cleared its table before
// it entered this one.
func (s *Session) token(t mqtt.Token) *Token {
	select {
	case <-s.conn.gone:
		select {
		case <-t.Done():
		default:
			return &Token{err: ErrLost}
		}
	default:
	}
	return &Token{t: t, gone: s.conn.gone}
}

type packet struct {
	topic   string
	qos     byte
	retain  bool
	payload []byte
}

// send calls paho's Publish, which notices only after WriteTimeout that its
// connection is gone, so that nobody else has to wait for it. Behind a message
// that paho gave up none is sent: what comes on a connection has no holes.
func (s *Session) send() {
	for {
		select {
		case p := <-s.outgoing:
			t := s.client.Publish(p.topic, p.qos, p.retain, p.payload)
			refused := failed(t)
			if refused {
				s.Drop()
			}
			select {
			case s.handed <- t:
			case <-s.conn.gone:
				return
			}
			if refused {
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
	t    mqtt.Token
	gone <-chan struct{}
	err  error // set if the message was never handed over
}

// Wait returns nil if this very connection brought the broker's acknowledgement
// (at QoS 0: if the message was written), an error as soon as that cannot
// happen any more, or ctx's error.
func (t *Token) Wait(ctx context.Context) error {
	if t.t == nil {
		return t.err
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
	case <-ctx.Done():
		return ctx.Err()
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
