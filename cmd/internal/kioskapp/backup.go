package kioskapp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"baylight/cmd/internal/settings"
	"baylight/kiosk"
	"baylight/kiosk/floor"
	"baylight/kiosk/health"
	"baylight/kiosk/journal"
	"baylight/kiosk/station"
)

// journalPath is where a kiosk with these settings has its journal.
func journalPath(set *settings.Kiosk) string { return filepath.Join(set.Data, "journal.db") }

// journalOptions are those of a kiosk with these settings.
func journalOptions(set *settings.Kiosk, log *slog.Logger) journal.Options {
	return journal.Options{Source: kiosk.KioskSource(set.Store.Name, set.Name), Log: log}
}

// openJournal opens the journal. A damaged one is salvaged, and what was
// destroyed is recorded, so that the back office learns which events it will
// never get, before anything else is.
func (a *app) openJournal() (*journal.Journal, error) {
	o := journalOptions(a.set, a.log)
	o.Salvage = true
	j, err := journal.Open(journalPath(a.set), o)
	if err != nil {
		return nil, err
	}
	switch err := a.recordLost(j); {
	case errors.Is(err, journal.ErrFull):
		a.log.Error("what was destroyed is recorded at the next start", "error", err)
	case err != nil:
		return nil, errors.Join(fmt.Errorf("record what was destroyed: %w", err), j.Close())
	}
	a.lost = a.destroyed(j)
	a.tasks = append(a.tasks, journal.NewVerify(j, 0))
	return j, nil
}

// destroyed says of each range that a salvage could not save when it was recorded,
// by the events beside it. It is asked once: those may be pruned later.
func (a *app) destroyed(j *journal.Journal) (out []health.Lost) {
	r, _ := j.Salvaged()
	for _, l := range r.Lost {
		before, after, err := j.Beside(l)
		if err != nil {
			a.log.Error("when the destroyed events were recorded is not known", "epoch", l.Epoch, "from", l.From, "to", l.To, "error", err)
		}
		out = append(out, health.Lost{Count: l.To - l.From + 1, Before: beside(before), After: beside(after)})
	}
	return out
}

// beside is when an event was recorded, if there is one.
func beside(e kiosk.Event) health.Beside {
	if e.Data == nil {
		return health.Beside{}
	}
	return health.Beside{At: e.Moment.Wall, Unsure: e.Moment.Clock == kiosk.Unset}
}

// newKeeper makes the task that keeps the journal short to start from and drops
// what the back office has had for long.
func (a *app) newKeeper(cfg floor.Config) *station.Keeper {
	return station.NewKeeper(station.KeeperConfig{
		Floor: cfg, Journal: a.journal, Clock: a.o.Clock, Log: a.log,
		Refold: func(ctx context.Context) error { return a.station.Refold(ctx) },
		Prune: func(ctx context.Context, now time.Time, done uint64, needed []string, settle func(string, uint64) error) (uint64, error) {
			return a.journal.Prune(ctx, journal.Retention{Before: now.Add(-journal.Keep), Now: now, Done: done, Needed: needed, Settle: settle})
		},
	})
}

// journalAlarms say what people must know of the journal and its disk.
func (a *app) journalAlarms() (out []string) {
	if err := a.journal.Damage(); err != nil {
		out = append(out, err.Error())
	}
	if r, ok := a.journal.Salvaged(); ok {
		out = append(out, fmt.Sprintf("the journal was damaged: %d events were kept, %d ranges of events are lost, the damaged file is %s", r.Kept, len(r.Lost), r.SetAside))
	}
	if why := a.keeper.Alarm(); why != "" {
		out = append(out, why)
	}
	if a.journal.Low() {
		out = append(out, "the disk is full; nothing more can be recorded soon: make room")
	}
	return out
}

func (a *app) recordLost(j *journal.Journal) error {
	lost, err := j.Lost()
	if err != nil {
		return err
	}
	var events []kiosk.Event
	for i, l := range lost {
		a.log.Error("events were destroyed and will never arrive", "epoch", l.Epoch, "from", l.From, "to", l.To)
		events = append(events, kiosk.Event{Source: j.Source(), Epoch: j.Epoch(), Seq: j.Head() + uint64(i) + 1, Moment: a.o.Clock.Now(),
			Data: &kiosk.JournalLost{Epoch: l.Epoch, From: l.From, To: l.To}})
	}
	return j.Append(events)
}
