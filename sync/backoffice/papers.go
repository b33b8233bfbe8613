package backoffice

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Papers are what offices keep of a store that is no event: bookings, who works
// there. They stand beside the events, so that they are in one backup with them
// and follow the store from one office to another. What they mean is the affair
// of whoever keeps them: here they are bytes. ledgertest holds what an
// implementation must do.
type Papers interface {
	// Papers lists those of a kind that a store has, by name, with their revision:
	// 0 if nothing of that kind was ever kept.
	Papers(ctx context.Context, store, kind string) ([]Paper, uint64, error)
	// KeepPapers makes papers durable, all of them or none; one without bytes goes.
	// was is the revision that the caller knows: if it is another one, somebody else
	// kept some, ErrPapers is returned and nothing happens. Where offices share the
	// ledger it fails with ErrNotHeld unless the office has the store as the
	// transaction commits; until it has joined, nobody is asked. Any other error
	// leaves open whether it happened: read again.
	KeepPapers(ctx context.Context, store, kind string, was uint64, papers []Paper) (revision uint64, err error)
	// PapersSince lists which kinds were kept after a revision, by revision, each
	// of a store once. Revisions rise with whatever is kept in the ledger.
	PapersSince(ctx context.Context, revision uint64) ([]PapersOf, error)
}

// ErrPapers is what KeepPapers returns if the revision is not what its caller thought.
var ErrPapers = errors.New("somebody else kept papers")

// Paper is one of them. Names are texts, each once of a kind and store.
type Paper struct {
	Name  string
	At    time.Time // when what it says was said, in whole milliseconds
	Bytes []byte    // at most MaxPaper; nil: it is to go
}

// MaxPaper is how many bytes a paper may have.
const MaxPaper = 8 << 20

// PapersOf names the papers of a kind and a store.
type PapersOf struct {
	Store, Kind string
	Revision    uint64
}

// CheckPapers says what is wrong with papers that are to be kept.
func CheckPapers(papers []Paper) error {
	seen := map[string]bool{}
	for _, p := range papers {
		switch {
		case p.Name == "" || len(p.Name) > 200:
			return fmt.Errorf("paper %.40q: a name has 1 to 200 bytes", p.Name)
		case seen[p.Name]:
			return fmt.Errorf("paper %q stands there twice", p.Name)
		case len(p.Bytes) > MaxPaper:
			return fmt.Errorf("paper %q has %d bytes, at most %d are allowed", p.Name, len(p.Bytes), MaxPaper)
		}
		seen[p.Name] = true
	}
	return nil
}

// Trail is the log of who came in and what they took out (package audit): lines
// are appended and never changed. ledgertest holds what an implementation must do.
type Trail interface {
	// Append makes lines durable in their order, all of them or none. One whose key
	// is there already is left out, so that trying again does no harm. Any office
	// appends: a line is about who asked, not about a store.
	Append(ctx context.Context, lines []TrailLine) error
	// Lines are at most limit lines below a number, newest first; 0: from the newest.
	Lines(ctx context.Context, below uint64, limit int) ([]TrailLine, error)
	// Forget drops lines of before a time, but none of the TrailKept before the newest.
	Forget(ctx context.Context, before time.Time) error
}

// TrailLine is one line of a trail.
type TrailLine struct {
	N     uint64 // counts up, with holes; given by the ledger
	Key   string // names the line, no two have the same
	At    time.Time
	Bytes []byte
}

// TrailKept is how long lines cannot be dropped.
const TrailKept = 700 * 24 * time.Hour
