package kioskapp

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"baylight/cmd/internal/task"
	"baylight/device/lamp"
	"baylight/kiosk/journal"
)

// RecordsError is why a kiosk did not begin its work: nothing can be recorded, so
// nothing may be scanned.
type RecordsError struct {
	Data string // the data folder
	Err  error
}

func (e *RecordsError) Error() string { return e.Err.Error() }
func (e *RecordsError) Unwrap() error { return e.Err }

// Cause is what a person has to do something about, in a word.
func (e *RecordsError) Cause() string {
	switch {
	case errors.Is(e.Err, syscall.EROFS):
		return "readonly"
	case errors.Is(e.Err, fs.ErrPermission), errors.Is(e.Err, journal.ErrReadOnly):
		return "denied"
	case errors.Is(e.Err, journal.ErrFull), errors.Is(e.Err, syscall.ENOSPC), errors.Is(e.Err, syscall.EDQUOT):
		return "full"
	case errors.Is(e.Err, journal.ErrInUse):
		return "inuse"
	case errors.Is(e.Err, journal.ErrForeign):
		return "foreign"
	case errors.Is(e.Err, journal.ErrTooNew):
		return "newer"
	}
	return "other"
}

// Recordable says whether Run could record, by opening the journal as Run does
// and closing it: nil, or a *RecordsError.
func Recordable(o Options) error {
	a := &app{o: o, set: o.Settings, log: o.Log}
	j, err := a.openRecords()
	if err != nil {
		return err
	}
	return j.Close()
}

// openRecords opens the journal in its folder.
func (a *app) openRecords() (*journal.Journal, error) {
	if err := os.MkdirAll(a.set.Data, 0o700); err != nil {
		return nil, &RecordsError{a.set.Data, fmt.Errorf("make data folder: %w", err)}
	}
	j, err := a.openJournal()
	if err != nil {
		return nil, &RecordsError{a.set.Data, err}
	}
	return j, nil
}

// Warn lets every bay's lamp blink amber, as a kiosk at work does while nothing
// can be recorded. nil: there are no lamps, or none that can be driven.
func Warn(o Options) task.Task {
	towers, err := Towers(o.Settings)
	open := o.Pins
	if err == nil && open == nil && len(towers) > 0 {
		open, err = lamp.OpenHost()
	}
	if err != nil {
		o.Log.Warn("lamps stay dark", "error", err)
		return nil
	}
	if len(towers) == 0 {
		return nil
	}
	l, err := lamp.New(towers, open, o.Log, nil)
	for i := 0; err == nil && i < len(towers); i++ {
		err = l.Set(towers[i].Name, lamp.Signal{Colour: lamp.Amber, Blink: true})
	}
	if err != nil {
		o.Log.Warn("lamps stay dark", "error", err)
		return nil
	}
	return l
}
