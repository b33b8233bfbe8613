package kioskapp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/floor"
	"baylight/kiosk/journal"
	"baylight/sync/uplink"
)

// Person parts at a board go with their events, some 90 days after these were
// receipted. privacy.person_days lets them go earlier, by the rule of the back
// office (kiosk.Ageing).

// ageWaits is an alarm: the clock is not believed.
const ageWaits uplink.Kind = "retention"

// agedFile is beside the erasures, and in no backup of the journal.
const agedFile = "aged.json"

// ageEvery is how often it is looked whether parts grew old. Real time.
const ageEvery = time.Hour

// recent is how many of the last events are asked what time it is.
const recent = 500

// ageing is how far it went.
type ageing struct {
	path   string
	newest time.Time // that an event was recorded at by a clock that was synchronised, before the start
	is     kiosk.Ageing
	begun  bool // it was looked through since the start
}

// openAgeing reads how far it went, and what the journal knows of the time.
func (x *erasures) openAgeing() error {
	g := &ageing{path: filepath.Join(filepath.Dir(x.path), agedFile)}
	x.ageing = g
	raw, err := os.ReadFile(g.path)
	if err == nil {
		if err := json.Unmarshal(raw, &g.is); err != nil {
			x.a.log.Warn("how far person parts were removed by their age is not readable, it begins anew", "error", err)
			g.is = kiosk.Ageing{}
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read how far person parts were removed by their age: %w", err)
	}
	j := x.a.journal
	return j.Replay(j.Head()-min(j.Head(), recent), func(e kiosk.Event) error {
		if e.Moment.Clock == kiosk.Synced && e.Moment.Wall.After(g.newest) {
			g.newest = e.Moment.Wall
		}
		return nil
	})
}

// age removes what grew old, as far as the clock can be believed.
func (x *erasures) age(ctx context.Context) error {
	days, g := x.a.set.Store.PersonDays, x.ageing
	if days == 0 {
		return nil
	}
	x.one.Lock()
	defer x.one.Unlock()
	now := x.a.o.Clock.Now()
	next, wait := g.is.Next(days, g.newest, now)
	if wait != "" {
		if now.Clock == kiosk.Synced {
			wait += "; what it recorded is believed after the next start"
		}
		x.a.notices.add(uplink.Alarm{Kind: ageWaits, Text: "person parts that grew old are not removed: " + wait})
	} else {
		x.a.notices.clear(ageWaits)
	}
	if next.Before.IsZero() || next == g.is && g.begun {
		return nil
	}
	if next != g.is {
		raw, err := json.Marshal(next)
		if err == nil {
			err = keepFile(g.path, raw)
		}
		if err != nil {
			return fmt.Errorf("keep how far person parts were removed by their age: %w", err)
		}
		g.is = next
	}
	n, err := x.removeOld(ctx, next)
	if err != nil {
		return fmt.Errorf("remove person parts by their age: %w", err)
	}
	if g.begun = true; n > 0 {
		x.a.log.Info("person parts removed by their age", "parts", n, "before", next.Before)
	}
	return nil
}

// removeOld removes what is older and receipted. The first time since the start it
// goes once more over visits of which the journal has nothing any more: whoever removed
// that may have been stopped before it was out of the snapshots and what was set aside.
func (x *erasures) removeOld(ctx context.Context, to kiosk.Ageing) (int, error) {
	old, gone, err := x.candidates(ctx, to)
	if err == nil && len(old) > 0 {
		err = x.keepYoung(ctx, to, old)
	}
	if x.ageing.begun {
		gone = nil
	}
	if err != nil || len(old)+len(gone) == 0 {
		return 0, err
	}
	positions, salts := []uint64{}, map[string]bool{}
	visits, loose := map[string]bool{}, map[string]bool{}
	cover := func(p journal.Personal) {
		if p.Visit == "" {
			loose[p.Event.ID()] = true
		} else {
			visits[p.Visit] = true
		}
	}
	for _, p := range gone {
		cover(p)
	}
	for _, p := range old {
		positions = append(positions, p.Pos)
		journal.Salts(salts, p.Person)
		cover(p)
	}
	slices.Sort(positions)
	covers := func(visit, id string) bool { return visits[visit] || visit == "" && loose[id] }
	return x.remove(ctx, positions, salts, covers, slices.Collect(maps.Keys(visits)), true)
}

// candidates are the parts that are old by themselves and that the office has, by
// position, and those that are gone. What an unset clock recorded goes with its
// event. Of an epoch that ended the office has everything once it has what this one
// began with recording again.
func (x *erasures) candidates(ctx context.Context, to kiosk.Ageing) (old map[uint64]journal.Personal, gone []journal.Personal, err error) {
	j := x.a.journal
	receipt, _, err := j.Receipt()
	if err != nil {
		return nil, nil, err
	}
	again := false
	err = j.Replay(receipt.Through, func(e kiosk.Event) error {
		again = e.Was != ""
		return errFirst
	})
	if err != nil && !errors.Is(err, errFirst) {
		return nil, nil, err
	}
	old = map[uint64]journal.Personal{}
	there := map[string]bool{} // visits that have a part
	err = j.Parts(ctx, func(p journal.Personal) error {
		e := &p.Event
		here := e.Epoch == j.Epoch() && e.Seq <= receipt.Through || e.Epoch != j.Epoch() && !again && receipt.Through > 0
		there[p.Visit] = there[p.Visit] || len(p.Person) > 0
		switch {
		case len(p.Person) == 0:
			gone = append(gone, p)
		case here && e.Moment.Clock != kiosk.Unset && e.Moment.Wall.Before(to.Before):
			old[p.Pos] = p
		}
		return ctx.Err()
	})
	return old, departed(gone, there), err
}

// departed are the parts that are gone, without those of visits that have another
// one: whoever was forgotten and came back in the same visit is known again.
func departed(gone []journal.Personal, there map[string]bool) []journal.Personal {
	return slices.DeleteFunc(gone, func(p journal.Personal) bool { return p.Visit != "" && there[p.Visit] })
}

// errFirst ends a replay after one event.
var errFirst = errors.New("one is enough")

// keepYoung takes out the parts of visits that are open, or ended later, or are
// being done again.
func (x *erasures) keepYoung(ctx context.Context, to kiosk.Ageing, old map[uint64]journal.Personal) error {
	last, err := x.a.journal.LatestOfVisits(ctx)
	if err != nil {
		return err
	}
	return x.a.station.View(ctx, func(st *floor.State, now kiosk.Moment) {
		redone := kiosk.Redone(slices.Values(st.Open(now)))
		maps.DeleteFunc(old, func(_ uint64, p journal.Personal) bool {
			if p.Visit == "" {
				return false
			}
			e := last[p.Visit]
			v, known := st.Visit(p.Visit)
			if known && !st.Stale(p.Visit, e) && !to.Old(v, redone) || redone[p.Visit] {
				return true
			}
			// What the state has forgotten ended, or has been silent for long.
			return e.Moment.Clock == kiosk.Unset || !e.Moment.Wall.Before(to.Before)
		})
	})
}
