// Command baylight is the people's tool: a whole shop as a demo, and what an
// operator needs besides the two daemons.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/alecthomas/kong"

	"baylight/cmd/internal/demo"
	"baylight/cmd/internal/settings"
	"baylight/cmd/internal/task"
	"baylight/kiosk/staff"
)

type cli struct {
	Demo    demoCmd          `cmd:"" help:"Run a whole shop on this machine: pretend devices, real kiosk, real back office."`
	Pin     pinCmd           `cmd:"" help:"Print the verifier of a PIN for the staff file; the PIN comes on standard input."`
	Doctor  doctorCmd        `cmd:"" help:"Say of everything at this board how it is, why it matters and what to do next. Changes nothing. Ends with 0 if all is well, 1 if somebody should look, 2 if something is wrong."`
	Enroll  enrollCmd        `cmd:"" help:"Get this board its certificate, with a one-time code that backofficed enroll printed."`
	Devices devicesGroup     `cmd:"" help:"What is connected to a kiosk, and what is not."`
	Outbox  outboxCmd        `cmd:"" help:"Say what the back office has not yet receipted."`
	Resend  resendCmd        `cmd:"" help:"Send a range of events to the back office once more."`
	Scan    scanCmd          `cmd:"" help:"Scan by hand at a running kiosk."`
	Print   printCmd         `cmd:"" help:"Try the printer of a running kiosk."`
	Lamp    lampCmd          `cmd:"" help:"Try the lamps of a running kiosk."`
	Support supportCmd       `cmd:"" name:"support-bundle" help:"Write down what somebody who helps from afar needs of a running kiosk: no personal data, no secrets."`
	Backup  backupCmd        `cmd:"" help:"Copy the journal of a running kiosk and check the copy."`
	Restore restoreCmd       `cmd:"" help:"Make a backup the journal of a kiosk that is not running."`
	Report  reportCmd        `cmd:"" help:"Print the figures of a period: a table, CSV, XLSX or JSON."`
	Verify  verifyCmd        `cmd:"" help:"Compute all figures of a running back office again from its events, and name what differs."`
	Erase   eraseCmd         `cmd:"" help:"Forget who came with a vehicle: the person parts of its visits go, at the back office and on every board."`
	Import  importCmd        `cmd:"" help:"Take a file of events into a running back office."`
	Export  exportCmd        `cmd:"" help:"Write the events of a store to a file."`
	Paper   paperCmds        `embed:""`
	Kiosk   kioskChild       `cmd:"" name:"demo-kiosk" hidden:""`
	Office  officeChild      `cmd:"" name:"demo-office" hidden:""`
	Version kong.VersionFlag `help:"Print the version."`
}

type demoCmd struct {
	Headless bool   `help:"Play compressed business days in lock-step and compare every figure with an independent count."`
	Days     int    `help:"Business days to play headless." default:"1"`
	Seed     uint64 `help:"Decides what happens." default:"7"`
	JSON     bool   `help:"Print the result as one JSON object." name:"json"`
	Keep     string `help:"Keep databases, logs and configuration in this folder." type:"path"`
}

// errDiffers is a headless run whose figures differ.
var errDiffers = errors.New("the figures differ from the judge's count, or something was lost or counted twice")

// Validate refuses what cannot be played.
func (c *demoCmd) Validate() error {
	if c.Days < 1 || c.Days > 366 {
		return fmt.Errorf("--days %d: play between 1 and 366 days", c.Days)
	}
	return nil
}

// Run runs the demo until Ctrl-C, or the headless days.
func (c *demoCmd) Run() error {
	ctx, stop := task.Signals()
	defer stop()
	if !c.Headless {
		return demo.Live{Seed: c.Seed, Keep: c.Keep, Out: os.Stdout, Log: task.Logger()}.Run(ctx)
	}
	return c.headless(ctx)
}

func (c *demoCmd) headless(ctx context.Context) error {
	r, err := demo.Headless{Days: c.Days, Seed: c.Seed, Keep: c.Keep, Log: slog.New(slog.NewTextHandler(os.Stderr, nil))}.Run(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
			return err
		}
	} else {
		fmt.Printf("%d days, %d visits, %d scans, %d events: lost %d, counted twice %d, %d figures compared\n", r.Days, r.Visits, r.Scans, r.Events, r.Lost, r.Duplicated, r.Figures)
		fmt.Println(strings.Join(r.Differences, "\n"))
	}
	if !r.OK() {
		return errDiffers
	}
	return nil
}

type pinCmd struct {
	Key string `help:"File that holds the store's key." required:"" type:"existingfile"`
}

// Run reads a PIN and prints its verifier.
func (c *pinCmd) Run() error {
	key, err := settings.Key(c.Key)
	if err != nil {
		return err
	}
	pin, err := io.ReadAll(io.LimitReader(os.Stdin, 100))
	if err != nil {
		return fmt.Errorf("read PIN: %w", err)
	}
	v, err := staff.HashPIN(key, strings.TrimSpace(string(pin)))
	if err != nil {
		return err
	}
	fmt.Println(v)
	return nil
}

type kioskChild struct {
	Config string `required:""`
	IDs    string `required:"" name:"ids"`
}

// Run is the demo's kiosk.
func (c *kioskChild) Run() error {
	ctx, stop := task.Signals()
	defer stop()
	return demo.RunKiosk(ctx, c.Config, c.IDs, task.Version())
}

type officeChild struct {
	Config string `required:""`
	IDs    string `name:"ids"`
}

// Run is the demo's back office.
func (c *officeChild) Run() error {
	ctx, stop := task.Signals()
	defer stop()
	return demo.RunOffice(ctx, c.Config, task.Version())
}

func main() {
	var c cli
	if err := task.Parse(&c, "baylight", "The people's tool of Baylight.", kong.Vars{"socket": defaultSocket}).Run(); err != nil {
		fmt.Fprintln(task.Err(), err)
		os.Exit(1)
	}
}
