package trial

import (
	"slices"
	"testing"
	"time"

	"baylight/firmware-config/board/emulator"
)

func TestResults(t *testing.T) {
	const out = `=== RUN   TestLine
=== RUN   TestLine/silence_is_no_loss
    linetest.go:105: level=INFO msg="line up"
=== RUN   TestLine/lf
=== RUN   TestLine/lf/data
    linetest.go:171: got "a", want "b"
--- FAIL: TestLine (1.25s)
    --- PASS: TestLine/silence_is_no_loss (0.33s)
    --- FAIL: TestLine/lf (0.92s)
        --- FAIL: TestLine/lf/data (0.92s)
        --- SKIP: TestLine/lf/a_loop (0.00s)
FAIL
`
	want := []result{
		{"silence is no loss", "PASS", "0.33s", "    linetest.go:105: level=INFO msg=\"line up\"\n"},
		{"lf/data", "FAIL", "0.92s", "    linetest.go:171: got \"a\", want \"b\"\n"},
		{"lf/a loop", "SKIP", "0.00s", ""},
	}
	for _, text := range []string{out, "guest: init\n" + out + "ok\n"} {
		got := results(text)
		if !slices.Equal(got, want) {
			t.Errorf("%q\nwant %q", got, want)
		}
	}
	if got := results("panic: test timed out\n"); len(got) != 0 {
		t.Errorf("a program that died gave %q", got)
	}
}

func TestGlitches(t *testing.T) {
	const pin = 17
	at := time.Unix(1700000000, 0)
	for _, c := range []struct {
		name  string
		steps string        // 'f' not driven, 'h' high, 'l' low
		each  time.Duration // how long each lasts
		low   bool
		want  int
	}{
		{"dark, then lit", "flh", time.Second, false, 0},
		{"lit for a second", "flhl", time.Second, false, 0},
		{"a pulse", "flhl", time.Microsecond, false, 1},
		{"two pulses", "flhlhf", time.Millisecond, false, 2},
		{"a pulse of a lamp lit low", "fhlh", time.Microsecond, true, 1},
		{"let go is dark", "lf", time.Microsecond, true, 1},
		{"high is dark for a lamp lit low", "fhfh", time.Microsecond, true, 0},
	} {
		var h emulator.History
		for i, s := range c.steps {
			var p emulator.Pins
			p[pin] = map[rune]emulator.Level{'f': emulator.Floating, 'h': emulator.High, 'l': emulator.Low}[s]
			h = append(h, emulator.Change{At: at.Add(time.Duration(i) * c.each), Pins: p})
		}
		if got := glitches(h, pin, c.low); got != c.want {
			t.Errorf("%s: %d glitches, want %d", c.name, got, c.want)
		}
	}
}
