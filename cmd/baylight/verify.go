package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"baylight/cmd/internal/task"
	"baylight/sync/backoffice/figures"
)

type verifyCmd struct {
	office
	Repair bool `help:"If anything differs, drop what is kept and compute it anew."`
	JSON   bool `help:"Print the result as JSON." name:"json"`
}

// Help is shown by --help, under the line of the command.
func (c *verifyCmd) Help() string {
	return `First every event is held against the hash that was kept of it when it came, and against the one
before it. A damaged one is printed with its store, source, epoch and sequence; then nothing is compared or
repaired, since its figures would be made of it, and the exit status is not 0. Figures are kept beside the
events. Everything kept is computed again from the events and compared; each difference is printed, and the
exit status is then not 0. Events are never changed. It takes the token of the back office.`
}

// errFigures is a verification that found something.
var errFigures = errors.New("what is kept differs from what the events say; run it again with --repair")

// Run verifies the figures of a store.
func (c *verifyCmd) Run() error {
	res, err := c.ask(http.MethodPost, "/api/v1/verify", url.Values{"repair": {strconv.FormatBool(c.Repair)}}, nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	var v figures.Verified
	if err := json.NewDecoder(res.Body).Decode(&v); err != nil {
		return fmt.Errorf("read what the back office found: %w; it ended, or the connection broke", err)
	}
	if c.JSON {
		err = json.NewEncoder(task.Out()).Encode(v)
	} else {
		for _, d := range v.Damaged {
			fmt.Fprintln(task.Out(), "damaged: "+d)
		}
		for _, d := range v.Differences {
			fmt.Fprintln(task.Out(), d)
		}
		if len(v.Damaged) == 0 {
			fmt.Fprintf(task.Out(), "store %s, position %d: %d visits and %d days compared, %d differences\n", v.Store, v.AsOf, v.Visits, v.Days, len(v.Differences)+v.More)
		}
		if v.Repaired {
			fmt.Println("computed anew; nothing differs now")
		}
	}
	switch {
	case v.Error != "":
		return errors.Join(err, fmt.Errorf("verify: %s", v.Error))
	case len(v.Differences) > 0 && !v.Repaired:
		return errors.Join(err, errFigures)
	}
	return err
}
