package backoffice

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"baylight/kiosk"
	"baylight/sync/wire"
)

// Bounds on showing visits.
const (
	maxPatience = 50               // rounds that wait while a backlog comes in: 10 s
	backlogFrom = 100              // events of one store between two rounds; its boards make a few a second
	showShare   = 20               // a round that took long is followed by a pause that many times as long,
	longestShow = 10 * time.Second // but by no longer one
	maxFlying   = 32               // publications without acknowledgement
	maxFound    = 4 * wire.MaxOpenVisits
	seenEpochs  = 8   // of one source in the list: the newest
	maxReopened = 500 // visits folded at a time
)

// shown is what the broker holds of a store's visits in this session.
type shown struct {
	visits map[string]shownVisit
	list   []byte
	seen   []wire.Seen
	open   openSet
	stale  bool // visits changed since a round went well
	risks  map[string]wire.Risk
	risked time.Time // when they were estimated
}

// openSet are the open visits of a store, brought up to date as visits change.
type openSet struct {
	begun  bool
	next   Cursor
	visits map[string]*kiosk.Visit  // another pointer means that something changed
	events map[string][]kiosk.Event // of those that changed and were not shown yet
}

// shownVisit is one published visit.
type shownVisit struct {
	fold *kiosk.Visit // it was made of; the same pointer means nothing changed
	held bool         // an event of it waits for an earlier one, or for a person part
	risk *wire.Risk   // as it was told
}

// find notes a visit that stands retained on the broker, perhaps from an
// earlier run: if it is not open it has to go.
func (r *room) find(t wire.Topic, payload []byte) {
	if len(payload) == 0 || t.Kind != wire.KindVisits || t.Name == "" {
		return
	}
	r.mu.Lock()
	if len(r.found) < maxFound {
		r.found[t.Name] = true
	}
	r.mu.Unlock()
	poke(r.moved)
}

