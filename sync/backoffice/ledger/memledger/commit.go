package memledger

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/wire"
)

// Commit takes a batch in.
func (l *Ledger) Commit(ctx context.Context, b backoffice.Batch) (out backoffice.Outcome, err error) {
	if err := ctx.Err(); err != nil {
		return out, err
	}
	c := &commit{Ledger: l, at: b.At.Truncate(time.Millisecond), out: &out, dirty: map[name]bool{}}
	for _, e := range b.Entries {
		c.entry(e)
	}
	for _, r := range b.Rejects {
		c.reject(r)
	}
	for _, p := range b.Persons {
		c.person(p)
	}
	for _, ep := range c.touched {
		c.settle(ep)
	}
	out.Position = uint64(len(l.rows))
	for k := range c.dirty {
		l.visits[k].changed = out.Position
	}
	return out, nil
}

type commit struct {
	*Ledger
	at      time.Time
	out     *backoffice.Outcome
	dirty   map[name]bool
	touched []*epoch
}

func (c *commit) problem(format string, args ...any) {
	c.out.Problems = append(c.out.Problems, fmt.Sprintf(format, args...))
}

// epoch finds an epoch, or begins one.
func (c *commit) epoch(store string, at place) *epoch {
	ep := c.epochs[at]
	if ep == nil {
		ep = &epoch{store: store, at: at, rows: map[uint64]*row{}, persons: map[uint64][]byte{}, seams: map[uint64]bool{}}
		c.epochs[at] = ep
		c.order = append(c.order, at)
	}
	for _, t := range c.touched {
		if t == ep {
			return ep
		}
	}
	c.touched = append(c.touched, ep)
	return ep
}

// taken says whether a place is taken, and deals with what comes to it again.
func (c *commit) taken(ep *epoch, seq uint64, hash kiosk.Hash) bool {
	there := ep.rows[seq]
	switch {
	case there == nil || c.Defects.CountTwice:
		return false
	case there.hash == hash:
		c.out.Duplicates++
		return true
	case c.Defects.Overwrite:
		there.repeated = true
		return false
	}
	c.evidence(ep, seq, hash, "in the place of")
	return true
}

// evidence keeps an event that cannot be the one of its place, uncounted.
func (c *commit) evidence(ep *epoch, seq uint64, hash kiosk.Hash, where string) {
	c.out.Conflicts++
	key := conflictKey{ep.at, seq, hash}
	if _, known := c.conflicts[key]; !known {
		c.conflicts[key] = ep.store
		c.problem("%s sent another event %s %s: kept as evidence, not counted", ep.at.source, where, kiosk.EventID(ep.at.epoch, seq))
	}
}

// strays says whether an event follows another one than is here, or evidence.
func (c *commit) strays(ep *epoch, e kiosk.Event) bool {
	if c.Defects.TakesStrays {
		return false
	}
	if before := ep.rows[e.Seq-1]; before != nil {
		return !before.malformed && before.hash != e.Prev
	}
	_, evidence := c.conflicts[conflictKey{ep.at, e.Seq - 1, e.Prev}]
	return evidence
}

func (c *commit) add(ep *epoch, seq uint64, r *row) {
	if ep.max == 0 {
		c.leave(ep.at.source)
	}
	r.n, r.at = uint64(len(c.rows)+1), c.at
	c.rows = append(c.rows, r)
	ep.rows[seq] = r
	ep.redo = ep.redo || seq < ep.max
	before, after := ep.max, uint64(0)
	if seq < ep.max {
		for before = seq - 1; before > 0 && ep.rows[before] == nil; before-- {
		}
		for after = seq + 1; ep.rows[after] == nil; after++ {
		}
	}
	ep.max = max(ep.max, seq)
	ep.seam(before, seq)
	ep.seam(seq, after)
}

// seam notes whether the next event here follows one.
func (ep *epoch) seam(seq, next uint64) {
	if next == 0 {
		return
	}
	if delete(ep.seams, seq); next != seq+1 || ep.rows[next].event.Prev != ep.hashOf(seq) {
		ep.seams[seq] = true
	}
}

// hashOf is what the event after seq has to say that it follows.
func (ep *epoch) hashOf(seq uint64) (h kiosk.Hash) {
	if r := ep.rows[seq]; r != nil {
		h = r.hash
	}
	return h
}

