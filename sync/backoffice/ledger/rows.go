package ledger

import (
	"database/sql"
	"errors"

	"baylight/kiosk"
	"baylight/sync/backoffice/ledger/rule"
)

var (
	_ rule.Rows   = (*epoch)(nil)
	_ rule.Visits = visits{}
)

// Before and what follows is what the rules ask of an epoch.
func (ep *epoch) Before(seq uint64) (kiosk.Event, error) {
	var b []byte
	var when int64
	var uncertain bool
	ok, err := ep.c.found([]any{&b, &when, &uncertain}, `SELECT bytes, when_ms, uncertain FROM events
		WHERE epoch = ? AND source = ? AND seq < ? AND state <> 2 ORDER BY seq DESC LIMIT 1`, ep.at.Epoch, ep.at.Source, int64(seq))
	if !ok || err != nil {
		return kiosk.Event{}, err
	}
	return rule.Timed(b, when, uncertain)
}

// Since: see rule.Rows.
func (ep *epoch) Since(seq uint64, f func(rule.Row) error) error {
	rows, err := ep.c.query(`SELECT n, seq, when_ms, uncertain, store, visit, hash, state, bytes FROM events WHERE epoch = ? AND source = ? AND seq >= ? ORDER BY seq`,
		ep.at.Epoch, ep.at.Source, int64(seq))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var r rule.Row
		var hash []byte
		if err := rows.Scan(&r.Position, &r.Seq, &r.When, &r.Uncertain, &r.Store, &r.Visit, &hash, &r.State, &r.Bytes); err != nil {
			return err
		}
		r.Hash = kiosk.Hash(hash)
		if err := f(r); err != nil {
			return err
		}
	}
	return rows.Err()
}

// BootBegan: see rule.Rows.
func (ep *epoch) BootBegan(seq uint64) (first uint64, err error) {
	err = ep.c.get([]any{&first}, `SELECT coalesce(min(b.first), ?) FROM events e JOIN boots b ON b.source = e.source AND b.epoch = e.epoch AND b.boot = e.boot
		WHERE e.epoch = ? AND e.source = ? AND e.seq = ?`, int64(seq), ep.at.Epoch, ep.at.Source, int64(seq))
	return first, err
}

// Below: see rule.Rows.
func (ep *epoch) Below(seq uint64) (at uint64, err error) {
	_, err = ep.c.found([]any{&at}, `SELECT seq FROM events WHERE epoch = ? AND source = ? AND seq < ? ORDER BY seq DESC LIMIT 1`,
		ep.at.Epoch, ep.at.Source, int64(seq))
	return at, err
}

// Above: see rule.Rows.
func (ep *epoch) Above(seq uint64) (at uint64, b []byte, err error) {
	_, err = ep.c.found([]any{&at, &b}, `SELECT seq, bytes FROM events WHERE epoch = ? AND source = ? AND seq > ? ORDER BY seq LIMIT 1`,
		ep.at.Epoch, ep.at.Source, int64(seq))
	return at, b, err
}

// HashAt: see rule.Rows.
func (ep *epoch) HashAt(seq uint64) (kiosk.Hash, error) {
	var there []byte
	if err := ep.c.get([]any{&there}, `SELECT hash FROM events WHERE epoch = ? AND source = ? AND seq = ?`, ep.at.Epoch, ep.at.Source, int64(seq)); err != nil {
		return kiosk.Hash{}, err
	}
	return kiosk.Hash(there), nil
}

