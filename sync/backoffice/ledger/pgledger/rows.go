package pgledger

import (
	"fmt"
	"math"
	"slices"

	"github.com/jackc/pgx/v5"

	"baylight/kiosk"
	"baylight/sync/backoffice/ledger/rule"
)

var (
	_ rule.Rows   = (*epoch)(nil)
	_ rule.Near   = (*epoch)(nil)
	_ rule.Visits = (*visits)(nil)
)

// Before and what follows is what the rules ask of an epoch.
func (ep *epoch) Before(seq uint64) (kiosk.Event, error) {
	if ep.near != nil && seq > ep.Max { // asked for as events are put in their places, and the times at rest stand
		if below, _ := ep.near.beside(seq); below != nil && below.seq == ep.Max && below.event.Data != nil {
			return below.event, nil
		}
	}
	var b []byte
	var when int64
	var uncertain bool
	ok, err := ep.c.found([]any{&b, &when, &uncertain}, `SELECT bytes, when_ms, uncertain FROM events
		WHERE st = $1 AND ep = $2 AND seq < $3 AND state <> 2 ORDER BY seq DESC LIMIT 1`, ep.st, ep.ep, int64(min(seq, math.MaxInt64)))
	if !ok || err != nil {
		return kiosk.Event{}, err
	}
	return rule.Timed(b, when, uncertain)
}

// Since: see rule.Rows.
func (ep *epoch) Since(seq uint64, f func(rule.Row) error) error {
	if err := ep.c.flush(); err != nil {
		return err
	}
	rows, err := ep.c.tx.Query(ep.c.ctx, `SELECT n, seq, when_ms, uncertain, visit, hash, state, bytes FROM events WHERE st = $1 AND ep = $2 AND seq >= $3 ORDER BY seq`,
		ep.st, ep.ep, int64(seq))
	if err != nil {
		return err
	}
	var r rule.Row
	var at int64
	var hash []byte
	_, err = pgx.ForEachRow(rows, []any{&r.Position, &at, &r.When, &r.Uncertain, &r.Visit, &hash, &r.State, &r.Bytes}, func() error {
		x := r
		x.Seq, x.Store, x.Visit, x.Hash = uint64(at), ep.store, unplain(r.Visit), kiosk.Hash(hash)
		return f(x)
	})
	return err
}

// BootBegan: see rule.Rows.
func (ep *epoch) BootBegan(seq uint64) (uint64, error) {
	var first int64
	err := ep.c.get([]any{&first}, `SELECT coalesce(min(b.first), $3) FROM events e JOIN boots b ON b.ep = e.ep AND b.boot = e.boot WHERE e.st = $1 AND e.ep = $2 AND e.seq = $3`,
		ep.st, ep.ep, int64(seq))
	return uint64(first), err
}

// Below: see rule.Rows.
func (ep *epoch) Below(seq uint64) (uint64, error) {
	n, err := ep.beside()
	if err != nil {
		return 0, err
	}
	below, _ := n.beside(seq)
	if below == nil {
		return 0, nil
	}
	return below.seq, nil
}

// Above: see rule.Rows.
func (ep *epoch) Above(seq uint64) (uint64, []byte, error) {
	n, err := ep.beside()
	if err != nil {
		return 0, nil, err
	}
	_, above := n.beside(seq)
	if above == nil {
		return 0, nil, nil
	}
	return above.seq, above.bytes, nil
}

// Near: see rule.Near.
func (ep *epoch) Near(seq uint64) (below, above kiosk.Event, err error) {
	n, err := ep.beside()
	if err != nil {
		return below, above, err
	}
	b, a := n.beside(seq)
	if b != nil && a != nil {
		below, above = b.event, a.event
	}
	return below, above, nil
}

// HashAt: see rule.Rows.
func (ep *epoch) HashAt(seq uint64) (kiosk.Hash, error) {
	n, err := ep.beside()
	if err != nil {
		return kiosk.Hash{}, err
	}
	i, taken := n.find(seq)
	if !taken {
		return kiosk.Hash{}, fmt.Errorf("find event %d of epoch %s: it is not beside what came", seq, ep.at.Epoch)
	}
	return n.events[i].hash, nil
}

// Seam: see rule.Rows. It is written when the batch is settled.
func (ep *epoch) Seam(seq uint64) error {
	n, err := ep.beside()
	if err != nil {
		return err
	}
	n.seams[seq], n.wrote[seq] = true, true
	return nil
}

// Close: see rule.Rows.
func (ep *epoch) Close(seq uint64) (bool, error) {
	n, err := ep.beside()
	if err != nil || !n.seams[seq] {
		return false, err
	}
	n.wrote[seq] = false
	delete(n.seams, seq)
	delete(n.forks, seq)
	return true, nil
}

