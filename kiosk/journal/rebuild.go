package journal

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"baylight/kiosk"
)

// remains are what a damaged journal still holds.
type remains struct {
	source  string
	carver  *carver
	epochs  []*ended
	found   []candidate // of all epochs
	foreign int         // sound events of other boards

	// What SQLite can still read of the small tables.
	told     map[Lost]bool // destroyed earlier, and whether an event says so
	holes    []hole        // with positions of the damaged file
	receipts []stale
	cursors  []stale
}

// stale is a receipt or cursor of the damaged file.
type stale struct {
	n           int64
	name, epoch string
	term, value int64
}

// ended is an epoch of the damaged file.
type ended struct {
	name    string
	base    uint64 // in the damaged file
	listed  bool   // base is that of its table
	mark    uint64 // the highest sequence that anything tells of
	receipt uint64 // the back office has events up to here
	why     any    // it ended, nil while it was appended to

	from, to uint64 // positions in the new file: from+1 … to
	kept     uint64
	last     uint64 // sequence of the last event kept
}

// candidate is a sound event and where it is. There may be several of one
// sequence: SQLite leaves copies of pages behind.
type candidate struct {
	epoch int
	seq   uint64
	place place
}

// rebuild makes a journal at part of what is sound at j.path.
func (j *Journal) rebuild(ctx context.Context, part string) (*Report, error) {
	c, err := newCarver(j.path)
	if err != nil {
		return nil, err
	}
	defer c.close()
	m := &remains{source: j.source, carver: c, told: map[Lost]bool{}}
	m.ask(ctx, j.path)
	if err := m.scan(); err != nil {
		return nil, err
	}
	if len(m.found) == 0 && m.foreign > 0 {
		return nil, fmt.Errorf("%w of this board: it holds %d events of others", ErrForeign, m.foreign)
	}
	r := &Report{}
	if len(m.epochs) == 0 { // nothing is left, not even a name
		return r, classify(create(ctx, part, j.source, j.newEpoch()))
	}
	if err := create(ctx, part, j.source, m.epochs[0].name); err != nil {
		return nil, classify(err)
	}
	if err := m.fill(ctx, part, r); err != nil {
		return nil, classify(err)
	}
	return r, j.resume(ctx, part, m.epochs[len(m.epochs)-1], r)
}

// resume begins the new epoch in the new file and looks at all of it.
func (j *Journal) resume(ctx context.Context, part string, last *ended, r *Report) (err error) {
	n := j.sibling(part)
	defer func() { err = errors.Join(err, n.release()) }()
	if err := n.openFile(ctx); err != nil {
		return err
	}
	if err := n.beginEpoch(j.newEpoch(), "salvaged", nil, min(last.receipt, n.Head()), nil); err != nil {
		return err
	}
	r.Again = n.Head()
	if r.Lost, err = n.Lost(); err != nil {
		return err
	}
	return n.verify(ctx)
}

// ask reads what SQLite can still read of the small tables. What it cannot is
// done without.
func (m *remains) ask(ctx context.Context, path string) {
	db, err := sql.Open("sqlite3", dsn(path, "ro"))
	if err != nil {
		return
	}
	defer db.Close()
	each := func(query string, n int, fn func(v []any)) {
		rows, err := db.QueryContext(ctx, query)
		if err != nil {
			return
		}
		defer rows.Close()
		for rows.Next() {
			v, at := make([]any, n), make([]any, n)
			for i := range v {
				at[i] = &v[i]
			}
			if rows.Scan(at...) == nil {
				fn(v)
			}
		}
	}
	each("SELECT epoch, base, superseded FROM epochs ORDER BY base", 3, func(v []any) {
		name, ok := v[0].(string)
		base, ok2 := v[1].(int64)
		if ok && ok2 && name != "" && isName(name) && m.named(name) < 0 {
			m.epochs = append(m.epochs, &ended{name: name, base: uint64(max(base, 0)), listed: true, why: text(v[2])})
		}
	})
	each(`SELECT epoch, "from", "to", told FROM lost`, 4, func(v []any) {
		epoch, _ := v[0].(string)
		from, _ := v[1].(int64)
		to, _ := v[2].(int64)
		if epoch != "" && from >= 1 && to >= from {
			m.told[Lost{epoch, uint64(from), uint64(to)}] = v[3] != int64(0)
		}
	})
	each("SELECT first, last, hash FROM holes", 3, func(v []any) {
		first, _ := v[0].(int64)
		last, _ := v[1].(int64)
		if hash, ok := v[2].([]byte); ok && first >= 1 && last >= first && len(hash) == len(kiosk.Hash{}) {
			m.holes = append(m.holes, hole{uint64(first), uint64(last), kiosk.Hash(hash)})
		}
	})
	keep := func(into *[]stale, n, name, term, epoch, value any) {
		s, ok := stale{}, [5]bool{}
		s.n, ok[0] = n.(int64)
		s.name, ok[1] = name.(string)
		s.term, ok[2] = term.(int64)
		s.epoch, ok[3] = epoch.(string)
		s.value, ok[4] = value.(int64)
		if ok == [5]bool{true, true, true, true, true} && s.value >= 0 {
			*into = append(*into, s)
		}
	}
	each("SELECT n, ledger, term, epoch, through FROM receipts ORDER BY n", 5, func(v []any) { keep(&m.receipts, v[0], v[1], v[2], v[3], v[4]) })
	each("SELECT epoch, name, value FROM cursors", 3, func(v []any) { keep(&m.cursors, int64(0), v[1], int64(0), v[0], v[2]) })
	m.marks()
}

