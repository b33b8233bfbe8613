package ledgertest

import (
	"reflect"
	"testing"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
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

func (s *suite) wantLost(source string, count uint64, runs ...backoffice.Run) {
	s.Helper()
	got, err := s.Lost(s.Context(), source)
	if err != nil {
		s.Fatal(err)
	}
	for i := range got.Runs { // of no zone
		for _, b := range []*backoffice.Beside{&got.Runs[i].Before, &got.Runs[i].After} {
			if !b.When.IsZero() {
				b.When = b.When.UTC()
			}
		}
	}
	if want := (backoffice.Lost{Count: count, Runs: runs}); !reflect.DeepEqual(got, want) {
		s.Errorf("%s lost %+v\nwant %+v", source, got, want)
	}
}

// lost: of destroyed ranges what never came is told, with the times of the events
// beside it; ranges that touch are one, and what is here is not lost.
func lost(t *testing.T, s *suite) {
	at := func(e backoffice.Entry) backoffice.Beside { return backoffice.Beside{When: e.Event.Moment.Wall.UTC()} }
	b := NewBoard(t, store, "k1", "e1")
	one := b.CheckIn("V1")
	b.Skip(3) // 2–4
	b.Now = b.Now.Add(time.Hour)
	five := b.CheckIn("V2")
	s.commit(one, five)
	s.wantLost(b.Source, 0)
	s.commit(b.Event(&kiosk.JournalLost{Epoch: "e1", From: 2, To: 3}), b.Event(&kiosk.JournalLost{Epoch: "e1", From: 3, To: 3}))
	s.wantLost(b.Source, 2, backoffice.Run{Epoch: "e1", First: 2, Last: 3, Before: at(one), After: at(five)})
	s.commit(b.Event(&kiosk.JournalLost{Epoch: "e1", From: 4, To: 4}), b.Event(&kiosk.JournalLost{Epoch: "e1", From: 1, To: 1}))
	s.wantLost(b.Source, 3, backoffice.Run{Epoch: "e1", First: 2, Last: 4, Before: at(one), After: at(five)})

	// Of another epoch some came before they were destroyed, and the end is not known;
	// of yet another, nothing.
	old := NewBoard(t, store, "k2", "e8")
	first, second := old.CheckIn("V3"), old.CheckIn("V4")
	old.Skip(3) // 3–5
	sixth := old.CheckIn("V5")
	s.commit(first, second, sixth, backoffice.Reject{Store: store, Topic: "t", Source: old.Source, Epoch: "e8", Seq: 7, Payload: []byte("{"), Reason: "no JSON"})
	next := NewBoard(t, store, "k2", "e9")
	s.commit(next.Event(&kiosk.JournalLost{Epoch: "e8", From: 1, To: 9}), next.Event(&kiosk.JournalLost{Epoch: "e7", From: 4, To: 6}),
		next.Event(&kiosk.JournalLost{Epoch: "e7", From: 5, To: 5}), next.Event(&kiosk.JournalLost{Epoch: "e7", From: 9, To: 9}))
	s.wantLost(old.Source, 9, backoffice.Run{Epoch: "e7", First: 4, Last: 6}, backoffice.Run{Epoch: "e7", First: 9, Last: 9},
		backoffice.Run{Epoch: "e8", First: 3, Last: 5, Before: at(second), After: at(sixth)},
		backoffice.Run{Epoch: "e8", First: 8, Last: 9, Before: at(sixth)})

	// A board whose clock was never set.
	lame := NewBoard(t, store, "k3", "e3")
	lame.Now.Clock = kiosk.Unset
	lame.Skip(2)
	third := lame.CheckIn("V6")
	s.commit(third, lame.Event(&kiosk.JournalLost{Epoch: "e3", From: 1, To: 2}))
	unsure := at(third)
	unsure.Uncertain = true
	s.wantLost(lame.Source, 2, backoffice.Run{Epoch: "e3", First: 1, Last: 2, After: unsure})
}

// muchLost: of many runs the last are told, and all are counted.
func muchLost(t *testing.T, s *suite) {
	b := NewBoard(t, store, "k1", "e1")
	var all []any
	for i := range uint64(backoffice.MaxRuns + 2) {
		all = append(all, b.Event(&kiosk.JournalLost{Epoch: "e0", From: 3*i + 1, To: 3*i + 2}))
	}
	s.commit(all...)
	var want []backoffice.Run
	for i := range uint64(backoffice.MaxRuns) {
		want = append(want, backoffice.Run{Epoch: "e0", First: 3*i + 7, Last: 3*i + 8})
	}
	s.wantLost(b.Source, 2*(backoffice.MaxRuns+2), want...)
}
