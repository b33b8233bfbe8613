package backoffice

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"baylight/kiosk"
)

// Ageing is how the person parts of a store stand that are to go by their age.
type Ageing struct {
	kiosk.Ageing
	Days  int    // parts are kept so long after their visit ended; 0: for ever
	Parts int    // removed by the last run that removed any, since the start
	Held  int    // as old, and kept: their visits are open, or being done again
	Wait  string // why it goes no further yet, "" if it does
}

// ageing is what the office knows of it, for one store. It is guarded by erasing.mu.
type ageing struct {
	Ageing
	newest time.Time     // when a board last recorded an event by a clock it trusted, of those that came since the start
	due    chan struct{} // capacity 1: old parts came in
}

// eraseAtOnce is how many parts go before the ledger's files are looked through.
const eraseAtOnce = 50_000

// ageEvery is how often it is looked whether parts grew old, or old ones came in.
// Real time.
const ageEvery = 5 * time.Minute

// The ledger's marks of how far a store has aged, in ms: a backup rolls them back.
func agedMark(store string) string   { return "aged/" + store }
func agedAtMark(store string) string { return "aged-at/" + store }

// Ageing tells how a store stands.
func (o *Office) Ageing(store string) (Ageing, error) {
	r, err := o.room(store)
	if err != nil {
		return Ageing{}, err
	}
	r.erasing.mu.Lock()
	defer r.erasing.mu.Unlock()
	a := r.erasing.ageing.Ageing
	a.Days = r.PersonDays
	return a, nil
}

// Age removes the person parts that grew old, as far as the clock can be trusted
// ([kiosk.Ageing]); what it would not do is in Ageing.Wait. It is done by Run from
// time to time.
func (o *Office) Age(ctx context.Context, store string) error {
	r, err := o.room(store)
	if err != nil {
		return fmt.Errorf("age: %w", err)
	}
	late := false
	select {
	case <-r.erasing.ageing.due:
		late = true
	default:
	}
	if err := o.age(ctx, r, late); err != nil {
		poke(r.erasing.ageing.due)
		return fmt.Errorf("age person parts of %s: %w", store, err)
	}
	return nil
}

// ErrNotOld is returned for parts that are to be kept, or if all are.
var ErrNotOld = errors.New("person parts of then are to be kept")

// AgeTo does what Age would not do without a person: parts of visits that ended
// before a time go. They have to be old by the office's clock as well.
func (o *Office) AgeTo(ctx context.Context, store string, before time.Time, by string) error {
	r, err := o.room(store)
	if err != nil {
		return fmt.Errorf("age: %w", err)
	}
	days := r.PersonDays
	at := before.AddDate(0, 0, days)
	if days == 0 || o.erasable(r) != nil || at.After(o.cfg.Now()) {
		return fmt.Errorf("age: %w: this store keeps them %d days (0: for ever)", ErrNotOld, days)
	}
	r.erasing.mu.Lock()
	to := r.erasing.ageing.To(before, at)
	r.erasing.mu.Unlock()
	o.log.Info("person parts that grew old may go", "store", store, "before", to.Before, "by", by)
	if err := o.moveAge(r, to); err != nil {
		return fmt.Errorf("age: %w", err)
	}
	if err := o.age(ctx, r, true); err != nil {
		return fmt.Errorf("age person parts of %s: %w", store, err)
	}
	return nil
}

// erasable says why nothing can be removed.
func (o *Office) erasable(r *room) error {
	if o.cfg.Erasures == nil {
		return errors.New("this office has no folder for what it erased")
	}
	return nil
}

// settleAge brings the ledger to the age that it had, by what is kept outside of
// it: no clock is asked. Call it before the store is served.
func (o *Office) settleAge(ctx context.Context, r *room) error {
	if r.PersonDays == 0 || o.erasable(r) != nil || o.cfg.Leased && r.term.Load() == 0 {
		return nil
	}
	kept, err := o.cfg.Erasures.Ageing(r.Name)
	if err != nil {
		return err
	}
	mark, err := o.cfg.Ledger.Marked(ctx, agedMark(r.Name))
	if err != nil {
		return err
	}
	if done := time.UnixMilli(int64(mark)).UTC(); mark > 0 && done.After(kept.Before) { // another machine's
		at, err := o.cfg.Ledger.Marked(ctx, agedAtMark(r.Name))
		if err != nil {
			return err
		}
		kept = kiosk.Ageing{Before: done, At: time.UnixMilli(int64(at)).UTC()}
	}
	if err := o.moveAge(r, kept); err != nil || kept.Before.IsZero() || mark >= uint64(kept.Before.UnixMilli()) {
		return err
	}
	r.erasing.one.Lock()
	defer r.erasing.one.Unlock()
	return o.removeOld(ctx, r, kept)
}

// moveAge keeps how far it goes, outside the ledger before anything else.
func (o *Office) moveAge(r *room, to kiosk.Ageing) error {
	r.erasing.mu.Lock()
	same := r.erasing.ageing.Ageing.Ageing == to
	r.erasing.mu.Unlock()
	if !same {
		if err := o.cfg.Erasures.SetAgeing(r.Name, to); err != nil {
			return err
		}
	}
	r.erasing.mu.Lock()
	defer r.erasing.mu.Unlock()
	r.erasing.ageing.Ageing.Ageing = to
	return nil
}

