package backoffice_test

import (
	"fmt"
	"testing"

	"baylight/kiosk"
	"baylight/sync/backoffice/ledger/ledgertest"
	"baylight/sync/wire"
)

// FuzzTake gives an office any message. Whatever it is, it is acknowledged, and
// the next good event is taken in and receipted: nothing blocks the rest.
func FuzzTake(f *testing.F) {
	b := ledgertest.NewBoard(f, store, "k1", "e1")
	e, p := b.WithPerson("V1")
	part, err := wire.PersonPart{ID: e.Event.ID(), Person: p.Bytes}.Encode()
	if err != nil {
		f.Fatal(err)
	}
	topic := wire.Prefix + store + "/k1/"
	f.Add(topic+"event/visit.checked_in", e.Bytes)
	f.Add(topic+"event/event.voided", b.Event(&kiosk.Voided{Event: e.Event.ID()}).Bytes)
	f.Add(topic+"event/journal.lost", b.Event(&kiosk.JournalLost{Epoch: "e1", From: 3, To: 1 << 62}).Bytes)
	f.Add(topic+"event/kiosk.clock_set", b.Event(&kiosk.ClockSet{OffsetMS: -1 << 62}).Bytes)
	f.Add(topic+"person", part)
	f.Add(topic+"conn", []byte(`{"state":"lost","session":1,"epoch":"e1","version":"1"}`))
	f.Add(topic+"event/x", []byte(nil))
	f.Add("no topic at all", []byte(`{"source":"/stores/sh-pudong/kiosks/k1","epoch":"e1","sequence":"00000000000000000001"}`))
	s := newShop(f, nil)
	n := 0
	f.Fuzz(func(t *testing.T, topic string, payload []byte) {
		s.TB = t // one office takes all inputs of a worker
		n++
		s.send(topic, payload)
		good := ledgertest.NewBoard(t, store, "probe", fmt.Sprintf("probe-%d", n)).CheckIn(fmt.Sprintf("P%d", n))
		before := s.Counts().Events
		s.send(wire.Prefix+store+"/probe/event/visit.checked_in", good.Bytes)
		if s.Counts().Events != before+1 {
			t.Errorf("an event after %q is not taken in", topic)
		}
		epochs, err := s.ledger.Epochs(t.Context(), kiosk.KioskSource(store, "k1"))
		if err != nil {
			t.Error(err)
		}
		if err := (wire.Receipt{Ledger: s.ledger.ID(), Epochs: epochs}).Check(); err != nil {
			t.Errorf("the receipt after %q is not well formed: %v", topic, err)
		}
		recompute(t, s.ledger)
	})
}
