package doctor

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"baylight/cmd/internal/kioskapp"
	"baylight/cmd/internal/settings"
	"baylight/device/lamp"
	"baylight/device/printer"
)

var errHeld = errors.New("the running kiosk holds it and does not say")

// wiring looks at everything at the end of a wire.
func wiring(ctx context.Context, f *Facts) (out []Finding) {
	if f.Settings == nil {
		return nil
	}
	if len(f.Settings.Scanners) == 0 {
		out = append(out, say(Look, "scanner.none"))
	}
	for _, s := range f.Settings.Scanners {
		out = append(out, f.scanner(s))
		if better, unstable := f.stable(s.Line.Device); unstable {
			out = append(out, say(Look, "scanner.unstable", s.Name, s.Line.Device, better))
		}
	}
	out = append(out, f.printer(ctx, f.Settings.Printer)...)
	return append(out, f.lamps()...)
}

// device is what the running kiosk says of one, nil if it does not run.
func (f *Facts) device(name string) *kioskapp.StateDevice {
	if f.State == nil {
		return nil
	}
	i := slices.IndexFunc(f.State.Devices, func(d kioskapp.StateDevice) bool { return d.Name == name })
	if i < 0 {
		return &kioskapp.StateDevice{Name: name, Reason: "the running kiosk does not know it: it was started with another configuration"}
	}
	return &f.State.Devices[i]
}

func (f *Facts) scanner(s settings.Scanner) Finding {
	d := f.device(s.Name)
	switch {
	case d != nil && !d.Up:
		return say(Wrong, "scanner.down", s.Name, s.Line.Device, d.Reason)
	case d != nil && d.Last == "":
		return say(OK, "scanner.quiet", s.Name, s.Line.Device)
	case d != nil:
		return say(OK, "scanner.ok", s.Name, s.Line.Device, d.Last)
	}
	if name, found := strings.CutPrefix(s.Line.Device, "/"); found {
		if _, err := f.stat(name); errors.Is(err, fs.ErrNotExist) {
			return say(Wrong, "scanner.down", s.Name, s.Line.Device, "there is no such device")
		}
	}
	if f.held() {
		return unseen("wiring", s.Name, errHeld)
	}
	if err := f.Machine.Line(s.Line.Device); err != nil {
		return say(Wrong, "scanner.down", s.Name, s.Line.Device, err.Error())
	}
	return say(OK, "scanner.there", s.Name, s.Line.Device)
}

// stable says that a device's name may be another's after the next start, and
// gives a name that stays, if there is one.
func (f *Facts) stable(device string) (better string, unstable bool) {
	base := path.Base(device)
	if path.Dir(device) != "/dev" || !strings.HasPrefix(base, "ttyUSB") && !strings.HasPrefix(base, "ttyACM") {
		return "", false
	}
	for _, pattern := range []string{"/dev/baylight/*", "/dev/serial/by-id/*", "/dev/serial/by-path/*"} {
		for _, link := range f.glob(pattern) {
			if to, err := fs.ReadLink(f.Files, rel(link)); err == nil && path.Base(to) == base {
				return link, true
			}
		}
	}
	return "/dev/serial/by-id/…", true
}

func (f *Facts) printer(ctx context.Context, p *settings.Printer) []Finding {
	if p == nil {
		return []Finding{say(OK, "printer.none")}
	}
	where := p.USB + p.TCP + p.Line.Device
	if d := f.device(p.Name); d != nil {
		switch printer.Cause(f.State.Printer) {
		case printer.Working:
			return []Finding{say(OK, "printer.ok", p.Name, where)}
		case printer.PaperLow:
			return []Finding{say(Look, "printer.low", p.Name, where)}
		case printer.PaperOut:
			return []Finding{say(Look, "printer.paper", p.Name, where)}
		case printer.CoverUp:
			return []Finding{say(Look, "printer.cover", p.Name, where)}
		}
		return []Finding{say(Wrong, "printer.down", p.Name, where, d.Reason)}
	}
	if f.held() {
		return []Finding{unseen("wiring", p.Name, errHeld)}
	}
	var err error
	switch {
	case p.USB != "":
		_, err = f.stat(p.USB)
	case p.TCP != "":
		err = f.Machine.Reach(ctx, p.TCP)
	default:
		err = f.Machine.Line(p.Line.Device)
	}
	if err != nil {
		return []Finding{say(Wrong, "printer.down", p.Name, where, err.Error())}
	}
	return []Finding{say(OK, "printer.there", p.Name, where)}
}

// lamps looks at the pins of the bays' lamps, and at the buses of expanders.
func (f *Facts) lamps() (out []Finding) {
	towers := 0
	buses := map[string]bool{}
	for _, b := range f.Settings.Bays {
		if len(b.Pins) == 0 {
			continue
		}
		towers++
		for _, pin := range b.Pins {
			if p := strings.Split(pin, ":"); len(p) == 4 {
				buses["/dev/i2c-"+p[1]] = true
			}
		}
		if d := f.device("lamp " + b.ID); d != nil && !d.Up {
			out = append(out, say(Wrong, "lamp.down", b.ID, d.Reason))
		}
	}
	if towers == 0 {
		return []Finding{say(OK, "lamp.none")}
	}
	for bus := range buses {
		if _, err := f.stat(bus); errors.Is(err, fs.ErrNotExist) {
			out = append(out, say(Wrong, "lamp.bus", bus))
		}
	}
	switch {
	case f.State != nil:
	case f.held():
		return append(out, unseen("wiring", "lamps", errHeld))
	default:
		for _, err := range f.Machine.Lamps(f.Settings) {
			if errors.Is(err, lamp.ErrNoGPIO) {
				return append(out, say(Look, "lamp.nogpio"))
			}
			out = append(out, say(Wrong, "lamp.pin", err.Error()))
		}
	}
	if len(out) == 0 {
		out = append(out, say(OK, "lamp.ok"))
	}
	return out
}
