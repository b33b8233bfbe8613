package sim

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"baylight/kiosk"
	"baylight/sync/uplink"
)

// disk is a board's journal as kiosk/journal keeps it (a test holds the one
// against the other): events by epoch, receipts, destroyed ranges not yet named.
// Every change is one commit, whole or not at all, and durable when it returns.
type disk struct {
	w        *world
	source   string
	epochs   []*era
	receipts []receipt
	lost     []lostRange
	damaged  []lostRange                                      // all that ever were
	others   []string                                         // epochs of this board that were never of this card
	spoil    func(failed, unsure Fault) (before, after error) // the faults of one commit; nil: none
}

// era is one epoch. Its rows are in order; a destroyed range leaves a hole.
type era struct {
	name  string
	rows  []row
	apart bool              // no copy of the card made before it began appends to it
	ended bool              // and what is known of it since:
	count uint64            // the last event that the next does not record again,
	had   map[string]uint64 // how far each ledger had it,
	again map[string]uint64 // and of earlier ones that it records again, the last that it does not
}

type row struct {
	uplink.Row
	hash  kiosk.Hash
	event kiosk.Event // as decoded from Bytes
}

type receipt struct {
	ledger, epoch string
	term, through uint64
}

type lostRange struct {
	epoch    string
	from, to uint64
}

var (
	errDisk = errors.New("the disk failed")
	errHere = errors.New("it is here") // of no use to whoever gets it: the commit persisted
)

func newDisk(w *world, source string) *disk {
	return &disk{w: w, source: source, epochs: []*era{{name: w.name()}}}
}

// copy is the card as it stands.
func (d *disk) copy() *disk {
	c := &disk{w: d.w, source: d.source, receipts: slices.Clone(d.receipts), lost: slices.Clone(d.lost), damaged: slices.Clone(d.damaged), others: slices.Clone(d.others)}
	for _, e := range d.epochs {
		n := *e
		n.rows, n.had, n.again = slices.Clip(slices.Clone(e.rows)), maps.Clone(e.had), maps.Clone(e.again)
		c.epochs = append(c.epochs, &n)
	}
	return c
}

func (d *disk) current() *era { return d.epochs[len(d.epochs)-1] }

// commit does one change, between the faults of it.
func (d *disk) commit(failed, unsure Fault, do func()) error {
	var before, after error
	if d.spoil != nil {
		before, after = d.spoil(failed, unsure)
	}
	if before != nil {
		return before
	}
	do()
	return after
}

// Append makes events durable, sets their Prev and makes their bytes.
func (d *disk) Append(events []kiosk.Event) error {
	e := d.current()
	rows, err := d.encode(events, e)
	if err != nil {
		return err
	}
	return d.commit(CommitFailed, CommitUnsure, func() { d.put(e, rows) })
}

func (d *disk) put(e *era, rows []row) {
	e.rows = append(e.rows, rows...)
	for _, r := range rows {
		if l, ok := r.event.Data.(*kiosk.JournalLost); ok {
			d.lost = slices.DeleteFunc(d.lost, func(x lostRange) bool { return x == lostRange{l.Epoch, l.From, l.To} })
		}
	}
	d.w.judge.onDisk(d, rows)
}

func (d *disk) encode(events []kiosk.Event, e *era) ([]row, error) {
	seq, prev := e.head()
	out := make([]row, len(events))
	for i := range events {
		ev := events[i]
		seq++
		if ev.Epoch != e.name || ev.Seq != seq {
			return nil, fmt.Errorf("event %s does not follow %d of epoch %s", ev.ID(), seq-1, e.name)
		}
		ev.Prev = prev
		d.pin(ev, out[:i])
		b, err := kiosk.Encode(ev)
		if err != nil {
			return nil, err
		}
		back, err := kiosk.Decode(b)
		if err != nil {
			return nil, err
		}
		prev = kiosk.HashOf(b)
		back.Person = ev.Person
		r := row{uplink.Row{Seq: seq, Type: string(ev.Type()), Bytes: b}, prev, back}
		if ev.Data.Common().PersonDigest != "" {
			r.Person = append([]byte{}, ev.Person...)
		}
		out[i] = r
	}
	return out, nil
}

// pin writes the hash of the event that a correction means into it, as the
// journal does.
func (d *disk) pin(e kiosk.Event, before []row) {
	id := kiosk.Corrects(e.Data)
	if id == "" || e.Was != "" || kiosk.Pinned(e.Data) != "" {
		return
	}
	for _, r := range before {
		if r.event.ID() == id {
			kiosk.Pin(e.Data, r.hash)
			return
		}
	}
	if epoch, seq, err := kiosk.ParseEventID(id); err == nil {
		if h, here := d.hashOf(epoch, seq); here {
			kiosk.Pin(e.Data, h)
		}
	}
}

