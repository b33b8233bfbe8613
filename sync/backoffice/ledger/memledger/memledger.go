package memledger

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/wire"
)

// Defects are faults a ledger could have, switched on to see whether a judge
// finds them.
type Defects struct {
	CountTwice  bool // what comes again is counted again
	IgnoreWas   bool // what was recorded again after a rollback counts beside the first
	Overwrite   bool // another event in a place that is taken replaces the first
	HideGaps    bool // receipts never name a gap
	TakesStrays bool // an event that follows another one than the one that is here is taken
	HidesTaken  bool // receipts do not tell what the chain does not prove
}

// Ledger is a backoffice.Ledger in memory.
type Ledger struct {
	Defects Defects

	id        string
	opened    uint64
	rows      []*row // position n is rows[n-1]
	epochs    map[place]*epoch
	order     []place // of epochs, by when they were first heard of
	lost      map[place][]wire.Gap
	visits    map[name]*visit
	changes   []name // of visits, in the order of their first event
	waiting   map[string][]*row
	copies    map[string][]*row // rows that record another again, by its id and hash
	again     map[string][]*row // what was recorded again, by store and first id
	conflicts map[conflictKey]string
	rejected  []backoffice.Reject
	marks     map[string]uint64
	mu        sync.Mutex
	kept      map[string]*kept // of a store; mu is held
	desk      desk
}

type (
	place       struct{ source, epoch string }
	name        struct{ store, visit string }
	conflictKey struct {
		at   place
		seq  uint64
		hash kiosk.Hash
	}
)

type visit struct {
	changed uint64
	rows    []*row
}

// row is an event, or what came in the place of one.
type row struct {
	n         uint64
	store     string
	bytes     []byte
	hash      kiosk.Hash
	event     kiosk.Event // zero data if malformed
	visit     string
	malformed bool
	repeated  bool
	when      time.Time
	uncertain bool
	at        time.Time
}

func (r *row) digest() string {
	if r.malformed {
		return ""
	}
	return r.event.Data.Common().PersonDigest
}

type epoch struct {
	store        string
	at           place
	rows         map[uint64]*row
	persons      map[uint64][]byte // nil bytes: erased
	max, through uint64
	hash         kiosk.Hash
	seams        map[uint64]bool // events that the next one here does not follow
	last         kiosk.Event     // the event at max
	redo         bool            // times have to be derived anew
}

// New makes an empty ledger.
func New(id string) *Ledger {
	return &Ledger{
		id: id, opened: 1, epochs: map[place]*epoch{}, lost: map[place][]wire.Gap{}, visits: map[name]*visit{},
		waiting: map[string][]*row{}, copies: map[string][]*row{}, again: map[string][]*row{}, conflicts: map[conflictKey]string{}, marks: map[string]uint64{},
		kept: map[string]*kept{}, desk: newDesk(),
	}
}

// Reopen counts one more opening.
func (l *Ledger) Reopen() { l.opened++ }

// Copy is the ledger as it stands, under an id of its own: a backup that is
// restored. With the same id it is the same ledger at an earlier time.
func (l *Ledger) Copy(id string) *Ledger {
	c := New(id)
	c.Defects, c.opened = l.Defects, l.opened+1
	moved := make(map[*row]*row, len(l.rows))
	list := func(rs []*row) []*row {
		out := make([]*row, len(rs))
		for i, r := range rs {
			if moved[r] == nil {
				n := *r
				moved[r] = &n
			}
			out[i] = moved[r]
		}
		return out
	}
	c.rows, c.order, c.changes = list(l.rows), slices.Clone(l.order), slices.Clone(l.changes)
	for at, ep := range l.epochs {
		n := *ep
		n.rows, n.persons, n.seams = make(map[uint64]*row, len(ep.rows)), maps.Clone(ep.persons), maps.Clone(ep.seams)
		for seq, r := range ep.rows {
			n.rows[seq] = moved[r]
		}
		c.epochs[at] = &n
	}
	for k, v := range l.visits {
		c.visits[k] = &visit{v.changed, list(v.rows)}
	}
	for k, rs := range l.waiting {
		c.waiting[k] = list(rs)
	}
	for k, rs := range l.copies {
		c.copies[k] = list(rs)
	}
	for k, rs := range l.again {
		c.again[k] = list(rs)
	}
	for k, gs := range l.lost {
		c.lost[k] = slices.Clone(gs)
	}
	maps.Copy(c.conflicts, l.conflicts)
	maps.Copy(c.marks, l.marks)
	l.mu.Lock()
	defer l.mu.Unlock()
	for store, k := range l.kept {
		c.kept[store] = k.clone()
	}
	c.rejected, c.desk = slices.Clone(l.rejected), l.desk.clone()
	return c
}

// ID is the ledger's id.
func (l *Ledger) ID() string { return l.id }

