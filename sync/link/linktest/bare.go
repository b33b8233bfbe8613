// Package linktest measures what a broker and paho can do at all, so that what
// we build on them can be compared with it in the same run.
package linktest

import (
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// Bare publishes the payloads at QoS 1 with bare paho to the broker at addr
// (host:port), at most window of them without PUBACK, while a subscriber takes
// them, and gives the time to the last PUBACK.
func Bare(tb testing.TB, addr string, window int, payloads [][]byte) time.Duration {
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
	if t := sub.Subscribe("bare/+", 1, func(mqtt.Client, mqtt.Message) {}); t.Wait() && t.Error() != nil {
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
	return time.Since(began)
}
