package bench_test

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"baylight/device/bench"
	"baylight/device/line"
)

// linesOut hands on each line that is written.
type linesOut chan string

func (l linesOut) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
}

// What a real line brought is written down, and comes out of the reader the same.
func TestRecordAndReadBack(t *testing.T) {
	port, err := bench.NewPort(filepath.Join(t.TempDir(), "scanner"), func([]byte) {})
	if err != nil {
		t.Fatal(err)
	}
	written := make(linesOut, 64)
	ctx, stop := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() {
		if err := bench.Record(ctx, line.Config{Device: port.Path()}, written); err != nil {
			t.Error(err)
		}
	})
	text := <-written + <-written
	for _, piece := range []string{"LSVAA4", "182E2184931\r"} {
		if err := port.Send([]byte(piece)); err != nil {
			t.Fatal(err)
		}
		text += <-written
	}
	if err := port.Unplug(); err != nil {
		t.Fatal(err)
	}
	text += <-written
	stop()
	done.Wait()
	all, err := bench.ReadRecording(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range all {
		got = append(got, string(e.Way)+string(e.Bytes))
	}
	if want := "!up|<LSVAA4|<182E2184931\r|!unplugged or switched off (hang-up)"; strings.Join(got, "|") != want {
		t.Errorf("recorded %q, want %q", got, want)
	}
}

// A recording is played with its pauses.
func TestReplayKeepsItsPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all, err := bench.ReadRecording(strings.NewReader("# baylight recording 1\n# two codes and a beep\n" +
			"0.000000 ! up\n1.500000 < 41310d\n1.600000 > 1b372c\n\n3.500000 < 4232\n3.500000 < 0d\n"))
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		var sent string
		var at []time.Duration
		err = bench.Replay(t.Context(), all, 2, func(p []byte) error {
			sent += string(p)
			at = append(at, time.Since(start))
			return nil
		})
		if err != nil || sent != "A1\rB2\r" || len(at) != 3 || at[0] != 750*time.Millisecond || at[2] != 1750*time.Millisecond {
			t.Errorf("replay sent %q at %v, %v", sent, at, err)
		}
		gone := errors.New("gone")
		if err := bench.Replay(t.Context(), all, 0, func([]byte) error { return gone }); !errors.Is(err, gone) || !strings.Contains(err.Error(), "entry 2") {
			t.Errorf("a device that is gone: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := bench.Replay(ctx, all, 1, func([]byte) error { return nil }); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("replay that is ended: %v", err)
		}
	})
}

func TestBadRecordingsAreNamed(t *testing.T) {
	const head = "# baylight recording 1\n"
	for text, want := range map[string]string{
		"0.000000 < 41\n":                                  "line 1",
		head + "0.000000 ? 41\n":                           "line 2: \"0.000000 ? 41\": want a time",
		head + "0.5 < 41\n":                                "line 2: time \"0.5\"",
		head + "-1.000000 < 41\n":                          "time",
		head + "0.000000 < 4\n":                            "hexadecimal",
		head + "0.000000 <\n":                              "want a time",
		head + "0.000000 < \n":                             "1 to 4096 bytes",
		head + "1.000000 < 41\n0.900000 < 41\n":            "line 3: time goes back to 900ms",
		head + "0.000000 < " + strings.Repeat("41", 1<<16): "token too long",
	} {
		if _, err := bench.ReadRecording(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %v, want %s", text, err, want)
		}
	}
}

// FuzzRecording: what is read can be written and read again the same.
func FuzzRecording(f *testing.F) {
	f.Add([]byte("# baylight recording 1\n0.000000 ! up\n1.500000 < 41310d\n1.600000 > 1b372c\n"))
	f.Add([]byte("# baylight recording 1\r\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		all, err := bench.ReadRecording(bytes.NewReader(text))
		if err != nil {
			return
		}
		var again bytes.Buffer
		r := bench.NewRecorder(&again)
		for _, e := range all {
			r.Note(e.Way, e.Bytes)
		}
		back, err := bench.ReadRecording(&again)
		if err != nil || r.Err() != nil {
			t.Fatal(err, r.Err())
		}
		was, is := raw(all), raw(back)
		if !bytes.Equal(was, is) {
			t.Fatalf("read %q, written and read %q", was, is)
		}
	})
}

// raw is what went over the line, with its directions.
func raw(all []bench.Entry) (out []byte) {
	for _, e := range all {
		if e.Way != bench.Remark {
			out = append(append(out, byte(e.Way)), e.Bytes...)
		}
	}
	return out
}
