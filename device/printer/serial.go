package printer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"baylight/device/line"
)

// NewSerial makes a printer on a serial line. Its DTR belongs on our CTS (with
// line.FlowRTSCTS) or it is set to XON/XOFF: Linux knows no DTR/DSR. Unless
// the line says otherwise, a write may stall for 10 s, as long as a printer
// needs for its buffer and a cut.
func NewSerial(wire line.Config, cfg Config) *Printer {
	if wire.WriteTimeout == 0 {
		wire.WriteTimeout = 10 * time.Second
	}
	baud := wire.Baud
	if baud <= 0 {
		baud = 9600
	}
	p := New(cfg, nil)
	p.pace = 10 * time.Second / time.Duration(baud) // start bit, 8 data bits, stop bit
	p.link = State{Reason: "not opened yet"}
	s := &serial{line.New(wire, p.cfg.Log, p.Input, func(s line.State) { p.Link(s.Up, s.Reason) })}
	p.wire, p.task = s, s
	return p
}

// serial tells a line's errors apart: sent nothing or perhaps something.
type serial struct{ *line.Line }

// Write is line.Write, with ErrNotSent where the line took no byte.
func (s *serial) Write(ctx context.Context, p []byte) error {
	err := s.Line.Write(ctx, p)
	var begun *line.WriteError
	if err == nil || errors.As(err, &begun) && begun.Sent > 0 {
		return err
	}
	return fmt.Errorf("%w: %w", ErrNotSent, err)
}
