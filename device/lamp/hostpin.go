package lamp

import (
	"errors"
	"sync"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/physic"
)

// line is a line of the character device that we hold.
type line interface {
	SetValue(int) error
	Close() error
}

// hostPin is a gpio.PinOut over the kernel's character device. It asks for its
// line at the first Out, with that level in the request, and never reads it. A
// line that fails is given back and asked for again by the next Out.
type hostPin struct {
	name    string
	at      place
	request func(initial int) (line, error)
	look    func() error
	release func()

	mu    sync.Mutex
	line  line
	level gpio.Level
}

var _ gpio.PinOut = (*hostPin)(nil)

// Out drives the pin; High lights the lamp.
func (p *hostPin) Out(l gpio.Level) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	value := 0
	if l {
		value = 1
	}
	if p.line == nil {
		held, err := p.request(value)
		if err != nil {
			return err
		}
		p.line, p.level = held, l
		return nil
	}
	if err := p.line.SetValue(value); err != nil {
		p.line.Close()
		p.line = nil
		return &PinError{Pin: p.name, Err: err}
	}
	p.level = l
	return nil
}

// Look says who else holds the line, without asking for it.
func (p *hostPin) Look() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.line != nil {
		return nil
	}
	return p.look()
}

// Halt gives the line back: the kernel or the pull resistor decides its level.
func (p *hostPin) Halt() error {
	defer p.release()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.line == nil {
		return nil
	}
	err := p.line.Close()
	p.line = nil
	return err
}

// PWM is not for lamps.
func (p *hostPin) PWM(gpio.Duty, physic.Frequency) error {
	return &PinError{Pin: p.name, Err: errors.New("no pulse width modulation")}
}

// Name is the name the pin was opened by.
func (p *hostPin) Name() string { return p.name }

// Number is the offset on the chip.
func (p *hostPin) Number() int { return p.at.offset }

// String is the name and the place.
func (p *hostPin) String() string { return p.name + "(" + p.at.String() + ")" }

// Function says what was last driven; the pin itself is not asked.
func (p *hostPin) Function() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.line == nil:
		return ""
	case bool(p.level):
		return string(gpio.OUT_HIGH)
	}
	return string(gpio.OUT_LOW)
}
