package main

import (
	"baylight/cmd/internal/kioskapp"
	"baylight/cmd/internal/settings"
	"baylight/device/lamp"
)

// lampsOffCmd is what systemd runs after the daemon has ended, however it ended:
// a lamp that nobody controls must not say that all is well.
type lampsOffCmd struct {
	Config string `help:"Configuration file." default:"/etc/baylight/kiosk.toml" type:"path"`
}

// Run turns every wired lamp dark, also where secrets are missing.
func (c *lampsOffCmd) Run() error {
	set, err := settings.KioskFor(settings.Bare, c.Config)
	if err != nil {
		return err
	}
	towers, err := kioskapp.Towers(set)
	if err != nil || len(towers) == 0 {
		return err
	}
	open, err := lamp.OpenHost()
	if err != nil {
		return err
	}
	return lamp.TurnDark(towers, open)
}
