package backoffice

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"baylight/kiosk"
	"baylight/sync/wire"
)

// setups are what was in force in a store, newest first, up to an event of the
// office's own: another office may have recorded later ones.
type setups struct {
	mu   sync.Mutex
	upTo uint64 // its sequence
	list []inForce
}

// inForce is a setup from a position of the ledger on.
type inForce struct {
	position uint64
	id       string // of its event
	setup    wire.Setup
}

// setupMark names the mark that says which of the office's own events in a store
// is the last setup.changed, seenMark the one that says up to where they were
// looked through for one.
func setupMark(store, ledger string) string { return "setup/" + store + "/" + ledger }
func seenMark(store, ledger string) string  { return "setup-seen/" + store + "/" + ledger }

// Setup is the setup last recorded in a store; ok is false if none was.
func (o *Office) Setup(ctx context.Context, store string) (s wire.Setup, ok bool, err error) {
	list, err := o.setups(ctx, store)
	if err != nil || len(list) == 0 {
		return wire.Setup{}, false, err
	}
	return list[0].setup, true, nil
}

// KeepSetup records a setup as setup.changed, unless it is what was recorded
// last and no reason is given: why says what else a person changed, by who it was.
func (o *Office) KeepSetup(ctx context.Context, store string, s wire.Setup, by, why string) error {
	r, err := o.room(store)
	if err != nil {
		return fmt.Errorf("keep setup: %w", err)
	}
	r.keeping.Lock() // one after the other, or two would follow the same one
	defer r.keeping.Unlock()
	err = o.seekSetup(ctx, store)
	var list []inForce
	if err == nil {
		list, err = o.setups(ctx, store)
	}
	if err != nil {
		return fmt.Errorf("keep setup of %s: %w", store, err)
	}
	s.Previous = ""
	if len(list) > 0 {
		last := list[0].setup
		last.Previous = ""
		if why == "" && bytes.Equal(setupBytes(last), setupBytes(s)) {
			return nil
		}
		s.Previous = list[0].id
	}
	raw, err := s.Encode()
	if err != nil {
		return err
	}
	e, err := o.Record(ctx, store, &kiosk.SetupChanged{Setup: raw, Meta: kiosk.Meta{By: by, Reason: why}})
	if err != nil {
		return err
	}
	if err := o.cfg.Ledger.Mark(ctx, setupMark(store, o.cfg.Ledger.ID()), e.Seq); err != nil {
		return fmt.Errorf("keep setup of %s: %w", store, err)
	}
	return nil
}

// seekSetup marks a setup that was recorded and not marked: its office was ended
// in between. Each event of the office is looked at once.
func (o *Office) seekSetup(ctx context.Context, store string) error {
	ledger := o.cfg.Ledger.ID()
	last, err := o.cfg.Ledger.Marked(ctx, setupMark(store, ledger))
	if err != nil {
		return err
	}
	seen, err := o.cfg.Ledger.Marked(ctx, seenMark(store, ledger))
	if err != nil {
		return err
	}
	head, _, err := o.head(ctx, store)
	if err != nil || head <= max(last, seen) {
		return err
	}
	found := uint64(0)
	for seq := max(last, seen) + 1; seq <= head; seq++ {
		row, there, err := o.cfg.Ledger.Event(ctx, store, kiosk.EventID(ledger, seq))
		if err != nil {
			return err
		}
		if !there {
			continue
		}
		e, err := kiosk.Decode(row.Bytes)
		if err != nil {
			return err
		}
		if _, is := e.Data.(*kiosk.SetupChanged); is {
			found = seq
		}
	}
	if found > 0 {
		if err := o.cfg.Ledger.Mark(ctx, setupMark(store, ledger), found); err != nil {
			return err
		}
	}
	return o.cfg.Ledger.Mark(ctx, seenMark(store, ledger), head)
}

func setupBytes(s wire.Setup) []byte {
	b, _ := s.Encode() // what cannot be encoded is never equal to what was
	return b
}

// setups reads what was recorded, from the last one back.
func (o *Office) setups(ctx context.Context, store string) ([]inForce, error) {
	r, err := o.room(store)
	if err != nil {
		return nil, err
	}
	r.setups.mu.Lock()
	defer r.setups.mu.Unlock()
	last, err := o.cfg.Ledger.Marked(ctx, setupMark(store, o.cfg.Ledger.ID()))
	if err != nil {
		return nil, err
	}
	if last == r.setups.upTo {
		return r.setups.list, nil
	}
	var list []inForce
	for id, seq, seen := kiosk.EventID(o.cfg.Ledger.ID(), last), last, map[string]bool{}; seq > 0 && id != "" && !seen[id]; {
		seen[id] = true
		row, found, err := o.cfg.Ledger.Event(ctx, store, id)
		if err != nil {
			return nil, err
		}
		if !found {
			break
		}
		e, err := kiosk.Decode(row.Bytes)
		if err != nil {
			return nil, err
		}
		d, ok := e.Data.(*kiosk.SetupChanged)
		if !ok {
			break
		}
		var s wire.Setup
		if err := json.Unmarshal(d.Setup, &s); err != nil {
			return nil, fmt.Errorf("read setup of event %s: %w", id, err)
		}
		list = append(list, inForce{row.Position, id, s})
		id = s.Previous
	}
	r.setups.upTo, r.setups.list = last, list
	return list, nil
}

// SetupAt is the setup that was in force in a store at a position of the ledger;
// before the first that was recorded it is that one, and ok is false if none was.
func (o *Office) SetupAt(ctx context.Context, store string, position uint64) (s wire.Setup, ok bool, err error) {
	at, ok, err := o.inForceAt(ctx, store, position)
	return at.setup, ok, err
}

func (o *Office) inForceAt(ctx context.Context, store string, position uint64) (at inForce, ok bool, err error) {
	list, err := o.setups(ctx, store)
	if err != nil {
		return at, false, fmt.Errorf("find setup of %s: %w", store, err)
	}
	for _, s := range list {
		if at = s; s.position <= position {
			break
		}
	}
	return at, len(list) > 0, nil
}

// CalendarAt is the calendar that was in force in a store at a position of the
// ledger: a figure asked for again is reckoned with the hours of its time. Before
// the first setup that was recorded it is that one's; without any, the store's.
func (o *Office) CalendarAt(ctx context.Context, store string, position uint64) (kiosk.Calendar, error) {
	r, err := o.room(store)
	if err != nil {
		return kiosk.Calendar{}, err
	}
	at, ok, err := o.inForceAt(ctx, store, position)
	if err != nil {
		return kiosk.Calendar{}, err
	}
	if !ok {
		return r.Calendar, nil
	}
	var zone *time.Location
	if at.setup.Calendar.Zone == r.Calendar.Zone.String() {
		zone = r.Calendar.Zone
	}
	cal, err := at.setup.Calendar.Calendar(zone)
	if err != nil {
		return kiosk.Calendar{}, fmt.Errorf("read calendar of event %s: %w", at.id, err)
	}
	return cal, nil
}
