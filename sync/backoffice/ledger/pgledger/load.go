package pgledger

import (
	"slices"

	"github.com/jackc/pgx/v5"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/ledger/rule"
)

// load reads what a batch touches: its epochs, locked; the events in its places
// and right before them; what waits for its events; what was recorded again.
func (c *commit) load(b backoffice.Batch) error {
	var all []place
	seen := map[place]bool{}
	add := func(at place) {
		if !seen[at] {
			seen[at] = true
			all = append(all, at)
		}
	}
	for i := range b.Entries {
		add(place{Source: b.Entries[i].Event.Source, Epoch: b.Entries[i].Event.Epoch})
	}
	for _, r := range b.Rejects {
		if r.Seq > 0 {
			add(place{Source: r.Source, Epoch: r.Epoch})
		}
	}
	for _, p := range b.Persons {
		add(place{Source: p.Source, Epoch: p.Epoch})
	}
	if len(all) == 0 {
		return nil
	}
	c.batch = b
	odd := map[int32]bool{}
	q := c.pipeline()
	c.queueEpochs(q, all)
	c.queueRows(q, b)
	q.Queue(`SELECT x.st FROM unnest($1::integer[]) AS x(st)
		WHERE EXISTS(SELECT 1 FROM events e WHERE e.st = x.st AND e.target > '' AND e.target <> '' AND e.visit = '') OR EXISTS(SELECT 1 FROM events e WHERE e.st = x.st AND e.was > '' AND e.was <> '')`,
		c.stores()).Query(func(rows pgx.Rows) error {
		var st int32
		_, err := pgx.ForEachRow(rows, []any{&st}, func() error { odd[st] = true; return nil })
		return err
	})
	if err := c.tx.SendBatch(c.ctx, q).Close(); err != nil {
		return err
	}
	if len(odd) > 0 {
		if err := c.loadOdd(b, odd); err != nil {
			return err
		}
	}
	if late := c.oddly(b); len(late) > 0 {
		if err := c.loadNear(late); err != nil {
			return err
		}
	}
	// In the order of the batch; one statement each keeps it, and there are few.
	for i := range b.Entries {
		at := place{Source: b.Entries[i].Event.Source, Epoch: b.Entries[i].Event.Epoch}
		if c.epochs[at] == nil {
			if err := c.createEpochs(map[place]string{at: b.Entries[i].Store}); err != nil {
				return err
			}
		}
	}
	return nil
}

// pipeline is a batch of statements for one round trip; the first one begins the
// transaction.
func (c *commit) pipeline() *pgx.Batch {
	q := &pgx.Batch{}
	if !c.begun {
		q.Queue(`BEGIN`)
		c.begun = true
	}
	return q
}

// loadEpochs reads and locks epochs, so that what is decided by them holds.
func (c *commit) loadEpochs(all []place) error {
	q := c.pipeline()
	c.queueEpochs(q, all)
	return c.tx.SendBatch(c.ctx, q).Close()
}

func (c *commit) queueEpochs(q *pgx.Batch, all []place) {
	var sources, names []string
	for _, at := range all {
		sources, names = append(sources, plain(at.Source)), append(names, plain(at.Epoch))
	}
	q.Queue(`SELECT e.st, s.store, e.ep, e.source, e.epoch, e.through, e.hash, e.max, e.last_ms,
			EXISTS(SELECT 1 FROM conflicts c WHERE c.source = e.source AND c.epoch = e.epoch), EXISTS(SELECT 1 FROM seams m WHERE m.ep = e.ep AND m.seq > 0)
		FROM unnest($1::text[], $2::text[]) AS x(source, epoch) JOIN epochs e ON e.source = x.source AND e.epoch = x.epoch
		JOIN stores s ON s.st = e.st ORDER BY e.ep FOR UPDATE OF e`, sources, names).Query(c.readEpochs)
}

func (c *commit) readEpochs(rows pgx.Rows) error {
	for rows.Next() {
		ep := c.newEpoch()
		var source, name string
		var through, highest int64
		if err := rows.Scan(&ep.st, &ep.store, &ep.ep, &source, &name, &through, &ep.Hash, &highest, &ep.Last, &ep.evidence, &ep.Seamed); err != nil {
			return err
		}
		ep.store, ep.Through, ep.Max = unplain(ep.store), uint64(through), uint64(highest)
		ep.at = place{Source: unplain(source), Epoch: unplain(name)}
		c.epochs[ep.at] = ep
	}
	return rows.Err()
}

