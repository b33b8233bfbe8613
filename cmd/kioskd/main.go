// Command kioskd is the daemon of one board: it takes scans, records them,
// lights lamps, prints tickets and sends what happened to the back office.
package main

import (
	"fmt"
	"os"

	"github.com/alecthomas/kong"

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
	Config string `help:"Configuration file." default:"/etc/baylight/kiosk.toml" type:"path"`
}

// Run runs the daemon until it is told to stop.
func (c *runCmd) Run() error {
	set, err := settings.LoadKiosk(c.Config)
	if err != nil {
		return err
	}
	log := task.Logger()
	ctx, stop := task.Signals()
	defer stop()
	now, err := clock.NewSystem(set.Store.Calendar.Zone)
	if err != nil {
		return err
	}
	return kioskapp.Run(ctx, kioskapp.Options{Settings: set, Version: task.Version(), Log: log, Clock: now, NewID: kioskapp.RandomID, Ready: task.TellReady(log)})
}

type checkCmd struct {
	Config string `help:"Configuration file." default:"/etc/baylight/kiosk.toml" type:"path"`
}

// Run checks and reports.
func (c *checkCmd) Run() error {
	set, err := settings.LoadKiosk(c.Config)
	if err != nil {
		return err
	}
	ctx, stop := task.Signals()
	defer stop()
	if !task.Report(os.Stdout, kioskapp.Check(ctx, set)) {
		os.Exit(1)
	}
	return nil
}

func main() {
	var c cli
	k := task.Parse(&c, "kioskd", "The daemon of one Baylight kiosk.")
	if err := k.Run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
