package clock

import (
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"baylight/kiosk"

	"golang.org/x/sys/unix"
)

// builtYear is the year this program was written in: a clock that shows an
// earlier one was never set.
const builtYear = 2026

// bootIDFile is where Linux says which boot this is.
const bootIDFile = "/proc/sys/kernel/random/boot_id"

// System is the clock of the machine: synced while the system says so, holdover
// while a battery clock vouches for the wall clock, else unset.
type System struct {
	zone    *time.Location
	boot    string
	wall    func() time.Time
	up      func() time.Duration
	synced  func(wall time.Time, up time.Duration) bool
	battery func(wall time.Time, up time.Duration) bool
}

// Built is when this program was built, as far as it knows: no true time lies
// before.
func Built() time.Time {
	built := time.Date(builtYear, 1, 1, 0, 0, 0, 0, time.UTC)
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if t, err := time.Parse(time.RFC3339, s.Value); s.Key == "vcs.time" && err == nil && t.After(built) {
				return t
			}
		}
	}
	return built
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
	return &System{zone: zone, boot: boot, wall: time.Now, up: up,
		synced: newDiscipline(os.Stat, unix.Adjtimex).says, battery: (&battery{read: readRTC}).says}, nil
}

// Now reads the machine's clocks.
func (s *System) Now() kiosk.Moment {
	m := kiosk.Moment{Up: s.up(), Boot: s.boot, Wall: s.wall().Round(0).In(s.zone), Clock: kiosk.Unset}
	switch {
	case m.Wall.Year() < builtYear:
	case s.synced(m.Wall, m.Up):
		m.Clock = kiosk.Synced
	case s.battery(m.Wall, m.Up):
		m.Clock = kiosk.Holdover
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
