package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"baylight/firmware-config/board/emulator"
	"baylight/kiosk"
)

const (
	// bootWithin bounds a boot; an emulated processor is some thirty times slower.
	bootWithin = 4 * time.Minute
	// answerWithin bounds a command and a scan's beep.
	answerWithin = 5 * time.Minute
)

// The shop of the guest.
const (
	config = `schema = 1
staff_file = "staff.toml"
[store]
name = "sh-guest"
tag = "0A7"
key_file = "store.key"
[kiosk]
name = "k1"
letter = "A"
[http]
listen = "127.0.0.1:8080"
[mqtt]
url = "mqtt://127.0.0.1:1883"
[[scanner]]
name = "s1"
place = "b1"
device = "/dev/ttyS1"
beep = "honeywell"
[[bay]]
id = "b1"
`
	people = `schema = 1
[[person]]
id = "t01"
badge = "0A7A000001"
roles = ["technician"]
`
	storeKey = "0123456789abcdef0123456789abcdef"
)

// trial is one guest that lives through all of it.
type trial struct {
	files          string
	nice           int
	passed, failed int

	dir     string
	machine *emulator.Machine
	shell   *shell
	scanner *emulator.Scanner
	scans   int
}

// is counts a case.
func (t *trial) is(what string, err error) {
	if err != nil {
		t.failed++
		fmt.Printf("FAIL %s: %v\n", what, err)
		return
	}
	t.passed++
	fmt.Println("ok  ", what)
}

func (t *trial) run(ctx context.Context) (err error) {
	if t.dir, err = os.MkdirTemp("", "baylight-guest-"); err != nil {
		return err
	}
	defer os.RemoveAll(t.dir)
	if err := t.overlay(ctx); err != nil {
		return err
	}
	defer t.off()
	if err := t.boot(ctx); err != nil {
		return err
	}
	for _, c := range t.cases() {
		err := c.try(ctx)
		t.is(c.what, err)
		if err != nil && ctx.Err() == nil {
			out, _, _ := t.shell.try(ctx, "journalctl --no-pager -o cat -n 40 -u kioskd -u backofficed")
			fmt.Println(out) // what it says is all there is to say
		}
		if err != nil && c.needed {
			return errors.New("the cases after it need this one")
		}
	}
	return nil
}

// overlay makes a disk of this run on top of the prepared one.
func (t *trial) overlay(ctx context.Context) error {
	base, err := filepath.Abs(filepath.Join(t.files, "base.ext4"))
	if err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, "qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", base, filepath.Join(t.dir, "disk.qcow2")).CombinedOutput()
	if err != nil {
		return fmt.Errorf("make the guest's disk: %w: %s", err, out)
	}
	return nil
}

func (t *trial) boot(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, bootWithin)
	defer cancel()
	dir, err := os.MkdirTemp(t.dir, "boot-")
	if err != nil {
		return err
	}
	file := func(name string) string { return filepath.Join(t.files, name) }
	t.machine, err = emulator.Start(ctx, emulator.Config{Dir: dir, CPU: "x86_64", Nice: t.nice, Output: os.Stderr, Args: []string{
		"-machine", "q35", "-cpu", "max", "-smp", "2", "-m", "768",
		"-kernel", file("vmlinuz"), "-initrd", file("initrd"),
		"-append", "root=/dev/vda rw console=ttyS0 quiet loglevel=0 systemd.show_status=0 fsck.repair=yes",
		"-serial", "chardev:console", "-serial", "chardev:wire",
		"-drive", "if=virtio,format=qcow2,file=" + filepath.Join(t.dir, "disk.qcow2"),
		"-drive", "if=virtio,format=raw,read-only=on,file=" + file("debs.ext4"),
	}})
	if err != nil {
		return err
	}
	t.shell, t.scanner = newShell(t.machine.Console), emulator.NewScanner(t.machine.Wire)
	if _, _, err = t.shell.until(ctx, "@@ ready"); err != nil {
		return fmt.Errorf("boot: %w", err)
	}
	_, err = t.shell.do(ctx, "mount -o ro /dev/vdb /mnt")
	return err
}

// off is a power cut.
func (t *trial) off() {
	if t.machine == nil {
		return
	}
	if err := t.machine.Close(); err != nil {
		fmt.Println("power off:", err)
	}
	t.shell.close()
	t.scanner.Close()
	t.machine = nil
}

// await asks until a command succeeds.
func (t *trial) await(ctx context.Context, command string) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	_, err := t.shell.do(ctx, "until "+command+"; do sleep 0.5; done")
	return err
}

// scan reads a code at the bay and waits until the daemon has answered it.
func (t *trial) scan(ctx context.Context, code string) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	good, err := t.scanner.Scan(ctx, code)
	if err == nil && !good {
		err = fmt.Errorf("the scan of %s was refused", code)
	}
	if err == nil {
		t.scans++
	}
	return err
}

// car is the job card of the n-th car.
func car(n int) string { return kiosk.MakeCode(kiosk.KindVisit, fmt.Sprintf("0A7A00%04d", n)) }

// recorded counts the job cards in the journal, with SQLite's own eyes of the
// daemon's tool: what the outbox holds.
func (t *trial) recorded(ctx context.Context) (starts int, err error) {
	out, err := t.shell.do(ctx, "su -s /bin/sh baylight -c 'baylight backup /var/backups/baylight/count.db' && "+
		"grep -a -o 'baylight.job.started.v1' /var/backups/baylight/count.db | wc -l; rm -f /var/backups/baylight/count.db*")
	if err != nil {
		return 0, err
	}
	last := out[strings.LastIndexByte(out, '\n')+1:]
	_, err = fmt.Sscan(last, &starts)
	return starts, err
}
