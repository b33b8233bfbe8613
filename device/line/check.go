package line

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Check says in words what keeps device from being used as a serial line:
// nothing there, a symlink to nothing, no permission (and which group to join),
// not a tty, or in use by another process (named where /proc shows it; the error
// then matches ErrHeld). nil means that it can be opened now. It changes no
// settings and sends nothing.
func Check(device string) error {
	if err := (Config{Device: device}).Validate(); err != nil {
		return err
	}
	name, err := machine().resolve(device)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(name, unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		return openError(name, err)
	}
	defer f.Close()
	rdev, err := claim(f, name, wantsTIOCEXCL)
	if err != nil {
		return err
	}
	if len(holders(rdev)) > 0 {
		return heldError(name, rdev)
	}
	return nil
}

// openError turns the reason why name cannot be opened into words that say what
// to do.
func openError(name string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return missingError(name, err)
	case errors.Is(err, fs.ErrPermission):
		return permissionError(name, err)
	case errors.Is(err, unix.EBUSY):
		var st unix.Stat_t
		if unix.Stat(name, &st) == nil {
			return heldError(name, st.Rdev)
		}
		return fmt.Errorf("open %s: %w", name, ErrHeld)
	case errors.Is(err, unix.EIO) || errors.Is(err, unix.ENXIO) || errors.Is(err, unix.ENODEV):
		return fmt.Errorf("open %s: no device behind it: %w", name, err)
	}
	return fmt.Errorf("open %s: %w", name, err)
}

func missingError(name string, err error) error {
	if to, linkErr := os.Readlink(name); linkErr == nil {
		return fmt.Errorf("%s points to %s, which does not exist: is the device plugged in and switched on? (%w)", name, to, fs.ErrNotExist)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	hint := "no serial ports found on this machine"
	if ports := serialPorts("/dev"); len(ports) > 0 {
		hint = "present: " + strings.Join(ports, ", ")
	}
	return fmt.Errorf("%s does not exist: plug the device in or correct the path; %s (%w)", name, hint, fs.ErrNotExist)
}

// serialPorts lists what a person could have meant, stable names first, at most 8.
func serialPorts(dev string) []string {
	var all []string
	for _, pattern := range []string{"serial/by-id/*", "serial/by-path/*", "ttyUSB*", "ttyACM*", "ttyAMA*"} {
		found, _ := filepath.Glob(filepath.Join(dev, pattern)) // the patterns are well formed
		all = append(all, found...)
	}
	return all[:min(len(all), 8)]
}

func permissionError(name string, err error) error {
	var st unix.Stat_t
	if unix.Stat(name, &st) != nil {
		return fmt.Errorf("open %s: %w", name, err)
	}
	group := strconv.Itoa(int(st.Gid))
	if g, lookupErr := user.LookupGroupId(group); lookupErr == nil {
		group = g.Name
	}
	if st.Mode&0o060 != 0o060 || group == "root" {
		return fmt.Errorf("open %s: its mode %04o lets no group read and write it: give it to a group with a udev rule (%w)", name, st.Mode&0o777, fs.ErrPermission)
	}
	return fmt.Errorf("open %s: this user is not in the group %s: add it with usermod -aG %s USER and log in again (%w)", name, group, group, fs.ErrPermission)
}

func heldError(name string, rdev uint64) error { return &heldErr{name, rdev} }

// heldErr looks for the holder only when its text is wanted: walking /proc at
// every attempt to open would be the dearest thing a waiting line does.
type heldErr struct {
	name string
	rdev uint64
}

func (e *heldErr) Error() string {
	who := "another process"
	if h := holders(e.rdev); len(h) > 0 {
		who = strings.Join(h, ", ")
	}
	return fmt.Sprintf("%s: %v by %s", e.name, ErrHeld, who)
}

func (e *heldErr) Unwrap() error { return ErrHeld }

// sameHolder tells whether a and b say that the same port is held.
func sameHolder(a, b error) bool {
	var ha, hb *heldErr
	return errors.As(a, &ha) && errors.As(b, &hb) && *ha == *hb
}

// holders names the other processes that have the character device rdev open,
// as far as /proc lets this user see them.
func holders(rdev uint64) []string {
	fds, _ := filepath.Glob("/proc/[0-9]*/fd/*") // the pattern is well formed
	var who []string
	self := strconv.Itoa(os.Getpid())
	for _, fd := range fds {
		pid := strings.Split(fd, "/")[2]
		// Only what looks like a device is asked for its number: a stat of, say, a
		// dead network file could hang.
		if to, err := os.Readlink(fd); err != nil || pid == self || !strings.HasPrefix(to, "/dev/") {
			continue
		}
		var st unix.Stat_t
		if unix.Stat(fd, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFCHR || st.Rdev != rdev {
			continue
		}
		comm, _ := os.ReadFile("/proc/" + pid + "/comm") // gone again: the number will do
		who = append(who, strings.TrimSpace(string(comm))+" (process "+pid+")")
	}
	slices.Sort(who)
	return slices.Compact(who)
}
