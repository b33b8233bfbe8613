package kioskapp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"baylight/cmd/internal/cmdtest"
	"baylight/cmd/internal/kioskapp"
	"baylight/device/bench"
	"baylight/device/lamp/lamptest"
	"baylight/kiosk"
)

var (
	helpCard = kiosk.ActionCode(tag, kiosk.Help)
	undoCard = kiosk.ActionCode(tag, kiosk.Undo)
)

// TestReadOnlyDisk: a real ext4 meets an error and lets nobody write any more, as
// the image's does (errors=remount-ro). Scans are refused by beep, lamp and
// screens. Such a disk is mended between umount and mount, as a start of the
// machine does it: then every scan that was acknowledged is there, and no other.
func TestReadOnlyDisk(t *testing.T) { cmdtest.Mounted(t, readOnlyDisk) }

func readOnlyDisk(t *testing.T) {
	r := newRig(t)
	disk := newDisk(t, r.data())
	r.up()
	before := r.work()
	disk.fail()
	r.refuses()
	r.keeps(before)
	must(t, r.stop())
	r.keeps(before)
	r.doesNotBegin("readonly")
	r.keeps(before)
	disk.umount()
	disk.mend()
	must(t, disk.mount())
	r.up()
	r.goesOn(before)
}

// TestDiskTakesWritesAgain: the files of a kiosk at work take no writes for a
// time. With the first scan after that it goes on by itself.
func TestDiskTakesWritesAgain(t *testing.T) { cmdtest.Mounted(t, disksPause) }

func disksPause(t *testing.T) {
	r := newRig(t)
	newDisk(t, r.data())
	r.up()
	before := r.work()
	// The index of the write-ahead log stays as it is: it is mapped, and the kernel
	// would answer a write to such a file with a signal, which a disk that has become
	// read-only does not do.
	held := []string{r.data(), filepath.Join(r.data(), "journal.db"), filepath.Join(r.data(), "journal.db-wal")}
	for _, path := range held {
		immutable(t, path, true)
	}
	r.refuses()
	r.keeps(before)
	for _, path := range held {
		immutable(t, path, false)
	}
	r.goesOn(before)
}

// TestCause: what keeps a kiosk from beginning is told apart, for what a person
// does about it differs.
func TestCause(t *testing.T) {
	journal := func(r *rig) string { return filepath.Join(r.data(), "journal.db") }
	for cause, c := range map[string]struct{ spoil, mend func(*rig) }{
		"other": {func(r *rig) { must(t, os.WriteFile(r.data(), nil, 0o600)) }, func(r *rig) { must(t, os.Remove(r.data())) }},
		"foreign": {
			func(r *rig) {
				must(t, os.Mkdir(r.data(), 0o700))
				must(t, os.WriteFile(journal(r), bytes.Repeat([]byte("a letter\n"), 99), 0o600))
			},
			func(r *rig) { must(t, os.Remove(journal(r))) },
		},
		"inuse": {func(r *rig) { r.start() }, func(r *rig) { must(t, r.stop()) }},
	} {
		t.Run(cause, func(t *testing.T) {
			r := newRig(t)
			c.spoil(r)
			if cause == "inuse" {
				r.http = "127.0.0.1:0" // the other one has the pages
			}
			r.doesNotBegin(cause)
			c.mend(r)
			must(t, kioskapp.Recordable(r.options(nil)))
		})
	}
}

// doesNotBegin holds that a kiosk is not started, for this cause, and that its
// lamps can warn.
func (r *rig) doesNotBegin(cause string) {
	r.t.Helper()
	o := r.options(func() { r.t.Error("the kiosk is ready") })
	for name, err := range map[string]error{"Run": kioskapp.Run(r.t.Context(), o), "Recordable": kioskapp.Recordable(o)} {
		var none *kioskapp.RecordsError
		if !errors.As(err, &none) || none.Cause() != cause || none.Data != r.data() {
			r.t.Errorf("%s: %v (%+v)", name, err, none)
		}
	}
	ctx, stop := context.WithCancel(r.t.Context())
	defer stop()
	pins := lamptest.New(nil)
	o.Pins = pins.Open
	lamps := kioskapp.Warn(o)
	ended := make(chan error, 1)
	go func() { ended <- lamps.Run(ctx) }()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for {
		l := pins.Levels()
		if high, driven := l["P2"]; driven && !high && l["P7"] { // the relays of b1 switch on at low level
			break
		}
		select {
		case <-tick.C:
		case <-deadline:
			r.t.Fatalf("lamps: %v", l)
		}
	}
	stop()
	must(r.t, <-ended)
	if l := pins.Levels(); len(l) != 0 {
		r.t.Errorf("pins after the warning: %v", l)
	}
}

// data is the kiosk's data folder.
func (r *rig) data() string { return filepath.Join(r.dir, "data") }

// work has some scans recorded and gives all that is recorded by then.
func (r *rig) work() []row {
	r.t.Helper()
	r.scan("s1", badge, bench.AckGood)
	r.scan("s1", helpCard, bench.AckGood)
	r.scan("s1", undoCard, bench.AckGood)
	return r.rows()
}

