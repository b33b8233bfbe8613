package link

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"time"
)

// Config says where the broker is and how to behave towards it.
type Config struct {
	// Broker is mqtt://host:port, or mqtts://host:port for TLS. The port may be
	// left out (1883, 8883).
	Broker string
	// ClientID names the client to the broker: 1 to 64 characters. A broker
	// ends the older of two connections with one id.
	ClientID string
	// Credentials gives user name and password, read afresh for every
	// connection; nil: none are sent.
	Credentials func() (user, password string, err error)
	// TLS gives the settings of an mqtts connection, made afresh for every
	// connection so that a renewed certificate is taken up; nil: the system's roots.
	TLS func() (*tls.Config, error)
	// Presence is what the client says about its own connection; nil: nothing.
	Presence *Presence
	// QoS0 subscribes at QoS 0, whatever Handle is told: the broker sends each message
	// once and waits for no acknowledgement. For brokers to which a subscription at
	// QoS 1 is costly, as NATS makes it a replicated log of its own.
	QoS0 bool
	// Renew is how long a connection lasts at most, half of it at least; the first one
	// after a lost one a hundredth to a fiftieth of it, the next two each four times as long as
	// the one before. Then it is left without a word and
	// made again: what is retained comes again, and who publishes says everything
	// again. For clusters of brokers that acknowledge and do not retain, and deliver
	// nothing that is retained, while they find a new leader. 0: it lasts.
	Renew time.Duration
	// FirstSession numbers the first connection of this Run; each later one
	// counts one up. It should lie above all numbers used before; 0 means 1.
	FirstSession uint64

	Min, Max       time.Duration // bounds of the reconnect ceiling; 1 s and 2 min if 0
	ConnectTimeout time.Duration // for dialling, handshake, subscriptions and birth each; 10 s if 0
	WriteTimeout   time.Duration // for one write; 2 s if 0
	KeepAlive      time.Duration // whole seconds; 5 s if 0
	PingTimeout    time.Duration // for the answer to a ping; 2 s if 0
	MaxPacket      int           // bytes of the largest packet that is passed on; 1 MiB if 0
}

// Presence is a retained connection state on one topic, at QoS 1. Each function
// makes the payload for the connection of the given number.
type Presence struct {
	Topic string
	Birth func(session uint64) []byte // published when the connection stands
	Lost  func(session uint64) []byte // the will: published by the broker when the connection breaks
	Bye   func(session uint64) []byte // published before leaving on purpose
}

// complete checks c and fills in what is left out.
func (c *Config) complete() (secure bool, addr string, err error) {
	u, err := url.Parse(c.Broker)
	if err != nil {
		return false, "", fmt.Errorf("read broker address: %w", err)
	}
	port := "1883"
	switch u.Scheme {
	case "mqtt":
	case "mqtts":
		secure, port = true, "8883"
	default:
		return false, "", fmt.Errorf("read broker address: %q is not mqtt://host:port or mqtts://host:port", c.Broker)
	}
	if u.Hostname() == "" || u.User != nil || (u.Path != "" && u.Path != "/") || u.RawQuery != "" {
		return false, "", fmt.Errorf("read broker address: %q is more or less than %s://host:port", u.Redacted(), u.Scheme)
	}
	if u.Port() != "" {
		port = u.Port()
	}
	if len(c.ClientID) == 0 || len(c.ClientID) > 64 {
		return false, "", fmt.Errorf("read client id: %q has not 1 to 64 characters", c.ClientID)
	}
	if p := c.Presence; p != nil && (p.Topic == "" || p.Birth == nil || p.Lost == nil || p.Bye == nil) {
		return false, "", fmt.Errorf("read presence: topic, birth, lost or bye is missing")
	}
	def(&c.FirstSession, 1)
	def(&c.Min, time.Second)
	def(&c.Max, 2*time.Minute)
	def(&c.ConnectTimeout, 10*time.Second)
	def(&c.WriteTimeout, 2*time.Second)
	def(&c.KeepAlive, 5*time.Second)
	def(&c.PingTimeout, 2*time.Second)
	def(&c.MaxPacket, 1<<20)
	if c.Min > c.Max || c.Min < 0 || c.KeepAlive < time.Second {
		return false, "", fmt.Errorf("read timing: min %v, max %v, keep-alive %v; min must not exceed max, keep-alive is at least 1s", c.Min, c.Max, c.KeepAlive)
	}
	return secure, net.JoinHostPort(u.Hostname(), port), nil
}

func def[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// look is how often paho looks whether it is time to ask the broker for a sign
// of life.
func (c *Config) look() time.Duration {
	if c.KeepAlive > 10*time.Second {
		return 5 * time.Second
	}
	return c.KeepAlive / 4
}

// silence is how long a living broker says nothing at most.
func (c *Config) silence() time.Duration { return c.KeepAlive + c.look() + c.PingTimeout }
