package kioskapp

import (
	"context"
	"errors"
	"fmt"

	"baylight/kiosk"
	"baylight/kiosk/floor"
	"baylight/kiosk/journal"
)

// progress tells whether a scan that comes now would be recorded: the station's
// loop answers, the way into the journal is free, and every scanner's line is
// listened to, or tried. What hangs there does not return, and the watchdog
// bites. A disk that is full or refuses is no reason to start again: that is
// shown, and a new start would not mend it.
func (a *app) progress() func(context.Context) error {
	turned := map[string]uint64{}
	return func(ctx context.Context) error {
		if err := a.station.View(ctx, func(*floor.State, kiosk.Moment) {}); err != nil {
			return fmt.Errorf("the station does not answer: %w", err)
		}
		if err := a.journal.Writable(); errors.Is(err, journal.ErrClosed) {
			return err
		}
		for name, s := range a.devices.scanners {
			now := s.Turns()
			if last, known := turned[name]; known && last == now {
				return fmt.Errorf("nobody listens to scanner %s", name)
			}
			turned[name] = now
		}
		return nil
	}
}
