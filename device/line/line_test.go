package line

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// rig is a line under trial on a pty behind a symlink.
type rig struct {
	t      *testing.T
	path   string
	line   *Line
	data   chan []byte
	states chan State
	reads  atomic.Int64
	stop   func()
}

// countingPort counts the reads of a real tty.
type countingPort struct {
	port
	reads *atomic.Int64
}

func (c countingPort) Read(p []byte) (int, error) {
	c.reads.Add(1)
	return c.port.Read(p)
}

func startRig(t *testing.T, cfg Config) *rig {
	t.Helper()
	r := &rig{t: t, path: cfg.Device, data: make(chan []byte, 1024), states: make(chan State, 1024)}
	r.line = New(cfg, slog.New(slog.NewTextHandler(t.Output(), nil)),
		func(p []byte) { r.data <- append([]byte(nil), p...) },
		func(s State) { r.states <- s })
	r.line.open = func(c Config) (port, error) {
		p, err := openTTY(c)
		if err != nil {
			return nil, err
		}
		return countingPort{p, &r.reads}, nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		if err := r.line.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	r.stop = sync.OnceFunc(func() { cancel(); done.Wait() })
	t.Cleanup(r.stop)
	return r
}

func (r *rig) wantState(up bool) State {
	r.t.Helper()
	select {
	case s := <-r.states:
		if s.Up != up {
			r.t.Fatalf("state %+v, want up=%v", s, up)
		}
		return s
	case <-time.After(10 * time.Second):
		r.t.Fatalf("no state, want up=%v; line says %+v", up, r.line.State())
	}
	return State{}
}

func (r *rig) wantData(want string) {
	r.t.Helper()
	got := ""
	for got != want {
		select {
		case p := <-r.data:
			got += string(p)
		case <-time.After(10 * time.Second):
			r.t.Fatalf("data %q, want %q", got, want)
		}
		if !strings.HasPrefix(want, got) {
			r.t.Fatalf("data %q, want %q", got, want)
		}
	}
}

// plug makes a pty and points path at its slave, as udev does.
func plug(t *testing.T, path string) *os.File {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	name := slave.Name()
	slave.Close()
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	if err := os.Symlink(name, path); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close() })
	return master
}

func send(t *testing.T, f *os.File, text string) {
	t.Helper()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

func TestDataBothWaysThroughASymlink(t *testing.T) {
	path := filepath.Join(t.TempDir(), "scanner")
	master := plug(t, path)
	r := startRig(t, Config{Device: path})
	r.wantState(true)
	for _, piece := range []string{"LSVAA4", "9J132047371", "\r\n\x03\x13\x00\xff"} {
		send(t, master, piece)
	}
	r.wantData("LSVAA49J132047371\r\n\x03\x13\x00\xff")
	if err := r.line.Write(t.Context(), []byte("a\nb\x1b")); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 4)
	if _, err := io.ReadFull(master, got); err != nil || string(got) != "a\nb\x1b" {
		t.Fatalf("device got %q, %v; want the bytes untranslated", got, err)
	}
}

// tarm/serial reports an unplugged line as (0, EOF) without end: a naive loop
// reads it 0.2 to 3 million times a second.
func TestDeadLineIsReadAFewTimesOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "scanner")
	master := plug(t, path)
	r := startRig(t, Config{Device: path})
	r.wantState(true)
	before := r.reads.Load()
	master.Close()
	s := r.wantState(false)
	if s.Reason != errHungUp.Error() {
		t.Errorf("reason %q, want the hang-up named", s.Reason)
	}
	if n := r.reads.Load() - before; n > 10 {
		t.Errorf("%d reads between unplugging and noticing, want a few", n)
	}
	r.stop()
	if n := r.reads.Load() - before; n > 10 {
		t.Errorf("%d reads of a dead line, want a few", n)
	}
}

func TestComesBackUnderAnotherName(t *testing.T) {
	path := filepath.Join(t.TempDir(), "scanner")
	master := plug(t, path)
	r := startRig(t, Config{Device: path})
	r.wantState(true)
	first, err := os.Readlink(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		// The new terminal exists before the old one goes, so its number differs.
		next := plug(t, path)
		if name, _ := os.Readlink(path); name == first {
			t.Fatalf("the pty came back as %s too: nothing is tried", name)
		}
		master.Close()
		r.wantState(false)
		unplugged := time.Now()
		if s := r.wantState(true); s.Reopens != i+1 {
			t.Errorf("reopens %d, want %d", s.Reopens, i+1)
		}
		if took := time.Since(unplugged); took > 1500*time.Millisecond {
			t.Errorf("came back after %v, want less than 1.5 s", took)
		}
		send(t, next, "again\r")
		r.wantData("again\r")
		first, master = "", next
	}
}

