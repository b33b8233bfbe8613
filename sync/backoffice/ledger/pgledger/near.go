package pgledger

import (
	"cmp"
	"slices"

	"github.com/jackc/pgx/v5"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/ledger/rule"
)

// near is what stands beside the places of a batch in an epoch that the batch
// does not simply go on with, so that where it fits is decided in memory: of each
// place the nearest event below and above it, at rest or taken in the batch.
type near struct {
	events []neighbour     // by sequence
	seams  map[uint64]bool // of the epoch,
	forks  map[uint64]bool // those of them that had an event right behind,
	wrote  map[uint64]bool // and those made (true) and closed in this batch
	left   bool            // the source went on to another epoch
}

// neighbour is an event beside others.
type neighbour struct {
	seq   uint64
	hash  kiosk.Hash
	bytes []byte
	event kiosk.Event // as corrected; the zero Event if it is malformed
}

func newNear() *near {
	return &near{seams: map[uint64]bool{}, forks: map[uint64]bool{}, wrote: map[uint64]bool{}}
}

// find gives the place of a sequence among the neighbours, and whether it is taken.
func (n *near) find(seq uint64) (int, bool) {
	return slices.BinarySearchFunc(n.events, seq, func(e neighbour, seq uint64) int { return cmp.Compare(e.seq, seq) })
}

// beside are the nearest events below and above a place, nil: none.
func (n *near) beside(seq uint64) (below, above *neighbour) {
	i, taken := n.find(seq)
	if i > 0 {
		below = &n.events[i-1]
	}
	if taken {
		i++
	}
	if i < len(n.events) {
		above = &n.events[i]
	}
	return below, above
}

// add puts what the batch brought beside the others.
func (n *near) add(x neighbour) {
	if i, taken := n.find(x.seq); !taken {
		n.events = slices.Insert(n.events, i, x)
	}
}

// oddly are the epochs that a batch does not simply go on with.
func (c *commit) oddly(b backoffice.Batch) (odd []place) {
	next, seen := map[place]uint64{}, map[place]bool{}
	come := func(at place, seq uint64, unreadable bool) {
		ep := c.epochs[at]
		if ep == nil || seen[at] {
			return // begun by this batch: nothing is there
		}
		want, begun := next[at]
		if !begun {
			want = ep.Max + 1
		}
		switch _, here := ep.here[seq]; {
		case unreadable || ep.here[seq-1].state == rule.Malformed || !here && seq != want:
			seen[at] = true
			odd = append(odd, at)
		case !here:
			next[at] = want + 1
		}
	}
	for i := range b.Entries {
		e := &b.Entries[i].Event
		come(place{Source: e.Source, Epoch: e.Epoch}, e.Seq, false)
	}
	for _, r := range b.Rejects {
		if r.Seq > 0 {
			come(place{Source: r.Source, Epoch: r.Epoch}, r.Seq, true)
		}
	}
	return odd
}

// beside gives what is near the batch's places in the epoch. It is there already for
// epochs that were seen to need it; another one is asked for by itself.
func (ep *epoch) beside() (*near, error) {
	if ep.near != nil {
		return ep.near, nil
	}
	if err := ep.c.flush(); err != nil {
		return nil, err
	}
	err := ep.c.loadNear([]place{ep.at})
	return ep.near, err
}

