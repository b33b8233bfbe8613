package pgledger

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"math"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/ledger/rule"
)

// entry takes one event in.
func (c *commit) entry(in *backoffice.Entry) error {
	e, hash := &in.Event, kiosk.HashOf(in.Bytes)
	at := place{Source: e.Source, Epoch: e.Epoch}
	ep, err := c.epoch(in.Store, at)
	if err != nil {
		return err
	}
	if taken, err := c.taken(at, ep, e.Seq, hash, in.Bytes); taken || err != nil {
		return err
	}
	if strays, err := c.strays(at, ep, e); err != nil {
		return err
	} else if strays {
		return c.evidence(at, ep, e.Seq, hash, in.Bytes, "after the one before")
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
		if visit, err = rule.VisitOf(&visits{c: c, store: in.Store, st: ep.st}, e, target); err != nil {
			return err
		}
	}
	was := ""
	if e.Was != "" {
		was = e.Was + "#" + e.WasHash
	}
	when, uncertain, err := ep.Put(ep, *e, bootKey(e.Moment.Boot))
	if err != nil {
		return err
	}
	digest := e.Data.Common().PersonDigest
	c.pending.add(row{st: ep.st, ep: ep.ep, seq: int64(e.Seq), hash: hash[:], state: state, uncertain: uncertain, when: when, at: c.at,
		kind: plain(string(e.Type())), visit: plain(visit), target: plain(target), was: plain(was), digest: plain(digest), boot: bootKey(e.Moment.Boot), bytes: in.Bytes})
	ep.here[e.Seq] = known{hash, state, digest}
	if ep.near != nil {
		x := *e
		x.Moment.Wall, x.When, x.Uncertain = ms(e.Moment.Wall.UnixMilli()), ms(when), uncertain
		ep.near.add(neighbour{seq: e.Seq, hash: hash, bytes: in.Bytes, event: x})
	}
	ep.Grow(e, hash)
	c.out.Added++
	if target != "" && visit == "" {
		c.waits[refKey{in.Store, target}] = true
	}
	if was != "" && state == rule.Counted {
		c.again[refKey{e.Source, was}] = true
	}
	return c.follow(in.Store, at, ep, e, visit)
}

// bootKey is a boot's id, or what stands for one that is too long for an index.
func bootKey(boot string) string {
	if len(boot) > maxKey {
		return kiosk.HashOf([]byte(boot)).String()
	}
	return plain(boot)
}

// taken says whether a place is taken, and deals with what comes to it again.
func (c *commit) taken(at place, ep *epoch, seq uint64, hash kiosk.Hash, b []byte) (bool, error) {
	there, ok := ep.here[seq]
	if !ok {
		return false, nil
	}
	if there.hash == hash {
		c.out.Duplicates++
		return true, nil
	}
	return true, c.evidence(at, ep, seq, hash, b, "in the place of")
}

// evidence keeps an event that cannot be the one of its place, uncounted.
func (c *commit) evidence(at place, ep *epoch, seq uint64, hash kiosk.Hash, b []byte, where string) error {
	c.out.Conflicts++
	ep.evidence = true
	fresh, err := c.exec(`INSERT INTO conflicts VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`, plain(at.Source), plain(at.Epoch), int64(seq), hash[:], ep.st, b, c.at)
	if err != nil {
		return err
	}
	if fresh > 0 {
		c.problem("%s sent another event %s %s: kept as evidence, not counted", at.Source, where, kiosk.EventID(at.Epoch, seq))
	}
	return nil
}

// strays says whether an event follows another one than the event that is here
// before it, or follows one that is evidence (see package ledger).
func (c *commit) strays(at place, ep *epoch, e *kiosk.Event) (bool, error) {
	ep.Broken = false
	if e.Seq-1 == ep.Top {
		return e.Seq > 1 && e.Prev != ep.TopHash, nil
	}
	before, here := ep.here[e.Seq-1]
	switch {
	case here && before.state == rule.Malformed: // what follows a malformed event cannot be told
		ep.Broken = true
		return false, nil
	case here:
		return before.hash != e.Prev, nil
	case !ep.evidence:
		return false, nil
	}
	var one int
	return c.found([]any{&one}, `SELECT 1 FROM conflicts WHERE source = $1 AND epoch = $2 AND seq = $3 AND hash = $4`, plain(at.Source), plain(at.Epoch), int64(e.Seq-1), e.Prev[:])
}

// state says whether an event counts: one that records another again after a
// rollback does not if the other is here, and the other way round.
func (c *commit) state(e *kiosk.Event, hash kiosk.Hash) (rule.State, error) {
	if e.Was != "" {
		if epoch, seq, err := kiosk.ParseEventID(e.Was); err == nil {
			var there []byte
			ok, err := c.found([]any{&there}, `SELECT e.hash FROM epochs p JOIN events e ON e.st = p.st AND e.ep = p.ep AND e.seq = $3 WHERE p.epoch = $1 AND p.source = $2`,
				plain(epoch), plain(e.Source), int64(seq))
			if err != nil {
				return 0, err
			}
			if ok && kiosk.Hash(there).String() == e.WasHash {
				return rule.Repeated, nil
			}
		}
		// After two rollbacks there are two copies of one event: the first to come counts.
		var n int
		if err := c.get([]any{&n}, `SELECT count(*) FROM epochs p JOIN events e ON e.st = p.st AND e.ep = p.ep AND e.was = $1 AND e.was <> '' AND e.state = 0 WHERE p.source = $2`,
			plain(e.Was+"#"+e.WasHash), plain(e.Source)); err != nil {
			return 0, err
		}
		if n > 0 {
			return rule.Repeated, nil
		}
	}
	if c.again[refKey{e.Source, e.ID() + "#" + hash.String()}] {
		return rule.Repeated, nil
	}
	return rule.Counted, nil
}

