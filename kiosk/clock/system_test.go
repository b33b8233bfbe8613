package clock

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"baylight/kiosk"

	"golang.org/x/sys/unix"
)

func TestQuality(t *testing.T) {
	shanghai := time.FixedZone("CST", 8*3600)
	day := time.Date(2026, 11, 21, 9, 0, 0, 0, shanghai)
	for _, c := range []struct {
		name            string
		wall            time.Time
		synced, battery bool
		want            kiosk.Quality
	}{
		{"booted in 1970", time.Unix(12, 0), false, false, kiosk.Unset},
		{"the last second of 2025 in the store", time.Date(2025, 12, 31, 23, 59, 59, 0, shanghai), false, true, kiosk.Unset},
		{"the first second of 2026 in the store", time.Date(2026, 1, 1, 0, 0, 0, 0, shanghai), false, true, kiosk.Holdover},
		{"plausible, and nobody vouches", day, false, false, kiosk.Unset},
		{"synchronised", day, true, false, kiosk.Synced},
		{"synchronised, with a battery", day, true, true, kiosk.Synced},
		{"a stale marker does not make 1970 right", time.Unix(12, 0), true, true, kiosk.Unset},
	} {
		t.Run(c.name, func(t *testing.T) {
			says := func(b bool) func(time.Time, time.Duration) bool {
				return func(time.Time, time.Duration) bool { return b }
			}
			s := &System{zone: shanghai, boot: "b", wall: func() time.Time { return c.wall.UTC() },
				up: func() time.Duration { return time.Minute }, synced: says(c.synced), battery: says(c.battery)}
			m := s.Now()
			if m.Clock != c.want || !m.Wall.Equal(c.wall) || m.Wall.Location() != shanghai || m.Up != time.Minute || m.Boot != "b" {
				t.Errorf("Now = %+v, want quality %s", m, c.want)
			}
		})
	}
}

func TestSystemOnThisMachine(t *testing.T) {
	s, err := NewSystem(time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		t.Fatal(err)
	}
	a, b := s.Now(), s.Now()
	if a.Up < time.Duration(ts.Nano()) || b.Up < a.Up {
		t.Errorf("time since boot %s, then %s, then %s", time.Duration(ts.Nano()), a.Up, b.Up)
	}
	if len(a.Boot) != 36 || strings.Count(a.Boot, "-") != 4 || a.Boot != b.Boot {
		t.Errorf("boot id %q, then %q", a.Boot, b.Boot)
	}
	if d := time.Since(a.Wall); d < 0 || d > time.Minute {
		t.Errorf("wall clock is off by %s", d)
	}
}

func TestSystemAlarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &System{}
		start := time.Now()
		ring, _ := s.Alarm(90 * time.Second)
		given, cancel := s.Alarm(time.Second)
		cancel()
		cancel()
		<-ring
		if d := time.Since(start); d != 90*time.Second {
			t.Errorf("rang after %s", d)
		}
		if rang(given) {
			t.Error("an alarm that was given up rang")
		}
		if now, _ := s.Alarm(0); !rang(now) {
			t.Error("an alarm for now does not ring at once")
		}
	})
}

func rang(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}
