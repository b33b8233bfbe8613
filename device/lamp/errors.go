package lamp

import (
	"errors"
	"fmt"
)

// What can be wrong with pins; match with errors.Is.
var (
	// ErrNoGPIO says that the machine has no GPIO at all. It is no fault of the
	// configuration's wiring: a kiosk goes on and draws its lamps on screens only.
	ErrNoGPIO = errors.New("this machine has no GPIO")
	// ErrNoPin says that no pin has the name.
	ErrNoPin = errors.New("no such pin")
	// ErrTwice says that two lamps name one pin.
	ErrTwice = errors.New("used twice")
	// ErrBusy says that somebody else holds the pin.
	ErrBusy = errors.New("busy")
)

// PinError is an error of one pin.
type PinError struct {
	Pin    string
	Holder string // who holds it, if it is busy or used twice and the holder is known
	Err    error
}

// Error names the pin and who holds it.
func (e *PinError) Error() string {
	if e.Holder != "" {
		return fmt.Sprintf("pin %s: %v, held by %s", e.Pin, e.Err, e.Holder)
	}
	return fmt.Sprintf("pin %s: %v", e.Pin, e.Err)
}

// Unwrap gives the cause.
func (e *PinError) Unwrap() error { return e.Err }