// A descriptor kept on a dead adapter makes it come back under another name.
func TestClosesBeforeItOpensAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var open, opened, most atomic.Int64
		l := New(Config{Device: "/dev/x"}, nil, func([]byte) {}, nil)
		l.open = func(Config) (port, error) {
			opened.Add(1)
			most.Store(max(most.Load(), open.Add(1)))
			return &fakePort{closed: func() { open.Add(-1) }}, nil
		}
		runFor(t, l, time.Minute)
		if most.Load() != 1 || open.Load() != 0 {
			t.Errorf("at most %d ports open at once and %d left open, want 1 and 0", most.Load(), open.Load())
		}
		// Flapping is slowed down like absence: 1 s at most, half of it jitter.
		if n := opened.Load(); n < 55 || n > 130 {
			t.Errorf("%d openings in a minute, want one every 0.5 to 1 s", n)
		}
	})
}

// fakePort is a dead device on which poll sees nothing: each read ends at once.
type fakePort struct {
	held, drains int // bytes in the driver, and how many leave between two looks
	discarded    bool
	reads        int
	script       func(read int) (int, error)
	closed       func()
}

func (f *fakePort) Read([]byte) (int, error) {
	f.reads++
	if f.script != nil {
		return f.script(f.reads)
	}
	return 0, io.EOF
}
func (f *fakePort) hungUp() bool { return false }
func (f *fakePort) unsent() int {
	if f.held > 0 {
		f.held -= f.drains
	}
	return max(f.held, 0)
}
func (f *fakePort) discardOutput() { f.held, f.discarded = 0, true }
func (f *fakePort) close() {
	if f.closed != nil {
		f.closed()
	}
}
func (f *fakePort) write(context.Context, []byte, time.Time) (int, error) { return 0, ErrDown }

func runFor(t *testing.T, l *Line, d time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	if err := l.Run(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestEOFSoonerThanHalfTheTimeoutIsDeath(t *testing.T) {
	for _, c := range []struct {
		name  string
		after time.Duration
		dead  bool
	}{{"at once", 0, true}, {"just under half", 99 * time.Millisecond, true}, {"half", 100 * time.Millisecond, false}, {"full", 200 * time.Millisecond, false}} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				idles := 0
				l := New(Config{Device: "/dev/x", OnIdle: func() { idles++ }}, nil, func([]byte) {}, nil)
				p := &fakePort{script: func(int) (int, error) {
					time.Sleep(c.after) // inside a bubble: the driver's time-out
					return 0, io.EOF
				}}
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				err := l.pump(ctx, p)
				if errors.Is(err, errDeaf) != c.dead {
					t.Errorf("pump ended with %v, want dead=%v", err, c.dead)
				}
				if c.dead && (p.reads != 2 || idles != 0) {
					t.Errorf("%d reads and %d idles, want 2 and 0", p.reads, idles)
				}
				if !c.dead && idles != p.reads {
					t.Errorf("%d reads but %d idles", p.reads, idles)
				}
			})
		})
	}
}

func TestWaitsForADeviceForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		var states []State
		l := New(Config{Device: "/dev/x"}, nil, func([]byte) {}, func(s State) { states = append(states, s) })
		began := time.Now()
		l.open = func(Config) (port, error) {
			if tries++; time.Since(began) > time.Hour {
				return &fakePort{script: func(int) (int, error) { time.Sleep(200 * time.Millisecond); return 0, io.EOF }}, nil
			}
			return nil, errors.New("missing")
		}
		runFor(t, l, time.Hour+time.Minute)
		if len(states) != 2 || states[0].Up || !states[1].Up {
			t.Errorf("states %+v, want down, up and nothing for the end of Run", states)
		}
		if s := l.State(); s.Up || s.Reason != "stopped" {
			t.Errorf("state after Run: %+v", s)
		}
		if tries < 3600 || tries > 7300 {
			t.Errorf("%d tries in an hour, want one every 0.5 to 1 s", tries)
		}
	})
}

// However long a device was away and whenever it returns, the line is up within a
// second of that, and a little for opening.
func TestRecoveryAfterAnyAbsence(t *testing.T) {
	worst := time.Duration(0)
	for i := range 200 {
		synctest.Test(t, func(t *testing.T) {
			away := time.Duration(i*i) * 37 * time.Millisecond // up to 25 minutes
			began := time.Now()
			ctx, stop := context.WithCancel(t.Context())
			l := New(Config{Device: "/dev/x"}, nil, func([]byte) {}, func(s State) {
				if s.Up {
					worst = max(worst, time.Since(began)-away)
					stop()
				}
			})
			l.open = func(Config) (port, error) {
				if time.Since(began) < away {
					return nil, errors.New("missing")
				}
				return &fakePort{script: func(int) (int, error) { return 0, io.EOF }}, nil
			}
			if err := l.Run(ctx); err != nil {
				t.Fatal(err)
			}
		})
	}
	if worst <= 0 || worst > maxDelay {
		t.Errorf("the longest recovery took %v, want at most %v", worst, maxDelay)
	}
	t.Logf("the longest of 200 recoveries took %v", worst)
}

