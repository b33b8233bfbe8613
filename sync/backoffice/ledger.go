package backoffice

import (
	"context"
	"time"

	"baylight/kiosk"
	"baylight/sync/wire"
)

// Ledger keeps events at rest. Positions count up from 1 with every event
// committed and are never used twice. ledgertest holds what an implementation
// must do.
type Ledger interface {
	// ID is the uuid of the ledger, new when it is created.
	ID() string
	// Opened counts how often the ledger was opened, from 1.
	Opened() uint64
	// Commit makes a batch durable, all of it or nothing. Nothing in a batch is
	// refused: what does not fit is kept as evidence. An error leaves open
	// whether the batch is there; committing it again does no harm.
	Commit(ctx context.Context, b Batch) (Outcome, error)
	// Position is the highest position.
	Position(ctx context.Context) (uint64, error)
	// Epochs are what a receipt says about a source, oldest first, at most wire.MaxEpochs.
	Epochs(ctx context.Context, source string) ([]wire.Epoch, error)
	// Sources are those heard of in a store, by name.
	Sources(ctx context.Context, store string) ([]Source, error)
	// Lost says which events of the ranges that a source's journal.lost closed the
	// ledger does not have, and what lies beside them.
	Lost(ctx context.Context, source string) (Lost, error)
	// Changed calls f with the counted events, corrected in time, of each visit
	// of the store that changed after a position, and returns the position that
	// this is true for.
	Changed(ctx context.Context, store string, after uint64, f func(visit string, events []kiosk.Event)) (uint64, error)
	// Until is Changed for all visits as they stood at a position: times are
	// corrected by what was known then.
	Until(ctx context.Context, store string, position uint64, f func(visit string, events []kiosk.Event)) error
	// Visit lists the events of a visit, by position; also those not counted.
	Visit(ctx context.Context, store, visit string) ([]Row, error)
	// Event finds an event of a store by its id.
	Event(ctx context.Context, store, id string) (Row, bool, error)
	// Events lists at most limit events of a store after a position, by position.
	Events(ctx context.Context, store string, after uint64, limit int) ([]Row, error)
	// Person is the person part of the event at a position, nil if it has none, or
	// it is missing or erased.
	Person(ctx context.Context, store string, position uint64) ([]byte, error)
	// PartsBefore lists the person parts of a store that are there, of events that were
	// recorded before a time (by their corrected time; of an uncertain one the later
	// of that and when it was committed), after a position, by position, at most limit.
	PartsBefore(ctx context.Context, store string, before time.Time, after uint64, limit int) ([]PartAt, error)
	// Erase removes the person parts of the events at positions for good, and says
	// how many were there. Everything else stays as it is: receipts, counts, times.
	// After an error some may be gone, and it is asked again.
	Erase(ctx context.Context, store string, positions []uint64) (erased int, err error)
	// Rejected lists the latest of what could not be taken, newest first.
	Rejected(ctx context.Context, store string, limit int) ([]Reject, error)
	// Mark keeps a small number under a name; Marked reads it, 0 if there is none.
	Mark(ctx context.Context, name string, n uint64) error
	Marked(ctx context.Context, name string) (uint64, error)
	Rollups
	Papers
	Trail
}

// Batch is what one transaction takes in.
type Batch struct {
	At      time.Time // by the office's clock
	Entries []Entry
	Persons []PersonEntry
	Rejects []Reject
}

// Entry is one event with its bytes.
type Entry struct {
	Store string
	Event kiosk.Event // as decoded from Bytes
	Bytes []byte
}

// PersonEntry is the person part of one event; nil bytes: it was erased.
type PersonEntry struct {
	Store, Source string
	Epoch         string
	Seq           uint64
	Bytes         []byte
}

// Reject is a message that is no event, or not from whom it says. If its place
// (Source, Epoch, Seq) could be told, that place is answered for in receipts.
type Reject struct {
	Store, Topic string
	Source       string
	Epoch        string
	Seq          uint64
	Payload      []byte
	Reason       string
	At           time.Time // when it came; set by the ledger
}

// Outcome is what became of a batch.
type Outcome struct {
	Position   uint64
	Added      int // events that were new
	Duplicates int
	Conflicts  int // another event stood in the place, or before it, already
	Rejected   int
	Problems   []string // what a person must look at, one line each
}

// Row is one event at rest.
type Row struct {
	Position  uint64
	Bytes     []byte
	When      time.Time // corrected time of recording
	Uncertain bool
	Counted   bool   // false: an event recorded twice after a rollback
	Damaged   bool   // the bytes are not those that came (see Checker)
	Person    string // "none", "present", "erased" or "missing"
}

// PartAt says where a person part is.
type PartAt struct {
	Position uint64
	Visit    string // "" if its event belongs to none
}

// Lost are events that were destroyed before they came.
type Lost struct {
	Count uint64 // all in all
	Runs  []Run  // the last MaxRuns of them: by epoch as first heard of, unknown ones first, and sequence
}

// MaxRuns is how many runs of lost events a ledger tells apart, MaxRanges how many
// destroyed ranges of a source it looks at, the last ones.
const MaxRuns, MaxRanges = 64, 1000

// Run are lost events in a row.
type Run struct {
	Epoch         string
	First, Last   uint64
	Before, After Beside // the last event before it and the first after it that are there
}

// Beside is when an event next to a run was recorded, corrected; zero: there is none.
type Beside struct {
	When      time.Time
	Uncertain bool
}

// Source is what is known of one source of events.
type Source struct {
	Source    string
	Epochs    []wire.Epoch
	Last      time.Time // by the office's clock, when its last event came
	Conflicts int
	Rejected  int
	Destroyed uint64 // events in ranges that journal.lost closed
}
