package rule

import (
	"baylight/kiosk"
	"baylight/sync/backoffice"
)

// Epoch is an epoch while a batch is worked on.
type Epoch struct {
	Through, Max uint64            // end of the contiguous prefix; the highest sequence
	Hash         []byte            // of the event at Through
	Last         int64             // corrected time of the event at Max
	Redo         uint64            // times have to be corrected again from here on, 0: not
	Top          uint64            // the last sequence taken in this batch,
	TopHash      kiosk.Hash        // and its hash
	Seamed       bool              // it was not one chain
	Opened       bool              // a chain ended or began in this batch
	Broken       bool              // whether what comes next follows the one before it cannot be told
	Boots        map[string]uint64 // lowest sequence seen of each boot in this batch
	Tail         kiosk.Event       // the event at Max, once it was needed
}

// Row is an event at rest, with what correcting needs of it.
type Row struct {
	Position     int64
	Seq          uint64
	Store, Visit string
	When         int64 // as corrected before
	Uncertain    bool
	State        State
	Hash         kiosk.Hash
	Bytes        []byte

	broken bool // it does not follow the event before it
}

// Change is a time that moved.
type Change struct {
	Row       // as it was
	When      int64
	Uncertain bool
}

// Rows is what a ledger tells of one epoch, in its transaction.
type Rows interface {
	// Before is the last event before a sequence that is not malformed, as Timed
	// gives it; the zero Event if there is none.
	Before(seq uint64) (kiosk.Event, error)
	// Since calls f with all rows from a sequence on, in order.
	Since(seq uint64, f func(Row) error) error
	// BootBegan is the lowest sequence of the boot of the event at seq; seq, if
	// none is there.
	BootBegan(seq uint64) (uint64, error)

	// Below and Above are the nearest taken sequences around one, 0 if there is
	// none; b is what lies at the one above.
	Below(seq uint64) (uint64, error)
	Above(seq uint64) (at uint64, b []byte, err error)
	// HashAt is the hash of the event at seq, which is there.
	HashAt(seq uint64) (kiosk.Hash, error)
	// Seam notes that the next event does not follow the one at seq; Close takes
	// it back, and says whether it was noted.
	Seam(seq uint64) error
	Close(seq uint64) (bool, error)
	// Forked says whether an event lies right behind a seam, that of place 0 aside.
	Forked() (bool, error)
	// Left says whether the source has events in an epoch that it began later.
	Left() (bool, error)
	// Leave is called when the source begins this epoch: Again(1) for each of its
	// epochs that has a seam, that of place 0 aside.
	Leave() error
}

// Near is Rows that know what is beside an event which comes late: then it may be put
// in its place without reading its boot again.
type Near interface {
	// Near are the nearest taken events around a place, as Timed gives them; the
	// zero Event where there is none, or a malformed one.
	Near(seq uint64) (below, above kiosk.Event, err error)
}

// Again notes that times are to be corrected again from a sequence on.
func (ep *Epoch) Again(seq uint64) {
	if ep.Redo == 0 || seq < ep.Redo {
		ep.Redo = seq
	}
}

// Moves says whether times of the epoch have to be corrected again.
func (ep *Epoch) Moves() bool { return ep.Redo > 0 || ep.Seamed && (ep.Opened || len(ep.Boots) > 0) }

// Grow moves the prefix past an event that comes right after it and waits for no
// person part; whatever else may move it is the ledger's to find.
func (ep *Epoch) Grow(e *kiosk.Event, hash kiosk.Hash) {
	if e.Seq == ep.Through+1 && e.Data.Common().PersonDigest == "" {
		ep.Through, ep.Hash = e.Seq, append(ep.Hash[:0], hash[:]...)
	}
}

