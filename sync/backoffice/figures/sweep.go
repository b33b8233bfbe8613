package figures

import (
	"context"
	"runtime"
	"slices"
	"strings"
	"sync"

	"baylight/kiosk"
	"baylight/sync/backoffice"
)

// sweeper is a ledger that reads the events of all visits in the order they came
// at a part of what they cost visit by visit. at is the position of what was
// read, 0 if the store cannot be swept.
type sweeper interface {
	Sweep(ctx context.Context, store string, after, through uint64, f func(visit string, e backoffice.Swept)) (at uint64, err error)
}

// sweep reads a store that is folded from the beginning. Visits are folded in the
// order of their last change, so what waits are those of few days, and those that
// something changed long after. It ends when anything is committed meanwhile:
// visits are then read one by one, at their position.
type sweep struct {
	ledger  sweeper
	through uint64 // the position that is swept up to
	done    uint64 // up to here
	waiting map[string]*waiting
	bytes   int // of what waits
	over    bool
}

type waiting struct {
	events []backoffice.Swept
	own    int // so many of them share no memory with others
}

// maxWaiting bounds the bytes of events that wait for the rest of their visit.
const maxWaiting = 128 << 20

// sweep begins one, nil if the ledger has none.
func (f *Folder) sweep(ctx context.Context) (*sweep, error) {
	s, ok := f.cfg.Ledger.(sweeper)
	if !ok {
		return nil, nil
	}
	at, err := f.cfg.Ledger.Position(ctx)
	return &sweep{ledger: s, through: at, waiting: map[string]*waiting{}}, err
}

// take reads up to a position. It says whether the sweep goes on.
func (s *sweep) take(ctx context.Context, store string, to uint64) (bool, error) {
	if s == nil || s.over {
		return false, nil
	}
	at, err := s.ledger.Sweep(ctx, store, s.done, min(to, s.through), s.put)
	s.done = max(s.done, min(to, s.through))
	if s.over = s.over || err != nil || at != s.through || s.bytes > maxWaiting; s.over {
		s.waiting = nil
	}
	return !s.over, err
}

func (s *sweep) put(visit string, e backoffice.Swept) {
	if s.bytes += len(e.Bytes); s.bytes > maxWaiting {
		return
	}
	w := s.waiting[visit]
	if w == nil {
		w = &waiting{events: make([]backoffice.Swept, 0, 16)}
		s.waiting[strings.Clone(visit)] = w
	}
	w.events = append(w.events, e)
}

// keep lets what still waits go on without the memory that it was read in.
func (s *sweep) keep() {
	for _, w := range s.waiting {
		for ; w.own < len(w.events); w.own++ {
			w.events[w.own].Bytes = strings.Clone(w.events[w.own].Bytes)
		}
	}
}

// gathered are the events of a visit that was swept.
type gathered struct {
	visit  string
	events []backoffice.Swept
}

// gather sweeps the events of stale visits, as far as that goes; the others are the rest.
func (s *sweep) gather(ctx context.Context, store string, stale []backoffice.Cursor) (swept []gathered, rest []string, err error) {
	var to uint64
	for _, c := range stale {
		if s != nil && c.Changed <= s.through {
			to = max(to, c.Changed)
		}
	}
	on, err := s.take(ctx, store, to)
	if err != nil {
		return nil, nil, err
	}
	for _, c := range stale {
		if !on || c.Changed > s.through {
			rest = append(rest, c.Visit)
		} else if w := s.waiting[c.Visit]; w != nil {
			for i := range w.events {
				s.bytes -= len(w.events[i].Bytes)
			}
			delete(s.waiting, c.Visit)
			swept = append(swept, gathered{c.Visit, w.events})
		}
	}
	if on {
		s.keep()
	}
	return swept, rest, nil
}

// foldSwept folds visits whose events have all come, into a table with room for all of a step.
func (r *room) foldSwept(visits []gathered, step int) (map[string]*fresh, error) {
	var work sync.WaitGroup
	all, errs := make([]*fresh, len(visits)), make([]error, runtime.GOMAXPROCS(0))
	share := max(minShare, (len(visits)+len(errs)-1)/len(errs))
	for n := 0; n*share < len(visits); n++ {
		first, last := n*share, min(len(visits), (n+1)*share)
		work.Go(func() {
			events := make([]kiosk.Event, 0, 16)
			for i := first; i < last && errs[n] == nil; i++ {
				all[i], errs[n] = r.swept(visits[i], events[:0])
			}
		})
	}
	work.Wait()
	if i := slices.IndexFunc(errs, func(err error) bool { return err != nil }); i >= 0 {
		return nil, errs[i]
	}
	out := make(map[string]*fresh, step)
	for i := range visits {
		out[visits[i].visit] = all[i]
	}
	return out, nil
}

// swept folds a visit; its events go into what is given, which is empty.
func (r *room) swept(g gathered, events []kiosk.Event) (*fresh, error) {
	for i := range g.events {
		events = append(events, kiosk.Event{})
		if err := g.events[i].Read(&events[i]); err != nil {
			return nil, err
		}
	}
	rec := recorded{events, backoffice.Record(events, r.Calendar)}
	return &fresh{r.make(g.visit, rec, nil), rec.Stretches}, nil
}
