package audit

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"baylight/sync/backoffice"
	"baylight/sync/backoffice/ledger"
	"baylight/sync/backoffice/ledger/memledger"
)

func all(Entry) bool { return true }

func open(t *testing.T, path string, now *time.Time) (l *Log, close func()) {
	t.Helper()
	book, err := ledger.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return New(book, "a", func() time.Time { return *now }), func() { _ = book.Close() }
}

func add(t *testing.T, l *Log, whats ...string) {
	t.Helper()
	for _, w := range whats {
		if err := l.Add(Entry{What: w, Who: "m1", From: "192.0.2.7"}); err != nil {
			t.Fatal(err)
		}
	}
}

func whats(t *testing.T, l *Log, limit int) string {
	t.Helper()
	es, err := l.Latest(limit, all)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range es {
		out = append(out, e.What)
	}
	return strings.Join(out, " ")
}

// What was added is there after a restart, newest first, and what others add to
// the same ledger.
func TestKeeps(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l.db")
	now := time.Date(2026, 11, 30, 23, 0, 0, 1, time.UTC)
	l, end := open(t, path, &now)
	add(t, l, SignedIn, SignedOut)
	now = now.Add(2 * time.Hour)
	add(t, l, Exported)
	end()
	l, end = open(t, path, &now)
	defer end()
	add(t, l, Imported)
	if got := whats(t, l, 10); got != "imported exported signed_out signed_in" {
		t.Errorf("kept: %s", got)
	}
	if got := whats(t, l, 2); got != "imported exported" {
		t.Errorf("the latest two: %s", got)
	}
	es, err := l.Latest(9, func(e Entry) bool { return e.What == SignedIn })
	if err != nil || len(es) != 1 || !es[0].At.Equal(time.Date(2026, 11, 30, 23, 0, 0, 1, time.UTC)) || es[0].Who != "m1" || es[0].Office != "a" {
		t.Errorf("sign-ins: %+v %v", es, err)
	}
}

// More than one page of lines is read to its end, and months that are over go.
func TestOldMonthsGo(t *testing.T) {
	now := time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)
	l := New(memledger.New("l"), "", func() time.Time { return now })
	for n := range Keep + 3 {
		for range 40 {
			if err := l.Add(Entry{What: SignedIn, Detail: fmt.Sprint(n)}); err != nil {
				t.Fatal(err)
			}
		}
		now = now.AddDate(0, 1, 0)
	}
	es, err := l.Latest(1e6, all)
	if err != nil || len(es) != 40*(Keep+1) || es[len(es)-1].Detail != "2" {
		t.Errorf("%d entries, want %d, down to %+v: %v", len(es), 40*(Keep+1), es[len(es)-1], err)
	}
}

// A detail from outside is cut short at a whole letter and cannot become a line of its own.
func TestHostileDetail(t *testing.T) {
	l := New(memledger.New("l"), "", nil)
	detail := "\n{\"what\":\"signed_in\"}\n" + strings.Repeat("准", 500)
	if err := l.Add(Entry{What: Exported, Detail: detail}); err != nil {
		t.Fatal(err)
	}
	es, err := l.Latest(9, all)
	if err != nil || len(es) != 1 || es[0].What != Exported || !strings.HasSuffix(es[0].Detail, "准…") {
		t.Errorf("%d entries, %v: %s", len(es), err, fmt.Sprint(es))
	}
	if err := l.Add(Entry{What: Exported, From: strings.Repeat("x", maxEntry)}); err == nil {
		t.Error("an entry over the bound was taken")
	}
}

// unsure is a trail that keeps a line and says it did not.
type unsure struct {
	Trail
	fails int
}

func (u *unsure) Append(ctx context.Context, lines []backoffice.TrailLine) error {
	err := u.Trail.Append(ctx, lines)
	if u.fails--; u.fails >= 0 {
		return errors.Join(err, errors.New("the connection ended"))
	}
	return err
}

// A line whose keeping is in doubt is tried again, as often as it takes, and stands
// there once; one that cannot be kept is said.
func TestTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &unsure{Trail: memledger.New("l"), fails: 6} // so many connections may have been ended at once
		l := New(u, "", nil)
		if err := l.Add(Entry{What: SignedIn}); err != nil {
			t.Error(err)
		}
		if got := whats(t, l, 9); got != "signed_in" {
			t.Errorf("kept: %q", got)
		}
		u.fails = 1 << 30
		if err := l.Add(Entry{What: SignedOut}); err == nil || !strings.Contains(err.Error(), "the connection ended") {
			t.Errorf("a line that cannot be kept: %v", err)
		}
	})
}

// TestFromFile: a month's file, a half line in its middle, gives its whole lines,
// and the same ones when it is read again.
func TestFromFile(t *testing.T) {
	const b = `{"at":"2026-11-30T23:00:00Z","what":"signed_in","who":"m1","from":"192.0.2.7"}
{"at":"2026-11-30T23:00:01Z","what":"imp
{"at":"2026-11-30T23:00:00Z","what":"signed_in","who":"m1","from":"192.0.2.7"}
`
	lines, again := FromFile("2026-11.jsonl", []byte(b)), FromFile("2026-11.jsonl", []byte(b))
	if len(lines) != 2 || lines[0].Key == lines[1].Key || fmt.Sprint(lines) != fmt.Sprint(again) {
		t.Errorf("lines %+v, again %+v", lines, again)
	}
	trail := memledger.New("l")
	for range 2 {
		if err := trail.Append(t.Context(), lines); err != nil {
			t.Fatal(err)
		}
	}
	if got := whats(t, New(trail, "", nil), 9); got != "signed_in signed_in" {
		t.Errorf("kept: %q", got)
	}
}
