package pgledger

import (
	"github.com/jackc/pgx/v5"

	"baylight/kiosk"
	"baylight/sync/backoffice"
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
		add(place{b.Entries[i].Event.Source, b.Entries[i].Event.Epoch})
	}
	for _, r := range b.Rejects {
		if r.Seq > 0 {
			add(place{r.Source, r.Epoch})
		}
	}
	for _, p := range b.Persons {
		add(place{p.Source, p.Epoch})
	}
	if len(all) == 0 {
		return nil
	}
	if err := c.loadEpochs(all); err != nil {
		return err
	}
	fresh := map[place]string{}
	var missing []place // in the order of the batch
	for i := range b.Entries {
		at := place{b.Entries[i].Event.Source, b.Entries[i].Event.Epoch}
		if c.epochs[at] == nil && fresh[at] == "" {
			fresh[at] = b.Entries[i].Store
			missing = append(missing, at)
		}
	}
	if err := c.loadRows(b); err != nil {
		return err
	}
	// One statement each keeps the order; there are few.
	for _, at := range missing {
		if err := c.createEpochs(map[place]string{at: fresh[at]}); err != nil {
			return err
		}
	}
	return nil
}

// loadEpochs reads and locks epochs, so that what is decided by them holds.
func (c *commit) loadEpochs(all []place) error {
	var sources, names []string
	for _, at := range all {
		sources, names = append(sources, plain(at.source)), append(names, plain(at.epoch))
	}
	rows, err := c.tx.Query(c.ctx, `SELECT e.st, s.store, e.ep, e.source, e.epoch, e.through, e.hash, e.max, e.last_ms,
			EXISTS(SELECT 1 FROM conflicts c WHERE c.source = e.source AND c.epoch = e.epoch), EXISTS(SELECT 1 FROM seams m WHERE m.ep = e.ep AND m.seq > 0)
		FROM unnest($1::text[], $2::text[]) AS x(source, epoch) JOIN epochs e ON e.source = x.source AND e.epoch = x.epoch
		JOIN stores s ON s.st = e.st ORDER BY e.ep FOR UPDATE OF e`, sources, names)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		ep := &epoch{boots: map[string]uint64{}, here: map[uint64]known{}, parts: map[uint64][]byte{}}
		var source, name string
		var through, highest int64
		if err := rows.Scan(&ep.st, &ep.store, &ep.ep, &source, &name, &through, &ep.hash, &highest, &ep.last, &ep.evidence, &ep.seamed); err != nil {
			return err
		}
		ep.store, ep.through, ep.max = unplain(ep.store), uint64(through), uint64(highest)
		c.epochs[place{unplain(source), unplain(name)}] = ep
	}
	return rows.Err()
}

// wanted are places of events to read.
type wanted struct {
	sts      []int32
	eps, seq []int64
	bytes    []bool
	of       []*epoch
}

func (w *wanted) add(ep *epoch, seq uint64, bytes bool) {
	w.sts, w.eps, w.seq = append(w.sts, ep.st), append(w.eps, ep.ep), append(w.seq, int64(seq))
	w.bytes, w.of = append(w.bytes, bytes), append(w.of, ep)
}

