package trial

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"baylight/firmware-config/board/agent"
)

// placed demands that each scan that was heard stands in an event of the bay
// where its scanner is fixed, and that nothing stands there that nobody scanned.
func (u *usb) placed(events []agent.Event) error {
	at := map[string][]string{}
	for _, e := range events {
		if e.Scan != "" {
			at[e.Scan] = append(at[e.Scan], e.Bay)
		}
	}
	var errs []error
	for _, h := range u.heard {
		if !slices.Contains(at[h.code], h.bay) {
			errs = append(errs, fmt.Errorf("%s was heard at %s and is in events of %q", h.code, h.bay, at[h.code]))
		}
	}
	for c := range at {
		if !u.sent(c) {
			errs = append(errs, fmt.Errorf("%s is in the journal and no scanner sent it whole", c))
		}
	}
	return errors.Join(errs...)
}

// sent says whether a scanner sent all of a code, heard or not.
func (u *usb) sent(code string) bool {
	for n := 1; n <= u.used; n++ {
		if card(n) == code {
			return !slices.Contains(u.torn, code)
		}
	}
	return false
}

// told demands device.down and device.up by turns for each scanner, at least one
// pair for each time it was pulled out and missed; a flap may be too short to
// be seen.
func (u *usb) told(events []agent.Event) error {
	var errs []error
	for _, s := range usbScanners {
		var states []string
		for _, e := range events {
			if e.Device == s.id {
				states = append(states, strings.TrimPrefix(e.Type, "device."))
			}
		}
		least := map[string]int{"s0": 2, "s1": cycles + 2, "s2": 3}[s.id] // each: absent at first, swapped; s1: cycles; s2: dead
		downs := 0
		for i, st := range states {
			if want := []string{"down", "up"}[i%2]; st != want {
				errs = append(errs, fmt.Errorf("%s: %v", s.id, states))
				break
			}
			if st == "down" {
				downs++
			}
		}
		if most := u.pulls[s.id] + 1; downs < least || downs > most {
			errs = append(errs, fmt.Errorf("%s was lost %d times by the journal, want %d to %d: %v", s.id, downs, least, most, states))
		}
	}
	return errors.Join(errs...)
}

// ownPart is the longest time from a scanner's name appearing to the daemon
// having its line open, both by the guest's clock.
func (u *usb) ownPart(id string) (slowest time.Duration, err error) {
	a, err := u.do(agent.Request{Do: agent.Links})
	if err != nil {
		return 0, err
	}
	var made []time.Time
	for line := range strings.Lines(a.Out) {
		f := strings.Fields(line)
		if len(f) == 4 && f[1] == "add" && strings.Contains(f[3], "_"+id+"-") {
			at, err := time.Parse(time.RFC3339Nano, f[0])
			if err != nil {
				return 0, fmt.Errorf("read links: %w", err)
			}
			made = append(made, at)
		}
	}
	a, err = u.do(agent.Request{Do: agent.Log})
	if err != nil {
		return 0, err
	}
	var up []time.Time
	for line := range strings.Lines(a.Out) {
		if !strings.Contains(line, `msg="line up"`) || !strings.Contains(line, "scanner="+id+" ") {
			continue
		}
		text, _, _ := strings.Cut(strings.TrimPrefix(line, "time="), " ")
		at, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			return 0, fmt.Errorf("read the daemon's log: %w", err)
		}
		up = append(up, at)
	}
	if len(made) == 0 || len(made) != len(up) {
		return 0, fmt.Errorf("%s got its name %d times and came up %d times", id, len(made), len(up))
	}
	for i := range made {
		slowest = max(slowest, up[i].Sub(made[i]))
	}
	return slowest, nil
}
