package takeover

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"baylight/sync/backoffice"
	"baylight/sync/backoffice/audit"
	"baylight/sync/backoffice/booking"
	"baylight/sync/backoffice/ledger"
	"baylight/sync/backoffice/ledger/memledger"
	"baylight/sync/backoffice/roster"
	"baylight/sync/wire"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t testing.TB, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	must(t, os.MkdirAll(filepath.Dir(path), 0o700))
	must(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// day is a file of bookings.
func day(t testing.TB, date, id string) string {
	t.Helper()
	at, err := time.Parse(time.DateOnly, date)
	must(t, err)
	b, err := wire.Bookings{Day: date, Bookings: []wire.Booking{{ID: id, At: at.Add(9 * time.Hour), Purpose: "maintenance"}}}.Encode()
	must(t, err)
	return string(b)
}

// folder is what an earlier program left: two months of audit log, one with half a
// line, staff of two stores and of one that is gone, bookings of two days and a
// damaged one.
func folder(t testing.TB) string {
	dir := t.TempDir()
	write(t, dir, "audit/2026-10.jsonl", `{"at":"2026-10-31T23:00:00Z","what":"signed_in","who":"m1","from":"::1"}`+"\n"+`{"at":"2026-10-31T23:00:01Z","wh`)
	november := ""
	for i := range lines + 2 {
		november += fmt.Sprintf(`{"at":"2026-11-01T00:%02d:%02dZ","what":"exported","who":"m1","from":"::1","detail":"%d"}`+"\n", i/60%60, i%60, i)
	}
	write(t, dir, "audit/2026-11.jsonl", november)
	for _, s := range []string{"s1", "s2", "gone"} {
		write(t, dir, "staff/"+s+".json", `{"schema":1,"people":[{"id":"t1","name":"`+s+`","at":"2026-11-01T00:00:00Z","by":"m1"}]}`)
	}
	write(t, dir, "bookings/s1/2026-11-22.json", day(t, "2026-11-22", "B-1"))
	write(t, dir, "bookings/s1/2026-11-23.json", day(t, "2026-11-23", "B-2"))
	write(t, dir, "bookings/s1/2026-11-24.json", "{")
	write(t, dir, "bookings/s1/2026-11-23.json.part", "half")
	return dir
}

// found is what stands in a ledger, in words.
func found(t testing.TB, l backoffice.Ledger) string {
	t.Helper()
	entries, err := audit.New(l, "", nil).Latest(1e6, func(audit.Entry) bool { return true })
	must(t, err)
	out := fmt.Sprintf("%d entries from %s to %s;", len(entries), entries[len(entries)-1].What, entries[0].Detail)
	for _, s := range []string{"s1", "s2", "gone"} {
		for _, kind := range []string{roster.Kind, booking.Kind} {
			papers, _, err := l.Papers(t.Context(), s, kind)
			must(t, err)
			for _, p := range papers {
				text := string(p.Bytes)
				for _, id := range []string{`"t1"`, `"B-1"`, `"B-2"`, `"B-9"`} {
					if strings.Contains(text, id) {
						out += fmt.Sprintf(" %s %s %s", s, p.Name, id)
					}
				}
			}
		}
	}
	return out
}

const all = `503 entries from signed_in to 501; s1 roster "t1" s1 2026-11-22 "B-1" s1 2026-11-23 "B-2" s2 roster "t1"`

var left = []string{"audit/2026-10.jsonl.taken-over", "audit/2026-11.jsonl.taken-over", "bookings/s1/2026-11-22.json.taken-over", "bookings/s1/2026-11-23.json.part",
	"bookings/s1/2026-11-23.json.taken-over", "bookings/s1/2026-11-24.json", "staff/gone.json", "staff/s1.json.taken-over", "staff/s2.json.taken-over"}

// TestCutAnywhere: whichever step a power cut comes before, the next start brings
// everything over, once, and leaves every file under one name.
func TestCutAnywhere(t *testing.T) {
	cut := errors.New("power cut")
	for n := 0; ; n++ {
		dir := folder(t)
		path := filepath.Join(dir, "l.db")
		var steps []string
		for _, fault := range []bool{true, false, false} {
			l, err := ledger.Open(path)
			must(t, err)
			at := 0
			err = Run(t.Context(), Config{Ledger: l, Dir: dir, Stores: []string{"s1", "s2", "s3"}, step: func(what string) error {
				if at++; fault && at > n {
					return cut
				}
				steps = append(steps, strings.ReplaceAll(what, dir, ""))
				return nil
			}})
			if fault && err == nil {
				if got := found(t, l); got != all || n < 10 {
					t.Errorf("%d steps: %s", n, got)
				}
				must(t, l.Close())
				return // every step was cut once
			}
			if fault != errors.Is(err, cut) {
				t.Fatalf("step %d, cut %v: %v", n, fault, err)
			}
			if !fault {
				if got := found(t, l); got != all {
					t.Fatalf("cut after %v: %s, want %s", steps, got, all)
				}
			}
			must(t, l.Close())
		}
		var names []string
		must(t, filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
			if name, _ := filepath.Rel(dir, p); err == nil && !d.IsDir() && !strings.HasPrefix(name, "l.db") {
				names = append(names, name)
			}
			return err
		}))
		if !slices.Equal(names, left) {
			t.Fatalf("cut before step %d leaves files %v, want %v", n, names, left)
		}
	}
}

