package ledger

import (
	"context"
	"database/sql"
	"errors"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/wire"
)

// seamTable holds the events that the next one of their epoch does not follow:
// something is missing between, or the next is of another history. The hash of a
// later event proves nothing across them. What a program of version 1 took in is
// not noted: of that receipts tell as little as they did then.
const seamTable = `
CREATE TABLE seams(
	source TEXT NOT NULL, epoch TEXT NOT NULL, seq INTEGER NOT NULL,
	PRIMARY KEY(source, epoch, seq)) STRICT, WITHOUT ROWID;
`

// chain tells where what comes in order of sequence stops being one.
type chain struct {
	begun, broken bool
	last          kiosk.Hash
}

// add takes the next one; it says whether an event does not follow the event
// before it, through whatever could not be read between.
func (c *chain) add(hash, prev kiosk.Hash, event bool) (broken bool) {
	c.broken = c.broken || c.begun && c.last != prev
	c.begun, c.last = true, hash
	if event {
		broken, c.broken = c.broken, false
	}
	return broken
}

// mixed says whether two histories may have gone on in an epoch: another one stands
// right behind an event, or it is not one chain and was left. In the epoch a
// source is at, what is missing may still come.
func (c *commit) mixed(at place, ep *epoch) (mixed bool, err error) {
	if !ep.seamed {
		return false, nil
	}
	if err := c.get([]any{&mixed}, `SELECT EXISTS(SELECT 1 FROM seams s JOIN events e ON e.epoch = s.epoch AND e.source = s.source AND e.seq = s.seq + 1
		WHERE s.source = ? AND s.epoch = ? AND s.seq > 0)`, at.source, at.epoch); err != nil || mixed {
		return mixed, err
	}
	rows, err := c.query(`SELECT epoch, max FROM epochs WHERE source = ? AND ord > (SELECT ord FROM epochs WHERE source = ? AND epoch = ?)`, at.source, at.source, at.epoch)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var top uint64
		if err := rows.Scan(&name, &top); err != nil {
			return false, err
		}
		if now := c.epochs[place{at.source, name}]; top > 0 || now != nil && now.max > 0 {
			mixed = true
		}
	}
	return mixed, rows.Err()
}

// leave is called when a source begins an epoch: the times of those before it, if
// they are not one chain, are derived anew.
func (c *commit) leave(store string, at place) error {
	rows, err := c.query(`SELECT DISTINCT epoch FROM seams WHERE source = ? AND seq > 0`, at.source)
	if err != nil {
		return err
	}
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return errors.Join(err, rows.Close())
		}
		names = append(names, name)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	for _, name := range names {
		ep, err := c.epoch(store, place{at.source, name})
		if err != nil {
			return err
		}
		ep.again(1)
	}
	return nil
}

// seams is called before an event takes its place; prev is zero if that cannot
// be told. 0 stands for what the first event of an epoch follows. Events come in order nearly always: then nothing is asked or written.
func (c *commit) seams(at place, ep *epoch, seq uint64, prev, hash kiosk.Hash) error {
	if ep.max == 0 {
		if err := c.leave(ep.store, at); err != nil {
			return err
		}
	}
	if seq > ep.max {
		if seq == ep.max+1 && !ep.broken {
			return nil // strays compared them
		}
		return c.seam(at, ep, ep.max, seq, prev, nil)
	}
	var before uint64
	if _, err := c.found([]any{&before}, `SELECT seq FROM events WHERE epoch = ? AND source = ? AND seq < ? ORDER BY seq DESC LIMIT 1`,
		at.epoch, at.source, int64(seq)); err != nil {
		return err
	}
	if err := c.seam(at, ep, before, seq, prev, nil); err != nil {
		return err
	}
	var after uint64
	var b []byte
	above, err := c.found([]any{&after, &b}, `SELECT seq, bytes FROM events WHERE epoch = ? AND source = ? AND seq > ? ORDER BY seq LIMIT 1`,
		at.epoch, at.source, int64(seq))
	if err != nil || !above {
		return err
	}
	return c.seam(at, ep, seq, after, backoffice.Prev(b), &hash)
}

// seam notes whether next, which says that it follows the event with the hash
// prev, follows the one at seq. hash is of that one, nil: it is here already.
func (c *commit) seam(at place, ep *epoch, seq, next uint64, prev kiosk.Hash, hash *kiosk.Hash) error {
	switch {
	case hash != nil || next != seq+1:
	case seq == 0:
		hash = &kiosk.Hash{}
	default:
		var there []byte
		if err := c.get([]any{&there}, `SELECT hash FROM events WHERE epoch = ? AND source = ? AND seq = ?`, at.epoch, at.source, int64(seq)); err != nil {
			return err
		}
		hash = (*kiosk.Hash)(there)
	}
	if next == seq+1 && *hash == prev {
		mixed, err := c.mixed(at, ep)
		if err != nil {
			return err
		}
		closed, err := c.changes(`DELETE FROM seams WHERE source = ? AND epoch = ? AND seq = ?`, at.source, at.epoch, int64(seq))
		if mixed && closed > 0 {
			ep.again(1)
		}
		return err
	}
	ep.seamed, ep.opened = true, true
	if next == seq+1 {
		ep.again(1)
	}
	return c.exec(`INSERT INTO seams VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, at.source, at.epoch, int64(seq))
}

// taken adds to the epochs of a source the places that their chains do not
// prove; top are their highest events.
func taken(ctx context.Context, q querier, source string, epochs []wire.Epoch, top []uint64) error {
	byName := map[string]int{}
	for i := range epochs {
		byName[epochs[i].Epoch] = i
	}
	err := each(ctx, q, func(r *sql.Rows) error {
		var epoch string
		var t wire.Taken
		var hash []byte
		if err := r.Scan(&epoch, &t.Seq, &hash); err != nil {
			return err
		}
		i, ok := byName[epoch]
		if !ok || t.Seq >= epochs[i].Through {
			return nil
		}
		if t.Seq > 0 {
			t.Hash = kiosk.Hash(hash)
		}
		e := &epochs[i]
		if e.Taken = append(e.Taken, t); len(e.Taken) > wire.MaxTaken {
			e.TakenAfter, e.Taken = e.Taken[0].Seq, e.Taken[1:]
		}
		return nil
	}, `SELECT s.epoch, s.seq, e.hash FROM seams s LEFT JOIN events e ON e.epoch = s.epoch AND e.source = s.source AND e.seq = s.seq
		WHERE s.source = ? ORDER BY s.epoch, s.seq`, source)
	if err != nil {
		return err
	}
	for i := range epochs {
		e := &epochs[i]
		if top[i] <= e.Through {
			continue
		}
		var t wire.Taken
		var hash []byte
		if err := q.QueryRowContext(ctx, `SELECT seq, hash FROM events WHERE epoch = ? AND source = ? AND seq > ? ORDER BY seq LIMIT 1`,
			e.Epoch, source, int64(e.Through)).Scan(&t.Seq, &hash); err != nil {
			return err
		}
		t.Hash = kiosk.Hash(hash)
		if e.Taken = append(e.Taken, t); len(e.Taken) > wire.MaxTaken {
			e.TakenAfter, e.Taken = e.Taken[0].Seq, e.Taken[1:]
		}
	}
	return nil
}