func (e *era) head() (uint64, kiosk.Hash) {
	if n := len(e.rows); n > 0 {
		return e.rows[n-1].Seq, e.rows[n-1].hash
	}
	return 0, kiosk.Hash{}
}

// Replay gives every event, epoch by epoch.
func (d *disk) Replay(f func(kiosk.Event)) {
	for _, e := range d.epochs {
		for _, r := range e.rows {
			f(r.event)
		}
	}
}

// Supersede does what the board's wiring does with a rift.
func (d *disk) Supersede(_ context.Context, r uplink.Rift) error {
	if r.Kind == uplink.Unknown && d.current().apart {
		return d.commit(CommitFailed, CommitUnsure, func() { d.others = append(d.others, r.Others...) })
	}
	return d.begin(&era{name: d.w.name(), apart: true}, r.Again, r.After, r.Others...)
}

// begin ends the current epoch; what lies after a sequence is recorded again in
// the next.
func (d *disk) begin(next *era, parts []uplink.Part, after uint64, others ...string) error {
	old := d.current()
	head, _ := old.head()
	eras, _ := d.Eras()
	next.again = map[string]uint64{}
	var again []kiosk.Event
	for _, p := range parts {
		i := slices.IndexFunc(eras, func(e uplink.Era) bool { return e.Epoch == p.Epoch })
		if p.After < eras[i].Last {
			again, next.again[p.Epoch] = copies(again, d.era(p.Epoch), p.After, eras[i].Last, next), p.After
		}
	}
	rows, err := d.encode(d.sorted(copies(again, old, after, head, next)), next)
	if err != nil {
		return err
	}
	return d.commit(CommitFailed, CommitUnsure, func() {
		old.ended, old.count, old.had = true, min(after, head), map[string]uint64{}
		for _, r := range d.receipts {
			if r.epoch == old.name {
				old.had[r.ledger] = r.through
			}
		}
		d.epochs = append(d.epochs, next)
		d.others = append(d.others, others...)
		d.put(next, rows)
	})
}

// copies adds the events of an epoch between two sequences as another records them
// again.
func copies(again []kiosk.Event, old *era, after, to uint64, into *era) []kiosk.Event {
	for _, r := range old.rows {
		if r.Seq <= after || r.Seq > to {
			continue
		}
		e := r.event
		if e.Was == "" {
			e.Was, e.WasHash = e.ID(), r.hash.String()
		}
		if slices.ContainsFunc(again, func(o kiosk.Event) bool { return o.WasHash == e.WasHash }) {
			continue
		}
		e.Epoch = into.name
		again = append(again, e)
	}
	return again
}

// sorted puts copies in the order in which they were recorded first.
func (d *disk) sorted(again []kiosk.Event) []kiosk.Event {
	place := func(e kiosk.Event) (int, uint64) {
		epoch, seq, err := kiosk.ParseEventID(e.Was)
		if err != nil {
			panic(err)
		}
		return slices.IndexFunc(d.epochs, func(o *era) bool { return o.name == epoch }), seq
	}
	slices.SortStableFunc(again, func(a, b kiosk.Event) int {
		i, n := place(a)
		k, m := place(b)
		return cmp.Or(cmp.Compare(i, k), cmp.Compare(n, m))
	})
	for i := range again {
		again[i].Seq = uint64(i + 1)
	}
	return again
}

// damage destroys a range of the current epoch and salvages the rest, as the
// next start would.
func (d *disk) damage(from, to uint64) {
	e := d.current()
	kept := e.rows[:0:0]
	for _, r := range e.rows {
		if r.Seq < from || r.Seq > to {
			kept = append(kept, r)
		}
	}
	e.rows = kept
	d.lost, d.damaged = append(d.lost, lostRange{e.name, from, to}), append(d.damaged, lostRange{e.name, from, to})
	through := uint64(0)
	if n := len(d.receipts); n > 0 && d.receipts[n-1].epoch == e.name {
		through = d.receipts[n-1].through
	}
	if err := d.begin(&era{name: d.w.name()}, nil, through); err != nil {
		d.w.violated("a damaged journal cannot be salvaged: %v", err)
	}
	for _, l := range d.damaged {
		if !d.names(l) && !slices.Contains(d.lost, l) {
			d.lost = append(d.lost, l) // what told of it is destroyed as well
		}
	}
}

// names says whether an event names a destroyed range.
func (d *disk) names(l lostRange) bool {
	return slices.ContainsFunc(d.epochs, func(e *era) bool {
		return slices.ContainsFunc(e.rows, func(r row) bool {
			n, ok := r.event.Data.(*kiosk.JournalLost)
			return ok && lostRange{n.Epoch, n.From, n.To} == l
		})
	})
}

