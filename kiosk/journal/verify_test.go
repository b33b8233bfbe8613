package journal

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"baylight/kiosk"
)

// verified makes a closed journal of n events that were all verified.
func verified(t *testing.T, n int) string {
	t.Helper()
	j := fresh(t)
	appendN(t, j, n)
	must(t, errors.Join(j.setVerified(j.Epoch(), uint64(n)), j.Close()))
	return j.path
}

// verifying runs the task; each rest and each wait is asked of the test.
func verifying(t *testing.T, j *Journal) (waits chan time.Duration, goOn chan time.Time, ended chan error) {
	t.Helper()
	waits, goOn, ended = make(chan time.Duration), make(chan time.Time), make(chan error, 1)
	v := NewVerify(j, time.Hour)
	v.after = func(d time.Duration) <-chan time.Time { waits <- d; return goOn }
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(func() {
		cancel()
		for {
			select {
			case <-waits:
			case err := <-ended:
				if err != nil {
					t.Error(err)
				}
				return
			}
		}
	})
	go func() { ended <- v.Run(ctx) }()
	<-v.Ready()
	return waits, goOn, ended
}

// TestVerify: a pass looks at everything with rests, moves the mark, and finds
// what was damaged since at the next pass.
func TestVerify(t *testing.T) {
	j := fresh(t)
	appendN(t, j, 600)
	_, err := j.BeginEpoch("test", 600)
	must(t, err)
	appendN(t, j, 200)
	waits, goOn, ended := verifying(t, j)
	rests := 0
	for d := range waits {
		if d == time.Hour {
			break
		}
		rests++
		goOn <- time.Time{}
	}
	if v, err := j.Cursor(verifiedCursor); rests != 3 || v != 200 || err != nil {
		t.Errorf("%d rests, mark %d, %v", rests, v, err)
	}
	if _, err := j.writer.conn.ExecContext(t.Context(), "UPDATE events SET bytes = x'00' WHERE pos = 300"); err != nil {
		t.Fatal(err)
	}
	if j.Damage() != nil {
		t.Error(j.Damage())
	}
	goOn <- time.Time{}
	<-waits
	goOn <- time.Time{}
	if err := <-ended; err != nil || !errors.Is(j.Damage(), ErrDamaged) || !strings.Contains(j.Damage().Error(), "event 300") {
		t.Errorf("%v, damage %v", err, j.Damage())
	}
	ended <- nil
	must(t, j.Close())
	if _, err := Open(j.path, Options{Source: source}); !errors.Is(err, ErrDamaged) {
		t.Errorf("the next Open: %v", err)
	}
}

// TestVerifyEnds: the end of the context ends it during a pass.
func TestVerifyEnds(t *testing.T) {
	j := fresh(t)
	appendN(t, j, 300)
	waits, _, _ := verifying(t, j)
	<-waits
	if v, err := j.Cursor(verifiedCursor); v != 0 || err != nil {
		t.Errorf("mark %d in the middle of a pass, %v", v, err)
	}
}

// TestOpenGoesOnFromTheMark: damage behind the mark is found at Open, damage
// before it is not looked for.
func TestOpenGoesOnFromTheMark(t *testing.T) {
	for _, c := range []struct {
		mark  uint64
		found bool
	}{{0, true}, {149, true}, {150, false}, {300, false}} {
		j := fresh(t)
		appendN(t, j, 300)
		must(t, errors.Join(j.setVerified(j.Epoch(), c.mark), j.setVerified("other", 7), j.setVerified(j.Epoch(), 301), j.Close()))
		run("UPDATE events SET bytes = x'00' WHERE pos = 150")(t, j.path)
		s, err := Open(j.path, Options{Source: source})
		if (err != nil) != c.found || err != nil && !strings.Contains(err.Error(), "event 150") {
			t.Errorf("mark %d: %v", c.mark, err)
		}
		if err == nil {
			must(t, s.Close())
		}
	}
}

// BenchmarkYear opens and replays a journal of a year: 600,000 events.
func BenchmarkYear(b *testing.B) {
	if testing.Short() {
		b.Skip("600,000 events")
	}
	const n = 600_000
	j := fresh(b)
	for j.Head() < n {
		if err := j.Append(started(j.Epoch(), j.Head(), 2000)); err != nil {
			b.Fatal(err)
		}
	}
	must(b, errors.Join(j.setVerified(j.Epoch(), n-2000), j.Close())) // a day of events was not verified yet
	var open, replay time.Duration
	for b.Loop() {
		t0 := time.Now()
		s, err := Open(j.path, Options{Source: source})
		must(b, err)
		t1 := time.Now()
		must(b, s.Replay(0, func(kiosk.Event) error { return nil }))
		open, replay = open+t1.Sub(t0), replay+time.Since(t1)
		must(b, s.Close())
	}
	b.ReportMetric(float64(open.Milliseconds())/float64(b.N), "open-ms")
	b.ReportMetric(float64(replay.Milliseconds())/float64(b.N), "replay-ms")
}
