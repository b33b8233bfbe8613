package firstrun

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"baylight/device/lamp"
	"baylight/device/line"
	"baylight/device/printer"
	"baylight/device/scanner"
	"baylight/kiosk/ticket"
	"baylight/kiosk/words"
	"baylight/sync/link"
)

// How long things are tried.
const (
	listenFor  = 60 * time.Second // for a scan on each line
	printFor   = 30 * time.Second
	answerFor  = 5 * time.Second // for a printer's first answer
	connectFor = 6 * time.Second
	lampStep   = 700 * time.Millisecond
	heardText  = 24 // characters of a scan that are shown
)

// trial tries devices. A line is either listened to or printed on, never both.
type trial struct {
	log  *slog.Logger
	pins lamp.Opener // nil: this machine's
	wg   sync.WaitGroup

	mu    sync.Mutex
	ctx   context.Context
	ends  map[string]func() // by path listened to: ends that and waits for it
	heard map[string]heard
}

// heard is what a line that is listened to has said.
type heard struct {
	Listening bool
	Text      string // the beginning of the last scan, or why it was none
	Good      bool
	Symbology string
	Problem   string // why the line does not open
}

func newTrial(ctx context.Context, log *slog.Logger, pins lamp.Opener) *trial {
	return &trial{ctx: ctx, log: log, pins: pins, ends: map[string]func(){}, heard: map[string]heard{}}
}

// listen waits for scans on a line, for a minute.
func (t *trial) listen(l Line) error {
	cfg := scanner.Config{Name: l.Path, Line: line.Config{Device: l.Path, Baud: l.Baud}}
	if err := errors.Join(cfg.Terminator.UnmarshalText([]byte(l.End)), cfg.Beep.UnmarshalText([]byte(l.Beep))); err != nil {
		return err
	}
	t.hush(l.Path)
	ctx, end := context.WithTimeout(t.ctx, listenFor)
	set := func(change func(*heard)) {
		t.mu.Lock()
		defer t.mu.Unlock()
		h := t.heard[l.Path]
		change(&h)
		t.heard[l.Path] = h
	}
	set(func(h *heard) { *h = heard{Listening: true} })
	done := make(chan struct{})
	t.mu.Lock()
	t.ends[l.Path] = func() { end(); <-done }
	t.mu.Unlock()
	s := scanner.New(cfg, t.log, func(s scanner.Scan) {
		set(func(h *heard) {
			h.Good, h.Symbology, h.Text = s.Malformed == "", s.Symbology, clean(s.Text)
			if !h.Good {
				h.Text = s.Malformed
			}
			if r := []rune(h.Text); len(r) > heardText {
				h.Text = string(r[:heardText]) + "…"
			}
		})
	}, func(s line.State) { set(func(h *heard) { h.Problem = s.Reason }) })
	t.wg.Go(func() {
		defer close(done)
		defer end()
		if err := s.Run(ctx); err != nil {
			set(func(h *heard) { h.Problem = err.Error() })
		}
		set(func(h *heard) { h.Listening = false })
	})
	return nil
}

// hush ends what listens at a line, and waits for it.
func (t *trial) hush(path string) {
	t.mu.Lock()
	end := t.ends[path]
	delete(t.ends, path)
	t.mu.Unlock()
	if end != nil {
		end()
	}
}

// close ends everything that is tried, and waits for it.
func (t *trial) close() {
	t.mu.Lock()
	ends := slices.Collect(maps.Values(t.ends))
	clear(t.ends)
	t.mu.Unlock()
	for _, end := range ends {
		end()
	}
	t.wg.Wait()
}

// at is what a line has said.
func (t *trial) at(path string) heard {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.heard[path]
}

// listening says whether any line is listened to.
func (t *trial) listening() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, h := range t.heard {
		if h.Listening {
			return true
		}
	}
	return false
}

