package kioskapp

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/floor"
	"baylight/sync/link"
	"baylight/sync/wire"
)

// maxAhead bounds how far ahead a command may expire.
const maxAhead = 24 * time.Hour

// identifyFor is how long a board shows its name when it is asked to.
const identifyFor = time.Minute

// commands is what the back office ordered.
type commands struct {
	mu     sync.Mutex
	answer *wire.Answer // to the last one; nil: there was none
	text   string       // to be shown in the waiting room
	since  kiosk.Moment // when it came
	lasts  time.Duration
}

// obey subscribes to the commands; the time's is asked for elsewhere.
func (a *app) obey() error {
	for _, verb := range []string{"call", "announce", "print", "identify"} {
		topic, err := a.topics.Cmd(verb)
		if err != nil {
			return err
		}
		a.link.Handle(topic, wire.QoS, func(ctx context.Context, m link.Message) { a.command(ctx, verb, m) })
	}
	return nil
}

// command carries out one command, or says in health why not.
func (a *app) command(ctx context.Context, verb string, m link.Message) {
	c, err := wire.DecodeCommand(m.Payload)
	if err == nil {
		err = a.carryOut(ctx, verb, c, m.Retained)
	}
	answer := &wire.Answer{ID: c.ID, Verb: verb, Done: err == nil}
	if err != nil {
		if answer.Text = err.Error(); len(answer.Text) > 300 {
			answer.Text = answer.Text[:300]
		}
		a.log.Warn("command not carried out", "verb", verb, "id", c.ID, "error", err)
	}
	a.commands.mu.Lock()
	defer a.commands.mu.Unlock()
	a.commands.answer = answer
}

func (a *app) carryOut(ctx context.Context, verb string, c wire.Command, retained bool) error {
	now := a.o.Clock.Now()
	left := c.Expires.Sub(now.Wall)
	switch {
	case retained:
		return errors.New("it stood retained on the broker: who gave it and when cannot be told")
	case now.Clock != kiosk.Unset && left <= 0:
		return fmt.Errorf("it expired at %s", c.Expires.Format(time.RFC3339))
	case now.Clock != kiosk.Unset && left > maxAhead:
		return fmt.Errorf("it expires at %s, more than %v ahead", c.Expires.Format(time.RFC3339), maxAhead)
	case now.Clock == kiosk.Unset: // it came just now, over a connection that keeps nothing
		left = identifyFor
	}
	var in floor.Input
	switch verb {
	case "call":
		in = floor.Call{ID: "cmd-" + c.ID, By: c.By, Visit: c.Visit, Place: c.Place}
	case "print":
		in = floor.Reprint{ID: "cmd-" + c.ID, By: c.By, Visit: c.Visit, Document: c.Document, Printer: c.Printer}
	case "announce":
		a.announce(c.Text, now, left)
		return nil
	default:
		a.announce(a.set.Name, now, min(left, identifyFor))
		select {
		case a.point <- struct{}{}:
		default: // they are at it
		}
		return nil
	}
	r, err := a.station.Do(ctx, in)
	if err == nil && !r.Good {
		err = fmt.Errorf("refused: %s", r.Message.Key)
	}
	return err
}

func (a *app) announce(text string, now kiosk.Moment, lasts time.Duration) {
	a.commands.mu.Lock()
	defer a.commands.mu.Unlock()
	a.commands.text, a.commands.since, a.commands.lasts = text, now, lasts
}

// announced is what the waiting room has to read now, "" if nothing.
func (c *commands) announced(now kiosk.Moment) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Since(c.since) >= c.lasts {
		return ""
	}
	return c.text
}

func (c *commands) answered() *wire.Answer {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.answer
}
