package main

import (
	"context"
	"errors"
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

// daemonLog is where the daemon writes.
const daemonLog = "/run/daemon.log"

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

// run runs a program to its end; that it fails is no error.
func run(ctx context.Context, user uint32, args []string) (string, int, error) {
	if len(args) == 0 {
		return "", 0, errors.New("no program named")
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user}}
	out, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return tail(out), code(exit.ProcessState), ctx.Err()
	}
	return tail(out), 0, err
}

func tail(b []byte) string { return string(b[max(0, len(b)-agent.MaxOutput):]) }

// code is a process's exit code, or less than 0 for the signal that ended it.
func code(s *os.ProcessState) int {
	if ws, ok := s.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return -int(ws.Signal())
	}
	return s.ExitCode()
}

func (w *worker) start(args []string) (pid int, err error) {
	if w.daemon != nil {
		return 0, errors.New("one runs already")
	}
	if len(args) == 0 {
		return 0, errors.New("no program named")
	}
	f, err := os.OpenFile(daemonLog, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = f, f
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	ended := make(chan struct{})
	w.daemon, w.ended = cmd, ended
	go func() {
		defer close(ended)
		cmd.Wait() // the state is read from ProcessState
	}()
	return cmd.Process.Pid, nil
}

func (w *worker) signal(ctx context.Context, s syscall.Signal) (int, error) {
	if w.daemon == nil {
		return 0, errors.New("none runs")
	}
	if err := w.daemon.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return 0, err
	}
	select {
	case <-w.ended:
		c := code(w.daemon.ProcessState)
		w.daemon = nil
		return c, nil
	case <-ctx.Done():
		return 0, fmt.Errorf("the daemon still runs: %w", ctx.Err())
	}
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
