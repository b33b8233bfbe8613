package conform

import (
	"bytes"
	"io"
	"net"
	"reflect"
	"strings"
	"testing"

	"baylight/device/bench"
)

func TestMessagesSurviveTheLine(t *testing.T) {
	sent := []Message{
		{N: 1, Do: Plug, Device: 1, Printer: true},
		{Do: Send, Bytes: []byte("\x00\n\r\xff{}")},
		{N: 2, Do: Fault, Faults: &bench.PrinterFaults{CoverOpen: true}},
		{N: 3, Lit: [3]bool{false, true}, Glitches: 2, Err: "a\nb"},
	}
	var wire bytes.Buffer
	for _, m := range sent {
		wire.WriteString("noise {\n\n")
		if err := Write(&wire, m); err != nil {
			t.Fatal(err)
		}
	}
	var got []Message
	if err := Read(&wire, func(m Message) { got = append(got, m) }); err != nil || !reflect.DeepEqual(got, sent) {
		t.Errorf("%v: %+v\nwant %+v", err, got, sent)
	}
	if err := Read(strings.NewReader(strings.Repeat("x", maxLine+1)), func(Message) {}); err == nil {
		t.Error("a line without end was read")
	}
}

// farSide answers as the judge would: what it says before the answer belongs to
// another program or another device.
func farSide(t *testing.T) io.ReadWriter {
	t.Helper()
	inside, outside := net.Pipe()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = Read(outside, func(m Message) { // ends with the test, as do the answers
			say := []Message{{N: m.N + 7}, {N: m.N}}
			switch m.Do {
			case Plug:
				say = append(say, Message{Do: Got, Device: m.N - 1, Bytes: []byte("old")}, Message{Do: Got, Device: m.N, Bytes: []byte("new")})
			case Unplug:
				say = []Message{{N: m.N, Err: "it is stuck"}}
			case Send:
				say = []Message{{Do: Trouble, Err: "no wire"}}
			}
			for _, a := range say {
				_ = Write(outside, a)
			}
		})
	}()
	t.Cleanup(func() { inside.Close(); outside.Close(); <-ended })
	return inside
}

func TestClient(t *testing.T) {
	c, err := newClient(farSide(t))
	if err != nil {
		t.Fatal(err)
	}
	news := c.Listen()
	if _, err := c.Do(Message{Do: Plug}); err != nil {
		t.Fatal(err)
	}
	if got := <-news; string(got) != "new" {
		t.Errorf("heard %q, want what the adapter plugged in last got", got)
	}
	if _, err := c.Do(Message{Do: Unplug}); err == nil || !strings.Contains(err.Error(), "it is stuck") {
		t.Errorf("what went wrong outside: %v", err)
	}
	if err := c.Tell(Message{Do: Send}); err != nil {
		t.Fatal(err)
	}
	// The trouble comes before the next answer, on the same line: it is known to
	// the question after that at the latest.
	_, err = c.Do(Message{Do: Lit})
	if err == nil {
		_, err = c.Do(Message{Do: Lit})
	}
	if err == nil || !strings.Contains(err.Error(), "no wire") {
		t.Errorf("trouble stays unknown: %v", err)
	}
}
