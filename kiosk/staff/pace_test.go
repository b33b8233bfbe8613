package staff

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// TestPace: a burst, then one every so often; whoever waits as told goes on, and who
// stays away has the whole burst again.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPace(time.Now)
		me, all := Share{"me", 5, 2 * time.Second}, Share{"all", 8, time.Second}
		take := func(want time.Duration, shares ...Share) {
			t.Helper()
			if wait := p.Take(shares...); wait != want {
				t.Fatalf("told to wait %v, want %v", wait, want)
			}
		}
		for range 5 {
			take(0, me, all)
		}
		for range 100 { // nothing is taken of either by asking
			take(2*time.Second, me, all)
		}
		for range 3 {
			take(0, Share{"you", 5, 2 * time.Second}, all)
		}
		take(time.Second, Share{"you", 5, 2 * time.Second}, all)
		time.Sleep(2*time.Second - 1) // of the bubble
		take(1, me, all)
		time.Sleep(time.Nanosecond)
		take(0, me, all)
		take(2*time.Second, me)
		time.Sleep(time.Hour)
		for range 5 {
			take(0, me, all)
		}
		take(2*time.Second, me)
	})
}

// TestPaceModel: in no stretch of time does a key get more than its burst and what
// came since, and who waited as long as told is let through.
func TestPaceModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(1e9, 0)
		p := NewPace(func() time.Time { return now })
		s := Share{"k", rapid.IntRange(1, 6).Draw(t, "burst"), time.Duration(rapid.IntRange(1, 10).Draw(t, "every")) * time.Second}
		var let []time.Time
		for range rapid.IntRange(1, 200).Draw(t, "tries") {
			now = now.Add(time.Duration(rapid.IntRange(0, 4000).Draw(t, "pause")) * time.Millisecond)
			if wait := p.Take(s); wait > 0 {
				if now = now.Add(wait); p.Take(s) != 0 {
					t.Fatal("who waited is not let through")
				}
			}
			let = append(let, now)
			for i, from := range let {
				if n, most := len(let)-i, s.Burst+int(now.Sub(from)/s.Every); n > most {
					t.Fatalf("%d in %v, at most %d are allowed", n, now.Sub(from), most)
				}
			}
		}
	})
}

func TestPaceIsBounded(t *testing.T) {
	now := time.Unix(1e9, 0)
	p := NewPace(func() time.Time { return now })
	for range 3 {
		p.Take(Share{"busy", 3, time.Hour})
	}
	for i := range 2 * maxKeys {
		p.Take(Share{fmt.Sprint(i), 3, time.Second})
	}
	if len(p.keys) != maxKeys {
		t.Errorf("%d keys are kept, at most %d are allowed", len(p.keys), maxKeys)
	}
	if p.Take(Share{"busy", 3, time.Hour}) == 0 {
		t.Error("who had used up its share was forgotten before those who had not")
	}
	now = now.Add(-24 * time.Hour)
	if wait := p.Take(Share{"busy", 3, time.Hour}); wait != time.Hour {
		t.Errorf("after the clock went back: %v", wait)
	}
}