// Seam: see rule.Rows.
func (ep *epoch) Seam(seq uint64) error {
	return ep.c.exec(`INSERT INTO seams VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, ep.at.Source, ep.at.Epoch, int64(seq))
}

// Close: see rule.Rows.
func (ep *epoch) Close(seq uint64) (bool, error) {
	closed, err := ep.c.changes(`DELETE FROM seams WHERE source = ? AND epoch = ? AND seq = ?`, ep.at.Source, ep.at.Epoch, int64(seq))
	return closed > 0, err
}

// Forked: see rule.Rows.
func (ep *epoch) Forked() (forked bool, err error) {
	err = ep.c.get([]any{&forked}, `SELECT EXISTS(SELECT 1 FROM seams s JOIN events e ON e.epoch = s.epoch AND e.source = s.source AND e.seq = s.seq + 1
		WHERE s.source = ? AND s.epoch = ? AND s.seq > 0)`, ep.at.Source, ep.at.Epoch)
	return forked, err
}

// Left: see rule.Rows. Epochs of this batch know more than their rows.
func (ep *epoch) Left() (left bool, err error) {
	rows, err := ep.c.query(`SELECT epoch, max FROM epochs WHERE source = ? AND ord > (SELECT ord FROM epochs WHERE source = ? AND epoch = ?)`,
		ep.at.Source, ep.at.Source, ep.at.Epoch)
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
		if now := ep.c.epochs[place{Source: ep.at.Source, Epoch: name}]; top > 0 || now != nil && now.Max > 0 {
			left = true
		}
	}
	return left, rows.Err()
}

// Leave: see rule.Rows.
func (ep *epoch) Leave() error {
	rows, err := ep.c.query(`SELECT DISTINCT epoch FROM seams WHERE source = ? AND seq > 0`, ep.at.Source)
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
		seamed, err := ep.c.epoch(ep.store, place{Source: ep.at.Source, Epoch: name})
		if err != nil {
			return err
		}
		seamed.Again(1)
	}
	return nil
}

// visits answers what the rules ask of a store's visits.
type visits struct {
	c     *commit
	store string
}

// At: see rule.Visits.
func (v visits) At(epoch string, seq uint64, source string) (visit string, here bool, err error) {
	here, err = v.c.found([]any{&visit}, `SELECT visit FROM events WHERE epoch = ? AND seq = ? AND store = ?
		AND source IN (SELECT source FROM epochs WHERE epoch = ? AND store = ?) ORDER BY source = ? DESC, n LIMIT 1`,
		epoch, int64(seq), v.store, epoch, v.store, source)
	return visit, here, err
}

// Pinned: see rule.Visits.
func (v visits) Pinned(epoch string, seq uint64, hash kiosk.Hash) (visit string, here bool, err error) {
	here, err = v.c.found([]any{&visit}, `SELECT visit FROM events WHERE epoch = ? AND seq = ? AND store = ?
		AND source IN (SELECT source FROM epochs WHERE epoch = ? AND store = ?) AND hash = ? LIMIT 1`, epoch, int64(seq), v.store, epoch, v.store, hash[:])
	return visit, here, err
}

// Again: see rule.Visits.
func (v visits) Again(e *kiosk.Event, id string) (visit string, here bool, err error) {
	here, err = v.c.found([]any{&visit}, `SELECT visit FROM events WHERE was <> '' AND was > ? AND was < ? AND store = ?
		AND (visit <> '' OR source = ? AND epoch = ?) ORDER BY source = ? DESC, epoch = ? DESC, n LIMIT 1`,
		id+"#", id+"$", v.store, e.Source, e.Epoch, e.Source, e.Epoch)
	return visit, here, err
}

// AgainPinned: see rule.Visits.
func (v visits) AgainPinned(was string) (visit string, err error) {
	_, err = v.c.found([]any{&visit}, `SELECT visit FROM events WHERE was <> '' AND was = ? AND store = ? ORDER BY visit = '', n LIMIT 1`, was, v.store)
	return visit, err
}

// Waiting: see rule.Visits. Most ledgers have none, which is asked once a transaction.
func (v visits) Waiting(id string) (out []kiosk.Event, err error) {
	if err := v.c.ask(); err != nil || !v.c.waits {
		return nil, err
	}
	rows, err := v.c.query(`SELECT bytes FROM events WHERE target = ? AND visit = '' AND store = ? ORDER BY n`, id, v.store)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var b sql.RawBytes
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

// Give: see rule.Visits.
func (v visits) Give(correction *kiosk.Event, visit string) error {
	v.c.dirty[[2]string{v.store, visit}] = true
	return v.c.exec(`UPDATE events SET visit = ? WHERE epoch = ? AND source = ? AND seq = ?`, visit, correction.Epoch, correction.Source, int64(correction.Seq))
}
