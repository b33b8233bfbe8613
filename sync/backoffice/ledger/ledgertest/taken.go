package ledgertest

import (
	"fmt"
	"slices"
	"testing"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/wire"
)

// wantTaken compares the places that a receipt names as not proven by the chain.
func (s *suite) wantTaken(b *Board, after uint64, want ...backoffice.Entry) {
	s.Helper()
	all, err := s.Epochs(s.T.Context(), b.Source)
	if err != nil {
		s.Fatal(err)
	}
	if err := (wire.Receipt{Ledger: s.ID(), Epochs: all}).Check(); err != nil {
		s.Errorf("the receipt of %s is not well formed: %v", b.Source, err)
	}
	var places []wire.Taken
	for _, e := range want {
		places = append(places, wire.Taken{Seq: e.Event.Seq, Hash: kiosk.HashOf(e.Bytes)})
	}
	i := slices.IndexFunc(all, func(e wire.Epoch) bool { return e.Epoch == b.Epoch })
	if i < 0 || !slices.Equal(all[i].Taken, places) || all[i].TakenAfter != after {
		s.Errorf("the receipt for epoch %s says %+v, want taken %v after %d", b.Epoch, all, places, after)
	}
}

// takenPlaces: the hash of the event at through proves those before it as far as
// they are one chain. Where they are not, the receipt says what is there.
func takenPlaces(t *testing.T, s *suite) {
	one, other := NewBoard(t, store, "k1", "e1"), NewBoard(t, store, "k1", "e1")
	first := one.CheckIn("V1")
	other.CheckIn("V1")
	second, third, fourth := one.CheckIn("V2"), one.CheckIn("V3"), one.CheckIn("V4")
	stranger := other.CheckIn("X2")
	s.commit(first)
	s.wantTaken(one, 0)
	s.commit(third, fourth)
	s.wantTaken(one, 0, third) // the lowest above the gap
	if out := s.commit(stranger); out.Added != 1 {
		t.Errorf("the other's event closes the gap: %+v", out)
	}
	s.wantEpoch(one, "4 []")
	s.wantTaken(one, 0, stranger)
	if out := s.commit(second); out.Conflicts != 1 {
		t.Errorf("the place is taken: %+v", out)
	}
	s.close()
	s.Ledger, s.close = s.open(t, s.dir)
	s.commit(one.CheckIn("V5"))
	s.wantEpoch(one, "5 []")
	s.wantTaken(one, 0, stranger)

	// Nobody can tell across what was destroyed, nor what a malformed event follows.
	holed := NewBoard(t, store, "k2", "e2")
	a := holed.CheckIn("V1")
	holed.Skip(1)
	c := holed.CheckIn("V3")
	d := holed.Event(&kiosk.JournalLost{Epoch: "e2", From: 2, To: 2})
	s.commit(a, c, d)
	s.wantEpoch(holed, "4 []")
	s.wantTaken(holed, 0, a)
	s.commit(backoffice.Reject{Store: store, Topic: "t", Source: holed.Source, Epoch: "e2", Seq: 5, Payload: []byte(`{"broken"`), Reason: "broken"})
	holed.Skip(1)
	s.commit(holed.CheckIn("V6"))
	s.wantEpoch(holed, "6 []")
	s.wantTaken(holed, 0, a, d, backoffice.Entry{Event: kiosk.Event{Seq: 5}, Bytes: []byte(`{"broken"`)})

	// One that cannot be understood, but says what it follows, is one of the chain.
	e7 := holed.CheckIn("V7")
	s.commit(backoffice.Reject{Store: store, Topic: "t", Source: holed.Source, Epoch: "e2", Seq: 7, Payload: e7.Bytes, Reason: "not understood"}, holed.CheckIn("V8"))
	s.wantEpoch(holed, "8 []")
	s.wantTaken(holed, 0, a, d, backoffice.Entry{Event: kiosk.Event{Seq: 5}, Bytes: []byte(`{"broken"`)})

	// The beginning was destroyed: what comes first here follows something else.
	late := NewBoard(t, store, "k4", "e4")
	one1 := late.CheckIn("V1")
	two2 := late.Event(&kiosk.JournalLost{Epoch: "e4", From: 1, To: 1})
	s.commit(two2)
	s.wantEpoch(late, "2 []")
	if all, err := s.Epochs(t.Context(), late.Source); err != nil || len(all) != 1 || !slices.Equal(all[0].Taken, []wire.Taken{{}}) {
		t.Errorf("the beginning is destroyed: %+v (%v)", all, err)
	}
	s.commit(one1)
	s.wantTaken(late, 0)

	// A gap that its own event closes leaves nothing to tell; so does one that waits for a person part.
	whole := NewBoard(t, store, "k3", "e3")
	x, y := whole.CheckIn("V1"), whole.CheckIn("V2")
	z, part := whole.WithPerson("V3")
	s.commit(z)
	s.commit(x)
	s.wantTaken(whole, 0, z)
	s.commit(y)
	s.wantEpoch(whole, "2 []")
	s.wantTaken(whole, 0, z) // its place is taken, its person part to come
	s.commit(part)
	s.wantEpoch(whole, "3 []")
	s.wantTaken(whole, 0)
}

// manyTaken: of more than fit the highest are named, and up to where none is.
func manyTaken(t *testing.T, s *suite) {
	b := NewBoard(t, store, "k1", "e1")
	var kept []backoffice.Entry
	for range wire.MaxTaken + 3 {
		kept = append(kept, b.Event(&kiosk.JournalLost{Epoch: "e1", From: b.seq + 2, To: b.seq + 2}))
		b.Skip(1)
	}
	for _, e := range kept {
		s.commit(e)
	}
	end := b.CheckIn("V2")
	s.commit(end)
	s.wantEpoch(b, fmt.Sprint(2*len(kept)+1, " []"))
	s.wantTaken(b, kept[2].Event.Seq, kept[3:]...)
}
