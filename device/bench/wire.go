package bench

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// ErrUnplugged is returned by what needs a plugged device.
var ErrUnplugged = errors.New("pretend device is unplugged")

const (
	// How long the host may leave our bytes unread before the wire drops them, as
	// a wire without flow control does.
	sendTimeout = time.Second
	// How often we look whether the host has opened its end again.
	hostPoll = 20 * time.Millisecond
)

// wire is the device's end of a pty, plugged or not.
type wire struct {
	path    string
	receive func(p []byte) // on the wire's goroutine; p is only lent
	pace    func(n int, unplugged <-chan struct{})

	mu      sync.Mutex
	master  *os.File      // nil while unplugged
	pulled  chan struct{} // closed when the plug is pulled
	ended   chan struct{} // closed by the reader of this plugging
	sending sync.Mutex
}

// plug makes a new pty and points the symlink at it.
func (w *wire) plug() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.master != nil {
		return nil
	}
	master, name, err := openRaw()
	if err != nil {
		return fmt.Errorf("plug %s: %w", w.path, err)
	}
	if err := relink(name, w.path); err != nil {
		master.Close()
		return fmt.Errorf("plug %s: %w", w.path, err)
	}
	pulled, ended := make(chan struct{}), make(chan struct{})
	w.master, w.pulled, w.ended = master, pulled, ended
	go func() {
		defer close(ended)
		w.read(master, pulled)
	}()
	return nil
}

// unplug removes the symlink and hangs the line up.
func (w *wire) unplug() error {
	w.mu.Lock()
	master := w.master
	w.master = nil
	if master == nil {
		w.mu.Unlock()
		return nil
	}
	close(w.pulled)
	ended := w.ended
	err := os.Remove(w.path)
	if errors.Is(err, os.ErrNotExist) {
		err = nil // the whole folder may be gone
	}
	err = errors.Join(err, master.Close())
	w.mu.Unlock()
	<-ended
	if err != nil {
		return fmt.Errorf("unplug %s: %w", w.path, err)
	}
	return nil
}

// send puts bytes on the wire; what the host does not take in a second is lost.
func (w *wire) send(p []byte) error {
	w.sending.Lock()
	defer w.sending.Unlock()
	w.mu.Lock()
	master := w.master
	w.mu.Unlock()
	if master == nil {
		return fmt.Errorf("send on %s: %w", w.path, ErrUnplugged)
	}
	if err := master.SetWriteDeadline(time.Now().Add(sendTimeout)); err != nil {
		return fmt.Errorf("send on %s: %w", w.path, ErrUnplugged)
	}
	if _, err := master.Write(p); err != nil {
		return fmt.Errorf("send on %s: %w", w.path, err)
	}
	return nil
}

func (w *wire) read(master *os.File, pulled <-chan struct{}) {
	buf := make([]byte, 4096)
	for {
		n, err := master.Read(buf)
		if n > 0 {
			w.receive(buf[:n])
			w.pace(n, pulled)
			continue
		}
		if !errors.Is(err, unix.EIO) {
			return // unplugged
		}
		// EIO: the host has closed its end and everything it sent has been read.
		select {
		case <-time.After(hostPoll):
		case <-pulled:
			return
		}
	}
}

// openRaw makes a pty whose slave neither echoes nor translates, and returns its
// master end, non-blocking so that closing it ends a read.
func openRaw() (master *os.File, slave string, err error) {
	m, s, err := pty.Open()
	if err != nil {
		return nil, "", fmt.Errorf("open pty: %w", err)
	}
	defer m.Close()
	defer s.Close()
	if err := makeRaw(int(s.Fd())); err != nil {
		return nil, "", fmt.Errorf("make pty raw: %w", err)
	}
	fd, err := unix.FcntlInt(m.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, "", fmt.Errorf("keep pty: %w", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil, "", fmt.Errorf("keep pty: %w", err)
	}
	return os.NewFile(uintptr(fd), m.Name()), s.Name(), nil
}

func makeRaw(fd int) error {
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return err
	}
	t.Iflag, t.Oflag, t.Lflag = 0, 0, 0
	t.Cflag = unix.CS8 | unix.CREAD | unix.CLOCAL | unix.B9600
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
	return unix.IoctlSetTermios(fd, unix.TCSETS, t)
}

// relink points the symlink at path to target in one step.
func relink(target, path string) error {
	next := path + ".new"
	if err := os.Remove(next); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.Symlink(target, next); err != nil {
		return err
	}
	return os.Rename(next, path)
}

func cleanPath(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("path %q: %w", path, err)
	}
	if st, err := os.Lstat(abs); err == nil && st.Mode()&os.ModeSymlink == 0 {
		return "", fmt.Errorf("path %s: in use by something that is not a pretend device's symlink", abs)
	}
	return abs, nil
}
