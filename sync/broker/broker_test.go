package broker_test

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"baylight/sync/broker"
	"baylight/sync/link"
)

func TestLoopbackOnly(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", ":0", "192.0.2.1:1883", "example.org:1", "127.0.0.1"} {
		if b, err := broker.Start(broker.Config{Addr: addr}); err == nil {
			b.Close()
			t.Errorf("a broker that lets everybody in listens on %s", addr)
		}
	}
}

// dial connects one client and returns the topics of the messages it gets.
func dial(t *testing.T, url, filter string) (*link.Session, <-chan string) {
	t.Helper()
	l, err := link.New(link.Config{Broker: url, ClientID: strings.ReplaceAll(t.Name()+filter, "/", "-")[:20]}, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 16)
	l.Handle(filter, 1, func(_ context.Context, m link.Message) { got <- m.Topic })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	s, err := l.Next(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	return s, got
}

func TestRestartForgetsEverything(t *testing.T) {
	seen := make(chan string, 16)
	b, err := broker.Start(broker.Config{Observe: func(_, topic string, _ []byte) { seen <- topic }})
	if err != nil {
		t.Fatal(err)
	}
	s, _ := dial(t, b.URL(), "none/one")
	if err := s.Publish("kept/1", 1, true, []byte("x")).Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if topic := <-seen; topic != "kept/1" {
		t.Errorf("observed %s", topic)
	}
	_, got := dial(t, b.URL(), "kept/+")
	if topic := <-got; topic != "kept/1" {
		t.Errorf("got %s", topic)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := broker.Start(broker.Config{Addr: b.Addr()})
	if err != nil {
		t.Fatalf("restart at the same address: %v", err)
	}
	defer again.Close()
	s, got = dial(t, again.URL(), "kept/#")
	// The broker answers in order: a retained message would stand before this one.
	if err := s.Publish("kept/2", 1, false, []byte("x")).Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if topic := <-got; topic != "kept/2" {
		t.Errorf("after the restart %s is still there", topic)
	}
}

// A client that comes back while the broker still tidies up after it gets what
// it subscribed to.
func TestSuccessorKeepsItsSubscriptions(t *testing.T) {
	b, err := broker.Start(broker.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	ended := make(chan error, 300)
	for range cap(ended) {
		ctx, cancel := context.WithCancel(t.Context())
		l, err := link.New(link.Config{Broker: b.URL(), ClientID: "same"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		got := make(chan string, 1)
		l.Handle("to/same", 1, func(_ context.Context, m link.Message) { got <- m.Topic })
		go func() { ended <- l.Run(ctx) }()
		s, err := l.Next(ctx, 0)
		if err != nil {
			t.Fatal(err)
		}
		s.Publish("to/same", 1, false, []byte("x"))
		select {
		case <-got:
		case <-s.Over():
			t.Fatal("the connection ended")
		case <-time.After(20 * time.Second):
			t.Fatal("the broker has forgotten the subscription")
		}
		cancel() // the next one does not wait for the end of this one
	}
	for range cap(ended) {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// Messages are retained and wills left while others subscribe to all of them.
// It is the race detector that judges.
func TestRetainedWhileOthersSubscribe(t *testing.T) {
	b, err := broker.Start(broker.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	var all sync.WaitGroup
	for i := range 8 {
		id := strconv.Itoa(i)
		all.Go(func() {
			for range 40 {
				ctx, cancel := context.WithCancel(t.Context())
				l, err := link.New(link.Config{Broker: b.URL(), ClientID: id, Presence: presence("state/" + id)}, nil)
				if err != nil {
					t.Error(err)
				}
				got := make(chan struct{}, 256)
				l.Handle("state/+", 1, func(context.Context, link.Message) { got <- struct{}{} })
				ended := make(chan error, 1)
				go func() { ended <- l.Run(ctx) }()
				if s, err := l.Next(ctx, 0); err != nil {
					t.Error(err)
				} else if err := s.Publish("state/"+id+"x", 1, true, []byte("x")).Wait(ctx); err != nil {
					t.Error(err)
				}
				<-got // at least what it said itself
				cancel()
				if err := <-ended; err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

func presence(topic string) *link.Presence {
	say := func(uint64) []byte { return []byte("here") }
	return &link.Presence{Topic: topic, Birth: say, Lost: say, Bye: say}
}
