package ledger

import "baylight/kiosk"

// visitOf is the visit of the event that e corrects. After a rollback two events
// may have had one id. A correction that carries the hash of what it means means
// that event, here or recorded again, and no other. Without: what stands in its own epoch means its neighbour there,
// the one recorded in that epoch or recorded again in it, and no other, though
// it belongs to no visit. Else it means one that was recorded again and has a
// visit, if there is one.
func (c *commit) visitOf(store string, e *kiosk.Event, id string) (visit string, err error) {
	ep, seq, err := kiosk.ParseEventID(id)
	if err != nil {
		return "", nil // a correction of nothing is kept and has no effect
	}
	if hash := kiosk.Pinned(e.Data); hash != "" {
		return c.visitPinned(store, id, hash)
	}
	neighbour := e.Was == "" && e.Epoch == ep
	if !neighbour {
		if visit, here, err := c.visitAgain(store, e, id); err != nil || here {
			return visit, err
		}
	}
	here, err := c.found([]any{&visit}, `SELECT visit FROM events WHERE epoch = ? AND seq = ? AND store = ?
		AND source IN (SELECT source FROM epochs WHERE epoch = ? AND store = ?) ORDER BY source = ? DESC, n LIMIT 1`,
		ep, int64(seq), store, ep, store, e.Source)
	if err != nil || here || !neighbour {
		return visit, err
	}
	visit, _, err = c.visitAgain(store, e, id)
	return visit, err
}

// visitPinned is the visit of the event with an id and a hash, be it here only as
// it was recorded again; "" if it is not here.
func (c *commit) visitPinned(store, id, hash string) (visit string, err error) {
	ep, seq, err := kiosk.ParseEventID(id)
	if err != nil {
		return "", nil
	}
	h, err := kiosk.ParseHash(hash)
	if err != nil {
		return "", nil // no event has such a hash
	}
	here, err := c.found([]any{&visit}, `SELECT visit FROM events WHERE epoch = ? AND seq = ? AND store = ?
		AND source IN (SELECT source FROM epochs WHERE epoch = ? AND store = ?) AND hash = ? LIMIT 1`, ep, int64(seq), store, ep, store, h[:])
	if err != nil || here {
		return visit, err
	}
	_, err = c.found([]any{&visit}, `SELECT visit FROM events WHERE was <> '' AND was = ? AND store = ? ORDER BY visit = '', n LIMIT 1`, id+"#"+hash, store)
	return visit, err
}

// visitAgain is the visit of an event that was recorded again, by its first id:
// in the epoch of what corrects it, else where it has a visit.
func (c *commit) visitAgain(store string, e *kiosk.Event, id string) (visit string, here bool, err error) {
	here, err = c.found([]any{&visit}, `SELECT visit FROM events WHERE was <> '' AND was > ? AND was < ? AND store = ?
		AND (visit <> '' OR source = ? AND epoch = ?) ORDER BY source = ? DESC, epoch = ? DESC, n LIMIT 1`,
		id+"#", id+"$", store, e.Source, e.Epoch, e.Source, e.Epoch)
	return visit, here, err
}

// claim gives corrections that came before their event its visit.
func (c *commit) claim(store, id string) error {
	if err := c.ask(); err != nil || !c.waits {
		return err
	}
	ws, err := c.waiting(store, id)
	if err != nil {
		return err
	}
	for _, w := range ws {
		visit, err := c.visitOf(store, &w, id)
		if err != nil {
			return err
		}
		if visit == "" { // it means another event of this id
			continue
		}
		if err := c.exec(`UPDATE events SET visit = ? WHERE epoch = ? AND source = ? AND seq = ?`, visit, w.Epoch, w.Source, int64(w.Seq)); err != nil {
			return err
		}
		c.dirty[[2]string{store, visit}] = true
		if err := c.claimAll(store, &w); err != nil {
			return err
		}
	}
	return nil
}

// claimAll is claim under each id of an event.
func (c *commit) claimAll(store string, e *kiosk.Event) error {
	if err := c.claim(store, e.ID()); err != nil || e.Was == "" {
		return err
	}
	return c.claim(store, e.Was)
}

// waiting are the corrections of an id that have no visit yet.
func (c *commit) waiting(store, id string) (out []kiosk.Event, err error) {
	rows, err := c.query(`SELECT bytes FROM events WHERE target = ? AND visit = '' AND store = ? ORDER BY n`, id, store)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var b []byte
		if err := rows.Scan(&b); err != nil {
			return nil, err
		}
		e, err := kiosk.Decode(b)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, rows.Err()
}
