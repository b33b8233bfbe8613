package kioskapp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"baylight/cmd/internal/settings"
	"baylight/device/lamp"
	"baylight/device/scanner"
	"baylight/kiosk/screen"
	"baylight/kiosk/ticket"
)

// How a device shows which one it is.
const (
	identifyBeeps = 3
	identifyPause = 600 * time.Millisecond // from beep to beep: shorter, and a scanner drops one
	identifyBlink = 4 * time.Second
)

// identify lets a device show which one it is: a scanner beeps three times, a
// printer prints its name, a lamp blinks. It ends when that was done.
func (a *app) identify(ctx context.Context, d screen.Device) error {
	if !d.Up {
		return errors.New("it is not connected")
	}
	switch d.Kind {
	case "printer":
		if a.paper == nil {
			return errors.New("no printer is configured")
		}
		_, err := a.paper.Print(ctx, ticket.NamePage(a.paperView(), d.Name, a.o.Clock.Now().Wall))
		return err
	case "lamp":
		return a.blink(ctx, strings.TrimPrefix(d.Name, "lamp "))
	case "scanner":
		return a.beepThrice(ctx, d.Name)
	}
	return fmt.Errorf("identify %s: a %s cannot be told to", d.Name, d.Kind)
}

// identifyAll lets every scanner and lamp of the board show itself at once, each
// time it is asked to. Printers keep their paper.
func (a *app) identifyAll(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-a.point:
		}
		var all sync.WaitGroup
		for _, d := range a.devices.list() {
			if d.Kind != "scanner" && d.Kind != "lamp" {
				continue
			}
			all.Go(func() {
				if err := a.identify(ctx, d); err != nil && ctx.Err() == nil {
					a.log.Info("device does not show itself", "device", d.Name, "error", err)
				}
			})
		}
		all.Wait()
	}
}

func (a *app) beepThrice(ctx context.Context, name string) error {
	i := slices.IndexFunc(a.set.Scanners, func(s settings.Scanner) bool { return s.Name == name })
	if i >= 0 && a.set.Scanners[i].Beep == scanner.BeepNone {
		return errors.New("the configuration does not say how it beeps (beep)")
	}
	for n := range identifyBeeps {
		if n > 0 {
			if err := pause(ctx, identifyPause); err != nil {
				return err
			}
		}
		a.devices.beep(name, true)
	}
	return nil
}

// blink lets a bay's lamp blink, then gives it back to what the bay's state says.
func (a *app) blink(ctx context.Context, bay string) error {
	i := slices.IndexFunc(a.set.Bays, func(b settings.Bay) bool { return b.ID == bay })
	if a.lights.towers == nil || i < 0 || !a.lights.wired[bay] {
		return errors.New("no lamp is wired there, or this machine has no pins")
	}
	for _, c := range []lamp.Colour{lamp.White, lamp.Blue, lamp.Amber, lamp.Green, lamp.Red} {
		if _, wired := a.set.Bays[i].Pins[c.String()]; !wired {
			continue
		}
		defer a.lights.restore()
		if err := a.lights.towers.Set(bay, lamp.Signal{Colour: c, Blink: true}); err != nil {
			return err
		}
		return pause(ctx, identifyBlink)
	}
	return errors.New("none of its colours is wired")
}

// pause waits, unless ctx ends first.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
