package lamptest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/physic"
)

// Bus is a pretend I²C bus with expanders that keep their registers as the data
// sheets of MCP23017 and PCA9555 say, wait for the bus as a stuck one does, and
// forget everything in a brown-out. Safe for use by several goroutines.
type Bus struct {
	mu    sync.Mutex
	chips map[uint16]*chip
	err   error
	stuck time.Duration
}

// Outputs are the pins of a chip that are outputs, and which of those are high,
// by bit: port A or 0 is the lower half.
type Outputs struct{ Pins, High uint16 }

type chip struct {
	mcp     bool
	reg     [32]byte // in the order of IOCON.BANK 0
	pointer byte
	history []Outputs
}

// NewBus is a bus with no chips.
func NewBus() *Bus { return &Bus{chips: map[uint16]*chip{}} }

// MCP23017 puts one on the bus.
func (b *Bus) MCP23017(address uint16) { b.add(address, true) }

// PCA9555 puts one on the bus.
func (b *Bus) PCA9555(address uint16) { b.add(address, false) }

func (b *Bus) add(address uint16, mcp bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := &chip{mcp: mcp}
	c.reset()
	b.chips[address] = c
}

// Open is for lamp.OpenExpanders: every number is this bus.
func (b *Bus) Open(int) (i2c.BusCloser, error) { return handle{b}, nil }

// Fail lets every transaction fail with err; nil mends the bus.
func (b *Bus) Fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = err
}

// Stuck lets every transaction take d and fail then, as where a chip holds a wire
// down; 0 mends the bus.
func (b *Bus) Stuck(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stuck = d
}

// BrownOut lets all chips forget: every pin is an input again. bank lets an
// MCP23017 wake up with its registers in the other order, as noise may.
func (b *Bus) BrownOut(bank bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.chips {
		c.reset()
		if bank && c.mcp {
			c.reg[iocon] = bank1
		}
	}
}

// Outputs is what a chip does now.
func (b *Bus) Outputs(address uint16) Outputs {
	h := b.History(address)
	return h[len(h)-1]
}

// History are the states a chip went through since it was put there, the present
// one last, at most the last 4096.
func (b *Bus) History(address uint16) []Outputs {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.chips[address].history)
}

// Tx is a transaction.
func (b *Bus) Tx(address uint16, w, r []byte) error {
	b.mu.Lock()
	stuck := b.stuck
	b.mu.Unlock()
	if stuck > 0 {
		<-time.After(stuck)
		return errors.New("connection timed out")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.chips[address]
	switch {
	case b.err != nil:
		return b.err
	case c == nil:
		return fmt.Errorf("no chip answers at 0x%x", address)
	}
	if len(w) > 0 {
		c.pointer = w[0]
		for _, v := range w[1:] {
			*c.at() = v
			c.note()
			c.step()
		}
	}
	for i := range r {
		r[i] = *c.at()
		c.step()
	}
	return nil
}

// IOCON of an MCP23017, and its bit that changes the order of the registers.
const iocon, bank1 = 0x0A, 0x80

// at is the register that the pointer points to.
func (c *chip) at() *byte {
	i := int(c.pointer % 32)
	if c.mcp && c.reg[iocon]&bank1 != 0 {
		i = i%16*2 + i/16
	}
	if c.mcp && i == iocon+1 {
		i = iocon // it is there twice
	}
	return &c.reg[i%32]
}

// step moves to the next register: an MCP23017's follow one another, a PCA9555
// stays within its pair.
func (c *chip) step() {
	if c.mcp {
		c.pointer++
		return
	}
	c.pointer ^= 1
}

func (c *chip) reset() {
	c.reg = [32]byte{}
	wake := []int{2, 3, 6, 7}
	if c.mcp {
		wake = []int{0, 1}
	}
	for _, r := range wake {
		c.reg[r] = 0xFF
	}
	c.note()
}

// note keeps the state if it is another one.
func (c *chip) note() {
	at := [4]int{6, 7, 2, 3}
	if c.mcp {
		at = [4]int{0x00, 0x01, 0x14, 0x15}
	}
	word := func(lo, hi int) uint16 { return uint16(c.reg[lo]) | uint16(c.reg[hi])<<8 }
	now := Outputs{Pins: ^word(at[0], at[1])}
	now.High = word(at[2], at[3]) & now.Pins
	if n := len(c.history); n > 0 && c.history[n-1] == now {
		return
	}
	if len(c.history) == maxEdges {
		c.history = c.history[:copy(c.history, c.history[maxEdges/2:])]
	}
	c.history = append(c.history, now)
}

// handle is the bus as one opener sees it.
type handle struct{ *Bus }

var _ i2c.BusCloser = handle{}

// Close does nothing.
func (handle) Close() error { return nil }

// SetSpeed does nothing.
func (handle) SetSpeed(physic.Frequency) error { return nil }

// String names the bus.
func (handle) String() string { return "pretend bus" }
