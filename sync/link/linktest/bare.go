// Package linktest measures what a broker and paho can do at all, so that what
// we build on them can be compared with it in the same run.
package linktest

import (
	"sync/atomic"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// Bare publishes the payloads at QoS 1 with bare paho to the broker at addr
// (host:port), at most window of them without PUBACK, while a subscriber takes
// them, and gives the time to the last PUBACK, and until the subscriber had all:
// a broker may acknowledge what it has still to pass on.
func Bare(tb testing.TB, addr string, window int, payloads [][]byte) (acked, arrived time.Duration) {
	tb.Helper()
	connect := func(id string) mqtt.Client {
		c := mqtt.NewClient(mqtt.NewClientOptions().AddBroker("tcp://" + addr).SetClientID(id).SetAutoReconnect(false))
		if t := c.Connect(); t.Wait() && t.Error() != nil {
			tb.Fatal(t.Error())
		}
		return c
	}
	sub, pub := connect("bare-sub"), connect("bare-pub")
	defer sub.Disconnect(250)
	defer pub.Disconnect(250)
	var n atomic.Int64
	all := make(chan time.Time, 1)
	if t := sub.Subscribe("bare/+", 1, func(mqtt.Client, mqtt.Message) {
		if n.Add(1) == int64(len(payloads)) {
			all <- time.Now()
		}
	}); t.Wait() && t.Error() != nil {
		tb.Fatal(t.Error())
	}
	began := time.Now()
	open := make(chan mqtt.Token, window)
	for _, p := range payloads {
		if len(open) == window {
			(<-open).Wait()
		}
		open <- pub.Publish("bare/event", 1, false, p)
	}
	close(open)
	for t := range open {
		if t.Wait(); t.Error() != nil {
			tb.Fatal(t.Error())
		}
	}
	acked = time.Since(began)
	select {
	case at := <-all:
		return acked, at.Sub(began)
	case <-time.After(time.Minute):
		tb.Fatalf("of %d messages %d arrived", len(payloads), n.Load())
	}
	return 0, 0
}

// Publish publishes the payloads to a topic at QoS 1 with bare paho, at most
// window of them without PUBACK, and returns after the last PUBACK.
func Publish(tb testing.TB, addr, topic string, window int, payloads [][]byte) {
	tb.Helper()
	pub := mqtt.NewClient(mqtt.NewClientOptions().AddBroker("tcp://" + addr).SetClientID("bare-pub").SetAutoReconnect(false))
	if t := pub.Connect(); t.Wait() && t.Error() != nil {
		tb.Fatal(t.Error())
	}
	defer pub.Disconnect(250)
	open := make(chan mqtt.Token, window)
	for _, p := range payloads {
		if len(open) == window {
			(<-open).Wait()
		}
		open <- pub.Publish(topic, 1, false, p)
	}
	close(open)
	for t := range open {
		if t.Wait(); t.Error() != nil {
			tb.Fatal(t.Error())
		}
	}
}

// Consume gives what comes to a filter to take, which acknowledges, until stop
// is called.
func Consume(tb testing.TB, addr, filter string, take func(payload []byte, ack func())) (stop func()) {
	tb.Helper()
	sub := mqtt.NewClient(mqtt.NewClientOptions().AddBroker("tcp://" + addr).SetClientID("bare-sub").SetAutoReconnect(false).SetAutoAckDisabled(true))
	if t := sub.Connect(); t.Wait() && t.Error() != nil {
		tb.Fatal(t.Error())
	}
	if t := sub.Subscribe(filter, 1, func(_ mqtt.Client, m mqtt.Message) { take(m.Payload(), m.Ack) }); t.Wait() && t.Error() != nil {
		tb.Fatal(t.Error())
	}
	return func() { sub.Disconnect(250) }
}

// Arrival subscribes to a filter and gives the time from the first to the last
// of n messages.
func Arrival(tb testing.TB, addr, filter string, n int) time.Duration {
	tb.Helper()
	c := mqtt.NewClient(mqtt.NewClientOptions().AddBroker("tcp://" + addr).SetClientID("arrival").SetAutoReconnect(false))
	if t := c.Connect(); t.Wait() && t.Error() != nil {
		tb.Fatal(t.Error())
	}
	defer c.Disconnect(250)
	var first time.Time
	all, seen := make(chan time.Duration, 1), 0
	if t := c.Subscribe(filter, 1, func(mqtt.Client, mqtt.Message) {
		if seen++; seen == 1 {
			first = time.Now()
		}
		if seen == n {
			all <- time.Since(first)
		}
	}); t.Wait() && t.Error() != nil {
		tb.Fatal(t.Error())
	}
	select {
	case d := <-all:
		return d
	case <-time.After(time.Minute):
		tb.Fatalf("not all of %d messages of %s arrived within a minute", n, filter)
		return 0
	}
}
