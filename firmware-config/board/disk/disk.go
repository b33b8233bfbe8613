package disk

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
)

// Sector is what a disk writes as a whole or not at all.
const Sector = 512

// Disk is the medium and its cache. It outlives the machines it is attached to.
type Disk struct {
	mu      sync.Mutex
	medium  []byte  // what a cut leaves for certain
	seen    []byte  // what reads see: the medium and the cache
	pending []write // the cache, in the order of writing
	left    int     // changes until the cut; less than 0: none is set
	cut     chan struct{}
	dead    bool
	stats   Stats
}

type write struct {
	at   int64
	data []byte
}

// Stats counts what machines asked for since the disk was made, and what the last
// cut did.
type Stats struct {
	Writes, Flushes int
	Bytes           int64 // of all writes
	Pending         int   // writes that were not flushed at the cut
	Sectors, Lost   int   // theirs, and those that did not reach the medium
}

// New makes a disk that holds image. Its size must be a multiple of Sector.
func New(image []byte) (*Disk, error) {
	if len(image) == 0 || len(image)%Sector != 0 {
		return nil, fmt.Errorf("make disk: %d bytes are no multiple of %d", len(image), Sector)
	}
	d := &Disk{medium: append([]byte(nil), image...), seen: append([]byte(nil), image...), left: -1}
	d.cut = make(chan struct{})
	return d, nil
}

// CutAfter sets the power cut to the n-th write or flush from now (1 is the next
// one): that one is begun and never answered.
func (d *Disk) CutAfter(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.left = n
}

// Cut cuts the power now, if that has not happened.
func (d *Disk) Cut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.die()
}

// WasCut is closed when the power is cut.
func (d *Disk) WasCut() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.cut
}

func (d *Disk) die() {
	if !d.dead {
		d.dead = true
		close(d.cut)
	}
}

// errCut ends what serves a machine.
var errCut = errors.New("the power is cut")

// change counts a write or flush; it says whether the power is cut by it.
func (d *Disk) change() (cut bool) {
	if d.left > 0 {
		if d.left--; d.left == 0 {
			d.die()
			return true
		}
	}
	return false
}

func (d *Disk) write(at int64, data []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dead {
		return errCut
	}
	d.stats.Writes++
	d.stats.Bytes += int64(len(data))
	copy(d.seen[at:], data)
	d.pending = append(d.pending, write{at, data})
	if d.change() {
		return errCut
	}
	return nil
}

func (d *Disk) flush() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dead {
		return errCut
	}
	d.stats.Flushes++
	if d.change() {
		return errCut
	}
	for _, w := range d.pending {
		copy(d.medium[w.at:], w.data)
	}
	d.pending = d.pending[:0]
	return nil
}

func (d *Disk) read(at int64, into []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dead {
		return errCut
	}
	copy(into, d.seen[at:])
	return nil
}

// Lose ends a power cut: some of the sectors that were written and not flushed
// reach the medium, in any order, the others do not. The disk then works again
// for the next machine. No machine may be attached.
func (d *Disk) Lose(r *rand.Rand) Stats {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.die()
	d.stats.Pending, d.stats.Sectors, d.stats.Lost = len(d.pending), 0, 0
	// None, all and anything in between are equally worth a look.
	keep := []float64{0, 1, r.Float64(), r.Float64()}[r.IntN(4)]
	for _, i := range r.Perm(len(d.pending)) {
		w := d.pending[i]
		for from := 0; from < len(w.data); from += Sector {
			d.stats.Sectors++
			if r.Float64() >= keep {
				d.stats.Lost++
				continue
			}
			copy(d.medium[w.at+int64(from):], w.data[from:min(from+Sector, len(w.data))])
		}
	}
	copy(d.seen, d.medium)
	d.pending, d.left, d.dead, d.cut = nil, -1, false, make(chan struct{})
	return d.stats
}

// Stats are the counters so far.
func (d *Disk) Stats() Stats {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.stats
}

// Image is what the medium holds. No machine may be attached.
func (d *Disk) Image() []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]byte(nil), d.medium...)
}

// Replace writes the medium anew, as another program does that has it in its
// hands; image is as large as the disk. No machine may be attached.
func (d *Disk) Replace(image []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(image) != len(d.medium) {
		return fmt.Errorf("replace disk: %d bytes on one of %d", len(image), len(d.medium))
	}
	copy(d.medium, image)
	copy(d.seen, image)
	d.pending = nil
	return nil
}

// Serve attaches the disk to the machine that connects to l next. It returns
// when the machine is gone; done is closed then.
func (d *Disk) Serve(l net.Listener) (done <-chan struct{}) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c, err := l.Accept()
		l.Close()
		if err != nil {
			return // nobody came
		}
		defer c.Close()
		s := &session{disk: d, conn: c}
		if s.handshake() == nil {
			s.serve()
		}
	}()
	return ended
}
