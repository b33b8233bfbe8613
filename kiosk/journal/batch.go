package journal

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"baylight/kiosk"
)

// batch is events on their way into an epoch. Their bytes are made a part at a
// time: in a burst, while the part before is stored.
type batch struct {
	j      *Journal
	layout *layout
	into   epoch
	events []kiosk.Event
	hashes []kiosk.Hash // of the events whose bytes are made
	head   head         // after those
	parts  [3]part      // in turn: one is stored, one waits, one is made
	turn   int
}

// part is memory for the bytes of some events, used again when they are stored.
type part struct {
	rows  []encoded
	bytes []byte
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
	partRows        = 64  // events whose bytes are made together
	firstRows       = 8   // those of the first part, before anything can be stored
	usualEventBytes = 768 // what the bytes of an event take, or a little more
)

// batch takes events that follow h in an epoch.
func (j *Journal) batch(events []kiosk.Event, l *layout, into epoch, h head) *batch {
	return &batch{j: j, layout: l, into: into, events: events, hashes: make([]kiosk.Hash, 0, len(events)), head: h}
}

// insert stores the rows of the first part, and those of all that come after it.
func (b *batch) insert(ctx context.Context, first []encoded) error {
	for rows, err := range b.ahead(first) {
		if err == nil {
			err = b.store(ctx, rows)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// store stores rows, as many as possible with one statement. Which of them name a
// destroyed range is told with them. The write lock is held.
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

// ahead yields the rows of the first part and of those after it. What comes next
// is encoded while the loop stores what it has; when the loop is left, nothing is
// encoded any more.
func (b *batch) ahead(first []encoded) iter.Seq2[[]encoded, error] {
	return func(yield func([]encoded, error) bool) {
		if len(b.hashes) == len(b.events) {
			yield(first, nil)
			return
		}
		type result struct {
			rows []encoded
			err  error
		}
		made, left := make(chan result, 1), make(chan struct{})
		go func() {
			defer close(made)
			for len(b.hashes) < len(b.events) {
				rows, err := b.encode(partRows)
				select {
				case made <- result{rows, err}:
				case <-left:
					return
				}
				if err != nil {
					return
				}
			}
		}()
		defer func() {
			close(left)
			for range made {
			}
		}()
		for more := yield(first, nil); more; {
			r, ok := <-made
			more = ok && yield(r.rows, r.err)
		}
	}
}

// encode makes the bytes of the next n events, or of all that are left. Its rows are
// good until two more parts were made.
func (b *batch) encode(n int) ([]encoded, error) {
	from := len(b.hashes)
	events := b.events[from:min(from+n, len(b.events))]
	p := &b.parts[b.turn%len(b.parts)]
	b.turn++
	if p.rows == nil {
		n := min(partRows, len(b.events))
		*p = part{make([]encoded, 0, n), make([]byte, 0, n*usualEventBytes)}
	}
	p.rows, p.bytes = p.rows[:0], p.bytes[:0]
	for i := range events {
		if err := b.add(p, &events[i]); err != nil {
			return nil, err
		}
	}
	return p.rows, nil
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
	if first := b.events[0].Seq; epoch == e.Epoch && seq >= first {
		if seq < e.Seq {
			kiosk.Pin(e.Data, b.hashes[seq-first])
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
