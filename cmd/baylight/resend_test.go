package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"baylight/cmd/internal/cmdtest"
	"baylight/device/bench"
	"baylight/sync/broker"
)

// wireTap counts how often each event, and each person part, went to a broker.
type wireTap struct {
	mu     sync.Mutex
	events map[string]int
	parts  map[string]int
}

func (w *wireTap) observe(_, topic string, payload []byte) {
	var m struct {
		ID string `json:"id"`
	}
	into := w.events
	switch {
	case strings.HasSuffix(topic, "/k1/person"):
		into = w.parts
	case !strings.Contains(topic, "/k1/event/"):
		return
	}
	if json.Unmarshal(payload, &m) != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	into[m.ID]++
}

// counts are those so far, of the events and of the person parts.
func (w *wireTap) counts() (events, parts map[string]int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.events), maps.Clone(w.parts)
}

// wired is a real kiosk and a real back office, each a process, with a broker
// between them that is tapped.
type wired struct {
	t      *testing.T
	dir    string
	tap    wireTap
	kiosk  socket
	office string
}

func newWired(t *testing.T) *wired {
	l := &wired{t: t, dir: t.TempDir(), tap: wireTap{events: map[string]int{}, parts: map[string]int{}}, office: cmdtest.Address(t)}
	b, err := broker.Start(broker.Config{Observe: l.tap.observe})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	front, err := bench.NewScanner(filepath.Join(l.dir, "front"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { front.Close() })
	l.kiosk.Socket = filepath.Join(l.dir, "kiosk.sock")
	shop := "name = \"s\"\ntag = \"0A7\"\nkey_file = \"store.key\"\n"
	mqtt := fmt.Sprintf("[mqtt]\nurl = %q\n", b.URL())
	l.file("store.key", "0123456789abcdef0123456789abcdef")
	l.file("token", "a-token-of-the-test")
	l.file("kiosk.toml", "schema = 1\n[store]\n"+shop+"[kiosk]\nname = \"k1\"\nletter = \"A\"\ndata = \"data\"\nsocket = \"kiosk.sock\"\n[http]\nlisten = \"127.0.0.1:0\"\n"+
		mqtt+fmt.Sprintf("[[scanner]]\nname = \"front\"\nplace = \"reception\"\ndevice = %q\n", front.Path()))
	l.file("backoffice.toml", fmt.Sprintf("schema = 1\n[office]\ndata = \"office\"\ntoken_file = \"token\"\n[http]\nlisten = %q\n", l.office)+mqtt+"[[store]]\n"+shop)
	l.run("office", "backoffice.toml")
	l.run("kiosk", "kiosk.toml")
	return l
}

func (l *wired) file(name, text string) {
	l.t.Helper()
	if err := os.WriteFile(filepath.Join(l.dir, name), []byte(text), 0o600); err != nil {
		l.t.Fatal(err)
	}
}

// run keeps a daemon running until the test ends.
func (l *wired) run(program, config string) {
	l.t.Helper()
	cmd := exec.Command(program, config)
	cmd.Dir, cmd.Stderr = l.dir, l.t.Output()
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil {
			l.t.Errorf("%s: %v", program, err)
		}
	})
}

// baylight runs the command as a person does.
func (l *wired) baylight(args ...string) (code int, said string) {
	l.t.Helper()
	cmd := exec.Command("baylight", args...)
	cmd.Dir = l.dir
	cmd.Env = append(os.Environ(), "BAYLIGHT_OFFICE=http://"+l.office, "BAYLIGHT_TOKEN_FILE="+filepath.Join(l.dir, "token"))
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		l.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// settled waits until the office is there and has receipted at least so many
// events and all that there are, and gives their number. Everything sent before
// the last of them has then come to the office too.
func (l *wired) settled(least uint64) (head uint64) {
	l.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); <-tick.C {
		var st struct {
			Office      bool
			Head, Depth uint64
		}
		if err := l.kiosk.ask("/outbox", nil, &st); err == nil && st.Office && st.Depth == 0 && st.Head >= least {
			return st.Head
		}
	}
	l.t.Fatalf("the back office has not receipted %d events within a minute", least)
	return 0
}

