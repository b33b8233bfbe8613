package sim

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// broker routes: what boards send goes to the office, receipts and the office's
// state go to the boards. It keeps nothing but what is retained.
type broker struct {
	w        *world
	up       bool
	retained map[string][]byte
	clients  map[string]*conn
	messages int
}

// conn is one connection. What is on its way on it is lost with it.
type conn struct {
	b        *broker
	client   string
	takes    func(topic string) bool // its subscriptions
	message  func(topic string, payload []byte, retained bool)
	gone     func() // its client noticed that it ended
	will     func() (topic string, payload []byte)
	open     bool
	mute     bool
	dead     bool // half-open: nothing arrives, nobody knows
	out, in  time.Duration
	overtake map[string]time.Duration
}

func newBroker(w *world) *broker {
	return &broker{w: w, up: true, retained: map[string][]byte{}, clients: map[string]*conn{}}
}

// connect opens a connection, unless the broker is down. Another of the same
// client is cut.
func (b *broker) connect(c *conn) bool {
	if !b.up {
		return false
	}
	if old := b.clients[c.client]; old != nil {
		b.w.say("%s takes over its own connection", c.client)
		old.end(true)
	}
	c.b, c.open, c.mute = b, true, b.w.strikes(BrokerMute, 0.2)
	if c.mute {
		b.w.fault(BrokerMute, "nothing of %s is acknowledged", c.client)
	}
	c.out, c.in = b.w.now, b.w.now
	b.clients[c.client] = c
	for _, topic := range slices.Sorted(maps.Keys(b.retained)) {
		if c.takes(topic) {
			c.deliver(topic, b.retained[topic], true)
		}
	}
	return true
}

// latency is a draw of how long a packet takes.
func (b *broker) latency() time.Duration { return b.w.between(0, b.w.plan.latency) }

// publish sends a message to the broker; acked is called when its PUBACK is here.
func (c *conn) publish(topic string, retain bool, payload []byte, acked func()) {
	w := c.b.w
	c.out = max(c.out, w.now+c.b.latency())
	w.after(c.out-w.now, func() {
		if !c.open || c.dead || !c.b.up {
			return
		}
		c.b.take(topic, retain, payload)
		if c.mute || acked == nil {
			return
		}
		c.in = max(c.in, w.now+c.b.latency())
		w.after(c.in-w.now, func() {
			if c.open && !c.dead {
				acked()
			}
		})
	})
}

// take routes one message.
func (b *broker) take(topic string, retain bool, payload []byte) {
	b.messages++
	b.w.happened(topic, payload, 0)
	if b.w.strikes(BrokerDrops, 0.1) && !retain {
		b.w.fault(BrokerDrops, "%s", topic)
		return
	}
	if retain {
		b.retained[topic] = payload
	}
	times := 1
	if b.w.strikes(BrokerDoubles, 0.2) {
		b.w.fault(BrokerDoubles, "%s", topic)
		times = 2
	}
	for _, id := range slices.Sorted(maps.Keys(b.clients)) {
		if c := b.clients[id]; c.takes(topic) {
			for range times {
				c.deliver(topic, payload, false)
			}
		}
	}
}

// deliver brings a message to a client: in order, or in order of its topic only.
func (c *conn) deliver(topic string, payload []byte, retained bool) {
	w := c.b.w
	at := max(c.in, w.now+c.b.latency())
	if !retained && w.strikes(BrokerReorders, 0.3) {
		w.res.Faults[BrokerReorders]++
		if c.overtake == nil {
			c.overtake = map[string]time.Duration{}
		}
		at = max(c.overtake[topic], w.now+w.between(0, 3*time.Second))
	} else {
		at = max(at, c.overtake[topic])
		c.in = at
	}
	if c.overtake != nil {
		c.overtake[topic] = at
	}
	w.after(at-w.now, func() {
		if c.open && !c.dead {
			c.message(topic, payload, retained)
		}
	})
}

// end closes a connection; its client notices, now or (half-open) later.
func (c *conn) end(notice bool) {
	if !c.open {
		return
	}
	c.open = false
	if c.b.clients[c.client] == c {
		delete(c.b.clients, c.client)
	}
	if notice {
		c.b.w.after(0, c.gone)
	}
	if c.will != nil && c.b.up {
		topic, payload := c.will()
		if w := c.b.w; w.strikes(WillLate, 0.5) {
			w.fault(WillLate, "of %s", c.client)
			w.after(w.between(0, 10*time.Second), func() { c.b.publishWill(topic, payload) })
			return
		}
		// Before any other connection of the same client is accepted.
		c.b.publishWill(topic, payload)
	}
}

func (b *broker) publishWill(topic string, payload []byte) {
	if b.up {
		b.take(topic, true, payload)
	}
}

// leave ends a connection whose client is no more.
func (c *conn) leave() {
	if c != nil {
		c.end(false)
	}
}

// cutOne breaks a connection at random.
func (b *broker) cutOne(f Fault) {
	ids := slices.Sorted(maps.Keys(b.clients))
	if len(ids) == 0 {
		return
	}
	c := b.clients[ids[b.w.rng.IntN(len(ids))]]
	b.w.fault(f, "%s", c.client)
	if f == LinkCut {
		c.end(true)
		return
	}
	c.dead = true
	b.w.after(b.w.between(2*time.Second, 10*time.Second), func() { c.end(true) })
}

// crash ends all connections; some time later the broker is there again.
func (b *broker) crash(f Fault) {
	if !b.up {
		return
	}
	b.w.fault(f, "%d connections", len(b.clients))
	b.up = false
	for _, id := range slices.Sorted(maps.Keys(b.clients)) {
		b.clients[id].end(true)
	}
	if f == BrokerForgets {
		clear(b.retained)
	}
	b.w.after(b.w.between(time.Second, 3*time.Minute), b.start)
}

func (b *broker) start() {
	if !b.up {
		b.w.say("the broker is there again")
		b.up = true
	}
}

// isEvent says whether a topic is one that the office subscribes.
func isEvent(topic string) bool {
	return strings.Contains(topic, "/event/") || strings.HasSuffix(topic, "/person") || strings.HasSuffix(topic, "/conn")
}
