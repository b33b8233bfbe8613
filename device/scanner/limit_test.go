package scanner

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Nothing is lost from the count, order is kept, and no more than the rate comes
// through one by one.
func TestLimiterModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const rate = 20
		now := time.Unix(1_000_000, 0)
		began := now
		l := newLimiter(rate, now)
		var got collector
		sent := 0
		for range rapid.IntRange(1, 400).Draw(t, "steps") {
			gap := rapid.SampledFrom([]time.Duration{0, time.Millisecond, 10 * time.Millisecond, 40 * time.Millisecond, 60 * time.Millisecond, 300 * time.Millisecond}).Draw(t, "gap")
			now = now.Add(gap)
			if gap >= 100*time.Millisecond {
				l.calm(got.emit)
				if l.held > 0 {
					t.Fatalf("%d readings held back over a silence", l.held)
				}
			}
			sent++
			l.take(Scan{Text: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "text")}, now, got.emit)
		}
		l.calm(got.emit)
		singles, held := 0, 0
		for _, s := range got {
			if s.Repeated == 0 {
				singles++
			}
			held += s.Repeated
		}
		if singles+held != sent {
			t.Fatalf("%d sent, %d handed on and %d counted", sent, singles, held)
		}
		if most := rate + int(now.Sub(began).Seconds()*rate) + 1; singles > most {
			t.Fatalf("%d handed on one by one in %v", singles, now.Sub(began))
		}
	})
}

func TestStuckScannerGivesOneRecordASecond(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	l := newLimiter(20, now)
	var got collector
	for range 30 * 10 { // 30 a second for 10 s
		now = now.Add(time.Second / 30)
		l.take(Scan{Text: "V0A7", Symbology: "code128"}, now, got.emit)
	}
	singles, records := 0, 0
	for _, s := range got {
		if s.Text != "V0A7" || s.Symbology != "code128" || s.Malformed != "" {
			t.Errorf("got %+v", s)
		}
		if s.Repeated > 0 {
			records++
		} else {
			singles++
		}
	}
	if singles < 20 || singles > 70 || records < 7 || records > 9 {
		t.Errorf("%d scans and %d records, want a burst and a record a second", singles, records)
	}
}

func TestTenACalmSecondNeverHeldBack(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	l := newLimiter(20, now)
	var got collector
	for range 1000 {
		now = now.Add(time.Second / 10)
		l.take(Scan{Text: "V0A7"}, now, got.emit)
	}
	if len(got) != 1000 || l.held != 0 {
		t.Errorf("%d of 1000 handed on, %d held", len(got), l.held)
	}
}

func TestDifferentCodesHeldBackAreNotPassedOffAsOne(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	l := newLimiter(1, now)
	var got collector
	for _, text := range []string{"a", "b", "c"} {
		l.take(Scan{Text: text}, now, got.emit)
	}
	l.calm(got.emit)
	if len(got) != 2 || got[0] != (Scan{Text: "a"}) || got[1].Text != "c" || got[1].Repeated != 2 || got[1].Malformed == "" {
		t.Errorf("got %+v", got)
	}
}
