package journal

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"unicode/utf8"

	"baylight/kiosk"
)

// Append makes events durable: all of them, in one transaction, or none. They
// must be of the journal's source and epoch and continue its sequence; Append
// sets their Prev, and the hash of what a correction means, in its data too.
// Their bytes are made here, once. It returns when they are on
// the disk, after which Head, Read and Replay have them and those who Watch are told.
//
// A *SequenceError or *EventError is a refusal: nothing was written. ErrFull
// means that the disk is full; the ballast was freed, so that the next Append
// may well have room. After any error the caller discards its state
// and folds Replay again, since a COMMIT that failed may have persisted; the
// journal itself reads its head again before it goes on.
func (j *Journal) Append(events []kiosk.Event) error {
	return j.AppendSeq(func(yield func([]kiosk.Event) bool) { yield(events) })
}

// AppendSeq is Append for events that are still being made: all that the sequence
// gives becomes durable in one transaction when it ends, and what it has given is
// stored while it goes on. It runs on the caller's goroutine. A group must not be
// touched until AppendSeq returns, and what its events point to not be changed; a
// correction has its hash when yield returns. If yield returns false, the events
// cannot be recorded and AppendSeq says why. If the sequence gives no event nothing
// is written; if it panics nothing is either.
//
// From its first event on, what else would write to the journal waits for the
// sequence, which must therefore not write to the journal itself.
func (j *Journal) AppendSeq(groups iter.Seq[[]kiosk.Event]) error {
	s := &intake{j: j}
	defer s.end()
	groups(s.give)
	return s.commit()
}

// maxName bounds a source, an epoch and a boot id; kiosk.Decode takes up to 200.
const maxName = 100

func isName(s string) bool { return len(s) <= maxName && utf8.ValidString(s) }

// readable refuses what kiosk.Decode would not read back: once stored, it
// would stop every later replay. Decoding the bytes says the same (a test
// holds that) and would take three times as long as making them.
func (j *Journal) readable(e *kiosk.Event) error {
	_, unknown := e.Data.(*kiosk.Unknown)
	switch m := &e.Moment; {
	case e.Data == nil:
		return errors.New("it has no data")
	case unknown:
		return fmt.Errorf("its type %q is not one that this version writes", e.Type())
	case e.Source != j.source:
		return fmt.Errorf("source is %q, the journal's is %q", e.Source, j.source)
	case m.Clock != kiosk.Synced && m.Clock != kiosk.Holdover && m.Clock != kiosk.Unset:
		return fmt.Errorf("clock is %q and must be synced, holdover or unset", m.Clock)
	case m.Wall.Year() < 0 || m.Wall.Year() > 9999:
		return fmt.Errorf("time is in the year %d", m.Wall.Year())
	case m.Up < 0:
		return fmt.Errorf("time since boot is %s", m.Up)
	case !isName(m.Boot):
		return fmt.Errorf("boot id %.100q is too long or not text", m.Boot)
	}
	if e.Data.Common().PersonDigest != "" && len(e.Person) == 0 && e.Was == "" {
		return errors.New("its person part is missing; only a re-recorded event may come without")
	}
	return checkPerson(e.Data, e.Person)
}

// Writable goes the way of an event that is about to be written, and writes
// nothing: it returns when that way is free. An error says that an event could
// not be written now, as a failed Append does.
func (j *Journal) Writable() error {
	j.write.Lock()
	defer j.write.Unlock()
	if err := j.ready(); err != nil {
		return err
	}
	return j.commit(func(context.Context) error { return nil })
}

// commit runs do in one durable transaction. The write lock is held.
func (j *Journal) commit(do func(context.Context) error) error {
	ctx := context.Background()
	_, err := j.writer.begin.ExecContext(ctx)
	if err == nil {
		if err = do(ctx); err == nil {
			err = j.faults.before()
		}
		if err == nil {
			_, err = j.writer.commit.ExecContext(ctx)
		}
		if err == nil {
			err = j.faults.after()
		}
	}
	if err == nil {
		if j.low.Load() {
			j.load()
		}
		j.wrote()
		return nil
	}
	err = classify(err)
	if errors.Is(err, ErrFull) {
		j.lighten()
	}
	// Whether the transaction persisted is not known; a new connection tells.
	j.stale = true
	if again := j.ready(); again != nil {
		j.log.Error("journal cannot be read after a failed write", "err", again)
	}
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
	l, err := readLayout(ctx, j.writer.conn)
	if err != nil {
		return err
	}
	h, err := l.readHead(ctx, j.writer.conn)
	if err != nil {
		return err
	}
	j.stale = false
	j.advance(l, h)
	return nil
}

// advance shows a new layout and head and tells those who watch.
func (j *Journal) advance(l *layout, h head) {
	j.mu.Lock()
	defer j.mu.Unlock()
	grown := h.seq != j.head.seq || l.current() != j.layout.current()
	j.layout, j.head = l, h
	if !grown {
		return
	}
	for ch := range j.watchers {
		select {
		case ch <- struct{}{}:
		default: // it has one already
		}
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
