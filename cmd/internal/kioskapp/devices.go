package kioskapp

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"time"

	"baylight/cmd/internal/settings"
	"baylight/device/lamp"
	"baylight/device/line"
	"baylight/device/printer"
	"baylight/device/scanner"
	"baylight/kiosk"
	"baylight/kiosk/floor"
	"baylight/kiosk/screen"
	"baylight/kiosk/station"
	"baylight/kiosk/ticket"
)

// devices knows how everything at the end of a wire is, and tells the station.
type devices struct {
	log      *slog.Logger
	station  *station.Station
	scanners map[string]*scanner.Scanner
	count    func(scanner string, good bool)

	mu    sync.Mutex
	state map[string]screen.Device
	order []string
	lit   map[string]screen.Lamp
	news  map[string]screen.Device
	echo  map[string]time.Time // scanner → until when its next code is only shown
	moved map[string]moved
	wake  chan struct{}
}

// moved is what last came or went at a device, without what it was.
type moved struct {
	at    time.Time
	bytes int
}

func newDevices(log *slog.Logger) *devices {
	return &devices{log: log, scanners: map[string]*scanner.Scanner{}, state: map[string]screen.Device{},
		lit: map[string]screen.Lamp{}, news: map[string]screen.Device{}, echo: map[string]time.Time{}, moved: map[string]moved{}, wake: make(chan struct{}, 1)}
}

// add lists a device before its state is known.
func (d *devices) add(name, kind string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.order = append(d.order, name)
	d.state[name] = screen.Device{Name: name, Kind: kind}
}

// set takes a device's state. It is called on the device's goroutine and does
// not wait: the station is told by report.
func (d *devices) set(name string, up bool, reason string, reopens int) {
	d.mu.Lock()
	s := d.state[name]
	s.Up, s.Reason, s.Since, s.Reconnects = up, reason, time.Now(), reopens
	d.state[name], d.news[name] = s, s
	d.mu.Unlock()
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// seen notes how many bytes came or went at a device just now, and what is to be
// shown of them on its page.
func (d *devices) seen(name string, bytes int, shown string) {
	now := time.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.state[name]
	s.LastAt, s.Last = now, strings.TrimSpace(fmt.Sprintf("%d B %s", bytes, shown))
	d.state[name], d.moved[name] = s, moved{now, bytes}
}

// traffic is when something last came or went at a device.
func (d *devices) traffic(name string) moved {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.moved[name]
}

func (d *devices) list() []screen.Device {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := make([]screen.Device, 0, len(d.order))
	for _, n := range d.order {
		out = append(out, d.state[n])
	}
	return out
}

// report tells the station which devices were lost or are back.
func (d *devices) report(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-d.wake:
		}
		d.mu.Lock()
		news := d.news
		d.news = map[string]screen.Device{}
		d.mu.Unlock()
		for name, s := range news {
			d.station.Device(ctx, name, s.Up, s.Reason)
		}
	}
}

// beep lets a scanner sound a result, and counts it.
func (d *devices) beep(name string, good bool) {
	d.count(name, good)
	if s := d.scanners[name]; s != nil {
		s.Beep(good)
	}
}

// scanner puts one scanner on its line.
func (a *app) scanner(set settings.Scanner) {
	a.devices.add(set.Name, "scanner")
	ctx, stop := context.WithCancel(context.Background()) // ends what waits for a full queue when the line ends
	onScan := func(s scanner.Scan) {
		if a.devices.echoed(set.Name, s) {
			return
		}
		in := floor.Scan{Scanner: set.Name, Symbology: s.Symbology, Malformed: s.Malformed, Repeated: s.Repeated}
		in.Text, in.Refused = a.ours(s.Text)
		if _, err := kiosk.ParseCode(in.Text); err != nil && in.Refused == "" && set.Place == floor.Reception {
			in.CheckIn = a.view.prepared() // a ticket or badge in between leaves it for the car's own code
			in.Booking, in.Refused = a.bookings.scanned(in.Text)
			in.Ask = a.view.attended()
		}
		a.devices.seen(set.Name, len(s.Text), "")
		if s.Repeated > 1 {
			a.meters.scan(set.Name, scanRepeated)
		}
		a.station.Scan(ctx, in)
	}
	s := scanner.New(set.Config, a.log, onScan, func(st line.State) { a.devices.set(set.Name, st.Up, st.Reason, st.Reopens) })
	a.devices.scanners[set.Name] = s
	a.tasks = append(a.tasks, scannerTask{s, stop})
}

// scannerTask ends a scan that waits for the station when the daemon ends.
type scannerTask struct {
	*scanner.Scanner
	stop context.CancelFunc
}

// Run runs the scanner and lets nothing wait after ctx has ended.
func (t scannerTask) Run(ctx context.Context) error {
	defer context.AfterFunc(ctx, t.stop)()
	return t.Scanner.Run(ctx)
}

// paper is a printer as the station sees it.
type paper struct {
	p     *printer.Printer
	width printer.Width
	seen  func(bytes int)
}

