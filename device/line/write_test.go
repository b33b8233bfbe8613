package line

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// With tarm's ReadTimeout 0, Close blocks until data arrives.
func TestShutdownOfASilentLineIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "scanner")
	plug(t, path)
	r := startRig(t, Config{Device: path})
	r.wantState(true)
	began := time.Now()
	r.stop()
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("shutdown took %v, want about the read time-out of 0.2 s", took)
	}
}

// What the driver still holds is thrown away when a line closes behind a device
// that said XOFF: close(2) would wait for it.
func TestCloseDoesNotWaitForADeviceThatSaidXOFF(t *testing.T) {
	path := filepath.Join(t.TempDir(), "printer")
	master := plug(t, path)
	r := startRig(t, Config{Device: path, Flow: FlowXONXOFF, WriteTimeout: time.Hour})
	r.wantState(true)
	send(t, master, "\x13;")
	r.wantData(";")
	done := make(chan error, 1)
	go func() { done <- r.line.Write(context.Background(), []byte("held")) }()
	began := time.Now()
	r.stop()
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("shutdown took %v", took)
	}
	if err := <-done; !errors.Is(err, ErrDown) {
		t.Errorf("held write ended with %v, want ErrDown", err)
	}
}

// tarm's Write has no time-out and its Close does not free it.
func TestWriteIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "printer")
	master := plug(t, path)
	r := startRig(t, Config{Device: path, Baud: 4000000, WriteTimeout: 50 * time.Millisecond})
	r.wantState(true)
	big := make([]byte, 1<<16) // nobody reads it
	err := r.line.Write(t.Context(), big)
	var we *WriteError
	if !errors.Is(err, ErrTimeout) || !errors.As(err, &we) || we.Sent == 0 || we.Sent >= len(big) {
		t.Fatalf("write to a device that does not read: %v, want ErrTimeout and how far it came", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := r.line.Write(ctx, big); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("write with a context that ends: %v", err)
	}
	// What could not be sent does not come out later in front of the next write.
	if err := r.line.Write(t.Context(), []byte("next")); err != nil {
		t.Fatal(err)
	}
	got, buf := []byte(nil), make([]byte, 4096)
	for !bytes.HasSuffix(got, []byte("next")) {
		n, err := master.Read(buf)
		if err != nil {
			t.Fatalf("after %d bytes: %v", len(got), err)
		}
		got = append(got, buf[:n]...)
	}
	// A page had already crossed to the device's side.
	if len(got) > 4096+4 || len(bytes.TrimLeft(got, "\x00")) != 4 {
		t.Errorf("device then read %d bytes, want what it held and the next write", len(got))
	}
}

func TestUnpluggingFreesAWriter(t *testing.T) {
	path := filepath.Join(t.TempDir(), "printer")
	master := plug(t, path)
	r := startRig(t, Config{Device: path, WriteTimeout: time.Hour})
	r.wantState(true)
	done := make(chan error)
	go func() { done <- r.line.Write(context.Background(), make([]byte, 1<<20)) }()
	// Its first bytes show that the writer is under way.
	if _, err := master.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	master.Close()
	if err := <-done; !errors.Is(err, ErrDown) {
		t.Errorf("write on a line that went: %v, want ErrDown", err)
	}
	r.wantState(false)
	if err := r.line.Write(t.Context(), []byte("x")); !errors.Is(err, ErrDown) {
		t.Errorf("write while down: %v, want ErrDown", err)
	}
}

// With tarm alone Close blocks for ever behind such a writer.
func TestShutdownIsBoundedWithAWriterStuck(t *testing.T) {
	path := filepath.Join(t.TempDir(), "printer")
	master := plug(t, path)
	r := startRig(t, Config{Device: path, WriteTimeout: time.Hour})
	r.wantState(true)
	done := make(chan error)
	go func() { done <- r.line.Write(context.Background(), make([]byte, 1<<20)) }()
	if _, err := master.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	r.stop()
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("shutdown took %v", took)
	}
	if err := <-done; !errors.Is(err, ErrDown) {
		t.Errorf("stuck write ended with %v, want ErrDown", err)
	}
}

