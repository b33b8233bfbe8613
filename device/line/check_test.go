package line

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func wantCheck(t *testing.T, device string, want ...string) error {
	t.Helper()
	err := Check(device)
	if err == nil {
		t.Fatalf("check %s: nothing found, want %q", device, want)
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("check %s: %q, want %q", device, err, w)
		}
	}
	return err
}

func TestCheckFindsNothingWrong(t *testing.T) {
	path := filepath.Join(t.TempDir(), "scanner")
	plug(t, path)
	for range 2 { // and leaves nothing behind
		if err := Check(path); err != nil {
			t.Error(err)
		}
	}
}

func TestCheckNamesWhatIsMissing(t *testing.T) {
	dir := t.TempDir()
	absent := filepath.Join(dir, "absent")
	if err := wantCheck(t, absent, absent, "does not exist", "plug the device in"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v is not fs.ErrNotExist", err)
	}
	link := filepath.Join(dir, "scanner-bay3")
	if err := os.Symlink(filepath.Join(dir, "ttyUSB9"), link); err != nil {
		t.Fatal(err)
	}
	wantCheck(t, link, link, "points to", "ttyUSB9", "is the device plugged in")
	wantCheck(t, "", "device is empty")
	wantCheck(t, "ttyUSB0", "absolute path")
}

func TestCheckNotATTY(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	wantCheck(t, file, "not a serial port")
	wantCheck(t, "/dev/null", "not a serial port")
}

func TestCheckOfAnUnpluggedPort(t *testing.T) {
	path := filepath.Join(t.TempDir(), "scanner")
	plug(t, path).Close()
	wantCheck(t, path, path)
}

// The holder takes no lock: it is found among the open files of /proc.
func TestCheckNamesTheHolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "scanner")
	plug(t, path)
	tty, err := os.OpenFile(path, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	holder := exec.Command("sleep", "60")
	holder.Stdin = tty
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = holder.Process.Kill()
		_ = holder.Wait() // "signal: killed"
	}()
	tty.Close()
	err = wantCheck(t, path, "in use by sleep", fmt.Sprintf("process %d", holder.Process.Pid))
	if !errors.Is(err, ErrHeld) {
		t.Errorf("%v is not ErrHeld", err)
	}
}

func TestPermissionDeniedNamesTheGroup(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ttyUSB0")
	if err := os.WriteFile(file, nil, 0o660); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, 0o660); err != nil { // past the umask
		t.Fatal(err)
	}
	want := "not in the group"
	if os.Getuid() == 0 {
		const gid = 54321 // no such group: its number is named
		if err := os.Chown(file, 0, gid); err != nil {
			t.Fatal(err)
		}
		want = "not in the group 54321: add it with usermod -aG 54321"
	}
	err := openError(file, &fs.PathError{Op: "open", Path: file, Err: unix.EACCES})
	if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %q", err, want)
	}
	if err := os.Chmod(file, 0o600); err != nil {
		t.Fatal(err)
	}
	err = openError(file, &fs.PathError{Op: "open", Path: file, Err: unix.EACCES})
	if !strings.Contains(err.Error(), "mode 0600 lets no group") {
		t.Errorf("%v, want the mode named", err)
	}
}

func TestSerialPortsAreListedStableNamesFirst(t *testing.T) {
	dev := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dev, "serial/by-id"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ttyUSB0", "ttyS0", "serial/by-id/usb-Honeywell_1900"} {
		if err := os.WriteFile(filepath.Join(dev, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got := strings.ReplaceAll(strings.Join(serialPorts(dev), " "), dev, "")
	if want := "/serial/by-id/usb-Honeywell_1900 /ttyUSB0"; got != want {
		t.Errorf("ports %q, want %q", got, want)
	}
}
