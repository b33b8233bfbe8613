package clock

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// syncedFile is touched by systemd-timesyncd each time it has heard a server.
const syncedFile = "/run/systemd/timesync/synchronized"

// markerHolds is how long after that the clock is synchronised: the time after
// which the kernel too gives the clock up (its error bound reaches 16 s).
const markerHolds = 9 * time.Hour

// discipline finds out whether the system holds its clock: the kernel's own
// state, which timesyncd, chrony (with rtcsync) and ntpd keep, or timesyncd's
// marker where the kernel does not say.
type discipline struct {
	stat     func(name string) (fs.FileInfo, error)
	adjtimex func(*unix.Timex) (int, error)

	mu      sync.Mutex
	touched time.Time     // the marker's time as last seen
	seen    time.Duration // time since boot when it changed
}

// says is whether the clock is synchronised, seen at a wall clock and a time since boot.
func (d *discipline) says(wall time.Time, up time.Duration) bool {
	var tx unix.Timex
	if state, err := d.adjtimex(&tx); err == nil && disciplined(state, tx.Status) {
		return true
	}
	info, err := d.stat(syncedFile)
	if err != nil {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if t := info.ModTime(); !t.Equal(d.touched) {
		d.seen = up
		if age := wall.Sub(t); d.touched.IsZero() && age > 0 { // this program began later
			d.seen = up - min(age, markerHolds)
		}
		d.touched = t
	}
	return up-d.seen < markerHolds
}

// disciplined reads the answer of adjtimex(2).
func disciplined(state int, status int32) bool {
	const timeError = 5 // TIME_ERROR: the clock is not synchronised
	return state != timeError && status&unix.STA_UNSYNC == 0
}

// How a battery clock is asked.
const (
	batteryEvery = time.Minute     // time since boot
	batteryNear  = 2 * time.Second // a wall clock that was set from it shows the same, to a second
)

// battery finds out whether a clock with a battery vouches for the wall clock.
type battery struct {
	read func() (time.Time, error)

	mu      sync.Mutex
	asked   bool
	at      time.Duration
	vouches bool
}

// says is whether the battery clock agrees with the wall clock; it is asked once
// a minute.
func (b *battery) says(wall time.Time, up time.Duration) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.asked && up-b.at < batteryEvery {
		return b.vouches
	}
	b.asked, b.at = true, up
	t, err := b.read()
	b.vouches = err == nil && t.Year() >= builtYear && wall.Sub(t).Abs() <= batteryNear
	return b.vouches
}

// Where Linux shows the battery clock.
const (
	rtcFile   = "/sys/class/rtc/rtc0/since_epoch"
	rtcDevice = "/dev/rtc0"
)

var errFlat = errors.New("the battery of the clock was low or empty")

// readRTC reads the battery clock, if there is one and its battery held.
func readRTC() (time.Time, error) {
	b, err := os.ReadFile(rtcFile)
	if err != nil {
		return time.Time{}, fmt.Errorf("read battery clock: %w", err)
	}
	t, err := parseRTC(b)
	if err != nil {
		return time.Time{}, err
	}
	f, err := os.Open(rtcDevice)
	if err != nil { // the device may be closed to us: then the time alone has to do
		return t, nil
	}
	defer f.Close()
	if flags, err := unix.IoctlGetInt(int(f.Fd()), unix.RTC_VL_READ); err == nil && flags != 0 {
		return time.Time{}, errFlat
	}
	return t, nil
}

// parseRTC reads the kernel's seconds since 1970.
func parseRTC(b []byte) (time.Time, error) {
	s, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	if err != nil || s < 0 || s > 1<<40 {
		return time.Time{}, fmt.Errorf("read battery clock: %.40q is not a count of seconds since 1970", b)
	}
	return time.Unix(s, 0), nil
}