// marks notes what receipts and cursors tell of each epoch.
func (m *remains) marks() {
	for i, r := range m.receipts {
		if n := m.named(r.epoch); n >= 0 {
			m.epochs[n].mark = max(m.epochs[n].mark, uint64(r.value))
			if i == len(m.receipts)-1 { // the present ledger
				m.epochs[n].receipt = uint64(r.value)
			}
		}
	}
	for _, c := range m.cursors {
		if n := m.named(c.epoch); n >= 0 && !strings.HasPrefix(c.name, overtaken) { // those are sequences of another epoch
			m.epochs[n].mark = max(m.epochs[n].mark, uint64(c.value))
		}
	}
	for i, e := range m.epochs[:max(len(m.epochs)-1, 0)] {
		if next := m.epochs[i+1].base; next > e.base {
			e.mark = max(e.mark, next-e.base)
		}
	}
}

func (m *remains) named(name string) int {
	return slices.IndexFunc(m.epochs, func(e *ended) bool { return e.name == name })
}

// scan finds all sound events and puts them in order.
func (m *remains) scan() error {
	named := map[Lost]bool{}
	err := m.carver.scan(func(at place, row carved) {
		e, ok := intact(row)
		if !ok {
			return
		}
		if e.Source != m.source {
			m.foreign++
			return
		}
		i := m.named(e.Epoch)
		if i < 0 {
			i = len(m.epochs)
			m.epochs = append(m.epochs, &ended{name: e.Epoch, base: uint64(max(row.pos-int64(e.Seq), 0))})
		}
		m.found = append(m.found, candidate{i, e.Seq, at})
		if d, ok := e.Data.(*kiosk.JournalLost); ok {
			named[Lost{d.Epoch, d.From, d.To}] = true
		}
	})
	if err != nil {
		return err
	}
	for l := range m.told {
		m.told[l] = m.told[l] && named[l] // what told of it may be destroyed as well
	}
	order := slices.Clone(m.epochs)
	slices.SortStableFunc(order, func(a, b *ended) int { return cmp.Compare(a.base, b.base) })
	rank := make([]int, len(m.epochs))
	for i, e := range m.epochs {
		rank[i] = slices.Index(order, e)
	}
	m.epochs = order
	for i := range m.found {
		m.found[i].epoch = rank[m.found[i].epoch]
	}
	slices.SortFunc(m.found, func(a, b candidate) int {
		if c := cmp.Or(cmp.Compare(a.epoch, b.epoch), cmp.Compare(a.seq, b.seq)); c != 0 || a.place.wal != b.place.wal {
			return cmp.Or(c, map[bool]int{true: -1, false: 1}[a.place.wal]) // the log is newer than the database
		}
		return cmp.Or(-cmp.Compare(a.place.off, b.place.off), cmp.Compare(a.place.cell, b.place.cell))
	})
	return nil
}

// intact decodes a row that has the hash it was stored with.
func intact(row carved) (kiosk.Event, bool) {
	if kiosk.HashOf(row.bytes) != row.hash {
		return kiosk.Event{}, false
	}
	e, err := kiosk.Decode(row.bytes)
	return e, err == nil && isName(e.Epoch)
}

// fill writes what was found into the new file.
func (m *remains) fill(ctx context.Context, part string, r *Report) (err error) {
	db, err := sql.Open("sqlite3", dsn(part, "rw"))
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	defer func() { err = errors.Join(err, db.Close()) }()
	w := &refill{ctx: ctx, db: db}
	w.exec("PRAGMA journal_size_limit = 0")
	w.exec("BEGIN")
	w.exec("DELETE FROM epochs")
	pos, rest := uint64(0), m.found
	for i, e := range m.epochs {
		n := slices.IndexFunc(rest, func(c candidate) bool { return c.epoch != i })
		if n < 0 {
			n = len(rest)
		}
		e.from = pos
		m.chain(w, e, rest[:n], r)
		pos, rest = e.to, rest[n:]
		if w.err != nil {
			break
		}
	}
	m.small(w)
	w.exec("COMMIT")
	return w.err
}

// refill writes until the first error.
type refill struct {
	ctx   context.Context
	db    *sql.DB
	rows  int
	empty int64
	err   error
}