// paper prints on a printer that nothing else uses. connect makes it; it is
// given a moment to answer.
func (t *trial) paper(connect func(printer.Config) *printer.Printer, wide int, draw func(ticket.Paper)) (printer.Outcome, error) {
	ctx, end := context.WithTimeout(t.ctx, printFor)
	defer end()
	up := make(chan struct{})
	opened := sync.OnceFunc(func() { close(up) })
	p := connect(printer.Config{Name: "printer", Log: t.log, OnState: func(s printer.State) {
		if s.Up {
			opened()
		}
	}})
	done := make(chan error, 1)
	run, stop := context.WithCancel(ctx)
	go func() { done <- p.Run(run) }()
	select {
	case <-up:
	case <-time.After(answerFor):
	}
	b := printer.NewPaper(printer.Width80)
	if wide == 58 {
		b = printer.NewPaper(printer.Width58)
	}
	draw(b)
	out, err := p.Print(ctx, printer.Job{ID: 1, Bytes: b.Bytes()})
	stop()
	return out, errors.Join(err, <-done)
}

// print prints the test page where the draft says the printer is.
func (t *trial) print(d *Draft) (printer.Outcome, error) {
	zone, err := time.LoadLocation(d.Store.Zone)
	if err != nil {
		return 0, err
	}
	page := ticket.TestPage(ticket.View{Store: d.Store.Title, Board: d.Board.Name, Zone: zone}, time.Now())
	for _, l := range d.Lines {
		if l.What != "printer" {
			continue
		}
		t.hush(l.Path)
		wire := line.Config{Device: l.Path, Baud: l.Baud}
		if err := wire.Flow.UnmarshalText([]byte(l.Flow)); err != nil {
			return 0, err
		}
		return t.paper(func(c printer.Config) *printer.Printer { return printer.NewSerial(wire, c) }, l.Width, page.Draw)
	}
	switch o := d.Other; {
	case o.USB != "":
		return t.paper(func(c printer.Config) *printer.Printer { return printer.NewUSB(o.USB, c) }, o.Width, page.Draw)
	case o.TCP != "":
		return t.paper(func(c printer.Config) *printer.Printer { return printer.NewTCP(o.TCP, c) }, o.Width, page.Draw)
	}
	return 0, errNoPrinter
}

var errNoPrinter = errors.New("no printer is chosen")

// light shows every colour of a bay's lamp, one after the other.
func (t *trial) light(b Bay) (err error) {
	tower := lamp.Tower{Name: b.ID, Pins: map[lamp.Colour]string{}, ActiveLow: b.ActiveLow}
	var order []lamp.Colour
	for _, name := range Colours {
		if pin := b.Pins[name]; pin != "" {
			c, err := lamp.ParseColour(name)
			if err != nil {
				return err
			}
			tower.Pins[c] = pin
			order = append(order, c)
		}
	}
	if len(order) == 0 {
		return fmt.Errorf("bay %s has no pins", b.ID)
	}
	open := t.pins
	if open == nil {
		if open, err = lamp.OpenHost(); err != nil {
			return err
		}
	}
	var failed error
	lamps, err := lamp.New([]lamp.Tower{tower}, open, t.log, func(s lamp.State) { failed = s.Err })
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(t.ctx)
	done := make(chan error, 1)
	go func() { done <- lamps.Run(ctx) }()
	for _, c := range order {
		err = errors.Join(err, lamps.Set(b.ID, lamp.Signal{Colour: c}))
		select {
		case <-time.After(lampStep):
		case <-ctx.Done():
		}
	}
	stop()
	return errors.Join(err, <-done, failed)
}

// broker connects as the kiosk will.
func (t *trial) broker(b Broker, identityFile string) error {
	l, err := link.New(link.Config{Broker: b.URL, ClientID: "setup_" + rand.Text()[:12], TLS: brokerTLS(identityFile),
		Credentials: func() (string, string, error) { return b.User, b.Password, nil }}, t.log)
	if err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(t.ctx, connectFor)
	defer stop()
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	_, err = l.Next(ctx, 0)
	why := l.Status()
	stop()
	if ended := <-done; err != nil {
		return errors.Join(fmt.Errorf("no connection within %v", connectFor), why.Err, ended)
	}
	return nil
}

// drawCode is the one-time code on paper.
func drawCode(code, address string) func(ticket.Paper) {
	return func(p ticket.Paper) {
		p.Align(1)
		p.Text("Baylight")
		p.Text(words.Text(words.ZH, "setup.code"))
		p.Text(words.Text(words.EN, "setup.code"))
		p.Size(2, 2)
		p.Text(code)
		p.Size(1, 1)
		p.Text(address)
		p.Feed(3)
		p.Cut()
	}
}
