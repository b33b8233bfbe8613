package ledgertest

import (
	"strings"
	"testing"

	"baylight/kiosk"
	"baylight/sync/backoffice"
)

func recordedAgain(t *testing.T, s *suite) {
	old, fresh := NewBoard(t, store, "k1", "e1"), NewBoard(t, store, "k1", "e2")
	here, late := old.CheckIn("V1"), old.CheckIn("V2")
	again := func(e backoffice.Entry) backoffice.Entry {
		return fresh.Envelope(kiosk.Event{Data: e.Event.Data, Was: e.Event.ID(), WasHash: kiosk.HashOf(e.Bytes).String()})
	}
	s.commit(here)
	s.commit(again(here), again(late))
	s.commit(late) // the original comes after its copy
	for _, v := range []string{"V1", "V2"} {
		n := 0
		rows, err := s.Visit(t.Context(), store, v)
		for _, r := range rows {
			if r.Counted {
				n++
			}
		}
		if err != nil || n != 1 || len(rows) != 2 {
			t.Errorf("visit %s has %d events, %d counted (%v), want 2 and 1", v, len(rows), n, err)
		}
	}
	// A second rollback: one original, two copies in two epochs, and the original never comes.
	third, never := NewBoard(t, store, "k1", "e3"), old.CheckIn("V3")
	first, second := again(never), third.Envelope(kiosk.Event{Data: never.Event.Data, Was: never.Event.ID(), WasHash: kiosk.HashOf(never.Bytes).String()})
	s.commit(second)
	s.commit(first)
	if rows, err := s.Visit(t.Context(), store, "V3"); err != nil || len(rows) != 2 || rows[0].Counted == rows[1].Counted {
		t.Errorf("of two copies of one event both or none count: %d rows (%v)", len(rows), err)
	}
	forged := fresh.Envelope(kiosk.Event{Data: &kiosk.Accepted{Visit: "V1"}, Was: here.Event.ID(), WasHash: strings.Repeat("0", 64)})
	s.commit(forged)
	got, _ := s.changed(0)
	if len(got) != 3 || !strings.Contains(got[0], "visit.accepted") {
		t.Errorf("an event that was another by its hash does not count: %q", got)
	}
	s.wantEpoch(fresh, "4 []")
	correctedAgain(t, s, fresh, again)
}

// correctedAgain: a correction names its event by the first id, and finds it
// though only its copy came, before the correction or after.
func correctedAgain(t *testing.T, s *suite, fresh *Board, again func(backoffice.Entry) backoffice.Entry) {
	lost := NewBoard(t, store, "k1", "e4")
	five, six := lost.CheckIn("V5"), lost.CheckIn("V6")
	void5, void6 := &kiosk.Voided{Event: five.Event.ID()}, &kiosk.Voided{Event: six.Event.ID()}
	s.commit(again(five))
	s.commit(fresh.Event(void5))
	copied, early := again(six), fresh.Event(void6)
	s.commit(early)
	s.commit(copied)
	for _, v := range []string{"V5", "V6"} {
		if rows, err := s.Visit(t.Context(), store, v); err != nil || len(rows) != 2 {
			t.Errorf("visit %s has %d events (%v), want its check-in and what voids it", v, len(rows), err)
		}
	}
}

