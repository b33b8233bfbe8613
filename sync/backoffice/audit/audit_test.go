package audit

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func all(Entry) bool { return true }

func open(t *testing.T, dir string, now *time.Time) *Log {
	t.Helper()
	l, err := Open(dir, func() time.Time { return *now })
	if err != nil {
		t.Fatal(err)
	}
	return l
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

// What was added is there after a restart, newest first, over a month's end, and
// after a power cut that left half a line.
func TestKeeps(t *testing.T) {
	dir := t.TempDir()
	now := time.Date(2026, 11, 30, 23, 0, 0, 0, time.UTC)
	l := open(t, dir, &now)
	add(t, l, SignedIn, SignedOut)
	now = now.Add(2 * time.Hour)
	add(t, l, Exported)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	half, err := os.OpenFile(filepath.Join(dir, "2026-12.jsonl"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := half.WriteString(`{"at":"2026-12-01T01:00:00Z","what":"imp`); err != nil {
		t.Fatal(err)
	}
	half.Close()
	l = open(t, dir, &now)
	defer l.Close()
	add(t, l, Imported)
	if got := whats(t, l, 10); got != "imported exported signed_out signed_in" {
		t.Errorf("kept: %s", got)
	}
	if got := whats(t, l, 2); got != "imported exported" {
		t.Errorf("the latest two: %s", got)
	}
	es, err := l.Latest(9, func(e Entry) bool { return e.What == SignedIn })
	if err != nil || len(es) != 1 || !es[0].At.Equal(time.Date(2026, 11, 30, 23, 0, 0, 0, time.UTC)) || es[0].Who != "m1" {
		t.Errorf("sign-ins: %+v %v", es, err)
	}
}

func TestOldMonthsGo(t *testing.T) {
	dir := t.TempDir()
	now := time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)
	l := open(t, dir, &now)
	defer l.Close()
	for range Keep + 3 {
		add(t, l, SignedIn)
		now = now.AddDate(0, 1, 0)
	}
	files, err := l.months()
	if err != nil || len(files) != Keep+1 || filepath.Base(files[0]) != "2026-03.jsonl" {
		t.Errorf("%d files from %s: %v", len(files), files[0], err)
	}
}

// A detail from outside is cut short at a whole letter and cannot become a line of its own.
func TestHostileDetail(t *testing.T) {
	now := time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)
	l := open(t, t.TempDir(), &now)
	defer l.Close()
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
