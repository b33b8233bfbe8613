package firstrun

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"baylight/cmd/internal/task"
	"baylight/device/lamp"
	"baylight/device/printer"
	"baylight/kiosk/staff"
	"baylight/kiosk/words"
)

// DefaultListen is where the pages are, as those of a kiosk that was told nothing else.
const DefaultListen = "127.0.0.1:8080"

// Options say where the pages are and what they work on.
type Options struct {
	Path    string    // of the configuration to be written
	Listen  string    // host:port; DefaultListen if empty
	Root    string    // where devices are looked for; "" is "/"
	Console io.Writer // where the one-time code is told
	Log     *slog.Logger
	Pins    lamp.Opener // nil: this machine's
	Data    string      // data folder to be written into the configuration; "": the usual one
	Socket  string      // likewise
	Ready   func()      // called once the pages are there

	Hosts  []string      // further names by which a page of faults may be asked for
	Every  time.Duration // how often is looked whether a fault is gone; 0: two seconds
	Beside []task.Task   // what runs beside a page of faults
}

func (o *Options) defaults() {
	if o.Listen == "" {
		o.Listen = DefaultListen
	}
	if o.Every == 0 {
		o.Every = lookEvery
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Console == nil {
		o.Console = io.Discard
	}
}

// setup is one first run.
type setup struct {
	o        Options
	name     string // of the configuration file
	code     string
	hosts    []string
	machine  Machine
	sessions *staff.Sessions
	limits   *staff.Limits
	trial    *trial
	done     chan struct{} // closed when the written configuration shall be run
	finish   func()

	mu      sync.Mutex
	draft   *Draft
	written bool
}

// Run serves the first run's pages until a configuration is written and its
// author says that the kiosk shall start with it. Error: the address is taken,
// ctx has ended, or what the server said.
func Run(ctx context.Context, o Options) error {
	o.defaults()
	l, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return fmt.Errorf("open %s for the set-up pages: %w", o.Listen, err)
	}
	defer l.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := newSetup(ctx, o, l.Addr())
	s.tell(l.Addr().String())
	web := &task.Web{Name: "set-up pages", Listener: l, Log: o.Log, Handler: func(ctx context.Context) *http.Server { return server(ctx, s.handler()) }}
	ended := task.Func("written", func(ctx context.Context) error {
		select {
		case <-s.done:
			select { // the last page comes with its style
			case <-time.After(time.Second):
			case <-ctx.Done():
			}
			return errWritten
		case <-ctx.Done():
			return nil
		}
	})
	err = task.Run(ctx, o.Log, o.Ready, watched(o.Log, web, ended)...)
	cancel()
	s.trial.close()
	if errors.Is(err, errWritten) {
		return nil
	}
	return errors.Join(err, context.Cause(ctx))
}

// watched adds the watchdog, if systemd asks for one. Pages that wait for a
// person are all the progress there is.
func watched(log *slog.Logger, tasks ...task.Task) []task.Task {
	if dog, ok := task.Watchdog(log, func(context.Context) error { return nil }); ok {
		tasks = append(tasks, dog)
	}
	return tasks
}

// errWritten ends the pages.
var errWritten = errors.New("the configuration is written")

func newSetup(ctx context.Context, o Options, at net.Addr) *setup {
	done := make(chan struct{})
	s := &setup{
		o: o, name: filepath.Base(o.Path), code: rand.Text()[:8], hosts: hosts(at), machine: Look(o.Root),
		sessions: staff.NewSessions(time.Now), limits: staff.NewLimits(time.Now), trial: newTrial(ctx, o.Log, o.Pins),
		done: done, finish: sync.OnceFunc(func() { close(done) }),
	}
	s.draft = NewDraft(s.machine)
	s.draft.Board.Data, s.draft.Board.Socket = o.Data, o.Socket
	return s
}

// tell tells the one-time code on the console, and on paper where a USB printer
// is: what is on a serial line is not known yet, and would take text as it likes.
func (s *setup) tell(address string) {
	address = "http://" + address + "/"
	fmt.Fprintf(s.o.Console, "\n%s\n%s\n\n    %s\n    %s  %s\n\n",
		words.Text(words.ZH, "setup.console"), words.Text(words.EN, "setup.console"), address, words.Text(words.ZH, "setup.code"), s.code)
	for _, path := range s.machine.Printers {
		s.trial.wg.Go(func() {
			usb := func(c printer.Config) *printer.Printer { return printer.NewUSB(path, c) }
			if _, err := s.trial.paper(usb, 58, drawCode(s.code, address)); err != nil {
				s.o.Log.Warn("the one-time code is not on paper", "printer", path, "error", err)
			}
		})
	}
}

// enter checks the one-time code. Each wrong one is counted against all who try.
func (s *setup) enter(code string) (token string, wait time.Duration, ok bool) {
	const everybody = "code"
	if wait = s.limits.Take(everybody); wait > 0 {
		return "", wait, false
	}
	if subtle.ConstantTimeCompare([]byte(code), []byte(s.code)) != 1 {
		return "", 0, false
	}
	s.limits.Forgive(everybody)
	token, _ = s.sessions.Start("setup")
	return token, 0, true
}

// hosts are the names besides loopback by which the pages may be asked for: the
// machine's own addresses, if the pages listen on more than loopback. Addresses
// cannot be pointed here by somebody else's name server.
func hosts(at net.Addr) (list []string) {
	tcp, ok := at.(*net.TCPAddr)
	if !ok || tcp.IP.IsLoopback() {
		return nil
	}
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok {
			list = append(list, n.IP.String())
		}
	}
	return list
}

// server bounds connections as those of a kiosk.
func server(ctx context.Context, h http.Handler) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: time.Minute,
		IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10, BaseContext: func(net.Listener) context.Context { return ctx }}
}
