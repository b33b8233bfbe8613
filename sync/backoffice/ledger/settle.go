package ledger

import (
	"database/sql"
	"errors"
	"fmt"
	"math"

	"baylight/kiosk"
	"baylight/sync/backoffice"
)

// place gives an event its corrected time as it is appended: kiosk.Follow on its
// predecessor. What does not come at the end of its epoch, and what moves others,
// is corrected by settle.
func (c *commit) place(at place, ep *epoch, e kiosk.Event) (when int64, uncertain bool, err error) {
	if ep.max > 0 && ep.tail.Data == nil {
		if ep.tail, err = c.tail(at, ep.max+1); err != nil {
			return 0, false, err
		}
	}
	if e.Seq < ep.max || ep.tail.Data == nil || e.Moment.Boot != ep.tail.Moment.Boot { // else its boot is known
		if first, seen := ep.boots[e.Moment.Boot]; !seen || e.Seq < first {
			ep.boots[e.Moment.Boot] = e.Seq
		}
	}
	e.Moment.Wall = ms(e.Moment.Wall.UnixMilli())
	if again := kiosk.Follow(ep.tail, &e); again || e.Seq < ep.max {
		ep.again(e.Seq)
	}
	if e.Seq > ep.max {
		ep.max, ep.last, ep.tail = e.Seq, e.When.UnixMilli(), e
	}
	return e.When.UnixMilli(), e.Uncertain, nil
}

func (ep *epoch) again(seq uint64) {
	if ep.redo == 0 || seq < ep.redo {
		ep.redo = seq
	}
}

// tail is the event before a sequence as corrected before, the zero Event if
// there is none.
func (c *commit) tail(at place, seq uint64) (e kiosk.Event, err error) {
	var b []byte
	var when int64
	var uncertain bool
	ok, err := c.found([]any{&b, &when, &uncertain}, `SELECT bytes, when_ms, uncertain FROM events
		WHERE epoch = ? AND source = ? AND seq < ? AND state <> 2 ORDER BY seq DESC LIMIT 1`, at.epoch, at.source, int64(seq))
	if !ok || err != nil {
		return kiosk.Event{}, err
	}
	if e, err = kiosk.Decode(b); err != nil {
		return kiosk.Event{}, err
	}
	e.Moment.Wall, e.When, e.Uncertain = ms(e.Moment.Wall.UnixMilli()), ms(when), uncertain
	return e, nil
}

