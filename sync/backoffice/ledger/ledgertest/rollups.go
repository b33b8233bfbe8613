package ledgertest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"baylight/kiosk"
	"baylight/sync/backoffice"
)

// stale lists visits that changed after a cursor, "position visit".
func (s *suite) stale(after backoffice.Cursor, limit int) (out []string) {
	s.Helper()
	cs, err := s.Stale(s.T.Context(), store, after, limit)
	if err != nil {
		s.Fatal(err)
	}
	for _, c := range cs {
		out = append(out, fmt.Sprint(c.Changed, " ", c.Visit))
	}
	return out
}

// at describes some visits as they stood at a position.
func (s *suite) at(position uint64, visits ...string) (out []string) {
	s.Helper()
	if err := s.VisitsAt(s.T.Context(), store, visits, position, func(v string, events []kiosk.Event) error {
		out = append(out, describe(v, events))
		return nil
	}); err != nil {
		s.Fatal(err)
	}
	slices.Sort(out)
	return out
}

func equal[T comparable](t testing.TB, what string, got []T, want ...T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// staleMarks: ingest marks what changed, whatever changed it.
func staleMarks(t *testing.T, s *suite) {
	a, b := NewBoard(t, store, "k1", "e1"), NewBoard(t, "sh-other", "k9", "e9")
	one := a.CheckIn("V1")
	s.commit(one, a.CheckIn("V2"), b.CheckIn("X1"))
	s.commit(a.CheckIn("V3"))
	equal(t, "all are stale at first", s.stale(backoffice.Cursor{}, 10), "3 V1", "3 V2", "4 V3")
	equal(t, "a few", s.stale(backoffice.Cursor{}, 1), "3 V1")
	equal(t, "after a cursor", s.stale(backoffice.Cursor{Changed: 3, Visit: "V1"}, 10), "3 V2", "4 V3")
	equal(t, "after all", s.stale(backoffice.Cursor{Changed: 5}, 10))
	s.commit(a.Event(&kiosk.Voided{Event: one.Event.ID()}))
	equal(t, "a correction marks its visit", s.stale(backoffice.Cursor{Changed: 5}, 10), "5 V1")
	s.commit(one)
	equal(t, "what came again marks nothing", s.stale(backoffice.Cursor{Changed: 6}, 10))
	for at, want := range map[uint64][]string{0: nil, 1: {"V1"}, 3: {"V1"}, 4: {"V1"}, 5: nil} {
		got, err := s.Touched(t.Context(), store, at)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("touched after %d: %q (%v), want %q", at, got, err, want)
		}
	}
}

// visitsAt: some visits, as they stood at any position.
func visitsAt(t *testing.T, s *suite) {
	b := NewBoard(t, store, "k1", "e1")
	b.Now.Clock = kiosk.Unset
	s.commit(b.CheckIn("V1"), b.CheckIn("V2"))
	s.commit(b.Event(&kiosk.Accepted{Visit: "V1", Adviser: "a"}))
	before := s.at(3, "V1", "V2", "none")
	equal(t, "two of three named", before, s.until(3)...)
	b.Now.Wall, b.Now.Clock = b.Now.Wall.Add(time.Hour), kiosk.Synced
	s.commit(b.Event(&kiosk.ClockSet{OffsetMS: 3600_000}), b.CheckIn("V3"))
	for n := range uint64(6) {
		equal(t, fmt.Sprint("at ", n), s.at(n, "V1", "V2", "V3"), s.until(n)...)
	}
	equal(t, "before the clock was set", s.at(3, "V1", "V2"), before...)
	equal(t, "far ahead", s.at(1<<62, "V3"), s.at(5, "V3")...)
	equal(t, "of none", s.at(5))
	stop := errors.New("stop")
	n := 0
	if err := s.VisitsAt(t.Context(), store, []string{"V1", "V2"}, 5, func(string, []kiosk.Event) error { n++; return stop }); !errors.Is(err, stop) || n != 1 {
		t.Errorf("what f says ends it: %v after %d", err, n)
	}
}

