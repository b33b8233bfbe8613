package rule

import (
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
)

// Until folds a store as it stood at a position: what is here of it up to there, by
// epoch, source and sequence, goes to Take, and End gives the visits. Its memory
// holds them all. The zero value is ready.
type Until struct {
	visits map[string][]kiosk.Event
	begun  map[string]int64 // position of the first row of the latest epoch of each source
	now    run
	later  []run // not one chain: whether they were left is known at the end
}

// run is what is here of one epoch.
type run struct {
	at     Place
	first  int64 // position
	events []kiosk.Event
	of     []string // their visits, "" if it does not count
	broken []bool
	gaps   bool // it is not one chain,
	mixed  bool // but two, right behind each other
	links  chain
	seq    uint64 // of the last one
}

// Take takes the next row. Its bytes may be used again afterwards.
func (u *Until) Take(at Place, w Row) error {
	if u.now.at != at {
		u.flush()
		u.now = run{at: at, first: w.Position}
	}
	r := &u.now
	r.first = min(r.first, w.Position)
	var e kiosk.Event
	var err error
	if w.State == Malformed {
		e.Prev = backoffice.Prev(w.Bytes)
	} else if e, err = kiosk.Decode(w.Bytes); err != nil {
		return err
	}
	if r.links.begun && r.links.last != e.Prev {
		r.gaps, r.mixed = true, r.mixed || w.Seq == r.seq+1
	}
	r.seq = w.Seq
	broken := r.links.add(w.Hash, e.Prev, w.State != Malformed)
	if w.State == Malformed {
		return nil
	}
	if w.State != Counted {
		w.Visit = ""
	}
	e.Moment.Wall = e.Moment.Wall.Truncate(time.Millisecond)
	r.events, r.of, r.broken = append(r.events, e), append(r.of, w.Visit), append(r.broken, broken)
	return nil
}

// End gives the events of each visit, with the times they had.
func (u *Until) End() map[string][]kiosk.Event {
	u.flush()
	for _, r := range u.later {
		r.mixed = u.begun[r.at.Source] > r.first
		u.done(r)
	}
	return u.visits
}

func (u *Until) flush() {
	if u.visits == nil {
		u.visits, u.begun = map[string][]kiosk.Event{}, map[string]int64{}
	}
	r := u.now
	u.begun[r.at.Source] = max(u.begun[r.at.Source], r.first)
	if r.gaps && !r.mixed {
		u.later = append(u.later, r)
		return
	}
	u.done(r)
}

func (u *Until) done(r run) {
	if r.mixed {
		kiosk.CorrectMixed(r.events, func(i int) bool { return !r.broken[i] })
	} else {
		kiosk.Correct(r.events)
	}
	for i, e := range r.events {
		if v := r.of[i]; v != "" {
			u.visits[v] = append(u.visits[v], e)
		}
	}
}