// Forked: see rule.Rows.
func (ep *epoch) Forked() (bool, error) {
	n, err := ep.beside()
	if err != nil {
		return false, err
	}
	for seq := range n.seams {
		if _, taken := n.find(seq + 1); seq > 0 && (taken || n.forks[seq]) {
			return true, nil
		}
	}
	return false, nil
}

// Left: see rule.Rows. Epochs of this batch know more than their rows.
func (ep *epoch) Left() (bool, error) {
	n, err := ep.beside()
	if err != nil {
		return false, err
	}
	for at, other := range ep.c.epochs {
		if at.Source == ep.at.Source && other.ep > ep.ep && other.Max > 0 {
			return true, nil
		}
	}
	return n.left, nil
}

// Leave: see rule.Rows.
func (ep *epoch) Leave() error {
	rows, err := ep.c.tx.Query(ep.c.ctx, `SELECT DISTINCT p.epoch FROM epochs p JOIN seams s ON s.ep = p.ep AND s.seq > 0 WHERE p.source = $1`, plain(ep.at.Source))
	if err != nil {
		return err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for at, other := range ep.c.epochs { // what was not written yet
		if name := plain(at.Epoch); at.Source == ep.at.Source && other.Seamed && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, name := range names {
		seamed, err := ep.c.epoch(ep.store, place{Source: ep.at.Source, Epoch: unplain(name)})
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
	st    int32
	deep  bool // ids that are not of the batch are asked for as well
}

// At: see rule.Visits.
func (v *visits) At(epoch string, seq uint64, source string) (visit string, here bool, err error) {
	here, err = v.c.found([]any{&visit}, `SELECT e.visit FROM epochs p JOIN events e ON e.st = p.st AND e.ep = p.ep AND e.seq = $2
		WHERE p.epoch = $1 AND p.st = $3 ORDER BY p.source = $4 DESC, e.n LIMIT 1`, plain(epoch), int64(seq), v.st, plain(source))
	return unplain(visit), here, err
}

// Pinned: see rule.Visits.
func (v *visits) Pinned(epoch string, seq uint64, hash kiosk.Hash) (visit string, here bool, err error) {
	here, err = v.c.found([]any{&visit}, `SELECT e.visit FROM epochs p JOIN events e ON e.st = p.st AND e.ep = p.ep AND e.seq = $2
		WHERE p.epoch = $1 AND p.st = $3 AND e.hash = $4 LIMIT 1`, plain(epoch), int64(seq), v.st, hash[:])
	return unplain(visit), here, err
}

// Again: see rule.Visits.
func (v *visits) Again(e *kiosk.Event, id string) (visit string, here bool, err error) {
	here, err = v.c.found([]any{&visit}, `SELECT e.visit FROM events e JOIN epochs p ON p.ep = e.ep
		WHERE e.st = $1 AND e.was <> '' AND e.was > $2 AND e.was < $3 AND (e.visit <> '' OR p.source = $4 AND p.epoch = $5)
		ORDER BY p.source = $4 DESC, p.epoch = $5 DESC, e.n LIMIT 1`,
		v.st, plain(id)+"#", plain(id)+"$", plain(e.Source), plain(e.Epoch))
	return unplain(visit), here, err
}

// AgainPinned: see rule.Visits.
func (v *visits) AgainPinned(was string) (visit string, err error) {
	_, err = v.c.found([]any{&visit}, `SELECT visit FROM events WHERE st = $1 AND was = $2 AND was <> '' ORDER BY visit = '', n LIMIT 1`, v.st, plain(was))
	return unplain(visit), err
}

// Waiting: see rule.Visits. Whether any wait for an event of the batch is known.
func (v *visits) Waiting(id string) (out []kiosk.Event, err error) {
	if !v.deep && !v.c.waits[refKey{v.store, id}] {
		return nil, nil
	}
	if err := v.c.flush(); err != nil {
		return nil, err
	}
	rows, err := v.c.tx.Query(v.c.ctx, `SELECT bytes FROM events WHERE st = $1 AND target = $2 AND target <> '' AND visit = '' ORDER BY n`, v.st, plain(id))
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

// Give: see rule.Visits.
func (v *visits) Give(correction *kiosk.Event, visit string) error {
	v.c.dirty[visitKey{v.st, visit}], v.deep = true, true
	_, err := v.c.exec(`UPDATE events e SET visit = $1 FROM epochs p WHERE p.epoch = $2 AND p.source = $3 AND e.st = p.st AND e.ep = p.ep AND e.seq = $4`,
		plain(visit), plain(correction.Epoch), plain(correction.Source), int64(correction.Seq))
	return err
}
