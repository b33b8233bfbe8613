package printer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// A transport is a wire with a life of its own.
type transport interface {
	Wire
	Run(ctx context.Context) error
	Ready() <-chan struct{}
}

// Run keeps the wire alive, asks the idle printer how it is and reports its
// state, until ctx ends. It returns nil then, or the configuration error that
// makes trying pointless. Call it once.
func (p *Printer) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var tasks sync.WaitGroup
	defer tasks.Wait()
	tasks.Go(func() { p.poll(ctx) })
	opened, failed := make(<-chan struct{}), make(chan error, 1)
	if p.task != nil {
		opened = p.task.Ready()
		tasks.Go(func() {
			if err := p.task.Run(ctx); err != nil {
				failed <- fmt.Errorf("run %s: %w", p, err)
				cancel()
			}
		})
	} else {
		close(p.ready)
	}
	p.report(ctx, opened)
	cancel()
	tasks.Wait()
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

// Ready is closed once the wire was tried for the first time, whether or not
// it could be opened: a dead printer never stops the rest.
func (p *Printer) Ready() <-chan struct{} { return p.ready }

// report calls OnState, first when the wire was tried, then at changes.
func (p *Printer) report(ctx context.Context, opened <-chan struct{}) {
	if p.task != nil {
		select {
		case <-opened:
			close(p.ready)
		case <-ctx.Done():
			return
		}
	}
	var last *State
	for {
		p.mu.Lock()
		now, wake := p.state(), p.wake
		p.mu.Unlock()
		if last == nil || *last != now {
			p.cfg.Log.Info("printer state", "up", now.Up, "reason", now.Reason)
			p.cfg.OnState(now)
			last = &now
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return
		}
	}
}

// State gives the present state.
func (p *Printer) State() State {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state()
}

func (p *Printer) state() State {
	switch trouble := p.cond.trouble(); {
	case !p.link.Up:
		return p.link
	case p.mute:
		return State{Reason: errMute.Error()}
	case trouble != "":
		return State{Reason: trouble}
	case p.cond.nearEnd:
		return State{Up: true, Reason: paperLow}
	}
	return State{Up: true}
}

// poll asks the idle printer from time to time, and at once on its return.
func (p *Printer) poll(ctx context.Context) {
	tick := time.NewTicker(p.cfg.Poll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-p.ask:
		}
		select {
		case p.busy <- struct{}{}:
		default:
			continue // a job asks by itself
		}
		if p.linked() {
			if err := p.check(ctx); err != nil {
				p.cfg.Log.Debug("printer not ready", "error", err)
			}
		}
		<-p.busy
	}
}

func (p *Printer) linked() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.link.Up
}

// Link says that the wire is up, or down and why. What the printer said before
// is forgotten, but not what it can do: one that has answered must answer.
func (p *Printer) Link(up bool, reason string) {
	p.mu.Lock()
	if p.link.Up && !up {
		p.session++
	}
	p.link = State{Up: up, Reason: reason}
	p.rx, p.cond, p.asking, p.paused, p.asked, p.mute = receiver{}, condition{}, nil, false, 0, false
	p.changed()
	p.mu.Unlock()
	if up {
		select {
		case p.ask <- struct{}{}:
		default:
		}
	}
}

// Input takes bytes that come from the printer, in whatever pieces. It does
// not block and keeps nothing of b.
func (p *Printer) Input(b []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range b {
		if m, ok := p.rx.next(c); ok {
			p.take(m)
		}
	}
	p.changed()
}

func (p *Printer) take(m message) {
	switch m.kind {
	case pauseSending, resumeSending:
		p.paused = m.kind == pauseSending
	case autoStatus:
		p.cond.auto(m.data)
		if p.asking != nil {
			p.asking.auto(m.data)
		}
	case done:
		p.finished, p.completes = m.data, true
	case statusByte:
		if p.asked == 0 {
			return // too late to know which question it answers
		}
		to := &p.cond
		if p.asking != nil {
			to = p.asking
		}
		to.answer(p.asked, m.data[0])
		p.asked, p.talks, p.mute = 0, true, false
	}
}

// changed wakes everybody who waits; the caller holds the lock.
func (p *Printer) changed() {
	close(p.wake)
	p.wake = make(chan struct{})
}

// wait returns when the condition holds (it is tested under the lock), after
// the time, or when ctx ends, and reports whether it held.
func (p *Printer) wait(ctx context.Context, limit time.Duration, condition func() bool) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		p.mu.Lock()
		ok, wake := condition(), p.wake
		p.mu.Unlock()
		if ok {
			return true
		}
		select {
		case <-wake:
		case <-timer.C:
			return false
		case <-ctx.Done():
			return false
		}
	}
}

// patience is how often a printer that has talked is asked before it counts
// as switched off.
const patience = 3

// check asks an idle printer how it is. A printer that has never answered is
// let pass if it takes bytes; one that has, and is silent now, is an error.
func (p *Printer) check(ctx context.Context) error {
	if p.cfg.Plain {
		return nil
	}
	answered, err := p.inquire(ctx)
	if err != nil || answered {
		return err
	}
	if !p.hasTalked() {
		return p.drain(ctx, 0) // silent, but the question at least must have left
	}
	p.mu.Lock()
	p.mute = true
	p.changed()
	p.mu.Unlock()
	return errMute
}

// inquire asks for the four statuses, as far as they are answered, and reports
// whether the first was. What they say counts when all have been asked: "offline"
// alone is no reason, the next answer has it.
func (p *Printer) inquire(ctx context.Context) (answered bool, err error) {
	p.mu.Lock()
	heard := p.cond
	p.asking = &heard
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.asking == &heard { // else the line was lost meanwhile
			p.cond, p.asking = heard, nil
			p.changed()
		}
	}()
	for try := 0; !answered && (try == 0 || try < patience && p.hasTalked()); try++ {
		if answered, err = p.query(ctx, 1); err != nil {
			return false, err
		}
	}
	for _, n := range []byte{4, 2, 3} {
		if !answered {
			break
		}
		more, err := p.query(ctx, n)
		if err != nil {
			return true, err
		}
		if !more {
			break
		}
	}
	return answered, nil
}

func (p *Printer) hasTalked() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.talks
}

// query sends DLE EOT n and waits for its answer.
func (p *Printer) query(ctx context.Context, n byte) (answered bool, err error) {
	p.mu.Lock()
	p.asked = n
	p.mu.Unlock()
	bounded, cancel := context.WithTimeout(ctx, 2*p.cfg.Reply)
	defer cancel()
	if err := p.wire.Write(bounded, []byte{dle, 0x04, n}); err != nil {
		if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
			return false, fmt.Errorf("%w: %w", errStuck, err)
		}
		return false, fmt.Errorf("ask for status: %w", err)
	}
	answered = p.wait(ctx, p.cfg.Reply, func() bool { return p.asked == 0 })
	p.mu.Lock()
	p.asked = 0
	p.mu.Unlock()
	return answered, ctx.Err()
}
