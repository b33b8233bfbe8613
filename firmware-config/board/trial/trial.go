package trial

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"baylight/firmware-config/board/agent"
	"baylight/firmware-config/board/emulator"
)

// patience bounds every single wait: an emulated board on a busy machine is
// some thirty times slower than a real one.
const patience = 45 * time.Second

// Trial is one run of the cases.
type Trial struct {
	Files  string    // what prepare made: vmlinuz, rpi3.dtb, modules/, kioskd, kioskd-unsafe, guest, conform
	Out    io.Writer // one line for each case
	Nice   int       // of the emulator
	Passed int
	Failed int
}

// check says how a case went and counts it; note is shown when it went well.
func (t *Trial) check(name string, err error, note string) {
	if err != nil {
		t.Failed++
		fmt.Fprintf(t.Out, "FAIL  %s: %v\n", name, err)
		return
	}
	t.Passed++
	if note != "" {
		note = " (" + note + ")"
	}
	fmt.Fprintf(t.Out, "ok    %s%s\n", name, note)
}

// bench is one machine on the bench while cases run on it.
type bench struct {
	*Trial
	ctx     context.Context
	machine *emulator.Machine
	guest   *agent.Client
	tail    *tail
	pid     int // of the daemon, in the guest
}

// board is what differs between the machines.
type board struct {
	name    string
	args    []string
	modules []string
	pins    bool
	console string // the console's name on the kernel's command line
	daemon  string // the file in the cache that runs as kioskd; "": kioskd
	quiet   bool   // that it starts is not worth a line
	udev    bool   // udevd and the image's rules are there
}

// on starts a machine, runs the cases on it and ends it. cases returns an error
// if it cannot go on.
func (t *Trial) on(ctx context.Context, b board, cases func(*bench) error) {
	began := time.Now()
	fmt.Fprintf(t.Out, "--- %s\n", b.name)
	err := t.run(ctx, b, cases)
	if err != nil {
		t.check(b.name+" to its end", err, "")
	}
	fmt.Fprintf(t.Out, "--- %s took %.0f s\n", b.name, time.Since(began).Seconds())
}

func (t *Trial) run(ctx context.Context, b board, cases func(*bench) error) error {
	dir, err := os.MkdirTemp("", "board")
	if err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	defer os.RemoveAll(dir)
	initrd := filepath.Join(dir, "initramfs")
	if err := t.initramfs(initrd, b); err != nil {
		return err
	}
	args := append([]string{"-kernel", filepath.Join(t.Files, "vmlinuz"), "-initrd", initrd,
		"-append", "console=" + b.console + " rdinit=/init loglevel=4 panic=-1"}, b.args...)
	x := &bench{Trial: t, ctx: ctx, tail: &tail{}}
	x.machine, err = emulator.Start(ctx, emulator.Config{Dir: dir, Nice: t.Nice, Pins: b.pins, Args: args, Output: os.Stderr})
	if err != nil {
		return err
	}
	x.guest = agent.NewClient(x.machine.Console, x.tail.add)
	began := time.Now()
	boot, cancel := context.WithTimeout(ctx, 4*patience)
	hello, err := x.guest.Await(boot)
	cancel()
	if err != nil {
		err = fmt.Errorf("%w; it said:\n%s", err, x.tail)
	} else {
		if !b.quiet {
			t.check(b.name+" starts", nil, fmt.Sprintf("%s; %.1f s", hello, time.Since(began).Seconds()))
		}
		if err = cases(x); err != nil {
			err = fmt.Errorf("%w\n%s", errors.Join(err, x.machine.Gone()), x.log())
		}
	}
	if closing := x.machine.Close(); err == nil {
		err = closing
	}
	x.guest.Close()
	return err
}

// initramfs writes what the kernel starts from.
func (t *Trial) initramfs(path string, b board) error {
	var a emulator.Initramfs
	a.Device("dev/console", 5, 1)
	for _, f := range []struct{ in, from string }{{"init", "guest"}, {"bin/kioskd", cmp.Or(b.daemon, "kioskd")}, {"bin/conform", "conform"}} {
		b, err := os.ReadFile(filepath.Join(t.Files, f.from))
		if err != nil {
			return fmt.Errorf("make initramfs: %w", err)
		}
		a.File(f.in, b)
	}
	if b.udev {
		if err := t.addUdev(&a); err != nil {
			return fmt.Errorf("make initramfs: %w", err)
		}
	}
	files, err := emulator.Modules(filepath.Join(t.Files, "modules"), b.modules...)
	if err != nil {
		return fmt.Errorf("make initramfs: %w", err)
	}
	order := ""
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			return fmt.Errorf("make initramfs: %w", err)
		}
		a.File("modules/"+filepath.Base(f), b)
		order += filepath.Base(f) + "\n"
	}
	a.File("modules/order", []byte(order))
	if err := os.WriteFile(path, a.Bytes(), 0o600); err != nil {
		return fmt.Errorf("make initramfs: %w", err)
	}
	return nil
}
