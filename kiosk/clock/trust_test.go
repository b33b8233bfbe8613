package clock

import (
	"errors"
	"io/fs"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/sys/unix"
)

// kernel answers adjtimex(2).
func kernel(state int, status int32, err error) func(*unix.Timex) (int, error) {
	return func(tx *unix.Timex) (int, error) {
		tx.Status = status
		return state, err
	}
}

func TestDisciplineSays(t *testing.T) {
	denied := errors.New("operation not permitted")
	for _, c := range []struct {
		name   string
		kernel func(*unix.Timex) (int, error)
		marker time.Duration // before now; 0: no marker
		want   bool
	}{
		{"chrony or ntpd", kernel(0, unix.STA_PLL, nil), 0, true},
		{"nobody", kernel(5, unix.STA_UNSYNC, nil), 0, false},
		{"the kernel does not say, no marker", kernel(0, 0, denied), 0, false},
		{"the kernel does not say, a fresh marker", kernel(0, 0, denied), time.Minute, true},
		{"a marker before the kernel says so", kernel(5, unix.STA_UNSYNC, nil), time.Minute, true},
		{"a marker of yesterday", kernel(5, unix.STA_UNSYNC, nil), 24 * time.Hour, false},
		{"a marker from the future was touched before the clock went back", kernel(5, unix.STA_UNSYNC, nil), -time.Hour, true},
	} {
		files := fstest.MapFS{}
		if c.marker != 0 {
			files["marker"] = &fstest.MapFile{ModTime: nine.Add(-c.marker)}
		}
		d := &discipline{stat: func(string) (fs.FileInfo, error) { return files.Stat("marker") }, adjtimex: c.kernel}
		if got := d.says(nine, 48*time.Hour); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// A marker that is touched again holds again; one that is not loses its force,
// whatever the wall clock does meanwhile.
func TestMarkerGrowsOld(t *testing.T) {
	files := fstest.MapFS{"marker": {ModTime: nine}}
	d := &discipline{stat: func(string) (fs.FileInfo, error) { return files.Stat("marker") }, adjtimex: kernel(5, unix.STA_UNSYNC, nil)}
	year := 365 * 24 * time.Hour
	for i, c := range []struct {
		up    time.Duration
		wall  time.Time
		touch bool
		want  bool
	}{
		{0, nine, false, true},
		{8 * time.Hour, nine.Add(year), false, true},
		{9 * time.Hour, nine.Add(-year), false, false},
		{10 * time.Hour, nine.Add(-year), true, true},
		{18 * time.Hour, nine, false, true},
		{19 * time.Hour, nine, false, false},
	} {
		if c.touch {
			files["marker"] = &fstest.MapFile{ModTime: c.wall}
		}
		if got := d.says(c.wall, c.up); got != c.want {
			t.Errorf("look %d: %v, want %v", i, got, c.want)
		}
	}
}

func TestBatterySays(t *testing.T) {
	for _, c := range []struct {
		name string
		rtc  time.Time
		err  error
		want bool
	}{
		{"it agrees", nine.Add(time.Second), nil, true},
		{"the wall clock is not from it", nine.Add(-time.Minute), nil, false},
		{"its battery was empty", nine, errFlat, false},
		{"there is none", time.Time{}, fs.ErrNotExist, false},
	} {
		asked := 0
		b := &battery{read: func() (time.Time, error) { asked++; return c.rtc, c.err }}
		if got := b.says(nine, 0); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		b.says(nine.Add(59*time.Second), 59*time.Second)
		if asked != 1 {
			t.Errorf("%s: asked %d times within a minute", c.name, asked)
		}
		if b.says(nine.Add(time.Hour), time.Hour) || asked != 2 {
			t.Errorf("%s: an hour later it still vouches, asked %d times", c.name, asked)
		}
	}
	if b := (&battery{read: func() (time.Time, error) { return time.Unix(7, 0), nil }}); b.says(time.Unix(7, 0), 0) {
		t.Error("a battery clock that stands at 1970 vouches for 1970")
	}
}

func FuzzParseRTC(f *testing.F) {
	for _, s := range []string{"1795222800\n", "", "-1", "0x10", "99999999999999999999", "1795222800 1"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		at, err := parseRTC(b)
		if err != nil && !at.IsZero() || err == nil && (at.Unix() < 0 || at.Unix() > 1<<40) {
			t.Errorf("%q is read as %s (%v)", b, at, err)
		}
	})
}