// Opened counts openings, from 1.
func (l *Ledger) Opened() uint64 { return l.opened }

// Position is the highest position.
func (l *Ledger) Position(context.Context) (uint64, error) { return uint64(len(l.rows)), nil }

// Epochs are what a receipt says about a source.
func (l *Ledger) Epochs(_ context.Context, source string) (out []wire.Epoch, err error) {
	for _, at := range l.order {
		if at.source != source {
			continue
		}
		ep := l.epochs[at]
		e := wire.Epoch{Epoch: at.epoch, Through: ep.through, Hash: ep.hash}
		if !l.Defects.HideGaps {
			e.Gaps = l.gaps(ep)
		}
		if !l.Defects.HidesTaken {
			e.Taken, e.TakenAfter = ep.taken()
		}
		out = append(out, e)
	}
	return out[max(0, len(out)-wire.MaxEpochs):], nil
}

// gaps are the sequences above the prefix that are missing, or lack their
// person part, and were not destroyed.
func (l *Ledger) gaps(ep *epoch) (out []wire.Gap) {
	for seq := ep.through + 1; seq <= ep.max; seq++ {
		r := ep.rows[seq]
		missing := r == nil && l.destroyed(ep.at, seq) == 0
		if r != nil && seq < ep.max {
			missing = !ep.whole(r, seq)
		}
		switch n := len(out); {
		case !missing:
		case n > 0 && out[n-1].Last == seq-1:
			out[n-1].Last = seq
		default:
			out = append(out, wire.Gap{First: seq, Last: seq})
		}
	}
	return out[:min(len(out), wire.MaxGaps)]
}

// taken are the places that the chain does not prove (see wire.Epoch).
func (ep *epoch) taken() (out []wire.Taken, after uint64) {
	for _, seq := range slices.Sorted(maps.Keys(ep.seams)) {
		if seq < ep.through {
			out = append(out, wire.Taken{Seq: seq, Hash: ep.hashOf(seq)})
		}
	}
	for seq := ep.through + 1; seq <= ep.max; seq++ {
		if r := ep.rows[seq]; r != nil {
			out = append(out, wire.Taken{Seq: seq, Hash: r.hash})
			break
		}
	}
	if n := len(out) - wire.MaxTaken; n > 0 {
		after, out = out[n-1].Seq, out[n:]
	}
	return out, after
}

// whole says whether an event is here with its person part.
func (ep *epoch) whole(r *row, seq uint64) bool {
	_, here := ep.persons[seq]
	return r.digest() == "" || here
}

// Sources are those heard of in a store.
func (l *Ledger) Sources(ctx context.Context, store string) (out []backoffice.Source, err error) {
	names := map[string]bool{}
	for _, ep := range l.epochs {
		if ep.store == store {
			names[ep.at.source] = true
		}
	}
	for _, r := range l.rejected {
		if r.Store == store && r.Source != "" {
			names[r.Source] = true
		}
	}
	for _, n := range slices.Sorted(maps.Keys(names)) {
		s := backoffice.Source{Source: n}
		s.Epochs, _ = l.Epochs(ctx, n)
		for k := range l.conflicts {
			if k.at.source == n {
				s.Conflicts++
			}
		}
		for _, r := range l.rejected {
			if r.Source == n {
				s.Rejected++
			}
		}
		for at, ranges := range l.lost {
			for _, g := range slices.Compact(slices.SortedFunc(slices.Values(ranges), func(a, b wire.Gap) int {
				return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(a.Last, b.Last))
			})) {
				if at.source == n {
					s.Destroyed += min(g.Last-g.First, 1_000_000_000_000) + 1
				}
			}
		}
		for _, r := range l.rows {
			if r.event.Source == n && r.at.After(s.Last) {
				s.Last = r.at
			}
		}
		out = append(out, s)
	}
	return out, nil
}

// Changed calls f with each visit that changed after a position.
func (l *Ledger) Changed(_ context.Context, store string, after uint64, f func(string, []kiosk.Event)) (uint64, error) {
	for _, k := range l.changes {
		if v := l.visits[k]; k.store == store && v.changed > after {
			var events []kiosk.Event
			for _, r := range v.rows {
				if !r.repeated {
					events = append(events, r.timed())
				}
			}
			f(k.visit, events)
		}
	}
	return uint64(len(l.rows)), nil
}

func (r *row) timed() kiosk.Event {
	e := r.event
	e.When, e.Uncertain = r.when, r.uncertain
	return e
}

