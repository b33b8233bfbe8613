package sim

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/floor"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/ledger/memledger"
	"baylight/sync/uplink"
	"baylight/sync/wire"
)

// judge watches. It knows what reached a disk, when that truly was, what the
// office committed and what it said, and holds the invariants against that.
type judge struct {
	w         *world
	inputs    int
	persisted int
	events    map[kiosk.Hash]kiosk.Event // by the hash of their bytes
	records   map[key]*record            // everything that ever was on a disk
	acked     map[key]bool               // of what somebody was told that it is recorded
	gone      map[key]bool               // on no disk any more, through no fault of the program
	counts    map[key]string             // in the end: the epoch of the row that counts,
	held      map[span]bool              // and the boots that somebody vouched for in an epoch
	books     *books                     // of the present ledger
	backup    *books
	byLedger  map[string]*books
	told      map[string]time.Duration // when a source's last receipt was made
}

// key is what makes an event the same event: its first id, and its hash.
type key struct {
	id   string
	hash kiosk.Hash
}

// span is a boot, as far as it is recorded in one epoch.
type span struct{ epoch, boot string }

// record is an event as it first reached a disk.
type record struct {
	key    key
	event  kiosk.Event
	bytes  []byte
	at     time.Time // the true time
	n      int       // in the order of all
	target key       // of a correction: the event it means, on the card where it was made
}

// target finds the event on a card that a correction means by an id.
func target(d *disk, e kiosk.Event) (found key) {
	id := kiosk.Corrects(e.Data)
	if id == "" {
		return found
	}
	for _, era := range d.epochs {
		for _, r := range era.rows {
			if k := first(r.event, r.hash); k.id == id {
				found = k
			}
		}
	}
	return found
}

// first is the identity of a row: of what was recorded again, that of the first.
func first(e kiosk.Event, hash kiosk.Hash) key {
	if e.Was != "" {
		if h, err := kiosk.ParseHash(e.WasHash); err == nil {
			return key{e.Was, h}
		}
	}
	return key{e.ID(), hash}
}

func newJudge(w *world) *judge {
	j := &judge{w: w, events: map[kiosk.Hash]kiosk.Event{}, records: map[key]*record{}, acked: map[key]bool{}, gone: map[key]bool{}, byLedger: map[string]*books{}, told: map[string]time.Duration{}}
	j.books = &books{pages: map[place]*page{}}
	return j
}

// onDisk notes what a disk has made durable.
func (j *judge) onDisk(d *disk, rows []row) {
	for _, r := range rows {
		j.w.happened("disk", r.Bytes, r.Seq)
		j.events[r.hash] = r.event
		k := first(r.event, r.hash)
		if j.records[k] == nil {
			j.persisted++
			j.records[k] = &record{key: k, event: r.event, bytes: r.Bytes, at: j.w.wall(), n: j.persisted, target: target(d, r.event)}
		}
		j.w.say("disk %s #%d %s %s", r.event.Source[len(r.event.Source)-2:], r.Seq, r.Type, kiosk.VisitOf(r.event.Data))
	}
}

// acknowledged notes what somebody was told.
func (j *judge) acknowledged(b *board, ins []floor.Input, events []kiosk.Event) {
	j.inputs += len(ins)
	rows := b.disk.current().rows
	for _, r := range rows[len(rows)-len(events):] {
		j.acked[first(r.event, r.hash)] = true
	}
}

// destroyed is told of a card as it was before it was damaged or replaced.
func (j *judge) destroyed(old *disk) {
	here := j.onCards()
	for _, e := range old.epochs {
		for _, r := range e.rows {
			if k := first(r.event, r.hash); !here[k] {
				j.gone[k] = true
			}
		}
	}
}

// onCards is everything that a card holds, in any epoch.
func (j *judge) onCards() map[key]bool {
	here := map[key]bool{}
	for _, b := range j.w.boards {
		for _, e := range b.disk.epochs {
			for _, r := range e.rows {
				here[first(r.event, r.hash)] = true
			}
		}
	}
	return here
}

// books are what a ledger was given, kept by the judge.
type books struct {
	pages map[place]*page
	seen  uint64 // positions looked at
	count map[key]int
}

type place struct{ source, epoch string }

type page struct {
	events  map[uint64]kiosk.Event
	hashes  map[uint64]kiosk.Hash
	strays  map[kiosk.Hash]bool // of another history, in whatever place
	persons map[uint64]bool
	lost    []wire.Gap
}

