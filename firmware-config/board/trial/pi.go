package trial

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"baylight/device/lamp"
	"baylight/firmware-config/board/agent"
	"baylight/firmware-config/board/emulator"
	"baylight/kiosk"
)

// pi is a Raspberry Pi 3 on the bench.
type pi struct {
	*bench
	scanner *emulator.Scanner
	cards   int      // used so far
	heard   []string // codes whose beep came back
}

const piScanner = `[[scanner]]
name = "s1"
place = "b1"
device = "/dev/ttyAMA0"
beep = "honeywell"
`

// Pi judges the daemon on an emulated Raspberry Pi 3.
func (t *Trial) Pi(ctx context.Context) {
	t.on(ctx, t.raspberry("Raspberry Pi 3"), func(b *bench) error {
		p := &pi{bench: b, scanner: emulator.NewScanner(b.machine.Wire)}
		defer p.scanner.Close()
		if err := p.configure(files(piScanner + lamps())); err != nil {
			return err
		}
		for _, part := range []func() error{
			p.first, p.memory, p.work, p.badScans, p.killed, p.lampsOff, p.restarted, p.stopped, p.busyPin,
		} {
			if err := part(); err != nil {
				return err
			}
		}
		return nil
	})
}

// first: the daemon finds the board, and no lamp flickers when it starts.
func (p *pi) first() error {
	a, err := p.do(agent.Request{Do: agent.Run, Args: []string{"/bin/kioskd", "check", "--config", configPath}})
	if findings := strings.Split(strings.TrimSpace(a.Out), "\n"); err == nil && (len(findings) != 1 || !strings.HasPrefix(findings[0], "broker:")) {
		err = fmt.Errorf("it said %q, want only that there is no broker", a.Out)
	}
	p.check("kioskd check finds UART and pins in order", err, "")
	a, err = p.do(agent.Request{Do: agent.Run, User: 1000, Args: []string{"/bin/kioskd", "check", "--config", configPath}})
	for _, want := range []string{"lamps: open GPIO: ", "scanner s1: open /dev/ttyAMA0: ", "group"} {
		if err == nil && (a.Code != 1 || !strings.Contains(a.Out, want)) {
			err = fmt.Errorf("it said %q, want %q in it", a.Out, want)
		}
	}
	p.check("to a user without rights it says what is missing", err, "")
	began := time.Now()
	took, err := p.start()
	if err != nil {
		return err
	}
	p.check("kioskd run is ready", nil, fmt.Sprintf("%.1f s", took.Seconds()))
	note, err := p.lights("b1 b2 b3: free", began, map[string]lamp.Colour{"b1": lamp.White, "b2": lamp.White, "b3": lamp.White})
	p.check("all towers show white or what stands for it", err, note)
	h, err := p.machine.Watch.Since(began)
	if err == nil {
		err = steadyStart(h)
	}
	p.check("no lamp flickers at the start, to the single register write", err, "")
	return nil
}

// steadyStart demands that each pin goes from being no output to its first
// level once, past dark at most: never lit and dark again, or the reverse.
func steadyStart(h emulator.History) error {
	var errs []error
	for _, t := range towers() {
		off, on := emulator.Low, emulator.High
		if t.ActiveLow {
			off, on = on, off
		}
		free := t.Decode(t.high(h.Last())).Colour
		for c, pin := range t.numbers {
			levels := h.Of(pin)
			ok := len(levels) > 1 && levels[0] != emulator.Low && levels[0] != emulator.High
			rest := fmt.Sprint(levels[min(1, len(levels)):])
			if c == free {
				ok = ok && (rest == fmt.Sprint([]emulator.Level{on}) || rest == fmt.Sprint([]emulator.Level{off, on}))
			} else {
				ok = ok && rest == fmt.Sprint([]emulator.Level{off})
			}
			if !ok {
				errs = append(errs, fmt.Errorf("tower %s, %s, pin %d: %v", t.Name, c, pin, levels))
			}
		}
	}
	return errors.Join(errs...)
}

