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
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/kpi"
)

// folding is what folds a store: its steps are made from what is read ahead, and
// kept behind.
type folding struct {
	*Folder
	room   *room
	ahead  *lookout
	behind *keeper
	is     *backoffice.Progress // with what is being kept; nil: the ledger is asked
}

// fold folds what is stale, from what was read ahead if that is where it goes on;
// r.mu is held. What it kept of a fold that fails stays. If it is to begin anew,
// what is kept is dropped, while the first steps are made.
func (f *Folder) fold(ctx context.Context, r *room, ahead *lookout, anew bool) (err error) {
	r.whole = false
	g := &folding{Folder: f, room: r, ahead: ahead, behind: &keeper{ledger: f.cfg.Ledger, store: r.Name}}
	defer func() { g.ahead.end() }()
	if anew {
		g.is, err = &backoffice.Progress{}, g.behind.drop(ctx)
	}
	for done := false; err == nil && !done; {
		if done, err = g.one(ctx); err != nil {
			if kept := g.behind.end(); kept != nil { // what failed first
				err = kept
			}
		}
		if errors.Is(err, backoffice.ErrFolded) { // another process did: go on from there
			g.is, err = nil, nil
		}
	}
	if err != nil {
		return fmt.Errorf("fold %s: %w", r.Name, err)
	}
	return nil
}

// one makes one step. The last one sees every visit that is stale at a position,
// so that what is kept is true for it: all others are durable before it is made.
func (g *folding) one(ctx context.Context) (done bool, err error) {
	r, l := g.room, g.cfg.Ledger
	if g.is == nil {
		is, err := l.Folded(ctx, r.Name)
		if err != nil {
			return false, err
		}
		if is.Round > 0 && is.Mark != r.mark {
			return false, l.DropRollups(ctx, r.Name)
		}
		g.is = &is
	}
	is := *g.is
	var a *ahead
	if a, g.ahead, err = g.next(ctx, r, g.ahead, is); err != nil {
		return false, err
	}
	if a.err != nil {
		return false, a.err
	}
	if a.last {
		return g.last(ctx, a, is)
	}
	k, err := g.step(ctx, r, g.behind, a, nil, g.now())
	if err != nil {
		return false, err
	}
	k.Was, k.Is = is, backoffice.Progress{Round: is.Round + 1, Next: a.next, Mark: r.mark}
	g.is = &k.Is
	return false, g.behind.keep(ctx, k)
}