func TestXOFFHoldsAndXONFrees(t *testing.T) {
	path := filepath.Join(t.TempDir(), "printer")
	master := plug(t, path)
	r := startRig(t, Config{Device: path, Flow: FlowXONXOFF, WriteTimeout: 50 * time.Millisecond})
	r.wantState(true)
	send(t, master, "\x13;") // XOFF itself never arrives; the semicolon shows it was taken
	r.wantData(";")
	err := r.line.Write(t.Context(), []byte("held"))
	var we *WriteError
	if !errors.Is(err, ErrTimeout) || !errors.As(err, &we) || we.Sent != 0 {
		t.Fatalf("write after XOFF: %v, want ErrTimeout with nothing sent", err)
	}
	// After a failed write the XOFF is forgotten; a device that means it says so again.
	if err := r.line.Write(t.Context(), []byte("one")); err != nil {
		t.Fatal(err)
	}
	send(t, master, "\x13;")
	r.wantData(";")
	send(t, master, "\x11;")
	r.wantData(";")
	if err := r.line.Write(t.Context(), []byte("two")); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 6)
	if _, err := io.ReadFull(master, got); err != nil || string(got) != "onetwo" {
		t.Errorf("device got %q, %v", got, err)
	}
}

func TestHardwareFlowControlIsSet(t *testing.T) {
	path := filepath.Join(t.TempDir(), "printer")
	plug(t, path)
	for _, f := range []Flow{FlowNone, FlowRTSCTS} {
		p, err := openTTY(Config{Device: path, Flow: f}.withDefaults())
		if err != nil {
			t.Fatal(err)
		}
		err = control(p.(*tty).ctl, func(fd int) error {
			tio, err := unix.IoctlGetTermios(fd, unix.TCGETS)
			if err == nil && (tio.Cflag&unix.CRTSCTS != 0) != (f == FlowRTSCTS) {
				t.Errorf("flow %v: cflag %#x", f, tio.Cflag)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
		p.close()
	}
}

// A driver behind CTS takes bytes and sends none: Drain says so and throws them
// away. One that is slow is waited for.
func TestDrain(t *testing.T) {
	for _, c := range []struct {
		name      string
		drains    int
		limit     time.Duration
		want      error
		discarded bool
	}{
		{"all sent", 100, 0, nil, false},
		{"slow", 1, 2 * time.Second, nil, false},
		{"slower than the limit", 1, 500 * time.Millisecond, ErrTimeout, true},
		{"stuck", 0, 15 * time.Second, ErrTimeout, true},
		{"stuck, asked once", 0, 0, ErrTimeout, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &fakePort{held: 100, drains: c.drains}
				l := New(Config{Device: "/dev/x"}, nil, func([]byte) {}, nil)
				l.setUp(p)
				began := time.Now()
				err := l.Drain(t.Context(), c.limit)
				if !errors.Is(err, c.want) || p.discarded != c.discarded {
					t.Errorf("Drain: %v, discarded %v; want %v, %v", err, p.discarded, c.want, c.discarded)
				}
				if took := time.Since(began); took > c.limit {
					t.Errorf("took %v, at most %v", took, c.limit)
				}
				l.release(p)
				if err := l.Drain(t.Context(), time.Hour); !errors.Is(err, ErrDown) {
					t.Errorf("Drain of a line that is down: %v", err)
				}
			})
		})
	}
}

// On a real tty, nothing is left behind a write that was read.
func TestDrainOfARealLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "printer")
	master := plug(t, path)
	r := startRig(t, Config{Device: path})
	r.wantState(true)
	if err := r.line.Write(t.Context(), []byte("ticket")); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 6)
	if _, err := io.ReadFull(master, got); err != nil {
		t.Fatal(err)
	}
	if err := r.line.Drain(t.Context(), 0); err != nil {
		t.Error(err)
	}
}
