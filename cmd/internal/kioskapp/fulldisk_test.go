package kioskapp_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"baylight/device/bench"
	"baylight/kiosk"
)

// TestFullDisk: the disk of a kiosk at work fills up for real. What cannot be
// recorded is refused by beep, lamp and screens; once there is room the kiosk
// goes on by itself, with every scan that was acknowledged and no other.
func TestFullDisk(t *testing.T) { mounted(t, fullDisk) }

const mountedEnv = "KIOSKAPP_TEST_MOUNTED"

// mounted runs the calling test again where it may mount a disk of its own.
func mounted(t *testing.T, do func(*testing.T)) {
	t.Helper()
	if os.Getenv(mountedEnv) != "" {
		do(t)
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), mountedEnv+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	if os.Getuid() != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWUSER,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}}
	}
	out, err := cmd.CombinedOutput()
	switch text := string(out); {
	case err != nil && len(out) == 0:
		t.Skipf("no name space of its own: %v", err)
	case strings.Contains(text, "--- SKIP"):
		t.Skip(text)
	case err != nil || !strings.Contains(text, "--- PASS"):
		t.Errorf("%v\n%s", err, text)
	}
}

func fullDisk(t *testing.T) {
	r := newRig(t)
	data := filepath.Join(r.dir, "data")
	must(t, os.Mkdir(data, 0o700))
	if err := syscall.Mount("tmpfs", data, "tmpfs", 0, "size=40m"); err != nil {
		t.Skipf("mount: %v", err)
	}
	t.Cleanup(func() { check(t, syscall.Unmount(data, syscall.MNT_DETACH)) })
	r.up()
	r.scan("s1", badge, bench.AckGood)
	cards := []string{kiosk.ActionCode(tag, kiosk.Help), kiosk.ActionCode(tag, kiosk.Undo)}
	good := 0
	refused := func() {
		t.Helper()
		eat(t, filepath.Join(data, "other"))
		for r.beeps("s1", cards[good%2]) {
			good++
		}
	}
	refused()
	if _, err := os.Stat(filepath.Join(data, "journal.db.ballast")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the ballast is not given up: %v", err)
	}
	r.await("the reserve serves", func() bool { r.pass(time.Second); return r.health().OK })
	r.shows("/devices", "the reserve is in use")
	refused() // of the reserve nothing is left either
	r.shows("/bay/b1", "Not saved. Scan again")
	for _, page := range []string{"/devices", "/bay/b2"} {
		r.shows(page, "Nothing can be recorded, scans are refused")
	}
	if h := r.health(); h.OK {
		t.Errorf("health is %+v", h)
	}
	amber := func(pin string, high bool) bool {
		return slices.ContainsFunc(r.changes(pin), func(l lit) bool { return l.high == high })
	}
	r.await("amber lamps at both bays", func() bool { return (good%2 == 1 || amber("P2", false)) && amber("P7", true) })
	must(t, os.Remove(filepath.Join(data, "other")))
	r.await("it works again", func() bool { r.pass(time.Second); return r.health().OK })
	if good%2 == 1 {
		r.scan("s1", cards[1], bench.AckGood)
		good++
	}
	r.await("the lamps follow the bays", func() bool { l := r.pins.Levels(); return !l["P0"] && l["P2"] && l["P5"] && !l["P7"] })
	r.scan("s1", cards[0], bench.AckGood)
	if page := r.page("/devices"); strings.Contains(page, "the reserve is in use") || strings.Contains(page, "Nothing can be recorded") {
		t.Errorf("with room again the devices page says\n%s", page)
	}
	r.sound()
	n := 0
	for _, x := range r.rows() {
		if s := x.read(t).Data.Scan; s != nil && slices.Contains(cards, s.Text) {
			n++
		}
	}
	if n != good+1 {
		t.Errorf("%d scans are recorded, %d were acknowledged", n, good+1)
	}
}

// beeps scans and says whether the beep was a good one.
func (r *rig) beeps(scanner, text string) bool {
	r.t.Helper()
	r.pass(5 * time.Second)
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	ack, err := r.scanners[scanner].Scan(ctx, text)
	must(r.t, err)
	return ack == bench.AckGood
}

// eat takes all the room that a disk has left.
func eat(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	must(t, err)
	defer f.Close()
	for size := 1 << 20; size > 0; size /= 2 {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}
