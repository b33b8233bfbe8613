// Package task runs the long-running parts of a daemon together: all are
// started, readiness is told once every one of them is ready, and when one
// fails or the context ends, all end and are waited for.
package task

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Task is a part of a daemon that runs until its context ends. Ready is closed
// when others may rely on it.
type Task interface {
	Run(ctx context.Context) error
	Ready() <-chan struct{}
	String() string
}

// Run runs tasks until ctx ends or one fails. ready, if set, is called once when
// all are ready.
func Run(ctx context.Context, log *slog.Logger, ready func(), tasks ...Task) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, t := range tasks {
		g.Go(func() error {
			if err := t.Run(ctx); err != nil {
				return fmt.Errorf("%s: %w", t, err)
			}
			return nil
		})
	}
	g.Go(func() error {
		for _, t := range tasks {
			select {
			case <-t.Ready():
			case <-ctx.Done():
				return nil
			}
		}
		log.Info("ready", "parts", len(tasks))
		if ready != nil {
			ready()
		}
		return nil
	})
	return g.Wait()
}

// Func is a Task made of a function that is ready at once.
func Func(name string, f func(ctx context.Context) error) Task {
	return &funcTask{name: name, run: f, ready: closed()}
}

type funcTask struct {
	name  string
	run   func(ctx context.Context) error
	ready chan struct{}
}

func (t *funcTask) Run(ctx context.Context) error { return t.run(ctx) }
func (t *funcTask) Ready() <-chan struct{}        { return t.ready }
func (t *funcTask) String() string                { return t.name }

func closed() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

// Web serves pages on a listener that is already open: a port that is taken is
// said at the start, not by a task that dies. It keeps to the limits of [Bound].
type Web struct {
	Name     string
	Listener net.Listener
	Bounded  bool                                   // the listener has limits of its own
	Handler  func(ctx context.Context) *http.Server // streams end with ctx
	Log      *slog.Logger                           // nil discards
}

// Server is an HTTP server with limits for heads, bodies and pauses. A handler that
// takes longer bodies moves the limit as long as they move.
func Server(ctx context.Context, h http.Handler) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 16 << 10, BaseContext: func(net.Listener) context.Context { return ctx }}
}

// Run serves until ctx ends, then lets requests finish for a moment. When it
// returns no handler runs any more, and what they use may be closed, unless one did
// not end though its connection had.
func (w *Web) Run(ctx context.Context) error {
	srv := w.Handler(ctx)
	var g gate
	srv.Handler = g.before(srv.Handler)
	done := make(chan error, 1)
	l := w.Listener
	if !w.Bounded {
		l = Bound(l, w.Log)
	}
	go func() { done <- srv.Serve(l) }()
	select {
	case err := <-done:
		return fmt.Errorf("serve %s: %w", w.Listener.Addr(), err)
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if err := srv.Shutdown(end); err != nil {
		srv.Close()
	}
	if err := <-done; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	select {
	case <-g.shut():
	case <-time.After(outlasts):
		if w.Log != nil {
			w.Log.Warn("a request is still being answered", "server", w.Name)
		}
	}
	return nil
}

// outlasts is how long a handler may take to see that its connection has ended.
const outlasts = 5 * time.Second

// gate knows whether handlers run, and lets none in once it is shut.
type gate struct {
	running sync.RWMutex // read: by each handler
	closed  bool
}

func (g *gate) before(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.running.RLock()
		defer g.running.RUnlock()
		if !g.closed {
			h.ServeHTTP(w, r)
		}
	})
}

// shut gives a channel that is closed when the last handler has ended.
func (g *gate) shut() <-chan struct{} {
	ended := make(chan struct{})
	go func() {
		g.running.Lock()
		defer g.running.Unlock()
		g.closed = true
		close(ended)
	}()
	return ended
}

// Ready is closed from the start: the listener takes connections already.
func (w *Web) Ready() <-chan struct{} { return closed() }

func (w *Web) String() string { return w.Name }
