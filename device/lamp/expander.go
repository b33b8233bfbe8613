package lamp

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/physic"
)

// expanderKind is a model of I²C expander with 16 pins.
type expanderKind struct {
	ports [2]string // what the names of pins begin with
	pins  string    // the pins in words
	// refresh gives the writes that put the latches and directions, with pins
	// that are no outputs left inputs. Latches come before directions, so that a
	// pin begins with its level.
	refresh func(latch, outputs uint16) [][]byte
	look    byte // a register that may be read without effect
}

// expanderKinds are the models by the first part of a pin's name.
func expanderKinds() map[string]*expanderKind {
	low := func(n uint16) byte { return byte(n) }
	high := func(n uint16) byte { return byte(n >> 8) }
	return map[string]*expanderKind{
		// Registers of the data sheet DS20001952 with IOCON.BANK 0. The first write
		// makes it so: where BANK is 1, 05 is IOCON; where it is 0, 05 is GPINTENB,
		// whose 0 is the default. The second resets the rest of IOCON.
		"mcp23017": {ports: [2]string{"A", "B"}, pins: "A0 to A7 and B0 to B7", look: 0x00, refresh: func(l, o uint16) [][]byte {
			return [][]byte{{0x05, 0}, {0x0A, 0}, {0x14, low(l), high(l)}, {0x00, low(^o), high(^o)}}
		}},
		// Registers of the data sheet SCPS131: 2 output, 4 polarity, 6 configuration.
		"pca9555": {ports: [2]string{"P0", "P1"}, pins: "P00 to P07 and P10 to P17", look: 0x06, refresh: func(l, o uint16) [][]byte {
			return [][]byte{{0x02, low(l), high(l)}, {0x06, low(^o), high(^o)}}
		}},
	}
}

// bit is the number of the pin with the name: "A3", "P17".
func (k *expanderKind) bit(name string) (int, bool) {
	for i, port := range k.ports {
		if n, ok := strings.CutPrefix(name, port); ok && len(n) == 1 && n[0] >= '0' && n[0] <= '7' {
			return 8*i + int(n[0]-'0'), true
		}
	}
	return 0, false
}

// Both models have three address pins.
const firstAddress, lastAddress = 0x20, 0x27

// busRest is how long a bus that was slow to fail is left alone: its time-out is
// the kernel's (a second and more), and is not to be waited for at each pin.
const (
	slowFailure = 100 * time.Millisecond
	busRest     = 2 * time.Second
)

// expanders opens pins of I²C expanders that no kernel driver has taken. A chip
// belongs to this program whole: pins that are not opened are made inputs.
type expanders struct {
	kinds   map[string]*expanderKind
	openBus func(bus int) (i2c.BusCloser, error)

	mu    sync.Mutex
	buses map[int]*expanderBus
}

// OpenExpanders gives an opener for pins of I²C expanders, by names such as
// "mcp23017:1:0x20:A3" and "pca9555:1:0x21:P07": model, number of the bus,
// address, pin. openBus is called when a pin is driven first, and again after a
// failure. A pin's every Out writes the latches and the directions of its chip,
// so that one that has forgotten them in a brown-out shows what it shall again.
// Pins of one bus wait for one another.
func OpenExpanders(openBus func(bus int) (i2c.BusCloser, error)) Opener {
	return newExpanders(openBus).open
}

func newExpanders(openBus func(bus int) (i2c.BusCloser, error)) *expanders {
	return &expanders{kinds: expanderKinds(), openBus: openBus, buses: map[int]*expanderBus{}}
}

// names tells whether a pin's name is that of an expander's pin.
func (e *expanders) names(name string) bool {
	model, _, _ := strings.Cut(name, ":")
	return e.kinds[model] != nil
}