// Put gives an event its corrected time as it is appended: kiosk.Follow on its
// predecessor. What does not come at the end of its epoch, and what moves others,
// is left to Correct. boot is how the ledger writes the event's boot.
func (ep *Epoch) Put(rows Rows, e kiosk.Event, boot string) (when int64, uncertain bool, err error) {
	e.Moment.Wall = ms(e.Moment.Wall.UnixMilli())
	if fits, err := ep.fits(rows, e); fits || err != nil {
		return e.Moment.Wall.UnixMilli(), false, err
	}
	if ep.Max > 0 && ep.Tail.Data == nil {
		if ep.Tail, err = rows.Before(ep.Max + 1); err != nil {
			return 0, false, err
		}
	}
	if e.Seq < ep.Max || ep.Tail.Data == nil || e.Moment.Boot != ep.Tail.Moment.Boot { // else its boot is known
		if first, seen := ep.Boots[boot]; !seen || e.Seq < first {
			ep.Boots[boot] = e.Seq
		}
	}
	if again := kiosk.Follow(ep.Tail, &e); again || e.Seq < ep.Max {
		ep.Again(e.Seq)
	}
	if e.Seq > ep.Max {
		ep.Max, ep.Last, ep.Tail = e.Seq, e.When.UnixMilli(), e
	}
	return e.When.UnixMilli(), e.Uncertain, nil
}

// fits says that an event which comes late moves nothing, and nothing moves it.
func (ep *Epoch) fits(rows Rows, e kiosk.Event) (bool, error) {
	near, ok := rows.(Near)
	if !ok || e.Seq >= ep.Max {
		return false, nil
	}
	below, above, err := near.Near(e.Seq)
	if err != nil || below.Data == nil || above.Data == nil || !kiosk.Fits(below, e, above) {
		return false, err
	}
	mixed, err := ep.mixed(rows)
	return !mixed, err
}

// Correct corrects the times of an epoch again as far back as what came may have
// moved them, and gives those that moved.
func (ep *Epoch) Correct(rows Rows) (moved []Change, err error) {
	events, old, err := ep.derived(rows)
	if err != nil {
		return nil, err
	}
	for i, e := range events {
		when := e.When.UnixMilli()
		ep.Last = when
		if when != old[i].When || e.Uncertain != old[i].Uncertain {
			moved = append(moved, Change{old[i], when, e.Uncertain})
		}
	}
	return moved, nil
}

// derived gives the events whose times what came may have moved, corrected: all of
// them in an epoch that is mixed.
func (ep *Epoch) derived(rows Rows) (events []kiosk.Event, old []Row, err error) {
	mixed, err := ep.mixed(rows)
	if err != nil {
		return nil, nil, err
	}
	if mixed {
		if events, old, err = since(rows, 0); err == nil {
			kiosk.CorrectMixed(events, func(i int) bool { return !old[i].broken })
		}
		return events, old, err
	}
	if ep.Redo == 0 {
		return nil, nil, nil
	}
	return reach(rows, ep.Redo)
}

// reach gives the events from the boot of seq on, corrected, and those of the
// boots before it that they may move (see kiosk.CorrectAfter).
func reach(rows Rows, seq uint64) (events []kiosk.Event, old []Row, err error) {
	from := seq
	for {
		first, err := rows.BootBegan(from)
		if err != nil {
			return nil, nil, err
		}
		from = min(from, first)
		last, err := rows.Before(from)
		if err != nil {
			return nil, nil, err
		}
		if events, old, err = since(rows, from); err != nil {
			return nil, nil, err
		}
		if earlier := kiosk.CorrectAfter(last, events); !earlier || last.Data == nil {
			return events, old, nil
		}
		from = last.Seq
	}
}

// since reads the events from a sequence on, without what correcting does not need.
func since(rows Rows, from uint64) (events []kiosk.Event, old []Row, err error) {
	var links chain
	err = rows.Since(from, func(r Row) error {
		if r.State == Malformed {
			links.add(r.Hash, backoffice.Prev(r.Bytes), false)
			return nil
		}
		e, err := kiosk.Decode(r.Bytes)
		if err != nil {
			return err
		}
		r.broken, r.Bytes = links.add(r.Hash, e.Prev, true), nil
		e.Moment.Wall = ms(e.Moment.Wall.UnixMilli())
		if _, set := e.Data.(*kiosk.ClockSet); !set {
			e.Data = noData
		}
		events, old = append(events, e), append(old, r)
		return nil
	})
	return events, old, err
}

var noData kiosk.Payload = &kiosk.Unknown{}
