package rig

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// Process is a program of the store that runs.
type Process struct {
	name string
	log  string
	cmd  *exec.Cmd
	done chan struct{}
	err  error // read after done
}

// Start starts a program; what it writes goes to DIR/NAME.log.
func (s *Shop) Start(name string, files []*os.File, program string, args ...string) (*Process, error) {
	p := &Process{name: name, log: filepath.Join(s.Dir, name+".log"), cmd: exec.Command(program, args...), done: make(chan struct{})}
	out, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	defer out.Close()
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.ExtraFiles = out, out, files
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// stopWithin is how long an orderly stop may take.
const stopWithin = 15 * time.Second

// Stop ends it in order and waits. An end with an error is one.
func (p *Process) Stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may be gone already
	select {
	case <-p.done:
	case <-time.After(stopWithin):
		p.Kill()
		return fmt.Errorf("%s did not stop within %v%s", p.name, stopWithin, p.Tail())
	}
	if p.err != nil {
		return fmt.Errorf("%s ended: %w%s", p.name, p.err, p.Tail())
	}
	return nil
}

// Kill ends it by SIGKILL and waits.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // it may be gone already
	<-p.done
}

// readyWithin bounds a start.
const readyWithin = 60 * time.Second

// Await asks until ready says so.
func (p *Process) Await(ctx context.Context, ready func(context.Context) bool) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ready(ctx) {
		select {
		case <-tick.C:
		case <-p.done:
			return fmt.Errorf("%s has ended: %w%s", p.name, errors.Join(p.err, io.ErrUnexpectedEOF), p.Tail())
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w%s", p.name, context.Cause(ctx), p.Tail())
		}
	}
	return nil
}

// Tail is the end of its log, for an error message.
func (p *Process) Tail() string {
	b, err := os.ReadFile(p.log)
	if err != nil || len(b) == 0 {
		return ""
	}
	return "\n" + string(b[max(0, len(b)-3000):])
}
