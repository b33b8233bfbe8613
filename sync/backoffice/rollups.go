package backoffice

import (
	"context"
	"errors"
	"time"

	"baylight/kiosk"
)

// Rollups is what a folder (package figures) keeps beside the events, so that a
// figure need not read them. All of it follows from events and may be dropped at
// any time. What it means is the folder's affair: here it is bytes. Ingest only
// marks the visits that changed. ledgertest holds what an implementation must do.
type Rollups interface {
	// Folded is how far a store is folded, the zero Progress if it never was.
	Folded(ctx context.Context, store string) (Progress, error)
	// Stale lists visits that changed after a cursor, by the position of their
	// last change and then by name, at most limit.
	Stale(ctx context.Context, store string, after Cursor, limit int) ([]Cursor, error)
	// VisitsAt calls f with the counted events of each visit named that had one
	// by a position, as they stood there: times are corrected by what was known
	// then (Ledger.Until, for some visits). The visits come in any order. The
	// slice is f's until it returns; what is in it may be kept.
	VisitsAt(ctx context.Context, store string, visits []string, position uint64, f func(visit string, events []kiosk.Event) error) error
	// Touched names the visits that had an event at or before a position and
	// changed after it, by name.
	Touched(ctx context.Context, store string, position uint64) ([]string, error)

	// Keep makes a step of folding durable, all of it or nothing. If the store
	// is not as far as k.Was says, somebody else folded: ErrFolded, and nothing
	// is kept. A power cut may take back the last steps in the middle of folding
	// (k.Is.Through is 0), each as a whole; with the step that ends it they are durable.
	Keep(ctx context.Context, store string, k Kept) error
	// Facts are those kept of the visits named, of those that have one, by visit.
	Facts(ctx context.Context, store string, visits []string) ([]Fact, error)
	// FactsOfDays calls f with the facts that have a part in a day from first to
	// last, both included, each once, in any order. Their Keys may be left out.
	FactsOfDays(ctx context.Context, store, first, last string, f func(Fact) error) error
	// FactsOf are those kept under a key, by visit.
	FactsOf(ctx context.Context, store, key string) ([]Fact, error)
	// FactsDue are at most limit facts whose Due is not after now, the earliest first.
	FactsDue(ctx context.Context, store string, now time.Time, limit int) ([]Fact, error)
	// DayRows are those of a kind from day first to last, both included, by day and key.
	DayRows(ctx context.Context, store, kind, first, last string) ([]DayRow, error)
	// DayHeads are the same with the first most bytes of each at most.
	DayHeads(ctx context.Context, store, kind, first, last string, most int) ([]DayRow, error)
	// DropRollups forgets everything kept for a store.
	DropRollups(ctx context.Context, store string) error
}

// Swept is an event as it is kept, with its corrected time beside its bytes.
type Swept struct {
	Bytes     string
	WhenMS    int64
	Uncertain bool
}

// Read reads what the bytes mean into e; it shares their memory.
func (s *Swept) Read(e *kiosk.Event) error {
	if err := kiosk.DecodeString(s.Bytes, e); err != nil {
		return err
	}
	e.When, e.Uncertain = time.UnixMilli(s.WhenMS).In(e.Moment.Wall.Location()), s.Uncertain
	return nil
}

// ErrFolded is what Keep returns if the store is not as far as its caller thought.
var ErrFolded = errors.New("the store was folded by somebody else")

// Progress is how far a store is folded.
type Progress struct {
	Round   uint64 // counts what was kept, from 1; 0: nothing yet
	Next    Cursor // visits that changed after it are stale
	Through uint64 // the position that all that is kept is true for; 0 in the middle of folding
	Mark    string // the folder's own: what the bytes are made by
}

// Cursor is a place in the order in which visits changed.
type Cursor struct {
	Changed uint64 // the position of the last change
	Visit   string
}

// Kept is one step of folding. Its Round is one more than that of Was.
type Kept struct {
	Was, Is Progress
	Facts   []Fact
	Days    []DayRows // each replaces what was kept for its day
}

// KeyOpen is the key of the facts of visits that have not ended.
const KeyOpen = "open"

// Fact is what is kept of one visit. Without bytes, nothing is: the fact goes.
type Fact struct {
	Visit string
	At    uint64 // a position that it is true for
	Bytes []byte
	Days  []string  // yyyy-mm-dd, in which it has a part
	Keys  []string  // under which it is found; each once
	Due   time.Time // when a day of it changes by itself, in whole milliseconds; zero: never
}

// DayRows are the rows of a day; without any, the day has none.
type DayRows struct {
	Day  string
	Rows []DayRow // their Day is the same
}

// DayRow is one row of a day.
type DayRow struct {
	Day, Kind, Key string
	Bytes          []byte
}