// high is which pins of the tower are high; a pin that nobody drives is pulled
// to dark by its resistor.
func (t tower) high(p emulator.Pins) map[string]bool {
	out := map[string]bool{}
	for c, name := range t.Pins {
		switch p[t.numbers[c]] {
		case emulator.High:
			out[name] = true
		case emulator.Low:
		default:
			out[name] = t.ActiveLow
		}
	}
	return out
}

// shows says whether each tower shows its colour; white may be shown by what
// stands for it.
func shows(p emulator.Pins, want map[string]lamp.Colour) bool {
	for _, t := range towers() {
		c, ok := want[t.Name]
		if c == lamp.White && t.Pins[lamp.White] == "" {
			c = lamp.Green
		}
		if ok && t.Decode(t.high(p)).Colour != c {
			return false
		}
	}
	return true
}

// lights waits until the towers show what they have to, in the trace since began
// and in the registers alike; it says how long after began that was.
func (p *pi) lights(what string, began time.Time, want map[string]lamp.Colour) (note string, err error) {
	var at time.Time
	err = p.await(what, func() (bool, error) {
		h, err := p.machine.Watch.Since(began)
		if err != nil || !shows(h.Last(), want) {
			return false, err
		}
		at, _ = h[min(1, len(h)-1):].First(func(p emulator.Pins) bool { return shows(p, want) })
		return true, nil
	})
	now, readErr := p.machine.Pins(p.ctx)
	switch {
	case err != nil:
		return "", fmt.Errorf("%w; pins now: %s", err, describe(now))
	case readErr != nil:
		return "", readErr
	case !shows(now, want):
		return "", fmt.Errorf("%s: the trace says so, the registers say %s", what, describe(now))
	}
	if at.Before(began) {
		return "as before", nil
	}
	return fmt.Sprintf("%d ms", at.Sub(began).Milliseconds()), nil
}

// describe is what all towers show.
func describe(p emulator.Pins) string {
	var parts []string
	for _, t := range towers() {
		s := t.Name + ":"
		for c, n := range t.numbers {
			s += fmt.Sprintf(" %s %s,", c, p[n])
		}
		parts = append(parts, strings.TrimSuffix(s, ","))
	}
	return strings.Join(parts, "; ")
}

// scan reads a code and expects a beep; what was heard is remembered.
func (p *pi) scan(code string, want bool) error {
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	good, err := p.scanner.Scan(ctx, code)
	if err != nil {
		return err
	}
	p.heard = append(p.heard, code)
	if good != want {
		return fmt.Errorf("scanner sent %q and heard good=%v", code, good)
	}
	return nil
}

// newCard is the card of another car.
func (p *pi) newCard() string {
	p.cards++
	return card(p.cards)
}

// lit scans and waits for the colour of b1.
func (p *pi) lit(name, code string, c lamp.Colour) error {
	began := time.Now()
	if err := p.scan(code, true); err != nil {
		return err
	}
	note, err := p.lights("b1 "+c.String(), began, map[string]lamp.Colour{"b1": c, "b2": lamp.White, "b3": lamp.White})
	if c != lamp.White {
		note += " from the first byte"
	}
	p.check(name, err, note)
	return nil
}

// work: scans through the UART, lamps on the pins.
func (p *pi) work() error {
	if err := p.lit("a badge leaves the bay white", technician, lamp.White); err != nil {
		return err
	}
	if err := p.lit("a job card turns it green", p.newCard(), lamp.Green); err != nil {
		return err
	}
	if err := p.lit("FINISH turns it blue", action(kiosk.Finish), lamp.Blue); err != nil {
		return err
	}
	if err := p.lit("the next job turns it green", p.newCard(), lamp.Green); err != nil {
		return err
	}
	if err := p.lit("HELP turns it red", action(kiosk.Help), lamp.Red); err != nil {
		return err
	}
	p.check("red blinks at 1 Hz", p.blinks(19), "")
	return p.lit("a supervisor's badge ends it: green", supervisor, lamp.Green)
}

