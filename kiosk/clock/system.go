package clock

import (
	"fmt"
	"os"
	"strings"
	"time"

	"baylight/kiosk"

	"golang.org/x/sys/unix"
)

// builtYear is the year this program was written in: a clock that shows an
// earlier one was never set.
const builtYear = 2026

// Where Linux says which boot this is and whether timesyncd has synchronised.
const (
	bootIDFile = "/proc/sys/kernel/random/boot_id"
	syncedFile = "/run/systemd/timesync/synchronized"
)

// System is the clock of the machine.
type System struct {
	zone   *time.Location
	boot   string
	wall   func() time.Time
	up     func() time.Duration
	synced func() bool
}

// NewSystem is the machine's clock with its wall time in zone; nil is time.Local.
// It fails where the kernel does not tell the boot id or the time since boot.
func NewSystem(zone *time.Location) (*System, error) {
	id, err := os.ReadFile(bootIDFile)
	if err != nil {
		return nil, fmt.Errorf("read boot id: %w", err)
	}
	boot := strings.TrimSpace(string(id))
	if boot == "" {
		return nil, fmt.Errorf("read boot id: %s is empty", bootIDFile)
	}
	if _, err := sinceBoot(); err != nil {
		return nil, err
	}
	if zone == nil {
		zone = time.Local
	}
	up := func() time.Duration {
		d, _ := sinceBoot() // it worked above, and nothing can take CLOCK_BOOTTIME away
		return d
	}
	return &System{zone: zone, boot: boot, wall: time.Now, up: up, synced: synchronised}, nil
}

// Now reads the machine's clocks.
func (s *System) Now() kiosk.Moment {
	m := kiosk.Moment{Up: s.up(), Boot: s.boot, Wall: s.wall().Round(0).In(s.zone), Clock: kiosk.Holdover}
	switch {
	case m.Wall.Year() < builtYear:
		m.Clock = kiosk.Unset
	case s.synced():
		m.Clock = kiosk.Synced
	}
	return m
}

// Alarm rings after a real duration.
func (s *System) Alarm(after time.Duration) (<-chan struct{}, func()) {
	ch := make(chan struct{})
	if after <= 0 {
		close(ch)
		return ch, func() {}
	}
	t := time.AfterFunc(after, func() { close(ch) })
	return ch, func() { t.Stop() }
}

func sinceBoot() (time.Duration, error) {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		return 0, fmt.Errorf("read time since boot: %w", err)
	}
	return time.Duration(ts.Nano()), nil
}

// synchronised says whether timesyncd has set the clock in this boot or the
// kernel's own state says that some daemon (chrony, ntpd) holds it.
func synchronised() bool {
	if _, err := os.Stat(syncedFile); err == nil {
		return true
	}
	var tx unix.Timex
	state, err := unix.Adjtimex(&tx)
	return err == nil && disciplined(state, tx.Status)
}

// disciplined reads the answer of adjtimex(2).
func disciplined(state int, status int32) bool {
	const timeError = 5 // TIME_ERROR: the clock is not synchronised
	return state != timeError && status&unix.STA_UNSYNC == 0
}
