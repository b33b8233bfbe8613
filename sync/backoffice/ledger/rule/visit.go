package rule

import (
	"math"

	"baylight/kiosk"
)

// Visits is what a ledger tells of one store's visits, in its transaction. A visit
// is "" of what is here and belongs to none.
type Visits interface {
	// At is the visit of the event with a place in an epoch of that name: of the
	// source, if there is one, else of the one that came first.
	At(epoch string, seq uint64, source string) (visit string, here bool, err error)
	// Pinned is the visit of the event that has that hash there.
	Pinned(epoch string, seq uint64, hash kiosk.Hash) (visit string, here bool, err error)
	// Again is the visit of what was recorded again and had an id before: in the
	// epoch of e, else where it has a visit.
	Again(e *kiosk.Event, id string) (visit string, here bool, err error)
	// AgainPinned is the visit of what was recorded again and was ID#HASH before,
	// "" if there is none.
	AgainPinned(was string) (visit string, err error)
	// Waiting are the corrections of an id that have no visit yet, in the order
	// they came. Nothing may be left out of what a correction's own id is asked
	// for, once one was given its visit.
	Waiting(id string) ([]kiosk.Event, error)
	// Give gives a correction its visit and marks the visit.
	Give(correction *kiosk.Event, visit string) error
}

// VisitOf is the visit of the event that e corrects. After a rollback two events
// may have had one id. A correction that carries the hash of what it means means
// that event, here or recorded again, and no other. Without: what stands in its
// own epoch means its neighbour there, the one recorded in that epoch or recorded
// again in it, and no other, though it belongs to no visit. Else it means one
// that was recorded again and has a visit, if there is one.
func VisitOf(v Visits, e *kiosk.Event, id string) (visit string, err error) {
	epoch, seq, err := kiosk.ParseEventID(id)
	if err != nil || seq > math.MaxInt64 {
		return "", nil // a correction of nothing is kept and has no effect
	}
	if hash := kiosk.Pinned(e.Data); hash != "" {
		h, err := kiosk.ParseHash(hash)
		if err != nil {
			return "", nil // no event has such a hash
		}
		if visit, here, err := v.Pinned(epoch, seq, h); here || err != nil {
			return visit, err
		}
		return v.AgainPinned(id + "#" + hash)
	}
	neighbour := e.Was == "" && e.Epoch == epoch
	if !neighbour {
		if visit, here, err := v.Again(e, id); here || err != nil {
			return visit, err
		}
	}
	visit, here, err := v.At(epoch, seq, e.Source)
	if err != nil || here || !neighbour {
		return visit, err
	}
	visit, _, err = v.Again(e, id)
	return visit, err
}

// Claim gives corrections that came before an event its visit, and those that
// correct them.
func Claim(v Visits, e *kiosk.Event) error {
	if err := claim(v, e.ID()); err != nil || e.Was == "" {
		return err
	}
	return claim(v, e.Was)
}

func claim(v Visits, id string) error {
	waiting, err := v.Waiting(id)
	if err != nil {
		return err
	}
	for _, w := range waiting {
		visit, err := VisitOf(v, &w, id)
		if err != nil {
			return err
		}
		if visit == "" { // it means another event of this id
			continue
		}
		if err := v.Give(&w, visit); err != nil {
			return err
		}
		if err := Claim(v, &w); err != nil {
			return err
		}
	}
	return nil
}
