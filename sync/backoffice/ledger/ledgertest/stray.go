package ledgertest

import (
	"testing"

	"baylight/sync/backoffice"
)

// stray: two copies of a board's journal go on from one state. What follows an
// event that is not here is of the other copy, whose receipts must not prove it.
func stray(t *testing.T, s *suite) {
	one, other := NewBoard(t, store, "k1", "e1"), NewBoard(t, store, "k1", "e1")
	s.commit(one.CheckIn("V1"), one.CheckIn("V2"))
	other.CheckIn("V1")
	other.CheckIn("X2")
	stranger := other.CheckIn("X3")
	if out := s.commit(stranger); out.Added != 0 || out.Conflicts != 1 || len(out.Problems) != 1 {
		t.Errorf("an event after another one than ours: %+v", out)
	}
	s.wantEpoch(one, "2 []")
	third, next := one.CheckIn("V3"), other.CheckIn("X4")
	if out := s.commit(third, next); out.Added != 1 || out.Conflicts != 1 {
		t.Errorf("the right one, and the other's next in the same batch: %+v", out)
	}
	s.wantEpoch(one, "3 []")
	if out := s.commit(one.CheckIn("V4")); out.Added != 1 {
		t.Errorf("it does not go on: %+v", out)
	}
	s.wantEpoch(one, "4 []")
}

// strayAbove: what follows evidence is evidence as well, though the place
// between is empty; what is right takes its place later.
func strayAbove(t *testing.T, s *suite) {
	one, other := NewBoard(t, store, "k1", "e1"), NewBoard(t, store, "k1", "e1")
	s.commit(one.CheckIn("V1"))
	other.CheckIn("X1")
	second, third, fourth := other.CheckIn("X2"), other.CheckIn("X3"), other.CheckIn("X4")
	if out := s.commit(second); out.Added != 0 || out.Conflicts != 1 {
		t.Errorf("an event after another one than ours: %+v", out)
	}
	if out := s.commit(third, fourth); out.Added != 0 || out.Conflicts != 2 || len(out.Problems) != 2 {
		t.Errorf("what follows evidence: %+v", out)
	}
	s.wantEpoch(one, "1 []")
	right := []any{one.CheckIn("V2"), one.CheckIn("V3"), one.CheckIn("V4")}
	if out := s.commit(right[1]); out.Added != 1 || out.Conflicts != 0 {
		t.Errorf("one of ours above the gap: %+v", out)
	}
	if out := s.commit(right...); out.Added != 2 || out.Duplicates != 1 || out.Conflicts != 0 {
		t.Errorf("ours in the places of evidence: %+v", out)
	}
	s.wantEpoch(one, "4 []")
	// What could not be read is no history: what follows goes on.
	s.commit(backoffice.Reject{Store: store, Topic: "t", Source: one.Source, Epoch: "e1", Seq: 5, Payload: []byte(`{"broken"`), Reason: "broken"})
	if out := s.commit(one.CheckIn("V5"), one.CheckIn("V6")); out.Added != 1 || out.Conflicts != 1 {
		t.Errorf("what follows the place of a malformed event: %+v", out)
	}
	s.wantEpoch(one, "6 []")
}
