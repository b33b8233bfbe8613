package link

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// byeTimeout bounds the leave-taking, so that a daemon stops quickly: half of it was
// too little on a machine with much else to do, and who left in order was called lost.
const (
	byeTimeout = 2 * time.Second
	byeMs      = uint(byeTimeout / time.Millisecond)
)

// connect makes one connection: dial, CONNECT, subscriptions, birth.
func (l *Link) connect(ctx context.Context, number uint64, box *inbox) (*Session, error) {
	raw, err := l.dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", l.addr, err)
	}
	s := &Session{number: number, conn: guard(raw, l.cfg.WriteTimeout, l.cfg.silence(), l.cfg.MaxPacket), joined: make(chan struct{})}
	s.conn.over = func(topic string, size int) {
		l.log.Warn("a message is too large and was passed over", "broker", l.addr, "topic", topic, "bytes", size, "at_most", l.cfg.MaxPacket)
	}
	opts, err := l.options(s)
	if err != nil {
		_ = s.conn.Close()
		return nil, err
	}
	s.client = mqtt.NewClient(opts)
	t := s.client.Connect()
	if err := l.await(ctx, t); err != nil {
		_ = s.conn.Close()
		if <-t.Done(); t.Error() == nil { // connected while we gave up
			s.client.Disconnect(byeMs)
		}
		return nil, fmt.Errorf("connect to %s as %q: %w", l.addr, l.cfg.ClientID, err)
	}
	if err := l.subscribe(ctx, s, box); err != nil {
		s.close(nil)
		return nil, fmt.Errorf("subscribe at %s: %w", l.addr, err)
	}
	if p := l.cfg.Presence; p != nil {
		s.Publish(p.Topic, 1, true, p.Birth(number))
	}
	return s, nil
}

// dial opens the socket, with TLS where it is asked for. Go sets TCP_NODELAY
// on every TCP connection it opens.
func (l *Link) dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, l.cfg.ConnectTimeout)
	defer cancel()
	if !l.secure {
		return new(net.Dialer).DialContext(ctx, "tcp", l.addr)
	}
	cfg := &tls.Config{}
	if l.cfg.TLS != nil {
		var err error
		if cfg, err = l.cfg.TLS(); err != nil {
			return nil, fmt.Errorf("read TLS settings: %w", err)
		}
	}
	return (&tls.Dialer{Config: cfg}).DialContext(ctx, "tcp", l.addr)
}

// options are paho's for one connection; see the package comment.
func (l *Link) options(s *Session) (*mqtt.ClientOptions, error) {
	o := mqtt.NewClientOptions().AddBroker("tcp://" + l.addr).SetClientID(l.cfg.ClientID)
	o.SetAutoReconnect(false).SetConnectRetry(false).SetCleanSession(true)
	o.SetStore(noStore{}).SetProtocolVersion(4).SetOrderMatters(true).SetAutoAckDisabled(true)
	o.SetConnectTimeout(l.cfg.ConnectTimeout).SetWriteTimeout(l.cfg.WriteTimeout)
	o.SetKeepAlive(l.cfg.KeepAlive).SetPingTimeout(never)
	o.SetCustomOpenConnectionFn(func(*url.URL, mqtt.ClientOptions) (net.Conn, error) { return s.conn, nil })
	o.SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) { s.ack(m) })
	o.SetConnectionLostHandler(func(_ mqtt.Client, err error) {
		s.cause = err
		close(s.joined)
	})
	if l.cfg.Credentials != nil {
		user, password, err := l.cfg.Credentials()
		if err != nil {
			return nil, fmt.Errorf("read broker credentials: %w", err)
		}
		o.SetUsername(user).SetPassword(password)
	}
	if p := l.cfg.Presence; p != nil {
		o.SetBinaryWill(p.Topic, p.Lost(s.number), 1, true)
	}
	return o, nil
}