func (e *expanders) open(name string, activeLow bool) (gpio.PinOut, error) {
	bad := func(what string) (gpio.PinOut, error) {
		return nil, &PinError{Pin: name, Err: fmt.Errorf("%w: %s", ErrNoPin, what)}
	}
	parts := strings.Split(name, ":")
	kind := e.kinds[parts[0]]
	if kind == nil || len(parts) != 4 {
		return bad("names are like mcp23017:1:0x20:A3 or pca9555:1:0x21:P07: model, bus, address, pin")
	}
	number, err := strconv.ParseUint(parts[1], 10, 16)
	if err != nil {
		return bad(fmt.Sprintf("bus %q: want a number as in /dev/i2c-1", parts[1]))
	}
	address, err := strconv.ParseUint(parts[2], 0, 16)
	if err != nil || address < firstAddress || address > lastAddress {
		return bad(fmt.Sprintf("address %q: want 0x%x to 0x%x", parts[2], firstAddress, lastAddress))
	}
	bit, ok := kind.bit(parts[3])
	if !ok {
		return bad(fmt.Sprintf("pin %q: a %s has %s", parts[3], parts[0], kind.pins))
	}
	e.mu.Lock()
	bus := e.buses[int(number)]
	if bus == nil {
		bus = &expanderBus{open: func() (i2c.BusCloser, error) { return e.openBus(int(number)) }, chips: map[uint16]*expanderChip{}}
		e.buses[int(number)] = bus
	}
	e.mu.Unlock()
	return bus.pin(name, parts[0], kind, uint16(address), bit, activeLow)
}

// expanderBus is an I²C bus with the chips on it.
type expanderBus struct {
	open func() (i2c.BusCloser, error)

	mu     sync.Mutex // also held during a transaction
	bus    i2c.BusCloser
	chips  map[uint16]*expanderChip
	rest   time.Time // until when it is left alone
	failed error     // why
}

// expanderChip is what a chip shall be; its bus's mutex guards it.
type expanderChip struct {
	model   string
	kind    *expanderKind
	taken   map[int]string // names of open pins by bit
	latch   uint16         // levels
	outputs uint16         // pins that were driven
}

func (b *expanderBus) pin(name, model string, kind *expanderKind, address uint16, bit int, activeLow bool) (gpio.PinOut, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	chip := b.chips[address]
	if chip == nil {
		chip = &expanderChip{model: model, kind: kind, taken: map[int]string{}}
		b.chips[address] = chip
	}
	if chip.kind != kind {
		return nil, &PinError{Pin: name, Err: fmt.Errorf("%w: pin %s makes the chip at 0x%x a %s", ErrNoPin,
			chip.taken[slices.Min(slices.Collect(maps.Keys(chip.taken)))], address, chip.model)}
	}
	if other, ok := chip.taken[bit]; ok {
		return nil, &PinError{Pin: name, Holder: "pin " + other + " of this program", Err: ErrTwice}
	}
	chip.taken[bit] = name
	return &expanderPin{name: name, bus: b, chip: chip, address: address, bit: bit, activeLow: activeLow}, nil
}

// do runs transactions in order. The caller holds the mutex.
func (b *expanderBus) do(address uint16, writes [][]byte, read []byte) error {
	if time.Now().Before(b.rest) {
		return b.failed
	}
	began := time.Now()
	err := b.try(address, writes, read)
	if err == nil {
		return nil
	}
	if b.bus != nil {
		err = errors.Join(err, b.bus.Close()) // opened again by the next Out
		b.bus = nil
	}
	if now := time.Now(); now.Sub(began) >= slowFailure {
		b.rest, b.failed = now.Add(busRest), err
	}
	return err
}

func (b *expanderBus) try(address uint16, writes [][]byte, read []byte) error {
	if b.bus == nil {
		bus, err := b.open()
		if err != nil {
			return err
		}
		b.bus = bus
	}
	for i, w := range writes {
		var r []byte
		if i == len(writes)-1 {
			r = read
		}
		if err := b.bus.Tx(address, w, r); err != nil {
			return fmt.Errorf("expander at 0x%x of %s: %w", address, b.bus, err)
		}
	}
	return nil
}

