// Package rule holds what every ledger decides in the same way, whatever its
// database: which times an epoch's events get, where an epoch stops being one
// chain, which visit a correction belongs to, and how a store stood at a position.
//
// The rules are pure but for what they ask of rows (Rows, Visits) and what they
// tell a ledger to write (Change, Visits.Give). A ledger answers from within its
// transaction; after an error it gives the transaction up.
//
// Suite ledgertest.Run holds both ledgers to them, beside a reference (memledger)
// that was written without them.
//
// Times are kept in milliseconds, as the columns of a ledger hold them.
package rule

import (
	"time"

	"baylight/kiosk"
	"baylight/sync/wire"
)

// State of an event in a ledger.
type State = int16

// The states; their numbers stand in databases.
const (
	Counted   State = iota // as usual
	Repeated               // recorded again after a rollback, and the other is here: not counted
	Malformed              // it holds its place, so that the rest is not held up
)

// Place names an epoch of a source.
type Place struct{ Source, Epoch string }

// MinTime lies before every time an event can carry, in milliseconds.
const MinTime = -1 << 62

// ms is the time of a column.
func ms(n int64) time.Time { return time.UnixMilli(n) }

// Timed is an event at rest with its corrected time, as kiosk.Follow wants the
// one before.
func Timed(b []byte, when int64, uncertain bool) (kiosk.Event, error) {
	e, err := kiosk.Decode(b)
	if err != nil {
		return kiosk.Event{}, err
	}
	e.Moment.Wall, e.When, e.Uncertain = ms(e.Moment.Wall.UnixMilli()), ms(when), uncertain
	return e, nil
}

// Take adds a place to those of which a receipt says that the chain does not prove
// them; of more than wire.MaxTaken the lowest go, and are told as a bound.
func Take(e *wire.Epoch, t wire.Taken) {
	if e.Taken = append(e.Taken, t); len(e.Taken) > wire.MaxTaken {
		e.TakenAfter, e.Taken = e.Taken[0].Seq, e.Taken[1:]
	}
}