// scan records one more event, with a person part, and waits for its receipt.
func (l *wired) scan(text string) (head uint64) {
	l.t.Helper()
	before := l.settled(1)
	var a struct{ Message string }
	if err := l.kiosk.ask("/scan", url.Values{"text": {text}}, &a); err != nil {
		l.t.Fatal(err)
	}
	return l.settled(before + 1)
}

// The events of a range come on the wire once more, each with its person part;
// the back office has each of them once. What is no range changes nothing.
func TestResend(t *testing.T) {
	l := newWired(t)
	for n := range 4 {
		l.scan(fmt.Sprintf("NOBODY KNOWS %d", n))
	}
	head := l.settled(5)
	var state struct{ Epoch string }
	if err := l.kiosk.ask("/outbox", nil, &state); err != nil {
		t.Fatal(err)
	}
	id := func(seq uint64) string { return fmt.Sprintf("%s-%d", state.Epoch, seq) }
	events, parts := l.tap.counts()

	socket := []string{"--socket", l.kiosk.Socket}
	from, to := head-2, head-1
	code, said := l.baylight(append([]string{"resend", "--from", fmt.Sprint(from), "--to", fmt.Sprint(to)}, socket...)...)
	if want := fmt.Sprintf("events %d to %d are sent again", from, to); code != 0 || !strings.Contains(said, want) {
		t.Errorf("ended with %d and said %q, want 0 and %q", code, said, want)
	}
	last := l.scan("AFTERWARDS") // behind what was sent again
	now, nowParts := l.tap.counts()
	for seq := uint64(1); seq <= head; seq++ {
		more := 0
		if from <= seq && seq <= to {
			more = 1
		}
		if got := now[id(seq)] - events[id(seq)]; got != more {
			t.Errorf("event %d came %d times more on the wire, want %d", seq, got, more)
		}
		if parts[id(seq)] > 0 && nowParts[id(seq)]-parts[id(seq)] != more {
			t.Errorf("the person part of event %d came %d times more on the wire, want %d", seq, nowParts[id(seq)]-parts[id(seq)], more)
		}
	}
	if parts[id(from)] == 0 {
		t.Error("the events of the range have no person parts: nothing is shown of those")
	}

	for _, c := range []struct {
		from, to string
		code     int
		says     string
	}{
		{"0", "3", 1, "sequences count from 1"},
		{"4", "2", 1, "the last is not below the first"},
		{fmt.Sprint(last + 100), fmt.Sprint(last + 200), 1, "is not recorded yet, the last event is "},
		{"-1", "3", 2, "--from"},
		{"1", "three", 2, "--to"},
	} {
		code, said := l.baylight(append([]string{"resend", "--from=" + c.from, "--to=" + c.to}, socket...)...)
		if code != c.code || !strings.Contains(said, c.says) {
			t.Errorf("%s to %s ended with %d and said %q, want %d and %q", c.from, c.to, code, said, c.code, c.says)
		}
	}
	if code, said := l.baylight(append([]string{"resend", "--from", "1"}, socket...)...); code != 2 || !strings.Contains(said, "--to") {
		t.Errorf("without an end it ended with %d and said %q", code, said)
	}
	last = l.scan("AND AFTER THESE")
	for id, n := range now {
		if after, _ := l.tap.counts(); after[id] != n {
			t.Errorf("event %s came again after what was no range", id)
		}
	}

	// What the office counts: each event of the board once.
	if code, said := l.baylight("export", "all.jsonl"); code != 0 {
		t.Fatalf("export ended with %d: %s", code, said)
	}
	lines, err := os.ReadFile(filepath.Join(l.dir, "all.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for seq := uint64(1); seq <= last; seq++ {
		if n := bytes.Count(lines, []byte(`"id":"`+id(seq)+`"`)); n != 1 {
			t.Errorf("the back office has event %d %d times", seq, n)
		}
	}
}
