package main

import (
	"cmp"
	"fmt"
	"text/tabwriter"
	"time"

	"baylight/cmd/internal/officeapp"
	"baylight/cmd/internal/settings"
	"baylight/cmd/internal/task"
	"baylight/sync/identity"
)

// authority opens the authority of the office that a configuration describes.
func authority(config string) (*settings.Office, *identity.Authority, error) {
	set, err := settings.OfficeFor(settings.Bare, config)
	if err != nil {
		return nil, nil, err
	}
	a, err := officeapp.OpenAuthority(set, time.Now, task.Logger())
	return set, a, err
}

// board names one board.
type board struct {
	Store string `help:"The board's store; the office's only one if left out."`
	Kiosk string `required:"" help:"The board's name, as kiosk.name in its configuration."`
}

// store is the store that is meant.
func (b board) store(set *settings.Office) string {
	if b.Store == "" && len(set.Stores) == 1 {
		return set.Stores[0].Name
	}
	return b.Store
}

type enrollCmd struct {
	Config string `help:"Configuration file." default:"/etc/baylight/backoffice.toml" type:"path"`
	board
}

// Run makes a one-time code and says what to do with it.
func (c *enrollCmd) Run() error {
	set, a, err := authority(c.Config)
	if err != nil {
		return err
	}
	code, until, err := a.Invite(c.store(set), c.Kiosk)
	if err != nil {
		return err
	}
	fmt.Printf("at the board, until %s:\n\n    sudo baylight enroll %s %s\n\nThe code is good once. What %s has now is revoked when it is used.\n",
		until.Local().Format("15:04"), set.Identity.Address, code, c.Kiosk)
	return nil
}

type authorityCmd struct {
	Config  string `help:"Configuration file." default:"/etc/baylight/backoffice.toml" type:"path"`
	Replace bool   `help:"Make this office's authority that of the database, for good. Boards of the one before have to be enrolled anew."`
}

// Run says which authority signs, and replaces the one that a database knows.
func (c *authorityCmd) Run() error {
	set, err := settings.OfficeFor(settings.Bare, c.Config)
	if err != nil {
		return err
	}
	ctx, stop := task.Signals()
	defer stop()
	a, err := officeapp.AuthoritiesOf(ctx, set, c.Replace)
	if err != nil {
		return err
	}
	fmt.Printf("here:         %s\n", cmp.Or(a.Here, "none yet"))
	if !a.Shared {
		return nil
	}
	known := "none yet"
	if a.Known.Fingerprint != "" {
		known = fmt.Sprintf("%s of office %q since %s", a.Known.Fingerprint, a.Known.Office, a.Known.Since.Local().Format(time.DateTime))
	}
	if !c.Replace {
		fmt.Printf("the database: %s\n", known)
		return nil
	}
	fmt.Printf("the database had: %s\nIt has this office's now. Restart this office, enrol every board of the one before anew, and take [identity] out of the configuration of every other office.\n", known)
	return nil
}

type revokeCmd struct {
	Config string `help:"Configuration file." default:"/etc/baylight/backoffice.toml" type:"path"`
	board
	Why string `help:"For the list of boards." default:"revoked"`
}

// Run revokes.
func (c *revokeCmd) Run() error {
	set, a, err := authority(c.Config)
	if err != nil {
		return err
	}
	n, err := a.Revoke(c.store(set), c.Kiosk, c.Why)
	if err != nil {
		return err
	}
	fmt.Printf("%d certificates of %s/%s are revoked, and codes that were given out for it are dead.\n", n, c.store(set), c.Kiosk)
	if set.Identity.BrokerDir != "" {
		fmt.Println("The broker refuses it once it has read its files again: systemctl reload mosquitto (baylight-broker.path does that by itself).")
	}
	return nil
}

type boardsCmd struct {
	Config string `help:"Configuration file." default:"/etc/baylight/backoffice.toml" type:"path"`
}

// Run lists the boards that have or had a certificate.
func (c *boardsCmd) Run() error {
	_, a, err := authority(c.Config)
	if err != nil {
		return err
	}
	all, err := a.Boards()
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(task.Out(), 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "STORE\tKIOSK\tUNTIL\tSTATE")
	for _, b := range all {
		state := "good"
		switch {
		case !b.Revoked.IsZero():
			state = "revoked " + b.Revoked.Format(time.DateOnly) + ": " + b.Why
		case time.Now().After(b.Until):
			state = "expired"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", b.Name.Store, b.Name.Kiosk, b.Until.Format(time.DateOnly), state)
	}
	return w.Flush()
}