// take notes an event, unless it is of another history than the one that is here.
func (p *page) take(e kiosk.Event, hash kiosk.Hash) {
	there, taken := p.hashes[e.Seq]
	before, after := p.hashes[e.Seq-1]
	switch {
	case taken && there == hash:
	case taken || after && before != e.Prev || !after && p.strays[e.Prev]:
		p.strays[hash] = true
	default:
		p.events[e.Seq], p.hashes[e.Seq] = e, hash
	}
}

func (b *books) copy() *books {
	c := &books{pages: map[place]*page{}, seen: 0}
	for at, p := range b.pages {
		n := c.page(at)
		for s, e := range p.events {
			n.events[s], n.hashes[s] = e, p.hashes[s]
		}
		maps.Copy(n.strays, p.strays)
		maps.Copy(n.persons, p.persons)
		n.lost = slices.Clone(p.lost)
	}
	return c
}

func (b *books) page(at place) *page {
	p := b.pages[at]
	if p == nil {
		p = &page{events: map[uint64]kiosk.Event{}, hashes: map[uint64]kiosk.Hash{}, strays: map[kiosk.Hash]bool{}, persons: map[uint64]bool{}}
		b.pages[at] = p
	}
	return p
}

// has says whether an event is in the books with its person part.
func (p *page) has(seq uint64) bool {
	e, ok := p.events[seq]
	return ok && (e.Data.Common().PersonDigest == "" || p.persons[seq]) ||
		slices.ContainsFunc(p.lost, func(g wire.Gap) bool { return g.First <= seq && seq <= g.Last })
}

// unproven are the places of which the hash at through does not tell.
func (p *page) unproven(through uint64) (out []wire.Taken) {
	seqs := slices.Sorted(maps.Keys(p.events))
	if len(seqs) > 0 && seqs[0] > 1 && seqs[0] <= through {
		out = append(out, wire.Taken{})
	}
	for i, s := range seqs {
		chained := i+1 < len(seqs) && seqs[i+1] == s+1 && p.events[s+1].Prev == p.hashes[s]
		if s < through && !chained || s > through {
			out = append(out, wire.Taken{Seq: s, Hash: p.hashes[s]})
		}
		if s > through {
			break
		}
	}
	return out[max(0, len(out)-wire.MaxTaken):]
}

func (j *judge) backedUp() { j.backup = j.books.copy() }

func (j *judge) restored(id string) {
	j.books = j.backup.copy()
	j.byLedger[id] = j.books
}

// committed notes what a ledger took.
func (j *judge) committed(l *memledger.Ledger, b backoffice.Batch) {
	j.byLedger[l.ID()] = j.books
	for _, e := range b.Entries {
		p := j.books.page(place{e.Event.Source, e.Event.Epoch})
		p.take(e.Event, kiosk.HashOf(e.Bytes))
		if lost, ok := e.Event.Data.(*kiosk.JournalLost); ok {
			at := j.books.page(place{e.Event.Source, lost.Epoch})
			at.lost = append(at.lost, wire.Gap{First: lost.From, Last: lost.To})
		}
	}
	for _, part := range b.Persons {
		j.books.page(place{part.Source, part.Epoch}).persons[part.Seq] = true
	}
	if len(b.Rejects) > 0 {
		j.w.violated("the office cannot read what a board sent: %s: %s", b.Rejects[0].Topic, b.Rejects[0].Reason)
	}
	j.once(l)
}

// once looks at what a ledger counts since it was last looked at (I2).
func (j *judge) once(l *memledger.Ledger) {
	if j.books.count == nil {
		j.books.count = map[key]int{}
	}
	rows, err := l.Events(context.Background(), storeName, j.books.seen, 1<<30)
	if err != nil {
		j.w.violated("the ledger's events cannot be read: %v", err)
	}
	for _, r := range rows {
		j.books.seen = r.Position
		h := kiosk.HashOf(r.Bytes)
		e, known := j.events[h]
		if !known || !r.Counted {
			continue
		}
		k := first(e, h)
		if j.books.count[k]++; j.books.count[k] > 1 {
			j.w.violated("I2: event %s is counted %d times", k.id, j.books.count[k])
		}
	}
}

// owed is told that sources have to be told within one receipt interval (I4).
func (j *judge) owed(sources []string) {
	o, since, c := j.w.office, j.w.now, j.w.office.conn
	if c == nil {
		return
	}
	j.w.after(200*time.Millisecond, func() {
		for _, s := range sources {
			if o.conn == c && c.open && j.told[s] < since {
				j.w.violated("I4: %s got no receipt within 200 ms of a commit", s)
			}
		}
	})
}

