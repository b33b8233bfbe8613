package emulator

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

// qemu answers as QEMU's monitor does: a greeting, answers by the command's
// name, events in between. It gives the commands it was given.
func qemu(t *testing.T, answers map[string]string) (*monitor, func() []string) {
	t.Helper()
	inside, outside := net.Pipe()
	var got []string
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		fmt.Fprintln(inside, `{"QMP": {"version": {}, "capabilities": []}}`)
		in := bufio.NewScanner(inside)
		for in.Scan() {
			var q struct {
				Execute   string
				Arguments map[string]any
			}
			if err := json.Unmarshal(in.Bytes(), &q); err != nil || q.Arguments == nil {
				t.Errorf("command %s: %v", in.Text(), err)
			}
			got = append(got, q.Execute)
			for _, line := range strings.Split(answers[q.Execute], "\n") {
				fmt.Fprintln(inside, line)
			}
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	m, err := newMonitor(ctx, outside)
	if err != nil {
		t.Fatal(err)
	}
	return m, func() []string {
		m.close()
		inside.Close()
		<-ended
		return got
	}
}

func TestMonitor(t *testing.T) {
	m, end := qemu(t, map[string]string{
		"qmp_capabilities": `{"return": {}}`,
		"device_del":       `{"return": {}}` + "\n" + `{"event": "DEVICE_DELETED", "data": {"path": "/x"}}` + "\n" + `{"event": "DEVICE_DELETED", "data": {"device": "s1", "path": "/y"}}`,
		"device_add":       `{"timestamp": {}, "event": "RESET", "data": {}}` + "\n" + `{"error": {"class": "GenericError", "desc": "Duplicate device ID 's1'"}}`,
	})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := m.do(ctx, "device_del", map[string]any{"id": "s1"}); err != nil {
		t.Error(err)
	}
	if err := m.event(ctx, "DEVICE_DELETED", "s1"); err != nil {
		t.Error(err)
	}
	if _, err := m.do(ctx, "device_add", nil); err == nil || !strings.Contains(err.Error(), "device_add: Duplicate device ID 's1'") {
		t.Errorf("got %v, want QEMU's own words", err)
	}
	if got, want := end(), []string{"qmp_capabilities", "device_del", "device_add"}; !slices.Equal(got, want) {
		t.Errorf("QEMU was told %q, want %q", got, want)
	}
}

// A scanner hears beeps in any pieces, with other bytes around them.
func TestScanner(t *testing.T) {
	near, far := net.Pipe()
	s := NewScanner(far)
	go func() {
		in := bufio.NewReader(near)
		for _, beep := range []string{"\x1b7,", "xx\x1b\x1b8,", "\x1b8"} {
			if text, err := in.ReadString('\r'); err != nil || text != "CODE\r" {
				t.Errorf("the wire carried %q, %v", text, err)
			}
			for _, b := range []byte(beep) {
				near.Write([]byte{b}) // a wire that ends is the test's end
			}
		}
		near.Close()
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for _, want := range []bool{true, false} {
		if good, err := s.Scan(ctx, "CODE"); err != nil || good != want {
			t.Errorf("heard %v, %v, want %v", good, err, want)
		}
	}
	if _, err := s.Scan(ctx, "CODE"); err == nil {
		t.Error("half a beep was taken for one")
	}
	s.Close()
}