// checkVisitsAt compares VisitsAt with Until at every position.
func checkVisitsAt(rt *rapid.T, l backoffice.Ledger, head uint64) {
	for n := range head + 1 {
		var want, got []string
		names := map[string]bool{}
		if err := l.Until(context.Background(), store, n, func(v string, es []kiosk.Event) {
			want, names[v] = append(want, describe(v, es)), true
		}); err != nil {
			rt.Fatal(err)
		}
		var visits []string
		for v := range names {
			visits = append(visits, v)
		}
		if err := l.VisitsAt(context.Background(), store, visits, n, func(v string, es []kiosk.Event) error {
			got = append(got, describe(v, es))
			return nil
		}); err != nil {
			rt.Fatal(err)
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			rt.Fatalf("of %d, at %d:\n%q\nwant\n%q", head, n, got, want)
		}
	}
}

// kept shows everything that is kept under the questions that find it.
func (s *suite) kept() (out []string) {
	s.Helper()
	ctx := s.T.Context()
	show := func(how string, fs []backoffice.Fact, err error) {
		s.Helper()
		if err != nil {
			s.Fatal(err)
		}
		line := how + ":"
		for _, f := range fs {
			line += fmt.Sprintf(" %s@%d=%s%v%v", f.Visit, f.At, f.Bytes, f.Days, f.Keys)
			if !f.Due.IsZero() {
				line += f.Due.UTC().Format(time.RFC3339)
			}
		}
		if len(fs) > 0 {
			out = append(out, line)
		}
	}
	fs, err := s.Facts(ctx, store, []string{"V1", "V2", "V3"})
	show("facts", fs, err)
	fs = nil
	err = s.FactsOfDays(ctx, store, "2026-11-03", "2026-11-04", func(f backoffice.Fact) error { f.Keys = nil; fs = append(fs, f); return nil })
	slices.SortFunc(fs, func(a, b backoffice.Fact) int { return cmp.Compare(a.Visit, b.Visit) })
	show("days", fs, err)
	fs, err = s.FactsOf(ctx, store, "open")
	show("open", fs, err)
	fs, err = s.FactsDue(ctx, store, office, 10)
	show("due", fs, err)
	rows, err := s.DayRows(ctx, store, "adviser", "2026-11-03", "2026-11-04")
	if err != nil {
		s.Fatal(err)
	}
	for _, most := range []int{1, 3, 9999} {
		heads, err := s.DayHeads(ctx, store, "adviser", "2026-11-03", "2026-11-04", most)
		if err != nil || len(heads) != len(rows) {
			s.Fatalf("%d heads of %d rows (%v)", len(heads), len(rows), err)
		}
		for i, h := range heads {
			want := rows[i]
			if want.Bytes = want.Bytes[:min(most, len(want.Bytes))]; !reflect.DeepEqual(h, want) {
				s.Errorf("%d bytes of a row are %+v, want %+v", most, h, want)
			}
		}
	}
	for _, r := range rows {
		out = append(out, fmt.Sprintf("row %s %s %s=%s", r.Day, r.Kind, r.Key, r.Bytes))
	}
	return out
}

func (s *suite) keep(k backoffice.Kept) {
	s.Helper()
	if err := s.Keep(s.T.Context(), store, k); err != nil {
		s.Fatal(err)
	}
	if is, err := s.Folded(s.T.Context(), store); err != nil || is != k.Is {
		s.Errorf("folded is %+v (%v), want %+v", is, err, k.Is)
	}
}

