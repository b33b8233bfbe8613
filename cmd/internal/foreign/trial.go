package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"baylight/cmd/internal/rig"
	"baylight/device/bench"
	"baylight/kiosk"
	"baylight/kiosk/journal"
	"baylight/sync/broker"
)

// emulators are how programs of an architecture of Debian's are run.
var emulators = map[string][]string{
	"arm64": {"qemu-aarch64-static", "-cpu", "cortex-a53"}, // Pi 3, Zero 2
	"armhf": {"qemu-arm-static", "-cpu", "cortex-a7"},      // Pi 2
	"armel": {"qemu-arm-static", "-cpu", "arm1176"},        // Pi 1, Zero
}

const scans = 12

// try unpacks the packages of an architecture and has them work.
func try(ctx context.Context, debs, arch string) (err error) {
	emulator, known := emulators[arch]
	if !known {
		return errors.New("it is none of arm64, armhf, armel")
	}
	dir, err := os.MkdirTemp("", "foreign")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	packages, err := filepath.Glob(filepath.Join(debs, "*_"+arch+".deb"))
	if err != nil || len(packages) == 0 {
		return fmt.Errorf("no package for it in %s: run make deb", debs)
	}
	root := filepath.Join(dir, "root")
	for _, p := range packages {
		if out, err := exec.CommandContext(ctx, "dpkg-deb", "-x", p, root).CombinedOutput(); err != nil {
			return fmt.Errorf("unpack %s: %w\n%s", p, err, out)
		}
	}
	t := trial{emulator: emulator, bin: filepath.Join(root, "usr", "bin")}
	if t.shop, err = rig.New(dir, 2); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.shop.Close()) }()
	b, err := broker.Start(broker.Config{Addr: t.shop.Broker})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	tool := t.command("baylight", "--version")
	if out, err := exec.CommandContext(ctx, tool[0], tool[1:]...).CombinedOutput(); err != nil || len(out) == 0 {
		return fmt.Errorf("baylight --version: %w\n%s", err, out)
	}
	return t.run(ctx)
}

type trial struct {
	emulator []string
	bin      string
	shop     *rig.Shop
}

func (t trial) command(program string, args ...string) []string {
	return append(append(append([]string{}, t.emulator...), filepath.Join(t.bin, program)), args...)
}

func (t trial) start(name, program string, args ...string) (*rig.Process, error) {
	c := t.command(program, args...)
	return t.shop.Start(name, nil, c[0], c[1:]...)
}

// run is a day of a few cars.
func (t trial) run(ctx context.Context) error {
	var office *rig.Process
	if _, err := os.Stat(filepath.Join(t.bin, "backofficed")); err == nil {
		if office, err = t.start("backoffice", "backofficed", "run", "--config", filepath.Join(t.shop.Dir, "backoffice.toml")); err != nil {
			return err
		}
		defer office.Kill()
		if err := office.Await(ctx, t.shop.OfficeReady); err != nil {
			return err
		}
	}
	k, err := t.start("kiosk", "kioskd", "run", "--config", filepath.Join(t.shop.Dir, "kiosk.toml"))
	if err != nil {
		return err
	}
	defer k.Kill()
	if err := k.Await(ctx, t.shop.KioskReady); err != nil {
		return err
	}
	for n := range scans {
		answer, err := t.shop.Scanners[n%len(t.shop.Scanners)].Scan(ctx, rig.Card(n))
		if err != nil || answer != bench.AckGood {
			return fmt.Errorf("scan %s: the scanner beeped %s: %w%s", rig.Card(n), answer, err, k.Tail())
		}
	}
	if office != nil {
		if err := k.Await(ctx, t.drained); err != nil {
			return fmt.Errorf("receipts: %w", err)
		}
	}
	err = k.Stop()
	if office != nil {
		err = errors.Join(err, office.Stop())
	}
	return errors.Join(err, t.judge())
}

func (t trial) drained(ctx context.Context) bool {
	depth, err := t.shop.OutboxDepth(ctx)
	return err == nil && depth == 0
}

// judge reads the journal on this machine's own processor.
func (t trial) judge() (err error) {
	j, err := journal.Open(t.shop.Journal(), journal.Options{Source: rig.Source(), Ballast: -1})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, j.Close()) }()
	have := map[string]int{}
	if err := j.Replay(0, func(e kiosk.Event) error {
		if job, ok := e.Data.(*kiosk.Started); ok {
			have[kiosk.MakeCode(kiosk.KindVisit, job.Visit)]++
		}
		return nil
	}); err != nil {
		return err
	}
	for n := range scans {
		if have[rig.Card(n)] != 1 {
			return fmt.Errorf("%s was scanned once and is %d times in the journal", rig.Card(n), have[rig.Card(n)])
		}
	}
	return nil
}
