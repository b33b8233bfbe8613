package backoffice

import (
	"context"
	"fmt"
	"math"
	"slices"

	"baylight/kiosk"
	"baylight/sync/wire"
)

// Many is a Ledger that answers for many stores at once. Where every statement is
// a round trip, an office of many stores asks for all that wait together.
// ledgertest holds that it says what the Ledger says of each.
type Many interface {
	// EpochsOf is Epochs of each source.
	EpochsOf(ctx context.Context, sources []string) (map[string][]wire.Epoch, error)
	// MovedOf is what moved in each store since a cursor. Of a store it lists at
	// most limit visits.
	MovedOf(ctx context.Context, since []Since, limit int) (map[Since]Moved, error)
}

// Since is a store and a cursor in the order in which its visits change.
type Since struct {
	Store string
	After Cursor
}

// Moved is what a store says after a cursor.
type Moved struct {
	Seen   []wire.Seen // how far its sources are contiguous, read before the visits
	Visits []MovedVisit
}

// MovedVisit is a visit that changed, with its counted events as they are now.
type MovedVisit struct {
	Cursor
	Events []kiosk.Event
}

// epochs are what a receipt says about a source.
func (o *Office) epochs(ctx context.Context, source string) ([]wire.Epoch, error) {
	if o.epochsOf == nil {
		return o.cfg.Ledger.Epochs(ctx, source)
	}
	return o.epochsOf.of(ctx, source)
}

// movedSince is what a store says after a cursor, at most maxReopened visits.
func (o *Office) movedSince(ctx context.Context, store string, after Cursor) (Moved, error) {
	if o.movedOf == nil {
		return movedOne(ctx, o.cfg.Ledger, Since{store, after}, maxReopened)
	}
	return o.movedOf.of(ctx, Since{store, after})
}

// Singly is Many by asking a ledger for each: what Many has to say.
func Singly(l Ledger) Many { return singly{l} }

type singly struct{ l Ledger }

func (s singly) EpochsOf(ctx context.Context, sources []string) (out map[string][]wire.Epoch, err error) {
	out = map[string][]wire.Epoch{}
	for _, source := range sources {
		if out[source], err = s.l.Epochs(ctx, source); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s singly) MovedOf(ctx context.Context, since []Since, limit int) (out map[Since]Moved, err error) {
	out = map[Since]Moved{}
	for _, one := range since {
		if out[one], err = movedOne(ctx, s.l, one, limit); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func movedOne(ctx context.Context, l Ledger, since Since, limit int) (m Moved, err error) {
	sources, err := l.Sources(ctx, since.Store)
	if err != nil {
		return m, err
	}
	for _, src := range sources {
		m.Seen = AppendSeen(m.Seen, src.Source, src.Epochs)
	}
	stale, err := l.Stale(ctx, since.Store, since.After, limit)
	if err != nil || len(stale) == 0 {
		return m, err
	}
	names := make([]string, len(stale))
	for i, c := range stale {
		names[i] = c.Visit
	}
	events, err := eventsOf(ctx, l, since.Store, names)
	for _, c := range stale {
		m.Visits = append(m.Visits, MovedVisit{c, events[c.Visit]})
	}
	return m, err
}

// eventsOf are the counted events of visits as they are now.
func eventsOf(ctx context.Context, l Ledger, store string, visits []string) (map[string][]kiosk.Event, error) {
	out := map[string][]kiosk.Event{}
	err := l.VisitsAt(ctx, store, visits, math.MaxInt64, func(id string, events []kiosk.Event) error {
		out[id] = slices.Clone(events)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read visits: %w", err)
	}
	return out, nil
}

// AppendSeen adds how far the newest epochs of a source are contiguous, as far as
// a list of visits has room for it.
func AppendSeen(out []wire.Seen, source string, epochs []wire.Epoch) []wire.Seen {
	for _, e := range epochs[max(0, len(epochs)-seenEpochs):] {
		if len(out) < wire.MaxSeen {
			out = append(out, wire.Seen{Source: source, Epoch: e.Epoch, Through: e.Through})
		}
	}
	return out
}
