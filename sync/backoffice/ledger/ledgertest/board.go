// Package ledgertest holds what every backoffice.Ledger must do, and a pretend
// board whose events it is given. Only tests import it.
package ledgertest

import (
	"fmt"
	"testing"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
)

// Board makes the events of one source: chained, numbered and encoded as a real
// board's are. Its clock stands at Now until it is moved.
type Board struct {
	t      testing.TB
	Store  string
	Source string
	Epoch  string
	Now    kiosk.Moment
	seq    uint64
	prev   kiosk.Hash
}

// NewBoard makes the board name of a store, with a clock that is set.
func NewBoard(t testing.TB, store, name, epoch string) *Board {
	return &Board{t: t, Store: store, Source: kiosk.KioskSource(store, name), Epoch: epoch, Now: kiosk.Moment{
		Wall: time.Date(2026, 11, 3, 9, 0, 0, 0, time.FixedZone("CST", 8*3600)), Boot: "boot-1", Up: 24 * time.Hour, Clock: kiosk.Synced}}
}

// Event records one event a second after the last.
func (b *Board) Event(p kiosk.Payload) backoffice.Entry {
	return b.Envelope(kiosk.Event{Data: p})
}

// Envelope is Event for events that set Was and WasHash as well.
func (b *Board) Envelope(e kiosk.Event) backoffice.Entry {
	b.t.Helper()
	b.seq++
	b.Now = b.Now.Add(time.Second)
	e.Source, e.Epoch, e.Seq, e.Moment, e.Prev = b.Source, b.Epoch, b.seq, b.Now, b.prev
	return b.encode(e)
}

func (b *Board) encode(e kiosk.Event) backoffice.Entry {
	b.t.Helper()
	bytes, err := kiosk.Encode(e)
	if err != nil {
		b.t.Fatal(err)
	}
	b.prev = kiosk.HashOf(bytes)
	if e, err = kiosk.Decode(bytes); err != nil {
		b.t.Fatal(err)
	}
	return backoffice.Entry{Store: b.Store, Event: e, Bytes: bytes}
}

// Skip leaves n sequences out.
func (b *Board) Skip(n int) { b.seq += uint64(n) }

// CheckIn opens a visit, without a person part.
func (b *Board) CheckIn(visit string) backoffice.Entry {
	return b.Event(&kiosk.CheckedIn{Visit: visit, Ticket: "A001", Purpose: "fault", Language: "zh-CN", Means: "keyed"})
}

// WithPerson opens a visit whose event has a person part, and gives both.
func (b *Board) WithPerson(visit string) (backoffice.Entry, backoffice.PersonEntry) {
	b.t.Helper()
	part, digest, err := kiosk.Person{Salt: fmt.Sprintf("%032d", b.seq), Plate: "粤B12345"}.Encode()
	if err != nil {
		b.t.Fatal(err)
	}
	e := b.Event(&kiosk.CheckedIn{Visit: visit, Ticket: "A001", Purpose: "fault", Meta: kiosk.Meta{PersonDigest: digest}})
	return e, b.Part(e, part)
}

// Part is the person part of an event.
func (b *Board) Part(e backoffice.Entry, part []byte) backoffice.PersonEntry {
	return backoffice.PersonEntry{Store: b.Store, Source: b.Source, Epoch: e.Event.Epoch, Seq: e.Event.Seq, Bytes: part}
}
