package link_test

import (
	"context"
	"testing"
	"time"

	"baylight/sync/broker/brokertest"
	"baylight/sync/link"
)

// BenchmarkDeadLink is how long a link whose other end has died without a word
// lasts, with the constants that a board has: nothing is sent, an event every
// tenth of a second, and events without a pause.
func BenchmarkDeadLink(b *testing.B) {
	const flood = time.Microsecond
	for name, every := range map[string]time.Duration{"idle": 0, "busy": 100 * time.Millisecond, "flood": flood} {
		b.Run(name, func(b *testing.B) {
			var lasted time.Duration
			for b.Loop() {
				lasted += outlive(b, every)
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(lasted.Seconds()/float64(b.N), "s-to-notice")
		})
	}
}

// outlive connects to a broker that dies, and sends a message so often until the
// link has noticed; 0: never.
func outlive(b *testing.B, every time.Duration) time.Duration {
	broker, err := brokertest.Start(brokertest.Faults{Deaf: true})
	if err != nil {
		b.Fatal(err)
	}
	defer broker.Close()
	l, err := link.New(link.Config{Broker: broker.URL(), ClientID: "board"}, nil)
	if err != nil {
		b.Fatal(err)
	}
	l.Handle("x", 1, func(context.Context, link.Message) {})
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	}()
	s, err := l.Next(ctx, 0)
	if err != nil {
		b.Fatal(err)
	}
	dead := time.Now()
	var tick <-chan time.Time // nil: never
	if every > 0 {
		t := time.NewTicker(every)
		defer t.Stop()
		tick = t.C
	}
	message := make([]byte, 700)
	for {
		select {
		case <-s.Over():
			return time.Since(dead)
		case <-tick:
			s.Publish("a", 1, false, message)
		}
	}
}
