package backoffice

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"baylight/sync/link"
	"baylight/sync/wire"
)

// ErrNotHeld is what a ledger that several offices share answers to a commit of
// events of a store that belongs to another office.
var ErrNotHeld = errors.New("the store belongs to another back office")

// Elsewhere is an ErrNotHeld that says which office has the store.
type Elsewhere struct {
	Office, URL string // its name and where its pages are
}

func (e *Elsewhere) Error() string {
	return fmt.Sprintf("%v: %s, whose pages are at %s", ErrNotHeld, e.Office, e.URL)
}

// Unwrap is ErrNotHeld.
func (e *Elsewhere) Unwrap() error { return ErrNotHeld }

// Tend answers for a store under a lease: it takes in what the store's boards
// send and writes receipts under the term, until ctx ends. It is for offices
// whose Config says Leased, runs beside Run, and once at a time for each store.
// with, if not nil, is given the link before it runs.
func (o *Office) Tend(ctx context.Context, store string, term uint64, base link.Config, log *slog.Logger, with func(*link.Link)) error {
	r, err := o.room(store)
	if err != nil {
		return fmt.Errorf("tend: %w", err)
	}
	r.mu.Lock()
	r.due, r.kiosks, r.found = map[string]bool{}, map[string]*Kiosk{}, map[string]bool{}
	r.mu.Unlock()
	r.term.Store(term)
	defer r.term.Store(0)
	if err := o.settle(ctx, r); err != nil {
		return err
	}
	l, err := o.Connect(store, base, log)
	if err != nil {
		return err
	}
	if with != nil {
		with(l)
	}
	var work sync.WaitGroup
	work.Go(func() { o.send(ctx, r) })
	err = l.Run(ctx)
	work.Wait()
	return err
}

// firstSession lies above every session of an earlier run, and of an earlier
// holder of the lease.
func (o *Office) firstSession(r *room) uint64 {
	if o.cfg.Leased {
		return r.term.Load() << 20
	}
	return o.cfg.Ledger.Opened() << 20
}

// Answers says whether the office answers for a store, and no other one does.
func (o *Office) Answers(store string) bool {
	r := o.rooms[store]
	return r != nil && r.term.Load() > 0
}

// held leaves out messages of stores that are not the office's any more: whoever
// has them now takes them in, for the boards send again what has no receipt.
func (o *Office) held(ms []*parsed) []*parsed {
	if !o.cfg.Leased {
		return ms
	}
	out := make([]*parsed, 0, len(ms))
	for _, p := range ms {
		if p.room == nil || p.room.term.Load() > 0 {
			out = append(out, p)
		}
	}
	return out
}

// ours says whether a receipt on the broker is of this ledger, under the office's
// term or an earlier one.
func (r *room) ours(ledger string, x wire.Receipt) bool {
	return x.Ledger == ledger && x.Term <= max(Term, r.term.Load())
}
