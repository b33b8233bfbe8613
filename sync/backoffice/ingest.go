package backoffice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"baylight/kiosk"
	"baylight/sync/wire"
)

// Bounds on what an event may carry in its envelope and its keys.
const (
	maxID  = 64
	maxRef = 200
)

// Take puts one message in the queue; it waits while the queue is full. The
// message is acknowledged after the transaction that keeps it.
// It is read here, so that one transaction can run while the next is read.
func (o *Office) Take(ctx context.Context, m Message) error { return o.queue.put(ctx, o.parse(m)) }

// ingest commits what is queued, again and again.
func (o *Office) ingest(ctx context.Context) {
	for {
		ms, err := o.queue.take(ctx)
		if err != nil {
			return
		}
		ms = o.held(ms)
		b, sources := o.gather(ms)
		b.At = o.cfg.Now()
		out, err := o.commit(ctx, b)
		for errors.Is(err, ErrNotHeld) { // what of it is still ours?
			ms = o.held(ms)
			b, sources = o.gather(ms)
			b.At = o.cfg.Now()
			out, err = o.commit(ctx, b)
		}
		if err != nil {
			return // ctx ended; what was not acknowledged comes again
		}
		o.committed(len(ms), out)
		o.eraseLate(ctx, b)
		for source, store := range sources {
			o.rooms[store].owe(source)
			poke(o.rooms[store].moved)
		}
		for _, m := range ms {
			if m.Ack != nil {
				m.Ack()
			}
		}
		o.changed()
	}
}

// commit tries until the ledger has the batch: there is nothing better to do
// with it, and committing twice does no harm.
func (o *Office) commit(ctx context.Context, b Batch) (Outcome, error) {
	wait := 50 * time.Millisecond
	for {
		began := time.Now()
		out, err := o.cfg.Ledger.Commit(ctx, b)
		if err == nil {
			o.refused.Store(false)
			o.mu.Lock()
			o.commits.took(time.Since(began))
			o.mu.Unlock()
			return out, nil
		}
		if ctx.Err() != nil {
			return out, ctx.Err()
		}
		o.mu.Lock()
		o.counts.Retries++
		o.mu.Unlock()
		lost := errors.Is(err, ErrNotHeld)
		if o.refused.Store(!lost); !lost {
			o.alarm("the ledger does not take events: " + err.Error())
		}
		select {
		case <-time.After(wait):
			wait = min(2*wait, 5*time.Second)
		case <-ctx.Done():
			return out, ctx.Err()
		}
		if lost {
			return out, err
		}
	}
}

func (o *Office) committed(messages int, out Outcome) {
	for _, p := range out.Problems {
		o.alarm(p)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	c := &o.counts
	c.Batches++
	c.Messages += uint64(messages)
	c.Events += uint64(out.Added)
	c.Duplicates += uint64(out.Duplicates)
	c.Conflicts += uint64(out.Conflicts)
	c.Rejected += uint64(out.Rejected)
}

// owe notes that the receipt of a source changed.
func (r *room) owe(source string) {
	r.mu.Lock()
	if r.owing.IsZero() {
		r.owing = time.Now()
	}
	r.due[source] = true
	r.mu.Unlock()
	poke(r.wake)
}

// parsed is a message that was read: an entry, a person part or a reject, or
// none of them.
type parsed struct {
	Message
	topic  wire.Topic
	room   *room // nil: the topic is none of ours
	entry  Entry // with bytes, if it is an event
	person *PersonEntry
	reject *Reject
}

// parse reads one message. It changes nothing.
func (o *Office) parse(m Message) *parsed {
	t, err := wire.ParseTopic(m.Topic)
	p := &parsed{Message: m, topic: t}
	if err != nil || o.rooms[t.Store] == nil {
		return p
	}
	p.room = o.rooms[t.Store]
	switch {
	case t.Kiosk == wire.Backoffice: // nobody else may record for the office
	case t.Kind == wire.KindEvent:
		p.entry, p.reject = readEvent(t, m)
	case t.Kind == wire.KindPerson:
		p.person, p.reject = readPerson(t, m)
	}
	return p
}

// read is gather of messages as they came.
func (o *Office) read(ms []Message) (b Batch, sources map[string]string) {
	ps := make([]*parsed, len(ms))
	for i, m := range ms {
		ps[i] = o.parse(m)
	}
	return o.gather(ps)
}

// gather makes a batch of messages; sources are those whose receipt it changes.
func (o *Office) gather(ps []*parsed) (b Batch, sources map[string]string) {
	sources = map[string]string{}
	b.Entries = make([]Entry, 0, len(ps))
	for _, p := range ps {
		t, r := p.topic, p.room
		owe := func() { sources[kiosk.KioskSource(t.Store, t.Kiosk)] = t.Store }
		switch {
		case r == nil:
			o.alarm(fmt.Sprintf("message on a topic that is not ours: %.120q", p.Topic))
		case t.Kiosk == wire.Backoffice:
			// An event of our own, back from the broker.
		case p.entry.Bytes != nil:
			b.Entries = append(b.Entries, p.entry)
			r.came.Add(1)
			sources[p.entry.Event.Source] = t.Store
		case p.person != nil:
			b.Persons = append(b.Persons, *p.person)
			owe()
		case p.reject != nil:
			b.Rejects = append(b.Rejects, *p.reject)
			owe()
		case t.Kind == wire.KindConn || t.Kind == wire.KindHealth:
			if err := r.hear(t, p.Payload, o.cfg.Now()); err != nil {
				b.Rejects = append(b.Rejects, reject(t, p.Message, err))
			} else if t.Kind == wire.KindConn {
				// A board that this ledger knows nothing of must be told so, or it
				// waits for the receipts of another.
				owe()
			}
		}
	}
	return b, sources
}

func reject(t wire.Topic, m Message, err error) Reject {
	return Reject{Store: t.Store, Topic: m.Topic, Source: kiosk.KioskSource(t.Store, t.Kiosk), Payload: m.Payload, Reason: err.Error()}
}

func readEvent(t wire.Topic, m Message) (Entry, *Reject) {
	source := kiosk.KioskSource(t.Store, t.Kiosk)
	e, err := kiosk.Decode(m.Payload)
	if err == nil {
		if u, ok := e.Data.(*kiosk.Unknown); ok {
			// A type of a later version: what every event may carry is read all the
			// same, above all the digest of its person part.
			_ = json.Unmarshal(u.Raw, &u.Meta)
		}
		if err = check(e, source); err == nil {
			return Entry{Store: t.Store, Event: e, Bytes: m.Payload}, nil
		}
	}
	r := reject(t, m, err)
	r.Epoch, r.Seq = place(m.Payload, source)
	return Entry{}, &r
}

// check refuses what would be somebody else's, or could not be kept by its keys.
func check(e kiosk.Event, source string) error {
	if e.Source != source {
		return fmt.Errorf("check event %.80s: source %.80q is not %q, which the topic speaks for", e.ID(), e.Source, source)
	}
	if !id(e.Epoch) {
		return fmt.Errorf("check event: epoch %.80q is not a uuid", e.Epoch)
	}
	if v := kiosk.FoldOf(e.Data); len(v) > maxID {
		return fmt.Errorf("check event %s: visit %.80q is longer than %d characters", e.ID(), v, maxID)
	}
	if c := kiosk.Corrects(e.Data); len(c) > maxRef || len(e.Was) > maxRef || len(e.WasHash) > maxID {
		return fmt.Errorf("check event %s: it names an event by more than %d characters", e.ID(), maxRef)
	}
	if len(kiosk.Pinned(e.Data)) > maxID {
		return fmt.Errorf("check event %s: event_hash is longer than %d characters", e.ID(), maxID)
	}
	if d := e.Data.Common().PersonDigest; d != "" {
		if h, err := kiosk.ParseHash(d); err != nil || h.String() != d {
			return fmt.Errorf("check event %s: persondigest %.80q is not 64 lower-case hex digits", e.ID(), d)
		}
	}
	return nil
}

// id accepts the form of a uuid loosely, as package wire does.
func id(s string) bool {
	for _, c := range []byte(s) {
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '-') {
			return false
		}
	}
	return s != "" && len(s) <= maxID
}

