// Package lamptest has pretend GPIO pins: a [Board] whose pins remember what was
// driven, tell an observer, and fail as told. Tests look at its edges; a demo
// draws its lamps from what the observer hears.
//
// Levels are those at the pin, as a voltmeter would show them: a pin that was
// opened active low is low while its lamp is lit, and both kinds of pin rest at
// the level of a dark lamp, as pull resistors hold them. Time is real time; the
// package starts no goroutines.
package lamptest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"baylight/device/lamp"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/physic"
)

// ShortPulse is how long a level must last not to count as a glitch.
const ShortPulse = 20 * time.Millisecond

// maxEdges is how many edges a board remembers; older ones are forgotten.
const maxEdges = 4096

// Edge is a change of level at a pin.
type Edge struct {
	Pin  string
	High bool
	At   time.Time
}

// Board is a set of pretend pins. Safe for use by several goroutines.
type Board struct {
	observe func(pin string, high bool)

	mu       sync.Mutex
	only     map[string]bool // nil: every name is a pin
	busy     map[string]string
	broken   map[string]error
	hung     map[string]<-chan struct{}
	pins     map[string]*pin
	edges    []Edge
	glitches int
	last     map[string]time.Time // of the last edge, by pin
}

// New is a board on which every name is a pin, or only the names given, if any.
// observe hears each change of level and the first level of each pin, one at a
// time, and must not call the board; nil is nobody.
func New(observe func(pin string, high bool), names ...string) *Board {
	if observe == nil {
		observe = func(string, bool) {}
	}
	b := &Board{observe: observe, busy: map[string]string{}, broken: map[string]error{},
		hung: map[string]<-chan struct{}{}, pins: map[string]*pin{}, last: map[string]time.Time{}}
	if len(names) > 0 {
		b.only = map[string]bool{}
		for _, n := range names {
			b.only[n] = true
		}
	}
	return b
}

// Open is a lamp.Opener of the board's pins.
func (b *Board) Open(name string, activeLow bool) (gpio.PinOut, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.only != nil && !b.only[name] {
		return nil, &lamp.PinError{Pin: name, Err: lamp.ErrNoPin}
	}
	if b.pins[name] != nil {
		return nil, &lamp.PinError{Pin: name, Err: lamp.ErrTwice}
	}
	p := &pin{board: b, name: name, activeLow: activeLow, high: activeLow}
	b.pins[name] = p
	return p, nil
}

// Busy lets holder hold a pin, so that driving it fails; "" frees it.
func (b *Board) Busy(name, holder string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.busy[name] = holder
}

// Break lets driving a pin fail with err; nil mends it.
func (b *Board) Break(name string, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.broken[name] = err
}

// Hang lets driving a pin wait until free is closed, as a driver does whose bus
// is stuck; nil mends it.
func (b *Board) Hang(name string, free <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.hung[name] = free
}

// Forget lets the open pins fall back to rest without anybody driving them, as
// the outputs of an expander do after a brown-out.
func (b *Board) Forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(b.pins)) {
		p := b.pins[name]
		p.to(p.activeLow)
	}
}

// Levels are the levels of the pins that were opened: true is high.
func (b *Board) Levels() map[string]bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := map[string]bool{}
	for name, p := range b.pins {
		out[name] = p.high
	}
	return out
}

// Edges are the changes of level, the oldest first, at most the last 4096.
func (b *Board) Edges() []Edge {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.edges)
}

// Glitches is the number of pulses shorter than [ShortPulse]. Two signals set in
// such haste count as well.
func (b *Board) Glitches() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.glitches
}

// pin is one pretend pin; its board's mutex guards it.
type pin struct {
	board     *Board
	name      string
	activeLow bool
	driven    bool
	high      bool
}

var _ gpio.PinOut = (*pin)(nil)

// to changes the level at the pin.
func (p *pin) to(high bool) {
	if p.high == high {
		return
	}
	p.high = high
	b, now := p.board, time.Now()
	if last, ok := b.last[p.name]; ok && now.Sub(last) < ShortPulse {
		b.glitches++
	}
	b.last[p.name] = now
	if len(b.edges) == maxEdges {
		b.edges = b.edges[:copy(b.edges, b.edges[maxEdges/2:])]
	}
	b.edges = append(b.edges, Edge{Pin: p.name, High: high, At: now})
	b.observe(p.name, high)
}

// Out drives the pin; High lights the lamp.
func (p *pin) Out(l gpio.Level) error {
	b := p.board
	b.mu.Lock()
	free := b.hung[p.name]
	b.mu.Unlock()
	if free != nil {
		<-free
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := p.trouble(); err != nil {
		return err
	}
	if high := bool(l) != p.activeLow; high != p.high {
		p.to(high)
	} else if !p.driven {
		b.observe(p.name, high)
	}
	p.driven = true
	return nil
}

// trouble is why the pin cannot be driven.
func (p *pin) trouble() error {
	if holder := p.board.busy[p.name]; holder != "" {
		return &lamp.PinError{Pin: p.name, Holder: holder, Err: lamp.ErrBusy}
	}
	if err := p.board.broken[p.name]; err != nil {
		return &lamp.PinError{Pin: p.name, Err: err}
	}
	return nil
}

// Look says why the pin cannot be driven, without driving it.
func (p *pin) Look() error {
	p.board.mu.Lock()
	defer p.board.mu.Unlock()
	return p.trouble()
}

// Halt gives the pin back; it falls to rest and may be opened again.
func (p *pin) Halt() error {
	b := p.board
	b.mu.Lock()
	defer b.mu.Unlock()
	p.to(p.activeLow)
	p.driven = false
	if b.pins[p.name] == p {
		delete(b.pins, p.name)
	}
	return nil
}

// PWM is not for lamps.
func (p *pin) PWM(gpio.Duty, physic.Frequency) error {
	return &lamp.PinError{Pin: p.name, Err: errors.New("no pulse width modulation")}
}

// Name is the pin's name.
func (p *pin) Name() string { return p.name }

// Number is -1: pretend pins have none.
func (p *pin) Number() int { return -1 }

// String is the pin's name.
func (p *pin) String() string { return p.name }

// Function says whether the pin is driven.
func (p *pin) Function() string {
	p.board.mu.Lock()
	defer p.board.mu.Unlock()
	if !p.driven {
		return string(gpio.IN)
	}
	return fmt.Sprintf("%s/%s", gpio.OUT, gpio.Level(p.high))
}
