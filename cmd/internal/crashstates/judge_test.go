package main

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"baylight/cmd/internal/crashstates/record"
	"baylight/cmd/internal/rig"
	"baylight/kiosk"
	"baylight/kiosk/journal"
)

// started is a journal's folder with a job started for each code.
func started(t *testing.T, codes ...string) map[string][]byte {
	t.Helper()
	dir := t.TempDir()
	j, err := journal.Open(filepath.Join(dir, "journal.db"), journal.Options{Source: rig.Source()})
	if err != nil {
		t.Fatal(err)
	}
	var events []kiosk.Event
	for i, code := range codes {
		events = append(events, kiosk.Event{Source: rig.Source(), Epoch: j.Epoch(), Seq: uint64(i + 1),
			Moment: kiosk.Moment{Wall: time.Date(2026, 3, 2, 9, 0, i, 0, time.UTC), Boot: "boot", Up: time.Minute, Clock: kiosk.Synced},
			Data:   &kiosk.Started{Job: kiosk.Job{Visit: "v" + code, Bay: "b1"}, Meta: kiosk.Meta{Scan: &kiosk.ScanRecord{Text: code, Scanner: "s1"}}}})
	}
	if err := j.Append(events); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "journal.db"))
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{"journal.db": b}
}

func TestVerdicts(t *testing.T) {
	sound, twice := started(t, "A", "B"), started(t, "A", "A")
	torn := map[string][]byte{"journal.db": append([]byte(nil), sound["journal.db"]...)}
	clear(torn["journal.db"][8192:])
	for _, c := range []struct {
		name  string
		files map[string][]byte
		day   recording
		want  string
	}{
		{"all there", sound, recording{told: []told{{5, "A"}, {9, "B"}}}, ""},
		{"acknowledged later", sound, recording{told: []told{{11, "C"}}}, ""},
		{"a scan is missing", sound, recording{told: []told{{5, "A"}, {10, "C"}}}, "lost: scan C"},
		{"an event is missing", sound, recording{published: []published{{5, "nobody-1", kiosk.Hash{}}}}, "lost: event nobody-1"},
		{"twice", twice, recording{}, "2 jobs started"},
		{"nothing there", nil, recording{told: []told{{5, "A"}}}, "lost: scan A"},
		{"nothing there, nothing told", nil, recording{}, ""},
		{"torn", torn, recording{}, "damaged"},
	} {
		verdict, err := c.day.look(state{place: place{at: 10}, files: c.files})
		if err != nil || (verdict == nil) != (c.want == "") || verdict != nil && !strings.Contains(verdict.Error(), c.want) {
			t.Errorf("%s: %v, %v, want %q", c.name, verdict, err, c.want)
		}
	}
}

func TestPlaces(t *testing.T) {
	day := recording{ops: make([]record.Op, 100), told: []told{{30, "A"}, {20, "B"}}, published: []published{{at: 25}}, syncs: []int{5, 22, 40, 90}}
	for _, n := range []int{2, 3, 4, 60} {
		sync, decided, early := map[int]bool{}, 0, 0
		for _, p := range day.places(n, rand.New(rand.NewPCG(1, 1))) {
			if p.decide {
				decided++
			} else {
				early++
			}
			if p.sync {
				sync[p.at] = true
			}
			if p.decide && p.at < 20 || !p.decide && p.at > 20 || p.at > len(day.ops) {
				t.Errorf("of %d: %+v", n, p)
			}
		}
		if decided != n || early != n/20 || n >= 3 && len(sync) != map[bool]int{true: 3, false: 0}[n >= 3] {
			t.Errorf("of %d places %d decide, %d do not, syncs %v", n, decided, early, sync)
		}
	}
}
