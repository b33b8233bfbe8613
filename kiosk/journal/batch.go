package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"baylight/kiosk"
)

// batch is events on their way into an epoch. Their bytes are made a part at a
// time, on the goroutine that brings them; in a burst another one stores the part
// before meanwhile. The write lock is held as long as there is a batch.
type batch struct {
	j      *Journal
	layout *layout
	into   epoch
	first  uint64       // sequence of the first event
	hashes []kiosk.Hash // of the events whose bytes are made
	head   head         // after those
	part   *part        // being made
	full   int          // rows after which it is stored
	turn   int

	given  chan []encoded // to who stores them; nil: nobody yet
	stored chan error     // what became of the transaction, once it has ended
	why    error          // given was closed and nothing shall be stored
}

// part is memory for the bytes of some events, used again when they are stored.
type part struct {
	rows  []encoded
	bytes []byte
}

// scratch is the memory of batches, used again from one to the next.
type scratch struct {
	parts  [3]part // in turn: one is stored, one waits, one is made
	hashes []kiosk.Hash
}

// encoded is an event as it is stored.
type encoded struct {
	seq        uint64
	typ, visit string
	bytes      []byte
	person     any // []byte or nil
	hash       kiosk.Hash
	lost       *Lost // the destroyed range that it names, nil: none
}

const (
	partRows        = 64  // events that are stored together
	firstRows       = 8   // those of the first part, before anything can be stored
	usualEventBytes = 768 // what the bytes of an event take, or a little more
	keptHashes      = 4096
)

// errLeft is why nothing is stored when a sequence of events ends in a panic.
var errLeft = errors.New("the events were not given to the end")

// batch takes events that follow h in an epoch.
func (j *Journal) batch(l *layout, into epoch, h head) *batch {
	b := &batch{j: j, layout: l, into: into, first: h.seq + 1, hashes: j.scratch.hashes[:0], head: h, full: firstRows}
	b.next()
	return b
}

// next begins a part. The one before last must have been stored.
func (b *batch) next() {
	b.part = &b.j.scratch.parts[b.turn%len(b.j.scratch.parts)]
	b.turn++
	b.part.rows, b.part.bytes = b.part.rows[:0], b.part.bytes[:0]
}

// take makes the bytes of events and has every full part stored. After an error
// nothing more is taken.
func (b *batch) take(events []kiosk.Event) error {
	for i := range events {
		if len(b.part.rows) == b.full {
			if err := b.pass(); err != nil {
				return err
			}
		}
		if err := b.add(b.part, &events[i]); err != nil {
			return err
		}
	}
	return nil
}

// pass hands the part over to who stores it, and begins another.
func (b *batch) pass() error {
	if b.given == nil {
		b.given, b.stored, b.full = make(chan []encoded, 1), make(chan error, 1), partRows
		go func() {
			b.stored <- b.j.commit(b.storeGiven)
		}()
	}
	select {
	case b.given <- b.part.rows:
		b.next()
		return nil
	case err := <-b.stored: // it could not be stored
		b.stored = nil
		return err
	}
}

// storeGiven stores what is handed over.
func (b *batch) storeGiven(ctx context.Context) error {
	for rows := range b.given {
		if err := b.store(ctx, rows); err != nil {
			return err
		}
	}
	return b.why
}

// commit makes all that was taken durable.
func (b *batch) commit() error {
	if b.given == nil {
		return b.j.commit(func(ctx context.Context) error { return b.store(ctx, b.part.rows) })
	}
	if err := b.pass(); err != nil {
		return err
	}
	return b.join(nil)
}

// join waits until the transaction has ended, unless it has: with a COMMIT, or
// without one where there is a reason.
func (b *batch) join(why error) error {
	if b.stored == nil {
		return why
	}
	b.why = why
	close(b.given)
	err := <-b.stored
	b.stored = nil
	return err
}