// refuses has scans refused in all the ways there are.
func (r *rig) refuses() {
	r.t.Helper()
	for range 3 { // the first finds it out, the others know
		r.scan("s1", helpCard, bench.AckBad)
	}
	r.shows("/bay/b1", "Not saved. Scan again")
	for _, page := range []string{"/devices", "/bay/b2"} {
		r.shows(page, "Nothing can be recorded, scans are refused")
	}
	r.scan("s2", badge, bench.AckBad)
	if h := r.health(); h.OK {
		r.t.Errorf("health is %+v", h)
	}
	r.await("amber lamps at both bays", func() bool { l := r.pins.Levels(); return !l["P2"] && l["P7"] })
}

// keeps holds that exactly this is recorded.
func (r *rig) keeps(want []row) {
	r.t.Helper()
	got := r.rows()
	if len(got) != len(want) {
		r.t.Fatalf("recorded is %v, and was %v", types(got), types(want))
	}
	for i := range want {
		if !bytes.Equal(got[i].bytes, want[i].bytes) || !bytes.Equal(got[i].person, want[i].person) {
			r.t.Errorf("event %d is %s, and was %s", i+1, got[i].bytes, want[i].bytes)
		}
	}
	r.sound()
}

// goesOn has a scan recorded that was refused, once, behind all that there was.
func (r *rig) goesOn(before []row) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	ack, err := r.scanners["s1"].Scan(ctx, helpCard) // the very next thing: no time has passed
	must(r.t, err)
	if ack != bench.AckGood {
		r.t.Fatalf("the first scan that can be recorded is answered with %s", ack)
	}
	if h := r.health(); !h.OK {
		r.t.Errorf("health is %+v", h)
	}
	if page := r.page("/devices"); strings.Contains(page, "Nothing can be recorded") {
		r.t.Errorf("the devices page says\n%s", page)
	}
	rows := r.rows()
	for i := range min(len(before), len(rows)) {
		if !bytes.Equal(rows[i].bytes, before[i].bytes) {
			r.t.Errorf("event %d is %s, and was %s", i+1, rows[i].bytes, before[i].bytes)
		}
	}
	var scans []string
	for _, x := range rows[min(len(before), len(rows)):] {
		if s := x.read(r.t).Data.Scan; s != nil {
			scans = append(scans, s.Text)
		}
	}
	if len(scans) != 1 || scans[0] != helpCard {
		r.t.Errorf("recorded since: %q", scans)
	}
	r.sound()
}

// disk is a real ext4 of its own, on a loop device.
type disk struct {
	t         *testing.T
	image, at string
}

// newDisk mounts a disk until the test ends.
func newDisk(t *testing.T, at string) *disk {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("loop devices are root's")
	}
	d := &disk{t, filepath.Join(filepath.Dir(at), "image"), at}
	must(t, os.Mkdir(at, 0o700))
	must(t, os.WriteFile(d.image, nil, 0o600))
	must(t, os.Truncate(d.image, 64<<20))
	if out, err := exec.Command("mkfs.ext4", "-q", d.image).CombinedOutput(); err != nil {
		t.Skipf("mkfs.ext4: %v: %s", err, out)
	}
	if err := d.mount(); err != nil {
		t.Skip(err)
	}
	t.Cleanup(d.umount)
	return d
}

func (d *disk) mount() error {
	if out, err := exec.Command("mount", "-o", "loop,errors=remount-ro", d.image, d.at).CombinedOutput(); err != nil {
		return fmt.Errorf("mount: %w: %s", err, out)
	}
	return nil
}

func (d *disk) umount() {
	d.t.Helper()
	must(d.t, unix.Unmount(d.at, 0))
}

// fail lets the file system meet an error that it has to answer.
func (d *disk) fail() {
	d.t.Helper()
	out, err := exec.Command("findmnt", "-no", "SOURCE", d.at).Output()
	must(d.t, err)
	must(d.t, os.WriteFile(filepath.Join("/sys/fs/ext4", filepath.Base(strings.TrimSpace(string(out))), "trigger_fs_error"), []byte("1"), 0))
	if err := os.WriteFile(filepath.Join(d.at, "other"), nil, 0o600); err == nil {
		d.t.Fatal("the disk takes writes")
	}
}

// mend does what a machine does when it starts.
func (d *disk) mend() {
	d.t.Helper()
	out, err := exec.Command("e2fsck", "-f", "-p", d.image).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !(errors.As(err, &exit) && exit.ExitCode() == 1) { // 1: errors were corrected
		d.t.Fatalf("e2fsck: %v: %s", err, out)
	}
}

// immutable says whether anybody may change a file or folder.
func immutable(t *testing.T, path string, is bool) {
	t.Helper()
	f, err := os.Open(path)
	must(t, err)
	defer f.Close()
	flags, err := unix.IoctlGetInt(int(f.Fd()), unix.FS_IOC_GETFLAGS)
	must(t, err)
	flags &^= unix.STATX_ATTR_IMMUTABLE // it is FS_IMMUTABLE_FL as well
	if is {
		flags |= unix.STATX_ATTR_IMMUTABLE
	}
	must(t, unix.IoctlSetPointerInt(int(f.Fd()), unix.FS_IOC_SETFLAGS, flags))
}
