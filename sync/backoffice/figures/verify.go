package figures

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"baylight/sync/backoffice"
	"baylight/sync/backoffice/kpi"
)

// Difference is something kept that is not what a recomputation makes.
type Difference struct {
	Visit string // "" of a day
	Day   string // "" of a visit; both "": of everything that is kept
	What  string // in words: what is kept, and what is right
}

func (d Difference) String() string {
	switch {
	case d.Visit != "":
		return "visit " + d.Visit + ": " + d.What
	case d.Day == "":
		return d.What
	}
	return "day " + d.Day + ": " + d.What
}

// Report is what Verify found.
type Report struct {
	Store        string
	AsOf         uint64 // the position where it ended
	Visits, Days int    // compared
	Differences  []Difference
	More         int // differences beyond those listed
}

// maxDifferences bounds those that are named one by one.
const maxDifferences = 1000

func (r *Report) add(d Difference) {
	if len(r.Differences) == maxDifferences {
		r.More++
		return
	}
	r.Differences = append(r.Differences, d)
}

// Verify recomputes everything kept of a store from its events and names what is
// not the same. First it reads the events themselves through: of damaged ones
// nothing can be said, and the error holds a backoffice.DamageError. Then it folds
// what is stale, as every question does. It goes on in steps, so that ingest and
// questions are served in between.
func (f *Folder) Verify(ctx context.Context, store string) (*Report, error) {
	if err := f.whole(ctx, store); err != nil {
		return nil, fmt.Errorf("verify %s: %w", store, err)
	}
	return f.compared(ctx, store)
}

// whole fails if the ledger says that events are not what came.
func (f *Folder) whole(ctx context.Context, store string) error {
	l, ok := f.cfg.Ledger.(backoffice.Checker)
	if !ok { // it is in memory
		return nil
	}
	var damage backoffice.DamageError
	if err := l.Check(ctx, store, damage.Add); err != nil {
		return err
	}
	return damage.Err()
}

func (f *Folder) compared(ctx context.Context, store string) (*Report, error) {
	v := verify{Folder: f, Report: &Report{Store: store}, known: map[string]bool{}, days: map[string]bool{}}
	if err := v.allVisits(ctx); err != nil {
		return nil, fmt.Errorf("verify %s: %w", store, err)
	}
	if err := v.allDays(ctx); err != nil {
		return nil, fmt.Errorf("verify %s: %w", store, err)
	}
	if err := v.noneWait(ctx); err != nil {
		return nil, fmt.Errorf("verify %s: %w", store, err)
	}
	return v.Report, nil
}

// verify is a verification at work. What it remembers of a visit is its name.
type verify struct {
	*Folder
	*Report
	known map[string]bool // visits that the ledger has
	days  map[string]bool // on which any has a part
}

// allVisits compares what is kept of every visit that the ledger has.
func (v *verify) allVisits(ctx context.Context) error {
	var after backoffice.Cursor
	for done := false; !done; {
		if err := v.folded(ctx, v.Store, func(r *room, at uint64) error {
			v.AsOf = at
			stale, err := v.cfg.Ledger.Stale(ctx, v.Store, after, v.chunk)
			if err != nil {
				return err
			}
			if done = len(stale) < v.chunk; !done {
				after = stale[v.chunk-1]
			}
			return v.step(ctx, r, stale, at)
		}); err != nil {
			return err
		}
	}
	return nil
}

