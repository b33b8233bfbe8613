package backoffice

import (
	"context"
	"fmt"
	"strings"
)

// Checker is a Ledger whose disk may change under it, and that can say whether it did.
type Checker interface {
	// Check reads every event of a store through and calls found with each that is
	// not as it was taken in: other bytes than its hash is of, bytes of another
	// place, one that does not follow the one before it (unless that was so when it
	// came), one that receipts cover and that is gone. An error of found ends it.
	// Person parts are not looked at: they may be erased. Ingest goes on meanwhile.
	Check(ctx context.Context, store string, found func(Damaged) error) error
}

// Damaged is an event at rest that is not as it was taken in.
type Damaged struct {
	Store, Source, Epoch string
	Seq                  uint64
	Position             uint64 // 0: its row is gone
	What                 string // in words
}

func (d Damaged) String() string {
	at := ""
	if d.Position > 0 {
		at = fmt.Sprintf(", position %d", d.Position)
	}
	return fmt.Sprintf("store %.80q, source %.200q, epoch %.80q, sequence %d%s: %s", d.Store, d.Source, d.Epoch, d.Seq, at, d.What)
}

// Mend says what to do about damaged events.
const Mend = "Look after the disk. Have the board whose event it is send it again (baylight resend --from SEQUENCE --to SEQUENCE there), or import a file that was exported " +
	"before (baylight import): in a ledger that is a file, an event that comes again replaces bytes that are damaged. What neither has is in the latest good backup: " +
	"stop the back office, move the ledger aside, backofficed restore; the boards send again what that lacks. In PostgreSQL: restore by its own tools, then backofficed renew"

// DamageError is what a check found. The zero value is ready: give Add to a Checker.
type DamageError struct {
	Found []Damaged
	More  int // found beyond those
}

// maxDamaged bounds those that are named one by one.
const maxDamaged = 1000

// Add notes one more. It never fails.
func (e *DamageError) Add(d Damaged) error {
	if len(e.Found) == maxDamaged {
		e.More++
		return nil
	}
	e.Found = append(e.Found, d)
	return nil
}

// Err is e, or nil if nothing was found.
func (e *DamageError) Err() error {
	if len(e.Found) == 0 {
		return nil
	}
	return e
}

// maxSaid bounds those that the error itself names.
const maxSaid = 5

func (e *DamageError) Error() string {
	said := make([]string, 0, maxSaid)
	for _, d := range e.Found[:min(len(e.Found), maxSaid)] {
		said = append(said, d.String())
	}
	text := "events are damaged: " + strings.Join(said, "; ")
	if more := len(e.Found) - len(said) + e.More; more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return text
}
