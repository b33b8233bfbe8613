// Command backofficed is the back office of a store: it keeps what the boards send,
// answers receipts, and computes and shows the figures.
package main

import (
	"fmt"
	"os"
	"runtime/debug"

	"github.com/alecthomas/kong"

	"baylight/cmd/internal/officeapp"
	"baylight/cmd/internal/settings"
	"baylight/cmd/internal/task"
	"baylight/kiosk/clock"
)

type cli struct {
	Run       runCmd           `cmd:"" help:"Run the back office."`
	Check     checkCmd         `cmd:"" help:"Say in words what is wrong with configuration and database."`
	Backup    backupCmd        `cmd:"" help:"Write a checked copy of the ledger to a new file, and the authority of the boards' certificates to FILE.identity; the back office may run."`
	Restore   restoreCmd       `cmd:"" help:"Make a backup the ledger, under a new id: boards send again what it lacks. Stop the back office first."`
	Renew     renewCmd         `cmd:"" help:"Give a ledger in PostgreSQL that was restored from a backup a new id: boards send again what it lacks. Stop every back office first."`
	Support   supportCmd       `cmd:"" name:"support-bundle" help:"Write down what somebody who helps from afar needs, of a running back office or of one that does not start: no personal data, no secrets."`
	Enroll    enrollCmd        `cmd:"" help:"Make the one-time code with which a board gets its certificate. The back office may run, and has to when the code is used."`
	Revoke    revokeCmd        `cmd:"" help:"Revoke the certificates of a board that was stolen or given away."`
	Boards    boardsCmd        `cmd:"" help:"List the boards that have or had a certificate."`
	Authority authorityCmd     `cmd:"" help:"Say which authority signs the certificates of boards, here and by a database that offices share."`
	Version   kong.VersionFlag `help:"Print the version."`
}

type runCmd struct {
	Config string `help:"Configuration file." default:"/etc/baylight/backoffice.toml" type:"path"`
}

// Run runs the daemon until it is told to stop.
func (c *runCmd) Run() error {
	set, err := settings.LoadOffice(c.Config)
	if err != nil {
		return err
	}
	if os.Getenv("GOGC") == "" {
		// An office of many stores has little in use and allocates for every event:
		// collecting less often saves it a tenth of its processor time.
		debug.SetGCPercent(300)
	}
	log := task.Logger()
	ctx, stop := task.Signals()
	defer stop()
	now, err := clock.NewSystem(set.Stores[0].Calendar.Zone)
	if err != nil {
		return err
	}
	return officeapp.Run(ctx, officeapp.Options{Settings: set, Version: task.Version(), Log: log, Clock: now, Ready: task.TellReady(log)})
}

type checkCmd struct {
	Config string `help:"Configuration file." default:"/etc/baylight/backoffice.toml" type:"path"`
}

// Run checks and reports.
func (c *checkCmd) Run() error {
	set, err := settings.OfficeFor(settings.Beside, c.Config)
	if err != nil {
		return err
	}
	ctx, stop := task.Signals()
	defer stop()
	if !task.Report(task.Out(), officeapp.Check(ctx, set)) {
		os.Exit(1)
	}
	return nil
}

type backupCmd struct {
	Config string `help:"Configuration file." default:"/etc/baylight/backoffice.toml" type:"path"`
	File   string `arg:"" help:"The file to write; it must not be there." type:"path"`
}

// Run backs up.
func (c *backupCmd) Run() error {
	set, err := settings.OfficeFor(settings.Bare, c.Config)
	if err != nil {
		return err
	}
	ctx, stop := task.Signals()
	defer stop()
	return officeapp.Backup(ctx, set, c.File)
}

type restoreCmd struct {
	Config string `help:"Configuration file." default:"/etc/baylight/backoffice.toml" type:"path"`
	File   string `arg:"" help:"The backup." type:"path"`
}

// Run restores.
func (c *restoreCmd) Run() error {
	set, err := settings.OfficeFor(settings.Bare, c.Config)
	if err != nil {
		return err
	}
	ctx, stop := task.Signals()
	defer stop()
	say, err := officeapp.Restore(ctx, set, c.File)
	if say != "" {
		fmt.Println(say)
	}
	return err
}

type renewCmd struct {
	Config string `help:"Configuration file." default:"/etc/baylight/backoffice.toml" type:"path"`
}

// Run renews.
func (c *renewCmd) Run() error {
	set, err := settings.OfficeFor(settings.Beside, c.Config)
	if err != nil {
		return err
	}
	ctx, stop := task.Signals()
	defer stop()
	id, err := officeapp.Renew(ctx, set)
	if err != nil {
		return err
	}
	fmt.Println("the ledger is now", id)
	return nil
}

func main() {
	var c cli
	k := task.Parse(&c, "backofficed", "The back office of Baylight.")
	if err := k.Run(); err != nil {
		fmt.Fprintln(task.Err(), err)
		os.Exit(1)
	}
}
