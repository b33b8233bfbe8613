package ledger

import (
	"database/sql"
	"errors"
	"math"

	"baylight/kiosk"
)

// place gives an event its corrected time as it is appended: kiosk.Correct on
// it and its predecessor. What does not come at the end of its epoch, and a
// clock that was set, is corrected by settle.
func (ep *epoch) place(e *kiosk.Event) (when int64, uncertain bool) {
	first, seen := ep.boots[e.Moment.Boot]
	if !seen || e.Seq < first {
		ep.boots[e.Moment.Boot] = e.Seq
	}
	pair := []kiosk.Event{before(ep.last), *e}
	pair[1].Moment.Wall = ms(e.Moment.Wall.UnixMilli())
	kiosk.Correct(pair)
	when, uncertain = pair[1].When.UnixMilli(), pair[1].Uncertain
	_, set := e.Data.(*kiosk.ClockSet)
	if e.Seq < ep.max {
		ep.again(e.Seq)
	}
	if set {
		ep.sets = append(ep.sets, e.Moment.Boot)
	}
	if e.Seq > ep.max {
		ep.max, ep.last = e.Seq, when
	}
	return when, uncertain
}

func (ep *epoch) again(seq uint64) {
	if ep.redo == 0 || seq < ep.redo {
		ep.redo = seq
	}
}

// before is an event that says only how late it is.
func before(last int64) kiosk.Event {
	e := kiosk.Event{Data: &kiosk.Unknown{}, Moment: kiosk.Moment{Clock: kiosk.Synced}}
	if last != minTime {
		e.Moment.Wall = ms(last)
	}
	return e
}

// settle brings an epoch's row and times up to date after its events came in.
func (c *commit) settle(at place, ep *epoch) error {
	for boot, first := range ep.boots {
		if err := c.exec(`INSERT INTO boots VALUES (?, ?, ?, ?) ON CONFLICT(source, epoch, boot) DO UPDATE SET first = min(first, excluded.first)`,
			at.source, at.epoch, boot, int64(first)); err != nil {
			return err
		}
	}
	for _, boot := range ep.sets {
		var first uint64
		if err := c.get([]any{&first}, `SELECT first FROM boots WHERE source = ? AND epoch = ? AND boot = ?`, at.source, at.epoch, boot); err != nil {
			return err
		}
		ep.again(first)
	}
	if ep.redo > 0 {
		if err := c.correct(at, ep); err != nil {
			return err
		}
	}
	if err := c.advance(at, ep); err != nil {
		return err
	}
	return c.exec(`UPDATE epochs SET through = ?, hash = ?, max = ?, last_ms = ? WHERE source = ? AND epoch = ?`,
		int64(ep.through), ep.hash, int64(ep.max), ep.last, at.source, at.epoch)
}

// light is what correcting needs of a row.
type light struct {
	store, visit string
	when         int64
	uncertain    bool
}

// correct corrects the times of an epoch again from ep.redo on and marks the
// visits whose events moved.
func (c *commit) correct(at place, ep *epoch) error {
	last := int64(minTime)
	if _, err := c.found([]any{&last}, `SELECT when_ms FROM events WHERE epoch = ? AND source = ? AND seq < ? AND state <> 2 ORDER BY seq DESC LIMIT 1`,
		at.epoch, at.source, int64(ep.redo)); err != nil {
		return err
	}
	events, old, err := c.lights(at, ep.redo)
	if err != nil {
		return err
	}
	all := append([]kiosk.Event{before(last)}, events...)
	kiosk.Correct(all)
	for i, e := range all[1:] {
		when := e.When.UnixMilli()
		ep.last = when
		if when == old[i].when && e.Uncertain == old[i].uncertain {
			continue
		}
		if err := c.exec(`UPDATE events SET when_ms = ?, uncertain = ? WHERE epoch = ? AND source = ? AND seq = ?`,
			when, e.Uncertain, at.epoch, at.source, int64(e.Seq)); err != nil {
			return err
		}
		if old[i].visit != "" {
			c.dirty[[2]string{old[i].store, old[i].visit}] = true
		}
	}
	return nil
}

func (c *commit) lights(at place, from uint64) (events []kiosk.Event, old []light, err error) {
	s, err := c.stmt(`SELECT seq, boot, clock, wall_ms, when_ms, uncertain, store, visit, CASE type WHEN 'kiosk.clock_set' THEN bytes END
		FROM events WHERE epoch = ? AND source = ? AND seq >= ? AND state <> 2 ORDER BY seq`)
	if err != nil {
		return nil, nil, err
	}
	rows, err := s.Query(at.epoch, at.source, int64(from))
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var l light
		var wall int64
		var b []byte
		e := kiosk.Event{Data: &kiosk.Unknown{}}
		if err := rows.Scan(&e.Seq, &e.Moment.Boot, &e.Moment.Clock, &wall, &l.when, &l.uncertain, &l.store, &l.visit, &b); err != nil {
			return nil, nil, err
		}
		e.Moment.Wall = ms(wall)
		if b != nil {
			full, err := kiosk.Decode(b)
			if err != nil {
				return nil, nil, err
			}
			e.Data = full.Data
		}
		events, old = append(events, e), append(old, l)
	}
	return events, old, rows.Err()
}

// advance moves the contiguous prefix of an epoch: every sequence up to it is
// here with its person part, or was destroyed.
func (c *commit) advance(at place, ep *epoch) error {
	s, err := c.stmt(`SELECT e.seq, e.hash, e.digest = '' OR p.seq IS NOT NULL FROM events e
		LEFT JOIN persons p ON p.epoch = e.epoch AND p.source = e.source AND p.seq = e.seq
		WHERE e.epoch = ? AND e.source = ? AND e.seq > ? ORDER BY e.seq`)
	if err != nil {
		return err
	}
	rows, err := s.Query(at.epoch, at.source, int64(ep.through))
	if err != nil {
		return err
	}
	defer rows.Close()
	next := ep.through + 1
	for rows.Next() {
		var seq uint64
		var hash []byte
		var whole bool
		if err := rows.Scan(&seq, &hash, &whole); err != nil {
			return err
		}
		for next < seq {
			end, err := c.destroyed(at, next)
			if err != nil {
				return err
			}
			if end == 0 {
				return nil
			}
			next = end + 1
		}
		if !whole {
			return nil
		}
		if seq >= next {
			next = seq + 1
		}
		ep.through, ep.hash = seq, hash
		ep.max = max(ep.max, seq)
	}
	return rows.Err()
}

// destroyed is the end of a destroyed range that covers seq, 0 if none does.
func (c *commit) destroyed(at place, seq uint64) (end uint64, err error) {
	if seq > math.MaxInt64 {
		return 0, nil
	}
	err = c.get([]any{&end}, `SELECT coalesce(max(last), 0) FROM lost WHERE source = ? AND epoch = ? AND first <= ? AND last >= ?`,
		at.source, at.epoch, int64(seq), int64(seq))
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return end, err
}
