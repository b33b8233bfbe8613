package kioskapp_test

import (
	"net"
	"path/filepath"
	"testing"
	"time"
)

// A kiosk that works tells the service manager so, again and again, also while
// a scanner is missing.
func TestKioskReportsProgress(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "6000000")
	r := newRig(t)
	r.start()
	if err := l.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		b := make([]byte, 64)
		n, err := l.Read(b)
		if err != nil || string(b[:n]) != "WATCHDOG=1" {
			t.Fatalf("heard %q, %v", b[:n], err)
		}
	}
}