// Until is Changed for all visits as they stood at a position.
func (l *Ledger) Until(_ context.Context, store string, at uint64, f func(string, []kiosk.Event)) error {
	visits := map[string][]kiosk.Event{}
	then := l.rows[:min(at, uint64(len(l.rows)))]
	for _, p := range l.order {
		var rows []*row
		for _, r := range then {
			if r.store == store && r.event.Source == p.source && r.event.Epoch == p.epoch {
				rows = append(rows, r)
			}
		}
		rows, events := corrected(rows, left(then, rows))
		for i, e := range events {
			if r := rows[i]; r.visit != "" && !r.repeated {
				visits[r.visit] = append(visits[r.visit], e)
			}
		}
	}
	for _, v := range slices.Sorted(maps.Keys(visits)) {
		f(v, visits[v])
	}
	return nil
}

// left says whether the source of rows, all those of one epoch, began another
// epoch after it.
func left(all, rows []*row) bool {
	if len(rows) == 0 {
		return false
	}
	first := slices.MinFunc(rows, func(a, b *row) int { return cmp.Compare(a.n, b.n) })
	begun := map[string]bool{first.event.Epoch: true}
	for _, r := range all {
		if e := r.event; e.Source == first.event.Source && !begun[e.Epoch] {
			if begun[e.Epoch] = true; r.n > first.n {
				return true
			}
		}
	}
	return false
}

// corrected sorts the rows of one epoch and derives the times of those that are
// events; left says whether the source went on in another. An epoch that is not
// one chain is mixed if another history stands right behind an event, or if it
// was left: else the gap is still to be filled.
func corrected(all []*row, left bool) (rows []*row, events []kiosk.Event) {
	slices.SortFunc(all, func(a, b *row) int { return cmp.Compare(a.event.Seq, b.event.Seq) })
	broken, mixed := []bool{}, false
	gap := false
	for i, r := range all {
		if i > 0 && all[i-1].hash != r.event.Prev {
			gap = true
			mixed = mixed || left || all[i-1].event.Seq+1 == r.event.Seq
		}
		if !r.malformed {
			rows, events, broken = append(rows, r), append(events, r.event), append(broken, gap)
			gap = false
		}
	}
	if mixed {
		kiosk.CorrectMixed(events, func(i int) bool { return !broken[i] })
	} else {
		kiosk.Correct(events)
	}
	return rows, events
}

// Visit lists the events of a visit.
func (l *Ledger) Visit(_ context.Context, store, id string) (out []backoffice.Row, err error) {
	if v := l.visits[name{store, id}]; v != nil && id != "" {
		for _, r := range v.rows {
			out = append(out, l.row(r))
		}
	}
	return out, nil
}

func (l *Ledger) row(r *row) backoffice.Row {
	out := backoffice.Row{Position: r.n, Bytes: r.bytes, When: r.when, Uncertain: r.uncertain, Counted: !r.repeated, Person: "none"}
	if r.digest() != "" {
		b, here := l.epochs[place{r.event.Source, r.event.Epoch}].persons[r.event.Seq]
		switch {
		case !here:
			out.Person = "missing"
		case b == nil:
			out.Person = "erased"
		default:
			out.Person = "present"
		}
	}
	return out
}

// Event finds an event of a store by its id.
func (l *Ledger) Event(_ context.Context, store, id string) (backoffice.Row, bool, error) {
	epoch, seq, err := kiosk.ParseEventID(id)
	if err != nil {
		return backoffice.Row{}, false, nil
	}
	if r := l.find(store, "", epoch, seq); r != nil {
		return l.row(r), true, nil
	}
	return backoffice.Row{}, false, nil
}

// find is the event of an epoch and sequence: of the source if it has it, else
// the first of the store.
func (l *Ledger) find(store, source, epoch string, seq uint64) (found *row) {
	for _, at := range l.order {
		if ep := l.epochs[at]; at.epoch == epoch && ep.store == store {
			if r := ep.rows[seq]; r != nil && !r.malformed && (found == nil || at.source == source) {
				found = r
			}
		}
	}
	return found
}

// Events lists events of a store after a position.
func (l *Ledger) Events(_ context.Context, store string, after uint64, limit int) (out []backoffice.Row, err error) {
	for _, r := range l.rows[min(after, uint64(len(l.rows))):] {
		if r.store == store && !r.malformed && len(out) < limit {
			out = append(out, l.row(r))
		}
	}
	return out, nil
}

// Rejected lists the latest of what could not be taken, newest first.
func (l *Ledger) Rejected(_ context.Context, store string, limit int) (out []backoffice.Reject, err error) {
	for _, r := range slices.Backward(l.rejected) {
		if r.Store == store && len(out) < limit {
			out = append(out, r)
		}
	}
	return out, nil
}

// Mark keeps a small number under a name.
func (l *Ledger) Mark(_ context.Context, name string, n uint64) error {
	l.marks[name] = n
	return nil
}

// Marked reads it.
func (l *Ledger) Marked(_ context.Context, name string) (uint64, error) { return l.marks[name], nil }
