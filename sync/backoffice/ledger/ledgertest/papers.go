package ledgertest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"baylight/sync/backoffice"
)

// papersOf describes what a store has of a kind, "revision name=bytes@ms …".
func (s *suite) papersOf(of, kind string) string {
	s.Helper()
	ps, revision, err := s.Papers(s.T.Context(), of, kind)
	if err != nil {
		s.Fatal(err)
	}
	out := fmt.Sprint(revision)
	for _, p := range ps {
		out += fmt.Sprintf(" %s=%s@%d", p.Name, p.Bytes, p.At.UnixMilli())
	}
	return out
}

// paper is one whose bytes are its text; "" is to go.
func paper(name, text string) backoffice.Paper {
	p := backoffice.Paper{Name: name, At: office.Add(123 * time.Microsecond)}
	if text != "" {
		p.Bytes = []byte(text)
	}
	return p
}

// papersKept: what is kept is there, all of it or nothing, by whoever knew what
// was there before, and one hears of it.
func papersKept(t *testing.T, s *suite) {
	at := office.UnixMilli()
	put := func(of, kind string, was uint64, want string, papers ...backoffice.Paper) uint64 {
		t.Helper()
		n, err := s.KeepPapers(t.Context(), of, kind, was, papers)
		if got := strings.ReplaceAll(s.papersOf(of, kind), fmt.Sprintf("@%d", at), ""); err != nil || got != want || !strings.HasPrefix(want, fmt.Sprint(n)) {
			t.Errorf("kept as %d (%v), it has %q, want %q", n, err, got, want)
		}
		return n
	}
	if got := s.papersOf(store, "staff"); got != "0" {
		t.Errorf("before anything was kept: %q", got)
	}
	one := put(store, "days", 0, "1 a=x b=y", paper("b", "y"), paper("a", "x"))
	other := put("sh-other", "days", 0, "2 a=z", paper("a", "z"))
	put(store, "staff", 0, "3 a=w", paper("a", "w"))
	two := put(store, "days", one, "4 b=n c=世\x00\xff", paper("a", ""), paper("b", "n"), paper("c", "世\x00\xff"), paper("never", ""))
	put(store, "days", two, "5 b=n c=世\x00\xff")
	before := s.papersOf(store, "days")
	for what, err := range map[string]error{
		"by whom knows what was": keepErr(t.Context(), s, two, paper("a", "q")),
		"by whom knows nothing":  keepErr(t.Context(), s, 0, paper("a", "q")),
		"by whom knows another":  keepErr(t.Context(), s, other, paper("a", "q")),
	} {
		if !errors.Is(err, backoffice.ErrPapers) {
			t.Errorf("%s: %v, want ErrPapers", what, err)
		}
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for what, err := range map[string]error{
		"cancelled": keepErr(gone, s, 5, paper("a", "q")),
		"twice":     keepErr(t.Context(), s, 5, paper("a", "q"), paper("a", "q")),
		"nameless":  keepErr(t.Context(), s, 5, paper("", "q")),
		"too large": keepErr(t.Context(), s, 5, paper("a", "q"), paper("b", strings.Repeat("x", backoffice.MaxPaper+1))),
	} {
		if err == nil {
			t.Errorf("%s papers were kept", what)
		}
	}
	if got := s.papersOf(store, "days"); got != before {
		t.Errorf("what was refused left %q, before %q", got, before)
	}
	since := func(n uint64) string {
		list, err := s.PapersSince(t.Context(), n)
		return fmt.Sprint(list, err)
	}
	if got, want := since(0), "[{sh-other days 2} {sh-pudong staff 3} {sh-pudong days 5}] <nil>"; got != want {
		t.Errorf("since the beginning %s, want %s", got, want)
	}
	if got, want := since(3), "[{sh-pudong days 5}] <nil>"; got != want {
		t.Errorf("since the third %s, want %s", got, want)
	}
	s.close()
	s.Ledger, s.close = s.open(t, s.dir)
	if got := s.papersOf(store, "days"); got != before || since(5) != "[] <nil>" {
		t.Errorf("opened again it has %q, before %q; changed since: %s", got, before, since(5))
	}
}

func keepErr(ctx context.Context, s *suite, was uint64, papers ...backoffice.Paper) error {
	_, err := s.KeepPapers(ctx, store, "days", was, papers)
	return err
}

// trail: lines stand in their order, each key once, and go only when they are old.
func trail(t *testing.T, s *suite) {
	day := 24 * time.Hour
	line := func(key string, at time.Time) backoffice.TrailLine {
		return backoffice.TrailLine{Key: key, At: at, Bytes: []byte("of " + key + "\x00")}
	}
	show := func(below uint64, limit int) (out string, last uint64) {
		lines, err := s.Lines(t.Context(), below, limit)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range lines {
			if string(l.Bytes) != "of "+l.Key+"\x00" || below > 0 && l.N >= below || last > 0 && l.N >= last {
				t.Errorf("line %+v below %d after %d", l, below, last)
			}
			out, last = out+l.Key, l.N
		}
		return out, last
	}
	add := func(lines ...backoffice.TrailLine) {
		t.Helper()
		if err := s.Append(t.Context(), lines); err != nil {
			t.Fatal(err)
		}
	}
	add(line("a", office.Add(-800*day)), line("b", office.Add(-690*day)), line("c", office))
	add(line("b", office), line("d", office), line("c", office)) // tried again
	add()
	if got, _ := show(0, 10); got != "dcba" {
		t.Errorf("the trail is %q, want dcba", got)
	}
	if got, n := show(0, 2); got != "dc" {
		t.Errorf("the newest two are %q", got)
	} else if got, _ := show(n, 10); got != "ba" {
		t.Errorf("below them are %q", got)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if s.Append(gone, []backoffice.TrailLine{line("e", office)}) == nil || s.Forget(gone, office) == nil {
		t.Error("what was cancelled goes on")
	}
	for _, before := range []time.Time{office.Add(-801 * day), office.Add(day)} {
		if err := s.Forget(t.Context(), before); err != nil {
			t.Error(err)
		}
	}
	s.close()
	s.Ledger, s.close = s.open(t, s.dir)
	if got, _ := show(0, 10); got != "dcb" {
		t.Errorf("after the old ones were dropped it is %q, want dcb", got)
	}
	if lines, err := s.Lines(t.Context(), 0, 1); err != nil || !lines[0].At.Equal(office) {
		t.Errorf("the newest line is of %v (%v), want %v", lines, err, office)
	}
}
