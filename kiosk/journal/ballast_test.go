package journal

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"baylight/kiosk"
)

const mountedEnv = "JOURNAL_TEST_MOUNTED"

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
	if err != nil && len(out) == 0 {
		t.Skipf("no name space of its own: %v", err)
	}
	if strings.Contains(string(out), "--- SKIP") {
		t.Skipf("%s", out)
	}
	if err != nil || !strings.Contains(string(out), "--- PASS") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestDiskFullForReal fills a disk of 4 MiB.
func TestDiskFullForReal(t *testing.T) { mounted(t, diskFull) }

// TestReadOnlyDisk: on a disk that takes no writes a journal is not opened,
// not called damaged, not salvaged and not changed; with a disk that does, it
// is as it was.
func TestReadOnlyDisk(t *testing.T) { mounted(t, readOnly) }

func readOnly(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=8m"); err != nil {
		t.Skipf("mount: %v", err)
	}
	defer syscall.Unmount(dir, syscall.MNT_DETACH)
	o := Options{Source: source, Ballast: 512 << 10, Salvage: true}
	path := filepath.Join(dir, "j.db")
	j, err := Open(path, o)
	must(t, err)
	want := appendN(t, j, 50)
	keep(t, j, 40, "forty")
	must(t, j.Close())
	before := contents(t, path)
	must(t, syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	for _, name := range []string{path, filepath.Join(dir, "new.db")} {
		if _, err := Open(name, o); !errors.Is(err, syscall.EROFS) || errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), name) {
			t.Errorf("open %s on a disk that takes no writes: %v", name, err)
		}
	}
	must(t, syscall.Mount("", dir, "", syscall.MS_REMOUNT, ""))
	if !bytes.Equal(contents(t, path), before) {
		t.Error("the file was changed")
	}
	j, err = Open(path, o)
	must(t, err)
	defer func() { must(t, j.Close()) }()
	same(t, replayed(t, j, 0), want)
	if _, ok := j.Salvaged(); ok || kept(j) != "forty" {
		t.Errorf("salvaged: %v, snapshot %q", ok, kept(j))
	}
	appendN(t, j, 5)
}

func diskFull(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"); err != nil {
		t.Skipf("mount: %v", err)
	}
	defer syscall.Unmount(dir, syscall.MNT_DETACH)
	o := Options{Source: source, Ballast: 512 << 10}
	path := filepath.Join(dir, "j.db")
	j, err := Open(path, o)
	must(t, err)
	defer func() { j.Close() }()
	want := appendN(t, j, 50)
	here := func() bool {
		st, err := os.Stat(path + ballastExt)
		return err == nil && st.Size() == o.Ballast
	}
	if j.Low() || !here() {
		t.Fatal("no ballast")
	}
	eat := func() {
		f, err := os.OpenFile(filepath.Join(dir, "other"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
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
	// until appends until the disk is full.
	until := func() {
		t.Helper()
		for {
			es := events(j.Epoch(), j.Head(), 40)
			err := j.Append(es)
			if err == nil {
				want = append(want, es...)
				continue
			}
			if !errors.Is(err, ErrFull) {
				t.Fatalf("Append on a full disk = %v", err)
			}
			break
		}
		same(t, replayed(t, j, 0), want)
	}
	eat()
	until()
	if !j.Low() || here() {
		t.Fatal("the ballast is not freed")
	}
	before := j.Head()
	until()
	if j.Head() < before+200 {
		t.Errorf("the ballast gave room for %d events", j.Head()-before)
	}
	must(t, j.Close())
	eat()
	if j, err = Open(path, o); err != nil { // even now
		t.Fatal(err)
	}
	until()
	must(t, os.Remove(filepath.Join(dir, "other")))
	want = append(want, appendN(t, j, 40)...)
	if j.Low() || !here() {
		t.Error("with room again there is no ballast")
	}
	// A start on a full disk takes the ballast if it needs it.
	must(t, j.Close())
	eat()
	if j, err = Open(path, o); err != nil {
		t.Fatal(err)
	}
	same(t, replayed(t, j, 0), want)
	until()
}

// TestBallast: the page limit of SQLite stands for the full disk, so that the
// rest of the disk has room.
func TestBallast(t *testing.T) {
	j := fresh(t)
	appendN(t, j, 50)
	if _, err := j.writer.conn.ExecContext(t.Context(), "PRAGMA max_page_count = 1"); err != nil {
		t.Fatal(err)
	}
	if err := j.Append(events(j.Epoch(), 50, 200)); !errors.Is(err, ErrFull) {
		t.Fatal(err)
	}
	if _, err := os.Stat(j.path + ballastExt); !os.IsNotExist(err) || !j.Low() {
		t.Errorf("the ballast is not freed: %v", err)
	}
	appendN(t, j, 200)
	if st, err := os.Stat(j.path + ballastExt); err != nil || st.Size() != defaultBallast || j.Low() {
		t.Errorf("the ballast is not made again: %v", err)
	}
	must(t, j.Close())
	none, err := Open(j.path+"2", Options{Source: source, Ballast: -1})
	must(t, err)
	defer none.Close()
	if _, err := os.Stat(none.path + ballastExt); !os.IsNotExist(err) || none.Low() {
		t.Errorf("a ballast that nobody wants: %v", err)
	}
}

// TestNoRoomIsNotDamage: a journal that cannot be read for want of rights or
// room is never set aside.
func TestNoRoomIsNotDamage(t *testing.T) {
	j := fresh(t)
	appendN(t, j, 3)
	must(t, j.Close())
	must(t, os.Mkdir(j.path+"-wal", 0o700)) // SQLite cannot open its log
	_, err := Open(j.path, Options{Source: source, Salvage: true})
	if err == nil || errors.Is(err, ErrDamaged) {
		t.Errorf("Open = %v", err)
	}
	if aside, err := filepath.Glob(j.path + asideExt + "*"); len(aside) > 0 || err != nil {
		t.Errorf("set aside: %v, %v", aside, err)
	}
	must(t, os.Remove(j.path+"-wal"))
	n := 0
	must(t, salvaging(t, j.path).Replay(0, func(kiosk.Event) error { n++; return nil }))
	if n != 3 {
		t.Errorf("%d events", n)
	}
}
