package ledgertest

import (
	"slices"
	"testing"
	"time"

	"baylight/kiosk"
)

// clockJumps: boards whose clocks jump a year ahead and back in the middle of a
// job, in every way a board may record that, tell the same times as one whose
// clock never did.
func clockJumps(t *testing.T, s *suite) {
	const year = 365 * 24 * time.Hour
	type board struct {
		name    string
		quality kiosk.Quality // while the clock is a year ahead
		first   kiosk.Quality // before
		record  bool          // the jumps are recorded as trusted settings
	}
	day := func(b board) []string {
		src := NewBoard(t, store, b.name, "epoch-"+b.name)
		src.Now.Clock = b.first
		job := kiosk.Job{Visit: "V-" + b.name, Bay: "b1", Technician: "t1"}
		step := func(p kiosk.Payload) {
			s.commit(src.Event(p))
			src.Now = src.Now.Add(10*time.Minute - time.Second)
		}
		jump := func(d time.Duration, q kiosk.Quality) {
			src.Now.Wall, src.Now.Clock = src.Now.Wall.Add(d), q
			if b.record && d != 0 {
				s.commit(src.Event(&kiosk.ClockSet{OffsetMS: d.Milliseconds()}))
				src.Now = src.Now.Add(-time.Second)
			}
		}
		s.commit(src.CheckIn(job.Visit))
		step(&kiosk.Accepted{Visit: job.Visit, Adviser: "a"})
		step(&kiosk.Started{Job: job})
		off := time.Duration(0)
		if b.quality != "" {
			off = year
			jump(off, b.quality)
		}
		step(&kiosk.Paused{Job: job, Meta: kiosk.Meta{Reason: kiosk.Parts}})
		step(&kiosk.Resumed{Job: job})
		if b.quality != "" {
			jump(-off, b.first)
		}
		step(&kiosk.Finished{Job: job})
		step(&kiosk.Passed{Visit: job.Visit, Inspector: "i"})
		rows, err := s.Visit(t.Context(), store, job.Visit)
		if err != nil {
			t.Fatal(err)
		}
		var events []kiosk.Event
		for _, r := range rows {
			e, err := kiosk.Decode(r.Bytes)
			if err != nil {
				t.Fatal(err)
			}
			e.When, e.Uncertain = r.When, r.Uncertain
			events = append(events, e)
		}
		return []string{describe("V", events)}
	}
	want := day(board{name: "steady", first: kiosk.Synced})
	for _, b := range []board{
		{"lost", kiosk.Unset, kiosk.Synced, false},
		{"held", kiosk.Holdover, kiosk.Holdover, false},
		{"believed", kiosk.Synced, kiosk.Synced, false},
		{"set", kiosk.Synced, kiosk.Synced, true},
		{"byhand", kiosk.Holdover, kiosk.Holdover, true},
	} {
		if got := day(b); !slices.Equal(got, want) {
			t.Errorf("board %s: %q, want %q", b.name, got, want)
		}
	}
}

func clockSet(t *testing.T, s *suite) {
	b := NewBoard(t, store, "k1", "e1")
	b.Now.Clock = kiosk.Unset
	s.commit(b.CheckIn("V1"))
	s.commit(b.Event(&kiosk.Accepted{Visit: "V1", Adviser: "a"}))
	want := []string{"V1: visit.accepted@11-03T01:00:02.000? visit.checked_in@11-03T01:00:01.000?"}
	got, at := s.changed(0)
	if !slices.Equal(got, want) {
		t.Errorf("before the clock was set: %q, want %q", got, want)
	}
	b.Now.Wall, b.Now.Clock = b.Now.Wall.Add(time.Hour), kiosk.Synced
	s.commit(b.Event(&kiosk.ClockSet{OffsetMS: 3600_000}))
	got, head := s.changed(at)
	want2 := []string{"V1: visit.accepted@11-03T02:00:02.000 visit.checked_in@11-03T02:00:01.000"}
	if !slices.Equal(got, want2) {
		t.Errorf("after it was set: %q, want %q", got, want2)
	}
	if old := s.until(at); !slices.Equal(old, want) {
		t.Errorf("as it stood at %d: %q, want %q", at, old, want)
	}
	if now := s.until(head); !slices.Equal(now, want2) {
		t.Errorf("as it stands at %d: %q, want %q", head, now, want2)
	}
}

// gapAfterLeaving: what comes above a gap in an epoch that its source has left may
// be of another board, though the boot is known: its time does not depend on what
// stands before the gap, until the gap is filled.
func gapAfterLeaving(t *testing.T, s *suite) {
	b := NewBoard(t, store, "k1", "e1")
	s.commit(b.CheckIn("V1"))
	b.Now.Boot, b.Now.Up, b.Now.Wall = "boot-2", 0, b.Now.Wall.Add(-30*time.Second)
	s.commit(b.CheckIn("V2"))
	missing, above, next := b.CheckIn("V2"), b.CheckIn("V3"), b.CheckIn("V3")
	s.commit(NewBoard(t, store, "k1", "e2").CheckIn("V4"))
	want := func(when string, es ...string) {
		t.Helper()
		got, head := s.changed(0)
		if then := s.until(head); !slices.Equal(got, then) {
			t.Errorf("%s: at the head %q, as of %d %q", when, got, head, then)
		}
		if !slices.Equal(got, es) {
			t.Errorf("%s: %q, want %q", when, got, es)
		}
	}
	const v1, v4 = "V1: visit.checked_in@11-03T01:00:01.000", "V4: visit.checked_in@11-03T01:00:01.000"
	const v2 = "V2: visit.checked_in@11-03T01:00:01.000"
	s.commit(above)
	want("above the gap", v1, v2, "V3: visit.checked_in@11-03T00:59:34.000", v4)
	s.commit(next)
	want("the one after it", v1, v2, "V3: visit.checked_in@11-03T00:59:34.000 visit.checked_in@11-03T00:59:35.000", v4)
	s.commit(missing)
	want("the gap is filled", v1, v2+" visit.checked_in@11-03T01:00:01.000", "V3: visit.checked_in@11-03T01:00:01.000 visit.checked_in@11-03T01:00:01.000", v4)
}
