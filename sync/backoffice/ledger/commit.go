package ledger

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"math"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/ledger/rule"
)

// Bounds on what is kept as evidence.
const (
	maxPayload  = 64 << 10
	maxRejected = 10_000 // messages whose place could not be told; the oldest go
)

// Commit makes a batch durable (backoffice.Ledger).
func (l *Ledger) Commit(ctx context.Context, b backoffice.Batch) (backoffice.Outcome, error) {
	if err := ctx.Err(); err != nil {
		return backoffice.Outcome{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	// From here on ctx is left aside: a transaction is short, and the driver
	// starts a goroutine for every statement that could be cancelled.
	conn, err := l.w.Conn(context.Background())
	if err != nil {
		return backoffice.Outcome{}, fmt.Errorf("begin commit: %w", err)
	}
	defer conn.Close()
	tx, err := conn.BeginTx(context.Background(), nil)
	if err != nil {
		return backoffice.Outcome{}, fmt.Errorf("begin commit: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	l.crowd.begin(conn)
	c := &commit{tx: tx, rows: &l.crowd, at: b.At.UnixMilli(), epochs: map[place]*epoch{}, dirty: map[[2]string]bool{}}
	if err := c.all(b); err != nil {
		return backoffice.Outcome{}, fmt.Errorf("commit batch: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return backoffice.Outcome{}, fmt.Errorf("commit batch: %w", err)
	}
	return c.out, nil
}

// commit is one transaction at work.
type commit struct {
	tx     *sql.Tx
	at     int64
	epochs map[place]*epoch
	dirty  map[[2]string]bool // store, visit
	rows   *rows              // events that wait to be inserted
	out    backoffice.Outcome
	before int64 // the highest position before it
	asked  bool  // the next two are known
	waits  bool  // a correction waits for its event
	again  bool  // an event was recorded again after a rollback
}

type place = rule.Place

// epoch is a row of epochs while it is worked on; it answers what the rules ask.
type epoch struct {
	rule.Epoch
	c     *commit
	at    place
	store string
}

func (c *commit) all(b backoffice.Batch) error {
	if err := c.get([]any{&c.before}, `SELECT coalesce(max(n), 0) FROM events`); err != nil {
		return err
	}
	for i := range b.Entries {
		if err := c.entry(&b.Entries[i]); err != nil {
			e := &b.Entries[i].Event
			return fmt.Errorf("event %s of %s: %w", e.ID(), e.Source, err)
		}
	}
	for _, r := range b.Rejects {
		if err := c.reject(r); err != nil {
			return fmt.Errorf("rejected message on %q: %w", r.Topic, err)
		}
	}
	for _, p := range b.Persons {
		if err := c.person(p); err != nil {
			return fmt.Errorf("person part of %s-%d: %w", p.Epoch, p.Seq, err)
		}
	}
	if err := c.flush(); err != nil {
		return err
	}
	for at, ep := range c.epochs {
		if err := c.settle(at, ep); err != nil {
			return fmt.Errorf("settle epoch %s: %w", at.Epoch, err)
		}
	}
	if err := c.get([]any{&c.out.Position}, `SELECT coalesce(max(n), 0) FROM events`); err != nil {
		return err
	}
	return c.mark()
}

func (c *commit) problem(format string, args ...any) {
	c.out.Problems = append(c.out.Problems, fmt.Sprintf(format, args...))
}

// epoch finds the row of an epoch, or begins one.
func (c *commit) epoch(store string, at place) (*epoch, error) {
	if ep := c.epochs[at]; ep != nil {
		return ep, nil
	}
	ep := &epoch{c: c, at: at, store: store, Epoch: rule.Epoch{Boots: map[string]uint64{}}}
	known, err := c.found([]any{&ep.Through, &ep.Hash, &ep.Max, &ep.Last},
		`SELECT through, hash, max, last_ms FROM epochs WHERE source = ? AND epoch = ?`, at.Source, at.Epoch)
	if err != nil {
		return nil, err
	}
	if !known {
		ep.Hash = make([]byte, sha256.Size)
		if err := c.exec(`INSERT INTO epochs(store, source, epoch, through, hash, max, last_ms) VALUES (?, ?, ?, 0, ?, 0, ?)`,
			store, at.Source, at.Epoch, ep.Hash, int64(rule.MinTime)); err != nil {
			return nil, err
		}
		ep.Last = rule.MinTime
	} else if err := c.get([]any{&ep.Seamed}, `SELECT EXISTS(SELECT 1 FROM seams WHERE source = ? AND epoch = ? AND seq > 0)`, at.Source, at.Epoch); err != nil {
		return nil, err
	}
	c.epochs[at] = ep
	return ep, nil
}

// taken says whether a place is taken, and deals with what comes to it again.
func (c *commit) taken(store string, at place, seq uint64, hash kiosk.Hash, b []byte) (bool, error) {
	var there []byte
	var whole bool
	ok, err := c.found([]any{&there, &whole}, `SELECT hash, bytes = ? FROM events WHERE epoch = ? AND source = ? AND seq = ?`, b, at.Epoch, at.Source, int64(seq))
	if !ok || err != nil {
		return false, err
	}
	if kiosk.Hash(there) == hash {
		c.out.Duplicates++
		if !whole {
			err = c.mend(at, seq, b)
		}
		return true, err
	}
	return true, c.evidence(store, at, seq, hash, b, "in the place of")
}

// mend puts the bytes of an event right that came again. Those that are here are
// not what their hash is of: the disk changed them, or somebody did.
func (c *commit) mend(at place, seq uint64, b []byte) error {
	if err := c.exec(`UPDATE events SET bytes = ? WHERE epoch = ? AND source = ? AND seq = ?`, b, at.Epoch, at.Source, int64(seq)); err != nil {
		return fmt.Errorf("mend: %w", err)
	}
	c.problem("event %s of %s was damaged on the disk; it came again and is whole. Look after the disk; baylight verify says whether figures were made of it meanwhile", kiosk.EventID(at.Epoch, seq), at.Source)
	return nil
}

// evidence keeps an event that cannot be the one of its place, uncounted.
func (c *commit) evidence(store string, at place, seq uint64, hash kiosk.Hash, b []byte, where string) error {
	c.out.Conflicts++
	fresh, err := c.changes(`INSERT INTO conflicts VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`, store, at.Source, at.Epoch, int64(seq), hash[:], b, c.at)
	if err != nil {
		return err
	}
	if fresh > 0 {
		c.problem("%s sent another event %s %s: kept as evidence, not counted", at.Source, where, kiosk.EventID(at.Epoch, seq))
	}
	return nil
}

// strays says whether an event follows another one than the event that is here
// before it, or follows one that is evidence: then it is of another copy of the
// board's journal. If its place took it all the same, a receipt would prove to
// that copy what never came.
func (c *commit) strays(at place, ep *epoch, e *kiosk.Event) (bool, error) {
	ep.Broken = false
	if e.Seq-1 == ep.Top {
		return e.Seq > 1 && e.Prev != ep.TopHash, nil
	}
	var there []byte
	var state rule.State
	here, err := c.found([]any{&there, &state}, `SELECT hash, state FROM events WHERE epoch = ? AND source = ? AND seq = ?`, at.Epoch, at.Source, int64(e.Seq-1))
	switch {
	case err != nil:
		return false, err
	case here && state == rule.Malformed: // what follows a malformed event cannot be told
		ep.Broken = true
		return false, nil
	case here:
		return kiosk.Hash(there) != e.Prev, nil
	}
	return c.found([]any{&state}, `SELECT 1 FROM conflicts WHERE source = ? AND epoch = ? AND seq = ? AND hash = ?`, at.Source, at.Epoch, int64(e.Seq-1), e.Prev[:])
}

// entry takes one event in.
func (c *commit) entry(in *backoffice.Entry) error {
	e, hash := &in.Event, kiosk.HashOf(in.Bytes)
	at := place{Source: e.Source, Epoch: e.Epoch}
	ep, err := c.epoch(in.Store, at)
	if err != nil {
		return err
	}
	if e.Seq <= ep.Max { // what lies above the highest is new
		if taken, err := c.taken(in.Store, at, e.Seq, hash, in.Bytes); taken || err != nil {
			return err
		}
	}
	if strays, err := c.strays(at, ep, e); err != nil {
		return err
	} else if strays {
		return c.evidence(in.Store, at, e.Seq, hash, in.Bytes, "after the one before")
	}
	if err := ep.Seams(ep, e.Seq, e.Prev, hash); err != nil {
		return err
	}
	ep.Top, ep.TopHash = e.Seq, hash
	state, err := c.state(e, hash)
	if err != nil {
		return err
	}
	visit, target := kiosk.FoldOf(e.Data), kiosk.Corrects(e.Data)
	if target != "" {
		if visit, err = rule.VisitOf(visits{c, in.Store}, e, target); err != nil {
			return err
		}
	}
	was := ""
	if e.Was != "" {
		was = e.Was + "#" + e.WasHash
	}
	when, uncertain, err := ep.Put(ep, *e, e.Moment.Boot)
	if err != nil {
		return err
	}
	if err := c.insert(in.Store, e.Source, e.Epoch, int64(e.Seq), hash[:], int64(state), string(e.Type()), visit, target, was,
		e.Data.Common().PersonDigest, e.Moment.Boot, string(e.Moment.Clock), e.Moment.Wall.UnixMilli(), when, uncertain, c.at, in.Bytes); err != nil {
		return err
	}
	ep.Grow(e, hash)
	c.out.Added++
	if target != "" && visit == "" {
		c.waits = true
	}
	if e.Was != "" {
		c.again = true
	}
	return c.follow(in.Store, at, e, visit)
}

// follow does what an event means for other rows.
func (c *commit) follow(store string, at place, e *kiosk.Event, visit string) error {
	if visit != "" {
		c.dirty[[2]string{store, visit}] = true
		if err := rule.Claim(visits{c, store}, e); err != nil {
			return err
		}
	}
	if d := e.Data.Common().PersonDigest; d != "" {
		if err := c.checkWaiting(store, at, e.Seq, d); err != nil {
			return err
		}
	}
	if lost, ok := e.Data.(*kiosk.JournalLost); ok {
		return c.lose(store, at.Source, lost)
	}
	return nil
}

// lose closes a range that was destroyed and will never arrive.
func (c *commit) lose(store, source string, lost *kiosk.JournalLost) error {
	if lost.From == 0 || lost.From > lost.To || lost.To > math.MaxInt64 || len(lost.Epoch) > 64 {
		c.problem("%s reports a destroyed range that is none: %d to %d of epoch %q", source, lost.From, lost.To, clip(lost.Epoch, 64))
		return nil
	}
	if err := c.exec(`INSERT INTO lost VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`, source, lost.Epoch, int64(lost.From), int64(lost.To)); err != nil {
		return err
	}
	c.problem("%s reports that events %d to %d of epoch %s were destroyed", source, lost.From, lost.To, lost.Epoch)
	var known bool
	if err := c.get([]any{&known}, `SELECT EXISTS(SELECT 1 FROM epochs WHERE source = ? AND epoch = ?)`, source, lost.Epoch); err != nil || !known {
		return err
	}
	_, err := c.epoch(store, place{Source: source, Epoch: lost.Epoch})
	return err
}

// state says whether an event counts: one that records another again after a
// rollback does not if the other is here, and the other way round.
func (c *commit) state(e *kiosk.Event, hash kiosk.Hash) (rule.State, error) {
	if e.Was != "" {
		if epoch, seq, err := kiosk.ParseEventID(e.Was); err == nil {
			var there []byte
			ok, err := c.found([]any{&there}, `SELECT hash FROM events WHERE epoch = ? AND source = ? AND seq = ?`, epoch, e.Source, int64(seq))
			if err != nil {
				return 0, err
			}
			if ok && kiosk.Hash(there).String() == e.WasHash {
				return rule.Repeated, nil
			}
		}
		// After two rollbacks there are two copies of one event: the first to come counts.
		var n int
		if err := c.get([]any{&n}, `SELECT count(*) FROM events WHERE was = ? AND source = ? AND state = 0`, e.Was+"#"+e.WasHash, e.Source); err != nil {
			return 0, err
		}
		if n > 0 {
			return rule.Repeated, nil
		}
	}
	if err := c.ask(); err != nil || !c.again {
		return rule.Counted, err
	}
	return c.recordedAgain(e, hash)
}

func (c *commit) recordedAgain(e *kiosk.Event, hash kiosk.Hash) (rule.State, error) {
	var n int
	if err := c.get([]any{&n}, `SELECT count(*) FROM events WHERE was = ? AND source = ? AND state = 0`, e.ID()+"#"+hash.String(), e.Source); err != nil {
		return 0, err
	}
	if n > 0 {
		return rule.Repeated, nil
	}
	return rule.Counted, nil
}

// ask finds out, once a transaction, what most ledgers have none of.
func (c *commit) ask() error {
	if c.asked {
		return nil
	}
	var waits, again bool
	if err := c.get([]any{&waits, &again}, `SELECT EXISTS(SELECT 1 FROM events WHERE target <> '' AND visit = ''), EXISTS(SELECT 1 FROM events WHERE was <> '')`); err != nil {
		return err
	}
	c.asked, c.waits, c.again = true, c.waits || waits, c.again || again
	return nil
}

// reject keeps a message that is no event.
func (c *commit) reject(r backoffice.Reject) error {
	c.out.Rejected++
	if r.Payload == nil {
		r.Payload = []byte{} // nil would be NULL
	}
	if r.Seq > 0 {
		if err := c.fill(r); err != nil {
			return err
		}
	}
	key := sha256.Sum256(fmt.Appendf(nil, "%q %q %q", r.Topic, r.Payload, r.Reason))
	var times int
	if err := c.get([]any{&times}, `INSERT INTO rejected(key, store, topic, source, epoch, seq, payload, reason, times, at_ms) VALUES (?,?,?,?,?,?,?,?,1,?)
		ON CONFLICT(key) DO UPDATE SET times = times + 1, at_ms = excluded.at_ms RETURNING times`,
		key[:], r.Store, clip(r.Topic, 300), r.Source, r.Epoch, int64(r.Seq), r.Payload[:min(len(r.Payload), maxPayload)], clip(r.Reason, 500), c.at); err != nil {
		return err
	}
	if times > 1 {
		return nil
	}
	c.problem("message on %q is kept aside: %s", clip(r.Topic, 120), clip(r.Reason, 300))
	return c.exec(`DELETE FROM rejected WHERE seq = 0 AND n <= (SELECT n FROM rejected WHERE seq = 0 ORDER BY n DESC LIMIT 1 OFFSET ?)`, maxRejected)
}

// fill answers for the place of a malformed event, so that it does not hold up the rest.
func (c *commit) fill(r backoffice.Reject) error {
	at, hash := place{Source: r.Source, Epoch: r.Epoch}, kiosk.HashOf(r.Payload)
	if taken, err := c.taken(r.Store, at, r.Seq, hash, r.Payload); taken || err != nil {
		return err
	}
	ep, err := c.epoch(r.Store, at)
	if err != nil {
		return err
	}
	ep.Broken = true
	if err := ep.Seams(ep, r.Seq, backoffice.Prev(r.Payload), hash); err != nil {
		return err
	}
	ep.Max = max(ep.Max, r.Seq)
	return c.insert(r.Store, r.Source, r.Epoch, int64(r.Seq), hash[:], int64(rule.Malformed), "", "", "", "", "", "", "", int64(0), int64(0), true, c.at, r.Payload)
}

// person takes one person part in.
func (c *commit) person(p backoffice.PersonEntry) error {
	at := place{Source: p.Source, Epoch: p.Epoch}
	var digest string
	there, err := c.found([]any{&digest}, `SELECT digest FROM events WHERE epoch = ? AND source = ? AND seq = ?`, p.Epoch, p.Source, int64(p.Seq))
	if err != nil {
		return err
	}
	if there && (digest == "" || p.Bytes != nil && kiosk.DigestOf(p.Bytes) != digest) {
		return c.strange(p, cmp.Or(digest, "none"))
	}
	if _, err := c.epoch(p.Store, at); err != nil {
		return err
	}
	return c.exec(`INSERT INTO persons VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`, p.Epoch, p.Source, int64(p.Seq), p.Bytes)
}

// checkWaiting compares a person part that came before its event.
func (c *commit) checkWaiting(store string, at place, seq uint64, digest string) error {
	var b []byte
	ok, err := c.found([]any{&b}, `SELECT bytes FROM persons WHERE epoch = ? AND source = ? AND seq = ?`, at.Epoch, at.Source, int64(seq))
	if err != nil || !ok || b == nil || kiosk.DigestOf(b) == digest {
		return err
	}
	if err := c.exec(`DELETE FROM persons WHERE epoch = ? AND source = ? AND seq = ?`, at.Epoch, at.Source, int64(seq)); err != nil {
		return err
	}
	return c.strange(backoffice.PersonEntry{Store: store, Source: at.Source, Epoch: at.Epoch, Seq: seq, Bytes: b}, digest)
}

// strange keeps a person part that is not the one its event speaks of. Its
// bytes are personal data of nobody knows whom: only their digest is kept.
func (c *commit) strange(p backoffice.PersonEntry, want string) error {
	return c.reject(backoffice.Reject{Store: p.Store, Topic: p.Source + " person", Source: p.Source, Payload: []byte(kiosk.DigestOf(p.Bytes)),
		Reason: fmt.Sprintf("person part of %s does not match the digest in its event (%s)", kiosk.EventID(p.Epoch, p.Seq), want)})
}

func clip(s string, n int) string {
	if len(s) > n {
		return s[:n] + "…"
	}
	return s
}

// ms is the time of a column.
func ms(n int64) time.Time { return time.UnixMilli(n) }
