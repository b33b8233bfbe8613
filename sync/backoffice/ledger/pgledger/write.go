package pgledger

import (
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"baylight/sync/backoffice"
)

// row is one event that waits to be inserted; its strings are plain.
type row struct {
	st                                     int32
	ep, seq                                int64
	hash                                   []byte
	state                                  int16
	uncertain                              bool
	when, at                               int64
	kind, visit, target, was, digest, boot string
	bytes                                  []byte
}

// rows are the columns of many.
type rows struct {
	st                                     []int32
	ep, seq                                []int64
	hash                                   pgtype.FlatArray[[]byte] // pgx reads other slices of bytes by reflection
	state                                  []int16
	uncertain                              pgtype.FlatArray[bool]
	when, at                               []int64
	kind, visit, target, was, digest, boot []string
	bytes                                  pgtype.FlatArray[[]byte]
}

// newRows has room for n.
func newRows(n int) rows {
	words := make([]string, 6*n)
	word := func(i int) []string { return words[i*n : i*n : (i+1)*n] }
	numbers := make([]int64, 4*n)
	number := func(i int) []int64 { return numbers[i*n : i*n : (i+1)*n] }
	bytes := make([][]byte, 2*n)
	return rows{st: make([]int32, 0, n), ep: number(0), seq: number(1), hash: bytes[:0:n], state: make([]int16, 0, n), uncertain: make([]bool, 0, n),
		when: number(2), at: number(3), kind: word(0), visit: word(1), target: word(2), was: word(3), digest: word(4), boot: word(5), bytes: bytes[n:n]}
}

func (r *rows) add(x row) {
	r.st, r.ep, r.seq = append(r.st, x.st), append(r.ep, x.ep), append(r.seq, x.seq)
	r.hash, r.state, r.uncertain = append(r.hash, x.hash), append(r.state, x.state), append(r.uncertain, x.uncertain)
	r.when, r.at, r.kind, r.visit = append(r.when, x.when), append(r.at, x.at), append(r.kind, x.kind), append(r.visit, x.visit)
	r.target, r.was, r.digest = append(r.target, x.target), append(r.was, x.was), append(r.digest, x.digest)
	if x.bytes == nil {
		x.bytes = []byte{} // nil would be NULL
	}
	r.boot, r.bytes = append(r.boot, x.boot), append(r.bytes, x.bytes)
}

// parts are person parts that wait to be inserted.
type parts struct {
	ep, seq []int64
	bytes   [][]byte
}

func (p *parts) add(ep *epoch, e backoffice.PersonEntry) {
	p.ep, p.seq, p.bytes = append(p.ep, ep.ep), append(p.seq, int64(e.Seq)), append(p.bytes, e.Bytes)
}

const insertEvents = `INSERT INTO events(n, st, ep, seq, hash, state, uncertain, when_ms, at_ms, type, visit, target, was, digest, boot, bytes)
	SELECT (SELECT n FROM head) - $16 + x.i, x.st, x.ep, x.seq, x.hash, x.state, x.uncertain, x.when_ms, x.at_ms, x.type, x.visit, x.target, x.was, x.digest, x.boot, x.bytes
	FROM unnest($1::integer[], $2::bigint[], $3::bigint[], $4::bytea[], $5::smallint[], $6::boolean[], $7::bigint[], $8::bigint[],
		$9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::bytea[])
	WITH ORDINALITY AS x(st, ep, seq, hash, state, uncertain, when_ms, at_ms, type, visit, target, was, digest, boot, bytes, i)`

// flush inserts what waits; everything goes out at once. From here on the lock
// on head is held.
func (c *commit) flush() error {
	if len(c.pending.st) == 0 && len(c.parts.ep) == 0 {
		return nil
	}
	q := c.pipeline()
	c.queueInserts(q)
	return c.tx.SendBatch(c.ctx, q).Close()
}

// queueInserts puts the lock on head and what waits into a batch of statements.
func (c *commit) queueInserts(q *pgx.Batch) {
	r := &c.pending
	k := int64(len(r.st))
	if k > 0 || !c.stepped {
		q.Queue(`SELECT step($1, $2, $3, $4)`, c.ledger, c.office, c.stores(), k).QueryRow(func(row pgx.Row) error {
			var n int64
			err := row.Scan(&n)
			if !c.stepped {
				c.before = n - k
			}
			c.out.Position, c.stepped = uint64(n), true
			return err
		})
	}
	if k > 0 {
		q.Queue(insertEvents, r.st, r.ep, r.seq, r.hash, r.state, r.uncertain, r.when, r.at, r.kind, r.visit, r.target, r.was, r.digest, r.boot, r.bytes, k)
		c.pending = rows{}
	}
	if p := &c.parts; len(p.ep) > 0 {
		q.Queue(`INSERT INTO persons SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bytea[]) ON CONFLICT DO NOTHING`, p.ep, p.seq, p.bytes)
		c.parts = parts{}
	}
}
