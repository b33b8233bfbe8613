package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"baylight/firmware-config/board/agent"
)

// daemonLog is where the daemon writes.
const daemonLog = "/run/daemon.log"

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
