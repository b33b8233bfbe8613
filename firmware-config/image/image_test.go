package image

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// image fabricates what of a Raspberry Pi OS image is looked at.
func image(t *testing.T) (boot, root string) {
	t.Helper()
	boot, root = t.TempDir(), t.TempDir()
	for path, text := range map[string]string{
		filepath.Join(boot, "config.txt"):  "# Raspberry Pi OS\ndtparam=audio=on\n[all]\n",
		filepath.Join(boot, "cmdline.txt"): "console=serial0,115200 console=tty1 root=PARTUUID=0b1d-02 rootfstype=ext4 fsck.repair=yes rootwait\n",
		filepath.Join(root, "etc/fstab"):   "proc /proc proc defaults 0 0\nPARTUUID=0b1d-02 / ext4 defaults,noatime 0 1\n",
	} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return boot, root
}

func apply(t *testing.T, args ...string) (out string, status int) {
	t.Helper()
	b, err := exec.Command("./apply", args...).CombinedOutput()
	if exit, ok := err.(*exec.ExitError); ok {
		return string(b), exit.ExitCode()
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(b), 0
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestApply(t *testing.T) {
	boot, root := image(t)
	out, status := apply(t, "--data", "shop", boot, root)
	if status != 0 {
		t.Fatalf("exit status %d: %s", status, out)
	}
	config := read(t, boot, "config.txt")
	for _, want := range []string{"dtparam=audio=on\n", "\n[pi5]\n", "dtparam=watchdog=on", "gpio=5,6,13,19,26=ip,pu"} {
		if !strings.Contains(config, want) {
			t.Errorf("config.txt has no %q", want)
		}
	}
	want := "console=tty1 root=PARTUUID=0b1d-02 rootfstype=ext4 fsck.repair=yes rootwait panic=10 consoleblank=0 overlayroot=tmpfs:recurse=0\n"
	if got := read(t, boot, "cmdline.txt"); got != want {
		t.Errorf("cmdline.txt is\n%swant\n%s", got, want)
	}
	if got := read(t, root, "etc/fstab"); !strings.Contains(got, "PARTUUID=0b1d-02 / ext4") || !strings.Contains(got, "LABEL=shop /data ext4 noatime") || !strings.Contains(got, "/data/etc /etc/baylight none bind") {
		t.Errorf("fstab is\n%s", got)
	}
	if got := read(t, root, "etc/systemd/system.conf.d/baylight.conf"); !strings.Contains(got, "RuntimeWatchdogSec=10s") {
		t.Errorf("the watchdog is not fed: %s", got)
	}
	if to, err := os.Readlink(filepath.Join(root, "etc/systemd/system/apt-daily.timer")); err != nil || to != "/dev/null" {
		t.Errorf("packages are still looked for, into memory: %s, %v", to, err)
	}
	for _, want := range []string{"config.txt:", "cmdline.txt:", "/etc/fstab:", "/etc/chromium/policies/managed/baylight.json", "apt-daily.timer: off", "/etc/systemd/system/kioskd.service.d/data.conf"} {
		if !strings.Contains(out, want) {
			t.Errorf("it does not say that it did %s:\n%s", want, out)
		}
	}
	before := read(t, boot, "config.txt") + read(t, boot, "cmdline.txt") + read(t, root, "etc/fstab")
	out, status = apply(t, "--data", "shop", boot, root)
	if after := read(t, boot, "config.txt") + read(t, boot, "cmdline.txt") + read(t, root, "etc/fstab"); status != 0 || after != before || !strings.HasPrefix(out, "nothing to do") {
		t.Errorf("a second run: %d, %s\n%s", status, out, after)
	}
}

// What is not ours stays: an image that was changed by hand is not put back.
func TestApplyKeepsWhatIsNotOurs(t *testing.T) {
	boot, root := image(t)
	apply(t, boot, root)
	if err := os.WriteFile(filepath.Join(boot, "config.txt"), []byte(read(t, boot, "config.txt")+"dtoverlay=their-own\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	apply(t, boot, root)
	if got := read(t, boot, "config.txt"); strings.Count(got, "dtoverlay=their-own") != 1 || strings.Count(got, ">>> baylight") != 1 {
		t.Errorf("config.txt is\n%s", got)
	}
	if got := read(t, boot, "cmdline.txt"); strings.Contains(got, "overlayroot") {
		t.Errorf("without a data partition the root file system has to stay writable: %s", got)
	}
}

func TestApplyRefuses(t *testing.T) {
	boot, root := image(t)
	for _, c := range []struct {
		args   []string
		status int
		says   string
	}{
		{nil, 2, "usage"},
		{[]string{boot}, 2, "usage"},
		{[]string{root, boot}, 1, "is the image mounted?"},
		{[]string{"--data", "a b", boot, root}, 2, "a label has"},
		{[]string{"--data", "x$(reboot)", boot, root}, 2, "a label has"},
	} {
		if out, status := apply(t, c.args...); status != c.status || !strings.Contains(out, c.says) {
			t.Errorf("%q: %d, %s; want %d and %q", c.args, status, out, c.status, c.says)
		}
	}
}

func TestPolicyIsJSON(t *testing.T) {
	var p map[string]any
	if err := json.Unmarshal([]byte(read(t, "root/etc/chromium/policies/managed/baylight.json")), &p); err != nil || p["DeveloperToolsAvailability"] != 2.0 {
		t.Errorf("%v: %v", err, p)
	}
}
