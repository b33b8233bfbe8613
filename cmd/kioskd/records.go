package main

import (
	"context"
	"time"

	"baylight/cmd/internal/firstrun"
	"baylight/cmd/internal/kioskapp"
	"baylight/cmd/internal/settings"
	"baylight/cmd/internal/task"
)

// tryEvery is how often a journal that could not be opened is tried again. It
// may be a large one.
const tryEvery = 5 * time.Second

// untilRecordable shows, where the kiosk's pages are, why nothing can be
// recorded, until it can. Meanwhile the configuration may change as well.
func (c *runCmd) untilRecordable(ctx context.Context, o firstrun.Options, kiosk kioskapp.Options) error {
	at := kiosk.Settings.HTTP
	o.Listen, o.Hosts, o.Every = at.Listen, at.Hosts, tryEvery
	if lamps := kioskapp.Warn(kiosk); lamps != nil {
		o.Beside = []task.Task{lamps}
	}
	return firstrun.Fault(ctx, o, func() (err error) {
		if kiosk.Settings, err = settings.LoadKiosk(c.Config); err != nil {
			return err
		}
		return kioskapp.Recordable(kiosk)
	})
}
