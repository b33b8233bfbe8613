package pgledger

import (
	"github.com/jackc/pgx/v5"

	"baylight/kiosk"
)

// visitOf is the visit of the event that e corrects. After a rollback two events
// may have had one id. A correction that carries the hash of what it means means
// that event, here or recorded again, and no other. Without: what stands in its
// own epoch means its neighbour there, the one recorded in that epoch or recorded again in it, and no other, though
// it belongs to no visit. Else it means one that was recorded again and has a
// visit, if there is one.
func (c *commit) visitOf(st int32, e *kiosk.Event, id string) (visit string, err error) {
	ep, seq, err := kiosk.ParseEventID(id)
	if err != nil || seq > 1<<63-1 {
		return "", nil // a correction of nothing is kept and has no effect
	}
	if hash := kiosk.Pinned(e.Data); hash != "" {
		return c.visitPinned(st, id, hash)
	}
	neighbour := e.Was == "" && e.Epoch == ep
	if !neighbour {
		if visit, here, err := c.visitAgain(st, e, id); err != nil || here {
			return visit, err
		}
	}
	here, err := c.found([]any{&visit}, `SELECT e.visit FROM epochs p JOIN events e ON e.st = p.st AND e.ep = p.ep AND e.seq = $2
		WHERE p.epoch = $1 AND p.st = $3 ORDER BY p.source = $4 DESC, e.n LIMIT 1`, plain(ep), int64(seq), st, plain(e.Source))
	if err != nil || here || !neighbour {
		return unplain(visit), err
	}
	visit, _, err = c.visitAgain(st, e, id)
	return visit, err
}

// visitPinned is the visit of the event with an id and a hash, be it here only as
// it was recorded again; "" if it is not here.
func (c *commit) visitPinned(st int32, id, hash string) (visit string, err error) {
	ep, seq, err := kiosk.ParseEventID(id)
	if err != nil || seq > 1<<63-1 {
		return "", nil
	}
	h, err := kiosk.ParseHash(hash)
	if err != nil {
		return "", nil // no event has such a hash
	}
	here, err := c.found([]any{&visit}, `SELECT e.visit FROM epochs p JOIN events e ON e.st = p.st AND e.ep = p.ep AND e.seq = $2
		WHERE p.epoch = $1 AND p.st = $3 AND e.hash = $4 LIMIT 1`, plain(ep), int64(seq), st, h[:])
	if err != nil || here {
		return unplain(visit), err
	}
	_, err = c.found([]any{&visit}, `SELECT visit FROM events WHERE st = $1 AND was = $2 AND was <> '' ORDER BY visit = '', n LIMIT 1`, st, plain(id+"#"+hash))
	return unplain(visit), err
}

// visitAgain is the visit of an event that was recorded again, by its first id:
// in the epoch of what corrects it, else where it has a visit.
func (c *commit) visitAgain(st int32, e *kiosk.Event, id string) (visit string, here bool, err error) {
	here, err = c.found([]any{&visit}, `SELECT e.visit FROM events e JOIN epochs p ON p.ep = e.ep
		WHERE e.st = $1 AND e.was <> '' AND e.was > $2 AND e.was < $3 AND (e.visit <> '' OR p.source = $4 AND p.epoch = $5)
		ORDER BY p.source = $4 DESC, p.epoch = $5 DESC, e.n LIMIT 1`,
		st, plain(id)+"#", plain(id)+"$", plain(e.Source), plain(e.Epoch))
	return unplain(visit), here, err
}

// claim gives corrections that came before their event its visit. Whether any
// wait for an event of the batch is known; deep asks for any other.
func (c *commit) claim(store string, st int32, id string, deep bool) error {
	if !deep && !c.waits[refKey{store, id}] {
		return nil
	}
	ws, err := c.waiting(st, id)
	if err != nil {
		return err
	}
	for _, w := range ws {
		visit, err := c.visitOf(st, &w, id)
		if err != nil {
			return err
		}
		if visit == "" { // it means another event of this id
			continue
		}
		if _, err := c.exec(`UPDATE events e SET visit = $1 FROM epochs p WHERE p.epoch = $2 AND p.source = $3 AND e.st = p.st AND e.ep = p.ep AND e.seq = $4`,
			plain(visit), plain(w.Epoch), plain(w.Source), int64(w.Seq)); err != nil {
			return err
		}
		c.dirty[visitKey{st, visit}] = true
		if err := c.claimAll(store, st, &w, true); err != nil {
			return err
		}
	}
	return nil
}

// claimAll is claim under each id of an event.
func (c *commit) claimAll(store string, st int32, e *kiosk.Event, deep bool) error {
	if err := c.claim(store, st, e.ID(), deep); err != nil || e.Was == "" {
		return err
	}
	return c.claim(store, st, e.Was, deep)
}

// waiting are the corrections of an id that have no visit yet.
func (c *commit) waiting(st int32, id string) (out []kiosk.Event, err error) {
	if err := c.flush(); err != nil {
		return nil, err
	}
	rows, err := c.tx.Query(c.ctx, `SELECT bytes FROM events WHERE st = $1 AND target = $2 AND target <> '' AND visit = '' ORDER BY n`, st, plain(id))
	if err != nil {
		return nil, err
	}
	var b []byte
	_, err = pgx.ForEachRow(rows, []any{&b}, func() error {
		e, err := kiosk.Decode(b)
		out = append(out, e)
		return err
	})
	return out, err
}
