package journal

import (
	"context"
	"fmt"
	"slices"

	"baylight/kiosk"
)

// BeginEpoch ends the current epoch and begins a new one, whose name it returns.
// What was recorded stays as it is. The events of the ended epoch after a
// sequence (the last that the back office has) are recorded again in the new
// one, with their moments, person parts and what they re-record (Was, WasHash):
// they count under their first name here, and at the back office unless it has
// them. others are epochs that the back office has of this board and that were
// never of this journal: they count as known from now on, see [Journal.Disown].
// All of it is one commit. why is kept beside the ended epoch.
//
// Whoever holds state of the ended epoch makes it anew from Replay, as after an
// error of Append: sequences begin at 1 again.
func (j *Journal) BeginEpoch(why string, after uint64, others ...string) (string, error) {
	return j.BeginEpochWith(nil, why, after, others...)
}

// Part is what follows a sequence of an ended epoch, as far as it counts under that
// epoch (see Era.Last).
type Part struct {
	Epoch string
	After uint64
}

// BeginEpochWith is BeginEpoch with parts of ended epochs, oldest first, that are
// recorded again before all else. It is for what the back office can never have
// under those epochs, since other events are in the places there.
func (j *Journal) BeginEpochWith(parts []Part, why string, after uint64, others ...string) (string, error) {
	old, err := j.spans(parts)
	if err != nil {
		return "", fmt.Errorf("begin epoch: %w", err)
	}
	j.write.Lock()
	defer j.write.Unlock()
	name := j.newEpoch()
	others = j.strangers(others)
	if err := j.beginEpoch(name, why, old, after, func(ctx context.Context) error {
		if err := j.disown(ctx, why, others); err != nil {
			return err
		}
		_, err := j.writer.conn.ExecContext(ctx, "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", apart, name)
		return err
	}); err != nil {
		return "", fmt.Errorf("begin epoch %s: %w", name, err)
	}
	j.learn(others)
	j.log.Warn("new epoch", "epoch", name, "why", why, "again", j.Head())
	return name, nil
}

// spans are parts as far as they count under their epochs.
func (j *Journal) spans(parts []Part) (out []span, err error) {
	if len(parts) == 0 {
		return nil, nil
	}
	eras, err := j.Eras()
	if err != nil {
		return nil, err
	}
	for _, p := range parts {
		i := slices.IndexFunc(eras, func(e Era) bool { return e.Epoch == p.Epoch })
		if i < 0 || i == len(eras)-1 {
			return nil, fmt.Errorf("%q is no ended epoch of this journal", p.Epoch)
		}
		out = append(out, span{p.Epoch, p.After, eras[i].Last})
	}
	return out, nil
}

// apart is the key of the epoch that BeginEpoch began last.
const apart = "apart"

// Apart says whether the current epoch was begun by BeginEpoch: no copy of this
// journal made before then appends to it.
func (j *Journal) Apart() (bool, error) {
	if j.isClosed() {
		return false, fmt.Errorf("read how the epoch began: %w", ErrClosed)
	}
	var name string
	err := j.readers.QueryRowContext(context.Background(), "SELECT value FROM meta WHERE key = ?", apart).Scan(&name)
	if err != nil && !noRows(err) {
		return false, fmt.Errorf("read how the epoch began: %w", classify(err))
	}
	return err == nil && name == j.Epoch(), nil
}

// Disown keeps epochs that the back office has of this board and that were never
// of this journal. Knows tells them from now on, so that nobody asks twice.
func (j *Journal) Disown(why string, epochs ...string) error {
	j.write.Lock()
	defer j.write.Unlock()
	others := j.strangers(epochs)
	err := j.ready()
	if err == nil && len(others) > 0 {
		err = j.commit(func(ctx context.Context) error { return j.disown(ctx, why, others) })
	}
	if err != nil {
		return fmt.Errorf("disown %d epochs: %w", len(others), err)
	}
	j.learn(others)
	return nil
}

// disowned begins what is kept beside an epoch that was never of this journal.
const disowned = "not of this journal: "

// learn shows epochs that were disowned.
func (j *Journal) learn(epochs []string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	next := *j.layout
	next.empty = append(slices.Clip(next.empty), epochs...)
	next.others = append(slices.Clip(next.others), epochs...)
	j.layout = &next
}

// strangers are those of some epochs that are not known and can be kept.
func (j *Journal) strangers(epochs []string) (out []string) {
	for _, e := range epochs {
		if e != "" && isName(e) && !j.Knows(e) && !slices.Contains(out, e) {
			out = append(out, e)
		}
	}
	return out
}

// disown writes them as epochs without events.
func (j *Journal) disown(ctx context.Context, why string, epochs []string) error {
	for _, e := range epochs {
		_, err := j.writer.conn.ExecContext(ctx, `INSERT INTO epochs (epoch, base, superseded)
			VALUES (?, (SELECT min(min(base), 0) FROM epochs) - 1, ?) ON CONFLICT DO NOTHING`, e, disowned+why)
		if err != nil {
			return err
		}
	}
	if len(epochs) == 0 {
		return nil
	}
	return j.needReader(ctx)
}

