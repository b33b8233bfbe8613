package kioskapp

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"baylight/device/lamp"
	"baylight/device/scanner"
	"baylight/kiosk/floor"
	"baylight/kiosk/screen"
	"baylight/kiosk/ticket"
)

const (
	lampStep = 700 * time.Millisecond // how long each colour of a lamp test is shown
	echoFor  = 30 * time.Second       // how long a scanner's next code is only shown
	echoText = 4                      // characters of it that are shown: it may be anybody's VIN
)

// try tries a device of the devices page.
func (a *app) try(ctx context.Context, d screen.Device) error {
	switch d.Kind {
	case "printer":
		_, err := a.tryPrinter(ctx)
		return err
	case "lamp":
		return a.tryLamps(ctx, strings.TrimPrefix(d.Name, "lamp "))
	case "scanner":
		a.devices.mu.Lock()
		a.devices.echo[d.Name] = time.Now().Add(echoFor)
		a.devices.mu.Unlock()
		a.devices.beep(d.Name, true)
		return nil
	}
	return fmt.Errorf("try %s: there is no test for a %s", d.Name, d.Kind)
}

// tryPrinter prints the test page.
func (a *app) tryPrinter(ctx context.Context) (floor.PrintOutcome, error) {
	if a.paper == nil {
		return "", errors.New("no printer is configured")
	}
	return a.paper.Print(ctx, ticket.TestPage(a.paperView(), a.o.Clock.Now().Wall))
}

func (a *app) paperView() ticket.View {
	return ticket.View{Store: a.set.Store.Title, Board: a.set.Name, Zone: a.set.Store.Calendar.Zone}
}

// tryLamps shows each colour on each tower (or on one bay's), then gives the
// lamps back to what the bays' states say.
func (a *app) tryLamps(ctx context.Context, bay string) error {
	if a.lights.towers == nil {
		return errors.New("no lamp is wired, or this machine has no pins")
	}
	defer a.lights.restore()
	shown := 0
	for _, c := range []lamp.Colour{lamp.White, lamp.Green, lamp.Amber, lamp.Red, lamp.Blue} {
		for _, b := range a.set.Bays {
			if !a.lights.wired[b.ID] || bay != "" && bay != b.ID {
				continue
			}
			if err := a.lights.towers.Set(b.ID, lamp.Signal{Colour: c}); err != nil {
				return err
			}
			shown++
		}
		if shown == 0 {
			return fmt.Errorf("no bay with a lamp is called %q", bay)
		}
		select {
		case <-time.After(lampStep):
		case <-ctx.Done():
		}
	}
	return nil
}

// echoed shows a code on the devices page instead of acting on it, if somebody
// asked for that.
func (d *devices) echoed(name string, s scanner.Scan) bool {
	d.mu.Lock()
	until, asked := d.echo[name]
	delete(d.echo, name)
	d.mu.Unlock()
	if !asked || time.Now().After(until) {
		return false
	}
	text := []rune(s.Text)
	text = text[:min(len(text), echoText)]
	d.seen(name, len(s.Text), fmt.Sprintf("%s… %s", string(text), s.Symbology))
	d.beep(name, s.Malformed == "")
	return true
}