// loadNear reads what is near the batch's places in some epochs: what is in their
// runs, and the nearest beside each run.
func (c *commit) loadNear(all []place) error {
	var eps []int64
	byNumber, wanted := map[int64]*epoch{}, map[place]*epoch{}
	for _, at := range all {
		ep := c.epochs[at]
		ep.near = newNear()
		byNumber[ep.ep], wanted[at] = ep, ep
		eps = append(eps, ep.ep)
	}
	var sts []int32
	var of, first, last []int64
	for i, at := range c.runs.at {
		if ep := wanted[at]; ep != nil {
			sts, of, first, last = append(sts, ep.st), append(of, ep.ep), append(first, c.runs.first[i]), append(last, c.runs.last[i])
		}
	}
	q := c.pipeline()
	const columns = `e.ep, e.seq, e.hash, e.state, e.when_ms, e.uncertain, e.bytes`
	q.Queue(`SELECT `+columns+` FROM unnest($1::integer[], $2::bigint[], $3::bigint[], $4::bigint[]) AS x(st, ep, first, last) CROSS JOIN LATERAL (
		SELECT * FROM (SELECT `+columns+` FROM events e WHERE e.st = x.st AND e.ep = x.ep AND e.seq < x.first ORDER BY e.seq DESC LIMIT 1) below
		UNION ALL SELECT * FROM (SELECT `+columns+` FROM events e WHERE e.st = x.st AND e.ep = x.ep AND e.seq BETWEEN x.first AND x.last ORDER BY e.seq OFFSET 0) within
		UNION ALL SELECT * FROM (SELECT `+columns+` FROM events e WHERE e.st = x.st AND e.ep = x.ep AND e.seq > x.last ORDER BY e.seq LIMIT 1) above) e`, sts, of, first, last).
		Query(func(rows pgx.Rows) error { return readNear(byNumber, rows) })
	q.Queue(`SELECT s.ep, s.seq, EXISTS(SELECT 1 FROM events e WHERE e.st = p.st AND e.ep = s.ep AND e.seq = s.seq + 1)
		FROM seams s JOIN epochs p ON p.ep = s.ep WHERE s.ep = ANY($1)`, eps).Query(func(rows pgx.Rows) error {
		var ep, seq int64
		var fork bool
		_, err := pgx.ForEachRow(rows, []any{&ep, &seq, &fork}, func() error {
			n := byNumber[ep].near
			n.seams[uint64(seq)], n.forks[uint64(seq)] = true, fork
			return nil
		})
		return err
	})
	q.Queue(`SELECT p.ep FROM epochs p WHERE p.ep = ANY($1) AND EXISTS(SELECT 1 FROM epochs l WHERE l.source = p.source AND l.ep > p.ep AND l.max > 0)`, eps).
		Query(func(rows pgx.Rows) error {
			var ep int64
			_, err := pgx.ForEachRow(rows, []any{&ep}, func() error { byNumber[ep].near.left = true; return nil })
			return err
		})
	return c.tx.SendBatch(c.ctx, q).Close()
}

func readNear(eps map[int64]*epoch, rows pgx.Rows) error {
	for rows.Next() {
		var number, seq, when int64
		var hash, bytes []byte
		var state int16
		var uncertain bool
		if err := rows.Scan(&number, &seq, &hash, &state, &when, &uncertain, &bytes); err != nil {
			return err
		}
		x := neighbour{seq: uint64(seq), hash: kiosk.Hash(hash), bytes: bytes}
		if state != rule.Malformed {
			var err error
			if x.event, err = rule.Timed(bytes, when, uncertain); err != nil {
				return err
			}
		}
		eps[number].near.add(x)
	}
	return rows.Err()
}

// queueSeams writes the seams that were made and closed.
func (c *commit) queueSeams(q *pgx.Batch) {
	var made, madeAt, closed, closedAt []int64
	for _, ep := range c.epochs {
		if ep.near == nil {
			continue
		}
		for seq, open := range ep.near.wrote {
			if open {
				made, madeAt = append(made, ep.ep), append(madeAt, int64(seq))
			} else {
				closed, closedAt = append(closed, ep.ep), append(closedAt, int64(seq))
			}
		}
		clear(ep.near.wrote)
	}
	if len(made) > 0 {
		q.Queue(`INSERT INTO seams SELECT * FROM unnest($1::bigint[], $2::bigint[]) ON CONFLICT DO NOTHING`, made, madeAt)
	}
	if len(closed) > 0 {
		q.Queue(`DELETE FROM seams s USING unnest($1::bigint[], $2::bigint[]) AS x(ep, seq) WHERE s.ep = x.ep AND s.seq = x.seq`, closed, closedAt)
	}
}
