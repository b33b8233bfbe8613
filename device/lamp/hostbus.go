package lamp

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"

	"golang.org/x/sys/unix"
	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/physic"
)

// i2cSlave is the request I2C_SLAVE of linux/i2c-dev.h: whom reads and writes are
// for. It fails with EBUSY where a kernel driver has the chip.
const i2cSlave = 0x0703

// hostBus is a bus of the kernel's i2c-dev. periph's own is not used: it hands
// addresses of Go memory to the kernel as numbers, which a growing stack moves.
type hostBus struct {
	file    *os.File
	address uint16
}

var _ i2c.BusCloser = (*hostBus)(nil)

func openHostBus(number int) (i2c.BusCloser, error) {
	return openBusFile("/dev/i2c-" + strconv.Itoa(number))
}

func openBusFile(path string) (i2c.BusCloser, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("open I²C bus: %w: %s", err, groupToJoin(path))
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("open I²C bus: %w: is I²C switched on (dtparam=i2c_arm=on) and the module i2c-dev loaded?", err)
	case err != nil:
		return nil, fmt.Errorf("open I²C bus: %w", err)
	}
	return &hostBus{file: f}, nil
}

// Tx writes w to a chip, then reads r from it.
func (b *hostBus) Tx(address uint16, w, r []byte) error {
	if err := b.choose(address); err != nil {
		return err
	}
	if len(w) > 0 {
		if _, err := b.file.Write(w); err != nil {
			return noAnswer(err)
		}
	}
	if len(r) > 0 {
		if _, err := b.file.Read(r); err != nil {
			return noAnswer(err)
		}
	}
	return nil
}

func (b *hostBus) choose(address uint16) error {
	if address == b.address {
		return nil
	}
	raw, err := b.file.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	if err := raw.Control(func(fd uintptr) { inner = unix.IoctlSetInt(int(fd), i2cSlave, int(address)) }); err != nil {
		return err
	}
	switch {
	case errors.Is(inner, unix.EBUSY):
		return &PinError{Holder: "a kernel driver, whose pins have names like gpiochip2:5", Err: ErrBusy}
	case inner != nil:
		return fmt.Errorf("choose chip: %w", inner)
	}
	b.address = address
	return nil
}

// noAnswer adds what the kernel's numbers mean on an I²C bus.
func noAnswer(err error) error {
	switch {
	case errors.Is(err, unix.ENXIO) || errors.Is(err, unix.EREMOTEIO):
		return fmt.Errorf("no chip answers at this address: %w", err)
	case errors.Is(err, unix.ETIMEDOUT):
		return fmt.Errorf("the bus is stuck: %w", err)
	}
	return err
}

// SetSpeed is the device tree's business.
func (b *hostBus) SetSpeed(physic.Frequency) error {
	return errors.New("the speed of an I²C bus is set in config.txt")
}

// String is the path of the bus.
func (b *hostBus) String() string { return b.file.Name() }

// Close gives the bus back.
func (b *hostBus) Close() error { return b.file.Close() }

// groupToJoin says which group gives access to a device.
func groupToJoin(path string) string {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil || st.Mode&0o060 != 0o060 || st.Gid == 0 {
		return "no group may use it: give it to one with a udev rule"
	}
	group := strconv.Itoa(int(st.Gid))
	if g, err := user.LookupGroupId(group); err == nil {
		group = g.Name
	}
	return fmt.Sprintf("this user is not in the group %s: add it with usermod -aG %s USER and log in again", group, group)
}
