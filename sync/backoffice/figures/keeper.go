package figures

import (
	"context"
	"slices"
	"sync"

	"baylight/sync/backoffice"
)

// factReader finds what is kept of visits, in any order (backoffice.Rollups).
type factReader interface {
	Facts(ctx context.Context, store string, visits []string) ([]backoffice.Fact, error)
	FactsOfDays(ctx context.Context, store, first, last string, f func(backoffice.Fact) error) error
}

// keeper makes steps of one store durable, in the order they were made, while the
// next are made. These stand on steps that are not durable yet, so what it reads is
// what the ledger will hold with all of them. The ledger compares where each step
// began: behind one that it did not take nothing is kept. Its methods are called by
// the goroutine that makes steps; one more, which end waits for, writes.
type keeper struct {
	ledger backoffice.Ledger
	store  string
	work   chan *unkept  // nil: nothing is under way
	over   chan struct{} // closed when no more is written

	mu   sync.Mutex
	wait []*unkept // not known to be durable, the oldest first
	err  error     // why what waits will not be
}

// unkept is a step on its way into the ledger; without one, all that is kept is dropped.
type unkept struct {
	step   *backoffice.Kept
	visits map[string]*backoffice.Fact
	days   map[string][]*backoffice.Fact // with a part in it
}

// farBehind is how many steps wait to be durable: some are made while the old
// roll-ups of a store are dropped. What waits of a full step has some 5 MB.
const farBehind = 12

// keep makes a step durable behind those that it was given before. If that fails
// it is told by a later call, or by end.
func (k *keeper) keep(ctx context.Context, step backoffice.Kept) error {
	u := &unkept{&step, make(map[string]*backoffice.Fact, len(step.Facts)), map[string][]*backoffice.Fact{}}
	for i := range step.Facts {
		fact := &step.Facts[i]
		u.visits[fact.Visit] = fact
		if fact.Bytes == nil {
			continue
		}
		for _, d := range fact.Days {
			u.days[d] = append(u.days[d], fact)
		}
	}
	return k.add(ctx, u)
}

// drop drops what is kept of the store.
func (k *keeper) drop(ctx context.Context) error { return k.add(ctx, &unkept{}) }

func (k *keeper) add(ctx context.Context, u *unkept) error {
	k.mu.Lock()
	err := k.err
	k.wait = append(k.wait, u)
	k.mu.Unlock()
	if err != nil {
		return err
	}
	if k.work == nil {
		k.work, k.over = make(chan *unkept, farBehind), make(chan struct{})
		go k.run(ctx, k.work, k.over)
	}
	k.work <- u
	return nil
}

// run writes until there is no more. What comes behind something that failed is lost.
func (k *keeper) run(ctx context.Context, work <-chan *unkept, over chan<- struct{}) {
	defer close(over)
	for u := range work {
		if k.err != nil { // it is set here alone
			continue
		}
		var err error
		if u.step != nil {
			err = k.ledger.Keep(ctx, k.store, *u.step)
		} else {
			err = k.ledger.DropRollups(ctx, k.store)
		}
		k.mu.Lock()
		if k.err = err; err == nil {
			k.wait = slices.Clone(k.wait[1:])
		}
		k.mu.Unlock()
	}
}

// end waits until all is durable, or tells what failed: then nothing behind it is.
// The keeper may be used again.
func (k *keeper) end() error {
	if k.work == nil {
		return nil
	}
	close(k.work)
	<-k.over
	err := k.err
	k.work, k.wait, k.err = nil, nil, nil
	return err
}

// waiting is what lies above the ledger, and whether nothing will be left of what
// the ledger holds itself. It is asked for before the ledger is: what becomes
// durable in between is told by both, and is the same.
func (k *keeper) waiting() (above []*unkept, bare bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	above = k.wait[:len(k.wait):len(k.wait)]
	if len(above) > 0 && above[0].step == nil {
		return above[1:], true
	}
	return above, false
}

// waits is the latest fact of a visit among what lies above the ledger, nil if there is none.
func waits(above []*unkept, visit string) *backoffice.Fact {
	for _, u := range slices.Backward(above) {
		if fact := u.visits[visit]; fact != nil {
			return fact
		}
	}
	return nil
}

// Facts are those of the visits named.
func (k *keeper) Facts(ctx context.Context, store string, visits []string) (out []backoffice.Fact, err error) {
	above, bare := k.waiting()
	below := visits
	if len(above) > 0 {
		below = make([]string, 0, len(visits))
		for _, v := range visits {
			if fact := waits(above, v); fact == nil {
				below = append(below, v)
			} else if fact.Bytes != nil {
				out = append(out, *fact)
			}
		}
	}
	if bare || len(below) == 0 {
		return out, nil
	}
	some, err := k.ledger.Facts(ctx, store, below)
	return append(out, some...), err
}

// FactsOfDays calls f with the facts that have a part in a day from first to last, each once.
func (k *keeper) FactsOfDays(ctx context.Context, store, first, last string, f func(backoffice.Fact) error) error {
	above, bare := k.waiting()
	for i, u := range above {
		for day, facts := range u.days {
			if day < first || day > last {
				continue
			}
			for _, fact := range facts {
				if day != firstOf(fact.Days, first) || waits(above[i:], fact.Visit) != fact {
					continue
				}
				if err := f(*fact); err != nil {
					return err
				}
			}
		}
	}
	if bare {
		return nil
	}
	return k.ledger.FactsOfDays(ctx, store, first, last, func(fact backoffice.Fact) error {
		if waits(above, fact.Visit) != nil {
			return nil
		}
		return f(fact)
	})
}

// firstOf is the first of some days, in their order, from one day on.
func firstOf(days []string, from string) string {
	i, _ := slices.BinarySearch(days, from)
	return days[i]
}
