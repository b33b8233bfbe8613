package line

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/tarm/serial"
	"golang.org/x/sys/unix"
)

// drainTime is how long a closing line lets the driver send what it still holds.
// Without a bound close(2) itself waits up to 30 s for a device that said XOFF.
const drainTime = 500 * time.Millisecond

// tty is a device opened twice: by tarm for reading, and as ctl, non-blocking,
// for everything tarm cannot do.
type tty struct {
	serial *serial.Port
	ctl    *os.File
	excl   bool
	flow   Flow
}

// openTTY opens, locks and prepares the device. The order matters: TIOCEXCL
// would keep tarm out if it came first, and the flush must come last.
func openTTY(c Config) (port, error) { return openWith(c, wantsTIOCEXCL) }

func openWith(c Config, exclusive func(rdev uint64) bool) (port, error) {
	// Resolved once, so that both descriptors meet the same device even if the
	// symlink moves in between; ctl then keeps the device's number from reuse.
	name, err := machine().resolve(c.Device)
	if err != nil {
		return nil, err
	}
	ctl, err := os.OpenFile(name, unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, openError(name, err)
	}
	t := &tty{ctl: ctl, flow: c.Flow}
	if err := t.prepare(name, c, exclusive); err != nil {
		t.close()
		return nil, err
	}
	return t, nil
}

func (t *tty) prepare(name string, c Config, exclusive func(rdev uint64) bool) error {
	rdev, err := claim(t.ctl, name, exclusive)
	if err != nil {
		return err
	}
	t.serial, err = serial.OpenPort(&serial.Config{Name: name, Baud: c.Baud, ReadTimeout: c.ReadTimeout})
	if err != nil {
		return openError(name, err)
	}
	if exclusive(rdev) {
		if err := t.ioctlInt(unix.TIOCEXCL, 0); err != nil {
			return fmt.Errorf("claim %s: %w", name, err)
		}
		t.excl = true
	}
	if err := t.setFlow(c.Flow); err != nil {
		return fmt.Errorf("set flow control %s on %s: %w", c.Flow, name, err)
	}
	if err := t.ioctlInt(unix.TCFLSH, unix.TCIOFLUSH); err != nil {
		return fmt.Errorf("flush %s: %w", name, err)
	}
	if t.hungUp() {
		return errHungUp
	}
	return nil
}

// claim makes sure that f is a tty and that this process alone uses it. The lock
// is advisory and ends with the process; TIOCEXCL (set later) also stops
// programs that do not ask, except root's, which is why root must ask here.
func claim(f *os.File, name string, exclusive func(rdev uint64) bool) (rdev uint64, err error) {
	var st unix.Stat_t
	var excl int
	err = control(f, func(fd int) error {
		if err := unix.Fstat(fd, &st); err != nil {
			return fmt.Errorf("stat %s: %w", name, err)
		}
		if _, err := unix.IoctlGetTermios(fd, unix.TCGETS); err != nil {
			if errors.Is(err, unix.EIO) {
				return errHungUp
			}
			return fmt.Errorf("%s is not a serial port (not a tty)", name)
		}
		if err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); errors.Is(err, unix.EWOULDBLOCK) {
			return heldError(name, st.Rdev)
		}
		if exclusive(st.Rdev) {
			excl, _ = unix.IoctlGetInt(fd, unix.TIOCGEXCL)
		}
		return nil
	})
	if err == nil && excl != 0 {
		err = heldError(name, st.Rdev)
	}
	return st.Rdev, err
}

// wantsTIOCEXCL is false for pseudo terminals (majors 136 to 143): there the
// flag outlives a killed holder for as long as the other end is open, and would
// shut its successor out.
func wantsTIOCEXCL(rdev uint64) bool {
	m := unix.Major(rdev)
	return m < 136 || m > 143
}

func (t *tty) setFlow(f Flow) error {
	if f == FlowNone {
		return nil
	}
	return control(t.ctl, func(fd int) error {
		tio, err := unix.IoctlGetTermios(fd, unix.TCGETS)
		if err != nil {
			return err
		}
		switch f {
		case FlowRTSCTS:
			tio.Cflag |= unix.CRTSCTS
		case FlowXONXOFF:
			tio.Iflag |= unix.IXON | unix.IXOFF
			tio.Cc[unix.VSTART], tio.Cc[unix.VSTOP] = 0x11, 0x13
		}
		return unix.IoctlSetTermios(fd, unix.TCSETS, tio)
	})
}

// Read is tarm's read: (0, io.EOF) for silence and for loss alike.
func (t *tty) Read(p []byte) (int, error) { return t.serial.Read(p) }

func (t *tty) hungUp() bool {
	dead := false
	err := control(t.ctl, func(fd int) error {
		fds := []unix.PollFd{{Fd: int32(fd)}}
		if _, err := unix.Poll(fds, 0); err != nil {
			return nil // interrupted: asked again at the next silence
		}
		dead = fds[0].Revents&(unix.POLLHUP|unix.POLLERR|unix.POLLNVAL) != 0
		return nil
	})
	return dead || err != nil
}

func (t *tty) write(ctx context.Context, p []byte, deadline time.Time) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if err := t.ctl.SetWriteDeadline(deadline); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrDown, err)
	}
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		_ = t.ctl.SetWriteDeadline(time.Unix(1, 0)) // fails only on a closed file, which ends the write too
	})
	n, err := t.ctl.Write(p)
	if !stop() {
		<-stopped
	}
	switch {
	case err == nil:
		return n, nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		t.discardOutput()
		if ctx.Err() != nil {
			return n, ctx.Err()
		}
		return n, ErrTimeout
	case errors.Is(err, os.ErrClosed) || errors.Is(err, unix.EIO) || errors.Is(err, unix.ENXIO) || errors.Is(err, unix.ENODEV):
		return n, ErrDown
	}
	return n, err
}

// discardOutput throws away what was not sent, so that a write that failed does
// not come out later behind the caller's back, and forgets an XOFF: if the
// device still means it, it says so again.
func (t *tty) discardOutput() {
	// Errors mean that the line is gone, which the reader notices.
	_ = t.ioctlInt(unix.TCFLSH, unix.TCOFLUSH)
	if t.flow == FlowXONXOFF {
		_ = t.ioctlInt(unix.TCXONC, unix.TCOOFF)
		_ = t.ioctlInt(unix.TCXONC, unix.TCOON)
	}
}

func (t *tty) close() {
	t.drain()
	if t.excl {
		_ = t.ioctlInt(unix.TIOCNXCL, 0)
	}
	if t.serial != nil {
		_ = t.serial.Close()
	}
	_ = t.ctl.Close()
}

func (t *tty) drain() {
	for waited := time.Duration(0); t.unsent() > 0; waited += drainStep {
		if waited >= drainTime {
			t.discardOutput()
			return
		}
		time.Sleep(drainStep)
	}
}

// unsent asks the driver; one that cannot say has, as far as we know, sent all.
func (t *tty) unsent() (held int) {
	err := control(t.ctl, func(fd int) (err error) {
		held, err = unix.IoctlGetInt(fd, unix.TIOCOUTQ)
		return err
	})
	if err != nil {
		return 0
	}
	return held
}

func (t *tty) ioctlInt(req uint, arg int) error {
	return control(t.ctl, func(fd int) error { return unix.IoctlSetInt(fd, req, arg) })
}

// control runs f on the descriptor without making it blocking, which
// os.File.Fd would.
func control(file *os.File, f func(fd int) error) error {
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	if err := raw.Control(func(fd uintptr) { inner = f(int(fd)) }); err != nil {
		return err
	}
	return inner
}
