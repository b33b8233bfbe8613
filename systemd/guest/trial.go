package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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
device = "/dev/%s"
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
	// What the example of the back office's configuration becomes this store's by.
	officeEdits = `s/sh-pudong/sh-guest/; s,mqtt://127.0.0.1:1883,mqtts://127.0.0.1:8883,; ` +
		`/^# \[identity\]/,/^# broker_dir/ { /names/! s/^# //; s,192.0.2.10,127.0.0.1, }`
)

// processor is how a guest of an architecture is emulated, and what its two serial
// lines are called there.
type processor struct {
	cpu           string
	args          []string
	console, wire string
}

// processors that a guest may have, by Debian's names.
func processors() map[string]processor {
	return map[string]processor{
		"amd64": {"x86_64", []string{"-machine", "q35", "-cpu", "max", "-serial", "chardev:console", "-serial", "chardev:wire"}, "ttyS0", "ttyS1"},
		"arm64": {"aarch64", []string{"-machine", "virt", "-cpu", "cortex-a72", "-serial", "chardev:console", "-device", "pci-serial,chardev=wire"}, "ttyAMA0", "ttyS0"},
	}
}

// trial is one guest that lives through all of it.
type trial struct {
	files          string
	arch           string
	old            string // revision of the older packages; "": this one
	processor      processor
	nice           int
	passed, failed int

	dir     string
	machine *emulator.Machine
	shell   *shell
	scanner *emulator.Scanner
	scans   int
	began   time.Time // when the case did
}

// is counts a case.
func (t *trial) is(what string, err error) {
	if err != nil {
		t.failed++
		fmt.Printf("FAIL %s: %v\n", what, err)
		return
	}
	t.passed++
	fmt.Printf("ok   %s; %.0f s\n", what, time.Since(t.began).Seconds())
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
		t.began = time.Now()
		err := c.try(ctx)
		t.is(c.what, err)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			out, _, _ := t.shell.try(ctx, "journalctl --no-pager -o cat -n 40 -u kioskd -u backofficed -u mosquitto -u 'baylight-*'")
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
	t.machine, err = emulator.Start(ctx, emulator.Config{Dir: dir, CPU: t.processor.cpu, Nice: t.nice, Output: os.Stderr, Args: append(slices.Clone(t.processor.args),
		"-smp", "2", "-m", "768",
		"-kernel", file("vmlinuz"), "-initrd", file("initrd"),
		"-append", "root=/dev/vda rw console="+t.processor.console+" quiet loglevel=0 systemd.show_status=0 fsck.repair=yes",
		"-drive", "if=virtio,format=qcow2,file="+filepath.Join(t.dir, "disk.qcow2"),
		"-drive", "if=virtio,format=raw,read-only=on,file="+file("debs.ext4"),
	)})
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
	const file = "/var/backups/baylight/count.db"
	out, err := t.shell.do(ctx, "rm -f "+file+"*; baylight backup "+file+" && grep -a -o baylight.job.started.v1 "+file+" | wc -l; rm -f "+file+"*")
	if err != nil {
		return 0, err
	}
	last := out[strings.LastIndexByte(out, '\n')+1:]
	_, err = fmt.Sscan(last, &starts)
	return starts, err
}

// work scans a car that was not there before, and finds every one in the journal.
func (t *trial) work(ctx context.Context) error {
	if err := t.scan(ctx, car(t.scans)); err != nil {
		return err
	}
	return t.whole(ctx)
}

func (t *trial) whole(ctx context.Context) error {
	got, err := t.recorded(ctx)
	if want := t.scans - 1; err == nil && got != want { // the first was a badge
		err = fmt.Errorf("%d jobs in the journal, %d were scanned", got, want)
	}
	return err
}

// receipted waits until the back office has told that it keeps all that the board recorded.
func (t *trial) receipted(ctx context.Context) error {
	return t.await(ctx, "baylight outbox | grep -q '^waiting: 0,'")
}

// doctor has it look, and wants these findings to be well; one with "!" to be wrong,
// and no other.
func (t *trial) doctor(ctx context.Context, want ...string) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	out, _, err := t.shell.try(ctx, "baylight doctor --json")
	if err != nil {
		return err
	}
	var r struct {
		Findings []struct {
			Code, Level string
			Unseen      bool
			EN          struct{ What string }
		}
	}
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		return fmt.Errorf("doctor says %q: %w", out, err)
	}
	found := map[string]bool{}
	for _, f := range r.Findings {
		switch {
		case f.Level == "ok" && !f.Unseen:
			found[f.Code] = true
		case f.Level == "wrong":
			found["!"+f.Code] = true
		}
		if f.Unseen || f.Level == "wrong" && !slices.Contains(want, "!"+f.Code) {
			return fmt.Errorf("doctor finds %s: %s", f.Code, f.EN.What)
		}
	}
	for _, code := range want {
		if !found[code] {
			return fmt.Errorf("doctor does not find %s: %s", code, out)
		}
	}
	return nil
}
