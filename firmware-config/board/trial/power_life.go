package trial

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// live is one life of the board: it judges the cuts before and ends with the
// next one; what was acknowledged by a beep is in told afterwards. When the disk
// was found wrong, there is none any more.
func (p *power) live(c *cut) (err error) {
	var readers []*reader
	defer func() {
		for _, r := range readers {
			r.wire.Close()
		}
	}()
	return p.powered(func(b *bench) error {
		if err := p.setUp(b); err != nil {
			return err
		}
		// From here the power may go at any time; then everything that waits ends.
		ctx, cancel := context.WithCancel(p.ctx)
		defer cancel()
		off := p.disk.WasCut()
		go func() {
			select {
			case <-off:
				cancel()
			case <-ctx.Done():
			}
		}()
		b.ctx = ctx
		early := p.rand.IntN(5) == 0
		if early {
			p.disk.CutAfter(1 + p.rand.IntN(40))
		}
		err := p.work(b, &readers, &c.ready, early)
		if closed(off) { // whatever failed then failed because of it
			err = nil
		}
		// The emulator dies first; what it has put on the wires before is heard.
		err = errors.Join(err, b.machine.Close())
		for _, r := range readers {
			if r.begun {
				<-r.ended
			}
			p.told = append(p.told, r.told...)
		}
		return err
	})
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// work starts the daemon and scans until the power is cut: at a request to the
// disk, or at a time.
func (p *power) work(b *bench, readers *[]*reader, ready *bool, early bool) error {
	_, fault := b.start()
	*ready = fault == nil
	if err := p.judge(b, fault); err != nil || p.disk == nil {
		return err
	}
	code := p.codes()
	for _, s := range usbScanners {
		wire, err := b.machine.Plug(b.ctx, s.id, s.socket)
		if err != nil {
			return err
		}
		*readers = append(*readers, &reader{wire: wire, ended: make(chan struct{})})
	}
	for _, s := range usbScanners {
		if err := b.await(s.id+" is up", func() (bool, error) {
			d, err := b.device(s.id)
			return d.Up, err
		}); err != nil {
			return err
		}
	}
	if !early {
		p.disk.CutAfter(1 + p.rand.IntN(200))
	}
	after := time.Duration(500+p.rand.IntN(4500)) * time.Millisecond
	for _, r := range *readers {
		r.begun = true
		go r.scan(code)
	}
	timer := time.NewTimer(after)
	defer timer.Stop()
	select {
	case <-timer.C:
		p.disk.Cut()
	case <-b.ctx.Done():
	}
	return p.ctx.Err()
}

// codes gives cards of cars that have not been here before.
func (p *power) codes() func() string {
	var mu sync.Mutex
	return func() string {
		mu.Lock()
		defer mu.Unlock()
		p.used++
		return card(p.used)
	}
}

// reader is a person with a scanner: one card after the other, each after the
// beep for the last.
type reader struct {
	wire  net.Conn
	begun bool
	told  []string // codes whose good beep was heard; read after ended
	ended chan struct{}
}

// scan goes on until the wire ends.
func (r *reader) scan(code func() string) {
	defer close(r.ended)
	in := bufio.NewReader(r.wire)
	for {
		c := code()
		if _, err := io.WriteString(r.wire, c+"\r"); err != nil {
			return
		}
		good, err := beep(in)
		if err != nil {
			return
		}
		if good {
			r.told = append(r.told, c)
		}
	}
}

// beep waits for the scanner's next result: ESC 7 , is good and ESC 8 , bad.
func beep(in *bufio.Reader) (good bool, err error) {
	var last [3]byte
	for {
		b, err := in.ReadByte()
		if err != nil {
			return false, fmt.Errorf("listen for the beep: %w", err)
		}
		last = [3]byte{last[1], last[2], b}
		if s := string(last[:]); s == "\x1b7," || s == "\x1b8," {
			return last[1] == '7', nil
		}
	}
}
