package linktest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// Mosquitto is a real broker in a process of its own.
type Mosquitto struct {
	Addr string // host:port, the same after a restart
	tb   testing.TB
	conf string
	cmd  *exec.Cmd
}

// StartMosquitto starts Mosquitto without persistence on a free port; lines are
// added to its configuration. Where it is not installed the test is skipped, in
// CI it fails.
func StartMosquitto(tb testing.TB, lines string) *Mosquitto {
	tb.Helper()
	m := NewMosquitto(tb, lines)
	m.Start()
	return m
}

// NewMosquitto is a Mosquitto that has an address and does not run yet.
func NewMosquitto(tb testing.TB, lines string) *Mosquitto {
	tb.Helper()
	if _, err := program(); err != nil {
		if os.Getenv("CI") != "" {
			tb.Fatal("mosquitto is not installed: .ci/tools does that")
		}
		tb.Skip("mosquitto is not installed: apt-get install mosquitto")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	_ = l.Close()
	m := &Mosquitto{Addr: "127.0.0.1:" + port, tb: tb, conf: filepath.Join(tb.TempDir(), "mosquitto.conf")}
	text := fmt.Sprintf("listener %s 127.0.0.1\nallow_anonymous true\npersistence false\nset_tcp_nodelay true\nmax_inflight_messages 1000\nmax_queued_messages 0\nlog_dest none\n%s\n", port, lines)
	if err := os.WriteFile(m.conf, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(m.Kill)
	return m
}

func program() (string, error) {
	if path, err := exec.LookPath("mosquitto"); err == nil {
		return path, nil
	}
	return exec.LookPath("/usr/sbin/mosquitto")
}

// Start starts it and returns when it takes connections.
func (m *Mosquitto) Start() {
	m.tb.Helper()
	path, err := program()
	if err != nil {
		m.tb.Fatal(err)
	}
	m.cmd = exec.Command(path, "-c", m.conf)
	if err := m.cmd.Start(); err != nil {
		m.tb.Fatal(err)
	}
	limit := time.Now().Add(20 * time.Second)
	for {
		c, err := net.Dial("tcp", m.Addr)
		if err == nil {
			_ = c.Close()
			return
		}
		if time.Now().After(limit) {
			m.tb.Fatalf("mosquitto at %s takes no connections: %v", m.Addr, err)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// PID is the number of its process.
func (m *Mosquitto) PID() int { return m.cmd.Process.Pid }

// Kill ends it as a power cut does: kill -9. Nothing is left of it.
func (m *Mosquitto) Kill() {
	if m.cmd == nil {
		return
	}
	_ = m.cmd.Process.Kill()
	_ = m.cmd.Wait() // it says that it was killed
	m.cmd = nil
}
