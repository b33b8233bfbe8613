package firstrun

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"baylight/cmd/internal/task"
	"baylight/kiosk/screen"
)

// lookEvery is how often a broken configuration is read again.
const lookEvery = 2 * time.Second

// Fault serves one page that says what is wrong with a configuration, until
// read finds it mended (nil). Of o it uses Path, Listen, Log and Ready.
func Fault(ctx context.Context, o Options, read func() error) error {
	o.defaults()
	wrong := read()
	if wrong == nil {
		return nil
	}
	l, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return errors.Join(wrong, fmt.Errorf("open %s for the page that says so: %w", o.Listen, err))
	}
	defer l.Close()
	f := &fault{path: o.Path, wrong: wrong}
	web := &task.Web{Name: "fault page", Listener: l, Handler: func(ctx context.Context) *http.Server {
		return server(ctx, guard(hosts(l.Addr()), f.handler()))
	}}
	mended := task.Func("configuration", func(ctx context.Context) error {
		look := time.NewTicker(lookEvery)
		defer look.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-look.C:
			}
			err := read()
			if err == nil {
				return errWritten
			}
			f.set(err)
		}
	})
	if err := task.Run(ctx, o.Log, o.Ready, watched(o.Log, web, mended)...); !errors.Is(err, errWritten) {
		return errors.Join(err, context.Cause(ctx))
	}
	return nil
}

type fault struct {
	path  string
	mu    sync.Mutex
	wrong error
}

func (f *fault) set(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.wrong = err
}

func (f *fault) handler() http.Handler {
	mux := http.NewServeMux()
	serveStyle(mux)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "the configuration is broken", http.StatusServiceUnavailable)
	})
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		wrong := f.wrong.Error()
		f.mu.Unlock()
		show(w, http.StatusServiceUnavailable, "fault.html", &view{Lang: lang(r), Path: f.path, Problems: strings.Split(wrong, "\n"), Refresh: 5})
	})
	return mux
}

// serveStyle serves the style sheets.
func serveStyle(mux *http.ServeMux) {
	mux.HandleFunc("GET /static/app.css", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		w.Write(screen.Style())
	})
	mux.HandleFunc("GET /static/setup.css", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFileFS(w, r, web, "web/setup.css")
	})
}