// sharedID: two events had one id after a rollback, one of a visit and one of
// none. A correction means the one of its history, and no other, whichever comes
// first.
func sharedID(t *testing.T, s *suite) {
	old, rolled, fresh := NewBoard(t, store, "k1", "e1"), NewBoard(t, store, "k1", "e1"), NewBoard(t, store, "k1", "e2")
	badge := func() kiosk.Payload { return &kiosk.BadgeScanned{} }
	first, second := old.CheckIn("V1"), old.Event(badge())
	gone, kept := rolled.Event(badge()), rolled.CheckIn("V2")
	again := func(e backoffice.Entry) backoffice.Entry {
		return fresh.Envelope(kiosk.Event{Data: e.Event.Data, Was: e.Event.ID(), WasHash: kiosk.HashOf(e.Bytes).String()})
	}
	s.commit(again(gone), again(kept))
	s.commit(fresh.Event(&kiosk.Voided{Event: gone.Event.ID()})) // before the check-in of that id comes
	s.commit(first, second)
	s.commit(fresh.Event(&kiosk.Voided{Event: gone.Event.ID()})) // and after
	s.commit(old.Event(&kiosk.Voided{Event: second.Event.ID()})) // its neighbour, not the check-in recorded again
	for _, v := range []string{"V1", "V2"} {
		if rows, err := s.Visit(t.Context(), store, v); err != nil || len(rows) != 1 {
			t.Errorf("visit %s has %d events (%v), want its check-in alone", v, len(rows), err)
		}
	}
	s.commit(fresh.Event(&kiosk.Voided{Event: kept.Event.ID()}))
	// What a copy of the card recorded again in its epoch is not what the card means in another.
	next := NewBoard(t, store, "k1", "e3")
	third := old.CheckIn("V3")
	s.commit(third, fresh.Envelope(kiosk.Event{Data: badge(), Was: third.Event.ID(), WasHash: strings.Repeat("0", 64)}), next.Event(&kiosk.Voided{Event: third.Event.ID()}))
	if rows, err := s.Visit(t.Context(), store, "V3"); err != nil || len(rows) != 2 {
		t.Errorf("visit V3 has %d events (%v), want its check-in and what voids it", len(rows), err)
	}
	s.commit(old.Event(&kiosk.Voided{Event: first.Event.ID()}))
	for _, v := range []string{"V1", "V2"} {
		if rows, err := s.Visit(t.Context(), store, v); err != nil || len(rows) != 2 {
			t.Errorf("visit %s has %d events (%v), want its check-in and what voids it", v, len(rows), err)
		}
	}
}

// pinned: a correction that carries the hash of what it means means that event,
// under whichever id it is here, and never another of the same id.
func pinned(t *testing.T, s *suite) {
	old, rolled, fresh := NewBoard(t, store, "k1", "e1"), NewBoard(t, store, "k1", "e1"), NewBoard(t, store, "k1", "e2")
	one, other := old.CheckIn("V1"), rolled.CheckIn("V2")
	void := func(e backoffice.Entry) kiosk.Payload {
		v := &kiosk.Voided{Event: e.Event.ID()}
		kiosk.Pin(v, kiosk.HashOf(e.Bytes))
		return v
	}
	events := func(visit string, want int) {
		t.Helper()
		if rows, err := s.Visit(t.Context(), store, visit); err != nil || len(rows) != want {
			t.Errorf("visit %s has %d events (%v), want %d", visit, len(rows), err, want)
		}
	}
	s.commit(one)
	rolled.Skip(1)
	s.commit(rolled.Event(void(other))) // of the other history, above a gap: what it means is not here
	events("V1", 1)
	s.commit(fresh.Event(void(other)), fresh.Envelope(kiosk.Event{Data: void(other), Was: "e1-2", WasHash: strings.Repeat("0", 64)}))
	events("V1", 1)
	copied := fresh.Envelope(kiosk.Event{Data: other.Event.Data, Was: other.Event.ID(), WasHash: kiosk.HashOf(other.Bytes).String()})
	s.commit(copied)
	events("V1", 1)
	events("V2", 4) // it came as a copy, and all that waited for it
	s.commit(fresh.Event(void(copied)), old.Event(void(one)))
	events("V1", 2)
	events("V2", 5)
	strange := &kiosk.Voided{Event: one.Event.ID(), EventHash: "no hash"}
	s.commit(old.Event(strange), NewBoard(t, store, "k2", "e9").Event(&kiosk.Voided{Event: "nothing", EventHash: strings.Repeat("0", 64)}))
	events("V1", 2)
}
