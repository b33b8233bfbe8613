package journal

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"

	"baylight/kiosk"
)

// Row is an event as it is stored and sent.
type Row struct {
	Seq    uint64
	Type   kiosk.Type
	Bytes  []byte     // the event
	Person []byte     // the bytes of its person part; nil: it has none; empty: it was erased
	Hash   kiosk.Hash // of Bytes
}

const (
	maxPos   = 1<<63 - 1
	pageRows = 256 // read at a time, so that no reader holds back the write-ahead log
)

// Read returns up to limit events after a sequence of the current epoch, in
// order; what was pruned is passed over. Bytes that do not have the hash they
// were stored with, and events missing without a record, are ErrDamaged.
func (j *Journal) Read(after uint64, limit int) ([]Row, error) {
	if j.isClosed() {
		return nil, fmt.Errorf("read events after %d: %w", after, ErrClosed)
	}
	l := j.shape()
	rows, err := j.page(context.Background(), l, l.current(), after, limit)
	if err != nil {
		return nil, fmt.Errorf("read events after %d: %w", after, j.noting(err))
	}
	return rows, nil
}

func (j *Journal) page(ctx context.Context, l *layout, ep epoch, after uint64, limit int) ([]Row, error) {
	if limit <= 0 || after >= l.last(ep)-ep.base {
		return nil, nil
	}
	rows, err := j.readers.QueryContext(ctx,
		"SELECT pos, type, bytes, person, hash FROM events WHERE pos > ? AND pos <= ? ORDER BY pos LIMIT ?",
		int64(ep.base+after), int64(l.last(ep)), limit)
	if err != nil {
		return nil, classify(err)
	}
	defer rows.Close()
	out := make([]Row, 0, min(uint64(limit), l.last(ep)-ep.base-after, pageRows))
	var hash sql.RawBytes
	for rows.Next() {
		var r Row
		var pos int64
		if err := rows.Scan(&pos, &r.Type, &r.Bytes, &r.Person, &hash); err != nil {
			return nil, fmt.Errorf("%w: event %d: %w", ErrDamaged, after+1, err)
		}
		r.Seq = uint64(pos) - ep.base
		r.Hash = kiosk.HashOf(r.Bytes)
		if r.Seq != after+1 {
			if h, ok := j.shape().hole(ep.base + after + 1); !ok || h.last < uint64(pos)-1 {
				return nil, fmt.Errorf("%w: event %d is missing", ErrDamaged, after+1)
			}
		}
		after = r.Seq
		if !bytes.Equal(hash, r.Hash[:]) {
			return nil, fmt.Errorf("%w: event %d does not have the hash it was stored with", ErrDamaged, after)
		}
		out = append(out, r)
	}
	return out, classify(rows.Err())
}

// Replay calls fn with every event after a sequence of the current epoch, up to
// the head at the time of the call, in order, decoded and with its person part.
// After 0 it begins with the oldest event in the file, epoch by epoch; what was
// pruned or destroyed is passed over. Each event is checked: its hash, its link
// to the one before, its identity, the digest of its person part; what does not
// hold is ErrDamaged. An error of fn ends the replay and is returned. fn may
// call the journal.
func (j *Journal) Replay(after uint64, fn func(kiosk.Event) error) error {
	return j.replayAll(context.Background(), after, func(_ Row, e kiosk.Event) error { return fn(e) })
}

func (j *Journal) replayAll(ctx context.Context, after uint64, fn func(Row, kiosk.Event) error) error {
	j.mu.Lock()
	l, end := j.layout, j.head.seq
	j.mu.Unlock()
	epochs := l.epochs
	if after > 0 {
		epochs = epochs[len(epochs)-1:]
	}
	return j.replayEpochs(ctx, l, epochs, after, end, fn)
}

// replayEpochs replays epochs of l, the first one after a sequence, the current
// one up to end.
func (j *Journal) replayEpochs(ctx context.Context, l *layout, epochs []epoch, after, end uint64, fn func(Row, kiosk.Event) error) error {
	for _, ep := range epochs {
		to := end
		if ep != l.current() {
			to = l.last(ep) - ep.base
		}
		if err := j.replay(ctx, l, ep, after, to, fn); err != nil {
			return err
		}
		after = 0
	}
	return nil
}

