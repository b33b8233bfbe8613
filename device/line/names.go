package line

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// usbPrefix begins the name of a port by the serial number of its USB adapter, as
// the kernel shows it: "usb:A10K3XYZ", and "usb:A10K3XYZ:01" for one interface of
// an adapter that has several ports. Such a name needs no udev rule, survives
// another socket, and does not rely on /dev/serial/by-id, which some systems lack.
const usbPrefix = "usb:"

// maxSerial bounds a serial number; USB's strings have at most 126 characters.
const maxSerial = 126

// system is where the kernel shows devices; tests have their own.
type system struct{ sys, dev string }

// machine is this machine's.
func machine() system { return system{sys: "/sys", dev: "/dev"} }

// resolve gives the present path of a configured device: of the symlink's target,
// or of the port of a USB adapter.
func (s system) resolve(device string) (string, error) {
	name, ok := strings.CutPrefix(device, usbPrefix)
	if !ok {
		path, err := filepath.EvalSymlinks(device)
		if err != nil {
			return "", openError(device, err)
		}
		return path, nil
	}
	all := s.usbPorts()
	var found []usbPort
	for _, p := range all {
		if p.serial == name || p.serial+":"+p.iface == name {
			found = append(found, p)
		}
	}
	switch len(found) {
	case 1:
		return filepath.Join(s.dev, found[0].tty), nil
	case 0:
		hint := "no USB serial adapter with a serial number is plugged in"
		if len(all) > 0 {
			hint = "present: " + list(all)
		}
		return "", fmt.Errorf("%s is not plugged in: %s (%w)", device, hint, fs.ErrNotExist)
	}
	return "", fmt.Errorf("%s is several ports (%s): add the interface, or where two adapters have one number name the port by a path below /dev/serial/by-path", device, list(found))
}

// usbPort is a serial port of a USB adapter that has a serial number.
type usbPort struct{ tty, serial, iface string }

func list(ports []usbPort) string {
	var names []string
	for _, p := range ports[:min(len(ports), 8)] {
		names = append(names, fmt.Sprintf("%s%s:%s at %s", usbPrefix, p.serial, p.iface, p.tty))
	}
	return strings.Join(names, ", ")
}

// usbPorts lists them, by tty.
func (s system) usbPorts() []usbPort {
	links, _ := filepath.Glob(filepath.Join(s.sys, "class/tty/tty[UA][SC]*", "device")) // ttyUSB and ttyACM; the pattern is well formed
	var all []usbPort
	for _, link := range links {
		dir, err := filepath.EvalSymlinks(link)
		if err != nil {
			continue // gone meanwhile
		}
		p := usbPort{tty: filepath.Base(filepath.Dir(link))}
		// The tty is below the interface, and that below the adapter.
		for range 4 {
			if p.iface == "" {
				p.iface = attribute(dir, "bInterfaceNumber")
			}
			if p.serial = attribute(dir, "serial"); p.serial != "" {
				all = append(all, p)
				break
			}
			dir = filepath.Dir(dir)
		}
	}
	slices.SortFunc(all, func(a, b usbPort) int { return strings.Compare(a.tty, b.tty) })
	return all
}

// attribute reads a short line of sysfs, or gives "".
func attribute(dir, name string) string {
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return ""
	}
	defer f.Close()
	buf := make([]byte, 4*maxSerial)
	n, _ := f.Read(buf) // nothing read is nothing there
	return strings.TrimSpace(string(buf[:n]))
}
