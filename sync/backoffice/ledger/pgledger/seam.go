package pgledger

import (
	"context"

	"github.com/jackc/pgx/v5"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/wire"
)

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

// mixed says whether two histories may have gone on in an epoch: another one
// stands right behind an event, or it is not one chain and was left.
func (c *commit) mixed(at place, ep *epoch) (mixed bool, err error) {
	if !ep.seamed {
		return false, nil
	}
	if err := c.get([]any{&mixed}, `SELECT EXISTS(SELECT 1 FROM seams s JOIN events e ON e.st = $1 AND e.ep = s.ep AND e.seq = s.seq + 1 WHERE s.ep = $2 AND s.seq > 0)`,
		ep.st, ep.ep); err != nil || mixed {
		return mixed, err
	}
	rows, err := c.tx.Query(c.ctx, `SELECT epoch, max FROM epochs WHERE source = $1 AND ep > $2`, plain(at.source), ep.ep)
	if err != nil {
		return false, err
	}
	var name string
	var top int64
	_, err = pgx.ForEachRow(rows, []any{&name, &top}, func() error {
		if now := c.epochs[place{at.source, unplain(name)}]; top > 0 || now != nil && now.max > 0 {
			mixed = true
		}
		return nil
	})
	return mixed, err
}

// leave is called when a source begins an epoch: the times of those before it, if
// they are not one chain, are derived anew.
func (c *commit) leave(store string, at place) error {
	rows, err := c.tx.Query(c.ctx, `SELECT DISTINCT p.epoch FROM epochs p JOIN seams s ON s.ep = p.ep AND s.seq > 0 WHERE p.source = $1`, plain(at.source))
	if err != nil {
		return err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, name := range names {
		ep, err := c.epoch(store, place{at.source, unplain(name)})
		if err != nil {
			return err
		}
		ep.again(1)
	}
	return nil
}

// seams is called before an event takes its place; prev is zero if that cannot
// be told. 0 stands for what the first event of an epoch follows. Events come in
// order nearly always: then nothing is asked or written.
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
	var before int64
	if err := c.get([]any{&before}, `SELECT coalesce(max(seq), 0) FROM events WHERE st = $1 AND ep = $2 AND seq < $3`, ep.st, ep.ep, int64(seq)); err != nil {
		return err
	}
	if err := c.seam(at, ep, uint64(before), seq, prev, nil); err != nil {
		return err
	}
	var after int64
	var b []byte
	above, err := c.found([]any{&after, &b}, `SELECT seq, bytes FROM events WHERE st = $1 AND ep = $2 AND seq > $3 ORDER BY seq LIMIT 1`, ep.st, ep.ep, int64(seq))
	if err != nil || !above {
		return err
	}
	return c.seam(at, ep, seq, uint64(after), backoffice.Prev(b), &hash)
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
		if err := c.get([]any{&there}, `SELECT hash FROM events WHERE st = $1 AND ep = $2 AND seq = $3`, ep.st, ep.ep, int64(seq)); err != nil {
			return err
		}
		hash = (*kiosk.Hash)(there)
	}
	if next == seq+1 && *hash == prev {
		mixed, err := c.mixed(at, ep)
		if err != nil {
			return err
		}
		closed, err := c.exec(`DELETE FROM seams WHERE ep = $1 AND seq = $2`, ep.ep, int64(seq))
		if mixed && closed > 0 {
			ep.again(1)
		}
		return err
	}
	ep.seamed, ep.opened = true, true
	if next == seq+1 {
		ep.again(1)
	}
	_, err := c.exec(`INSERT INTO seams VALUES ($1, $2) ON CONFLICT DO NOTHING`, ep.ep, int64(seq))
	return err
}

// heard is an epoch as a receipt speaks of it.
type heard struct {
	wire.Epoch
	st  int32
	ep  int64
	top uint64 // its highest event
}

func (h *heard) take(t wire.Taken) {
	if h.Taken = append(h.Taken, t); len(h.Taken) > wire.MaxTaken {
		h.TakenAfter, h.Taken = h.Taken[0].Seq, h.Taken[1:]
	}
}

// taken adds to epochs the places that their chains do not prove.
func taken(ctx context.Context, q querier, all []heard) error {
	byNumber := map[int64]*heard{}
	var eps []int64
	for i := range all {
		byNumber[all[i].ep] = &all[i]
		eps = append(eps, all[i].ep)
	}
	rows, err := q.Query(ctx, `SELECT s.ep, s.seq, e.hash FROM seams s JOIN epochs p ON p.ep = s.ep LEFT JOIN events e ON e.st = p.st AND e.ep = s.ep AND e.seq = s.seq
		WHERE s.ep = ANY($1) ORDER BY s.ep, s.seq`, eps)
	if err != nil {
		return err
	}
	var ep, seq int64
	var hash []byte
	if _, err := pgx.ForEachRow(rows, []any{&ep, &seq, &hash}, func() error {
		h := byNumber[ep]
		if uint64(seq) >= h.Through {
			return nil
		}
		t := wire.Taken{Seq: uint64(seq)}
		if seq > 0 {
			t.Hash = kiosk.Hash(hash)
		}
		h.take(t)
		return nil
	}); err != nil {
		return err
	}
	for i := range all {
		h := &all[i]
		if h.top <= h.Through {
			continue
		}
		if err := q.QueryRow(ctx, `SELECT seq, hash FROM events WHERE st = $1 AND ep = $2 AND seq > $3 ORDER BY seq LIMIT 1`,
			h.st, h.ep, int64(h.Through)).Scan(&seq, &hash); err != nil {
			return err
		}
		h.take(wire.Taken{Seq: uint64(seq), Hash: kiosk.Hash(hash)})
	}
	return nil
}