// step compares some visits at the position that what is kept is true for.
func (v *verify) step(ctx context.Context, r *room, stale []backoffice.Cursor, at uint64) error {
	var ids []string
	for _, c := range stale {
		v.known[c.Visit] = true
		if c.Changed <= at { // what changed since comes again
			ids = append(ids, c.Visit)
		}
	}
	rows, err := v.cfg.Ledger.Facts(ctx, v.Store, ids)
	if err != nil {
		return err
	}
	kept := map[string]backoffice.Fact{}
	for _, row := range rows {
		kept[row.Visit] = row
	}
	all, err := v.read(ctx, r, ids, at)
	if err != nil {
		return err
	}
	p, named := poolOf(r, v.cfg.Ledger), map[string]bool{}
	p.skip = true // it is named in its own turn
	for _, id := range ids {
		if all[id] == nil {
			all[id] = &fresh{made: made{Fact: backoffice.Fact{Visit: id}}}
		}
		p.put(id, all[id].stretches)
		named[id] = true
	}
	cuts, err := p.cuts(ctx, named)
	if err != nil {
		return err
	}
	if err := v.cut(ctx, r, all, cuts, at); err != nil {
		return err
	}
	var right []made
	for _, id := range ids {
		m := all[id].at(at, r.now)
		v.compare(kept[id], *m)
		right = append(right, *m)
	}
	v.Report.Visits += len(ids)
	return v.findable(ctx, right)
}

// compare names how what is kept of a visit differs from what is right.
func (v *verify) compare(kept backoffice.Fact, m made) {
	is := func(what string, args ...any) {
		v.add(Difference{Visit: m.Visit, What: fmt.Sprintf(what, args...)})
	}
	if m.fact == nil {
		if kept.Bytes != nil {
			is("a fact is kept, and nothing of the visit is left")
		}
		return
	}
	if kept.Bytes == nil {
		is("its fact is missing")
		return
	}
	if !slices.Equal(kept.Days, m.Days) || !slices.Equal(kept.Keys, m.Keys) || !kept.Due.Equal(m.Due) {
		is("it is kept under %v %v %s, right is %v %v %s", kept.Days, kept.Keys, when(kept.Due), m.Days, m.Keys, when(m.Due))
	}
	if bytes.Equal(kept.Bytes, m.Bytes) {
		return
	}
	n, err := readNote(kept.Visit, kept.Bytes)
	if err != nil {
		is("%v", err)
		return
	}
	if !bytes.Equal(n.stretches, m.note.stretches) {
		is("its work as recorded is kept as %x, right is %x", n.stretches, m.note.stretches)
	}
	if !bytes.Equal(n.cuts, m.note.cuts) {
		is("its overlaps are kept as %x, right is %x", n.cuts, m.note.cuts)
	}
	if !bytes.Equal(n.fact, m.note.fact) {
		fact, err := n.factOf(kept.Visit)
		is("its fact is kept as %+v (%v), right is %+v", fact, err, *m.fact)
	}
}

func when(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format(time.RFC3339)
}

// findable checks that visits are found under their days and keys.
func (v *verify) findable(ctx context.Context, all []made) error {
	days, keys := map[string]map[string]bool{}, map[string]map[string]bool{}
	for _, m := range all {
		for _, d := range m.Days {
			days[d], v.days[d] = map[string]bool{}, true
		}
		for _, k := range m.Keys {
			keys[k] = map[string]bool{}
		}
	}
	for d, found := range days {
		if err := v.cfg.Ledger.FactsOfDays(ctx, v.Store, d, d, func(f backoffice.Fact) error {
			found[f.Visit] = true
			return nil
		}); err != nil {
			return err
		}
	}
	for k, found := range keys {
		fs, err := v.cfg.Ledger.FactsOf(ctx, v.Store, k)
		if err != nil {
			return err
		}
		for _, f := range fs {
			found[f.Visit] = true
		}
	}
	for _, m := range all {
		for _, d := range m.Days {
			if !days[d][m.Visit] {
				v.add(Difference{Visit: m.Visit, What: "it is not found on " + d})
			}
		}
		for _, k := range m.Keys {
			if !keys[k][m.Visit] {
				v.add(Difference{Visit: m.Visit, What: "it is not found under " + k})
			}
		}
	}
	return nil
}

