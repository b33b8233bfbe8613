// Package linetest is the contract of device/line as tests, for any device at the
// other end: the pretend one, a bare pty, a port of an emulated board, or real
// hardware. What a rig cannot do is nil, and its cases are skipped by name.
//
// On real hardware, a port with its wires TXD and RXD joined is a device that
// sends back what it gets:
//
//	BAYLIGHT_LOOP=/dev/ttyUSB0 go test ./device/line -run Conformance -v
//
// Time is real time. Conformance starts what it needs and has joined it when it
// returns.
package linetest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"baylight/device/line"
)

// Patience is how long anything may take that should happen at once.
const Patience = 10 * time.Second

// Recovery is how long a line may take from the return of its device.
const Recovery = 1500 * time.Millisecond

// Rig is a device under trial.
type Rig struct {
	// Config opens its port.
	Config line.Config
	// Send puts bytes on the wire towards the host.
	Send func(p []byte) error
	// Received gives what the device got, in any pieces.
	Received <-chan []byte
	// Loop: the device sends back what it gets, and nothing else.
	Loop bool
	// Unplug and Replug pull the device out and put it back under the same name.
	Unplug, Replug func() error
	// Recovery is how long the line may take from its return; 0: [Recovery]. An
	// emulated board is slower than any real one.
	Recovery time.Duration
}

// Hardware is the value of an environment variable that names a real device. It
// skips the test, and says how not to, where it is not set.
func Hardware(t *testing.T, variable string) string {
	t.Helper()
	v := os.Getenv(variable)
	if v == "" {
		t.Skipf("NOT RUN on real hardware: %s is not set; see the package's comment", variable)
	}
	return v
}

// Conformance runs all cases, each on a device of its own.
func Conformance(t *testing.T, rig func(t *testing.T) Rig) {
	for _, c := range []struct {
		name  string
		needs func(Rig) bool
		run   func(t *testing.T, r *running)
	}{
		{"silence is no loss", always, silence},
		{"the port is ours alone", always, alone},
		{"data comes as it was sent", func(r Rig) bool { return r.Send != nil }, data},
		{"writes arrive untranslated", func(r Rig) bool { return r.Received != nil }, writes},
		{"a loop gives back what it got", func(r Rig) bool { return r.Loop }, loop},
		{"unplugged and back", func(r Rig) bool { return r.Unplug != nil && r.Send != nil }, replug},
		{"the end is bounded", always, end},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := rig(t)
			if !c.needs(r) {
				t.Skip("this rig cannot do that")
			}
			c.run(t, start(t, r))
		})
	}
}

func always(Rig) bool { return true }

// running is a line on its rig.
type running struct {
	Rig
	*line.Line
	data   chan []byte
	states chan line.State
	idle   chan struct{}
	stop   func()
}

func start(t *testing.T, rig Rig) *running {
	t.Helper()
	r := &running{Rig: rig, data: make(chan []byte, 1024), states: make(chan line.State, 64), idle: make(chan struct{}, 1)}
	cfg := rig.Config
	cfg.OnIdle = func() {
		select {
		case r.idle <- struct{}{}:
		default:
		}
	}
	r.Line = line.New(cfg, slog.New(slog.NewTextHandler(t.Output(), nil)),
		func(p []byte) { r.data <- bytes.Clone(p) }, func(s line.State) { r.states <- s })
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		if err := r.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	r.stop = func() { cancel(); done.Wait() }
	t.Cleanup(r.stop)
	r.until(t, true, Patience)
	return r
}

func (r *running) until(t *testing.T, up bool, limit time.Duration) line.State {
	t.Helper()
	select {
	case s := <-r.states:
		if s.Up != up {
			t.Fatalf("state %+v, want up %v", s, up)
		}
		return s
	case <-time.After(limit):
		t.Fatalf("not up %v within %v: %+v", up, limit, r.State())
	}
	return line.State{}
}

// want reads until all of text has come, and nothing else.
func want(t *testing.T, from <-chan []byte, text string) {
	t.Helper()
	for got := ""; got != text; {
		select {
		case p := <-from:
			got += string(p)
		case <-time.After(Patience):
			t.Fatalf("got %q, want %q", got, text)
		}
		if !strings.HasPrefix(text, got) {
			t.Fatalf("got %q, want %q", got, text)
		}
	}
}

func silence(t *testing.T, r *running) {
	for range 3 {
		select {
		case <-r.idle:
		case s := <-r.states:
			t.Fatalf("a silent line changed to %+v", s)
		case <-time.After(Patience):
			t.Fatal("no silence was reported")
		}
	}
	if s := r.State(); !s.Up || s.Reopens != 0 {
		t.Errorf("after silence the line is %+v", s)
	}
}

func alone(t *testing.T, r *running) {
	if err := line.Check(r.Config.Device); !errors.Is(err, line.ErrHeld) {
		t.Errorf("Check of a port in use: %v", err)
	}
	second := line.New(r.Config, nil, func([]byte) {}, nil)
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { _ = second.Run(ctx) }) // its configuration is the first one's
	<-second.Ready()
	if s := second.State(); s.Up || !strings.Contains(s.Reason, "in use") {
		t.Errorf("a second line on the port: %+v", s)
	}
	cancel()
	done.Wait()
}

// everything holds every byte that a terminal could change; XON and XOFF are
// left out, for a line with software flow control keeps them.
func everything() string {
	var b strings.Builder
	for i := range 256 {
		if i != 0x11 && i != 0x13 {
			b.WriteByte(byte(i))
		}
	}
	return b.String()
}

func data(t *testing.T, r *running) {
	all := everything()
	for _, piece := range []string{all[:8], all[8:18], all[18:]} {
		if err := r.Send([]byte(piece)); err != nil {
			t.Fatal(err)
		}
	}
	want(t, r.data, all)
}

func writes(t *testing.T, r *running) {
	all := everything()
	if err := r.Write(t.Context(), []byte(all)); err != nil {
		t.Fatal(err)
	}
	want(t, r.Received, all)
	if err := r.Drain(t.Context(), Patience); err != nil {
		t.Errorf("all was read, and Drain says %v", err)
	}
}

func loop(t *testing.T, r *running) {
	all := everything()
	if err := r.Write(t.Context(), []byte(all)); err != nil {
		t.Fatal(err)
	}
	want(t, r.data, all)
}

func replug(t *testing.T, r *running) {
	if err := r.Send([]byte("before")); err != nil {
		t.Fatal(err)
	}
	want(t, r.data, "before")
	if err := r.Unplug(); err != nil {
		t.Fatal(err)
	}
	if s := r.until(t, false, Patience); s.Reason == "" {
		t.Error("a loss without a reason")
	}
	if err := r.Write(t.Context(), []byte("x")); !errors.Is(err, line.ErrDown) {
		t.Errorf("write on a line that is down: %v", err)
	}
	if err := r.Replug(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	s := r.until(t, true, Patience)
	if took := time.Since(began); took > cmp.Or(r.Recovery, Recovery) {
		t.Errorf("back after %v, want %v at most", took, cmp.Or(r.Recovery, Recovery))
	}
	if s.Reopens != 1 {
		t.Errorf("state %+v", s)
	}
	if err := r.Send([]byte("after")); err != nil {
		t.Fatal(err)
	}
	want(t, r.data, "after")
}

func end(t *testing.T, r *running) {
	began := time.Now()
	r.stop()
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("the end took %v", took)
	}
	if err := line.Check(r.Config.Device); err != nil {
		t.Errorf("Check of a port that was given back: %v", err)
	}
}
