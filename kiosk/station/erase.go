package station

import (
	"context"
	"errors"

	"baylight/kiosk"
	"baylight/kiosk/floor"
)

// Erase makes the state what it is without the person parts that are covered.
// They must be erased in the journal and its snapshots before, or a rebuilding
// brings them back. When it returns, View and the pages do not show them. Errors:
// ErrStopped, the cause of ctx.
func (s *Station) Erase(ctx context.Context, covers floor.Covers) error {
	return s.View(ctx, func(st *floor.State, _ kiosk.Moment) {
		st.Erase(covers)
		s.changed()
	})
}

// alone does one piece of the keeper's work while nobody erases.
func (k *Keeper) alone(ctx context.Context, work func(context.Context) error) error {
	k.work.Lock()
	defer k.work.Unlock()
	return work(ctx)
}

// Erase removes the person parts that are covered from the snapshots. They must
// be erased in the journal before; what the keeper makes from then on is without
// them. It waits for what the keeper is at. A latest snapshot that cannot be
// written goes: it is made anew. It may be called before Run and beside it.
func (k *Keeper) Erase(covers floor.Covers) error {
	k.work.Lock()
	defer k.work.Unlock()
	var errs []error
	for _, name := range []string{latest, base} {
		epoch, seq, b, ok := k.cfg.Journal.Snapshot(name)
		if !ok { // there is none, or none that anybody will ever use
			errs = append(errs, k.cfg.Journal.DropSnapshot(name))
			continue
		}
		b, changed, err := floor.EraseSnapshot(b, covers)
		if err == nil && changed {
			err = k.cfg.Journal.SetSnapshot(name, epoch, seq, b)
		} else if err != nil {
			err = k.cfg.Journal.DropSnapshot(name)
		}
		if err != nil && name == latest {
			err = k.cfg.Journal.DropSnapshot(name)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
