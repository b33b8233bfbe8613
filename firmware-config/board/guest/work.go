package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"baylight/firmware-config/board/agent"
)

// worker does what the judge asks for.
type worker struct {
	links  *links
	daemon *exec.Cmd // nil: none runs
	ended  chan struct{}
	held   interface{ Halt() error }
}

// handle does one request.
func (w *worker) handle(q agent.Request) (a agent.Response) {
	within := 30 * time.Second
	if q.Within > 0 {
		within = time.Duration(q.Within) * time.Millisecond
	}
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	began := time.Now()
	err := w.do(ctx, q, &a)
	if err != nil {
		a.Err = err.Error()
	}
	a.Took = int(time.Since(began).Milliseconds())
	return a
}

func (w *worker) do(ctx context.Context, q agent.Request, a *agent.Response) (err error) {
	switch q.Do {
	case agent.Write:
		if err = os.MkdirAll(filepath.Dir(q.Path), 0o755); err == nil {
			err = os.WriteFile(q.Path, []byte(q.Text), 0o644)
		}
	case agent.Read:
		var b []byte
		b, err = os.ReadFile(q.Path)
		a.Out = tail(b)
	case agent.Run:
		a.Out, a.Code, err = run(ctx, q.User, q.Args)
	case agent.Start:
		a.Code, err = w.start(q.Args)
	case agent.Signal:
		a.Code, err = w.signal(ctx, syscall.Signal(q.Signal))
	case agent.Get:
		a.Out, a.Code, err = get(ctx, q.URL)
	case agent.Journal:
		a.Events, err = events(q.Path, q.Source)
	case agent.Check:
		a.Events, err = check(ctx, q.Path)
	case agent.Rows:
		a.Out, err = rows(ctx, q.Path)
	case agent.Size:
		a.Out, err = size(ctx, q.Path)
	case agent.Clock:
		a.Out = time.Now().Format(time.RFC3339Nano)
		if q.Text != "" {
			err = setClock(q.Text)
		}
	case agent.Mount:
		err = mount(q.Path, q.Text)
	case agent.Hold:
		err = w.hold(q.Path)
	case agent.Release:
		err = w.release()
	case agent.Links:
		a.Out = w.links.String()
	case agent.Log:
		a.Out, err = logs()
	case agent.PowerOff:
		powerOff()
	default:
		err = fmt.Errorf("%q is nothing that can be asked", q.Do)
	}
	return err
}

// hello says what kernel and what devices there are.
func hello() (string, error) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "", err
	}
	ttys, _ := filepath.Glob("/dev/tty[AUS]*") // the patterns are well formed
	chips, _ := filepath.Glob("/dev/gpiochip[0-9]*")
	model, _ := os.ReadFile("/proc/device-tree/model") // absent on other boards
	return fmt.Sprintf("%s, Linux %s %s, %s", strings.Trim(string(model), "\x00"), unix.ByteSliceToString(u.Release[:]),
		unix.ByteSliceToString(u.Machine[:]), strings.Join(append(ttys, chips...), " ")), nil
}

func get(ctx context.Context, url string) (string, int, error) {
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", 0, err
	}
	res, err := http.DefaultClient.Do(q)
	if err != nil {
		return "", 0, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, agent.MaxOutput))
	return string(b), res.StatusCode, err
}