// age moves on as far as the clock allows, and removes what is older; again says
// that old parts may have come since it last did.
func (o *Office) age(ctx context.Context, r *room, again bool) error {
	if r.PersonDays == 0 || o.erasable(r) != nil || o.cfg.Leased && r.term.Load() == 0 {
		return nil
	}
	r.erasing.one.Lock()
	defer r.erasing.one.Unlock()
	now := kiosk.Moment{Wall: o.cfg.Now(), Clock: kiosk.Holdover}
	if o.cfg.Synced != nil && o.cfg.Synced() {
		now.Clock = kiosk.Synced
	}
	r.erasing.mu.Lock()
	x := &r.erasing.ageing
	was := x.Ageing.Ageing
	next, wait := was.Next(r.PersonDays, x.newest, now)
	if wait != "" && now.Clock == kiosk.Synced {
		wait += fmt.Sprintf(": if that is right, say so (baylight erase --aged-before %s)", now.Wall.AddDate(0, 0, -r.PersonDays).Format(time.DateOnly))
	}
	said := x.Wait
	x.Wait = wait
	r.erasing.mu.Unlock()
	if wait != "" && wait != said {
		o.alarm("person parts of " + r.Name + " that grew old are not removed: " + wait)
	}
	if next == was && !again || next.Before.IsZero() {
		return nil
	}
	if err := o.moveAge(r, next); err != nil {
		return err
	}
	return o.removeOld(ctx, r, next)
}

// removeOld removes what is older, in small steps, and notes that it is gone. The
// caller holds erasing.one.
func (o *Office) removeOld(ctx context.Context, r *room, to kiosk.Ageing) error {
	var open openSet
	if _, _, err := o.reopen(ctx, r, &open); err != nil {
		return err
	}
	redone := kiosk.Redone(maps.Values(open.visits))
	removed, held := 0, 0
	var positions []uint64
	remove := func() error {
		n, err := o.cfg.Ledger.Erase(ctx, r.Name, positions)
		removed, positions = removed+n, nil
		return err
	}
	for after := uint64(0); ; {
		parts, err := o.cfg.Ledger.PartsBefore(ctx, r.Name, to.Before, after, pageRows)
		if err != nil {
			return err
		}
		if len(parts) == 0 {
			break
		}
		after = parts[len(parts)-1].Position
		old, err := o.oldParts(ctx, r, parts, to, redone)
		if err != nil {
			return err
		}
		held += len(parts) - len(old)
		if positions = append(positions, old...); len(positions) >= eraseAtOnce {
			if err := remove(); err != nil {
				return err
			}
		}
	}
	if len(positions) > 0 {
		if err := remove(); err != nil {
			return err
		}
	}
	return o.aged(ctx, r, to, removed, held)
}

// oldParts are the positions of the parts that may go.
func (o *Office) oldParts(ctx context.Context, r *room, parts []PartAt, to kiosk.Ageing, redone map[string]bool) (out []uint64, err error) {
	var names []string
	for _, p := range parts {
		if p.Visit != "" {
			names = append(names, p.Visit)
		}
	}
	slices.Sort(names)
	events, err := eventsOf(ctx, o.cfg.Ledger, r.Name, slices.Compact(names))
	if err != nil {
		return nil, err
	}
	may := map[string]bool{"": true} // a part of no visit goes by its own age
	for id, es := range events {
		may[id] = to.Old(Fold(es, r.Calendar), redone)
	}
	for _, p := range parts {
		if may[p.Visit] {
			out = append(out, p.Position)
		}
	}
	return out, nil
}

// aged notes a run.
func (o *Office) aged(ctx context.Context, r *room, to kiosk.Ageing, removed, held int) error {
	r.erasing.mu.Lock()
	x := &r.erasing.ageing
	x.Held = held
	if removed > 0 {
		x.Parts = removed
	}
	r.erasing.mu.Unlock()
	if removed > 0 {
		o.log.Info("person parts removed by their age", "store", r.Name, "parts", removed, "held", held, "before", to.Before)
		if o.cfg.Aged != nil {
			if err := o.cfg.Aged(r.Name, to.Before, removed, held); err != nil {
				return err
			}
		}
	}
	err := o.cfg.Ledger.Mark(ctx, agedAtMark(r.Name), uint64(max(to.At.UnixMilli(), 0)))
	return cmp.Or(err, o.cfg.Ledger.Mark(ctx, agedMark(r.Name), uint64(max(to.Before.UnixMilli(), 0))))
}

// ageLate notes what a batch says of the time, and that it may have brought parts
// that are as old as those that are gone.
func (o *Office) ageLate(b Batch) {
	came := map[string]bool{}
	for i := range b.Entries {
		e := &b.Entries[i].Event
		r := o.rooms[b.Entries[i].Store]
		if r == nil || r.PersonDays == 0 {
			continue
		}
		came[e.ID()] = true
		x := &r.erasing
		x.mu.Lock()
		if e.Moment.Wall.Before(x.ageing.Before) { // with a part, or the end of its visit
			poke(x.ageing.due)
		}
		if e.Moment.Clock == kiosk.Synced && e.Source != kiosk.OfficeSource(r.Name) && e.Moment.Wall.After(x.ageing.newest) {
			x.ageing.newest = e.Moment.Wall
		}
		x.mu.Unlock()
	}
	for _, p := range b.Persons {
		r := o.rooms[p.Store]
		if r == nil || r.PersonDays == 0 {
			continue
		}
		if !came[kiosk.EventID(p.Epoch, p.Seq)] { // its event came before it, or comes after it
			poke(r.erasing.ageing.due)
		}
	}
}

// ages removes what grew old, from time to time, until ctx ends.
func (o *Office) ages(ctx context.Context, r *room) {
	for {
		select {
		case <-time.After(ageEvery):
		case <-ctx.Done():
			return
		}
		if err := o.Age(ctx, r.Name); err != nil && ctx.Err() == nil {
			o.alarm("person parts that grew old may still be there; it is tried again: " + err.Error())
		}
	}
}
