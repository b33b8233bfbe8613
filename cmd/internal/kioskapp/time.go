package kioskapp

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/clock"
	"baylight/kiosk/floor"
	"baylight/kiosk/screen"
	"baylight/kiosk/words"
	"baylight/sync/link"
	"baylight/sync/wire"
)

// rememberEvents bounds how far back a start looks for who last told the time.
const rememberEvents = 2000

// keepTime puts a keeper before the system's clock: from here on the kiosk knows
// no other. It has to know the last durable event, before which it never was.
func (a *app) keepTime() error {
	known := clock.Known{Built: clock.Built()}
	for seq, more := a.journal.Head(), true; seq > 0 && more && a.journal.Head()-seq < rememberEvents; seq-- {
		rows, err := a.journal.Read(seq-1, 1)
		if err == nil && len(rows) == 0 {
			break // pruned
		}
		var e kiosk.Event
		if err == nil {
			e, err = kiosk.Decode(rows[0].Bytes)
		}
		if err != nil {
			return fmt.Errorf("read the last events' times: %w", err)
		}
		more = known.Take(e)
	}
	a.earliest = earliest(known.Built, known.Last)
	a.times = clock.NewKeeper(a.o.Clock, known, a.clockChanged)
	a.o.Clock = a.times
	return nil
}

// clockChanged records that the clock became more trustworthy, and by how much
// it was off: what this boot recorded before gets its true time from that. A
// jump that was not followed is recorded as well.
func (a *app) clockChanged(c clock.Change) {
	a.log.Warn("the clock changed", "source", c.Source, "off", c.Offset, "error", c.Error)
	in := floor.ClockSet{Offset: c.Offset, Source: c.Source, Error: c.Error}
	if _, err := a.station.Do(context.Background(), in); err != nil {
		a.log.Error("that the clock changed is not recorded", "off", c.Offset, "error", err)
	}
}

// hearTime listens for the office's answers.
func (a *app) hearTime() error {
	topic, err := a.topics.Cmd("time")
	if err != nil {
		return err
	}
	a.link.Handle(topic, wire.QoS, func(_ context.Context, m link.Message) {
		if !m.Retained { // an answer of another day
			a.answerTime(m.Payload)
		}
	})
	return nil
}

// watchClock records as a device that is down that a person has to look at the
// clock, and asks the office for the time.
func (a *app) watchClock(ctx context.Context) error {
	recorded := "" // the trouble that is recorded
	next := a.times.Now().Up
	for {
		s := a.times.Status()
		if t := clockTrouble(s); string(t.Text.Key) != recorded {
			recorded = string(t.Text.Key)
			a.station.Device(ctx, "clock", recorded == "", t.Detail)
		}
		if now := a.times.Now(); now.Up >= next {
			next = now.Up + a.question(now, s)
		}
		alarm, stop := a.times.Alarm(time.Second)
		select {
		case <-ctx.Done():
			stop()
			return nil
		case <-alarm:
		}
	}
}

// unsetAfter is how long after boot a clock without any source is trouble: the
// network's time takes a minute to arrive.
const unsetAfter = 10 * time.Minute

// clockTrouble is what a person has to know of the clock, the zero Alarm if nothing.
func clockTrouble(s clock.Status) screen.Alarm {
	switch {
	case s.Jump != 0:
		return screen.Alarm{Text: words.Say("alarm.clock_jump"), Detail: fmt.Sprintf("the system's clock is %s away and is not followed", s.Jump.Round(time.Second))}
	case s.Source == "" && s.Age >= unsetAfter:
		return screen.Alarm{Text: words.Say("alarm.clock_unset"), Detail: fmt.Sprintf("no source for the time in %s since boot", s.Age.Round(time.Minute))}
	case s.Lost():
		return screen.Alarm{Text: words.Say("alarm.clock_lost"), Detail: fmt.Sprintf("not confirmed for %s, may be off by %s", s.Age.Round(time.Minute), s.Error.Round(time.Second))}
	}
	return screen.Alarm{}
}

// clockAlarms are what clockTrouble says, as a list.
func (a *app) clockAlarms() []screen.Alarm {
	if t := clockTrouble(a.times.Status()); t.Text.Key != "" {
		return []screen.Alarm{t}
	}
	return nil
}

// asking is a clock.Asker for two goroutines: who asks and who hears answers.
type asking struct {
	mu sync.Mutex
	clock.Asker
}

// question asks the office once, if there is a connection, and gives the pause
// before the next one.
func (a *app) question(now kiosk.Moment, s clock.Status) time.Duration {
	if !a.link.Status().Up {
		return time.Second
	}
	nonce := rand.Text()
	payload, err := wire.TimeQuestion{Nonce: nonce}.Encode()
	if err != nil {
		a.log.Error("question for the time", "error", err)
		return time.Minute
	}
	a.ask.mu.Lock()
	defer a.ask.mu.Unlock()
	a.ask.Ask(nonce, now)
	a.link.Publish(a.topics.Time(), wire.QoS, false, payload)
	return a.ask.Next(s)
}

// answerTime takes the office's answer; one that is not to be believed is dropped.
func (a *app) answerTime(payload []byte) {
	now := a.times.Now()
	in, err := wire.DecodeTimeAnswer(payload)
	if err != nil {
		a.log.Info("the office's time is not understood", "error", err)
		return
	}
	a.ask.mu.Lock()
	defer a.ask.mu.Unlock()
	if _, err := a.ask.Answer(in.Nonce, in.Time, in.Synced, now); err != nil {
		a.log.Info("the office's time is refused", "error", err)
		return
	}
	if best, ok := a.ask.Best(now); ok {
		a.times.Offer(best)
	}
}
