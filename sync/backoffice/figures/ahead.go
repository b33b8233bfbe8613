package figures

import (
	"context"
	"maps"

	"baylight/sync/backoffice"
)

// ahead is some stale visits, folded from their events while steps before them are
// made and kept.
type ahead struct {
	after, next backoffice.Cursor // they are those after it; where it goes on
	last        bool              // none are stale after them
	at          uint64            // the position they are read at, no later than the list
	stale       []backoffice.Cursor
	swept       []gathered // the events of those that were swept
	rest        []string   // the others
	fresh       map[string]*fresh
	err         error
}

// lookout reads ahead, steps in their order, until there is no more to read.
type lookout struct {
	steps chan *ahead
	stop  context.CancelFunc
}

// farAhead is how many folded steps wait; one more is being folded, and the events
// of one are being read. What waits shares the memory of its events: of a full step
// some fifty megabytes.
const farAhead = 1

// lookOut begins to read after a cursor: the events of one step while those of the
// step before are folded. Whoever calls it calls end.
func (f *Folder) lookOut(ctx context.Context, r *room, after backoffice.Cursor, s *sweep) *lookout {
	ctx, stop := context.WithCancel(ctx)
	l, gathered := &lookout{make(chan *ahead, farAhead), stop}, make(chan *ahead)
	go func() {
		defer close(gathered)
		for {
			a := f.lookAhead(ctx, r, after, s)
			over := a.last || a.err != nil
			after = a.next
			select {
			case gathered <- a: // it is the other's now
			case <-ctx.Done():
				return
			}
			if over {
				return
			}
		}
	}()
	go func() {
		defer close(l.steps)
		for a := range gathered {
			if ctx.Err() != nil { // one before it may be lost
				continue
			}
			f.foldAhead(ctx, r, a)
			select {
			case l.steps <- a:
			case <-ctx.Done():
			}
		}
	}()
	return l
}

// end waits until nothing more is read. What was read is lost.
func (l *lookout) end() {
	if l == nil {
		return
	}
	l.stop()
	for range l.steps {
	}
}

// next is the step to be kept after what is kept, from what was read ahead or,
// if that goes on elsewhere, read anew. A store is swept from its beginning.
func (f *Folder) next(ctx context.Context, r *room, from *lookout, is backoffice.Progress) (*ahead, *lookout, error) {
	if from != nil {
		if a, some := <-from.steps; some && a.after == is.Next {
			return a, from, nil
		}
		from.end()
	}
	var s *sweep
	if is.Round == 0 {
		var err error
		if s, err = f.sweep(ctx); err != nil {
			return nil, nil, err
		}
	}
	from = f.lookOut(ctx, r, is.Next, s)
	if a, some := <-from.steps; some {
		return a, from, nil
	}
	return nil, from, ctx.Err()
}

// lookAhead finds the stale visits after a cursor, as many as one step keeps, and
// the events of those that are swept.
func (f *Folder) lookAhead(ctx context.Context, r *room, after backoffice.Cursor, s *sweep) *ahead {
	a := &ahead{after: after}
	if a.at, a.err = f.cfg.Ledger.Position(ctx); a.err != nil {
		return a
	}
	if a.stale, a.err = f.cfg.Ledger.Stale(ctx, r.Name, after, f.chunk); a.err != nil {
		return a
	}
	a.next, a.last = backoffice.Cursor{Changed: a.at + 1}, len(a.stale) < f.chunk
	if !a.last {
		if c := a.stale[f.chunk-1]; c.Changed <= a.at {
			a.next = c
		}
	}
	a.swept, a.rest, a.err = s.gather(ctx, r.Name, a.stale)
	return a
}

// foldAhead folds the visits of a step.
func (f *Folder) foldAhead(ctx context.Context, r *room, a *ahead) {
	if a.err != nil {
		return
	}
	if a.fresh, a.err = r.foldSwept(a.swept, len(a.stale)); a.err != nil || len(a.rest) == 0 {
		return
	}
	more, err := f.read(ctx, r, a.rest, a.at)
	maps.Copy(a.fresh, more)
	a.swept, a.err = nil, err
}