// forget gives a pin back, and the bus with its last pin.
func (b *expanderBus) forget(address uint16, bit int) error {
	chip := b.chips[address]
	delete(chip.taken, bit)
	if len(chip.taken) == 0 {
		delete(b.chips, address)
	}
	if len(b.chips) > 0 || b.bus == nil {
		return nil
	}
	err := b.bus.Close()
	b.bus = nil
	return err
}

// expanderPin is a gpio.PinOut of an expander.
type expanderPin struct {
	name      string
	bus       *expanderBus
	chip      *expanderChip
	address   uint16
	bit       int
	activeLow bool
	driven    bool // once; it and halted are guarded by the bus's mutex
	halted    bool
}

var _ gpio.PinOut = (*expanderPin)(nil)

// Out drives the pin; High lights the lamp. The whole chip is written.
func (p *expanderPin) Out(l gpio.Level) error {
	p.bus.mu.Lock()
	defer p.bus.mu.Unlock()
	if p.halted {
		return &PinError{Pin: p.name, Err: errors.New("given back")}
	}
	mask := uint16(1) << p.bit
	p.chip.latch &^= mask
	if bool(l) != p.activeLow {
		p.chip.latch |= mask
	}
	p.chip.outputs |= mask
	err := p.refresh()
	p.driven = p.driven || err == nil
	return err
}

func (p *expanderPin) refresh() error {
	if err := p.bus.do(p.address, p.chip.kind.refresh(p.chip.latch, p.chip.outputs), nil); err != nil {
		return p.wrap(err)
	}
	return nil
}

func (p *expanderPin) wrap(err error) error {
	var pin *PinError
	if errors.As(err, &pin) { // the bus knows who holds the chip
		return &PinError{Pin: p.name, Holder: pin.Holder, Err: pin.Err}
	}
	return &PinError{Pin: p.name, Err: err}
}

// Halt makes the pin an input: its pull resistor decides its level. Where the pin
// could never be driven there is nothing to undo, and no error.
func (p *expanderPin) Halt() error {
	p.bus.mu.Lock()
	defer p.bus.mu.Unlock()
	if p.halted {
		return nil
	}
	p.halted = true
	mask := uint16(1) << p.bit
	var err error
	if p.chip.outputs&mask != 0 {
		p.chip.outputs &^= mask
		if err = p.refresh(); !p.driven {
			err = nil
		}
	}
	return errors.Join(err, p.bus.forget(p.address, p.bit))
}

// Look says whether the chip answers, without changing anything on it.
func (p *expanderPin) Look() error {
	p.bus.mu.Lock()
	defer p.bus.mu.Unlock()
	if err := p.bus.do(p.address, [][]byte{{p.chip.kind.look}}, make([]byte, 1)); err != nil {
		return p.wrap(err)
	}
	return nil
}

// PWM is not for lamps.
func (p *expanderPin) PWM(gpio.Duty, physic.Frequency) error {
	return &PinError{Pin: p.name, Err: errors.New("no pulse width modulation")}
}

// Name is the name the pin was opened by.
func (p *expanderPin) Name() string { return p.name }

// Number is the pin's number on its chip, 0 to 15.
func (p *expanderPin) Number() int { return p.bit }

// String is the name.
func (p *expanderPin) String() string { return p.name }

// Function says what was last driven; the chip is not asked.
func (p *expanderPin) Function() string {
	p.bus.mu.Lock()
	defer p.bus.mu.Unlock()
	mask := uint16(1) << p.bit
	switch {
	case p.chip.outputs&mask == 0:
		return ""
	case (p.chip.latch&mask != 0) != p.activeLow:
		return string(gpio.OUT_HIGH)
	}
	return string(gpio.OUT_LOW)
}
