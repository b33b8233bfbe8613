package link_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"baylight/sync/link"
	"baylight/sync/link/linktest"
)

// TestThousandsDoNotHideTheOne: a broker that bounds its queue drops what stands
// behind thousands of retained messages, as Mosquitto does by default; what one
// topic says comes before them.
func TestThousandsDoNotHideTheOne(t *testing.T) {
	m := linktest.StartMosquitto(t, "max_queued_messages 100\nmax_inflight_messages 20")
	open := func(id string, handle func(*link.Link)) (s *link.Session, stop func()) {
		l, err := link.New(link.Config{Broker: "mqtt://" + m.Addr, ClientID: id}, nil)
		if err != nil {
			t.Fatal(err)
		}
		handle(l)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- l.Run(ctx) }()
		if s, err = l.Next(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		return s, func() {
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	}
	s, stop := open("office", func(*link.Link) {})
	for n := range 2000 {
		if err := s.Publish(fmt.Sprintf("shop/visits/%d", n), 1, true, []byte("open")).Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Publish("shop/office", 1, true, []byte("ready")).Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	stop()
	for range 5 { // a map has another order every time
		heard := make(chan struct{})
		_, stop := open("board", func(l *link.Link) {
			l.Handle("shop/visits/+", 1, func(context.Context, link.Message) {})
			for n := range 10 {
				l.Handle(fmt.Sprintf("shop/of-no-use/%d", n), 1, func(context.Context, link.Message) {})
			}
			l.Handle("shop/office", 1, func(context.Context, link.Message) { close(heard) })
		})
		select {
		case <-heard:
		case <-time.After(10 * time.Second):
			t.Error("the office is not heard")
		}
		stop()
	}
}
