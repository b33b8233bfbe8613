package pgledger

import (
	"fmt"
	"math"

	"github.com/jackc/pgx/v5"

	"baylight/kiosk"
	"baylight/sync/backoffice"
)

// place gives an event its corrected time as it is appended: kiosk.Follow on its
// predecessor. What does not come at the end of its epoch, and what moves others,
// is corrected by settle.
func (c *commit) place(ep *epoch, e kiosk.Event) (when int64, uncertain bool, err error) {
	if ep.max > 0 && ep.tail.Data == nil {
		if ep.tail, err = c.tail(ep, ep.max+1); err != nil {
			return 0, false, err
		}
	}
	if e.Seq < ep.max || ep.tail.Data == nil || e.Moment.Boot != ep.tail.Moment.Boot { // else its boot is known
		boot := bootKey(e.Moment.Boot)
		if first, seen := ep.boots[boot]; !seen || e.Seq < first {
			ep.boots[boot] = e.Seq
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

// grow moves the prefix past an event that comes right after it and waits for no
// person part; whatever else may move it is left to advance.
func (ep *epoch) grow(e *kiosk.Event, hash kiosk.Hash) {
	if e.Seq == ep.through+1 && e.Data.Common().PersonDigest == "" {
		ep.through, ep.hash = e.Seq, append(ep.hash[:0], hash[:]...)
	}
}

// tail is the event before a sequence as corrected before, the zero Event if
// there is none.
func (c *commit) tail(ep *epoch, seq uint64) (kiosk.Event, error) {
	var b []byte
	var when int64
	var uncertain bool
	ok, err := c.found([]any{&b, &when, &uncertain}, `SELECT bytes, when_ms, uncertain FROM events
		WHERE st = $1 AND ep = $2 AND seq < $3 AND state <> 2 ORDER BY seq DESC LIMIT 1`, ep.st, ep.ep, int64(min(seq, math.MaxInt64)))
	if !ok || err != nil {
		return kiosk.Event{}, err
	}
	return timed(b, when, uncertain)
}

// settle writes what waits and brings epochs and visits up to date: in one round
// trip, with the end of the transaction, unless something came out of order.
func (c *commit) settle() error {
	q := c.pipeline()
	c.queueInserts(q)
	c.queueBoots(q)
	if !c.inOrder() {
		if err := c.tx.SendBatch(c.ctx, q).Close(); err != nil {
			return err
		}
		for at, ep := range c.epochs {
			if ep.moves() {
				if err := c.correct(at, ep); err != nil {
					return fmt.Errorf("correct epoch %s: %w", at.epoch, err)
				}
			}
		}
		if err := c.advanceAll(); err != nil {
			return err
		}
		q = c.pipeline()
	}
	c.queueEnd(q)
	if c.whole {
		q.Queue(`COMMIT`)
	}
	if q.Len() == 0 {
		return nil
	}
	return c.tx.SendBatch(c.ctx, q).Close()
}

// inOrder says whether every epoch goes on from where it was.
func (c *commit) inOrder() bool {
	for _, ep := range c.epochs {
		if ep.moves() || ep.through < ep.max {
			return false
		}
	}
	return true
}

// moves says whether times of the epoch have to be corrected again.
func (ep *epoch) moves() bool { return ep.redo > 0 || ep.seamed && (ep.opened || len(ep.boots) > 0) }

// queueBoots notes the first sequence of each boot, where it may have changed.
func (c *commit) queueBoots(q *pgx.Batch) {
	var eps, firsts []int64
	var boots []string
	for _, ep := range c.epochs {
		for boot, first := range ep.boots {
			eps, boots, firsts = append(eps, ep.ep), append(boots, boot), append(firsts, int64(first))
		}
	}
	if len(eps) > 0 {
		q.Queue(`INSERT INTO boots SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[])
			ON CONFLICT (ep, boot) DO UPDATE SET first = least(boots.first, excluded.first)`, eps, boots, firsts)
	}
}

// queueEnd writes the rows of epochs and marks visits at the position of the
// transaction.
func (c *commit) queueEnd(q *pgx.Batch) {
	var eps, through, highest, last []int64
	var hashes [][]byte
	for _, ep := range c.epochs {
		eps, through, highest = append(eps, ep.ep), append(through, int64(ep.through)), append(highest, int64(ep.max))
		last, hashes = append(last, ep.last), append(hashes, ep.hash)
	}
	if len(eps) > 0 {
		q.Queue(`UPDATE epochs e SET through = x.through, hash = x.hash, max = x.max, last_ms = x.last
			FROM unnest($1::bigint[], $2::bigint[], $3::bytea[], $4::bigint[], $5::bigint[]) AS x(ep, through, hash, max, last)
			WHERE e.ep = x.ep AND (e.through, e.max, e.last_ms) IS DISTINCT FROM (x.through, x.max, x.last)`, eps, through, hashes, highest, last)
	}
	c.queueMarks(q)
}

// queueMarks notes at which position the visits of the transaction changed.
func (c *commit) queueMarks(q *pgx.Batch) {
	var sts []int32
	var visits []string
	for v := range c.dirty {
		sts, visits = append(sts, v.st), append(visits, plain(v.visit))
	}
	if len(sts) > 0 {
		q.Queue(`INSERT INTO visits(st, visit, changed) SELECT st, visit, (SELECT n FROM head) FROM unnest($1::integer[], $2::text[]) AS x(st, visit)
			ON CONFLICT (st, visit) DO UPDATE SET changed = excluded.changed`, sts, visits)
	}
}

// light is what correcting needs of a row.
type light struct {
	broken    bool // it does not follow the event before it
	n         int64
	visit     string
	when      int64
	uncertain bool
}

// correct corrects the times of an epoch again as far back as what came may have
// moved them, keeps what they were, and marks the visits whose events moved.
func (c *commit) correct(at place, ep *epoch) error {
	events, old, err := c.derived(at, ep)
	if err != nil {
		return err
	}
	var ns, seqs, whens, before []int64
	var unsure, was []bool
	for i, e := range events {
		when := e.When.UnixMilli()
		ep.last = when
		if when == old[i].when && e.Uncertain == old[i].uncertain {
			continue
		}
		seqs, whens, unsure = append(seqs, int64(e.Seq)), append(whens, when), append(unsure, e.Uncertain)
		ns, before, was = append(ns, old[i].n), append(before, old[i].when), append(was, old[i].uncertain)
		if old[i].visit != "" {
			c.dirty[visitKey{ep.st, old[i].visit}] = true
		}
	}
	if len(seqs) == 0 {
		return nil
	}
	q := &pgx.Batch{}
	q.Queue(`UPDATE events e SET when_ms = x.when_ms, uncertain = x.uncertain
		FROM unnest($3::bigint[], $4::bigint[], $5::boolean[]) AS x(seq, when_ms, uncertain) WHERE e.st = $1 AND e.ep = $2 AND e.seq = x.seq`,
		ep.st, ep.ep, seqs, whens, unsure)
	q.Queue(`INSERT INTO moved SELECT x.n, $1, x.when_ms, x.uncertain FROM unnest($2::bigint[], $3::bigint[], $4::boolean[]) AS x(n, when_ms, uncertain)
		WHERE x.n <= $5 ON CONFLICT DO NOTHING`, int64(c.out.Position), ns, before, was, c.before)
	q.Queue(`INSERT INTO mixed VALUES ($1, $2) ON CONFLICT DO NOTHING`, c.before+1, int64(c.out.Position))
	return c.tx.SendBatch(c.ctx, q).Close()
}

// derived gives the events whose times what came may have moved, corrected: all of
// them in an epoch that is mixed.
func (c *commit) derived(at place, ep *epoch) (events []kiosk.Event, old []light, err error) {
	mixed, err := c.mixed(at, ep)
	if err != nil {
		return nil, nil, err
	}
	if mixed {
		if events, old, err = c.lights(ep, 0); err == nil {
			kiosk.CorrectMixed(events, func(i int) bool { return !old[i].broken })
		}
		return events, old, err
	}
	if ep.redo == 0 {
		return nil, nil, nil
	}
	return c.reach(ep, ep.redo)
}

// reach gives the events from the boot of seq on, corrected, and those of the
// boots before it that they may move (see kiosk.CorrectAfter).
func (c *commit) reach(ep *epoch, seq uint64) (events []kiosk.Event, old []light, err error) {
	from := seq
	for {
		var first int64 // of its boot; nothing may be at that place
		if err := c.get([]any{&first}, `SELECT coalesce(min(b.first), $3) FROM events e JOIN boots b ON b.ep = e.ep AND b.boot = e.boot WHERE e.st = $1 AND e.ep = $2 AND e.seq = $3`,
			ep.st, ep.ep, int64(from)); err != nil {
			return nil, nil, err
		}
		from = min(from, uint64(first))
		last, err := c.tail(ep, from)
		if err != nil {
			return nil, nil, err
		}
		if events, old, err = c.lights(ep, from); err != nil {
			return nil, nil, err
		}
		if earlier := kiosk.CorrectAfter(last, events); !earlier || last.Data == nil {
			return events, old, nil
		}
		from = last.Seq
	}
}

func (c *commit) lights(ep *epoch, from uint64) (events []kiosk.Event, old []light, err error) {
	rows, err := c.tx.Query(c.ctx, `SELECT n, when_ms, uncertain, visit, hash, state, bytes FROM events WHERE st = $1 AND ep = $2 AND seq >= $3 ORDER BY seq`,
		ep.st, ep.ep, int64(from))
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	var links chain
	for rows.Next() {
		var l light
		var state int16
		var hash, b []byte
		if err := rows.Scan(&l.n, &l.when, &l.uncertain, &l.visit, &hash, &state, &b); err != nil {
			return nil, nil, err
		}
		if state == malformed {
			links.add(kiosk.Hash(hash), backoffice.Prev(b), false)
			continue
		}
		l.visit = unplain(l.visit)
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