func TestStaleInputIsDropped(t *testing.T) {
	path := filepath.Join(t.TempDir(), "scanner")
	master := plug(t, path)
	send(t, master, "scanned while nobody listened\r")
	r := startRig(t, Config{Device: path})
	r.wantState(true)
	send(t, master, "fresh\r")
	r.wantData("fresh\r")
}

func TestTwoLinesCannotShareAPort(t *testing.T) {
	path := filepath.Join(t.TempDir(), "scanner")
	plug(t, path)
	first := startRig(t, Config{Device: path})
	first.wantState(true)
	second := startRig(t, Config{Device: path})
	if s := second.wantState(false); !strings.Contains(s.Reason, "in use by") {
		t.Errorf("reason %q, want the port to be in use", s.Reason)
	}
	first.stop()
	second.wantState(true)
}

func TestWhereTIOCEXCLIsUsed(t *testing.T) {
	for dev, want := range map[uint64]bool{unix.Mkdev(136, 5): false, unix.Mkdev(143, 255): false, unix.Mkdev(188, 0): true, unix.Mkdev(166, 1): true, unix.Mkdev(4, 64): true} {
		if wantsTIOCEXCL(dev) != want {
			t.Errorf("device %d:%d: TIOCEXCL %v, want %v", unix.Major(dev), unix.Minor(dev), !want, want)
		}
	}
}

// A program that takes no locks is kept out by TIOCEXCL; a line run by root,
// whom the kernel lets in all the same, keeps itself out.
func TestTIOCEXCL(t *testing.T) {
	path := filepath.Join(t.TempDir(), "scanner")
	plug(t, path)
	always := func(uint64) bool { return true }
	cfg := Config{Device: path}.withDefaults()
	other, err := os.OpenFile(path, os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	flag := func() (on int) {
		if err := control(other, func(fd int) (err error) { on, err = unix.IoctlGetInt(fd, unix.TIOCGEXCL); return err }); err != nil {
			t.Fatal(err)
		}
		return on
	}
	p, err := openWith(cfg, always)
	if err != nil {
		t.Fatal(err)
	}
	if flag() == 0 {
		t.Error("an open line is not exclusive")
	}
	p.close()
	if flag() != 0 {
		t.Error("a closed line is still exclusive")
	}
	if err := control(other, func(fd int) error { return unix.IoctlSetInt(fd, unix.TIOCEXCL, 0) }); err != nil {
		t.Fatal(err)
	}
	if p, err := openWith(cfg, always); !errors.Is(err, ErrHeld) && !errors.Is(err, unix.EBUSY) {
		t.Errorf("open of another's exclusive port: %v", err)
		if err == nil {
			p.close()
		}
	}
}

func TestReadyThoughTheDeviceIsMissing(t *testing.T) {
	r := startRig(t, Config{Device: filepath.Join(t.TempDir(), "absent")})
	<-r.line.Ready()
	s := r.wantState(false)
	if !strings.Contains(s.Reason, "does not exist") {
		t.Errorf("reason %q", s.Reason)
	}
	if got := r.line.State(); got.Up {
		t.Errorf("state %+v", got)
	}
}

func TestValidate(t *testing.T) {
	good := Config{Device: "/dev/scanner"}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for want, c := range map[string]Config{
		"device is empty":      {},
		`device "ttyUSB0"`:     {Device: "ttyUSB0"},
		"baud 9601":            {Device: "/dev/x", Baud: 9601},
		"flow 9":               {Device: "/dev/x", Flow: 9},
		"write timeout -1s":    {Device: "/dev/x", WriteTimeout: -time.Second},
		"read timeout 150ms":   {Device: "/dev/x", ReadTimeout: 150 * time.Millisecond},
		"read timeout 1m0s":    {Device: "/dev/x", ReadTimeout: time.Minute},
		"want none, rtscts or": {Device: "/dev/x", Flow: 77},
	} {
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", c, err, want)
		}
		l := New(c, nil, func([]byte) {}, nil)
		if err := l.Run(t.Context()); err == nil {
			t.Errorf("%+v: Run accepts it", c)
		}
		<-l.Ready()
	}
}

func TestFlowText(t *testing.T) {
	for _, f := range []Flow{FlowNone, FlowRTSCTS, FlowXONXOFF} {
		text, err := f.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var back Flow
		if err := back.UnmarshalText(text); err != nil || back != f {
			t.Errorf("%v read back as %v, %v", f, back, err)
		}
	}
	var f Flow
	if err := f.UnmarshalText([]byte("rts/cts")); err == nil || !strings.Contains(err.Error(), `"rts/cts"`) {
		t.Errorf("unknown flow: %v", err)
	}
}
