package journal

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/mattn/go-sqlite3"
)

// What errors.Is finds in the errors of this package.
var (
	ErrInUse    = errors.New("journal is in use by another process")
	ErrDamaged  = errors.New("journal is damaged")
	ErrForeign  = errors.New("file is not a journal")
	ErrTooNew   = errors.New("journal was written by a newer version")
	ErrFull     = errors.New("disk is full")
	ErrReadOnly = errors.New("its file can only be read")
	ErrClosed   = errors.New("journal is closed")
)

// SequenceError is the refusal of an event that does not continue the journal.
type SequenceError struct {
	WantEpoch string
	WantSeq   uint64
	GotEpoch  string
	GotSeq    uint64
}

func (e *SequenceError) Error() string {
	return fmt.Sprintf("event %s-%d does not continue the journal, which goes on with %s-%d", e.GotEpoch, e.GotSeq, e.WantEpoch, e.WantSeq)
}

// EventError is the refusal of an event that could not be read back as it is.
type EventError struct {
	Seq uint64
	Err error
}

func (e *EventError) Error() string { return fmt.Sprintf("event %d: %v", e.Seq, e.Err) }
func (e *EventError) Unwrap() error { return e.Err }

// classify adds the error of this package that an error of SQLite stands for,
// found by result code.
func classify(err error) error {
	var se sqlite3.Error
	if !errors.As(err, &se) {
		if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
			return fmt.Errorf("%w: %w", ErrFull, err)
		}
		return err
	}
	switch {
	case se.Code == sqlite3.ErrFull || se.SystemErrno == syscall.ENOSPC || se.SystemErrno == syscall.EDQUOT:
		return fmt.Errorf("%w: %w", ErrFull, err)
	case se.Code == sqlite3.ErrReadonly:
		return fmt.Errorf("%w: %w", ErrReadOnly, err)
	case se.Code == sqlite3.ErrCorrupt || se.Code == sqlite3.ErrNotADB:
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}

// damaged is for what every journal has: that it cannot be read is damage,
// unless the machine is in the way (no room, no rights, no memory, a device
// that does not answer).
func damaged(err error) error {
	var se sqlite3.Error
	if errors.As(err, &se) {
		switch se.Code {
		case sqlite3.ErrFull, sqlite3.ErrIoErr, sqlite3.ErrCantOpen, sqlite3.ErrBusy, sqlite3.ErrLocked, sqlite3.ErrNomem,
			sqlite3.ErrPerm, sqlite3.ErrReadonly, sqlite3.ErrInterrupt, sqlite3.ErrAuth, sqlite3.ErrProtocol:
			return classify(err)
		}
	}
	return fmt.Errorf("%w: %w", ErrDamaged, err)
}