// span is what lies between two sequences of an ended epoch.
type span struct {
	epoch     string
	after, to uint64
}

// beginEpoch is called with the write lock held. parts are recorded again first;
// also is done in the same commit, nil: nothing.
func (j *Journal) beginEpoch(name, why string, parts []span, after uint64, also func(context.Context) error) error {
	if name == "" || !isName(name) || j.Knows(name) {
		return fmt.Errorf("epoch %q is empty, too long, not text or known already", name)
	}
	if err := j.ready(); err != nil {
		return err
	}
	j.mu.Lock()
	l, h := j.layout, j.head
	j.mu.Unlock()
	old := l.current()
	next := *l
	if h.seq > 0 {
		next.epochs = append(append([]epoch{}, l.epochs...), epoch{name, old.base + h.seq})
	} else { // an epoch without events has no positions of its own
		next.epochs = append(append([]epoch{}, l.epochs[:len(l.epochs)-1]...), epoch{name, old.base})
		next.empty = append(append([]string{}, l.empty...), old.name)
	}
	var begun head
	err := j.commit(func(ctx context.Context) (err error) {
		if err = j.insertEpoch(ctx, name, why, old, h); err == nil {
			begun, err = j.again(ctx, l, append(parts, span{old.name, after, h.seq}), next.current())
		}
		if err == nil && h.seq > 0 {
			err = j.leave(ctx, old.name, min(after, h.seq))
		}
		if err == nil && also != nil {
			err = also(ctx)
		}
		return err
	})
	if err != nil {
		return err
	}
	j.advance(&next, begun)
	return nil
}

// Cursors that tell of an ended epoch: the last event of it that was not recorded
// again in the next; how far a ledger had it when it ended; and, kept with a later
// epoch that records some of it again, the last event of it that it does not.
const (
	counts    = "counts"
	hadBy     = "had by "
	overtaken = "overtaken "
)

// leave keeps what is to be known of an epoch that ends.
func (j *Journal) leave(ctx context.Context, name string, after uint64) error {
	if err := j.putCursor(ctx, name, counts, after); err != nil {
		return err
	}
	_, err := j.writer.conn.ExecContext(ctx, `INSERT OR REPLACE INTO cursors (epoch, name, value)
		SELECT epoch, ? || ledger, through FROM receipts WHERE epoch = ?`, hadBy, name)
	return err
}

func (j *Journal) insertEpoch(ctx context.Context, name, why string, old epoch, h head) error {
	base := old.base + h.seq
	if h.seq == 0 {
		if _, err := j.writer.conn.ExecContext(ctx, "UPDATE epochs SET base = min((SELECT min(base) FROM epochs), 0) - 1 WHERE epoch = ?", old.name); err != nil {
			return err
		}
		if err := j.needReader(ctx); err != nil {
			return err
		}
	}
	if _, err := j.writer.conn.ExecContext(ctx, "UPDATE epochs SET superseded = ? WHERE epoch = ?", why, old.name); err != nil {
		return err
	}
	_, err := j.writer.conn.ExecContext(ctx, "INSERT INTO epochs (epoch, base) VALUES (?, ?)", name, int64(base))
	return err
}

// needReader keeps programs of the first version from a file that they would misread.
func (j *Journal) needReader(ctx context.Context) error {
	_, err := j.writer.conn.ExecContext(ctx, "UPDATE meta SET value = 2 WHERE key = 'min_reader'")
	return err
}

// again records parts of ended epochs again in a new one, in the order in which
// they were recorded first: the back office takes the sequence for the order.
func (j *Journal) again(ctx context.Context, l *layout, parts []span, into epoch) (h head, err error) {
	var events []kiosk.Event
	flush := func() error {
		b := j.batch(l, into, h)
		err := b.insert(ctx, events)
		h, events = b.head, events[:0]
		return err
	}
	seq, once := uint64(0), map[string]bool{}
	for e, err := range j.merge(ctx, l, parts) {
		if err != nil {
			return h, err
		}
		if len(parts) > 1 {
			if once[e.WasHash] { // the current epoch may record the same again
				continue
			}
			once[e.WasHash] = true
		}
		seq++
		e.Epoch, e.Seq = into.name, seq
		if events = append(events, e); len(events) < pageRows {
			continue
		}
		if err := flush(); err != nil {
			return h, err
		}
	}
	if len(events) > 0 {
		err = flush()
	}
	for _, p := range parts[:len(parts)-1] {
		if _, known := l.find(p.epoch); known && p.after < p.to && err == nil {
			err = j.putCursor(ctx, into.name, overtaken+p.epoch, p.after)
		}
	}
	return h, err
}