// blinks watches a pin for five edges.
func (p *pi) blinks(pin int) error {
	began := time.Now()
	var edges []time.Time
	err := p.await("edges of the blinking lamp", func() (bool, error) {
		h, err := p.machine.Watch.Since(began)
		edges = edges[:0]
		for i := 1; i < len(h); i++ {
			if h[i].Pins[pin] != h[i-1].Pins[pin] {
				edges = append(edges, h[i].At)
			}
		}
		return len(edges) >= 5, err
	})
	if err != nil {
		return err
	}
	if d := edges[4].Sub(edges[0]); d < 1700*time.Millisecond || d > 3*time.Second {
		return fmt.Errorf("four half periods took %v, want 2 s", d)
	}
	return nil
}

// badScans: noise on the wire is answered, and leaves the lamp alone.
func (p *pi) badScans() error {
	began := time.Now()
	for _, s := range []string{"HELLO WORLD", strings.Repeat("A1B2C3D4", 600), "\xff\xfe\x80 LATIN", "\x1b@\x1bp\x00\x19\xfa"} {
		if err := p.scan(s, false); err != nil {
			return err
		}
	}
	h, err := p.machine.Watch.Since(began)
	if err == nil && len(h) != 1 {
		err = fmt.Errorf("%d changes of pins", len(h)-1)
	}
	p.check("four bad scans sound bad and move no pin", err, "")
	return nil
}

// killed: the daemon dies by SIGKILL while scans come in.
func (p *pi) killed() error {
	for range 30 {
		if err := p.scan(p.newCard(), true); err != nil {
			return err
		}
	}
	p.check("30 cards one after the other, each heard", nil, "")
	began := time.Now()
	dying := make(chan error, 1)
	go func() {
		_, err := p.end(syscall.SIGKILL, -int(syscall.SIGKILL))
		dying <- err
	}()
	sent := p.scanUntilDead(dying)
	if sent.err != nil {
		return sent.err
	}
	h, err := p.machine.Watch.Since(began)
	if err == nil {
		err = released(h.Last())
	}
	p.check("after SIGKILL nobody drives a pin: resistors darken the towers", err, "")
	events, err := p.events()
	if err != nil {
		return err
	}
	if lost := missing(codes(p.heard), events); len(lost) > 0 {
		err = fmt.Errorf("%d of %d scans that were heard are not in the journal: %v", len(lost), len(p.heard), lost)
	}
	p.check("every scan that was heard is in the journal", err, fmt.Sprintf("%d scans, %d events, %d heard while it was dying", len(p.heard), len(events), sent.heard))
	return nil
}

type dying struct {
	heard int
	err   error
}

// scanUntilDead goes on scanning until the daemon has ended.
func (p *pi) scanUntilDead(ended <-chan error) (d dying) {
	for {
		code := p.newCard()
		ctx, cancel := context.WithTimeout(p.ctx, patience)
		beep := make(chan error, 1)
		go func() {
			_, err := p.scanner.Scan(ctx, code)
			beep <- err
		}()
		select {
		case err := <-beep:
			cancel()
			if err != nil {
				return dying{d.heard, err}
			}
			p.heard = append(p.heard, code)
			d.heard++
		case err := <-ended:
			cancel()
			if <-beep == nil { // it came back after all
				p.heard = append(p.heard, code)
			}
			d.err = err
			return d
		}
	}
}

// released demands that no lamp is driven.
func released(p emulator.Pins) error {
	for _, t := range towers() {
		for _, n := range t.numbers {
			if l := p[n]; l == emulator.High || l == emulator.Low {
				return fmt.Errorf("a pin is still driven: %s", describe(p))
			}
		}
	}
	return nil
}

// codes are those scans that are codes of the store: only they stand in events.
func codes(scans []string) (out []string) {
	for _, s := range scans {
		if _, err := kiosk.ParseCode(s); err == nil {
			out = append(out, s)
		}
	}
	return out
}
