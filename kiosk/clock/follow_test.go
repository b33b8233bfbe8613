package clock

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"baylight/kiosk"

	"golang.org/x/sys/unix"
)

// begin is a parent standing at nine o'clock.
func begin(t *testing.T, log *slog.Logger) *Lead {
	t.Helper()
	l, err := NewLead(at(nine, time.Hour, kiosk.Synced), log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// follower is a child with its Run under way.
type follower struct {
	*Follow
	done chan error
}

// join starts a child on ends, the child's last, and waits until it follows.
func join(t *testing.T, l *Lead, parent, child Conn) follower {
	t.Helper()
	f := follower{done: make(chan error, 1)}
	made := make(chan error, 1)
	go func() {
		c, err := NewFollow(t.Context(), child, nil)
		f.Follow = c
		made <- err
	}()
	if err := l.Add(parent); err != nil {
		t.Fatal(err)
	}
	if err := <-made; err != nil {
		t.Fatal(err)
	}
	go func() { f.done <- f.Run(t.Context()) }()
	return f
}

func pipe(t *testing.T, l *Lead) follower {
	t.Helper()
	parent, child := net.Pipe()
	return join(t, l, parent, child)
}

func same(a, b kiosk.Moment) bool {
	return a.Wall.Equal(b.Wall) && a.Boot == b.Boot && a.Up == b.Up && a.Clock == b.Clock
}

func TestEveryChildIsThereWhenSetReturns(t *testing.T) {
	l := begin(t, nil)
	var fs []follower
	for range 3 {
		parent, child, err := Pair() // real sockets, no fake time
		if err != nil {
			t.Fatal(err)
		}
		fs = append(fs, join(t, l, parent, child))
	}
	for i := range 200 {
		m := at(nine.Add(time.Duration(i)*time.Minute), time.Hour+time.Duration(i)*time.Minute, kiosk.Synced)
		if err := l.Set(m, 0); err != nil {
			t.Fatal(err)
		}
		for _, f := range fs {
			if got := f.Now(); !same(got, m) {
				t.Fatalf("a child says %v, the parent said %v", got, m)
			}
		}
	}
	l.Close()
	for _, f := range fs {
		if err := <-f.done; !errors.Is(err, ErrLeadGone) {
			t.Errorf("child ended with %v, want %v", err, ErrLeadGone)
		}
	}
}

func TestRates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := begin(t, nil)
		f := pipe(t, l)
		wait := func(d time.Duration, want time.Duration) {
			t.Helper()
			<-time.After(d)
			for _, c := range []Clock{l, f} {
				if m := c.Now(); m.Up != want || m.Wall.Sub(nine) != want-time.Hour {
					t.Errorf("%T: %v, want up %s", c, m, want)
				}
			}
		}
		rate := func(r int) {
			t.Helper()
			if err := l.Rate(r); err != nil {
				t.Fatal(err)
			}
		}
		wait(time.Minute, time.Hour) // it stands
		rate(1)
		wait(time.Minute, 61*time.Minute)
		rate(60)
		wait(time.Minute, 121*time.Minute)
		if err := l.Advance(time.Minute); err != nil {
			t.Fatal(err)
		}
		wait(time.Second, 123*time.Minute)
		rate(0)
		wait(time.Hour, 123*time.Minute)
	})
}

func TestAlarmsRingInShopTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := begin(t, nil)
		f := pipe(t, l)
		for _, c := range []Clock{l, f} {
			start := time.Now()
			hour, _ := c.Alarm(time.Hour)
			two, _ := c.Alarm(2 * time.Hour)
			given, cancel := c.Alarm(30 * time.Minute)
			cancel()
			if now, _ := c.Alarm(0); !rang(now) {
				t.Errorf("%T: an alarm for now does not ring at once", c)
			}
			<-time.After(24 * time.Hour)
			if rang(hour) {
				t.Fatalf("%T: an alarm rang while the shop stood", c)
			}
			if err := l.Advance(59 * time.Minute); err != nil {
				t.Fatal(err)
			}
			if rang(hour) {
				t.Fatalf("%T: an alarm rang a minute early", c)
			}
			if err := l.Advance(time.Minute); err != nil {
				t.Fatal(err)
			}
			if !rang(hour) || rang(two) { // no waiting: due alarms have rung when Advance returns
				t.Fatalf("%T: after an hour: %v, %v", c, rang(hour), rang(two))
			}
			if err := l.Rate(60); err != nil {
				t.Fatal(err)
			}
			<-two
			if d := time.Since(start); d != 24*time.Hour+time.Minute {
				t.Errorf("%T: at rate 60 the second hour took %s", c, d-24*time.Hour)
			}
			if rang(given) {
				t.Errorf("%T: an alarm that was given up rang", c)
			}
			if err := l.Rate(0); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestAStepOfTheWallClockRingsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := begin(t, nil)
		f := pipe(t, l)
		ring, _ := f.Alarm(time.Hour)
		m := l.Now()
		m.Wall = m.Wall.AddDate(1, 0, 0)
		if err := l.Set(m, 0); err != nil {
			t.Fatal(err)
		}
		if rang(ring) {
			t.Error("a year's step rang an alarm of an hour")
		}
		m.Boot, m.Up = "boot-2", time.Second
		if err := l.Set(m, 0); err != nil {
			t.Fatal(err)
		}
		if got := f.Now(); !same(got, m) || rang(ring) {
			t.Errorf("after a new boot: %v (rang %v), want %v", got, rang(ring), m)
		}
		if err := l.Advance(time.Hour); err != nil {
			t.Fatal(err)
		}
		if !rang(ring) {
			t.Error("the alarm was lost in the new boot")
		}
	})
}

func TestTimeSinceBootNeverRunsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := begin(t, nil)
		if err := l.Set(at(nine, time.Minute, kiosk.Synced), 0); err == nil || !strings.Contains(err.Error(), "run back from 1h0m0s to 1m0s") {
			t.Errorf("Set back in the same boot: %v", err)
		}
		var s shop
		s.set(at(nine, time.Hour, kiosk.Synced), 60)
		<-time.After(time.Second)
		s.set(at(nine, time.Hour+59*time.Second, kiosk.Synced), 0) // the line was a little late
		if m := s.Now(); m.Up != time.Hour+time.Minute || m.Wall.Sub(nine) != time.Second {
			t.Errorf("%v after a late line", m)
		}
	})
}

func TestADeadChildIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		l := begin(t, slog.New(slog.NewTextHandler(&log, nil)))
		living, dead := pipe(t, l), pipe(t, l)
		dead.conn.Close()
		start := time.Now()
		if err := l.Advance(time.Minute); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(start); d != 0 {
			t.Errorf("a closed child held the parent up for %s", d)
		}
		if !same(living.Now(), l.Now()) || len(l.children) != 1 || !strings.Contains(log.String(), "clock lost a child") {
			t.Errorf("%d children follow, log %q", len(l.children), log.String())
		}
		<-dead.done
	})
}

func TestAChildThatDoesNotAnswerIsDropped(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer string
		within time.Duration
	}{
		{"silent", "", answerWithin},
		{"wrong number", "{\"ack\":1}\n", 0},
		{"no JSON", "yes\n", 0},
		{"endless line", strings.Repeat("x", 2*maxLine), 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := begin(t, nil)
				parent, child := net.Pipe()
				go func() {
					r := bufio.NewReader(child)
					r.ReadString('\n')
					io.WriteString(child, "{\"ack\":1}\n")
					r.ReadString('\n')
					io.WriteString(child, c.answer)
				}()
				if err := l.Add(parent); err != nil {
					t.Fatal(err)
				}
				start := time.Now()
				if err := l.Advance(time.Minute); err != nil {
					t.Fatal(err)
				}
				if d := time.Since(start); d != c.within || len(l.children) != 0 {
					t.Errorf("dropped after %s, want %s; %d children", d, c.within, len(l.children))
				}
			})
		})
	}
}

func TestAChildThatReadsLateIsNotBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := begin(t, nil)
		if err := l.Rate(60); err != nil {
			t.Fatal(err)
		}
		parent, child := net.Pipe()
		made := make(chan *Follow, 1)
		go func() {
			<-time.After(2 * time.Second) // it takes that long to start
			f, err := NewFollow(t.Context(), child, nil)
			if err != nil {
				t.Error(err)
			}
			made <- f
		}()
		if err := l.Add(parent); err != nil {
			t.Fatal(err)
		}
		f := <-made
		if f == nil {
			return
		}
		if got, want := f.Now(), l.Now(); !same(got, want) || want.Up != time.Hour+2*time.Minute {
			t.Errorf("the child says %v, the parent %v", got, want)
		}
	})
}

// slow is a wire on which every line takes a while.
type slow struct{ net.Conn }

func (s slow) Read(b []byte) (int, error) {
	n, err := s.Conn.Read(b)
	if err == nil {
		<-time.After(50 * time.Millisecond)
	}
	return n, err
}

func TestNoChildRunsAheadWhenTheShopSlowsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := begin(t, nil)
		f := pipe(t, l)
		parent, child := net.Pipe()
		g := join(t, l, parent, slow{child})
		for _, rate := range []int{60, 1, 60, 0, 60, 2} {
			if err := l.Rate(rate); err != nil {
				t.Fatal(err)
			}
			<-time.After(time.Second)
			if want := l.Now(); !same(f.Now(), want) || !same(g.Now(), want) {
				t.Errorf("at ×%d: a child says %v, a slow one %v, the parent %v", rate, f.Now(), g.Now(), want)
			}
		}
	})
}

