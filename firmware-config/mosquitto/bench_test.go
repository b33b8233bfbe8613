package mosquitto

import (
	"testing"
	"time"

	"baylight/sync/link"
	"baylight/sync/link/linktest"
)

// BenchmarkTLS sends the same messages to Mosquitto with a certificate and over
// plain TCP, in turns, and reports how much longer the former takes.
func BenchmarkTLS(b *testing.B) {
	s := newSite(b)
	board := s.enrol("s1", "k1")
	open := linktest.StartMosquitto(b, "")
	safe, _ := s.connect(board, "")
	plain, _ := (&site{t: b, broker: "mqtt://" + open.Addr}).connect(nil, "")
	const messages, window = 10_000, 1_000
	payload := make([]byte, 700)
	send := func(c *client) time.Duration {
		session, err := c.Next(b.Context(), 0)
		if err != nil {
			b.Fatal(err)
		}
		began := time.Now()
		tokens := make([]*link.Token, 0, messages)
		for i := range messages {
			if i >= window {
				if err := tokens[i-window].Wait(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
			tokens = append(tokens, session.Publish("baylight/v1/s1/k1/event/job.started", 1, false, payload))
		}
		for _, t := range tokens[messages-window:] {
			if err := t.Wait(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
		return time.Since(began)
	}
	var with, without time.Duration
	for b.Loop() {
		without += send(plain)
		with += send(safe)
	}
	b.ReportMetric(float64(with)/float64(without), "tls/plain")
	b.ReportMetric(float64(with-without)/float64(b.N*messages), "ns-more/message")
}
