package main

import (
	"errors"
	"fmt"
	"os"

	"baylight/cmd/internal/officeapp"
	"baylight/cmd/internal/settings"
	"baylight/cmd/internal/task"
	"baylight/kiosk/clock"
)

type supportCmd struct {
	Config string `help:"Configuration file." default:"/etc/baylight/backoffice.toml" type:"path"`
	File   string `arg:"" help:"Where to, e.g. office.tar.gz; a file that does not exist yet." type:"path"`
}

// Run writes the bundle.
func (c *supportCmd) Run() error {
	set, err := settings.OfficeFor(settings.Bare, c.Config)
	if err != nil {
		return err
	}
	now, err := clock.NewSystem(set.Stores[0].Calendar.Zone)
	if err != nil {
		return err
	}
	ctx, stop := task.Signals()
	defer stop()
	b, err := officeapp.Support(ctx, set, task.Version(), now)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(c.File, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("make the support bundle: %w", err)
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(fmt.Errorf("write the support bundle: %w", err), os.Remove(c.File))
	}
	fmt.Printf("%s: %d bytes; no personal data, no secrets\n", c.File, len(b))
	return nil
}