// subscribe routes and subscribes all filters.
func (l *Link) subscribe(ctx context.Context, s *Session, box *inbox) (err error) {
	for filter, r := range l.routes {
		s.client.AddRoute(filter, func(_ mqtt.Client, m mqtt.Message) {
			ack := sync.OnceFunc(func() { s.ack(m) })
			box.push(item{r, Message{Session: s.number, Topic: m.Topic(), Payload: m.Payload(), Retained: m.Retained(), ack: ack}}, s.conn.gone)
		})
	}
	s.refused, err = l.ask(ctx, s, l.asked())
	for _, filter := range s.refused {
		l.log.Warn("broker refuses a subscription, trying on", "broker", l.addr, "filter", filter)
	}
	return err
}

// asked are the filters in the order in which they are subscribed: those with
// wildcards last. What is retained under one may be thousands of messages, and a
// broker that bounds its queue, as Mosquitto does at 1,000, drops what it would
// send after them; then a board would not hear that its office is there.
func (l *Link) asked() []string {
	out := slices.Clone(l.order)
	slices.SortStableFunc(out, func(a, b string) int { return cmp.Compare(wildcards(a), wildcards(b)) })
	return out
}

func wildcards(filter string) int {
	return min(1, strings.Count(filter, "+")+strings.Count(filter, "#"))
}

// ask subscribes filters, each with a packet of its own so that their order is
// kept, and gives those that the broker refused.
func (l *Link) ask(ctx context.Context, s *Session, filters []string) (refused []string, err error) {
	tokens := make([]mqtt.Token, len(filters))
	for i, filter := range filters {
		qos := l.routes[filter].qos
		if l.cfg.QoS0 {
			qos = 0
		}
		tokens[i] = s.client.Subscribe(filter, qos, nil)
	}
	for i, t := range tokens {
		if err := l.await(ctx, t); err != nil {
			return nil, err
		}
		if st, ok := t.(*mqtt.SubscribeToken); ok && st.Result()[filters[i]] > 2 {
			refused = append(refused, filters[i])
		}
	}
	return refused, nil
}

// mostAsked is how many filters a session asks for again: some eight hours of one. It
// keeps paho's packet numbers, of which each takes one, below the lane's.
const mostAsked = 512

// insist asks for refused subscriptions until the broker grants them or the
// session ends: a cluster that has just lost a node refuses what it grants a
// moment later, and who is deaf to receipts would not know.
func (l *Link) insist(ctx context.Context, s *Session) {
	for tries, asked := 0, 0; len(s.refused) > 0 && asked < mostAsked; tries++ {
		t := time.NewTimer(jitter(ceiling(tries, l.cfg.Min, l.cfg.Max), rand.Int64N))
		select {
		case <-t.C:
		case <-s.Over():
			t.Stop()
			return
		case <-ctx.Done():
			t.Stop()
			return
		}
		asked += len(s.refused)
		still, err := l.ask(ctx, s, s.refused)
		if err != nil {
			continue
		}
		for _, filter := range s.refused {
			if !slices.Contains(still, filter) {
				l.log.Info("broker grants a subscription that it refused", "broker", l.addr, "filter", filter)
			}
		}
		s.refused = still
	}
}

// ack acknowledges a message past paho: it costs three goroutines there. At
// QoS 0 there is nothing to say, and 2 was not subscribed.
func (s *Session) ack(m mqtt.Message) {
	if m.Qos() == 1 {
		s.conn.puback(m.MessageID())
	}
}

// await waits for one of paho's tokens, for ConnectTimeout at most.
func (l *Link) await(ctx context.Context, t mqtt.Token) error {
	timer := time.NewTimer(l.cfg.ConnectTimeout)
	defer timer.Stop()
	select {
	case <-t.Done():
		return t.Error()
	case <-timer.C:
		return fmt.Errorf("no answer within %v", l.cfg.ConnectTimeout)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// close takes leave of the broker and ends the connection. If the leave is not
// acknowledged, no DISCONNECT is sent either: then the broker publishes the will.
func (s *Session) close(p *Presence) {
	if p != nil {
		ctx, cancel := context.WithTimeout(context.Background(), byeTimeout)
		defer cancel()
		if err := s.Publish(p.Topic, 1, true, p.Bye(s.number)).Wait(ctx); err != nil {
			_ = s.conn.Close()
		}
	}
	s.client.Disconnect(byeMs)
	_ = s.conn.Close()
}