func (c *commit) entry(in backoffice.Entry) {
	e := in.Event
	at := place{e.Source, e.Epoch}
	ep, hash := c.epoch(in.Store, at), kiosk.HashOf(in.Bytes)
	if c.taken(ep, e.Seq, hash) {
		return
	}
	if c.strays(ep, e) {
		c.evidence(ep, e.Seq, hash, "after the one before")
		return
	}
	r := &row{store: in.Store, bytes: in.Bytes, hash: hash, event: e, visit: kiosk.FoldOf(e.Data)}
	r.repeated = c.repeated(e, hash)
	target := kiosk.Corrects(e.Data)
	if target != "" {
		r.visit = c.visitOf(r, target)
	}
	top := e.Seq > ep.max
	c.add(ep, e.Seq, r)
	c.out.Added++
	c.time(ep, r, top)
	if e.Was != "" {
		key := e.Was + "#" + e.WasHash + "#" + e.Source
		c.copies[key] = append(c.copies[key], r)
		c.again[in.Store+"#"+e.Was] = append(c.again[in.Store+"#"+e.Was], r)
	}
	if target != "" && r.visit == "" {
		c.waiting[in.Store+"#"+target] = append(c.waiting[in.Store+"#"+target], r)
	}
	c.join(r)
	if d := r.digest(); d != "" {
		if b, here := ep.persons[e.Seq]; here && b != nil && kiosk.DigestOf(b) != d {
			delete(ep.persons, e.Seq)
			c.strange(backoffice.PersonEntry{Store: in.Store, Source: e.Source, Epoch: e.Epoch, Seq: e.Seq, Bytes: b}, d)
		}
	}
	if lost, ok := e.Data.(*kiosk.JournalLost); ok {
		c.lose(in.Store, e.Source, lost)
	}
}

// join puts a row to its visit, and what corrects it.
func (c *commit) join(r *row) {
	if r.visit == "" {
		return
	}
	k := name{r.store, r.visit}
	v := c.visits[k]
	if v == nil {
		v = &visit{}
		c.visits[k] = v
		c.changes = append(c.changes, k)
	}
	v.rows = append(v.rows, r)
	c.dirty[k] = true
	c.claim(r.store, r.event.ID())
	if r.event.Was != "" {
		c.claim(r.store, r.event.Was)
	}
}

// visitOf is the visit of the event that a row corrects (see ledger).
func (c *commit) visitOf(r *row, id string) string {
	e := r.event
	epoch, seq, err := kiosk.ParseEventID(id)
	if err != nil {
		return ""
	}
	if hash := kiosk.Pinned(e.Data); hash != "" {
		return c.visitPinned(r.store, id, hash)
	}
	again := c.copyFor(r, id)
	neighbour := e.Was == "" && e.Epoch == epoch
	if again != nil && !neighbour {
		return again.visit
	}
	if t := c.find(r.store, e.Source, epoch, seq); t != nil {
		return t.visit
	}
	if again != nil {
		return again.visit
	}
	return ""
}

// visitPinned is the visit of the event with an id and a hash, be it here only as
// it was recorded again.
func (c *commit) visitPinned(store, id, hash string) (visit string) {
	epoch, seq, err := kiosk.ParseEventID(id)
	if err != nil {
		return ""
	}
	for at, ep := range c.epochs {
		if r := ep.rows[seq]; at.epoch == epoch && ep.store == store && r != nil && r.hash.String() == hash {
			return r.visit
		}
	}
	for _, r := range c.again[store+"#"+id] {
		if r.event.WasHash == hash && r.visit != "" {
			return r.visit
		}
	}
	return ""
}

// copyFor is what was recorded again of an id: in the epoch of a row, else where
// it has a visit, by the same source first.
func (c *commit) copyFor(r *row, id string) (found *row) {
	best := 0
	for _, o := range c.again[r.store+"#"+id] {
		near := 0
		switch same := o.event.Source == r.event.Source; {
		case same && o.event.Epoch == r.event.Epoch:
			near = 3
		case same && o.visit != "":
			near = 2
		case o.visit != "":
			near = 1
		}
		if near > best {
			found, best = o, near
		}
	}
	return found
}

// claim gives corrections that came before their event its visit.
func (c *commit) claim(store, id string) {
	key := store + "#" + id
	ws := c.waiting[key]
	delete(c.waiting, key)
	for _, w := range ws {
		if w.visit = c.visitOf(w, id); w.visit == "" { // it means another event of this id
			c.waiting[key] = append(c.waiting[key], w)
			continue
		}
		c.join(w)
	}
}

// repeated says whether an event is here already: under the name it had before
// a rollback, as another copy of that, or as a copy of itself.
func (c *commit) repeated(e kiosk.Event, hash kiosk.Hash) bool {
	if c.Defects.IgnoreWas {
		return false
	}
	if e.Was != "" {
		if epoch, seq, err := kiosk.ParseEventID(e.Was); err == nil {
			if ep := c.epochs[place{e.Source, epoch}]; ep != nil {
				if r := ep.rows[seq]; r != nil && r.hash.String() == e.WasHash {
					return true
				}
			}
		}
		if c.counted(e.Was+"#"+e.WasHash+"#"+e.Source) != nil {
			return true
		}
	}
	return c.counted(e.ID()+"#"+hash.String()+"#"+e.Source) != nil
}

