package bench

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
	"time"
)

// PrinterFaults is what a pretend printer suffers from; the zero value is well.
type PrinterFaults struct {
	PaperOut  bool // prints nothing until there is paper again
	NearEnd   bool // prints, and says that the roll runs out
	CoverOpen bool // prints nothing until the cover is shut
	Offline   bool // prints nothing: switched offline at its panel
	Mute      bool // prints, and answers nothing
	Garbage   bool // prints, and sends noise in front of and behind each answer
	// WrongStatus prints, and answers status questions with bytes that are no
	// status (bits 0 and 7 set).
	WrongStatus bool
	// HalfAnswer prints, and breaks off in the middle of its reports.
	HalfAnswer bool
	// SlowReader reads about 1,000 bytes a second, as a 9600-baud printer would.
	SlowReader bool
}

func (f PrinterFaults) stalled() bool { return f.PaperOut || f.CoverOpen || f.Offline }

const (
	keepTickets = 200
	// What a stalled printer takes before it stops reading, and the longest
	// command it accepts: the largest raster of an 80 mm roll is far shorter.
	printerBuffer = 1 << 20
	slowRate      = 1000 // bytes a second
)

// Printer is a pretend ESC/POS printer. It does not draw: it cuts the stream
// into tickets as the paper would be cut.
type Printer struct {
	wire wire
	done chan []byte

	mu      sync.Mutex
	changed *sync.Cond // faults or plug
	faults  PrinterFaults
	plugged bool
	pending []byte   // bytes of an element not yet whole
	queue   []queued // whole elements not yet printed
	queued  int      // bytes in queue
	ticket  []byte
	tickets [][]byte
	cut     int
}

type queued struct {
	kind  command
	bytes []byte
}

// NewPrinter plugs a printer in under the symlink path.
func NewPrinter(path string) (*Printer, error) {
	path, err := cleanPath(path)
	if err != nil {
		return nil, fmt.Errorf("new printer: %w", err)
	}
	p := &Printer{done: make(chan []byte, keepTickets), plugged: true}
	p.changed = sync.NewCond(&p.mu)
	p.wire = wire{path: path, receive: p.receive, pace: p.pace}
	if err := p.wire.plug(); err != nil {
		return nil, err
	}
	return p, nil
}

// Path is the stable name of the printer's port.
func (p *Printer) Path() string { return p.wire.path }

// Tickets gives the last 200 tickets, oldest first: each its bytes as they came,
// GS V included and the requests for an answer left out.
func (p *Printer) Tickets() [][]byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.tickets)
}

// Cut counts the tickets since the printer was made.
func (p *Printer) Cut() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cut
}

// Done gives each ticket as it is cut. It holds 200; if nobody receives, the
// oldest are forgotten.
func (p *Printer) Done() <-chan []byte { return p.done }

// Faults gives the faults set at present.
func (p *Printer) Faults() PrinterFaults {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.faults
}

// SetFaults makes the printer suffer from f from now on. A stall that ends lets
// it print what it holds.
func (p *Printer) SetFaults(f PrinterFaults) {
	p.mu.Lock()
	p.faults = f
	replies := p.print()
	p.changed.Broadcast()
	replies = p.spoil(replies)
	p.mu.Unlock()
	p.answer(replies)
}

// Unplug cuts the printer off, power and wire: what it held unprinted is lost, and
// a ticket begun stays uncut.
func (p *Printer) Unplug() error {
	p.mu.Lock()
	p.plugged = false
	p.changed.Broadcast()
	p.mu.Unlock()
	err := p.wire.unplug()
	p.mu.Lock()
	p.pending, p.queue, p.queued, p.ticket = nil, nil, 0, nil
	p.mu.Unlock()
	return err
}

// Replug plugs it in again under the same path, as another port.
func (p *Printer) Replug() error {
	p.mu.Lock()
	p.plugged = true
	p.mu.Unlock()
	return p.wire.plug()
}

// Close unplugs the printer for good and joins its goroutine.
func (p *Printer) Close() error { return p.Unplug() }

