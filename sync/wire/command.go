package wire

import (
	"fmt"
	"time"
)

// MaxCommandBytes bounds a command.
const MaxCommandBytes = 2 << 10

// Command is an order to a board, on Kiosk.Cmd of call, announce, print or
// identify, not retained. What it leads to is an event, or the board's health
// names it with what became of it.
type Command struct {
	ID       string    `json:"id"`                 // new for every command, 16 to 64 letters, digits and hyphens; the same id is carried out once
	Expires  time.Time `json:"expires"`            // later it is not carried out
	By       string    `json:"by,omitempty"`       // the member of staff who gives it; call and print need one
	Visit    string    `json:"visit,omitempty"`    // call, print
	Place    string    `json:"place,omitempty"`    // call: where to
	Document string    `json:"document,omitempty"` // print
	Printer  string    `json:"printer,omitempty"`  // print
	Text     string    `json:"text,omitempty"`     // announce: shown in the waiting room until it expires
}

// Encode makes the payload.
func (c Command) Encode() ([]byte, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("encode command: %w", err)
	}
	return encode("command", c, MaxCommandBytes)
}

// DecodeCommand reads a command.
func DecodeCommand(b []byte) (c Command, err error) {
	if err = decode(b, MaxCommandBytes, &c); err == nil {
		err = c.check()
	}
	if err != nil {
		return Command{}, fmt.Errorf("decode command: %w", err)
	}
	return c, nil
}

func (c Command) check() error {
	if err := checkNonce(c.ID); err != nil {
		return fmt.Errorf("id: %w", err)
	}
	if c.Expires.IsZero() {
		return fmt.Errorf("command %s has no expiry", c.ID)
	}
	if c.Visit != "" {
		if err := checkVisit(c.Visit); err != nil {
			return err
		}
	}
	if len(c.By) > 64 || len(c.Place) > 32 || len(c.Document) > 64 || len(c.Printer) > 64 || len(c.Text) > 300 {
		return fmt.Errorf("command %s: by, place, document, printer or text is longer than 64, 32, 64, 64, 300 bytes", c.ID)
	}
	return nil
}

// Answer is what became of the last command to a board.
type Answer struct {
	ID   string `json:"id"`
	Verb string `json:"verb"`
	Done bool   `json:"done"`
	Text string `json:"text,omitempty"` // why not
}