// queueRows reads the events a batch has to know of: in its places and right before
// them, with the bytes of the first and last of each run, which may be the highest
// of its epoch; and person parts that came before their events.
func (c *commit) queueRows(q *pgx.Batch, b backoffice.Batch) {
	r := runsOf(b)
	c.runs = r
	q.Queue(`SELECT x.i, e.seq, e.hash, e.state, e.digest, e.when_ms, e.uncertain, CASE WHEN e.seq = x.first OR e.seq = x.last THEN e.bytes END
		FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) WITH ORDINALITY AS x(source, epoch, first, last, i)
		JOIN epochs p ON p.source = x.source AND p.epoch = x.epoch
		CROSS JOIN LATERAL (SELECT * FROM events e WHERE e.st = p.st AND e.ep = p.ep AND e.seq BETWEEN x.first AND x.last ORDER BY e.seq OFFSET 0) e`, r.sources, r.epochs, r.first, r.last).
		Query(func(rows pgx.Rows) error { return c.readRows(r, rows) })
	var sources, names []string
	var seqs []int64
	for i := range b.Entries {
		if e := &b.Entries[i].Event; e.Data.Common().PersonDigest != "" {
			sources, names, seqs = append(sources, plain(e.Source)), append(names, plain(e.Epoch)), append(seqs, int64(e.Seq))
		}
	}
	if len(seqs) == 0 {
		return
	}
	q.Queue(`SELECT x.i, n.bytes FROM unnest($1::text[], $2::text[], $3::bigint[]) WITH ORDINALITY AS x(source, epoch, seq, i)
		JOIN epochs p ON p.source = x.source AND p.epoch = x.epoch JOIN persons n ON n.ep = p.ep AND n.seq = x.seq`, sources, names, seqs).Query(func(rows pgx.Rows) error {
		var i int64
		var part []byte
		_, err := pgx.ForEachRow(rows, []any{&i, &part}, func() error {
			if ep := c.epochs[place{Source: unplain(sources[i-1]), Epoch: unplain(names[i-1])}]; ep != nil {
				ep.parts[uint64(seqs[i-1])] = part
			}
			return nil
		})
		return err
	})
}

func (c *commit) readRows(r *runs, rows pgx.Rows) error {
	for rows.Next() {
		var i, seq, when int64
		var hash, bytes []byte
		var k known
		var uncertain bool
		if err := rows.Scan(&i, &seq, &hash, &k.state, &k.digest, &when, &uncertain, &bytes); err != nil {
			return err
		}
		ep := c.epochs[r.at[i-1]]
		if ep == nil {
			continue // it was begun since; the insertion will say so
		}
		k.hash, k.digest = kiosk.Hash(hash), unplain(k.digest)
		ep.here[uint64(seq)] = k
		if uint64(seq) == ep.Max && bytes != nil && k.state != rule.Malformed {
			var err error
			if ep.Tail, err = rule.Timed(bytes, when, uncertain); err != nil {
				return err
			}
		}
	}
	return rows.Err()
}

// runs are the places of a batch, each with the one before it, as few ranges.
type runs struct {
	at              []place
	sources, epochs []string
	first, last     []int64
}

func runsOf(b backoffice.Batch) *runs {
	seqs := map[place][]uint64{}
	for i := range b.Entries {
		e := &b.Entries[i].Event
		seqs[place{Source: e.Source, Epoch: e.Epoch}] = append(seqs[place{Source: e.Source, Epoch: e.Epoch}], e.Seq)
	}
	for _, r := range b.Rejects {
		if r.Seq > 0 {
			seqs[place{Source: r.Source, Epoch: r.Epoch}] = append(seqs[place{Source: r.Source, Epoch: r.Epoch}], r.Seq)
		}
	}
	for _, p := range b.Persons {
		seqs[place{Source: p.Source, Epoch: p.Epoch}] = append(seqs[place{Source: p.Source, Epoch: p.Epoch}], p.Seq)
	}
	out := &runs{}
	for at, all := range seqs {
		slices.Sort(all)
		source, epoch := plain(at.Source), plain(at.Epoch)
		for i, seq := range all {
			if n := len(out.at); i > 0 && int64(seq)-1 <= out.last[n-1] {
				out.last[n-1] = int64(seq)
				continue
			}
			out.at, out.sources, out.epochs = append(out.at, at), append(out.sources, source), append(out.epochs, epoch)
			out.first, out.last = append(out.first, int64(seq)-1), append(out.last, int64(seq))
		}
	}
	return out
}

// loadOdd reads which of a batch's events are waited for by corrections, and which
// were recorded again, in stores that have corrections or events like that.
func (c *commit) loadOdd(b backoffice.Batch, odd map[int32]bool) error {
	var sts, refSts []int32
	var ids, refs []string
	for i := range b.Entries {
		e, st := &b.Entries[i].Event, c.sts[b.Entries[i].Store]
		if !odd[st] {
			continue
		}
		sts, ids = append(sts, st), append(ids, plain(e.ID()))
		if e.Was != "" {
			sts, ids = append(sts, st), append(ids, plain(e.Was))
		}
		refSts, refs = append(refSts, st), append(refs, plain(e.ID()+"#"+kiosk.HashOf(b.Entries[i].Bytes).String()))
	}
	into := func(set map[refKey]bool) func(pgx.Rows) error {
		return func(rows pgx.Rows) error {
			var k refKey
			_, err := pgx.ForEachRow(rows, []any{&k.of, &k.ref}, func() error {
				set[refKey{unplain(k.of), unplain(k.ref)}] = true
				return nil
			})
			return err
		}
	}
	q := c.pipeline()
	q.Queue(`SELECT DISTINCT s.store, e.target FROM unnest($1::integer[], $2::text[]) AS x(st, id) JOIN stores s USING (st)
		JOIN events e ON e.st = x.st AND e.target = x.id COLLATE "C" AND e.target <> '' AND e.visit = ''`, sts, ids).Query(into(c.waits))
	q.Queue(`SELECT DISTINCT p.source, e.was FROM unnest($1::integer[], $2::text[]) AS x(st, ref)
		JOIN events e ON e.st = x.st AND e.was = x.ref COLLATE "C" AND e.was <> '' AND e.state = 0 JOIN epochs p ON p.ep = e.ep`, refSts, refs).Query(into(c.again))
	return c.tx.SendBatch(c.ctx, q).Close()
}