// follow does what an event means for other rows.
func (c *commit) follow(store string, at place, ep *epoch, e *kiosk.Event, visit string) error {
	if visit != "" {
		c.dirty[visitKey{ep.st, visit}] = true
		if err := rule.Claim(&visits{c: c, store: store, st: ep.st}, e); err != nil {
			return err
		}
	}
	if d := e.Data.Common().PersonDigest; d != "" {
		if err := c.checkWaiting(store, at, ep, e.Seq, d); err != nil {
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
	if _, err := c.exec(`INSERT INTO lost VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`, plain(source), plain(lost.Epoch), int64(lost.From), int64(lost.To)); err != nil {
		return err
	}
	c.problem("%s reports that events %d to %d of epoch %s were destroyed", source, lost.From, lost.To, lost.Epoch)
	at := place{Source: source, Epoch: lost.Epoch}
	if c.epochs[at] != nil {
		return nil
	}
	return c.loadEpochs([]place{at}) // if it is known, its prefix may move
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
	var times int64
	if err := c.get([]any{&times}, `INSERT INTO rejected(key, st, topic, source, epoch, seq, payload, reason, times, at_ms) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,1,$9)
		ON CONFLICT (key) DO UPDATE SET times = rejected.times + 1, at_ms = excluded.at_ms RETURNING times`,
		key[:], c.sts[r.Store], plain(clip(r.Topic, 300)), plain(r.Source), plain(r.Epoch), int64(r.Seq), r.Payload[:min(len(r.Payload), maxPayload)], plain(clip(r.Reason, 500)), c.at); err != nil {
		return err
	}
	if times > 1 {
		return nil
	}
	c.problem("message on %q is kept aside: %s", clip(r.Topic, 120), clip(r.Reason, 300))
	_, err := c.exec(`DELETE FROM rejected WHERE seq = 0 AND n <= (SELECT n FROM rejected WHERE seq = 0 ORDER BY n DESC OFFSET $1 LIMIT 1)`, maxRejected)
	return err
}

// fill answers for the place of a malformed event, so that it does not hold up the rest.
func (c *commit) fill(r backoffice.Reject) error {
	at, hash := place{Source: r.Source, Epoch: r.Epoch}, kiosk.HashOf(r.Payload)
	ep, err := c.epoch(r.Store, at)
	if err != nil {
		return err
	}
	if taken, err := c.taken(at, ep, r.Seq, hash, r.Payload); taken || err != nil {
		return err
	}
	ep.Broken = true
	if err := ep.Seams(ep, r.Seq, backoffice.Prev(r.Payload), hash); err != nil {
		return err
	}
	ep.Max = max(ep.Max, r.Seq)
	ep.here[r.Seq] = known{hash: hash, state: rule.Malformed}
	if ep.near != nil {
		ep.near.add(neighbour{seq: r.Seq, hash: hash, bytes: r.Payload})
	}
	c.pending.add(row{st: ep.st, ep: ep.ep, seq: int64(r.Seq), hash: hash[:], state: rule.Malformed, uncertain: true, at: c.at, bytes: r.Payload})
	return nil
}

// person takes one person part in.
func (c *commit) person(p backoffice.PersonEntry) error {
	at := place{Source: p.Source, Epoch: p.Epoch}
	if ep := c.epochs[at]; ep != nil {
		if there, here := ep.here[p.Seq]; here && (there.digest == "" || p.Bytes != nil && kiosk.DigestOf(p.Bytes) != there.digest) {
			return c.strange(p, cmp.Or(there.digest, "none"))
		}
	}
	ep, err := c.epoch(p.Store, at)
	if err != nil {
		return err
	}
	c.parts.add(ep, p)
	return nil
}

// checkWaiting compares a person part that came before its event.
func (c *commit) checkWaiting(store string, at place, ep *epoch, seq uint64, digest string) error {
	part, here := ep.parts[seq]
	if !here || part == nil || kiosk.DigestOf(part) == digest {
		return nil
	}
	if _, err := c.exec(`DELETE FROM persons WHERE ep = $1 AND seq = $2`, ep.ep, int64(seq)); err != nil {
		return err
	}
	return c.strange(backoffice.PersonEntry{Store: store, Source: at.Source, Epoch: at.Epoch, Seq: seq, Bytes: part}, digest)
}

// strange keeps a person part that is not the one its event speaks of. Its
// bytes are personal data of nobody knows whom: only their digest is kept.
func (c *commit) strange(p backoffice.PersonEntry, want string) error {
	return c.reject(backoffice.Reject{Store: p.Store, Topic: p.Source + " person", Source: p.Source, Payload: []byte(kiosk.DigestOf(p.Bytes)),
		Reason: fmt.Sprintf("person part of %s does not match the digest in its event (%s)", kiosk.EventID(p.Epoch, p.Seq), want)})
}