// loadRows reads the events a batch has to know of, in one round trip.
func (c *commit) loadRows(b backoffice.Batch) error {
	w := c.want(b)
	var ids, refs []string
	persons := &wanted{}
	for i := range b.Entries {
		e := &b.Entries[i].Event
		if ep := c.epochs[place{e.Source, e.Epoch}]; ep != nil && e.Data.Common().PersonDigest != "" {
			persons.add(ep, e.Seq, false)
		}
		ids = append(ids, plain(e.ID()))
		refs = append(refs, plain(e.ID()+"#"+kiosk.HashOf(b.Entries[i].Bytes).String()))
		if e.Was != "" {
			ids = append(ids, plain(e.Was))
		}
	}
	q := &pgx.Batch{}
	q.Queue(`SELECT x.i, e.hash, e.state, e.digest, e.when_ms, e.uncertain, CASE WHEN x.bytes THEN e.bytes END
		FROM unnest($1::integer[], $2::bigint[], $3::bigint[], $4::boolean[]) WITH ORDINALITY AS x(st, ep, seq, bytes, i)
		JOIN events e ON e.st = x.st AND e.ep = x.ep AND e.seq = x.seq`, w.sts, w.eps, w.seq, w.bytes)
	q.Queue(`SELECT DISTINCT s.store, e.target FROM unnest($1::integer[]) AS x(st) JOIN stores s USING (st)
		JOIN events e ON e.st = x.st AND e.target = ANY($2::text[]) AND e.target <> '' AND e.visit = ''`, c.stores(), ids)
	q.Queue(`SELECT DISTINCT p.source, e.was FROM unnest($1::integer[]) AS x(st)
		JOIN events e ON e.st = x.st AND e.was = ANY($2::text[]) AND e.was <> '' AND e.state = 0 JOIN epochs p ON p.ep = e.ep`, c.stores(), refs)
	q.Queue(`SELECT x.i, p.bytes FROM unnest($1::bigint[], $2::bigint[]) WITH ORDINALITY AS x(ep, seq, i) JOIN persons p ON p.ep = x.ep AND p.seq = x.seq`,
		persons.eps, persons.seq)
	res := c.tx.SendBatch(c.ctx, q)
	defer res.Close()
	if err := w.read(res); err != nil {
		return err
	}
	for _, into := range []map[refKey]bool{c.waits, c.again} {
		rows, err := res.Query()
		if err != nil {
			return err
		}
		var k refKey
		if _, err := pgx.ForEachRow(rows, []any{&k.of, &k.ref}, func() error {
			into[refKey{unplain(k.of), unplain(k.ref)}] = true
			return nil
		}); err != nil {
			return err
		}
	}
	rows, err := res.Query()
	if err != nil {
		return err
	}
	var i int64
	var part []byte
	if _, err := pgx.ForEachRow(rows, []any{&i, &part}, func() error {
		persons.of[i-1].parts[uint64(persons.seq[i-1])] = part
		return nil
	}); err != nil {
		return err
	}
	return res.Close()
}

// want lists the places of a batch that may be taken, those before them, and
// the highest of each epoch with its bytes.
func (c *commit) want(b backoffice.Batch) *wanted {
	w := &wanted{}
	asked := map[*epoch]map[uint64]bool{}
	add := func(at place, seq uint64) {
		ep := c.epochs[at]
		if ep == nil {
			return
		}
		if asked[ep] == nil {
			asked[ep] = map[uint64]bool{ep.max: true}
			if ep.max > 0 {
				w.add(ep, ep.max, true)
			}
		}
		if seq > 0 && seq < ep.max && !asked[ep][seq] {
			asked[ep][seq] = true
			w.add(ep, seq, false)
		}
	}
	for i := range b.Entries {
		e := &b.Entries[i].Event
		at := place{e.Source, e.Epoch}
		add(at, e.Seq)
		add(at, e.Seq-1)
	}
	for _, r := range b.Rejects {
		add(place{r.Source, r.Epoch}, r.Seq)
	}
	for _, p := range b.Persons {
		add(place{p.Source, p.Epoch}, p.Seq)
	}
	return w
}

func (w *wanted) read(res pgx.BatchResults) error {
	rows, err := res.Query()
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var i, when int64
		var hash, bytes []byte
		var k known
		var uncertain bool
		if err := rows.Scan(&i, &hash, &k.state, &k.digest, &when, &uncertain, &bytes); err != nil {
			return err
		}
		k.hash, k.digest = kiosk.Hash(hash), unplain(k.digest)
		ep, seq := w.of[i-1], uint64(w.seq[i-1])
		ep.here[seq] = k
		if bytes != nil && k.state != malformed {
			if ep.tail, err = timed(bytes, when, uncertain); err != nil {
				return err
			}
		}
	}
	return rows.Err()
}

// timed is an event at rest with its corrected time, as kiosk.Follow wants it.
func timed(b []byte, when int64, uncertain bool) (kiosk.Event, error) {
	e, err := kiosk.Decode(b)
	if err != nil {
		return kiosk.Event{}, err
	}
	e.Moment.Wall, e.When, e.Uncertain = ms(e.Moment.Wall.UnixMilli()), ms(when), uncertain
	return e, nil
}
