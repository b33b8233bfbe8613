package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"baylight/cmd/internal/kioskapp"
	"baylight/cmd/internal/settings"
	"baylight/cmd/internal/task"
)

type backupCmd struct {
	socket
	File string `arg:"" help:"Where to; a file that does not exist yet, in a folder that the kiosk may write to." type:"path"`
}

// Run copies the journal of a running kiosk and has the copy checked.
func (c *backupCmd) Run() error {
	c.within = 2 * time.Hour // a year of events on a slow stick
	return c.do("/backup", url.Values{"path": {c.File}})
}

type restoreCmd struct {
	File   string `arg:"" help:"A backup." type:"existingfile"`
	Config string `help:"Configuration file of the kiosk, which must not be running." default:"/etc/baylight/kiosk.toml" type:"path"`
	JSON   bool   `help:"Print the answer as JSON." name:"json"`
}

// Run makes a backup the journal of a kiosk.
func (c *restoreCmd) Run() error {
	set, err := settings.KioskFor(settings.Bare, c.Config)
	if err != nil {
		return err
	}
	ctx, stop := task.Signals()
	defer stop()
	got, err := kioskapp.Restore(ctx, set, c.File)
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(task.Out()).Encode(got)
	}
	fmt.Fprintf(task.Out(), "restored: %s, in the new epoch %s; a journal that was there is set aside\n", got, got.Epoch)
	return nil
}
