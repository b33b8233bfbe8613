package journal

import (
	"context"
	"errors"
	"fmt"

	"baylight/kiosk"
)

// Append makes events durable: all of them, in one transaction, or none. They
// must be of the journal's source and epoch and continue its sequence; Append
// sets their Prev. Their bytes are made here, once. It returns when they are on
// the disk, after which Head, Read and Replay have them and Appended signals.
//
// A *SequenceError or *EventError is a refusal: nothing was written. ErrFull
// means that the disk is full. After any error the caller discards its state
// and folds Replay again, since a COMMIT that failed may have persisted; the
// journal itself reads its head again before it goes on.
func (j *Journal) Append(events []kiosk.Event) error {
	if len(events) == 0 {
		return nil
	}
	j.write.Lock()
	defer j.write.Unlock()
	if err := j.ready(); err != nil {
		return fmt.Errorf("append events: %w", err)
	}
	j.mu.Lock()
	h := j.head
	j.mu.Unlock()
	rows, h, err := j.encode(events, h)
	if err != nil {
		return fmt.Errorf("append events: %w", err)
	}
	if err := j.commit(func(ctx context.Context) error { return j.insert(ctx, rows) }); err != nil {
		return fmt.Errorf("append events %d to %d: %w", events[0].Seq, h.seq, err)
	}
	j.advance(h)
	return nil
}

// encoded is an event as it is stored.
type encoded struct {
	seq        uint64
	typ, visit string
	bytes      []byte
	person     []byte
	hash       kiosk.Hash
}

// encode makes the bytes of events that follow h, and the head after them.
// What could not be read back is refused here rather than found later.
func (j *Journal) encode(events []kiosk.Event, h head) ([]encoded, head, error) {
	rows := make([]encoded, len(events))
	for i := range events {
		e := &events[i]
		if e.Epoch != j.Epoch() || e.Seq != h.seq+1 {
			return nil, h, &SequenceError{WantEpoch: j.Epoch(), WantSeq: h.seq + 1, GotEpoch: e.Epoch, GotSeq: e.Seq}
		}
		if e.Source != j.source {
			return nil, h, &EventError{e.Seq, fmt.Errorf("source is %q, the journal's is %q", e.Source, j.source)}
		}
		if e.Data == nil {
			return nil, h, &EventError{e.Seq, errors.New("it has no data")}
		}
		e.Prev = h.hash
		b, err := kiosk.Encode(*e)
		if err != nil {
			return nil, h, &EventError{e.Seq, err}
		}
		h = head{e.Seq, kiosk.HashOf(b)}
		row := encoded{e.Seq, string(e.Type()), kiosk.VisitOf(e.Data), b, e.Person, h.hash}
		if err := readBack(row); err != nil {
			return nil, h, &EventError{e.Seq, err}
		}
		rows[i] = row
	}
	return rows, h, nil
}

func readBack(row encoded) error {
	e, err := kiosk.Decode(row.bytes)
	if err != nil {
		return err
	}
	return checkPerson(e, row.person)
}

func (j *Journal) insert(ctx context.Context, rows []encoded) error {
	base := j.current().base
	for _, r := range rows {
		var person any
		if r.person != nil {
			person = r.person
		}
		if _, err := j.writer.insert.ExecContext(ctx, int64(base+r.seq), r.typ, r.visit, r.bytes, person, r.hash[:]); err != nil {
			return err
		}
	}
	return nil
}

// commit runs do in one durable transaction. The write lock is held.
func (j *Journal) commit(do func(context.Context) error) error {
	ctx := context.Background()
	err := j.exec(ctx, "BEGIN IMMEDIATE")
	if err == nil {
		if err = do(ctx); err == nil {
			err = j.faults.before()
		}
		if err == nil {
			err = j.exec(ctx, "COMMIT")
		}
		if err == nil {
			err = j.faults.after()
		}
	}
	if err == nil {
		return nil
	}
	// Whether the transaction persisted is not known; a new connection tells.
	j.stale = true
	if again := j.ready(); again != nil {
		j.log.Error("journal cannot be read after a failed write", "err", again)
	}
	return classify(err)
}

func (j *Journal) exec(ctx context.Context, query string) error {
	_, err := j.writer.conn.ExecContext(ctx, query)
	return err
}

// ready is called with the write lock held before anything is written. After a
// failed write it replaces the connection, which rolls back what is open, and
// reads the head again.
func (j *Journal) ready() error {
	if j.isClosed() {
		return ErrClosed
	}
	if !j.stale {
		return nil
	}
	if err := j.writer.close(); err != nil {
		j.log.Warn("journal connection closed with an error", "err", err)
	}
	j.writer = writer{}
	ctx := context.Background()
	if err := j.openWriter(ctx); err != nil {
		return err
	}
	h, err := j.readHead(ctx, j.writer.conn)
	if err != nil {
		return err
	}
	j.stale = false
	j.advance(h)
	return nil
}

// advance shows a new head and wakes the listeners.
func (j *Journal) advance(h head) {
	j.mu.Lock()
	defer j.mu.Unlock()
	grown := h.seq != j.head.seq
	j.head = h
	if grown && !j.closed {
		close(j.appended)
		j.appended = make(chan struct{})
	}
}

func (f faults) before() error { return call(f.beforeCommit) }
func (f faults) after() error  { return call(f.afterCommit) }

func call(f func() error) error {
	if f == nil {
		return nil
	}
	return f()
}
