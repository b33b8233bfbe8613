// Command kioskd is the daemon of one board: it takes scans, records them,
// lights lamps, prints tickets and sends what happened to the back office.
package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"

	"github.com/alecthomas/kong"

	"baylight/cmd/internal/firstrun"
	"baylight/cmd/internal/kioskapp"
	"baylight/cmd/internal/settings"
	"baylight/cmd/internal/task"
	"baylight/kiosk/clock"
)

type cli struct {
	Run      runCmd           `cmd:"" help:"Run the kiosk."`
	Check    checkCmd         `cmd:"" help:"Say in words what is wrong with configuration, devices and database."`
	LampsOff lampsOffCmd      `cmd:"" name:"lamps-off" help:"Turn every lamp dark; for the time after the daemon has ended."`
	Version  kong.VersionFlag `help:"Print the version."`
}

type runCmd struct {
	Config      string `help:"Configuration file. If there is none, the set-up pages are served." default:"/etc/baylight/kiosk.toml" type:"path"`
	SetupListen string `help:"Where the set-up pages are served." default:"127.0.0.1:8080" placeholder:"HOST:PORT"`
	ShowFaults  bool   `help:"If the configuration is broken, or nothing can be recorded, serve a page that says what is wrong until it is mended, instead of ending."`
}

// Run runs the daemon until it is told to stop.
func (c *runCmd) Run() error {
	frugal()
	log := task.Logger()
	ctx, stop := task.Signals()
	defer stop()
	return c.run(ctx, log)
}

// run is Run until ctx ends. A kiosk that could not begin, since nothing can be
// recorded, is begun again once it can, if faults are to be shown.
func (c *runCmd) run(ctx context.Context, log *slog.Logger) error {
	first := firstrun.Options{Path: c.Config, Listen: c.SetupListen, Console: os.Stderr, Log: log, Ready: task.TellReady(log)}
	for {
		set, err := c.settings(ctx, first)
		if err != nil || set == nil {
			return err
		}
		o, err := options(set, log)
		if err != nil {
			return err
		}
		err = kioskapp.Run(ctx, o)
		var none *kioskapp.RecordsError
		if !c.ShowFaults || !errors.As(err, &none) || ctx.Err() != nil {
			return err
		}
		fmt.Fprintln(task.Err(), err)
		if err := c.untilRecordable(ctx, first, o); err != nil || ctx.Err() != nil {
			return ignore(ctx, err)
		}
	}
}

// options are those of a kiosk with these settings on this machine.
func options(set *settings.Kiosk, log *slog.Logger) (kioskapp.Options, error) {
	now, err := clock.NewSystem(set.Store.Calendar.Zone)
	ready := func() {
		task.TellReady(log)()
		lean()
	}
	return kioskapp.Options{Settings: set, Version: task.Version(), Log: log, Clock: now, NewID: kioskapp.RandomID, Ready: ready, Burst: generous}, err
}

// settings are those of the configuration file: as it is, as the first run
// writes it, or as it is once it is mended; nil if it was told to stop before.
func (c *runCmd) settings(ctx context.Context, o firstrun.Options) (*settings.Kiosk, error) {
	set, err := settings.LoadKiosk(c.Config)
	if _, gone := os.Stat(c.Config); errors.Is(gone, fs.ErrNotExist) {
		if err := firstrun.Run(ctx, o); err != nil {
			return nil, ignore(ctx, err)
		}
		return settings.LoadKiosk(c.Config)
	}
	if err == nil || !c.ShowFaults {
		return set, err
	}
	fmt.Fprintln(task.Err(), err)
	err = firstrun.Fault(ctx, o, func() error {
		set, err = settings.LoadKiosk(c.Config)
		return err
	})
	return set, ignore(ctx, err)
}

// ignore drops the error of who was told to stop.
func ignore(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

type checkCmd struct {
	Config string `help:"Configuration file." default:"/etc/baylight/kiosk.toml" type:"path"`
}

// Run checks and reports.
func (c *checkCmd) Run() error {
	set, err := settings.KioskFor(settings.Beside, c.Config)
	if err != nil {
		return err
	}
	ctx, stop := task.Signals()
	defer stop()
	if !task.Report(task.Out(), kioskapp.Check(ctx, set)) {
		os.Exit(1)
	}
	return nil
}

func main() {
	var c cli
	k := task.Parse(&c, "kioskd", "The daemon of one Baylight kiosk.")
	if err := k.Run(); err != nil {
		fmt.Fprintln(task.Err(), err)
		os.Exit(1)
	}
}
