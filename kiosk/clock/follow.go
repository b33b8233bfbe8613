package clock

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// ErrLeadGone says that the parent closed its end: a child without its clock
// ends too.
var ErrLeadGone = errors.New("the parent's clock is gone")

// Follow is the clock of a child process, driven by its parent's [Lead].
type Follow struct {
	shop
	conn  Conn
	lines *bufio.Reader
	zone  *time.Location
	ready chan struct{}
}

var _ Clock = (*Follow)(nil)

// NewFollow waits for the parent's first line on conn, at most until ctx ends.
// Its wall clock is in zone; nil leaves it in the parent's.
func NewFollow(ctx context.Context, conn Conn, zone *time.Location) (*Follow, error) {
	f := &Follow{conn: conn, lines: bufio.NewReaderSize(conn, maxLine), zone: zone, ready: make(chan struct{})}
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	err := f.next()
	if !stop() {
		err = errors.Join(err, context.Cause(ctx))
	}
	if err != nil {
		return nil, fmt.Errorf("follow the parent's clock: %w", err)
	}
	return f, nil
}

// next reads one setting, puts the clock there and answers.
func (f *Follow) next() error {
	var s setting
	err := readLine(f.lines, &s)
	if errors.Is(err, io.EOF) {
		return ErrLeadGone
	}
	if err != nil {
		return err
	}
	if err := s.check(); err != nil {
		return err
	}
	m := s.moment().Add(s.late())
	if f.zone != nil {
		m.Wall = m.Wall.In(f.zone)
	}
	f.set(m, s.Rate)
	return writeLine(f.conn, answer{Ack: s.N, Up: f.Now().Up / time.Millisecond})
}

// Run takes the parent's lines until ctx ends, then closes the socket. It
// returns an error that is [ErrLeadGone] when the parent went first. After Run
// the clock runs on as last told, but its alarms ring no more.
func (f *Follow) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { f.conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	defer f.end()
	defer f.conn.Close()
	close(f.ready)
	for {
		err := f.next()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("follow the parent's clock: %w", err)
		}
	}
}

// Ready is closed once Run listens; Now and Alarm are right before.
func (f *Follow) Ready() <-chan struct{} { return f.ready }

// String names the task.
func (f *Follow) String() string { return "clock of the parent" }
