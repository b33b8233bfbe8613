package screen

import (
	"time"

	"baylight/kiosk"
	"baylight/kiosk/floor"
)

// round is the grid of proposed promises.
const round = 5 * time.Minute

// load is the open standard minutes of the workshop.
func load(visits []*kiosk.Visit, now time.Time) (minutes int) {
	var left time.Duration
	for _, v := range visits {
		left += floor.Remaining(v, now)
	}
	return int(left / time.Minute)
}

// propose is the promise to propose (DOMAIN §9): now + the workshop's open
// standard minutes ÷ its bays + the order's own, counted in opening hours only
// and rounded up to five minutes. The adviser decides.
func propose(now time.Time, cal kiosk.Calendar, load, bays, own int) time.Time {
	if cal.Zone == nil {
		cal = kiosk.ShanghaiWeek(now.Location())
	}
	left := time.Duration(load/max(bays, 1)+own) * time.Minute
	t := now
	for range 400 { // days; a calendar that never opens ends the search
		opens, closes := cal.Midnight(t).Add(cal.Hours(t).Open), cal.Midnight(t).Add(cal.Hours(t).Close)
		if t.Before(opens) {
			t = opens
		}
		if t.Before(closes) {
			if t.Add(left).After(closes) {
				left -= closes.Sub(t)
			} else {
				return t.Add(left + round - 1).Truncate(round)
			}
		}
		t = cal.Midnight(cal.Midnight(t).Add(36 * time.Hour))
	}
	return now.Add(left)
}