// settle brings an epoch's row and times up to date after its events came in.
func (c *commit) settle(at place, ep *epoch) error {
	for boot, first := range ep.boots {
		if err := c.exec(`INSERT INTO boots VALUES (?, ?, ?, ?) ON CONFLICT(source, epoch, boot) DO UPDATE SET first = min(first, excluded.first)`,
			at.source, at.epoch, boot, int64(first)); err != nil {
			return err
		}
	}
	if ep.redo > 0 || ep.seamed && (ep.opened || len(ep.boots) > 0) {
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
	broken       bool // it does not follow the event before it
	n            int64
	store, visit string
	when         int64
	uncertain    bool
}

// correct corrects the times of an epoch again as far back as what came at
// ep.redo may have moved them, and marks the visits whose events moved.
func (c *commit) correct(at place, ep *epoch) error {
	events, old, err := c.derived(at, ep)
	if err != nil {
		return err
	}
	moved := false
	for i, e := range events {
		when := e.When.UnixMilli()
		ep.last = when
		if when == old[i].when && e.Uncertain == old[i].uncertain {
			continue
		}
		if err := c.exec(`UPDATE events SET when_ms = ?, uncertain = ? WHERE epoch = ? AND source = ? AND seq = ?`,
			when, e.Uncertain, at.epoch, at.source, int64(e.Seq)); err != nil {
			return err
		}
		if err := c.moved(old[i]); err != nil {
			return err
		}
		moved = true
		if old[i].visit != "" {
			c.dirty[[2]string{old[i].store, old[i].visit}] = true
		}
	}
	if !moved {
		return nil
	}
	return c.exec(`INSERT INTO mixed SELECT ?, coalesce(max(n), 0) FROM events WHERE true ON CONFLICT DO NOTHING`, c.before+1)
}

// moved keeps the time that an event had before this transaction.
func (c *commit) moved(old light) error {
	if old.n > c.before {
		return nil
	}
	return c.exec(`INSERT INTO moved SELECT ?, coalesce(max(n), 0), ?, ? FROM events WHERE true ON CONFLICT DO NOTHING`, old.n, old.when, old.uncertain)
}

// derived gives the events whose times what came may have moved, corrected: all of
// them in an epoch that is mixed.
func (c *commit) derived(at place, ep *epoch) (events []kiosk.Event, old []light, err error) {
	mixed, err := c.mixed(at, ep)
	if err != nil {
		return nil, nil, err
	}
	if mixed {
		if events, old, err = c.lights(at, 0); err == nil {
			kiosk.CorrectMixed(events, func(i int) bool { return !old[i].broken })
		}
		return events, old, err
	}
	if ep.redo == 0 {
		return nil, nil, nil
	}
	return c.reach(at, ep.redo)
}

// reach gives the events from the boot of seq on, corrected, and those of the
// boots before it that they may move (see kiosk.CorrectAfter).
func (c *commit) reach(at place, seq uint64) (events []kiosk.Event, old []light, err error) {
	from := seq
	for {
		var first uint64 // of its boot; nothing may be at that place
		if err := c.get([]any{&first}, `SELECT coalesce(min(b.first), ?) FROM events e JOIN boots b ON b.source = e.source AND b.epoch = e.epoch AND b.boot = e.boot
			WHERE e.epoch = ? AND e.source = ? AND e.seq = ?`, int64(from), at.epoch, at.source, int64(from)); err != nil {
			return nil, nil, err
		}
		from = min(from, first)
		last, err := c.tail(at, from)
		if err != nil {
			return nil, nil, err
		}
		if events, old, err = c.lights(at, from); err != nil {
			return nil, nil, err
		}
		if earlier := kiosk.CorrectAfter(last, events); !earlier || last.Data == nil {
			return events, old, nil
		}
		from = last.Seq
	}
}

func (c *commit) lights(at place, from uint64) (events []kiosk.Event, old []light, err error) {
	rows, err := c.query(`SELECT n, when_ms, uncertain, store, visit, hash, state, bytes FROM events WHERE epoch = ? AND source = ? AND seq >= ? ORDER BY seq`,
		at.epoch, at.source, int64(from))
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	var links chain
	for rows.Next() {
		var l light
		var state int64
		var hash, b []byte
		if err := rows.Scan(&l.n, &l.when, &l.uncertain, &l.store, &l.visit, &hash, &state, &b); err != nil {
			return nil, nil, err
		}
		if state == malformed {
			links.add(kiosk.Hash(hash), backoffice.Prev(b), false)
			continue
		}
		e, err := kiosk.Decode(b)
		if err != nil {
			return nil, nil, err
		}
		l.broken = links.add(kiosk.Hash(hash), e.Prev, true)
		e.Moment.Wall = ms(e.Moment.Wall.UnixMilli())
		if _, set := e.Data.(*kiosk.ClockSet); !set {
			e.Data = noData
		}
		events, old = append(events, e), append(old, l)
	}
	return events, old, rows.Err()
}

var noData kiosk.Payload = &kiosk.Unknown{}

// advance moves the contiguous prefix of an epoch: every sequence up to it is
// here with its person part, or was destroyed.
func (c *commit) advance(at place, ep *epoch) error {
	if ep.through == ep.max {
		return nil
	}
	rows, err := c.query(`SELECT e.seq, e.hash, e.digest = '' OR p.seq IS NOT NULL FROM events e
		LEFT JOIN persons p ON p.epoch = e.epoch AND p.source = e.source AND p.seq = e.seq
		WHERE e.epoch = ? AND e.source = ? AND e.seq > ? ORDER BY e.seq`,
		at.epoch, at.source, int64(ep.through))
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

// mark notes at which position the visits of the transaction changed.
func (c *commit) mark() error {
	for v := range c.dirty {
		if err := c.exec(`INSERT INTO visits VALUES (?, ?, ?) ON CONFLICT(store, visit) DO UPDATE SET changed = excluded.changed`,
			v[0], v[1], c.out.Position); err != nil {
			return fmt.Errorf("mark visit: %w", err)
		}
	}
	return nil
}
