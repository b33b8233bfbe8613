package ledgertest

import (
	"context"
	"slices"
	"testing"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
)

// agedParts: old person parts are found by the time they were recorded at; of a
// clock that nobody set by when they came, if that is later.
func agedParts(t *testing.T, s *suite) {
	b := NewBoard(t, store, "k1", "e1")
	e1, p1 := b.WithPerson("V1")
	b.Now = b.Now.Add(time.Hour)
	e2, p2 := b.WithPerson("V2")
	e3, _ := b.WithPerson("V3") // its part is still to come
	e4 := b.CheckIn("V4")
	lost := NewBoard(t, store, "k2", "e2")
	lost.Now = kiosk.Moment{Wall: time.Date(1970, 1, 1, 0, 5, 0, 0, time.UTC), Boot: "boot-2", Up: time.Minute, Clock: kiosk.Unset}
	e5, p5 := lost.WithPerson("V5")
	raw, digest, err := kiosk.Person{Salt: "00000000000000000000000000000009", Text: "x"}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	b.Now = b.Now.Add(time.Hour)
	e6 := b.Event(&kiosk.ScanRejected{Meta: kiosk.Meta{PersonDigest: digest}})
	other := NewBoard(t, "sh-hongqiao", "k1", "e3")
	e7, p7 := other.WithPerson("V7")
	s.commit(e1, p1, e2, p2, e3, e4, e5, p5, e6, b.Part(e6, raw), e7, p7)
	found := func(before time.Time, after uint64, limit int) (out []string) {
		t.Helper()
		parts, err := s.PartsBefore(context.Background(), store, before, after, limit)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.IsSortedFunc(parts, func(a, b backoffice.PartAt) int { return int(a.Position) - int(b.Position) }) {
			t.Errorf("the parts come as %v", parts)
		}
		for _, p := range parts {
			out = append(out, p.Visit)
		}
		return out
	}
	is := func(what string, got []string, want ...string) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("%s: parts of %q, want %q", what, got, want)
		}
	}
	end := office.Add(time.Hour)
	is("before all", found(e1.Event.Moment.Wall.Truncate(time.Second), 0, 10))
	is("in an hour", found(e2.Event.Moment.Wall, 0, 10), "V1")
	is("all", found(end, 0, 10), "V1", "V2", "V5", "")
	is("before the unset one came", found(office, 0, 10), "V1", "V2", "")
	is("a few", found(end, 0, 2), "V1", "V2")
	rows, err := s.Visit(t.Context(), store, "V1")
	if err != nil {
		t.Fatal(err)
	}
	is("after the first", found(end, rows[0].Position, 10), "V2", "V5", "")
	if rows, err = s.Visit(t.Context(), store, "V2"); err != nil { // no other part has its salt
		t.Fatal(err)
	}
	if n, err := s.Erase(context.Background(), store, []uint64{rows[0].Position}); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	is("without what went", found(end, 0, 10), "V1", "V5", "")
	is("another place", found(end, 1<<63, 10))
}
