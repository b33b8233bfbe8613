package floor

import "baylight/kiosk"

// A visit is replaced and not changed, since who got it may still read it. The memory
// of one that was replaced is used for a later one where that is nobody:
//
//   - it was made after the state last showed visits to the outside ([State.show]),
//     and replaced before it did so again: nobody outside ever had it;
//   - it was replaced in an earlier turn: no rule that is at work has it either,
//     since none keeps a visit, or a job of it, from one turn to the next.
//
// Only the visit itself is meant: what it points to is shared with those before and
// after it, and is never used again.

// turns count what happens to a state.
type turns struct {
	now   uint64 // the turn: an input that is decided, or an event that is replayed
	shown uint64 // the last turn after which visits were shown
}

// show is called by whatever gives visits, or their jobs, to the outside.
func (s *State) show() { s.turns.shown = s.turns.now }

// room is what a record has of memory that may be used again.
type room struct {
	made  uint64       // the turn in which the record's visit was made
	free  *kiosk.Visit // one that it replaced and nobody outside ever had, or nil
	since uint64       // the turn in which that was replaced
}

// take is memory for a visit.
func (r *room) take(at turns) *kiosk.Visit {
	v := r.free
	if v == nil || r.since >= at.now {
		return new(kiosk.Visit)
	}
	r.free = nil
	return v
}

// replaced notes that another visit stands in the place of old, nil if there was none.
func (r *room) replaced(old *kiosk.Visit, at turns) {
	if r.free = nil; old != nil && r.made > at.shown {
		r.free, r.since = old, at.now
	}
	r.made = at.now
}