// What follows is uplink.Source.

// Epoch is the current epoch.
func (d *disk) Epoch() string { return d.current().name }

// Knows says whether an epoch is or was one of this journal's, or was disowned.
func (d *disk) Knows(epoch string) bool { return slices.Contains(d.others, epoch) || d.Owns(epoch) }

// Owns says whether an epoch is or was one of this journal's.
func (d *disk) Owns(epoch string) bool {
	return slices.ContainsFunc(d.epochs, func(e *era) bool { return e.name == epoch })
}

// Head is the last sequence.
func (d *disk) Head() uint64 {
	seq, _ := d.current().head()
	return seq
}

// Read returns rows after a sequence.
func (d *disk) Read(after uint64, limit int) (out []uplink.Row, err error) {
	return d.ReadOf(d.Epoch(), after, limit)
}

// ReadOf returns rows of any epoch.
func (d *disk) ReadOf(epoch string, after uint64, limit int) (out []uplink.Row, err error) {
	e := d.era(epoch)
	rows := e.rows
	for i := e.find(after + 1); i < len(rows) && len(out) < limit; i++ {
		out = append(out, rows[i].Row)
	}
	return out, nil
}

// find is the index of the first row with that sequence or a higher one.
func (e *era) find(seq uint64) int {
	i, _ := slices.BinarySearchFunc(e.rows, seq, func(r row, seq uint64) int { return int(r.Seq) - int(seq) })
	return i
}

// era is the epoch of a name, an empty one if there is none.
func (d *disk) era(name string) *era {
	for _, e := range d.epochs {
		if e.name == name {
			return e
		}
	}
	return &era{name: name}
}

// Eras are the epochs with events; of an ended one those count that the next does
// not record again, or did and lost.
func (d *disk) Eras() (out []uplink.Era, err error) {
	for i, e := range d.epochs {
		last, _ := e.head()
		era := uplink.Era{Epoch: e.name, Last: last}
		if e.ended {
			next := d.epochs[i+1].name
			if !d.harmed(next) {
				era.Last = min(last, e.count)
			}
			for _, o := range d.epochs {
				if after, ok := o.again[e.name]; ok && !d.harmed(o.name) {
					era.Last = min(era.Last, after)
				}
			}
			era.Had = maps.Clone(e.had)
		}
		out = append(out, era)
	}
	return out, nil
}

// harmed says whether some of an epoch was destroyed.
func (d *disk) harmed(epoch string) bool {
	return slices.ContainsFunc(d.damaged, func(l lostRange) bool { return l.epoch == epoch })
}

// Hash is the hash of an event.
func (d *disk) Hash(seq uint64) (kiosk.Hash, bool, error) {
	h, ok := d.hashOf(d.Epoch(), seq)
	return h, ok, nil
}

func (d *disk) hashOf(epoch string, seq uint64) (kiosk.Hash, bool) {
	e := d.era(epoch)
	if i := e.find(seq); i < len(e.rows) && e.rows[i].Seq == seq {
		return e.rows[i].hash, true
	}
	return kiosk.Hash{}, false
}

// Receipted is the mark as the board's wiring reads it from the journal.
func (d *disk) Receipted() (m uplink.Mark, err error) {
	n := len(d.receipts)
	if n == 0 {
		return m, nil
	}
	r := d.receipts[n-1]
	m = uplink.Mark{Epoch: d.Epoch(), Ledger: r.ledger, Term: r.term}
	if r.epoch == d.Epoch() {
		m.Through = r.through
	}
	for _, r := range d.receipts[:n-1] {
		m.Left = append(m.Left, r.ledger)
	}
	return m, nil
}

// SetReceipted keeps a mark.
func (d *disk) SetReceipted(m uplink.Mark) error {
	through := m.Through
	if m.Epoch != d.Epoch() {
		through = 0
	}
	if through > d.Head() {
		return fmt.Errorf("set receipt: %d is beyond the head, %d", through, d.Head())
	}
	return d.commit(MarkFailed, MarkUnsure, func() {
		r := receipt{m.Ledger, d.Epoch(), m.Term, through}
		i := slices.IndexFunc(d.receipts, func(x receipt) bool { return x.ledger == m.Ledger })
		if i >= 0 {
			d.receipts[i] = r
		} else {
			d.receipts = append(d.receipts, r)
		}
		d.w.judge.marked(d, m.Ledger, through)
	})
}

// Appended is not asked: the board looks after each append.
func (d *disk) Appended() <-chan struct{} { return nil }
