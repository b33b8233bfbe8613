package pgledger

import (
	"fmt"

	"github.com/jackc/pgx/v5"
)

// settle writes what waits and brings epochs and visits up to date: in one round
// trip, with the end of the transaction, unless something came out of order.
func (c *commit) settle() error {
	q := c.pipeline()
	c.queueInserts(q)
	c.queueBoots(q)
	c.queueSeams(q)
	if !c.inOrder() {
		if err := c.tx.SendBatch(c.ctx, q).Close(); err != nil {
			return err
		}
		for at, ep := range c.epochs {
			if ep.Moves() {
				if err := c.correct(ep); err != nil {
					return fmt.Errorf("correct epoch %s: %w", at.Epoch, err)
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
		if ep.Moves() || ep.Through < ep.Max {
			return false
		}
	}
	return true
}

// queueBoots notes the first sequence of each boot, where it may have changed.
func (c *commit) queueBoots(q *pgx.Batch) {
	var eps, firsts []int64
	var boots []string
	for _, ep := range c.epochs {
		for boot, first := range ep.Boots {
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
		eps, through, highest = append(eps, ep.ep), append(through, int64(ep.Through)), append(highest, int64(ep.Max))
		last, hashes = append(last, ep.Last), append(hashes, ep.Hash)
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

// correct writes the times of an epoch that moved, keeps what they were, and marks
// their visits.
func (c *commit) correct(ep *epoch) error {
	moved, err := ep.Correct(ep)
	if err != nil || len(moved) == 0 {
		return err
	}
	var ns, seqs, whens, before []int64
	var unsure, was []bool
	for _, m := range moved {
		seqs, whens, unsure = append(seqs, int64(m.Seq)), append(whens, m.When), append(unsure, m.Uncertain)
		ns, before, was = append(ns, m.Position), append(before, m.Row.When), append(was, m.Row.Uncertain)
		if m.Visit != "" {
			c.dirty[visitKey{ep.st, m.Visit}] = true
		}
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
