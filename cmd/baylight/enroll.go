package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"baylight/cmd/internal/settings"
	"baylight/cmd/internal/task"
	"baylight/sync/identity"
)

type enrollCmd struct {
	Office string   `arg:"" help:"Where the office is, HOST:PORT as backofficed enroll prints it."`
	Code   []string `arg:"" help:"The one-time code."`
	Config string   `help:"The board's configuration; if it is there, the code must be for this board." default:"/etc/baylight/kiosk.toml" type:"path"`
	Data   string   `help:"Where the certificate goes if there is no configuration yet." default:"/var/lib/baylight" type:"path"`
}

// Run enrols this board. A running kiosk takes the certificate up by itself.
func (c *enrollCmd) Run() error {
	code, err := identity.ParseCode(strings.Join(c.Code, ""))
	if err != nil {
		return err
	}
	e := identity.Enrolment{Office: c.Office, Code: code}
	path, set := filepath.Join(c.Data, settings.IdentityFile), (*settings.Kiosk)(nil)
	if _, err := os.Stat(c.Config); !errors.Is(err, fs.ErrNotExist) {
		if set, err = settings.KioskFor(settings.Bare, c.Config); err != nil {
			return err
		}
		e.Name, path = identity.Name{Store: set.Store.Name, Kiosk: set.Name}, set.MQTT.Identity
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make folder of the certificate: %w", err)
	}
	ctx, stop := task.Signals()
	defer stop()
	id, err := identity.Enrol(ctx, e, path)
	if err != nil {
		return err
	}
	fmt.Fprintf(task.Out(), "this board is %s; its certificate holds until %s and renews itself: %s\n", id.Name, id.Until().Format(time.DateOnly), path)
	if set == nil || set.MQTT.URL != id.Broker {
		fmt.Fprintf(task.Out(), "the office's broker is %s: write that as url under [mqtt] in %s, then restart the kiosk\n", id.Broker, c.Config)
	}
	return nil
}
