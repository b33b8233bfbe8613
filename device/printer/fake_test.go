package printer

import (
	"bytes"
	"context"
	"sync"
	"time"
)

// A model is the printer's own side of the wire: it takes bytes in any pieces
// and gives the answers a real one would.
type model struct {
	mu       sync.Mutex
	silent   bool          // answers nothing
	noReport bool          // knows no GS ( H
	delay    time.Duration // from the last byte to the paper
	paper    []byte        // everything but questions and reports
	pending  []byte        // not understood yet
	cond     condition
	answer   func([]byte) // takes what it sends; not called under the lock
}

func (m *model) set(change func(*model)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change(m)
}

func (m *model) printed() []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return bytes.Clone(m.paper)
}

// receive takes bytes off the wire.
func (m *model) receive(b []byte) {
	m.mu.Lock()
	m.pending = append(m.pending, b...)
	var replies []func()
	for {
		used, reply := m.step()
		if used == 0 {
			break
		}
		m.pending = m.pending[used:]
		if reply != nil {
			replies = append(replies, reply)
		}
	}
	m.mu.Unlock()
	for _, reply := range replies {
		reply()
	}
}

func (m *model) step() (used int, reply func()) {
	report := []byte{gs, '(', 'H', 6, 0, '0', '0'}
	switch p := m.pending; {
	case len(p) == 0:
		return 0, nil
	case p[0] == dle && len(p) < 3, p[0] == gs && len(p) < 11 && bytes.HasPrefix(report, p[:min(7, len(p))]):
		return 0, nil
	case p[0] == dle && p[1] == 0x04:
		status := m.status(p[2])
		if m.silent {
			return 3, nil
		}
		return 3, func() { m.answer([]byte{status}) }
	case bytes.HasPrefix(p, report):
		if m.silent || m.noReport {
			return 11, nil
		}
		done := append(append([]byte{blockHead, blockIsDone}, p[7:11]...), 0)
		return 11, func() { m.finish(done) }
	}
	m.paper = append(m.paper, m.pending[0])
	return 1, nil
}

// finish reports after the delay, or once the paper is back.
func (m *model) finish(done []byte) {
	m.mu.Lock()
	delay, stuck := m.delay, m.cond.trouble() != ""
	m.mu.Unlock()
	switch {
	case delay > 0:
		time.AfterFunc(delay, func() {
			m.set(func(m *model) { m.delay = 0 })
			m.finish(done)
		})
	case stuck:
		time.AfterFunc(time.Second, func() { m.finish(done) })
	default:
		m.answer(done)
	}
}

func (m *model) status(n byte) byte {
	b, c := byte(0x12), m.cond
	set := func(on bool, bit byte) {
		if on {
			b |= bit
		}
	}
	switch n {
	case 1:
		set(c.trouble() != "", 0x08)
	case 2:
		set(c.coverOpen, 0x04)
		set(c.paperOut, 0x20)
		set(c.cutter || c.failed, 0x40)
	case 3:
		set(c.cutter, 0x08)
		set(c.failed, 0x20)
	case 4:
		set(c.nearEnd, 0x0c)
		set(c.paperOut, 0x60)
	}
	return b
}

// A scriptedWire joins a model to a driver in memory. before is called with the number
// of job bytes taken so far, ahead of each write that is not a question; its
// error is the write's.
type scriptedWire struct {
	model  *model
	taken  int
	before func(taken int) error
}

func (s *scriptedWire) Write(ctx context.Context, p []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if p[0] != dle {
		if s.before != nil {
			if err := s.before(s.taken); err != nil {
				return err
			}
		}
		s.taken += len(p)
	}
	s.model.receive(p)
	return nil
}
