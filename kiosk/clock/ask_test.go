package clock

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"baylight/kiosk"
)

func TestAnswer(t *testing.T) {
	office := nine.Add(time.Hour)
	for _, c := range []struct {
		name  string
		nonce string
		trip  time.Duration
		boot  string
		want  error
	}{
		{"half the round trip is the error", "ours", 200 * time.Millisecond, "boot-1", nil},
		{"at the last moment", "ours", AnswerWithin, "boot-1", nil},
		{"late", "ours", AnswerWithin + 1, "boot-1", ErrLate},
		{"not ours", "theirs", time.Second, "boot-1", ErrNotAsked},
		{"of another boot", "ours", time.Second, "boot-2", ErrNotAsked},
		{"empty", "", time.Second, "boot-1", ErrNotAsked},
	} {
		var a Asker
		asked := at(nine, time.Hour, kiosk.Unset)
		a.Ask("ours", asked)
		now := asked.Add(c.trip)
		now.Boot = c.boot
		s, err := a.Answer(c.nonce, office, true, now)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
		if err != nil {
			continue
		}
		if s.Error < c.trip/2 || s.Error > c.trip/2+time.Millisecond || !s.Start.Add(now.Up).Equal(office.Add(c.trip/2)) || !s.Synced {
			t.Errorf("%s: %+v", c.name, s)
		}
		if _, err := a.Answer(c.nonce, office, true, now); !errors.Is(err, ErrNotAsked) {
			t.Errorf("%s: the same answer again: %v", c.name, err)
		}
	}
}

func TestBestAnswer(t *testing.T) {
	var a Asker
	now := at(nine, time.Hour, kiosk.Unset)
	if _, ok := a.Best(now); ok {
		t.Error("a best answer of none")
	}
	for i, x := range []struct {
		trip   time.Duration
		synced bool
	}{{40 * time.Millisecond, false}, {900 * time.Millisecond, true}, {300 * time.Millisecond, true}, {700 * time.Millisecond, true}} {
		nonce := fmt.Sprint(i)
		a.Ask(nonce, now)
		now = now.Add(x.trip)
		if _, err := a.Answer(nonce, now.Wall, x.synced, now); err != nil {
			t.Fatal(err)
		}
	}
	if best, ok := a.Best(now); !ok || !best.Synced || best.Error < 150*time.Millisecond || best.Error > 152*time.Millisecond {
		t.Errorf("best is %+v", best)
	}
	if best, _ := a.Best(now.Add(time.Hour)); best.Error < 150*time.Millisecond+time.Hour/drift {
		t.Errorf("an hour later its error is %s: it has not grown", best.Error)
	}
	other := now
	other.Boot = "boot-2"
	if _, ok := a.Best(other); ok {
		t.Error("an answer of another boot counts")
	}
}

// Questions that are never answered are given up.
func TestOpenQuestionsAreBounded(t *testing.T) {
	var a Asker
	now := at(nine, time.Hour, kiosk.Unset)
	for i := range 10 {
		a.Ask(fmt.Sprint(i), now)
	}
	if _, err := a.Answer("5", nine, true, now); !errors.Is(err, ErrNotAsked) {
		t.Errorf("an old question: %v", err)
	}
	if _, err := a.Answer("6", nine, true, now); err != nil || len(a.open) != maxOpen-1 {
		t.Errorf("%v, %d questions wait", err, len(a.open))
	}
}

func TestNextQuestion(t *testing.T) {
	var a Asker
	if d := a.Next(Status{}); d != 2*time.Second {
		t.Errorf("at first after %s", d)
	}
	a.got = make([]Sample, round)
	for _, c := range []struct {
		s    Status
		want time.Duration
	}{{Status{}, time.Minute}, {Status{Source: kiosk.ClockSystem}, 15 * time.Minute}, {Status{Source: kiosk.ClockSystem, Jump: time.Hour}, time.Minute}} {
		if d := a.Next(c.s); d != c.want {
			t.Errorf("%+v: after %s, want %s", c.s, d, c.want)
		}
	}
}
