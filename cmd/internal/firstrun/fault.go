package firstrun

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"baylight/cmd/internal/kioskapp"
	"baylight/cmd/internal/task"
	"baylight/kiosk/screen"
	"baylight/kiosk/words"
)

// lookEvery is how often is looked whether what is wrong is mended.
const lookEvery = 2 * time.Second

// Fault serves one page that says what is wrong, with a configuration or (an error
// of kioskapp.Recordable) with the disk, until read finds it mended (nil). Of o it
// uses Path, Listen, Log, Ready, Hosts, Every and Beside.
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
		return server(ctx, guard(append(hosts(l.Addr()), o.Hosts...), f.handler()))
	}}
	mended := task.Func("what is wrong", func(ctx context.Context) error {
		look := time.NewTicker(o.Every)
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
	if err := task.Run(ctx, o.Log, o.Ready, watched(o.Log, append(o.Beside, web, mended)...)...); !errors.Is(err, errWritten) {
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

func (f *fault) get() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.wrong
}

// records is what keeps the kiosk from recording, if that is what is wrong.
func (f *fault) records() (e *kioskapp.RecordsError) {
	errors.As(f.get(), &e)
	return e
}

func (f *fault) handler() http.Handler {
	mux := http.NewServeMux()
	serveStyle(mux)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		text := "the configuration is broken"
		if f.records() != nil {
			text = "nothing can be recorded"
		}
		http.Error(w, text, http.StatusServiceUnavailable)
	})
	// Screens that are open since before listen here; told of another run they load
	// their page anew, and are shown this one.
	mux.HandleFunc("GET /stream", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, "retry: 5000\nevent: change\ndata: {\"run\":\"fault\",\"said\":{}}\n\n")
	})
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		v := &view{Lang: lang(r), Refresh: 5}
		if e := f.records(); e != nil {
			v.Fault, v.Next = words.Say("setup.records"), words.Say(words.Key("setup.records."+e.Cause()), e.Data)
			v.Problems = strings.Split(e.Error(), "\n")
		} else {
			v.Fault, v.Next = words.Say("setup.fault"), words.Say("setup.fault.next", f.path)
			v.Problems = strings.Split(f.get().Error(), "\n")
		}
		show(w, http.StatusServiceUnavailable, "fault.html", v)
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
