package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"
)

// wired joins a client to a server by a wire on which the kernel writes too.
func wired(t *testing.T, handle func(Request) Response) (c *Client, kernel io.Writer, noise func() []string) {
	t.Helper()
	inside, outside := net.Pipe()
	var mu sync.Mutex
	var said []string
	served := make(chan error, 1)
	c = NewClient(outside, func(line string) {
		mu.Lock()
		defer mu.Unlock()
		if line != "" {
			said = append(said, line)
		}
	})
	go func() { served <- Serve(inside, "a board", handle) }()
	t.Cleanup(func() {
		c.Close()
		inside.Close()
		<-served
	})
	return c, inside, func() []string { mu.Lock(); defer mu.Unlock(); return slices.Clone(said) }
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestAskAndAnswer(t *testing.T) {
	c, kernel, noise := wired(t, func(q Request) Response {
		if q.Do == Get {
			return Response{Code: 200, Out: "<" + q.URL + ">"}
		}
		return Response{Err: fmt.Sprintf("no %s here", q.Do), Took: 3}
	})
	hello, err := c.Await(within(t))
	if err != nil || hello != "a board" {
		t.Fatalf("hello was %q, %v", hello, err)
	}
	// half a line of the kernel's right before an answer does not spoil it
	if _, err := kernel.Write([]byte("[ 1.0] usb 1-1: new device\r\n[ 2.0] usb 1-1: cut o")); err != nil {
		t.Fatal(err)
	}
	a, err := c.Do(within(t), Request{Do: Get, URL: "x"})
	if err != nil || a.Code != 200 || a.Out != "<x>" {
		t.Errorf("got %+v, %v", a, err)
	}
	if got, want := noise(), []string{"[ 1.0] usb 1-1: new device", "[ 2.0] usb 1-1: cut o"}; !slices.Equal(got, want) {
		t.Errorf("noise was %q, want %q", got, want)
	}
	a, err = c.Do(within(t), Request{Do: Hold})
	if err == nil || err.Error() != "hold in the guest: no hold here" || a.Took != 3 {
		t.Errorf("got %+v, %v, want the guest's own error", a, err)
	}
}

// An answer that comes after its question was given up is not taken for that
// of the next one.
func TestLateAnswer(t *testing.T) {
	asked, release := make(chan struct{}), make(chan struct{})
	c, _, _ := wired(t, func(q Request) Response {
		if q.Do == Run {
			close(asked)
			<-release
		}
		return Response{Out: q.Do}
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-asked
		cancel()
	}()
	if _, err := c.Do(ctx, Request{Do: Run}); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want canceled", err)
	}
	close(release)
	a, err := c.Do(within(t), Request{Do: Log})
	if err != nil || a.Out != Log {
		t.Errorf("got %+v, %v, want the answer to log", a, err)
	}
}

func TestGone(t *testing.T) {
	inside, outside := net.Pipe()
	c := NewClient(outside, nil)
	inside.Close()
	if _, err := c.Await(within(t)); !errors.Is(err, ErrGone) {
		t.Errorf("got %v, want %v", err, ErrGone)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}
