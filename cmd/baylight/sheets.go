package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"baylight/cmd/internal/settings"
	"baylight/cmd/internal/sheets"
	"baylight/cmd/internal/task"
	"baylight/kiosk/ticket"
	"baylight/kiosk/words"
)

// paperCmds are about what a store has on paper; they need no running kiosk.
type paperCmds struct {
	Badge  badgeCmd        `cmd:"" help:"Draw the badges of everybody in the staff file, ten to an A4 page."`
	Cards  cardsCmd        `cmd:"" help:"Draw the store's action cards, ten to an A4 page."`
	Verify verifyTicketCmd `cmd:"" name:"verify-ticket" help:"Say whether the text of a ticket's QR code is genuine."`
}

// sheet is where cards are drawn to.
type sheet struct {
	Config string `help:"The kiosk's configuration." required:"" type:"existingfile"`
	Out    string `help:"File to write: .pdf, or .png." short:"o" required:"" type:"path"`
}

func (s sheet) draw(cards func(*settings.Kiosk) []sheets.Card) error {
	set, err := settings.KioskFor(settings.Bare, s.Config)
	if err != nil {
		return err
	}
	all := cards(set)
	pages, err := sheets.Draw(all)
	if err != nil {
		return err
	}
	files, err := sheets.Save(s.Out, pages)
	for _, f := range files {
		fmt.Println(f)
	}
	if err == nil {
		fmt.Printf("%d cards on %d pages; print at 100 %%\n", len(all), len(pages))
	}
	return err
}

type badgeCmd struct{ sheet }

// Run draws the badges.
func (c *badgeCmd) Run() error { return c.draw(sheets.Badges) }

type cardsCmd struct{ sheet }

// Run draws the action cards.
func (c *cardsCmd) Run() error { return c.draw(sheets.Actions) }

type verifyTicketCmd struct {
	Text string `arg:"" help:"What the QR code says: BL1.…"`
	Key  string `help:"File that holds the store's key." required:"" type:"existingfile"`
	JSON bool   `help:"Print the answer as JSON." name:"json"`
}

// verdict is the answer about a ticket.
type verdict struct {
	Genuine bool   `json:"genuine"`
	Verdict string `json:"verdict"` // genuine, forged, foreign or noform
	Ticket  string `json:"ticket,omitempty"`
	Day     string `json:"day,omitempty"`
	Visit   string `json:"visit,omitempty"`
}

// errNotGenuine is a ticket that is none; why has been printed.
var errNotGenuine = errors.New("the ticket is not genuine here")

// Run verifies a ticket.
func (c *verifyTicketCmd) Run() error {
	key, err := settings.Key(c.Key)
	if err != nil {
		return err
	}
	t, err := ticket.VerifyToken(c.Text, func(id string) []byte {
		if id == ticket.KeyID(key) {
			return key
		}
		return nil
	})
	said := ticket.Verdict(t, err)
	v := verdict{Genuine: err == nil, Verdict: strings.TrimPrefix(string(said.Key), "ticket."), Ticket: t.Ticket, Day: t.Day, Visit: t.Visit}
	if c.JSON {
		if err := json.NewEncoder(task.Out()).Encode(v); err != nil {
			return fmt.Errorf("print answer: %w", err)
		}
	} else {
		fmt.Fprintf(task.Out(), "%s\n%s\n", said.In(words.ZH), said.In(words.EN))
	}
	if !v.Genuine {
		return errNotGenuine
	}
	return nil
}
