package pgledger

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/jackc/pgx/v5"
)

// chunk is how many events above the prefix are read at once.
const chunk = 256

const above = `SELECT e.seq, e.hash, e.digest = '' OR p.seq IS NOT NULL FROM events e LEFT JOIN persons p ON p.ep = e.ep AND p.seq = e.seq
	WHERE e.st = $1 AND e.ep = $2 AND e.seq > $3 ORDER BY e.seq LIMIT $4`

// advanceAll moves the contiguous prefix of every epoch that has events above
// it: every sequence up to it is here with its person part, or was destroyed.
func (c *commit) advanceAll() error {
	var todo []place
	for at, ep := range c.epochs {
		if ep.Through < ep.Max {
			todo = append(todo, at)
		}
	}
	for len(todo) > 0 {
		q := &pgx.Batch{}
		for _, at := range todo {
			ep := c.epochs[at]
			q.Queue(above, ep.st, ep.ep, int64(ep.Through), chunk)
		}
		read := map[place][]above1{}
		res := c.tx.SendBatch(c.ctx, q)
		for _, at := range todo {
			rows, err := res.Query()
			if err == nil {
				read[at], err = pgx.CollectRows(rows, pgx.RowToStructByPos[above1])
			}
			if err != nil {
				return fmt.Errorf("read epoch %s: %w", at.Epoch, errClose(err, res))
			}
		}
		if err := res.Close(); err != nil {
			return err
		}
		todo = slices.DeleteFunc(todo, func(at place) bool { return len(read[at]) < chunk })
		for _, at := range slices.Collect(maps.Keys(read)) {
			stopped, err := c.advance(at, c.epochs[at], read[at])
			if err != nil {
				return fmt.Errorf("advance epoch %s: %w", at.Epoch, err)
			}
			if stopped {
				todo = slices.DeleteFunc(todo, func(x place) bool { return x == at })
			}
		}
	}
	return nil
}

// above1 is an event above the prefix.
type above1 struct {
	Seq   int64
	Hash  []byte
	Whole bool
}

func errClose(err error, res pgx.BatchResults) error {
	_ = res.Close() // it says the same
	return err
}

// advance moves the prefix over events; stopped says that something is missing.
func (c *commit) advance(at place, ep *epoch, events []above1) (stopped bool, err error) {
	next := ep.Through + 1
	for _, e := range events {
		seq := uint64(e.Seq)
		for next < seq {
			end, err := c.destroyed(at, next)
			if err != nil || end == 0 {
				return true, err
			}
			next = end + 1
		}
		if !e.Whole {
			return true, nil
		}
		next = max(next, seq+1)
		ep.Through, ep.Hash = seq, e.Hash
		ep.Max = max(ep.Max, seq)
	}
	return false, nil
}

// destroyed is the end of a destroyed range that covers seq, 0 if none does.
func (c *commit) destroyed(at place, seq uint64) (uint64, error) {
	if seq > math.MaxInt64 {
		return 0, nil
	}
	var end int64
	err := c.get([]any{&end}, `SELECT coalesce(max(last), 0) FROM lost WHERE source = $1 AND epoch = $2 AND first <= $3 AND last >= $3`,
		plain(at.Source), plain(at.Epoch), int64(seq))
	return uint64(end), err
}
