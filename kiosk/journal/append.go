package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
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
	if len(events) == 0 {
		return nil
	}
	j.write.Lock()
	defer j.write.Unlock()
	if err := j.ready(); err != nil {
		return fmt.Errorf("append events: %w", err)
	}
	j.mu.Lock()
	l, h := j.layout, j.head
	j.mu.Unlock()
	rows, h, err := j.encode(events, l, l.current().name, h)
	if err != nil {
		return fmt.Errorf("append events: %w", err)
	}
	if err := j.commit(func(ctx context.Context) error { return j.insert(ctx, l.current().base, rows) }); err != nil {
		return fmt.Errorf("append events %d to %d: %w", events[0].Seq, h.seq, err)
	}
	j.advance(l, h)
	return nil
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

// usualEventBytes is what the bytes of an event take, or a little more.
const usualEventBytes = 768

// encode makes the bytes of events that follow h, and the head after them.
func (j *Journal) encode(events []kiosk.Event, l *layout, epoch string, h head) ([]encoded, head, error) {
	rows := make([]encoded, len(events))
	buf := make([]byte, 0, len(events)*usualEventBytes)
	for i := range events {
		e := &events[i]
		if e.Epoch != epoch || e.Seq != h.seq+1 {
			return nil, h, &SequenceError{WantEpoch: epoch, WantSeq: h.seq + 1, GotEpoch: e.Epoch, GotSeq: e.Seq}
		}
		if err := j.readable(e); err != nil {
			return nil, h, &EventError{e.Seq, err}
		}
		e.Prev = h.hash
		j.pin(e, l, rows[:i])
		all, err := kiosk.AppendEvent(buf, e)
		if err != nil {
			return nil, h, &EventError{e.Seq, err}
		}
		b := slices.Clip(all[len(buf):])
		if len(b) > kiosk.MaxEventBytes {
			return nil, h, &EventError{e.Seq, fmt.Errorf("it has %d bytes, at most %d are allowed", len(b), kiosk.MaxEventBytes)}
		}
		buf = all
		h = head{e.Seq, kiosk.HashOf(b)}
		rows[i] = encoded{e.Seq, string(e.Type()), kiosk.VisitOf(e.Data), b, stored(e), h.hash, nil}
		if d, ok := e.Data.(*kiosk.JournalLost); ok {
			rows[i].lost = &Lost{d.Epoch, d.From, d.To}
		}
	}
	return rows, h, nil
}

// pin writes the hash of the event that e corrects into e, unless e is recorded
// again as it was; before are the events of the same commit that come before it.
// What was pruned has no hash any more and is named by its id alone.
func (j *Journal) pin(e *kiosk.Event, l *layout, before []encoded) {
	id := kiosk.Corrects(e.Data)
	if id == "" || e.Was != "" || kiosk.Pinned(e.Data) != "" {
		return
	}
	epoch, seq, err := kiosk.ParseEventID(id)
	if err != nil {
		return
	}
	if n := len(before); n > 0 && epoch == e.Epoch && seq >= before[0].seq {
		if i := seq - before[0].seq; i < uint64(n) {
			kiosk.Pin(e.Data, before[i].hash)
		}
		return
	}
	if ep, known := l.find(epoch); known {
		if hash, here, err := j.hash(context.Background(), l, ep, seq); here && err == nil {
			kiosk.Pin(e.Data, hash)
		}
	}
}

// maxName bounds a source, an epoch and a boot id; kiosk.Decode takes up to 200.
const maxName = 100

func isName(s string) bool { return len(s) <= maxName && utf8.ValidString(s) }

// readable refuses what kiosk.Decode would not read back: once stored, it
// would stop every later replay. Decoding the bytes says the same (a test
// holds that) and would take three times as long as making them.
func (j *Journal) readable(e *kiosk.Event) error {
	switch m := e.Moment; {
	case e.Data == nil:
		return errors.New("it has no data")
	case kiosk.NewPayload(e.Type()) == nil:
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

// stored is a person part as its column holds it: NULL if the event has none,
// empty if it was erased.
func stored(e *kiosk.Event) any {
	if len(e.Person) == 0 && e.Data.Common().PersonDigest == "" {
		return nil
	}
	return append([]byte{}, e.Person...)
}

// insertRows is how many rows one statement inserts in a burst.
const insertRows = 64

// insert stores rows, as many as possible with one statement. Which rows name a
// destroyed range is told with them.
func (j *Journal) insert(ctx context.Context, base uint64, rows []encoded) error {
	args := make([]any, 0, 6*min(len(rows), insertRows))
	for len(rows) > 0 {
		n, stmt := 1, j.writer.insert
		if len(rows) >= insertRows {
			n, stmt = insertRows, j.writer.insertMany
		}
		args = args[:0]
		for _, r := range rows[:n] {
			args = append(args, int64(base+r.seq), r.typ, r.visit, r.bytes, r.person, r.hash[:])
		}
		if err := execute(ctx, stmt, args); err != nil {
			return err
		}
		for _, r := range rows[:n] {
			if r.lost == nil {
				continue
			}
			if err := j.tell(ctx, *r.lost); err != nil {
				return err
			}
		}
		rows = rows[n:]
	}
	return nil
}

// execute runs a statement as a query without rows: the driver then hands over
// all arguments in one call into C, where Exec makes one for each.
func execute(ctx context.Context, stmt *sql.Stmt, args []any) error {
	rows, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	for rows.Next() {
	}
	return errors.Join(rows.Err(), rows.Close())
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