// receipted compares what a receipt says with what the ledger was given (I4).
func (j *judge) receipted(source string, payload []byte) {
	j.told[source] = j.w.now
	r, err := wire.DecodeReceipt(payload)
	if err != nil {
		j.w.violated("I4: a receipt cannot be read: %v", err)
		return
	}
	j.w.read[&payload[0]] = r
	for _, e := range r.Epochs {
		p := j.books.page(place{source, e.Epoch})
		through, highest := uint64(0), uint64(0)
		for p.has(through + 1) {
			through++
		}
		for s := range p.events {
			highest = max(highest, s)
		}
		var gaps []wire.Gap
		for s := through + 1; s <= highest; s++ {
			_, here := p.events[s]
			if p.has(s) || here && s == highest {
				continue
			}
			if n := len(gaps); n > 0 && gaps[n-1].Last == s-1 {
				gaps[n-1].Last = s
			} else {
				gaps = append(gaps, wire.Gap{First: s, Last: s})
			}
		}
		if e.Through > through {
			j.w.violated("I4: a receipt for %s says %d, the office has %d", source, e.Through, through)
		}
		if e.Through == through && !slices.Equal(e.Gaps, gaps) {
			j.w.violated("I4: a receipt for %s names the gaps %v, there are %v", source, e.Gaps, gaps)
		}
		if h, here := p.hashes[e.Through]; here && h != e.Hash {
			j.w.violated("I4: a receipt for %s proves %d with another hash", source, e.Through)
		}
		if want := p.unproven(e.Through); !slices.Equal(e.Taken, want) {
			j.w.violated("I4: a receipt for %s through %d says taken %v, there is %v", source, e.Through, e.Taken, want)
		}
	}
}

// marked looks at a mark that a board believes: the ledger it is of has
// everything below it, and the very same (I5).
func (j *judge) marked(d *disk, ledger string, through uint64) {
	books := j.byLedger[ledger]
	e := d.current()
	if books == nil {
		if through > 0 {
			j.w.violated("I5: a mark of a ledger that committed nothing")
		}
		return
	}
	p := books.page(place{d.source, e.name})
	for _, r := range e.rows {
		if r.Seq > through {
			break
		}
		switch h, here := p.hashes[r.Seq]; {
		case !here || !p.has(r.Seq):
			j.w.violated("I1: %s believes that the office has %d, it does not have %d", d.source, through, r.Seq)
			return
		case h != r.hash:
			j.w.violated("I5: %s believes that the office has %d, but it has another %d", d.source, through, r.Seq)
			return
		}
	}
}

// onWire looks at what a board publishes: only what is on its disk.
func (j *judge) onWire(b *board, epoch string, r uplink.Row) {
	h, here := b.disk.hashOf(epoch, r.Seq)
	if !here || h != kiosk.HashOf(r.Bytes) {
		j.w.violated("I1: %s publishes %d, which is not on its disk", b, r.Seq)
	}
}

// straight is a board's shop without mishaps: the floor decides the same inputs
// again, in one go, from a state that was never rebuilt.
type straight struct {
	cfg   floor.Config
	epoch string
	state *floor.State
	want  []string // differences
}

func newStraight(cfg floor.Config, epoch string) *straight {
	return &straight{cfg, epoch, floor.New(cfg, epoch), nil}
}

// took decides inputs that are on the disk.
func (s *straight) took(ins []floor.Input, now kiosk.Moment, events []kiosk.Event) {
	var again []kiosk.Event
	for _, in := range ins {
		es, _ := s.state.Step(in, now)
		again = append(again, es...)
	}
	if len(again) != len(events) {
		s.want = append(s.want, fmt.Sprintf("%T gave %d events and gives %d without mishaps", ins[0], len(events), len(again)))
		return
	}
	for i := range again {
		if h, err := kiosk.ParseHash(kiosk.Pinned(events[i].Data)); err == nil {
			kiosk.Pin(again[i].Data, h) // the card's doing, not the floor's
		}
		a, _ := json.Marshal(again[i].Data)
		b, _ := json.Marshal(events[i].Data)
		if !bytes.Equal(a, b) || again[i].ID() != events[i].ID() {
			s.want = append(s.want, fmt.Sprintf("%s is %s %s; without mishaps %s %s", events[i].ID(), events[i].Type(), b, again[i].Type(), a))
		}
	}
}