// counted is the copy of an event that counts.
func (c *commit) counted(key string) *row {
	for _, r := range c.copies[key] {
		if !r.repeated {
			return r
		}
	}
	return nil
}

// lose closes a destroyed range.
func (c *commit) lose(store, source string, lost *kiosk.JournalLost) {
	if lost.From == 0 || lost.From > lost.To || lost.To > math.MaxInt64 || len(lost.Epoch) > 64 {
		c.problem("%s reports a destroyed range that is none: %d to %d", source, lost.From, lost.To)
		return
	}
	at := place{source, lost.Epoch}
	c.lost[at] = append(c.lost[at], wire.Gap{First: lost.From, Last: lost.To})
	c.problem("%s reports that events %d to %d of epoch %s were destroyed", source, lost.From, lost.To, lost.Epoch)
	if c.epochs[at] != nil {
		c.epoch(store, at)
	}
}

// destroyed is the end of a destroyed range that covers seq, 0 if none does.
func (l *Ledger) destroyed(at place, seq uint64) (end uint64) {
	for _, g := range l.lost[at] {
		if g.First <= seq && seq <= g.Last {
			end = max(end, g.Last)
		}
	}
	return end
}

func (c *commit) reject(r backoffice.Reject) {
	c.out.Rejected++
	if r.Seq > 0 {
		ep := c.epoch(r.Store, place{r.Source, r.Epoch})
		if hash := kiosk.HashOf(r.Payload); !c.taken(ep, r.Seq, hash) {
			c.add(ep, r.Seq, &row{store: r.Store, bytes: r.Payload, hash: hash, malformed: true, uncertain: true,
				event: kiosk.Event{Source: r.Source, Epoch: r.Epoch, Seq: r.Seq, Prev: backoffice.Prev(r.Payload), Data: &kiosk.Unknown{}}})
		}
	}
	r.At = c.at
	for i, old := range c.rejected {
		if old.Topic == r.Topic && string(old.Payload) == string(r.Payload) && old.Reason == r.Reason {
			c.rejected[i].At = c.at
			return
		}
	}
	c.rejected = append(c.rejected, r)
	c.problem("message on %q is kept aside: %s", r.Topic, r.Reason)
}

func (c *commit) person(p backoffice.PersonEntry) {
	at := place{p.Source, p.Epoch}
	if ep := c.epochs[at]; ep != nil {
		if r := ep.rows[p.Seq]; r != nil && (r.digest() == "" || p.Bytes != nil && kiosk.DigestOf(p.Bytes) != r.digest()) {
			c.strange(p, cmp.Or(r.digest(), "none"))
			return
		}
	}
	ep := c.epoch(p.Store, at)
	if _, here := ep.persons[p.Seq]; !here {
		ep.persons[p.Seq] = p.Bytes
	}
}

func (c *commit) strange(p backoffice.PersonEntry, want string) {
	c.reject(backoffice.Reject{Store: p.Store, Topic: p.Source + " person", Source: p.Source, Payload: []byte(kiosk.DigestOf(p.Bytes)),
		Reason: fmt.Sprintf("person part of %s does not match the digest in its event (%s)", kiosk.EventID(p.Epoch, p.Seq), want)})
}

// leave is called when a source begins an epoch: the times of those before it, if
// they are not one chain, are derived anew.
func (c *commit) leave(source string) {
	for at, ep := range c.epochs {
		if at.source == source && len(ep.seams) > 0 {
			c.epoch(ep.store, at).redo = true
		}
	}
}

// time gives a row that came at the end of its epoch its corrected time.
func (c *commit) time(ep *epoch, r *row, top bool) {
	e := r.event
	if !top || ep.redo || len(ep.seams) > 0 || kiosk.Follow(ep.last, &e) {
		ep.redo = true
		return
	}
	r.when, r.uncertain, ep.last = e.When, e.Uncertain, e
}

// settle brings times and prefix of an epoch up to date.
func (c *commit) settle(ep *epoch) {
	if ep.redo {
		ep.redo = false
		c.correct(ep)
	}
	for {
		next := ep.through + 1
		end := next
		for r := ep.rows[end]; r == nil; r = ep.rows[end] {
			lost := c.destroyed(ep.at, end)
			if lost == 0 {
				return
			}
			end = lost + 1
		}
		r := ep.rows[end]
		if !ep.whole(r, end) {
			return
		}
		ep.through, ep.hash = end, r.hash
	}
}

func (c *commit) correct(ep *epoch) {
	all := slices.Collect(maps.Values(ep.rows))
	rows, events := corrected(all, len(ep.seams) > 0 && left(c.rows, all))
	for i, e := range events {
		r := rows[i]
		if !r.when.Equal(e.When) || r.uncertain != e.Uncertain {
			r.when, r.uncertain = e.When, e.Uncertain
			if r.visit != "" {
				c.dirty[name{r.store, r.visit}] = true
			}
		}
		ep.last = e
	}
}