func TestAddOfADeadChildFails(t *testing.T) {
	l := begin(t, nil)
	parent, child, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	child.Close()
	if err := l.Add(parent); err == nil || len(l.children) != 0 {
		t.Errorf("Add = %v with %d children", err, len(l.children))
	}
}

func TestFollowRefusesNonsense(t *testing.T) {
	const good = `{"n":1,"wall":"2026-11-21T09:00:00+08:00","boot":"b","up_ms":1,"clock":"synced","rate":0}`
	for _, c := range []struct{ name, line, want string }{
		{"no JSON", "now", "not what the protocol says"},
		{"endless", strings.Repeat("x", 2*maxLine), "longer than"},
		{"rate", strings.Replace(good, `"rate":0`, `"rate":99999`, 1), "rate 99999"},
		{"negative rate", strings.Replace(good, `"rate":0`, `"rate":-1`, 1), "rate -1"},
		{"quality", strings.Replace(good, "synced", "fine", 1), `clock "fine"`},
		{"up", strings.Replace(good, `"up_ms":1`, `"up_ms":-1`, 1), "-1 ms"},
		{"up that overflows", strings.Replace(good, `"up_ms":1`, `"up_ms":9223372036854775807`, 1), "ms"},
		{"boot", strings.Replace(good, `"b"`, `""`, 1), "boot id of 0"},
		{"no wall", strings.Replace(good, "wall", "hall", 1), "no wall clock"},
		{"half a line", good[:40], "unexpected EOF"},
		{"nothing", "", ErrLeadGone.Error()},
	} {
		t.Run(c.name, func(t *testing.T) {
			parent, child, err := Pair()
			if err != nil {
				t.Fatal(err)
			}
			line := c.line
			if line != "" && c.name != "half a line" {
				line += "\n"
			}
			if _, err := io.WriteString(parent, line); err != nil {
				t.Fatal(err)
			}
			parent.Close()
			if _, err := NewFollow(t.Context(), child, nil); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("NewFollow: %v, want …%s…", err, c.want)
			}
		})
	}
}

func TestFollowPutsTheWallClockInItsZone(t *testing.T) {
	parent, child, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	defer parent.Close()
	io.WriteString(parent, `{"n":1,"wall":"2026-11-21T01:00:00Z","boot":"b","up_ms":1,"clock":"unset","rate":0}`+"\n")
	zone := time.FixedZone("CST", 8*3600)
	f, err := NewFollow(t.Context(), child, zone)
	if err != nil {
		t.Fatal(err)
	}
	if m := f.Now(); m.Wall.Location() != zone || m.Wall.Hour() != 9 || m.Clock != kiosk.Unset {
		t.Errorf("Now = %v", m)
	}
}

func TestFollowEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone, cancel := context.WithCancel(t.Context())
		_, child := net.Pipe()
		time.AfterFunc(time.Minute, cancel)
		if _, err := NewFollow(gone, child, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("NewFollow without a parent: %v", err)
		}

		l := begin(t, nil)
		parent, child := net.Pipe()
		f := Follow{conn: child, lines: bufio.NewReaderSize(child, maxLine), ready: make(chan struct{})}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- f.Run(ctx) }()
		<-f.Ready()
		if err := l.Add(parent); err != nil {
			t.Fatal(err)
		}
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		if _, err := child.Write(nil); err == nil {
			t.Error("the socket is still open")
		}
	})
}

func TestInherit(t *testing.T) {
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := Inherit(int(f.Fd())); err == nil {
		t.Error("a file that is no socket was inherited")
	}
	if _, err := Inherit(-1); err == nil {
		t.Error("no descriptor was inherited")
	}
	parent, child, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	defer parent.Close()
	fd, err := unix.Dup(int(child.Fd())) // Fd makes it blocking, as after exec
	if err != nil {
		t.Fatal(err)
	}
	child.Close()
	in, err := Inherit(fd)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := NewFollow(ctx, in, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("reading an inherited socket cannot be ended: %v", err)
	}
}

func FuzzSetting(f *testing.F) {
	f.Add([]byte(`{"n":1,"wall":"2026-11-21T09:00:00+08:00","boot":"b","up_ms":1,"clock":"synced","rate":60}` + "\n"))
	f.Add([]byte(`{"wall":"0001-01-01T00:00:00Z"}` + "\n"))
	f.Add([]byte("{\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var s setting
		if err := readLine(bufio.NewReaderSize(bytes.NewReader(b), maxLine), &s); err != nil || s.check() != nil {
			return
		}
		var c shop
		c.set(s.moment(), s.Rate)
		if m := c.Now(); m.Up < s.moment().Up || m.Boot != s.Boot {
			t.Fatalf("%s gives %v", b, m)
		}
	})
}
