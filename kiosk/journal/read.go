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
	tailRows = 1000 // verified at open
	pageRows = 256  // read at a time, so that no reader holds back the write-ahead log
)

// Read returns up to limit events after a sequence of the current epoch, in
// order. Bytes that do not have the hash they were stored with, and holes, are
// ErrDamaged.
func (j *Journal) Read(after uint64, limit int) ([]Row, error) {
	if j.isClosed() {
		return nil, fmt.Errorf("read events after %d: %w", after, ErrClosed)
	}
	rows, err := j.page(context.Background(), j.current(), after, limit)
	if err != nil {
		return nil, fmt.Errorf("read events after %d: %w", after, err)
	}
	return rows, nil
}

func (j *Journal) page(ctx context.Context, ep epoch, after uint64, limit int) ([]Row, error) {
	if limit <= 0 || after >= j.last(ep)-ep.base {
		return nil, nil
	}
	rows, err := j.readers.QueryContext(ctx,
		"SELECT pos, type, bytes, person, hash FROM events WHERE pos > ? AND pos <= ? ORDER BY pos LIMIT ?",
		int64(ep.base+after), int64(j.last(ep)), limit)
	if err != nil {
		return nil, classify(err)
	}
	defer rows.Close()
	var out []Row
	for rows.Next() {
		var r Row
		var pos int64
		var hash []byte
		if err := rows.Scan(&pos, &r.Type, &r.Bytes, &r.Person, &hash); err != nil {
			return nil, fmt.Errorf("%w: event %d: %w", ErrDamaged, after+1, err)
		}
		after++
		r.Seq = uint64(pos) - ep.base
		r.Hash = kiosk.HashOf(r.Bytes)
		if r.Seq != after {
			return nil, fmt.Errorf("%w: event %d is missing", ErrDamaged, after)
		}
		if !bytes.Equal(hash, r.Hash[:]) {
			return nil, fmt.Errorf("%w: event %d does not have the hash it was stored with", ErrDamaged, after)
		}
		out = append(out, r)
	}
	return out, classify(rows.Err())
}

// last is the highest position that may belong to an epoch.
func (j *Journal) last(ep epoch) uint64 {
	for i, e := range j.epochs[:len(j.epochs)-1] {
		if e == ep {
			return j.epochs[i+1].base
		}
	}
	return maxPos
}

// Replay calls fn with every event after a sequence of the current epoch, up to
// the head at the time of the call, in order, decoded and with its person part.
// After 0 it begins with the oldest event in the file, epoch by epoch. Each
// event is checked: its hash, its link to the one before, its identity, the
// digest of its person part; what does not hold is ErrDamaged. An error of fn
// ends the replay and is returned. fn may call the journal.
func (j *Journal) Replay(after uint64, fn func(kiosk.Event) error) error {
	ctx := context.Background()
	epochs := j.epochs
	if after > 0 {
		epochs = epochs[len(epochs)-1:]
	}
	end := j.Head()
	for _, ep := range epochs {
		to := end
		if ep != j.current() {
			to = j.last(ep) - ep.base
		}
		if err := j.replay(ctx, ep, after, to, fn); err != nil {
			return err
		}
	}
	return nil
}

func (j *Journal) replay(ctx context.Context, ep epoch, after, to uint64, fn func(kiosk.Event) error) error {
	prev, err := j.hashBefore(ctx, ep, after+1)
	if err != nil {
		return fmt.Errorf("replay epoch %s: %w", ep.name, err)
	}
	for after < to {
		if j.isClosed() {
			return fmt.Errorf("replay epoch %s: %w", ep.name, ErrClosed)
		}
		rows, err := j.page(ctx, ep, after, int(min(pageRows, to-after)))
		if err == nil && len(rows) == 0 {
			err = fmt.Errorf("%w: event %d is missing", ErrDamaged, after+1)
		}
		if err != nil {
			return fmt.Errorf("replay epoch %s: %w", ep.name, err)
		}
		for _, r := range rows {
			e, err := j.check(ep, r, prev)
			if err != nil {
				return fmt.Errorf("replay epoch %s: %w: event %d: %w", ep.name, ErrDamaged, r.Seq, err)
			}
			if err := fn(e); err != nil {
				return err
			}
			prev, after = r.Hash, r.Seq
		}
	}
	return nil
}

// hashBefore is the hash of the event before seq, zero before the first.
func (j *Journal) hashBefore(ctx context.Context, ep epoch, seq uint64) (kiosk.Hash, error) {
	if seq <= 1 {
		return kiosk.Hash{}, nil
	}
	h, ok, err := j.hash(ctx, ep, seq-1)
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

// verifyTail checks the last events of the current epoch.
func (j *Journal) verifyTail(ctx context.Context) error {
	after := j.head.seq - min(tailRows, j.head.seq)
	return j.replay(ctx, j.current(), after, j.head.seq, func(kiosk.Event) error { return nil })
}

// readHead reads the last event's sequence and hash.
func (j *Journal) readHead(ctx context.Context, q querier) (head, error) {
	base := j.current().base
	var pos int64
	var hash []byte
	err := q.QueryRowContext(ctx, "SELECT pos, hash FROM events ORDER BY pos DESC LIMIT 1").Scan(&pos, &hash)
	switch {
	case errors.Is(err, sql.ErrNoRows) && base == 0:
		return head{}, nil
	case errors.Is(err, sql.ErrNoRows):
		return head{}, fmt.Errorf("%w: the events of earlier epochs are missing", ErrDamaged)
	case err != nil:
		return head{}, fmt.Errorf("read head: %w", classify(err))
	case pos < int64(base) || len(hash) != len(kiosk.Hash{}):
		return head{}, fmt.Errorf("%w: the last event is at %d, the current epoch begins after %d", ErrDamaged, pos, base)
	case pos == int64(base):
		return head{}, nil
	}
	return head{uint64(pos) - base, kiosk.Hash(hash)}, nil
}

// Hash is the hash of an event of the current epoch; false if there is no such
// event.
func (j *Journal) Hash(seq uint64) (kiosk.Hash, bool, error) {
	if j.isClosed() {
		return kiosk.Hash{}, false, fmt.Errorf("read hash of event %d: %w", seq, ErrClosed)
	}
	h, ok, err := j.hash(context.Background(), j.current(), seq)
	if err != nil {
		return h, ok, fmt.Errorf("read hash of event %d: %w", seq, err)
	}
	return h, ok, nil
}

func (j *Journal) hash(ctx context.Context, ep epoch, seq uint64) (h kiosk.Hash, ok bool, err error) {
	if seq == 0 || seq > j.last(ep)-ep.base {
		return h, false, nil
	}
	var b []byte
	err = j.readers.QueryRowContext(ctx, "SELECT hash FROM events WHERE pos = ?", int64(ep.base+seq)).Scan(&b)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return h, false, nil
	case err != nil:
		return h, false, classify(err)
	case len(b) != len(h):
		return h, false, fmt.Errorf("%w: the hash of event %d has %d bytes", ErrDamaged, seq, len(b))
	}
	return kiosk.Hash(b), true, nil
}
