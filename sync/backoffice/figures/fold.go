package figures

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/kpi"
)

// fold folds what is stale; r.mu is held. What it kept of a fold that fails stays.
func (f *Folder) fold(ctx context.Context, r *room) error {
	r.whole = false
	var next *ahead
	for {
		done, err := false, error(nil)
		done, next, err = f.foldOne(ctx, r, next)
		switch {
		case errors.Is(err, backoffice.ErrFolded): // another process did: go on from there
		case err != nil:
			return fmt.Errorf("fold %s: %w", r.Name, err)
		case done:
			return nil
		}
	}
}

// ahead is some stale visits with their events, read while those before them are
// kept.
type ahead struct {
	after backoffice.Cursor
	at    uint64 // the position they are read at, no later than the list
	stale []backoffice.Cursor
	fresh map[string]recorded
	err   error
}

func (f *Folder) lookAhead(ctx context.Context, r *room, after backoffice.Cursor) *ahead {
	a := &ahead{after: after}
	if a.at, a.err = f.cfg.Ledger.Position(ctx); a.err != nil {
		return a
	}
	if a.stale, a.err = f.cfg.Ledger.Stale(ctx, r.Name, after, f.chunk); a.err != nil {
		return a
	}
	ids := make([]string, len(a.stale))
	for i, c := range a.stale {
		ids[i] = c.Visit
	}
	a.fresh, a.err = f.record(ctx, r, ids, a.at)
	return a
}

// foldOne makes one step. The last one sees every visit that is stale at a
// position, so that what is kept is true for it.
func (f *Folder) foldOne(ctx context.Context, r *room, a *ahead) (done bool, then *ahead, err error) {
	l := f.cfg.Ledger
	is, err := l.Folded(ctx, r.Name)
	if err != nil {
		return false, nil, err
	}
	if is.Round > 0 && is.Mark != r.mark {
		return false, nil, l.DropRollups(ctx, r.Name)
	}
	if a == nil || a.after != is.Next {
		a = f.lookAhead(ctx, r, is.Next)
	}
	if a.err != nil {
		return false, nil, a.err
	}
	at, now, last := a.at, f.now(), len(a.stale) < f.chunk
	next := backoffice.Progress{Round: is.Round + 1, Next: backoffice.Cursor{Changed: at + 1}, Through: at, Mark: r.mark}
	if !last {
		next.Through = 0
		if c := a.stale[f.chunk-1]; c.Changed <= at {
			next.Next = c
		}
		coming := make(chan *ahead, 1)
		go func() { coming <- f.lookAhead(ctx, r, next.Next) }()
		defer func() { then = <-coming }()
	}
	var due []backoffice.Fact
	if last {
		if due, err = l.FactsDue(ctx, r.Name, now, dueMost); err != nil {
			return false, nil, err
		}
		last = len(due) < dueMost
	}
	if len(a.stale) == 0 && len(due) == 0 && is.Round > 0 && is.Through > 0 {
		next = is // nothing to keep
	} else {
		k, err := f.step(ctx, r, a, due, now)
		if err != nil {
			return false, nil, err
		}
		k.Was, k.Is = is, next
		if err := l.Keep(ctx, r.Name, k); err != nil || !last {
			return false, nil, err
		}
	}
	r.at, r.round, r.whole, r.now = at, next.Round, true, now
	r.next, err = f.nextDue(ctx, r)
	return true, nil, err
}

// nextDue is when the earliest fact is due, zero if none is.
func (f *Folder) nextDue(ctx context.Context, r *room) (time.Time, error) {
	fs, err := f.cfg.Ledger.FactsDue(ctx, r.Name, time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), 1)
	if err != nil || len(fs) == 0 {
		return time.Time{}, err
	}
	return fs[0].Due, nil
}

// recorded is a visit read from its events.
type recorded struct {
	events []kiosk.Event
	backoffice.Recorded
}

