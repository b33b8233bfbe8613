package task_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"

	"baylight/cmd/internal/task"
)

// part is a task that is ready, and fails, when told.
type part struct {
	name  string
	ready chan struct{}
	fail  chan error
	ended bool
}

func newPart(name string) *part {
	return &part{name: name, ready: make(chan struct{}), fail: make(chan error)}
}

func (p *part) Run(ctx context.Context) error {
	defer func() { p.ended = true }()
	select {
	case err := <-p.fail:
		return err
	case <-ctx.Done():
		return nil
	}
}
func (p *part) Ready() <-chan struct{} { return p.ready }
func (p *part) String() string         { return p.name }

func run(ctx context.Context, ready func(), parts ...task.Task) <-chan error {
	done := make(chan error, 1)
	go func() { done <- task.Run(ctx, slog.New(slog.DiscardHandler), ready, parts...) }()
	return done
}

func TestReadyWhenAllAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newPart("a"), newPart("b")
		ctx, cancel := context.WithCancel(t.Context())
		times := 0
		done := run(ctx, func() { times++ }, a, b)
		close(b.ready)
		if synctest.Wait(); times != 0 {
			t.Error("ready before a was")
		}
		close(a.ready)
		if synctest.Wait(); times != 1 {
			t.Errorf("ready was told %d times", times)
		}
		cancel()
		if err := <-done; err != nil || !a.ended || !b.ended {
			t.Errorf("the end of the context: %v, a ended %v, b ended %v", err, a.ended, b.ended)
		}
	})
}

func TestOneFailureEndsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newPart("a"), newPart("b")
		told := false
		done := run(t.Context(), func() { told = true }, a, b)
		broken := errors.New("the wire is cut")
		b.fail <- broken
		err := <-done
		if !errors.Is(err, broken) || !strings.HasPrefix(err.Error(), "b: ") || !a.ended || told {
			t.Errorf("%v; a ended %v, ready told %v", err, a.ended, told)
		}
	})
}

// A request under way when the daemon ends is finished.
func TestWebFinishesRequests(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	began, finish := make(chan struct{}), make(chan struct{})
	w := &task.Web{Name: "pages", Listener: l, Handler: func(context.Context) *http.Server {
		return &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			close(began)
			<-finish
			io.WriteString(w, "done")
		})}
	}}
	ctx, cancel := context.WithCancel(t.Context())
	done := run(ctx, nil, w)
	answer := make(chan string, 1)
	go func() {
		res, err := http.Get("http://" + l.Addr().String())
		if err != nil {
			answer <- err.Error()
			return
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body) // a short read is no "done"
		answer <- string(b)
	}()
	<-began
	cancel()
	close(finish)
	if got := <-answer; got != "done" {
		t.Errorf("the request under way was answered %q", got)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("tcp", l.Addr().String()); err == nil {
		t.Error("the listener is still open")
	}
}

// A handler that outlasts the pause is waited for: what it uses may be closed afterwards.
func TestWebWaitsForHandlers(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	began, ended := make(chan struct{}), false
	w := &task.Web{Name: "pages", Listener: l, Handler: func(context.Context) *http.Server {
		return &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			close(began)
			<-r.Context().Done() // its connection has ended
			for range 1000 {
				runtime.Gosched()
			}
			ended = true
		})}
	}}
	ctx, cancel := context.WithCancel(t.Context())
	done := run(ctx, nil, w)
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	<-began
	cancel()
	if err := <-done; err != nil || !ended {
		t.Errorf("Run ended with %v, its handler had ended: %v", err, ended)
	}
}

func TestReport(t *testing.T) {
	var b bytes.Buffer
	if !task.Report(&b, nil) || b.String() != "all is well\n" {
		t.Errorf("nothing found is reported as %q", b.String())
	}
	b.Reset()
	if task.Report(&b, []error{errors.New("one"), errors.New("two")}) || b.String() != "one\ntwo\n" {
		t.Errorf("two findings are reported as %q", b.String())
	}
}