// receive splits the stream. A status request is answered as soon as it is read;
// the rest waits its turn while the printer is stalled.
func (p *Printer) receive(b []byte) {
	p.mu.Lock()
	p.pending = append(p.pending, b...)
	var replies []byte
	for len(p.pending) > 0 {
		n, kind := next(p.pending)
		if n == 0 && len(p.pending) < printerBuffer {
			break
		}
		if n == 0 { // an absurd length: what a real printer would print as noise
			n = len(p.pending)
		}
		if kind == cmdStatus {
			replies = append(replies, p.status(p.pending[2])...)
		} else {
			p.queue = append(p.queue, queued{kind, bytes.Clone(p.pending[:n])})
			p.queued += n
		}
		p.pending = p.pending[n:]
	}
	p.pending = bytes.Clone(p.pending) // let go of what was taken off the front
	replies = p.spoil(append(replies, p.print()...))
	p.mu.Unlock()
	p.answer(replies)
	p.mu.Lock()
	for p.queued > printerBuffer && p.plugged {
		p.changed.Wait() // as a full printer: reads no more
	}
	p.mu.Unlock()
}

// print works the queue off unless stalled, and gives what is to be answered.
func (p *Printer) print() (replies []byte) {
	if p.faults.stalled() {
		return nil
	}
	for _, q := range p.queue {
		switch q.kind {
		case cmdFinished:
			if id := q.bytes[7:]; len(id) == 4 && !p.faults.Mute {
				report := append(append([]byte{0x37, 0x22}, id...), 0)
				if p.faults.HalfAnswer {
					report = report[:3]
				}
				replies = append(replies, report...)
			}
		case cmdCut:
			p.keep(append(p.ticket, q.bytes...))
			p.ticket = nil
		default:
			// An uncut roll has no end; its beginning is let go.
			if p.ticket = append(p.ticket, q.bytes...); len(p.ticket) > printerBuffer {
				p.ticket = bytes.Clone(p.ticket[len(p.ticket)-printerBuffer:])
			}
		}
	}
	p.queue, p.queued = nil, 0
	return replies
}

func (p *Printer) keep(ticket []byte) {
	p.cut++
	p.tickets = append(p.tickets, ticket)
	if len(p.tickets) > keepTickets {
		p.tickets = slices.Clone(p.tickets[1:])
	}
	for {
		select {
		case p.done <- ticket:
			return
		default:
		}
		select {
		case <-p.done:
		default:
		}
	}
}

// status gives the answer to DLE EOT n. Bits 1 and 4 are always set, 0 and 7
// never: that tells a status byte from XON, XOFF and the other answers.
func (p *Printer) status(n byte) []byte {
	if p.faults.Mute || n < 1 || n > 4 {
		return nil
	}
	s := byte(0x12)
	set := func(on bool, bits byte) {
		if on {
			s |= bits
		}
	}
	switch n {
	case 1: // printer
		set(p.faults.stalled(), 0x08)
	case 2: // cause of being offline
		set(p.faults.CoverOpen, 0x04)
		set(p.faults.PaperOut, 0x20)
	case 4: // paper sensors; 3, errors, stays clear
		set(p.faults.NearEnd || p.faults.PaperOut, 0x0C)
		set(p.faults.PaperOut, 0x60)
	}
	if p.faults.WrongStatus {
		s |= 0x81
	}
	return []byte{s}
}

// spoil adds noise to answers: bytes that begin an automatic status, end nothing
// and are none of the printer's.
func (p *Printer) spoil(b []byte) []byte {
	if len(b) == 0 || !p.faults.Garbage {
		return b
	}
	return append(append([]byte{0xFF, 0x10, 0x80}, b...), 0xFE, 0x37, 0x81)
}

// answer ignores a host that is away or does not read: a printer cannot help it.
func (p *Printer) answer(b []byte) {
	if len(b) > 0 {
		_ = p.wire.send(b)
	}
}

// pace makes a slow reader wait as long as n bytes take.
func (p *Printer) pace(n int, pulled <-chan struct{}) {
	if !p.Faults().SlowReader {
		return
	}
	select {
	case <-time.After(time.Duration(n) * time.Second / slowRate):
	case <-pulled:
	}
}