// keeps: what is folded is kept, found, replaced and dropped.
func keeps(t *testing.T, s *suite) {
	row := func(day, kind, key, b string) backoffice.DayRow {
		return backoffice.DayRow{Day: day, Kind: kind, Key: key, Bytes: []byte(b)}
	}
	one := backoffice.Progress{Round: 1, Next: backoffice.Cursor{Changed: 7, Visit: "V2"}, Through: 7, Mark: "m1"}
	s.keep(backoffice.Kept{Is: one, Facts: []backoffice.Fact{
		{Visit: "V2", At: 7, Bytes: []byte("two"), Days: []string{"2026-11-02", "2026-11-03", "2026-11-04"}, Keys: []string{"open", "vehicle:x"}, Due: office.Add(-time.Hour)},
		{Visit: "V1", At: 6, Bytes: []byte("one"), Days: []string{"2026-11-04"}, Due: office.Add(-2 * time.Hour)},
		{Visit: "V3", At: 5, Bytes: []byte("three"), Days: []string{"2026-11-05"}, Keys: []string{"open"}, Due: office.Add(time.Millisecond)},
	}, Days: []backoffice.DayRows{
		{Day: "2026-11-03", Rows: []backoffice.DayRow{row("2026-11-03", "adviser", "b", "1"), row("2026-11-03", "adviser", "a", "2"), row("2026-11-03", "bay", "a", "3")}},
		{Day: "2026-11-04", Rows: []backoffice.DayRow{row("2026-11-04", "adviser", "", "4")}},
	}})
	equal(t, "kept", s.kept(),
		"facts: V1@6=one[2026-11-04][]2026-11-03T10:00:00Z V2@7=two[2026-11-02 2026-11-03 2026-11-04][open vehicle:x]2026-11-03T11:00:00Z V3@5=three[2026-11-05][open]2026-11-03T12:00:00Z",
		"days: V1@6=one[2026-11-04][]2026-11-03T10:00:00Z V2@7=two[2026-11-02 2026-11-03 2026-11-04][]2026-11-03T11:00:00Z",
		"open: V2@7=two[2026-11-02 2026-11-03 2026-11-04][open vehicle:x]2026-11-03T11:00:00Z V3@5=three[2026-11-05][open]2026-11-03T12:00:00Z",
		"due: V1@6=one[2026-11-04][]2026-11-03T10:00:00Z V2@7=two[2026-11-02 2026-11-03 2026-11-04][open vehicle:x]2026-11-03T11:00:00Z",
		"row 2026-11-03 adviser a=2", "row 2026-11-03 adviser b=1", "row 2026-11-04 adviser =4")
	two := backoffice.Progress{Round: 2, Next: backoffice.Cursor{Changed: 8}, Mark: "m1"}
	next := backoffice.Kept{Was: one, Is: two, Facts: []backoffice.Fact{
		{Visit: "V2", At: 8, Bytes: []byte("new"), Days: []string{"2026-11-03"}, Keys: []string{"vehicle:y"}}, {Visit: "V3", At: 8}, {Visit: "V9", At: 8},
	}, Days: []backoffice.DayRows{{Day: "2026-11-03", Rows: []backoffice.DayRow{row("2026-11-03", "adviser", "b", "5")}}, {Day: "2026-11-04"}}}
	s.keep(next)
	want := []string{
		"facts: V1@6=one[2026-11-04][]2026-11-03T10:00:00Z V2@8=new[2026-11-03][vehicle:y]",
		"days: V1@6=one[2026-11-04][]2026-11-03T10:00:00Z V2@8=new[2026-11-03][]",
		"due: V1@6=one[2026-11-04][]2026-11-03T10:00:00Z", "row 2026-11-03 adviser b=5"}
	equal(t, "replaced", s.kept(), want...)
	if old, err := s.FactsOf(t.Context(), store, "vehicle:x"); err != nil || len(old) != 0 {
		t.Errorf("a key that is gone finds %v (%v)", old, err)
	}
	if err := s.Keep(t.Context(), store, next); !errors.Is(err, backoffice.ErrFolded) {
		t.Errorf("a step from where the store is no more: %v", err)
	}
	s.close()
	s.Ledger, s.close = s.open(t, s.dir)
	equal(t, "reopened", s.kept(), want...)
	if other, err := s.Folded(t.Context(), "sh-other"); err != nil || other != (backoffice.Progress{}) {
		t.Errorf("another store is folded: %+v (%v)", other, err)
	}
	if err := s.DropRollups(t.Context(), store); err != nil {
		t.Fatal(err)
	}
	equal(t, "dropped", s.kept())
	s.keep(backoffice.Kept{Is: one})
}
