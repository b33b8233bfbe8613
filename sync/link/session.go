package link

import mqtt "github.com/eclipse/paho.mqtt.golang"

// Session is one connection, from its birth message to its end.
type Session struct {
	number uint64
	client mqtt.Client
	conn   *guarded
	joined chan struct{} // closed when paho's workers have ended after a loss
	cause  error         // why, valid after joined

	refused []string // filters that the broker does not grant; of the goroutine that asks for them
}

// Number is the session's number; later sessions have higher ones.
func (s *Session) Number() uint64 { return s.number }

// Over is closed when the connection has ended.
func (s *Session) Over() <-chan struct{} { return s.conn.gone }

// Drop ends the connection, as if it had broken; the Link makes a new one.
func (s *Session) Drop() { s.conn.drop(errDropped) }

// Publish hands one message to the connection, at QoS 0 or 1, in the order of
// calls made by one goroutine. It blocks while the socket is full, for
// WriteTimeout at most, and while 64,512 messages wait for acknowledgements. The
// payload is the caller's again when it returns.
func (s *Session) Publish(topic string, qos byte, retain bool, payload []byte) *Token {
	return s.conn.publish(topic, qos, retain, payload)
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
