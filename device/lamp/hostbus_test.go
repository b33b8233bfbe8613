package lamp

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestNoSuchBusSaysWhatToDo(t *testing.T) {
	_, err := openBusFile(filepath.Join(t.TempDir(), "i2c-1"))
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "module i2c-dev") {
		t.Errorf("no bus: %v", err)
	}
}

func TestABusThatIsNoneIsAnError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "i2c-1")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	bus, err := openBusFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := bus.Tx(0x20, []byte{0}, nil); !errors.Is(err, syscall.ENOTTY) {
		t.Errorf("Tx on a file: %v", err)
	}
	if err := bus.Close(); err != nil {
		t.Error(err)
	}
}

func TestGroupToJoin(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gpiochip0")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := groupToJoin(path); !strings.Contains(got, "udev rule") {
		t.Errorf("mode 0600: %s", got)
	}
	const nobodys = 54321
	if err := errors.Join(os.Chmod(path, 0o660), os.Chown(path, -1, nobodys)); err != nil {
		t.Skip("needs root to give a file to another group:", err)
	}
	if got := groupToJoin(path); !strings.Contains(got, "usermod -aG 54321 USER") {
		t.Errorf("mode 0660: %s", got)
	}
}
