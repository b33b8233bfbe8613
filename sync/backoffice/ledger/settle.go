package ledger

import (
	"database/sql"
	"errors"
	"fmt"
	"math"

	"baylight/sync/backoffice/ledger/rule"
)

// settle brings an epoch's row and times up to date after its events came in.
func (c *commit) settle(at place, ep *epoch) error {
	for boot, first := range ep.Boots {
		if err := c.exec(`INSERT INTO boots VALUES (?, ?, ?, ?) ON CONFLICT(source, epoch, boot) DO UPDATE SET first = min(first, excluded.first)`,
			at.Source, at.Epoch, boot, int64(first)); err != nil {
			return err
		}
	}
	if ep.Moves() {
		if err := c.correct(at, ep); err != nil {
			return err
		}
	}
	if err := c.advance(at, ep); err != nil {
		return err
	}
	return c.exec(`UPDATE epochs SET through = ?, hash = ?, max = ?, last_ms = ? WHERE source = ? AND epoch = ?`,
		int64(ep.Through), ep.Hash, int64(ep.Max), ep.Last, at.Source, at.Epoch)
}

// correct writes the times of an epoch that moved, and marks their visits.
func (c *commit) correct(at place, ep *epoch) error {
	moved, err := ep.Correct(ep)
	if err != nil || len(moved) == 0 {
		return err
	}
	for _, m := range moved {
		if err := c.exec(`UPDATE events SET when_ms = ?, uncertain = ? WHERE epoch = ? AND source = ? AND seq = ?`,
			m.When, m.Uncertain, at.Epoch, at.Source, int64(m.Seq)); err != nil {
			return err
		}
		if err := c.moved(m.Row); err != nil {
			return err
		}
		if m.Visit != "" {
			c.dirty[[2]string{m.Store, m.Visit}] = true
		}
	}
	return c.exec(`INSERT INTO mixed SELECT ?, coalesce(max(n), 0) FROM events WHERE true ON CONFLICT DO NOTHING`, c.before+1)
}

// moved keeps the time that an event had before this transaction.
func (c *commit) moved(old rule.Row) error {
	if old.Position > c.before {
		return nil
	}
	return c.exec(`INSERT INTO moved SELECT ?, coalesce(max(n), 0), ?, ? FROM events WHERE true ON CONFLICT DO NOTHING`, old.Position, old.When, old.Uncertain)
}

// advance moves the contiguous prefix of an epoch: every sequence up to it is
// here with its person part, or was destroyed.
func (c *commit) advance(at place, ep *epoch) error {
	if ep.Through == ep.Max {
		return nil
	}
	rows, err := c.query(`SELECT e.seq, e.hash, e.digest = '' OR p.seq IS NOT NULL FROM events e
		LEFT JOIN persons p ON p.epoch = e.epoch AND p.source = e.source AND p.seq = e.seq
		WHERE e.epoch = ? AND e.source = ? AND e.seq > ? ORDER BY e.seq`,
		at.Epoch, at.Source, int64(ep.Through))
	if err != nil {
		return err
	}
	defer rows.Close()
	next := ep.Through + 1
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
		ep.Through, ep.Hash = seq, hash
		ep.Max = max(ep.Max, seq)
	}
	return rows.Err()
}

// destroyed is the end of a destroyed range that covers seq, 0 if none does.
func (c *commit) destroyed(at place, seq uint64) (end uint64, err error) {
	if seq > math.MaxInt64 {
		return 0, nil
	}
	err = c.get([]any{&end}, `SELECT coalesce(max(last), 0) FROM lost WHERE source = ? AND epoch = ? AND first <= ? AND last >= ?`,
		at.Source, at.Epoch, int64(seq), int64(seq))
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
