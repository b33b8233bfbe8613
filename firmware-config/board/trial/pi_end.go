package trial

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"baylight/device/lamp"
	"baylight/firmware-config/board/agent"
	"baylight/firmware-config/board/emulator"
)

// restarted: the lamps come back from the journal, and none lies on the way.
func (p *pi) restarted() error {
	began := time.Now()
	took, err := p.start()
	if err != nil {
		return err
	}
	want := map[string]lamp.Colour{"b1": lamp.Green, "b2": lamp.White, "b3": lamp.White}
	_, err = p.lights("green as before it died", began, want)
	p.check("after the restart the towers show what they showed", err, fmt.Sprintf("ready in %.1f s", took.Seconds()))
	h, err := p.machine.Watch.Since(began)
	if err == nil {
		err = steadyStart(h)
	}
	p.check("no lamp flickers at the restart", err, "")
	began = time.Now()
	err = p.scan(p.newCard(), true)
	p.check("scans go on", err, fmt.Sprintf("%d ms", time.Since(began).Milliseconds()))
	return err
}

// stopped: an orderly stop makes the towers dark before the pins are given back.
func (p *pi) stopped() error {
	began := time.Now()
	took, err := p.end(syscall.SIGTERM, 0)
	p.check("SIGTERM ends it in order", err, fmt.Sprintf("%d ms", took.Milliseconds()))
	if err != nil {
		return err
	}
	h, err := p.machine.Watch.Since(began)
	if err == nil {
		err = errors.Join(darkened(h), released(h.Last()))
	}
	p.check("at the stop each lamp is driven dark, then its pin is given back", err, "")
	return nil
}

// darkened demands that each pin was driven dark, stayed so, and was then left.
func darkened(h emulator.History) error {
	var errs []error
	for _, t := range towers() {
		off := emulator.Low
		if t.ActiveLow {
			off = emulator.High
		}
		for c, pin := range t.numbers {
			levels := h.Of(pin)
			if n := len(levels); n < 2 || levels[n-2] != off || n > 3 {
				errs = append(errs, fmt.Errorf("tower %s, %s, pin %d: %v", t.Name, c, pin, levels))
			}
		}
	}
	return errors.Join(errs...)
}

// lampsOff: what the unit runs after the daemon has died. Here the kernel has let
// go of the pins; where it keeps them, driving them dark is what ends the lie.
func (p *pi) lampsOff() error {
	began := time.Now()
	a, err := p.do(agent.Request{Do: agent.Run, Args: []string{"/bin/kioskd", "lamps-off", "--config", configPath}})
	if err == nil && a.Code != 0 {
		err = fmt.Errorf("it ended with %d: %s", a.Code, a.Out)
	}
	if err != nil {
		p.check("kioskd lamps-off drives every lamp dark", err, "")
		return nil
	}
	h, err := p.machine.Watch.Since(began)
	if err == nil {
		err = errors.Join(darkened(h), released(h.Last()))
	}
	p.check("kioskd lamps-off drives every lamp dark", err, fmt.Sprintf("%d ms", a.Took))
	return nil
}

// busyPin: somebody else holds a pin of b1. The daemon starts, says who, lights
// what it can, and takes the pin when it is given back.
func (p *pi) busyPin() error {
	const pin = "GPIO26" // blue of b1
	if _, err := p.do(agent.Request{Do: agent.Hold, Path: pin}); err != nil {
		return err
	}
	if _, err := p.start(); err != nil {
		return err
	}
	err := p.await("the tower is reported down", func() (bool, error) {
		d, err := p.device("lamp b1")
		if err == nil && !d.Up && d.Reason != "" && (!strings.Contains(d.Reason, pin) || !strings.Contains(d.Reason, "held by")) {
			err = fmt.Errorf("the reason is %q, want the pin and who holds it", d.Reason)
		}
		return !d.Up && d.Reason != "", err
	})
	p.check("a pin that somebody holds is named, with its holder", err, "")
	began := time.Now()
	_, err = p.lights("the other lamps of b1", began, map[string]lamp.Colour{"b2": lamp.White, "b3": lamp.White})
	if err == nil {
		err = p.scan(p.newCard(), true)
	}
	p.check("the other towers and the scanner work", err, "")
	began = time.Now()
	if _, err := p.do(agent.Request{Do: agent.Release}); err != nil {
		return err
	}
	err = p.await("the tower is back", func() (bool, error) {
		d, err := p.device("lamp b1")
		return d.Up, err
	})
	note := fmt.Sprintf("%.1f s", time.Since(began).Seconds())
	if err == nil {
		_, err = p.lights("b1 whole", began, map[string]lamp.Colour{"b1": lamp.Green})
	}
	p.check("given back, the tower is whole again", err, note)
	_, err = p.end(syscall.SIGTERM, 0)
	if err != nil {
		return err
	}
	events, err := p.events()
	if err != nil {
		return err
	}
	var states []string
	for _, e := range events {
		if e.Device == "lamp b1" {
			states = append(states, e.Type)
		}
	}
	if got := strings.Join(states, " "); got != "device.down device.up" {
		err = fmt.Errorf("it holds %q of the tower", got)
	}
	if lost := missing(codes(p.heard), events); len(lost) > 0 {
		err = errors.Join(err, fmt.Errorf("scans that were heard are missing: %v", lost))
	}
	p.check("the journal tells the tower's loss and return, and holds every scan", err, fmt.Sprintf("%d scans, %d events", len(p.heard), len(events)))
	return nil
}
