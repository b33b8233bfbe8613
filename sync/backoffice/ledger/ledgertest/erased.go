package ledgertest

import (
	"context"
	"testing"

	"baylight/kiosk"
)

// erased: a part that was erased is gone for good, and nothing else is.
func erased(t *testing.T, s *suite) {
	b := NewBoard(t, store, "k1", "e1")
	e1, p1 := b.WithPerson("V1")
	e2, p2 := b.WithPerson("V2")
	e3 := b.Event(&kiosk.Accepted{Visit: "V1", Adviser: "a1"})
	e4, _ := b.WithPerson("V4") // its part is still to come
	s.commit(e1, p1, e2, p2, e3, e4)
	at := func(visit string) (out []uint64) {
		rows, err := s.Visit(t.Context(), store, visit)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			out = append(out, r.Position)
		}
		return out
	}
	before, position := s.changed(0)
	receipt := s.epoch(b.Source, b.Epoch)
	erase := func(store string, positions []uint64, want int) {
		t.Helper()
		if n, err := s.Erase(context.Background(), store, positions); err != nil || n != want {
			t.Errorf("%d parts were erased: %v; want %d", n, err, want)
		}
	}
	erase("sh-hongqiao", at("V1"), 0) // no other store's
	erase(store, append(at("V1"), at("V4")[0], 1<<63, 0), 1)
	erase(store, at("V1"), 0)
	s.commit(p1) // a board that has not heard of it sends it again
	s.close()
	s.Ledger, s.close = s.open(t, s.dir)
	for visit, want := range map[string]string{"V1": "erased", "V2": "present", "V4": "missing"} {
		rows, err := s.Visit(t.Context(), store, visit)
		if err != nil || rows[0].Person != want {
			t.Fatalf("the person part of %s is %v (%v), want %s", visit, rows, err, want)
		}
		part, err := s.Person(t.Context(), store, rows[0].Position)
		if err != nil || (len(part) > 0) != (want == "present") {
			t.Errorf("the person part of %s is %q: %v", visit, part, err)
		}
	}
	if rows, err := s.Visit(t.Context(), store, "V1"); err != nil || len(rows) != 2 || string(rows[0].Bytes) != string(e1.Bytes) {
		t.Errorf("the events of the visit are %v: %v", rows, err)
	}
	if after, now := s.changed(0); now != position || len(after) != len(before) || after[0] != before[0] {
		t.Errorf("the visits were %v at %d and are %v at %d", before, position, after, now)
	}
	if now := s.epoch(b.Source, b.Epoch); now != receipt {
		t.Errorf("the receipt said %s and says %s", receipt, now)
	}
}