func (j *Journal) replay(ctx context.Context, l *layout, ep epoch, after, to uint64, fn func(Row, kiosk.Event) error) error {
	fail := func(err error) error { return fmt.Errorf("replay epoch %s: %w", ep.name, j.noting(err)) }
	prev, err := j.hashBefore(ctx, l, ep, after+1)
	if err != nil {
		return fail(err)
	}
	var last kiosk.Moment
	for after < to {
		if j.isClosed() {
			return fail(ErrClosed)
		}
		if h, ok := j.shape().hole(ep.base + after + 1); ok {
			after, prev = min(h.last-ep.base, to), h.hash
			continue
		}
		rows, err := j.page(ctx, l, ep, after, int(min(pageRows, to-after)))
		if _, pruned := j.shape().hole(ep.base + after + 1); pruned {
			continue // meanwhile
		}
		if err == nil && len(rows) == 0 {
			err = fmt.Errorf("%w: event %d is missing", ErrDamaged, after+1)
		}
		if err != nil {
			return fail(err)
		}
		for _, r := range rows {
			if r.Seq != after+1 {
				break // after a hole
			}
			e, err := j.check(ep, r, prev)
			if err != nil {
				return fail(fmt.Errorf("%w: event %d: %w", ErrDamaged, r.Seq, err))
			}
			e.Epoch, e.Source = ep.name, j.source
			e.Moment = share(e.Moment, last)
			if err := fn(r, e); err != nil {
				return err
			}
			prev, after, last = r.Hash, r.Seq, e.Moment
		}
	}
	return nil
}

// share is m, with the words of the moment before where they are the same: a
// word of its own would keep the text alive that an event was read from.
func share(m, last kiosk.Moment) kiosk.Moment {
	if m.Boot == last.Boot {
		m.Boot = last.Boot
	}
	if m.Clock == last.Clock {
		m.Clock = last.Clock
	}
	return m
}

// hashBefore is the hash of the event before seq, zero before the first.
func (j *Journal) hashBefore(ctx context.Context, l *layout, ep epoch, seq uint64) (kiosk.Hash, error) {
	if seq <= 1 {
		return kiosk.Hash{}, nil
	}
	h, ok, err := j.hash(ctx, l, ep, seq-1)
	if _, gone := j.shape().hole(ep.base + seq); gone {
		return kiosk.Hash{}, nil // not needed
	}
	if err == nil && !ok {
		err = fmt.Errorf("event %d is not in the journal, whose head is %d", seq-1, j.Head())
	}
	return h, err
}

// check decodes a stored event and holds it against what is known of it.
func (j *Journal) check(ep epoch, r Row, prev kiosk.Hash) (kiosk.Event, error) {
	e, err := kiosk.Decode(r.Bytes)
	switch {
	case err != nil:
		return e, err
	case e.Epoch != ep.name || e.Seq != r.Seq || e.Source != j.source:
		return e, fmt.Errorf("its bytes are those of %s of %s", e.ID(), e.Source)
	case e.Type() != r.Type:
		return e, fmt.Errorf("it is stored as %s and is %s", r.Type, e.Type())
	case e.Prev != prev:
		return e, errors.New("it does not follow the event before it")
	}
	if err := checkPerson(e.Data, r.Person); err != nil {
		return e, err
	}
	if len(r.Person) > 0 {
		e.Person = r.Person
	}
	return e, nil
}

func checkPerson(data kiosk.Payload, person []byte) error {
	if len(person) > 0 && kiosk.DigestOf(person) != data.Common().PersonDigest {
		return errors.New("its person part does not have the digest that the event carries")
	}
	return nil
}

// Hash is the hash of an event of the current epoch; false if there is no such
// event. Of pruned events only the last one's is known.
func (j *Journal) Hash(seq uint64) (kiosk.Hash, bool, error) {
	if j.isClosed() {
		return kiosk.Hash{}, false, fmt.Errorf("read hash of event %d: %w", seq, ErrClosed)
	}
	l := j.shape()
	h, ok, err := j.hash(context.Background(), l, l.current(), seq)
	if err != nil {
		return h, ok, fmt.Errorf("read hash of event %d: %w", seq, j.noting(err))
	}
	return h, ok, nil
}

func (j *Journal) hash(ctx context.Context, l *layout, ep epoch, seq uint64) (h kiosk.Hash, ok bool, err error) {
	if seq == 0 || seq > l.last(ep)-ep.base {
		return h, false, nil
	}
	var b []byte
	err = j.readers.QueryRowContext(ctx, "SELECT hash FROM events WHERE pos = ?", int64(ep.base+seq)).Scan(&b)
	if hole, ok := j.shape().hole(ep.base + seq); ok && (err == nil || noRows(err)) {
		return hole.hash, hole.last == ep.base+seq, nil
	}
	switch {
	case noRows(err):
		return h, false, nil
	case err != nil:
		return h, false, classify(err)
	case len(b) != len(h):
		return h, false, fmt.Errorf("%w: the hash of event %d has %d bytes", ErrDamaged, seq, len(b))
	}
	return kiosk.Hash(b), true, nil
}

func noRows(err error) bool { return errors.Is(err, sql.ErrNoRows) }
