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

	"baylight/kiosk/clock/syncmark"
)

// A marker is a file that is touched while the clock is synchronised.
type marker struct {
	file  string
	holds time.Duration // how long after it was touched

	touched time.Time     // its time as last seen
	seen    time.Duration // time since boot when that changed
}

// markers that somebody on this machine may keep. timesyncd touches its own each
// time it has heard a server, and the clock counts as synchronised for as long
// after that as the kernel gives it (its error bound reaches 16 s).
func markers() []*marker {
	return []*marker{
		{file: "/run/systemd/timesync/synchronized", holds: 9 * time.Hour},
		{file: syncmark.File, holds: syncmark.Holds},
	}
}

// says is whether the marker counts, its file being as stat tells.
func (m *marker) says(info fs.FileInfo, wall time.Time, up time.Duration) bool {
	if t := info.ModTime(); !t.Equal(m.touched) {
		m.seen = up
		if age := wall.Sub(t); m.touched.IsZero() && age > 0 { // this program began later
			m.seen = up - min(age, m.holds)
		}
		m.touched = t
	}
	return up-m.seen < m.holds
}

// discipline finds out whether the system holds its clock: the kernel's own
// state, which timesyncd, chrony (with rtcsync) and ntpd keep, or a marker where
// the kernel does not say. The daemons' sandbox lets nobody ask the kernel; there
// baylight-synced does (package syncmark).
type discipline struct {
	stat     func(name string) (fs.FileInfo, error)
	adjtimex func(*unix.Timex) (int, error)

	mu      sync.Mutex
	markers []*marker
}

func newDiscipline(stat func(string) (fs.FileInfo, error), adjtimex func(*unix.Timex) (int, error)) *discipline {
	return &discipline{stat: stat, adjtimex: adjtimex, markers: markers()}
}

// says is whether the clock is synchronised, seen at a wall clock and a time since boot.
func (d *discipline) says(wall time.Time, up time.Duration) bool {
	var tx unix.Timex
	if state, err := d.adjtimex(&tx); err == nil && syncmark.Disciplined(state, tx.Status) {
		return true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	held := false
	for _, m := range d.markers { // each is looked at, so that none is seen late
		if info, err := d.stat(m.file); err == nil && m.says(info, wall, up) {
			held = true
		}
	}
	return held
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
