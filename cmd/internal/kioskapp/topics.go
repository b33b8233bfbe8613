package kioskapp

import (
	"bytes"
	"context"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/floor"
	"baylight/kiosk/health"
	"baylight/sync/wire"
)

// publishBays keeps each bay's retained topic at its present state: after each
// change, and all of them on each new connection.
func (a *app) publishBays(ctx context.Context) error {
	changed, cancel := a.station.Subscribe()
	defer cancel()
	published := map[string][]byte{}
	session := uint64(0)
	for {
		if st := a.link.Status(); st.Up && st.Session != session {
			session = st.Session
			clear(published)
		}
		for bay, payload := range a.bayStates(ctx) {
			if topic, err := a.topics.Bay(bay); err == nil && !bytes.Equal(published[bay], payload) {
				a.link.Publish(topic, wire.QoS, true, payload)
				published[bay] = payload
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		case <-time.After(5 * time.Second):
		}
	}
}

func (a *app) bayStates(ctx context.Context) map[string][]byte {
	out := map[string][]byte{}
	lit := a.devices.lamps()
	err := a.station.View(ctx, func(st *floor.State, now kiosk.Moment) {
		for _, b := range st.Bays(now) {
			s := wire.BayState{State: string(b.State), Visit: b.Visit, Ticket: b.Ticket, Technicians: b.Technicians, Since: instant(b.Since),
				Promise: instant(b.Promise), Risk: b.State == floor.LampRisk, Lamp: lit[b.Bay.ID].Colour, Blink: lit[b.Bay.ID].Blink}
			payload, err := s.Encode()
			if err != nil {
				a.log.Error("state of a bay", "bay", b.Bay.ID, "error", err)
				continue
			}
			out[b.Bay.ID] = payload
		}
	})
	if err != nil {
		return nil // the daemon is ending
	}
	return out
}

func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// health is the board's retained health message.
func (a *app) health() []byte {
	up, now := a.uplink.Status(), a.o.Clock.Now()
	h := wire.Health{
		At: now.Wall.Format(time.RFC3339), Clock: now.Clock, Versions: map[string]string{"kioskd": a.o.Version},
		Outbox: wire.Outbox{Epoch: up.Epoch, Head: up.Head, Through: up.Through, Depth: up.Depth, OldestMs: up.Oldest.Milliseconds()},
	}
	for _, d := range a.devices.list() {
		state := "down"
		if d.Up {
			state = "up"
		}
		h.Devices = append(h.Devices, wire.Device{Name: d.Name, State: state, Text: d.Reason})
	}
	h.Command, h.Erased = a.commands.answered(), a.erasures.done()
	h.DiskFree, _, _ = room(a.set.Data)
	if why := a.station.Broken(); why != "" {
		h.Alarms = append(h.Alarms, why)
	}
	h.Alarms = append(h.Alarms, a.journalAlarms()...)
	for _, t := range a.clockAlarms() {
		h.Alarms = append(h.Alarms, "clock: "+t.Detail)
	}
	for _, t := range a.identityAlarms(true) {
		h.Alarms = append(h.Alarms, "certificate: "+t.Detail)
	}
	h.Alarms = append(h.Alarms, a.notices.texts()...)
	reasons := a.reasons()
	h.Level = string(health.Worst(reasons))
	for _, r := range reasons {
		h.Reasons = append(h.Reasons, r.Code)
	}
	b, err := h.Encode()
	if err != nil {
		a.log.Error("health message", "error", err)
		return nil
	}
	return b
}