// place reads epoch and sequence of a payload that is no event, if it has them
// and does not speak for somebody else.
func place(payload []byte, source string) (epoch string, seq uint64) {
	var env struct {
		Source   string `json:"source"`
		Epoch    string `json:"epoch"`
		Sequence string `json:"sequence"`
	}
	if json.Unmarshal(payload, &env) != nil || env.Source != source || !id(env.Epoch) {
		return "", 0
	}
	seq, err := strconv.ParseUint(env.Sequence, 10, 63)
	if err != nil || len(env.Sequence) != 20 {
		return "", 0
	}
	return env.Epoch, seq
}

func readPerson(t wire.Topic, m Message) (*PersonEntry, *Reject) {
	p, err := wire.DecodePersonPart(m.Payload)
	var epoch string
	var seq uint64
	if err == nil {
		epoch, seq, err = kiosk.ParseEventID(p.ID)
	}
	if err == nil && (!id(epoch) || seq > 1<<63-1) {
		err = fmt.Errorf("read person part: id %.80q is not <uuid>-<sequence>", p.ID)
	}
	if err != nil {
		r := reject(t, m, err)
		r.Payload = []byte(kiosk.DigestOf(m.Payload)) // personal data of nobody knows whom is not kept
		return nil, &r
	}
	return &PersonEntry{Store: t.Store, Source: kiosk.KioskSource(t.Store, t.Kiosk), Epoch: epoch, Seq: seq, Bytes: p.Person}, nil
}

// hear takes in what a board says about itself.
func (r *room) hear(t wire.Topic, payload []byte, now time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	k := r.kiosks[t.Kiosk]
	if k == nil {
		k = &Kiosk{Name: t.Kiosk}
	}
	if len(payload) == 0 { // the retained message was taken off
		return nil
	}
	if t.Kind == wire.KindConn {
		c, err := wire.DecodeConn(payload)
		if err != nil {
			return err
		}
		if c.Replaces(k.Conn) {
			k.Conn = c
		}
	} else {
		h, err := wire.DecodeHealth(payload)
		if err != nil {
			return err
		}
		k.Health, k.Heard = h, now
	}
	if len(r.kiosks) < maxKiosks || r.kiosks[t.Kiosk] != nil {
		r.kiosks[t.Kiosk] = k
	}
	return nil
}

// maxKiosks bounds the boards of one store that are remembered.
const maxKiosks = 1000

// Prev is the hash of the event that the bytes of an event, or of what came in
// place of one, say they follow: zero at the beginning of an epoch, and where it
// cannot be told.
func Prev(b []byte) (h kiosk.Hash) {
	var e struct {
		Prev string `json:"prev"`
	}
	if err := json.Unmarshal(b, &e); err != nil {
		return h
	}
	h, _ = kiosk.ParseHash(e.Prev) // what is no hash is none
	return h
}