func (w *refill) exec(query string, args ...any) {
	if w.err == nil {
		_, w.err = w.db.ExecContext(w.ctx, query, args...)
	}
}

func (w *refill) lost(l Lost, told bool) {
	w.exec(`INSERT INTO lost (epoch, "from", "to", told) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`, l.Epoch, int64(l.From), int64(l.To), told)
}

// chain writes the events of one epoch that follow each other, and names what
// is missing between them. After a missing range the next sound event is
// believed in what it says of its predecessor's hash.
func (m *remains) chain(w *refill, e *ended, found []candidate, r *Report) {
	var prev kiosk.Hash
	for i := 0; i < len(found) && w.err == nil; {
		n := i + 1
		for n < len(found) && found[n].seq == found[i].seq {
			n++
		}
		seq := found[i].seq
		row, ev, ok := m.choose(found[i:n], seq == e.last+1, prev)
		i = n
		if !ok {
			continue
		}
		if seq > e.last+1 {
			m.missing(w, e, e.last+1, seq-1, ev.Prev)
		}
		if checkPerson(ev.Data, row.person) != nil {
			row.person = []byte{}
			r.Persons++
		}
		w.exec("INSERT INTO events (pos, type, visit, bytes, person, hash) VALUES (?, ?, ?, ?, ?, ?)",
			int64(e.from+seq), string(ev.Type()), kiosk.VisitOf(ev.Data), row.bytes, column(row.person), row.hash[:])
		if w.rows++; w.rows%10_000 == 0 { // a log of everything would need the room twice
			w.exec("COMMIT")
			w.exec("BEGIN")
		}
		prev, e.last = row.hash, seq
		e.kept++
		r.Kept++
	}
	if e.mark > e.last {
		w.lost(Lost{e.name, e.last + 1, e.mark}, m.told[Lost{e.name, e.last + 1, e.mark}])
	}
	e.to = e.from + e.last
	base := int64(e.from)
	if e.last == 0 && e != m.epochs[len(m.epochs)-1] {
		w.empty--
		base = w.empty
		w.exec("UPDATE meta SET value = 2 WHERE key = 'min_reader'")
	}
	w.exec("INSERT INTO epochs (epoch, base, superseded) VALUES (?, ?, ?)", e.name, base, e.why)
}

// column is a person part as it is stored: NULL if there is none.
func column(person []byte) any {
	if person == nil {
		return nil
	}
	return person
}

// choose takes the first of the events of one sequence that follows its predecessor.
func (m *remains) choose(found []candidate, follows bool, prev kiosk.Hash) (carved, kiosk.Event, bool) {
	var first carved
	var of kiosk.Event
	for _, c := range found {
		row, ok := m.carver.read(c.place)
		if !ok {
			continue
		}
		e, ok := intact(row)
		if !ok || follows && e.Prev != prev || first.bytes != nil && !bytes.Equal(first.bytes, row.bytes) {
			continue
		}
		if checkPerson(e.Data, row.person) == nil {
			return row, e, true
		}
		if first.bytes == nil {
			first, of = row, e
		}
	}
	return first, of, first.bytes != nil
}

// missing records that events are not in the new file. What was already known
// to be missing was pruned, or destroyed and named.
func (m *remains) missing(w *refill, e *ended, from, to uint64, hash kiosk.Hash) {
	w.exec("INSERT INTO holes (first, last, hash) VALUES (?, ?, ?)", int64(e.from+from), int64(e.from+to), hash[:])
	w.exec("UPDATE meta SET value = 2 WHERE key = 'min_reader'")
	for from <= to {
		next := to
		gone := false
		if e.listed {
			for _, h := range m.holes {
				if h.first <= e.base+from && h.last >= e.base+from {
					gone, next = true, min(next, h.last-e.base)
				} else if h.first > e.base+from {
					next = min(next, h.first-e.base-1)
				}
			}
		}
		if !gone {
			w.lost(Lost{e.name, from, next}, m.told[Lost{e.name, from, next}])
		}
		from = next + 1
	}
}

// small writes what is left of the small tables.
func (m *remains) small(w *refill) {
	for l, told := range m.told {
		w.lost(l, told)
	}
	for _, r := range m.receipts {
		w.exec("INSERT OR IGNORE INTO receipts (n, ledger, term, epoch, through) VALUES (?, ?, ?, ?, ?)", r.n, r.name, r.term, r.epoch, r.value)
	}
	for _, c := range m.cursors {
		i, last := m.named(c.epoch), c.value
		if i < 0 {
			continue
		}
		if !strings.HasPrefix(c.name, overtaken) {
			last = int64(m.epochs[i].last)
		}
		w.exec("INSERT OR IGNORE INTO cursors (epoch, name, value) VALUES (?, ?, ?)", c.epoch, c.name, min(c.value, last))
	}
}

// text is a text or nothing.
func text(v any) any {
	if s, ok := v.(string); ok {
		return s
	}
	return nil
}
