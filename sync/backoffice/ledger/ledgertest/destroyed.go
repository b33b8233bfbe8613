package ledgertest

import (
	"testing"

	"baylight/kiosk"
)

// destroyed: ranges that will never arrive are closed, and nothing else is.
func destroyed(t *testing.T, s *suite) {
	b := NewBoard(t, store, "k1", "e1")
	s.commit(b.CheckIn("V1"))
	b.Skip(3) // 2–4
	last := b.CheckIn("V2")
	s.commit(last)
	s.wantEpoch(b, "1 [{2 4}]")
	lost := b.Event(&kiosk.JournalLost{Epoch: "e1", From: 2, To: 3})
	if out := s.commit(lost); len(out.Problems) != 1 {
		t.Errorf("a destroyed range raises %q", out.Problems)
	}
	s.wantEpoch(b, "1 [{4 4}]")
	s.commit(b.Event(&kiosk.JournalLost{Epoch: "e1", From: 4, To: 4}))
	s.wantEpoch(b, "7 []")
	s.commit(lost) // again
	if src, err := s.Sources(t.Context(), store); err != nil || len(src) != 1 || src[0].Destroyed != 3 {
		t.Errorf("the source with 3 destroyed events is %+v (%v)", src, err)
	}
	out := s.commit(b.Event(&kiosk.JournalLost{Epoch: "e1", From: 9, To: 3}), b.Event(&kiosk.JournalLost{Epoch: "no such epoch!", From: 1, To: 1<<63 - 1}))
	if len(out.Problems) != 2 {
		t.Errorf("senseless ranges raise %q", out.Problems)
	}
	s.wantEpoch(b, "9 []")
}