// TestNewerStays: what the ledger has later than a file stays, and a rename that
// did not last brings nothing back.
func TestNewerStays(t *testing.T) {
	l := memledger.New("l")
	dir := t.TempDir()
	old := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	for date, id := range map[string]string{"2026-11-22": "B-1", "2026-11-23": "B-2"} {
		must(t, os.Chtimes(write(t, dir, "bookings/s1/"+date+".json", day(t, date, id)), old, old))
	}
	_, err := l.KeepPapers(t.Context(), "s1", booking.Kind, 0, []backoffice.Paper{{Name: "2026-11-22", At: old.Add(time.Hour), Bytes: []byte(day(t, "2026-11-22", "B-9"))},
		{Name: "2026-11-23", At: old.Add(-time.Hour), Bytes: []byte(day(t, "2026-11-23", "B-9"))}})
	must(t, err)
	must(t, l.Append(t.Context(), []backoffice.TrailLine{{Key: "k", At: old, Bytes: []byte(`{"what":"signed_in","detail":"0"}`)}}))
	c := Config{Ledger: l, Dir: dir, Stores: []string{"s1"}}
	must(t, Run(t.Context(), c))
	const want = `1 entries from signed_in to 0; s1 2026-11-22 "B-9" s1 2026-11-23 "B-2"`
	if got := found(t, l); got != want {
		t.Errorf("it has %s, want %s", got, want)
	}
	for date := range map[string]string{"2026-11-22": "", "2026-11-23": ""} { // the rename was not settled
		name := filepath.Join(dir, "bookings/s1", date+".json")
		must(t, os.Link(name+Suffix, name))
	}
	_, before, err := l.Papers(t.Context(), "s1", booking.Kind)
	must(t, err)
	must(t, Run(t.Context(), c))
	if _, after, err := l.Papers(t.Context(), "s1", booking.Kind); err != nil || after != before || found(t, l) != want {
		t.Errorf("taken over again: revision %d, before %d (%v): %s", after, before, err, found(t, l))
	}
	if files, _ := filepath.Glob(filepath.Join(dir, "bookings/s1/*-2")); len(files) != 2 {
		t.Errorf("the second names are %v", files)
	}
}

// TestUnreadable: a file of staff or audit that cannot be read stops the start,
// because without it a removed person would be back.
func TestUnreadable(t *testing.T) {
	for _, text := range []string{"{", `{"schema":2}`, ""} { // "": it is a folder
		dir := t.TempDir()
		name := filepath.Join(dir, "staff/s1.json")
		if text == "" {
			must(t, os.MkdirAll(name, 0o700))
		} else {
			write(t, dir, "staff/s1.json", text)
		}
		if err := Run(t.Context(), Config{Ledger: memledger.New("l"), Dir: dir, Stores: []string{"s1"}}); err == nil {
			t.Errorf("%q was taken over", text)
		}
		if _, err := os.Stat(name); err != nil {
			t.Errorf("it is gone: %v", err)
		}
	}
}