// last makes the last step, with what is due; if that is much, there is one more.
func (g *folding) last(ctx context.Context, a *ahead, is backoffice.Progress) (done bool, err error) {
	r, l, now := g.room, g.cfg.Ledger, g.now()
	if err := g.behind.end(); err != nil {
		return false, err
	}
	due, err := l.FactsDue(ctx, r.Name, now, dueMost)
	if err != nil {
		return false, err
	}
	next := backoffice.Progress{Round: is.Round + 1, Next: a.next, Mark: r.mark, Through: a.at}
	if len(a.stale) == 0 && len(due) == 0 && is.Round > 0 && is.Through > 0 {
		next = is // nothing to keep
	} else {
		k, err := g.step(ctx, r, l, a, due, now)
		if err != nil {
			return false, err
		}
		k.Was, k.Is = is, next
		if err := l.Keep(ctx, r.Name, k); err != nil {
			return false, err
		}
		if g.is = nil; len(due) == dueMost {
			return false, nil
		}
	}
	r.at, r.round, r.whole, r.now = a.at, next.Round, true, now
	r.next, err = g.nextDue(ctx, r)
	return true, err
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

// record reads visits as they stood at a position.
func (f *Folder) record(ctx context.Context, r *room, visits []string, at uint64) (map[string]recorded, error) {
	return eachRecorded(ctx, f, r, visits, at, func(_ string, rec recorded) recorded {
		rec.events = slices.Clone(rec.events)
		return rec
	})
}

// fresh is a visit folded from its events, as if no other concerned it. Its
// events are not kept: of most visits they are not needed again.
type fresh struct {
	made
	stretches []backoffice.Stretch
}

// read folds visits as they stood at a position.
func (f *Folder) read(ctx context.Context, r *room, visits []string, at uint64) (map[string]*fresh, error) {
	return eachRecorded(ctx, f, r, visits, at, func(id string, rec recorded) *fresh {
		return &fresh{r.make(id, rec, nil), rec.Stretches}
	})
}

// eachRecorded reads visits as they stood at a position and keeps of each what
// is made of it, which may not be its list of events; some at a time, as many at once as there are processors.
func eachRecorded[T any](ctx context.Context, f *Folder, r *room, visits []string, at uint64, of func(visit string, rec recorded) T) (map[string]T, error) {
	out := make(map[string]T, len(visits))
	var mu sync.Mutex
	var work sync.WaitGroup
	errs := make(chan error, len(visits)/minShare+1)
	share := max(minShare, (len(visits)+runtime.GOMAXPROCS(0)-1)/runtime.GOMAXPROCS(0))
	for part := range slices.Chunk(visits, share) {
		work.Go(func() {
			errs <- f.cfg.Ledger.VisitsAt(ctx, r.Name, part, at, func(v string, events []kiosk.Event) error {
				made := of(v, recorded{events, backoffice.Record(events, r.Calendar)})
				mu.Lock()
				defer mu.Unlock()
				out[v] = made
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

func kept(ctx context.Context, r *room, from factReader, visits []string) (map[string]held, error) {
	rows, err := from.Facts(ctx, r.Name, visits)
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

// make folds a visit with what overlaps mean for it.
func (r *room) make(id string, rec recorded, cuts []backoffice.Cut) made {
	n := note{stretches: appendStretches(nil, rec.Stretches), cuts: appendCuts(nil, cuts)}
	v := r.visit(rec, cuts)
	if v == nil {
		return made{backoffice.Fact{Visit: id}, nil, n}
	}
	fact := kpi.FactOf(v, r.Calendar)
	n.fact = fact.Append(make([]byte, 0, 384)) // that of a usual visit
	m := made{keep(n, &fact, rec.Stretches, r.Calendar), &fact, n}
	m.Visit = id // the fact's own shares the memory of its events, and they of those beside them
	return m
}

// at makes m what is kept: true for a position, due by what time it is.
func (m *made) at(position uint64, now time.Time) *made {
	if m.At = position; m.fact != nil {
		m.Due = dueAfter(m.fact, now)
	}
	return m
}

// cut makes visits that were read with what overlaps mean for them. Those that
// are concerned are read again.
func (f *Folder) cut(ctx context.Context, r *room, all map[string]*fresh, cuts map[string][]backoffice.Cut, at uint64) error {
	var ids []string
	for id := range all {
		if len(cuts[id]) > 0 {
			ids = append(ids, id)
		}
	}
	recs, err := f.record(ctx, r, ids, at)
	for id, rec := range recs {
		all[id] = &fresh{r.make(id, rec, cuts[id]), rec.Stretches}
	}
	return err
}

// step folds some stale visits, and those whose overlaps they change, at a
// position, and makes the rows of the days that this touches.
func (f *Folder) step(ctx context.Context, r *room, from factReader, a *ahead, due []backoffice.Fact, now time.Time) (k backoffice.Kept, err error) {
	all := make(map[string]*made, len(a.stale))
	old, err := f.refold(ctx, r, from, a, now, all)
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
		all[row.Visit] = &made{row, &fact, h.note}
	}
	k.Facts = make([]backoffice.Fact, 0, len(all))
	made := map[string][]*kpi.Fact{} // by day, in the order of visits, which is about that of time
	for _, id := range slices.Sorted(maps.Keys(all)) {
		m := all[id]
		k.Facts = append(k.Facts, m.Fact)
		for _, d := range m.Days {
			if m.fact != nil {
				made[d] = append(made[d], m.fact)
			}
		}
	}
	k.Days, err = f.rows(ctx, r, from, slices.Sorted(maps.Keys(days)), all, made, now)
	return k, err
}

// refold puts stale visits, and those whose overlaps change with them, into all,
// and returns what was kept of each before.
func (f *Folder) refold(ctx context.Context, r *room, from factReader, a *ahead, now time.Time, all map[string]*made) (map[string]held, error) {
	ids := make([]string, len(a.stale))
	since := make(map[string]uint64, len(ids))
	for i, c := range a.stale {
		ids[i], since[c.Visit] = c.Visit, min(c.Changed, a.at)
		if a.fresh[c.Visit] == nil {
			a.fresh[c.Visit] = &fresh{made: made{Fact: backoffice.Fact{Visit: c.Visit}}}
		}
	}
	old, err := kept(ctx, r, from, ids)
	if err != nil {
		return nil, err
	}
	cuts, more, err := overlapsAfter(ctx, r, from, ids, old, a.fresh)
	if err != nil {
		return nil, err
	}
	others, err := f.read(ctx, r, slices.Sorted(maps.Keys(more)), a.at)
	if err != nil {
		return nil, err
	}
	for id, h := range more {
		o := others[id]
		if o == nil || !bytes.Equal(h.note.stretches, o.note.stretches) {
			continue // it is stale itself: its turn comes, and then that of those it overlaps with
		}
		old[id], since[id], a.fresh[id] = h, h.At, o
	}
	if err := f.cut(ctx, r, a.fresh, cuts, a.at); err != nil {
		return nil, err
	}
	for id, n := range since {
		all[id] = a.fresh[id].at(n, now)
	}
	return old, nil
}

// rangeMost bounds the days whose facts are in memory at once.
const rangeMost = 31

// rows makes the rows of some days, sorted, from the facts that are kept and
// those that were made.
func (f *Folder) rows(ctx context.Context, r *room, from factReader, days []string, all map[string]*made, made map[string][]*kpi.Fact, now time.Time) (out []backoffice.DayRows, err error) {
	for len(days) > 0 {
		n := 1
		for n < len(days) && n < rangeMost && days[n] == after(days[n-1]) {
			n++
		}
		facts := make(map[string][]*kpi.Fact, n)
		for _, d := range days[:n] {
			facts[d] = made[d]
		}
		if err := from.FactsOfDays(ctx, r.Name, days[0], days[n-1], func(row backoffice.Fact) error {
			if _, anew := all[row.Visit]; anew {
				return nil
			}
			h, err := hold(row)
			if err != nil {
				return err
			}
			fact, err := h.note.factOf(row.Visit)
			for _, d := range row.Days {
				if fs, wanted := facts[d]; wanted {
					facts[d] = append(fs, &fact)
				}
			}
			return err
		}); err != nil {
			return nil, err
		}
		rows, err := r.tallies(days[:n], facts, now)
		if err != nil {
			return nil, err
		}
		out, days = append(out, rows...), days[n:]
	}
	return out, nil
}

// tallies makes the rows of some days, as many at once as there are processors.
func (r *room) tallies(days []string, facts map[string][]*kpi.Fact, now time.Time) ([]backoffice.DayRows, error) {
	out, errs := make([]backoffice.DayRows, len(days)), make([]error, len(days))
	var work sync.WaitGroup
	var next atomic.Int64
	for range min(len(days), runtime.GOMAXPROCS(0)) {
		work.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(days); i = int(next.Add(1)) - 1 {
				out[i].Day = days[i]
				out[i].Rows, errs[i] = r.tally(days[i], facts[days[i]], now)
			}
		})
	}
	work.Wait()
	return out, errors.Join(errs...)
}

// usualTally is how many bytes a tally of a usual day has.
const usualTally = 1536

// tally makes the rows of a day from the facts that have a part in it.
func (r *room) tally(day string, facts []*kpi.Fact, now time.Time) (rows []backoffice.DayRow, err error) {
	if len(facts) == 0 {
		return nil, nil
	}
	tallies, err := kpi.TalliesOf(facts, day, r.Calendar, now)
	if err != nil {
		return nil, err
	}
	all := make([]byte, 0, usualTally*len(tallies))
	for g, t := range tallies { // a key shares the memory of many events
		from := len(all)
		all = t.Append(all)
		rows = append(rows, backoffice.DayRow{Day: day, Kind: string(g.By), Key: strings.Clone(g.Key), Bytes: all[from:len(all):len(all)]})
	}
	for bay, at := range r.worked(day, facts) {
		rows = append(rows, backoffice.DayRow{Day: day, Kind: kindWorked, Key: strings.Clone(bay), Bytes: binary.AppendVarint(nil, at.UnixMilli())})
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
