package bench

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func newScanner(t *testing.T) *Scanner {
	t.Helper()
	s, err := NewScanner(filepath.Join(t.TempDir(), "scanner"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestScanWaitsForItsResult(t *testing.T) {
	s := newScanner(t)
	h := host(t, s.Path())
	for _, c := range []struct {
		reply string
		want  Ack
	}{{"\x1b7,", AckGood}, {"\x1b8,", AckBad}, {"\x1b\x1b9,\x1b7;\x1b8,", AckBad}} {
		type result struct {
			ack Ack
			err error
		}
		done := make(chan result)
		go func() {
			a, err := s.Scan(context.Background(), "V0A7")
			done <- result{a, err}
		}()
		wantReply(t, h, "V0A7\r")
		for i := range c.reply {
			write(t, h, c.reply[i:i+1])
		}
		if r := <-done; r.ack != c.want || r.err != nil {
			t.Errorf("%q: %v, %v; want %v", c.reply, r.ack, r.err, c.want)
		}
	}
}

func TestScanWithoutResultEndsWithItsContext(t *testing.T) {
	s := newScanner(t)
	host(t, s.Path())
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if a, err := s.Scan(ctx, "V0A7"); a != AckNone || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("scan: %v, %v", a, err)
	}
}

func TestScannerFaultBytes(t *testing.T) {
	s := newScanner(t)
	for fault, want := range map[ScannerFault]string{
		ScannerWell: "12345678\r", ScannerSilent: "", ScannerHalf: "1234",
		ScannerGarbage: "\xff\x00\x80\xff\x00\x80\xff\x00\x80\xff\x00\x80\r",
	} {
		s.SetFault(fault)
		if got := string(s.bytes("12345678")); got != want {
			t.Errorf("fault %d sends %q, want %q", fault, got, want)
		}
	}
}

func TestReplugKeepsThePath(t *testing.T) {
	s := newScanner(t)
	host(t, s.Path())
	if err := s.Unplug(); err != nil {
		t.Fatal(err)
	}
	if err := s.Send([]byte("x")); !errors.Is(err, ErrUnplugged) {
		t.Errorf("send while unplugged: %v", err)
	}
	if err := s.Unplug(); err != nil {
		t.Errorf("unplugged twice: %v", err)
	}
	if _, err := os.Lstat(s.Path()); !os.IsNotExist(err) {
		t.Errorf("path is still there: %v", err)
	}
	if err := s.Replug(); err != nil {
		t.Fatal(err)
	}
	if err := s.Replug(); err != nil {
		t.Errorf("plugged twice: %v", err)
	}
	h := host(t, s.Path())
	if err := s.Send([]byte("V0A7\r")); err != nil {
		t.Fatal(err)
	}
	wantReply(t, h, "V0A7\r")
}