// noneWait names keys that were not written when folding ended. They are found
// all the same, but not by a program that does not know that they wait.
func (v *verify) noneWait(ctx context.Context) error {
	l, ok := v.cfg.Ledger.(interface {
		KeysWaiting(ctx context.Context, store string) (int, error)
	})
	if !ok {
		return nil
	}
	return v.folded(ctx, v.Store, func(*room, uint64) error {
		n, err := l.KeysWaiting(ctx, v.Store)
		if n > 0 {
			v.add(Difference{What: fmt.Sprintf("the keys of %d visits wait to be written: an older program does not find them by vehicle, order or ticket", n)})
		}
		return err
	})
}

// kinds of rows that days have.
func kinds() (out []string) {
	for _, by := range kpi.Groups() {
		out = append(out, string(by))
	}
	return append(out, kindWorked)
}

// allDays compares the rows of every day with those made of its facts, which were
// compared before, and looks for facts of visits that the ledger does not have.
func (v *verify) allDays(ctx context.Context) error {
	days := slices.Sorted(maps.Keys(v.days))
	for first := ""; first <= endOfDays; {
		some := days[:min(len(days), rangeMost)]
		days = days[len(some):]
		end := endOfDays // of this range, not included
		if len(days) > 0 {
			end = days[0]
		}
		if err := v.folded(ctx, v.Store, func(r *room, at uint64) error { return v.someDays(ctx, r, first, end, some, at) }); err != nil {
			return err
		}
		if first = end; end == endOfDays {
			return nil
		}
	}
	return nil
}

// endOfDays comes after every day.
const endOfDays = "~"

// someDays compares some days, and rows kept for others in their range.
func (v *verify) someDays(ctx context.Context, r *room, first, end string, days []string, at uint64) error {
	type place struct{ day, kind, key string }
	kept := map[place][]byte{}
	for _, k := range kinds() {
		rows, err := v.cfg.Ledger.DayRows(ctx, v.Store, k, first, end)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if row.Day < end {
				kept[place{row.Day, k, row.Key}] = row.Bytes
			}
		}
	}
	v.Report.Days += len(days)
	for _, d := range days {
		var facts []*kpi.Fact
		if err := v.cfg.Ledger.FactsOfDays(ctx, v.Store, d, d, func(row backoffice.Fact) error {
			if !v.known[row.Visit] && row.At <= v.AsOf {
				v.add(Difference{Visit: row.Visit, What: "a fact is kept, and the ledger has no such visit"})
				v.known[row.Visit] = true // named once
			}
			n, err := readNote(row.Visit, row.Bytes)
			if err != nil {
				return nil // named before
			}
			if fact, err := n.factOf(row.Visit); err == nil && slices.Contains(row.Days, d) {
				facts = append(facts, &fact)
			}
			return nil
		}); err != nil {
			return err
		}
		rows, err := r.tally(d, facts, r.now)
		if err != nil {
			return err
		}
		for _, row := range rows {
			at := place{d, row.Kind, row.Key}
			if was, there := kept[at]; !there {
				v.add(Difference{Day: d, What: fmt.Sprintf("its row for %s %q is missing", row.Kind, row.Key)})
			} else if !bytes.Equal(was, row.Bytes) {
				v.add(Difference{Day: d, What: fmt.Sprintf("its row for %s %q is not what its visits add up to", row.Kind, row.Key)})
			}
			delete(kept, at)
		}
	}
	for p := range kept {
		v.add(Difference{Day: p.day, What: fmt.Sprintf("a row for %s %q is kept, and nothing is behind it", p.kind, p.key)})
	}
	return nil
}

// Repair drops what is kept of a store if a verification found differences, folds
// it anew, and verifies that. From damaged events it repairs nothing, as Verify
// compares nothing with them: what is kept may be the last that is right.
func (f *Folder) Repair(ctx context.Context, store string) (*Report, error) {
	if err := f.whole(ctx, store); err != nil {
		return nil, fmt.Errorf("repair %s: %w", store, err)
	}
	if err := f.Rebuild(ctx, store); err != nil {
		return nil, err
	}
	return f.compared(ctx, store)
}
