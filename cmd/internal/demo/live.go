package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"time"

	"golang.org/x/sync/errgroup"

	"baylight/cmd/internal/demo/script"
	"baylight/cmd/internal/task"
)

// Live is the demo on screens: half a day is played at start, then the shop
// runs on in its own time.
type Live struct {
	Seed uint64
	Keep string // folder to keep everything in; "": a temporary one, removed
	Out  io.Writer
	Log  *slog.Logger
}

// halfDay is how long a day is played before the clock begins to run.
const halfDay = 13 * time.Hour

// Run opens the shop and runs it until ctx ends.
func (l Live) Run(ctx context.Context) (err error) {
	dir, done, err := folder(l.Keep)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	y, m, d := time.Now().In(firstDay().Location()).Date()
	today := time.Date(y, m, d, 0, 0, 0, 0, firstDay().Location())
	plan := script.Write(script.Options{Seed: l.Seed, Start: today, Days: 5, Visits: 64, Calm: true})
	shop, err := open(dir, l.Seed, true, today.Add(7*time.Hour), l.Log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, shop.Close()) }()
	if err := errors.Join(shop.StartOffice(ctx), shop.StartKiosk(ctx)); err != nil {
		return err
	}
	fmt.Fprintln(l.Out, "playing the morning …")
	h, count := newHands(shop), newCounter()
	h.noted, h.asked = count.acknowledged, true
	if err := h.book(ctx, export(plan, today)); err != nil {
		return ignoreEnd(ctx, err)
	}
	rest := plan.Steps
	for len(rest) > 0 && rest[0].At.Before(today.Add(halfDay)) {
		if err := h.do(ctx, rest[0]); err != nil {
			return ignoreEnd(ctx, err)
		}
		rest = rest[1:]
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("open a port for the demo's page: %w", err)
	}
	if err := shop.Rate(1); err != nil {
		return err
	}
	l.tell(shop, listener.Addr().String())
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		return (&task.Web{Name: "demo", Listener: listener, Handler: pages(shop, count)}).Run(ctx)
	})
	g.Go(func() error { return ignoreEnd(ctx, h.follow(ctx, rest)) })
	for _, what := range []string{KioskChild, OfficeChild} {
		g.Go(func() error { return shop.attend(ctx, what) })
	}
	return g.Wait()
}

// attend waits for a child that ends though nobody ended it.
func (s *Shop) attend(ctx context.Context, what string) error {
	for {
		c := s.child(what)
		select {
		case <-ctx.Done():
			return nil
		case <-c.done:
		}
		s.life.Lock() // whoever ends it on purpose starts it again before letting go
		same := s.child(what) == c
		s.life.Unlock()
		if same && ctx.Err() == nil {
			return fmt.Errorf("%s has ended: %w%s", what, errors.Join(c.err, io.ErrUnexpectedEOF), s.tail("kiosk")+s.tail("backoffice"))
		}
	}
}

// ignoreEnd is err, unless the person at the keyboard ended the demo.
func ignoreEnd(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (l Live) tell(s *Shop, page string) {
	host, port, _ := net.SplitHostPort(s.addr)
	fmt.Fprintf(l.Out, `
Open in a browser:
  http://%s/                 the demo: lamps, paper, clock, scanners to try
  http://%s/                 customer kiosk
  http://%s/desk             adviser's desk (sign in as a01, PIN %s)
  http://%s/bay/b1           a bay's screen (b1 to b8)
  http://%s/board            waiting room
  http://%s/devices          devices
  http://%s/                 back office (manager: sign in as %s, PIN %s)

Watch the events go by:
  mosquitto_sub -h %s -p %s -v -t 'baylight/v1/%s/#'

Ctrl-C ends the demo.
`, page, s.Kiosk, s.Kiosk, PIN, s.Kiosk, s.Kiosk, s.Kiosk, s.Office, script.Manager, PIN, host, port, Store)
}

// follow carries out the rest of the script when its time has come.
func (h *hands) follow(ctx context.Context, steps []script.Step) error {
	for _, s := range steps {
		for {
			wait := s.At.Sub(h.shop.Clock.Now().Wall)
			if wait <= 0 {
				break
			}
			due, stop := h.shop.Clock.Alarm(wait)
			select {
			case <-due:
			case <-ctx.Done():
				stop()
				return nil
			}
		}
		step, cancel := context.WithTimeout(ctx, patience)
		err := h.act(step, s)
		cancel()
		if err != nil {
			// A visitor of the demo may have done something else with this car.
			h.shop.Log.Warn("a step of the script did not go as planned", "step", s.Act, "error", err)
		}
		if ctx.Err() != nil {
			return nil
		}
	}
	return nil
}