// record reads visits as they stood at a position; some at a time, as many at
// once as there are processors.
func (f *Folder) record(ctx context.Context, r *room, visits []string, at uint64) (map[string]recorded, error) {
	out := make(map[string]recorded, len(visits))
	var mu sync.Mutex
	var work sync.WaitGroup
	errs := make(chan error, len(visits)/minShare+1)
	share := max(minShare, (len(visits)+runtime.GOMAXPROCS(0)-1)/runtime.GOMAXPROCS(0))
	for part := range slices.Chunk(visits, share) {
		work.Go(func() {
			errs <- f.cfg.Ledger.VisitsAt(ctx, r.Name, part, at, func(v string, events []kiosk.Event) error {
				rec := recorded{events, backoffice.Record(events, r.Calendar)}
				mu.Lock()
				defer mu.Unlock()
				out[v] = rec
				return nil
			})
		})
	}
	work.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// minShare is how many visits are worth a goroutine.
const minShare = 32

// held is what is kept of a visit.
type held struct {
	backoffice.Fact
	note note
}

func hold(row backoffice.Fact) (h held, err error) {
	h.Fact = row
	h.note, err = readNote(row.Visit, row.Bytes)
	return h, err
}

func (f *Folder) kept(ctx context.Context, r *room, visits []string) (map[string]held, error) {
	rows, err := f.cfg.Ledger.Facts(ctx, r.Name, visits)
	if err != nil {
		return nil, err
	}
	out := make(map[string]held, len(rows))
	for _, row := range rows {
		if out[row.Visit], err = hold(row); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// made is a visit folded anew. Without a fact, nothing of it is left.
type made struct {
	backoffice.Fact
	fact *kpi.Fact
	note note
}

// visit folds a visit with what overlaps mean for it; nil if nothing of it is left.
func (r *room) visit(rec recorded, cuts []backoffice.Cut) *kiosk.Visit {
	v := rec.Visit
	if len(cuts) > 0 {
		v = backoffice.FoldCut(rec.events, cuts, r.Calendar)
	}
	if v == nil || v.ID == "" {
		return nil
	}
	return v
}

// make folds a visit with what overlaps mean for it; at is a position this is true for.
func (r *room) make(id string, rec recorded, cuts []backoffice.Cut, at uint64, now time.Time) made {
	v := r.visit(rec, cuts)
	if v == nil {
		return made{Fact: backoffice.Fact{Visit: id, At: at}}
	}
	fact := kpi.FactOf(v, r.Calendar)
	n := note{stretches: appendStretches(nil, rec.Stretches), cuts: appendCuts(nil, cuts), fact: fact.Append(nil)}
	return made{keep(n, &fact, rec.Stretches, at, r.Calendar, now), &fact, n}
}

// step folds some stale visits, and those whose overlaps they change, at a
// position, and makes the rows of the days that this touches.
func (f *Folder) step(ctx context.Context, r *room, a *ahead, due []backoffice.Fact, now time.Time) (k backoffice.Kept, err error) {
	all := map[string]made{}
	old, err := f.refold(ctx, r, a, now, all)
	if err != nil {
		return k, err
	}
	days := map[string]bool{} // that change
	touch := func(of ...string) {
		for _, d := range of {
			days[d] = true
		}
	}
	for id, m := range all {
		was, there := old[id]
		if m.fact == nil && !there {
			delete(all, id)
			continue
		}
		if !there || !bytes.Equal(was.note.fact, m.note.fact) || !was.Due.IsZero() && !was.Due.After(now) {
			touch(was.Days...)
			touch(m.Days...)
		}
	}
	for _, row := range due {
		if _, folded := all[row.Visit]; folded {
			continue
		}
		h, err := hold(row)
		if err != nil {
			return k, err
		}
		fact, err := h.note.factOf(row.Visit)
		if err != nil {
			return k, err
		}
		touch(row.Days...)
		row.Due = dueAfter(&fact, now)
		all[row.Visit] = made{row, &fact, h.note}
	}
	for _, id := range slices.Sorted(maps.Keys(all)) {
		k.Facts = append(k.Facts, all[id].Fact)
	}
	k.Days, err = f.rows(ctx, r, slices.Sorted(maps.Keys(days)), all, now)
	return k, err
}

// refold puts stale visits, and those whose overlaps change with them, into all,
// and returns what was kept of each before.
func (f *Folder) refold(ctx context.Context, r *room, a *ahead, now time.Time, all map[string]made) (map[string]held, error) {
	ids, fresh := make([]string, len(a.stale)), a.fresh
	since := make(map[string]uint64, len(ids))
	for i, c := range a.stale {
		ids[i], since[c.Visit] = c.Visit, min(c.Changed, a.at)
	}
	old, err := f.kept(ctx, r, ids)
	if err != nil {
		return nil, err
	}
	cuts, more, err := f.overlapsAfter(ctx, r, ids, old, fresh)
	if err != nil {
		return nil, err
	}
	others, err := f.record(ctx, r, slices.Sorted(maps.Keys(more)), a.at)
	if err != nil {
		return nil, err
	}
	for id, h := range more {
		if !bytes.Equal(h.note.stretches, appendStretches(nil, others[id].Stretches)) {
			continue // it is stale itself: its turn comes, and then that of those it overlaps with
		}
		old[id], since[id], fresh[id] = h, h.At, others[id]
	}
	for id, n := range since {
		all[id] = r.make(id, fresh[id], cuts[id], n, now)
	}
	return old, nil
}

// rangeMost bounds the days whose facts are in memory at once.
const rangeMost = 31

// rows makes the rows of some days, sorted, from the facts that are kept and
// those that were made.
func (f *Folder) rows(ctx context.Context, r *room, days []string, all map[string]made, now time.Time) (out []backoffice.DayRows, err error) {
	for len(days) > 0 {
		n := 1
		for n < len(days) && n < rangeMost && days[n] == after(days[n-1]) {
			n++
		}
		facts := make(map[string][]kpi.Fact, n)
		for _, d := range days[:n] {
			facts[d] = nil
		}
		put := func(on []string, fact kpi.Fact) {
			for _, d := range on {
				if fs, wanted := facts[d]; wanted {
					facts[d] = append(fs, fact)
				}
			}
		}
		for _, m := range all {
			if m.fact != nil {
				put(m.Days, *m.fact)
			}
		}
		if err := f.cfg.Ledger.FactsOfDays(ctx, r.Name, days[0], days[n-1], func(row backoffice.Fact) error {
			if _, anew := all[row.Visit]; anew {
				return nil
			}
			h, err := hold(row)
			if err != nil {
				return err
			}
			fact, err := h.note.factOf(row.Visit)
			put(row.Days, fact)
			return err
		}); err != nil {
			return nil, err
		}
		for _, d := range days[:n] {
			rows, err := r.tally(d, facts[d], now)
			if err != nil {
				return nil, err
			}
			out = append(out, backoffice.DayRows{Day: d, Rows: rows})
		}
		days = days[n:]
	}
	return out, nil
}

// tally makes the rows of a day from the facts that have a part in it.
func (r *room) tally(day string, facts []kpi.Fact, now time.Time) (rows []backoffice.DayRow, err error) {
	if len(facts) == 0 {
		return nil, nil
	}
	tallies, err := kpi.Tallies(facts, day, r.Calendar, now)
	if err != nil {
		return nil, err
	}
	for g, t := range tallies {
		rows = append(rows, backoffice.DayRow{Day: day, Kind: string(g.By), Key: g.Key, Bytes: t.Append(nil)})
	}
	for bay, at := range r.worked(day, facts) {
		rows = append(rows, backoffice.DayRow{Day: day, Kind: kindWorked, Key: bay, Bytes: binary.AppendVarint(nil, at.UnixMilli())})
	}
	slices.SortFunc(rows, func(a, b backoffice.DayRow) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Key, b.Key))
	})
	return rows, nil
}

// after is the day after a day, yyyy-mm-dd.
func after(day string) string {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return ""
	}
	return t.AddDate(0, 0, 1).Format(time.DateOnly)
}
