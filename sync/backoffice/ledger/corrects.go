package ledger

import "baylight/kiosk"

// visitOf is the visit of the event that e corrects. After a rollback two events
// may have had one id: what stands in its own epoch means its neighbour there;
// what came later means the one that was recorded again, if there is one.
func (c *commit) visitOf(store string, e *kiosk.Event, id string) (visit string, err error) {
	ep, seq, err := kiosk.ParseEventID(id)
	if err != nil {
		return "", nil // a correction of nothing is kept and has no effect
	}
	neighbour := e.Was == "" && e.Epoch == ep
	if !neighbour {
		if visit, err = c.visitAgain(store, e.Source, id); err != nil || visit != "" {
			return visit, err
		}
	}
	_, err = c.found([]any{&visit}, `SELECT visit FROM events WHERE epoch = ? AND seq = ? AND store = ?
		AND source IN (SELECT source FROM epochs WHERE epoch = ? AND store = ?) ORDER BY source = ? DESC, n LIMIT 1`,
		ep, int64(seq), store, ep, store, e.Source)
	if err != nil || visit != "" || !neighbour {
		return visit, err
	}
	return c.visitAgain(store, e.Source, id)
}

// visitAgain is the visit of an event that was recorded again, by its first id.
func (c *commit) visitAgain(store, source, id string) (visit string, err error) {
	_, err = c.found([]any{&visit}, `SELECT visit FROM events WHERE was <> '' AND was > ? AND was < ? AND store = ? ORDER BY source = ? DESC, n LIMIT 1`,
		id+"#", id+"$", store, source)
	return visit, err
}

// claim gives corrections that came before their event its visit.
func (c *commit) claim(store, id, visit string) error {
	waits, err := c.flag(&c.waits, `SELECT EXISTS(SELECT 1 FROM events WHERE target <> '' AND visit = '')`)
	if err != nil || !waits {
		return err
	}
	var epoch, source string
	var seq uint64
	for {
		ok, err := c.found([]any{&epoch, &source, &seq}, `SELECT epoch, source, seq FROM events WHERE target = ? AND visit = '' AND store = ? LIMIT 1`, id, store)
		if err != nil || !ok {
			return err
		}
		if err := c.exec(`UPDATE events SET visit = ? WHERE epoch = ? AND source = ? AND seq = ?`, visit, epoch, source, int64(seq)); err != nil {
			return err
		}
		if err := c.claim(store, kiosk.EventID(epoch, seq), visit); err != nil {
			return err
		}
	}
}
