package syncmark

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestDisciplined(t *testing.T) {
	for _, c := range []struct {
		state  int
		status int32
		want   bool
	}{{0, 0, true}, {0, unix.STA_PLL, true}, {0, unix.STA_UNSYNC, false}, {5, 0, false}, {5, unix.STA_UNSYNC, false}, {1, 0, true}} {
		if got := Disciplined(c.state, c.status); got != c.want {
			t.Errorf("adjtimex says %d, status %#x: %v, want %v", c.state, c.status, got, c.want)
		}
	}
}

// keeping is a Keep whose kernel answers what the test tells it to, one answer a tick.
type keeping struct {
	answers chan answer
	tick    chan time.Time
	stop    context.CancelFunc
	ended   chan error
	file    string
}

type answer struct {
	status int32
	err    error
}

func begin(t *testing.T, file string) *keeping {
	ctx, stop := context.WithCancel(t.Context())
	k := &keeping{answers: make(chan answer), tick: make(chan time.Time), stop: stop, ended: make(chan error, 1), file: file}
	kernel := func(tx *unix.Timex) (int, error) {
		if tx.Modes != 0 {
			t.Errorf("asked with modes %#x, which sets something", tx.Modes)
		}
		a := <-k.answers
		tx.Status = a.status
		return 0, a.err
	}
	go func() { k.ended <- Keep(ctx, file, kernel, k.tick) }()
	return k
}

// answered gives the kernel's next answer and waits until the marker says it.
func (k *keeping) answered(t *testing.T, status int32) (marked bool, touched time.Time) {
	t.Helper()
	k.answers <- answer{status: status}
	select {
	case k.tick <- time.Time{}: // taken only when what went before is done
	case err := <-k.ended:
		t.Fatal("ended:", err)
	}
	info, err := os.Stat(k.file)
	if err != nil {
		return false, time.Time{}
	}
	return true, info.ModTime()
}

func TestKeepSaysWhatTheKernelSays(t *testing.T) {
	k := begin(t, filepath.Join(t.TempDir(), "marker"))
	old := time.Unix(1_000_000_000, 0)
	for i, c := range []struct {
		status int32
		want   bool
	}{{unix.STA_UNSYNC, false}, {unix.STA_PLL, true}, {unix.STA_PLL, true}, {unix.STA_UNSYNC, false}, {unix.STA_UNSYNC, false}, {0, true}} {
		got, touched := k.answered(t, c.status)
		if got != c.want {
			t.Fatalf("answer %d, status %#x: marked %v, want %v", i, c.status, got, c.want)
		}
		if !got {
			continue
		}
		if !touched.After(old) {
			t.Errorf("answer %d: the marker was not touched", i)
		}
		if err := os.Chtimes(k.file, old, old); err != nil {
			t.Fatal(err)
		}
	}
	k.stop()
	k.answers <- answer{}
	if err := <-k.ended; err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(k.file); err == nil {
		t.Error("it has ended and still vouches for the clock")
	}
}

func TestKeepGivesUp(t *testing.T) {
	file := filepath.Join(t.TempDir(), "marker")
	k := begin(t, file)
	if marked, _ := k.answered(t, 0); !marked {
		t.Fatal("not marked")
	}
	k.answers <- answer{err: unix.EPERM}
	if err := <-k.ended; !errors.Is(err, unix.EPERM) || !strings.Contains(err.Error(), "systemctl cat") {
		t.Errorf("a kernel that refuses: %v", err)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("a kernel that refuses: it still vouches for the clock")
	}
	k = begin(t, filepath.Join(file, "no", "folder"))
	k.answers <- answer{}
	if err := <-k.ended; !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without a folder: %v", err)
	}
}
