package figures

import (
	"context"

	"baylight/sync/backoffice"
)

// ahead is some stale visits, folded from their events while those before them
// are kept.
type ahead struct {
	after, next backoffice.Cursor // they are those after it; where it goes on
	last        bool              // none are stale after them
	at          uint64            // the position they are read at, no later than the list
	stale       []backoffice.Cursor
	fresh       map[string]*fresh
	err         error
}

// lookout reads ahead, steps in their order, until there is no more to read.
type lookout struct {
	steps chan *ahead
	stop  context.CancelFunc
}

// farAhead is how many steps wait to be kept: while the disk is waited for there
// is something to read. What waits shares the memory of its events: of a full step
// some hundred megabytes.
const farAhead = 2

// lookOut begins to read after a cursor. Whoever calls it calls end.
func (f *Folder) lookOut(ctx context.Context, r *room, after backoffice.Cursor, s *sweep) *lookout {
	ctx, stop := context.WithCancel(ctx)
	l := &lookout{make(chan *ahead, farAhead), stop}
	go func() {
		defer close(l.steps)
		for {
			a := f.lookAhead(ctx, r, after, s)
			select {
			case l.steps <- a:
			case <-ctx.Done():
				return
			}
			if after = a.next; a.last || a.err != nil {
				return
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

// lookAhead reads the stale visits after a cursor, as many as one step keeps.
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
	a.fresh, a.err = f.readSwept(ctx, r, s, a.stale, a.at)
	return a
}
