package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/rogpeppe/go-internal/testscript"

	"baylight/cmd/internal/cmdtest"
	"baylight/cmd/internal/kioskapp"
	"baylight/cmd/internal/officeapp"
	"baylight/cmd/internal/settings"
	"baylight/cmd/internal/task"
	"baylight/kiosk"
	"baylight/kiosk/clock"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == "demo-kiosk" || os.Args[1] == "demo-office") { // a child of a demo day in a test
		main()
		return
	}
	testscript.Main(m, map[string]func(){"baylight": main, "office": runOffice, "kiosk": runKiosk, "backup": runBackup, "rot": rot})
}

func TestCommand(t *testing.T) { cmdtest.Run(t) }

// runOffice is a back office whose clock stands at the evening of 2026-11-03;
// it runs until it is told to stop.
func runOffice() {
	if err := officeOf(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func officeOf(config string) error {
	set, err := settings.LoadOffice(config)
	if err != nil {
		return err
	}
	now, err := clock.NewLead(kiosk.Moment{Wall: time.Date(2026, 11, 3, 18, 0, 0, 0, set.Stores[0].Calendar.Zone), Boot: "office", Up: time.Hour, Clock: kiosk.Synced}, nil)
	if err != nil {
		return err
	}
	defer now.Close()
	ctx, stop := task.Signals()
	defer stop()
	return officeapp.Run(ctx, officeapp.Options{Settings: set, Version: "test", Clock: now, Log: slog.New(slog.NewTextHandler(os.Stderr, nil))})
}

// runBackup is what backofficed backup does, of the configuration in its first
// argument to the file in its second.
func runBackup() {
	set, err := settings.LoadOffice(os.Args[1])
	if err == nil {
		err = officeapp.Backup(context.Background(), set, os.Args[2])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// rot changes bytes in a file, as a disk would: rot FILE OLD NEW.
func rot() {
	raw, err := os.ReadFile(os.Args[1])
	if err == nil && (!bytes.Contains(raw, []byte(os.Args[2])) || len(os.Args[2]) != len(os.Args[3])) {
		err = fmt.Errorf("rot: %s does not hold %s, or the new bytes are of another length", os.Args[1], os.Args[2])
	}
	if err == nil {
		err = os.WriteFile(os.Args[1], bytes.Replace(raw, []byte(os.Args[2]), []byte(os.Args[3]), 1), 0o600)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// runKiosk is a real kiosk of the configuration in its argument.
func runKiosk() {
	if err := kioskOf(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func kioskOf(config string) error {
	set, err := settings.LoadKiosk(config)
	if err != nil {
		return err
	}
	now, err := clock.NewSystem(set.Store.Calendar.Zone)
	if err != nil {
		return err
	}
	ctx, stop := task.Signals()
	defer stop()
	return kioskapp.Run(ctx, kioskapp.Options{Settings: set, Version: "test", Clock: now, NewID: kioskapp.RandomID, Ready: func() {},
		Log: slog.New(slog.NewTextHandler(os.Stderr, nil))})
}

func TestDocumented(t *testing.T) {
	cmdtest.Documented(t, "../..", &cli{}, "baylight", kong.Vars{"socket": defaultSocket})
}
