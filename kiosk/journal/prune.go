package journal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"baylight/kiosk"
)

// Keep is how long events stay on the board after they were receipted: a back
// office that was restored asks for them again.
const Keep = 90 * 24 * time.Hour

// pruneRows are dropped in one commit, so that an append waits for few.
const pruneRows = 2000

// Retention says what may be dropped.
type Retention struct {
	// Before: only what was recorded earlier goes. It lies at least Keep before
	// Now, which must come from a clock that can be trusted.
	Before, Now time.Time
	// Done is up to where everybody but the uplink is done with the current epoch.
	Done uint64
	// Needed are the ids of events that stay, with all that came after them.
	Needed []string
	// Settle is called once before anything goes, with the last event that will:
	// what these events made must be durable elsewhere when it returns. nil: nobody asks.
	Settle func(epoch string, seq uint64) error
}

// Prune drops the oldest events of the journal and returns how many. Dropped is
// what comes before all of these: the first event that the present ledger has
// no receipt for, or that Done does not cover; the first that was recorded at
// Before or later (an event of a clock that was not set goes by those after it);
// the first that is needed; the last event.
//
// Of what was dropped the hash of the last event stays, so that the chain holds
// from there on. Readers that are under way pass over it. After an error some
// of it may have been dropped.
func (j *Journal) Prune(ctx context.Context, r Retention) (dropped uint64, err error) {
	if r.Now.Sub(r.Before) < Keep {
		return 0, fmt.Errorf("prune journal: events stay %s, %s is only %s before %s", Keep, r.Before.Format(time.RFC3339), r.Now.Sub(r.Before), r.Now.Format(time.RFC3339))
	}
	end, err := j.disposable(ctx, r)
	if err == nil && end.pos > 0 && r.Settle != nil {
		err = r.Settle(end.epoch, end.seq)
	}
	for err == nil && end.pos > 0 {
		var n uint64
		if n, err = j.pruneSome(ctx, end); err != nil || n == 0 {
			break
		}
		dropped += n
		err = ctx.Err()
	}
	if err != nil {
		return dropped, fmt.Errorf("prune journal: %w", err)
	}
	if dropped > 0 {
		j.log.Info("journal pruned", "events", dropped, "before", r.Before)
	}
	return dropped, nil
}

// anchor is an event behind which everything may go.
type anchor struct {
	pos   uint64
	epoch string
	seq   uint64
}

// disposable is the last event that may be dropped, zero if none.
func (j *Journal) disposable(ctx context.Context, r Retention) (anchor, error) {
	receipt, ok, err := j.Receipt()
	if err != nil || !ok {
		return anchor{}, err
	}
	j.mu.Lock()
	l, head := j.layout, j.head.seq
	j.mu.Unlock()
	current := l.current()
	limit := current.base + min(receipt.Through, r.Done, head-min(head, 1))
	for _, id := range r.Needed {
		epoch, seq, err := kiosk.ParseEventID(id)
		if err != nil {
			return anchor{}, err
		}
		ep, ok := l.find(epoch)
		if !ok {
			return anchor{}, fmt.Errorf("event %s is of an epoch that is not here", id)
		}
		limit = min(limit, ep.base+seq-1)
	}
	again, err := j.repeated(ctx, l, receipt.Through)
	if err != nil {
		return anchor{}, err
	}
	if again { // ended epochs are receipted when their events in this one are
		return anchor{}, nil
	}
	var out anchor
	err = j.replayAll(ctx, 0, func(row Row, e kiosk.Event) error {
		ep, _ := l.find(e.Epoch)
		pos := ep.base + row.Seq
		old := e.Moment.Clock == kiosk.Unset || e.Moment.Wall.Before(r.Before)
		if pos > limit || !old {
			return errEnough
		}
		if e.Moment.Clock != kiosk.Unset {
			out = anchor{pos, e.Epoch, row.Seq}
		}
		return ctx.Err()
	})
	if err == errEnough {
		err = nil
	}
	return out, err
}

// errEnough ends a replay that has seen what it was for.
var errEnough = errors.New("enough")

// repeated says whether events that the current epoch records again lie beyond
// its receipt. They are its first.
func (j *Journal) repeated(ctx context.Context, l *layout, through uint64) (bool, error) {
	rows, err := j.page(ctx, l, l.current(), through, 1)
	if err != nil || len(rows) == 0 {
		return false, err
	}
	e, err := kiosk.Decode(rows[0].Bytes)
	return e.Was != "", err
}

// pruneSome drops up to pruneRows events in one commit.
func (j *Journal) pruneSome(ctx context.Context, end anchor) (uint64, error) {
	j.write.Lock()
	defer j.write.Unlock()
	if err := j.ready(); err != nil {
		return 0, err
	}
	var last int64
	var hash []byte
	var n uint64
	err := j.readers.QueryRowContext(ctx, `SELECT pos, hash, n FROM (SELECT pos, hash, row_number() OVER (ORDER BY pos) AS n
		FROM (SELECT pos, hash FROM events WHERE pos <= ? ORDER BY pos LIMIT ?)) ORDER BY pos DESC LIMIT 1`, int64(end.pos), pruneRows).Scan(&last, &hash, &n)
	if noRows(err) {
		return 0, nil
	}
	if err != nil {
		return 0, classify(err)
	}
	gone := hole{1, uint64(last), kiosk.Hash(hash)}
	j.mu.Lock()
	old, h := j.layout, j.head
	j.mu.Unlock()
	next := *old
	next.holes = []hole{gone}
	for _, o := range old.holes {
		if o.first > gone.last {
			next.holes = append(next.holes, o)
		}
	}
	// A reader that meets missing events looks for the hole, so it is shown before
	// they go; a commit that fails takes it back.
	j.advance(&next, h)
	err = j.commit(func(ctx context.Context) error { return j.drop(ctx, gone) })
	if err != nil {
		return 0, err
	}
	return n, nil
}

func (j *Journal) drop(ctx context.Context, gone hole) error {
	for _, s := range []struct {
		query string
		args  []any
	}{
		{"DELETE FROM events WHERE pos <= ?", []any{int64(gone.last)}},
		{"DELETE FROM holes WHERE last <= ?", []any{int64(gone.last)}},
		{"INSERT INTO holes (first, last, hash) VALUES (1, ?, ?)", []any{int64(gone.last), gone.hash[:]}},
	} {
		if _, err := j.writer.conn.ExecContext(ctx, s.query, s.args...); err != nil {
			return err
		}
	}
	return j.needReader(ctx)
}