// end is called last: nothing of the batch is under way any more.
func (b *batch) end() {
	_ = b.join(errLeft) // only if it was left in the middle
	for i := range min(b.turn, len(b.j.scratch.parts)) {
		p := &b.j.scratch.parts[i]
		clear(p.rows) // they hold what people have said
		if cap(p.bytes) > 2*partRows*usualEventBytes {
			p.bytes = nil
		}
	}
	if b.j.scratch.hashes = b.hashes; cap(b.hashes) > keptHashes {
		b.j.scratch.hashes = nil
	}
}

// insert stores events within a transaction that is under way.
func (b *batch) insert(ctx context.Context, events []kiosk.Event) error {
	for some := range slices.Chunk(events, partRows) {
		b.next()
		for i := range some {
			if err := b.add(b.part, &some[i]); err != nil {
				return err
			}
		}
		if err := b.store(ctx, b.part.rows); err != nil {
			return err
		}
	}
	return nil
}

// store stores rows, as many as possible with one statement. Which of them name a
// destroyed range is told with them.
func (b *batch) store(ctx context.Context, rows []encoded) error {
	for len(rows) > 0 {
		size := slices.IndexFunc(insertRows[:], func(n int) bool { return n <= len(rows) })
		some := rows[:insertRows[size]]
		if err := b.j.writer.store(ctx, size, b.into.base, some); err != nil {
			return err
		}
		for i := range some {
			b.j.logged += len(some[i].bytes)
			if some[i].lost == nil {
				continue
			}
			if err := b.j.tell(ctx, *some[i].lost); err != nil {
				return err
			}
		}
		rows = rows[len(some):]
	}
	return nil
}

// add makes the bytes of e and what is stored with them.
func (b *batch) add(p *part, e *kiosk.Event) error {
	if e.Epoch != b.into.name || e.Seq != b.head.seq+1 {
		return &SequenceError{WantEpoch: b.into.name, WantSeq: b.head.seq + 1, GotEpoch: e.Epoch, GotSeq: e.Seq}
	}
	if err := b.j.readable(e); err != nil {
		return &EventError{e.Seq, err}
	}
	e.Prev = b.head.hash
	b.pin(e)
	all, err := kiosk.AppendEvent(p.bytes, e)
	if err != nil {
		return &EventError{e.Seq, err}
	}
	own := slices.Clip(all[len(p.bytes):])
	if len(own) > kiosk.MaxEventBytes {
		return &EventError{e.Seq, fmt.Errorf("it has %d bytes, at most %d are allowed", len(own), kiosk.MaxEventBytes)}
	}
	p.bytes = all
	b.head = head{e.Seq, kiosk.HashOf(own)}
	b.hashes = append(b.hashes, b.head.hash)
	row := encoded{e.Seq, string(e.Type()), kiosk.VisitOf(e.Data), own, stored(e), b.head.hash, nil}
	if d, ok := e.Data.(*kiosk.JournalLost); ok {
		row.lost = &Lost{d.Epoch, d.From, d.To}
	}
	p.rows = append(p.rows, row)
	return nil
}

// pin writes the hash of the event that e corrects into e, unless e is recorded
// again as it was. It may be one of the batch itself. What was pruned has no hash
// any more and is named by its id alone.
func (b *batch) pin(e *kiosk.Event) {
	id := kiosk.Corrects(e.Data)
	if id == "" || e.Was != "" || kiosk.Pinned(e.Data) != "" {
		return
	}
	epoch, seq, err := kiosk.ParseEventID(id)
	if err != nil {
		return
	}
	if epoch == e.Epoch && seq >= b.first {
		if seq < e.Seq {
			kiosk.Pin(e.Data, b.hashes[seq-b.first])
		}
		return
	}
	if ep, known := b.layout.find(epoch); known {
		if hash, here, err := b.j.hash(context.Background(), b.layout, ep, seq); here && err == nil {
			kiosk.Pin(e.Data, hash)
		}
	}
}

// stored is a person part as its column holds it: NULL if the event has none,
// empty if it was erased.
func stored(e *kiosk.Event) any {
	if len(e.Person) == 0 && e.Data.Common().PersonDigest == "" {
		return nil
	}
	return append([]byte{}, e.Person...)
}
