package line

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// sysfs builds the part of /sys that names adapters, as Linux lays it out: usb-serial
// puts a tty below a port below the interface, cdc-acm right below the interface.
func sysfs(t *testing.T, ports ...string) system {
	t.Helper()
	s := system{sys: t.TempDir(), dev: "/dev"}
	for _, p := range ports { // "ttyUSB0 1-1 A10K3XYZ 00"
		f := strings.Fields(p)
		tty, usb, serial, iface := f[0], f[1], f[2], f[3]
		adapter := filepath.Join(s.sys, "devices/platform/soc/usb1", usb)
		device := filepath.Join(adapter, usb+":1."+iface[1:])
		must(t, os.MkdirAll(device, 0o755))
		must(t, os.WriteFile(filepath.Join(device, "bInterfaceNumber"), []byte(iface+"\n"), 0o644))
		if serial != "-" {
			must(t, os.WriteFile(filepath.Join(adapter, "serial"), []byte(serial+"\n"), 0o644))
		}
		if strings.HasPrefix(tty, "ttyUSB") {
			device = filepath.Join(device, tty)
		}
		class := filepath.Join(device, "tty", tty)
		must(t, os.MkdirAll(class, 0o755))
		must(t, os.Symlink(device, filepath.Join(class, "device")))
		must(t, os.MkdirAll(filepath.Join(s.sys, "class/tty"), 0o755))
		must(t, os.Symlink(class, filepath.Join(s.sys, "class/tty", tty)))
	}
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestPortsByUSBSerialNumber(t *testing.T) {
	s := sysfs(t, "ttyUSB0 1-1 A10K3XYZ 00", "ttyUSB1 1-2 FT4QUAD 00", "ttyUSB2 1-2 FT4QUAD 01", "ttyACM0 1-3 S/N:7:01 00",
		"ttyUSB3 1-4 - 00", "ttyUSB4 1-5 0001 00", "ttyUSB5 1-6 0001 00")
	for _, c := range []struct{ device, path, err string }{
		{"usb:A10K3XYZ", "/dev/ttyUSB0", ""},
		{"usb:A10K3XYZ:00", "/dev/ttyUSB0", ""},
		{"usb:FT4QUAD:01", "/dev/ttyUSB2", ""},
		{"usb:S/N:7:01", "/dev/ttyACM0", ""},
		{"usb:FT4QUAD", "", "several ports (usb:FT4QUAD:00 at ttyUSB1, usb:FT4QUAD:01 at ttyUSB2): add the interface"},
		{"usb:0001", "", "by-path"},
		{"usb:NOBODY", "", "not plugged in: present: usb:S/N:7:01:00 at ttyACM0, usb:A10K3XYZ:00 at ttyUSB0"},
	} {
		path, err := s.resolve(c.device)
		if c.err == "" && (err != nil || path != c.path) {
			t.Errorf("%s: %s, %v; want %s", c.device, path, err, c.path)
		}
		if c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("%s: %v, want %q", c.device, err, c.err)
		}
	}
	if _, err := sysfs(t).resolve("usb:A10K3XYZ"); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "no USB serial adapter") {
		t.Errorf("no adapters: %v", err)
	}
}

// An adapter that comes back as another tty is found where it is now.
func TestUSBSerialNumberFollowsTheAdapter(t *testing.T) {
	for _, tty := range []string{"ttyUSB0", "ttyUSB1"} {
		s := sysfs(t, tty+" 1-1 A10K3XYZ 00")
		if path, err := s.resolve("usb:A10K3XYZ"); path != "/dev/"+tty || err != nil {
			t.Errorf("%s, %v; want %s", path, err, tty)
		}
	}
}

func TestUSBNamesAreChecked(t *testing.T) {
	for device, want := range map[string]string{"usb:A10K3XYZ": "", "usb:": "serial number", "usb:a/../b\x00": "serial number",
		"usb:" + strings.Repeat("7", 200): "serial number"} {
		err := Config{Device: device}.Validate()
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", device, err, want)
		}
	}
}
