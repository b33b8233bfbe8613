package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
)

// shell is a root shell on the guest's first serial line. It has one goroutine,
// which ends with the line.
type shell struct {
	wire  net.Conn
	lines chan string
	asked int
	last  []string // of what came, for when it goes wrong
}

// lineBacklog bounds what was printed and not yet read.
const lineBacklog = 4096

func newShell(wire net.Conn) *shell {
	s := &shell{wire: wire, lines: make(chan string, lineBacklog)}
	go func() {
		defer close(s.lines)
		in := bufio.NewScanner(wire)
		in.Buffer(nil, 1<<20)
		for in.Scan() {
			s.lines <- strings.TrimRight(in.Text(), "\r")
		}
	}()
	return s
}

// close waits for the goroutine of a line that is closed.
func (s *shell) close() {
	s.wire.Close()
	for range s.lines {
	}
}

// until reads up to a line that contains mark and gives what came before it.
func (s *shell) until(ctx context.Context, mark string) (before []string, found string, err error) {
	for {
		select {
		case line, ok := <-s.lines:
			if !ok {
				return before, "", fmt.Errorf("wait for %q: %w; the last lines:\n%s", mark, io.ErrUnexpectedEOF, strings.Join(s.last, "\n"))
			}
			s.last = append(s.last[max(0, len(s.last)-30):], line)
			if i := strings.Index(line, mark); i >= 0 {
				return before, line[i+len(mark):], nil
			}
			before = append(before, line)
		case <-ctx.Done():
			return before, "", fmt.Errorf("wait for %q: %w; the last lines:\n%s", mark, ctx.Err(), strings.Join(s.last, "\n"))
		}
	}
}

// try runs a command and gives what it printed and its exit status.
func (s *shell) try(ctx context.Context, command string) (out string, status int, err error) {
	s.asked++
	mark := fmt.Sprintf("@@%d:", s.asked)
	// The mark is put together by the shell, so that no echo can be taken for it.
	if _, err := fmt.Fprintf(s.wire, "( %s\n) 2>&1 </dev/null; status=$?; echo; echo '@@'%d:$status\n", command, s.asked); err != nil {
		return "", 0, fmt.Errorf("run %s: %w", command, err)
	}
	lines, rest, err := s.until(ctx, mark)
	if err != nil {
		return "", 0, fmt.Errorf("run %s: %w", command, err)
	}
	status, err = strconv.Atoi(strings.TrimSpace(rest))
	return strings.TrimSpace(strings.Join(lines, "\n")), status, err
}

// do runs a command that has to succeed.
func (s *shell) do(ctx context.Context, command string) (string, error) {
	out, status, err := s.try(ctx, command)
	if err == nil && status != 0 {
		err = fmt.Errorf("run %s: exit status %d: %s", command, status, out)
	}
	return out, err
}