// showVisits keeps the retained visits of a store up to date until the
// connection fails or ctx ends. Everything is said again on a new connection.
func (o *Office) showVisits(ctx context.Context, r *room) {
	s := &shown{visits: map[string]shownVisit{}}
	poke(r.moved)
	risks, stop := o.riskTicks()
	defer stop()
	waited, came := 0, r.came.Load()
	for {
		select {
		case <-r.moved:
		case <-risks:
		case <-ctx.Done():
			return
		}
		pause := o.cfg.VisitsEvery
		before := came
		came = r.came.Load()
		if (o.Queued() > 0 || came-before > backlogFrom) && waited < maxPatience {
			waited++ // a backlog comes in: what is shown now is old in a moment
			poke(r.moved)
		} else {
			waited = 0
			began := time.Now()
			if err := o.show(ctx, r, s); errors.Is(err, errUnsent) {
				return // the next connection begins anew
			} else if err != nil && ctx.Err() == nil {
				o.alarm("open visits cannot be shown to the boards: " + err.Error())
				poke(r.moved)
			}
			pause = max(pause, min(showShare*time.Since(began), longestShow))
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
	}
}

// show publishes what changed: first the visits, then the list, then what ended.
// How far each source is contiguous is read before the visits, so that nothing
// is missing from a state that is said to be in it.
func (o *Office) show(ctx context.Context, r *room, s *shown) error {
	seen, changed, err := o.reopen(ctx, r, &s.open)
	if err != nil {
		return err
	}
	r.mu.Lock()
	found := r.found
	r.found = map[string]bool{}
	r.mu.Unlock()
	s.stale = s.stale || changed
	due := o.estimate(r, s)
	if !s.stale && !due && len(found) == 0 && s.list != nil && slices.Equal(seen, s.seen) {
		return nil
	}
	topics, err := wire.NewStore(r.Name)
	if err != nil {
		return err
	}
	open, leftOut := openVisits(s.open.visits)
	if err := o.showStates(ctx, r, s, topics, open, seen); err != nil {
		return err
	}
	if err := o.showList(ctx, r, s, topics, open, leftOut, seen); err != nil {
		return err
	}
	for id := range s.visits {
		found[id] = true
	}
	if err := o.hide(ctx, r, s, topics, open, found); err != nil {
		return err
	}
	s.seen, s.stale = seen, false
	return nil
}

// reopen brings the open visits up to date, and tells how far each source was
// contiguous before. The first time it begins with those that were open when the
// store was last folded, and reads what changed since.
func (o *Office) reopen(ctx context.Context, r *room, open *openSet) (seen []wire.Seen, changed bool, err error) {
	for first := true; ; first = false {
		if !open.begun {
			if err := o.beginOpen(ctx, r, open); err != nil {
				return nil, false, err
			}
		}
		m, err := o.movedSince(ctx, r.Name, open.next)
		if err != nil {
			return nil, false, err
		}
		if first {
			seen = m.Seen
		}
		for _, v := range m.Visits {
			open.put(r, v.Visit, v.Events)
			open.next, changed = v.Cursor, true
		}
		if len(m.Visits) < maxReopened {
			return seen, changed, nil
		}
	}
}

func (o *Office) beginOpen(ctx context.Context, r *room, open *openSet) error {
	is, err := o.cfg.Ledger.Folded(ctx, r.Name)
	if err != nil {
		return err
	}
	facts, err := o.cfg.Ledger.FactsOf(ctx, r.Name, KeyOpen)
	if err != nil {
		return err
	}
	names := make([]string, len(facts))
	for i, f := range facts {
		names[i] = f.Visit
	}
	events, err := eventsOf(ctx, o.cfg.Ledger, r.Name, names)
	if err != nil {
		return err
	}
	open.visits, open.events = map[string]*kiosk.Visit{}, map[string][]kiosk.Event{}
	for id, e := range events {
		open.put(r, id, e)
	}
	clear(open.events) // they were read before it was asked how far the sources are
	open.next, open.begun = is.Next, true
	return nil
}

// put folds a visit and keeps it if it is open.
func (open *openSet) put(r *room, id string, events []kiosk.Event) {
	delete(open.visits, id)
	delete(open.events, id)
	if v := Fold(slices.Clone(events), r.Calendar); v.ID != "" && v.Open() {
		open.visits[id], open.events[id] = v, events
	}
}

// openVisits are the open visits by id; of too many the latest.
func openVisits(all map[string]*kiosk.Visit) (open map[string]*kiosk.Visit, leftOut int) {
	latest := slices.SortedFunc(maps.Values(all), func(a, b *kiosk.Visit) int {
		return cmp.Or(b.Arrived.Compare(a.Arrived), cmp.Compare(b.ID, a.ID))
	})
	open = map[string]*kiosk.Visit{}
	for _, v := range latest {
		switch {
		case wire.CheckVisit(v.ID) != nil:
		case len(open) == wire.MaxOpenVisits:
			leftOut++
		default:
			open[v.ID] = v
		}
	}
	return open, leftOut
}

func (o *Office) showStates(ctx context.Context, r *room, s *shown, topics wire.Store, open map[string]*kiosk.Visit, seen []wire.Seen) error {
	var out []publication
	fresh := map[string]shownVisit{}
	for id, v := range open {
		risk := s.risk(id)
		if was, ok := s.visits[id]; ok && was.fold == v && !was.held && !riskMoved(was.risk, risk) {
			continue
		}
		events, err := o.openEvents(ctx, r, s, id)
		if err != nil {
			return err
		}
		state, held, err := o.stateOf(r, events, seen)
		if err != nil {
			return err
		}
		if state == nil {
			continue // all of it waits for something earlier; the next round asks again
		}
		state.Risk = risk
		b, err := state.Encode()
		if err != nil {
			o.alarm("a visit cannot be shown to the boards: " + err.Error())
		} else {
			topic, _ := topics.Visit(id) // openVisits checked the id
			out = append(out, publication{topic, b})
		}
		fresh[id] = shownVisit{fold: v, held: held, risk: risk}
	}
	if err := r.publishAll(ctx, out); err != nil {
		return err
	}
	maps.Copy(s.visits, fresh)
	clear(s.open.events)
	return nil
}

// openEvents are the counted events of an open visit; they are read unless they
// came with what moved.
func (o *Office) openEvents(ctx context.Context, r *room, s *shown, id string) ([]kiosk.Event, error) {
	if events, ok := s.open.events[id]; ok {
		return events, nil
	}
	events, err := eventsOf(ctx, o.cfg.Ledger, r.Name, []string{id})
	return events[id], err
}

// stateOf folds a visit from those of its events that seen covers. held says that
// others are there and wait; without any covered event the state is nil.
func (o *Office) stateOf(r *room, all []kiosk.Event, seen []wire.Seen) (state *wire.Visit, held bool, err error) {
	var events []kiosk.Event
	var parts []wire.Seen
	for _, e := range all {
		i := slices.IndexFunc(seen, func(s wire.Seen) bool { return s.Source == e.Source && s.Epoch == e.Epoch })
		if i < 0 || e.Seq > seen[i].Through {
			held = true
			continue
		}
		events = append(events, e)
		if !slices.Contains(parts, seen[i]) && len(parts) < wire.MaxVisitSeen {
			parts = append(parts, seen[i])
		}
	}
	v := Fold(events, r.Calendar)
	if v.ID == "" {
		return nil, held, nil
	}
	w := wire.NewVisit(v)
	w.Ledger, w.Seen = o.cfg.Ledger.ID(), parts
	if err := w.SetEvents(events); err != nil {
		return nil, false, err
	}
	return &w, held, nil
}

func (o *Office) showList(ctx context.Context, r *room, s *shown, topics wire.Store, open map[string]*kiosk.Visit, leftOut int, seen []wire.Seen) error {
	b, err := wire.Visits{Ledger: o.cfg.Ledger.ID(), Seen: seen, Visits: slices.Sorted(maps.Keys(open)), LeftOut: leftOut}.Encode()
	if err != nil {
		return err
	}
	if slices.Equal(b, s.list) {
		return nil
	}
	if err := r.publishAll(ctx, []publication{{topics.Visits(), b}}); err != nil {
		return err
	}
	s.list = b
	return nil
}

// hide takes visits off the broker that are not open.
func (o *Office) hide(ctx context.Context, r *room, s *shown, topics wire.Store, open map[string]*kiosk.Visit, there map[string]bool) error {
	var out []publication
	for id := range there {
		if open[id] == nil {
			if topic, err := topics.Visit(id); err == nil {
				out = append(out, publication{topic, nil})
			}
		}
	}
	if err := r.publishAll(ctx, out); err != nil {
		return err
	}
	maps.DeleteFunc(s.visits, func(id string, _ shownVisit) bool { return open[id] == nil })
	return nil
}

// publication is one retained message.
type publication struct {
	topic   string
	payload []byte
}

// publishAll sends retained messages, several at a time, and waits for the
// broker's acknowledgement of each.
func (r *room) publishAll(ctx context.Context, all []publication) error {
	slices.SortFunc(all, func(a, b publication) int { return cmp.Compare(a.topic, b.topic) })
	var work sync.WaitGroup
	var mu sync.Mutex
	var failed error
	flying := make(chan struct{}, maxFlying)
	for _, p := range all {
		flying <- struct{}{}
		mu.Lock()
		over := failed != nil
		mu.Unlock()
		if over {
			break
		}
		work.Go(func() {
			defer func() { <-flying }()
			if err := r.line.Publish(ctx, p.topic, true, p.payload); err != nil {
				mu.Lock()
				failed = fmt.Errorf("publish %s: %w: %w", p.topic, errUnsent, err)
				mu.Unlock()
			}
		})
	}
	work.Wait()
	return failed
}