// printer makes the ticket printer.
func (a *app) printer(set *settings.Printer) station.Printer {
	a.devices.add(set.Name, "printer")
	cfg := printer.Config{Name: set.Name, Log: a.log, OnState: func(s printer.State) { a.devices.set(set.Name, s.Up, s.Reason, 0) }}
	var p *printer.Printer
	switch {
	case set.USB != "":
		p = printer.NewUSB(set.USB, cfg)
	case set.TCP != "":
		p = printer.NewTCP(set.TCP, cfg)
	default:
		p = printer.NewSerial(set.Line, cfg)
	}
	a.tasks = append(a.tasks, p)
	width := printer.Width80
	if set.Width == 58 {
		width = printer.Width58
	}
	return paper{p, width, func(n int) { a.devices.seen(set.Name, n, "") }}
}

// Print draws the document and sends it.
func (p paper) Print(ctx context.Context, d ticket.Document) (floor.PrintOutcome, error) {
	b := printer.NewPaper(p.width)
	d.Draw(b)
	id := fnv.New32a()
	id.Write([]byte(d.ID))
	p.seen(len(b.Bytes()))
	out, err := p.p.Print(ctx, printer.Job{ID: id.Sum32(), Bytes: b.Bytes()})
	switch {
	case err != nil:
		return "", err
	case out == printer.Confirmed:
		return floor.PrintConfirmed, nil
	case out == printer.Sent:
		return floor.PrintSent, nil
	}
	return floor.PrintUnknown, nil
}

// lamps are the towers as the station lights them, and as they are drawn on screens.
type lamps struct {
	towers  *lamp.Lamps // nil: no pins, drawn only
	wired   map[string]bool
	d       *devices
	refused func() bool // nothing can be recorded at present
}

// Towers are the lamps of the settings that have pins.
func Towers(set *settings.Kiosk) (towers []lamp.Tower, err error) {
	for _, b := range set.Bays {
		if len(b.Pins) == 0 {
			continue
		}
		t := lamp.Tower{Name: b.ID, Pins: map[lamp.Colour]string{}, ActiveLow: b.ActiveLow}
		for name, pin := range b.Pins {
			c, err := lamp.ParseColour(name)
			if err != nil {
				return nil, err
			}
			t.Pins[c] = pin
		}
		towers = append(towers, t)
	}
	return towers, nil
}

// lamps makes the towers. A machine without pins is no error: the lamps are
// then drawn on the screens only, and the devices page says so.
func (a *app) lamps() (*lamps, error) {
	l := &lamps{wired: map[string]bool{}, d: a.devices, refused: func() bool { return a.station.Broken() != "" }}
	towers, err := Towers(a.set)
	if err != nil {
		return nil, err
	}
	for _, t := range towers {
		l.wired[t.Name] = true
		a.devices.add("lamp "+t.Name, "lamp")
	}
	open := a.o.Pins
	if open == nil && len(towers) > 0 {
		open, err = lamp.OpenHost()
	}
	if err == nil && len(towers) > 0 {
		l.towers, err = lamp.New(towers, open, a.log, func(s lamp.State) {
			reason := ""
			if s.Err != nil {
				reason = s.Err.Error()
			}
			a.devices.set("lamp "+s.Tower, s.Err == nil, reason, 0)
		})
	}
	switch {
	case errors.Is(err, lamp.ErrNoGPIO):
		a.log.Warn("this machine has no pins: lamps are drawn on screens only")
		for _, t := range towers {
			a.devices.set("lamp "+t.Name, false, err.Error(), 0)
		}
	case err != nil:
		return nil, err
	case l.towers != nil:
		a.tasks = append(a.tasks, l.towers)
	}
	return l, nil
}

// Set lights a bay's lamp. While nothing can be recorded it blinks amber, whatever
// the bay's state is: whoever scans there has to look at the screen. Only a call
// for help goes before that.
func (l *lamps) Set(bay string, s station.Lamp) {
	if help := s.Colour == "red" && s.Blink; !help && l.refused() {
		s = station.Lamp{Colour: "amber", Blink: true}
	}
	l.d.mu.Lock()
	before := l.d.lit[bay]
	now := screen.Lamp{Colour: s.Colour, Blink: s.Blink}
	l.d.lit[bay] = now
	l.d.mu.Unlock()
	if l.towers == nil || !l.wired[bay] || before == now {
		return
	}
	c := lamp.Dark
	if s.Colour != "" {
		var err error
		if c, err = lamp.ParseColour(s.Colour); err != nil {
			l.d.log.Error("lamp", "bay", bay, "error", err)
			return
		}
	}
	if err := l.towers.Set(bay, lamp.Signal{Colour: c, Blink: s.Blink}); err != nil {
		l.d.log.Error("lamp", "bay", bay, "error", err)
	}
}

// restore lights every tower as its bay's state says.
func (l *lamps) restore() {
	l.d.mu.Lock()
	lit := maps.Clone(l.d.lit)
	clear(l.d.lit)
	l.d.mu.Unlock()
	for bay, s := range lit {
		l.Set(bay, station.Lamp{Colour: s.Colour, Blink: s.Blink})
	}
}
