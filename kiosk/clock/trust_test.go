package clock

import (
	"errors"
	"io/fs"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/sys/unix"

	"baylight/kiosk/clock/syncmark"
)

// kernel answers adjtimex(2).
func kernel(state int, status int32, err error) func(*unix.Timex) (int, error) {
	return func(tx *unix.Timex) (int, error) {
		tx.Status = status
		return state, err
	}
}

// Each kind of marker says what the kernel does not, for as long as it holds.
func TestDisciplineSays(t *testing.T) {
	denied := errors.New("operation not permitted")
	for _, c := range []struct {
		name   string
		kernel func(*unix.Timex) (int, error)
		marker time.Duration // before now, in what the marker holds; 0: no marker
		want   bool
	}{
		{"chrony or ntpd", kernel(0, unix.STA_PLL, nil), 0, true},
		{"nobody", kernel(5, unix.STA_UNSYNC, nil), 0, false},
		{"the kernel does not say, no marker", kernel(0, 0, denied), 0, false},
		{"the kernel does not say, a fresh marker", kernel(0, 0, denied), 10, true},
		{"a marker before the kernel says so", kernel(5, unix.STA_UNSYNC, nil), 10, true},
		{"a marker that is too old", kernel(5, unix.STA_UNSYNC, nil), 100, false},
		{"a marker from the future was touched before the clock went back", kernel(5, unix.STA_UNSYNC, nil), -200, true},
	} {
		for _, m := range markers() {
			files := fstest.MapFS{}
			if c.marker != 0 {
				files[m.file] = &fstest.MapFile{ModTime: nine.Add(-c.marker * m.holds / 100)}
			}
			d := newDiscipline(lookIn(files), c.kernel)
			if got := d.says(nine, 48*time.Hour); got != c.want {
				t.Errorf("%s (%s): %v, want %v", c.name, m.file, got, c.want)
			}
		}
	}
}

// lookIn stats files that go by their whole path.
func lookIn(files fstest.MapFS) func(string) (fs.FileInfo, error) {
	return func(name string) (fs.FileInfo, error) {
		f, ok := files[name]
		if !ok {
			return nil, fs.ErrNotExist
		}
		return fstest.MapFS{"it": f}.Stat("it")
	}
}

// A marker that is touched again holds again; one that is not loses its force,
// whatever the wall clock does meanwhile, and whatever the other's is.
func TestMarkerGrowsOld(t *testing.T) {
	year := 365 * 24 * time.Hour
	for _, m := range markers() {
		other := markers()[0].file
		if other == m.file {
			other = markers()[1].file
		}
		files := fstest.MapFS{m.file: {ModTime: nine}, other: {ModTime: nine.Add(-year)}}
		d := newDiscipline(lookIn(files), kernel(5, unix.STA_UNSYNC, nil))
		for i, c := range []struct {
			up    time.Duration // in ninths of what the marker holds
			wall  time.Time
			touch bool
			want  bool
		}{
			{0, nine, false, true},
			{8, nine.Add(year), false, true},
			{9, nine.Add(-year), false, false},
			{10, nine.Add(-year), true, true},
			{18, nine, false, true},
			{19, nine, false, false},
		} {
			if c.touch {
				files[m.file] = &fstest.MapFile{ModTime: c.wall}
			}
			if got := d.says(c.wall, c.up*m.holds/9); got != c.want {
				t.Errorf("%s, look %d: %v, want %v", m.file, i, got, c.want)
			}
		}
	}
}

// What baylight-synced is told to keep is what the daemons look at.
func TestOwnMarker(t *testing.T) {
	if m := markers(); m[1].file != syncmark.File || m[1].holds < 3*syncmark.Every {
		t.Errorf("%s counts for %s, and is touched every %s", m[1].file, m[1].holds, syncmark.Every)
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
